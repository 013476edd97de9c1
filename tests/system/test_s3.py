"""A whole Batch with an S3 server as the store, found by settings alone."""

import os
import tempfile
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from pipeline.media import probe_video
from tests.fakes.s3_server import ServerUnavailable
from tests.fakes.swift import swift_server
from tests.system.commands import chorus, last_object
from tests.system.conversation import presenter, recording

BUCKET = "chorus"


@pytest.fixture(scope="module")
def settings():
    """What an operator writes down to have the store in a bucket."""
    with tempfile.TemporaryDirectory(prefix="chorus-swift-") as folder:
        try:
            with swift_server(Path(folder)) as swift:
                session = boto3.Session(swift.access_key, swift.secret_key)
                options = Config(s3={"addressing_style": "path"})
                session.client(
                    "s3", endpoint_url=swift.endpoint, region_name=swift.region, config=options
                ).create_bucket(Bucket=BUCKET)
                yield {
                    "CHORUS_STORE": "s3",
                    "CHORUS_S3_ENDPOINT": swift.endpoint,
                    "CHORUS_S3_BUCKET": BUCKET,
                    "CHORUS_S3_ADDRESSING": "path",
                    "AWS_ACCESS_KEY_ID": swift.access_key,
                    "AWS_SECRET_ACCESS_KEY": swift.secret_key,
                }
        except ServerUnavailable as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))


@pytest.mark.slow
def test_a_batch_goes_through_a_bucket_and_its_zip_opens(settings, tmp_path):
    options = ["--voice", recording(tmp_path), "--out", tmp_path / "out", "--json"]
    for name in ("mira", "jonas"):
        options += ["--template", presenter(tmp_path, name)]

    done = chorus("demo", *options, data_dir=tmp_path / "data", settings=settings)
    said = last_object(done)
    with zipfile.ZipFile(said["archive"]) as archive:
        archive.extractall(tmp_path)

    assert done.returncode == 0, done.stderr
    assert said["state"] == "delivered"
    assert said["link"].startswith(f"{settings['CHORUS_S3_ENDPOINT']}/{BUCKET}/archives/")
    assert [probe_video(tmp_path / clip["name"]).frames for clip in said["clips"]] == [142, 142]
    assert not (tmp_path / "data" / "store").exists()


@pytest.mark.slow
@pytest.mark.alone
def test_packing_costs_at_most_1_1_times_the_upload_of_the_same_bytes(settings, tmp_path):
    done = chorus("bench", "pack", "--json", data_dir=tmp_path, settings=settings)

    figures = last_object(done)
    client = boto3.Session(settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]).client(
        "s3",
        endpoint_url=settings["CHORUS_S3_ENDPOINT"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    assert {check["name"]: check["ok"] for check in figures["checks"]} == {
        "pack ÷ upload": True,
        "pack ÷ upload, videos of others": True,
        "memory, MiB above idle": True,
        "usual way ÷ ours": True,
    }
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET, Prefix="archives/bench-")


@pytest.mark.slow
def test_packing_without_a_bucket_is_refused_with_what_to_set(tmp_path):
    done = chorus("bench", "pack", "--json", data_dir=tmp_path)

    assert done.returncode == 1
    assert "CHORUS_S3_BUCKET" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CHORUS_S3_BUCKET", "nobodys", ["nobodys", "CHORUS_S3_BUCKET"]),
        ("AWS_SECRET_ACCESS_KEY", "wrong", ["signature", "AWS_SECRET_ACCESS_KEY"]),
        ("CHORUS_S3_ENDPOINT", "http://127.0.0.1:9", ["does not answer", "CHORUS_S3_ENDPOINT"]),
    ],
)
def test_what_is_wrong_with_the_store_is_named_by_the_doctor(settings, tmp_path, name, value, says):
    done = chorus("check", "--json", data_dir=tmp_path, settings={**settings, name: value})

    store = next(each for each in last_object(done)["checks"] if each["name"] == "store")
    assert done.returncode == 1
    for word in says:
        assert word in store["detail"]
