"""Bytes that change on their way into the store, against a real S3 server behind a wire that turns one."""

import os

import pytest
from botocore.exceptions import ClientError

from adapters.stores.s3 import S3Store
from tests.adapters.s3_things import BUCKET, emptied, session_of
from tests.fakes.wire import Wire
from worker.contract.ports import ObjectMissing, StoreUnavailable

PART = 8 << 20
LARGE = os.urandom(2 * PART + 5)
KEY = "clips/b/001.mp4"


@pytest.fixture
async def wire(swift):
    async with Wire(swift.endpoint) as wire:
        yield wire


@pytest.fixture(params=[False, True], ids=["as it is", "as over TLS"])
async def store(swift, wire, monkeypatch, request):
    """Over TLS the library signs no bytes, so that only the checksum tells."""
    store = S3Store(BUCKET, endpoint=wire.url, addressing="path", session=session_of(swift))
    if request.param:
        store._call.client.meta.config.s3["payload_signing_enabled"] = False
    yield store
    await emptied(store, swift)


def spoils(wire: Wire, *attempts: int) -> list[int]:
    """These of the bodies that come for the second part, or for a small object; returns what was sent of it."""
    seen: list[int] = []

    def spoiling(asked):
        if asked.method != "PUT" or asked.part not in {None, 2}:
            return False
        seen.append(len(seen))
        return seen[-1] in attempts

    wire.spoils = spoiling
    return seen


@pytest.mark.parametrize("content", [LARGE, b"a small object"], ids=["parts", "small"])
async def test_what_changed_on_the_way_is_sent_again(store, wire, content, tmp_path):
    (tmp_path / "source").write_bytes(content)
    seen = spoils(wire, 0, 1)

    await store.put_file(KEY, tmp_path / "source")

    assert len(seen) == 3
    assert await store.get_bytes(KEY) == content


@pytest.mark.parametrize("content", [LARGE, b"a small object"], ids=["parts", "small"])
async def test_what_changes_every_time_is_never_stored(store, wire, content, tmp_path):
    (tmp_path / "source").write_bytes(content)
    spoils(wire, *range(100))

    with pytest.raises(StoreUnavailable, match="other bytes than were sent"):
        await store.put_file(KEY, tmp_path / "source")

    with pytest.raises(ObjectMissing):
        await store.stat(KEY)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_store_that_keeps_other_bytes_is_found_out(store, monkeypatch, encrypted):
    """Unless it encrypts with a key of its own: then its tag is no MD5 of ours."""
    put, tags = store._call.client.put_object, []

    def another(**asking):
        tags.append(asking["Key"])
        encryption = {"ServerSideEncryption": "aws:kms"} if encrypted else {}
        return {**put(**asking), "ETag": '"00000000000000000000000000000000"', **encryption}

    monkeypatch.setattr(store._call.client, "put_object", another)

    if encrypted:
        await store.put_bytes(KEY, b"{}")
    else:
        with pytest.raises(StoreUnavailable, match="other bytes than were sent"):
            await store.put_bytes(KEY, b"{}")
    assert len(tags) == (1 if encrypted else 3)


async def test_a_store_that_refuses_is_not_asked_again_and_again(store, monkeypatch):
    asked = []

    def refuse(**asking):
        asked.append(asking)
        answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, "PutObject")

    monkeypatch.setattr(store._call.client, "put_object", refuse)

    with pytest.raises(StoreUnavailable, match="refuses us"):
        await store.put_bytes(KEY, b"{}")
    assert len(asked) == 1
