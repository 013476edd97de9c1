"""Uploads that break off, against a real S3 server behind a wire that goes wrong."""

import asyncio
import hashlib
import io
import os
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from adapters.stores.s3 import S3Store
from tests.adapters.s3_things import BUCKET, client_of, emptied, session_of, store_of, with_clips
from tests.fakes.wire import Wire, never
from worker.contract.ports import StoreRefused, StoreUnavailable
from worker.patience import insist

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PART = 8 << 20
LARGE = os.urandom(6 * PART)
KEY = "archives/b/1.zip"
ROOT = Path(__file__).parents[2]
SLEEP = time.sleep


@pytest.fixture
async def wire(swift):
    async with Wire(swift.endpoint) as wire:
        yield wire


@pytest.fixture
async def store(swift, wire):
    store = S3Store(BUCKET, endpoint=wire.url, addressing="path", session=session_of(swift))
    yield store
    await emptied(store, swift)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """The library waits between its tries."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(LARGE)
    return path


def unfinished(swift) -> list:
    return client_of(swift).list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


def goes_down_at(wire: Wire, number: int) -> None:
    """From the middle of this part on nothing gets through; those before it have, and those behind it have not."""

    def waits(asked):
        if wire.is_down or asked.part is None or asked.part < number:
            return False
        return asked.part > number or not {*range(1, number)} <= {*wire.parts}

    def breaks(asked):
        wire.is_down = wire.is_down or asked.part == number
        return asked.part == number

    wire.waits, wire.breaks = waits, breaks


def mended(wire: Wire) -> None:
    wire.waits, wire.breaks, wire.is_down = never, never, False
    wire.passed.clear()


async def stored(store: S3Store, key: str = KEY) -> str:
    return hashlib.sha256(await store.get_bytes(key)).hexdigest()


async def test_an_upload_that_broke_off_goes_on_with_the_parts_that_are_missing(
    store, swift, wire, source
):
    goes_down_at(wire, 4)
    with pytest.raises(StoreUnavailable):
        await store.put_file(KEY, source)
    first = wire.parts
    mended(wire)

    await store.put_file(KEY, source)

    assert sorted(first) == [1, 2, 3]
    assert sorted(wire.parts) == [4, 5, 6]
    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()
    assert unfinished(swift) == []


@pytest.mark.slow
async def test_a_store_that_is_away_for_a_minute_in_the_middle_of_a_part_gets_each_part_once(
    store, swift, wire, source, monkeypatch
):
    monkeypatch.setattr("time.sleep", SLEEP)
    goes_down_at(wire, 4)
    tries, began = 0, time.monotonic()

    async def put() -> None:
        nonlocal tries
        tries += 1
        await store.put_file(KEY, source)

    async def come_back() -> int:
        while not wire.is_down:
            await asyncio.sleep(0.01)
        before = tries
        await asyncio.sleep(60)
        wire.waits, wire.breaks, wire.is_down = never, never, False
        return before

    before, _ = await asyncio.gather(come_back(), insist("an archive", put, asyncio.Event()))

    assert time.monotonic() - began > 60
    assert (before, tries > 1) == (1, True)
    assert sorted(wire.parts) == [1, 2, 3, 4, 5, 6]
    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()
    assert unfinished(swift) == []


async def test_other_content_under_the_same_key_is_sent_whole(store, wire, source):
    goes_down_at(wire, 4)
    with pytest.raises(StoreUnavailable):
        await store.put_file(KEY, source)
    mended(wire)
    other = os.urandom(len(LARGE))
    source.write_bytes(other)

    await store.put_file(KEY, source)

    assert sorted(wire.parts) == [1, 2, 3, 4, 5, 6]
    assert await stored(store) == hashlib.sha256(other).hexdigest()


async def test_shorter_content_under_the_same_key_leaves_the_rest_out(store, wire, source):
    goes_down_at(wire, 6)
    with pytest.raises(StoreUnavailable):
        await store.put_file(KEY, source)
    mended(wire)
    source.write_bytes(LARGE[: 3 * PART - 5])

    await store.put_file(KEY, source)

    assert wire.parts == [3]
    assert await stored(store) == hashlib.sha256(LARGE[: 3 * PART - 5]).hexdigest()


UPLOADER = """
import asyncio, sys
from pathlib import Path
import boto3
from adapters.stores.s3 import S3Store
bucket, endpoint, user, secret, key, path = sys.argv[1:]
store = S3Store(bucket, endpoint=endpoint, addressing="path", session=boto3.Session(user, secret))
asyncio.run(store.put_file(key, Path(path)))
"""


async def test_what_a_killed_process_sent_is_not_sent_again(store, swift, wire, source):
    dead = asyncio.Event()
    goes_down_at(wire, 4)
    breaks = wire.breaks

    def kills(asked):
        if asked.part == 4:
            child.kill()
            dead.set()
        return breaks(asked)

    wire.breaks = kills
    told = (BUCKET, wire.url, swift.access_key, swift.secret_key, KEY, str(source))
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", UPLOADER, *told, cwd=ROOT)
    await child.wait()
    assert dead.is_set()
    first = wire.parts
    mended(wire)

    await store.put_file(KEY, source)

    assert sorted(first) == [1, 2, 3]
    assert sorted(wire.parts) == [4, 5, 6]
    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()


async def test_an_archive_that_broke_off_goes_on_too(store, wire, tmp_path):
    entries = await with_clips(store, LARGE[: 2 * PART], LARGE[2 * PART :])
    near = {entry.key: tmp_path / entry.name for entry in entries if entry.key is not None}
    for path, clip in zip(near.values(), (LARGE[: 2 * PART], LARGE[2 * PART :]), strict=True):
        path.write_bytes(clip)
    with store._uploads.rates.copying(1):  # slow, so that all of it is sent
        await asyncio.sleep(0.01)
    with store._uploads.rates.sending(1 << 20):
        pass
    mended(wire)
    goes_down_at(wire, 5)
    with pytest.raises(StoreUnavailable):
        await store.put_archive(KEY, entries, MOMENT, near)
    first = wire.parts
    mended(wire)
    another = S3Store(BUCKET, endpoint=wire.url, addressing="path", session=store._session)

    size_bytes = await another.put_archive(KEY, entries, MOMENT, near)  # it knows no rates yet
    await another.close()

    assert sorted(first) == [1, 2, 3, 4]
    assert sorted(wire.parts) == [5, 6, 7]
    with zipfile.ZipFile(io.BytesIO(await store.get_bytes(KEY))) as archive:
        assert archive.testzip() is None
    assert (await store.stat(KEY)).size_bytes == size_bytes


async def test_two_that_send_the_same_both_come_to_an_end(store, swift, wire, source):
    """A worker whose lease lapsed goes on beside its heir; whoever comes last finds the object there.

    Or it is refused a part of an upload that the other has ended, and finds the object at its next try, which workers always make.
    """
    another = S3Store(BUCKET, endpoint=wire.url, addressing="path", session=store._session)
    goes_down_at(wire, 4)
    with pytest.raises(StoreUnavailable):
        await store.put_file(KEY, source)
    mended(wire)

    await asyncio.gather(
        *(
            insist("a clip", partial(each.put_file, KEY, source), asyncio.Event())
            for each in (store, another)
        )
    )
    await another.close()

    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()


def in_parts(content: bytes, gate: asyncio.Event, before: int) -> AsyncIterator[bytes]:
    """All parts of it; with one of them waits for the gate."""

    async def chunks():
        for start in range(0, len(content), PART):
            if start == before * PART:
                await gate.wait()
            yield content[start : start + PART]

    return chunks()


async def until_stand(swift, parts: set[int]) -> None:
    client, place = client_of(swift), {"Bucket": BUCKET}

    def standing() -> list[set[int]]:
        uploads = client.list_multipart_uploads(**place).get("Uploads", [])
        lists = [
            client.list_parts(**place, Key=KEY, UploadId=upload["UploadId"]).get("Parts", [])
            for upload in uploads
        ]
        return [{part["PartNumber"] for part in each} for each in lists]

    async with asyncio.timeout(120):
        while parts not in await asyncio.to_thread(standing):
            await asyncio.sleep(0.05)


async def test_an_upload_that_somebody_aborted_is_no_refusal_and_is_begun_anew(store, swift):
    content, goes_on = LARGE[: 2 * PART + 5], asyncio.Event()
    sending = asyncio.create_task(
        store.put_stream(KEY, in_parts(content, goes_on, 1), len(content))
    )
    await until_stand(swift, {1})
    for upload in unfinished(swift):
        client_of(swift).abort_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload["UploadId"])
    goes_on.set()

    with pytest.raises(StoreUnavailable, match="ended meanwhile") as gone:
        await sending
    assert not isinstance(gone.value, StoreRefused)

    await store.put_stream(KEY, in_parts(content, goes_on, 1), len(content))
    assert await stored(store) == hashlib.sha256(content).hexdigest()


async def test_whoever_is_cancelled_leaves_an_upload_to_another_who_sends_it_too(store, swift):
    """The lease of the first was lost; the second has found the upload and goes on with it."""
    another, content = store_of(swift), LARGE[: 3 * PART + 5]
    never, goes_on = asyncio.Event(), asyncio.Event()

    first = asyncio.create_task(store.put_stream(KEY, in_parts(content, never, 1), len(content)))
    await until_stand(swift, {1})
    second = asyncio.create_task(
        another.put_stream(KEY, in_parts(content, goes_on, 2), len(content))
    )
    await until_stand(swift, {1, 2})

    first.cancel()
    await asyncio.wait([first])
    goes_on.set()
    await second
    await another.close()

    assert first.cancelled()
    assert await stored(store) == hashlib.sha256(content).hexdigest()


async def test_an_upload_whose_end_was_not_heard_of_has_ended_all_the_same(
    store, monkeypatch, source
):
    finish = store._call.client.complete_multipart_upload

    def answer_lost(**asking):
        finish(**asking)
        answer = {"Error": {"Code": "NoSuchUpload"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
        raise ClientError(answer, "CompleteMultipartUpload")

    monkeypatch.setattr(store._call.client, "complete_multipart_upload", answer_lost)

    await store.put_file(KEY, source)

    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()


async def test_a_store_that_does_not_tell_its_uploads_is_sent_everything(
    store, monkeypatch, source
):
    def refuse(**asking):
        answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, "ListMultipartUploads")

    monkeypatch.setattr(store._call.client, "list_multipart_uploads", refuse)

    await store.put_file(KEY, source)

    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()


async def test_a_store_that_is_away_for_long_is_waited_for(store, wire, source):
    """Away past the library's own tries, twice, from the middle of a part on."""
    goes_down_at(wire, 4)
    sent: list[int] = []

    async def put():
        try:
            await store.put_file(KEY, source)
        except StoreUnavailable:
            sent.extend(wire.parts)
            wire.passed.clear()
            outages.append(1)
            if len(outages) == 2:
                mended(wire)
            raise

    outages: list[int] = []
    await insist("an archive", put, asyncio.Event())

    assert len(outages) == 2
    assert sorted(sent + wire.parts) == [1, 2, 3, 4, 5, 6]
    assert await stored(store) == hashlib.sha256(LARGE).hexdigest()
