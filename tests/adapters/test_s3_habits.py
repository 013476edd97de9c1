"""How the S3 store behaves towards the store and the log: host names, how much at once, nothing secret."""

import asyncio
import logging
import os
import threading
from urllib.parse import urlsplit

import boto3
import pytest

from adapters.stores.s3 import S3Store
from config.cli.bench_pack import PackFigures, bench_pack
from config.settings import Settings
from tests.adapters.s3_things import BUCKET, store_of, stream
from worker.contract.ports import StoreUnavailable

PART = 8 << 20


@pytest.fixture
def store(swift_store):
    return swift_store


@pytest.mark.parametrize(
    ("addressing", "endpoint", "place"),
    [
        ("virtual", "https://s3.example.com", "chorus.s3.example.com/clips/b/1.mp4"),
        ("path", "https://s3.example.com", "s3.example.com/chorus/clips/b/1.mp4"),
        ("virtual", None, "chorus.s3.amazonaws.com/clips/b/1.mp4"),
    ],
)
async def test_the_bucket_stands_where_the_operator_wants_it(addressing, endpoint, place):
    session = boto3.Session("key", "secret")
    store = S3Store(BUCKET, endpoint=endpoint, addressing=addressing, session=session)

    url = urlsplit((await store.sign("clips/b/1.mp4", 60, "a.mp4")).url)
    await store.close()

    assert f"{url.netloc}{url.path}" == place


async def test_three_uploads_are_under_way_and_never_more(store, monkeypatch):
    lock, three = threading.Lock(), threading.Event()
    now = most = 0

    def watched(call):
        def send(**asking):
            nonlocal now, most
            with lock:
                now, most = now + 1, max(most, now + 1)
                if now == 3:
                    three.set()
            three.wait(60)
            try:
                return call(**asking)
            finally:
                with lock:
                    now -= 1

        return send

    for name in ("upload_part", "put_object"):
        call = getattr(store._call.client, name)
        monkeypatch.setattr(store._call.client, name, watched(call))
    content = os.urandom(2 * PART + 1)

    await asyncio.gather(
        *(store.put_stream(f"clips/b/{n}.mp4", stream(content), len(content)) for n in range(2)),
        *(store.put_bytes(f"batches/{n}.json", b"{}") for n in range(6)),
    )

    assert most == 3


async def test_nothing_secret_is_logged(store, swift, caplog):
    content, wrong = os.urandom(2 * PART), os.urandom(8).hex()
    with caplog.at_level(logging.INFO):
        await store.put_stream("clips/b/1.mp4", stream(content), len(content))
        link = (await store.sign("clips/b/1.mp4", 60, "a.mp4")).url
        stranger = store_of(swift, secret=wrong)
        with pytest.raises(StoreUnavailable) as outage:
            await stranger.put_stream("clips/b/2.mp4", stream(content), len(content))
        await stranger.close()
    told = f"{caplog.text} {outage.value}"

    for secret in (swift.secret_key, swift.access_key, wrong, "Signature="):
        assert secret not in told
    assert link not in told


def test_the_usual_way_is_judged_like_with_like():
    figures = PackFigures(
        upload_s=[10.0], pack_s=[10.0], far_s=[20.0], usual_s=[30.0], fetch_s=[10.0]
    )

    assert (figures.ratio, figures.far_ratio) == (1.0, 2.0)
    assert figures.faster == 3.0  # both had the videos
    assert figures.far_faster == 2.0  # both had to get them


def test_packing_is_measured_with_the_local_store_too(tmp_path):
    settings = Settings(data_dir=tmp_path, _env_file=None)

    figures = bench_pack(settings, "local", clips=2, clip_bytes=200_000, pairs=1)

    assert figures.archive_bytes > 400_000
    assert figures.ratio > 0
    assert len(figures.usual_s) == len(figures.fetch_s) == len(figures.pack_s) == 1
    assert -1 < figures.saved_percent < 1
    assert [path.name for path in tmp_path.iterdir()] == []
