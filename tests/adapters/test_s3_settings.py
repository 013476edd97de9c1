"""Settings with which nothing can be asked of a store: each is a sentence, at the start and by the doctor."""

import os

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    LoginRefreshRequired,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from adapters.stores.s3_errors import in_our_words
from config.cli.check import _examine
from config.cli.check_links import examine_links
from config.settings import Settings, SettingsRefused, load_settings
from config.wiring import make_store
from worker.contract.ports import StoreUnavailable
from worker.contract.tokens import TokenCodec

CODEC = TokenCodec(b"a secret of tests only, long enough")
PROFILES = """
[profile fails]
credential_process = /bin/false
[profile half]
role_arn = arn:aws:iam::1:role/x
"""


@pytest.fixture(autouse=True)
def profiles(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("AWS_", "CHORUS_")):
            monkeypatch.delenv(name)
    (tmp_path / "config").write_text(PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


def cloud(**more) -> Settings:
    return Settings(store="s3", s3_bucket="chorus", _env_file=None, **more)


WRONG_PROFILES = [
    ("nope", "nope", "check AWS_PROFILE"),
    ("fails", "cannot be fetched", "check the profile or role"),
    ("half", "source_profile", "what the profile says"),
]


@pytest.mark.parametrize(("profile", "says", "todo"), WRONG_PROFILES)
async def test_a_profile_that_gives_no_credentials_is_refused_at_the_start(
    monkeypatch, profile, says, todo
):
    monkeypatch.setenv("AWS_PROFILE", profile)

    with pytest.raises(SettingsRefused) as refused:
        make_store(cloud(), CODEC, str)

    assert says in str(refused.value)
    assert todo in str(refused.value)


@pytest.mark.parametrize(("profile", "says", "todo"), WRONG_PROFILES)
async def test_the_doctor_says_why_links_cannot_be_signed(monkeypatch, profile, says, todo):
    monkeypatch.setenv("AWS_PROFILE", profile)

    (found,) = await examine_links(cloud())

    assert found.ok is False
    assert says in found.detail
    assert todo in found.detail


async def test_the_doctor_goes_on_where_the_store_cannot_be_set_up(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_PROFILE", "nope")

    found = {each.name: each for each in await _examine(cloud(data_dir=tmp_path / "d"))}

    assert found["store"].ok is False
    assert "AWS_PROFILE" in found["store"].detail
    assert found["redis"].ok is True
    assert {"engine", "label", "words", "devices", "telegram", "wecom"} <= set(found)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"s3_endpoint": "http://my_host:9000"}, "CHORUS_S3_ENDPOINT"),
        ({"s3_region": "My Region"}, "CHORUS_S3_REGION"),
    ],
)
def test_an_address_that_the_library_cannot_use_is_refused_at_the_start(wrong, says):
    with pytest.raises(SettingsRefused, match=says):
        make_store(cloud(**wrong), CODEC, str)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_ENDPOINT", "minio:9000"),
        ("S3_ENDPOINT", "http://anna:geheim@minio"),
        ("S3_BUCKET", "My Bucket"),
        ("S3_BUCKET", "s3://chorus"),
        ("S3_COLD_DAYS", "29"),
    ],
)
def test_a_store_setting_that_cannot_be_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(f"CHORUS_{name}", value)

    with pytest.raises(SettingsRefused, match=f"CHORUS_{name}: ") as refused:
        load_settings()

    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_ENDPOINT", "http://127.0.0.1:9000/"),
        ("S3_ENDPOINT", "https://s3.example.com/tenant"),
        ("S3_BUCKET", "my-bucket.of_1999"),
        ("S3_BUCKET", "arn:aws:s3:eu-west-1:123456789012:accesspoint/chorus"),
        ("S3_COLD_DAYS", "30"),
    ],
)
def test_usual_store_settings_are_taken(monkeypatch, name, value):
    monkeypatch.setenv(f"CHORUS_{name}", value)

    assert str(getattr(load_settings(), name.lower())) == value


@pytest.mark.parametrize(
    "ended",
    [
        UnauthorizedSSOTokenError(),
        SSOTokenLoadError(error_msg="no token"),
        TokenRetrievalError(provider="sso", error_msg="it has expired"),
        LoginRefreshRequired(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_login_that_ended_is_told_with_how_to_log_in(ended: BotoCoreError):
    with pytest.raises(StoreUnavailable) as outage, in_our_words("chorus"):
        raise ended

    assert "has ended" in str(outage.value)
    assert "aws sso login" in str(outage.value)
    assert "S3_ENDPOINT" not in str(outage.value)


def test_a_profile_with_whole_credentials_is_used(monkeypatch, tmp_path):
    (tmp_path / "config").write_text(
        "[profile good]\naws_access_key_id = AKONE\naws_secret_access_key = s\nregion = eu-north-1\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "good")

    store = make_store(cloud(), CODEC, str)

    assert store._session.get_credentials().access_key == "AKONE"
    assert store._call.client.meta.region_name == "eu-north-1"
    assert boto3.Session().profile_name == "good"
