"""The S3 store against a real S3 server: OpenStack Swift, on this machine."""

import asyncio
import contextlib
import hashlib
import io
import os
import socket
import tempfile
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import botocore.exceptions
import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError, UndefinedModelAttributeError

from adapters.stores import s3_lifecycle
from adapters.stores.s3 import S3Store, part_size
from adapters.stores.s3_errors import in_our_words
from tests.adapters.s3_things import BUCKET, client_of, session_of, store_of
from tests.fakes.swift import SwiftUnavailable, swift_server
from worker.contract.ports import ArchiveEntry, ObjectMissing, ObjectStore, StoreUnavailable
from worker.contract.virtual_zip import VirtualZip

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LARGE = os.urandom(20 << 20)  # three parts of an upload


@pytest.fixture(scope="session")
def swift():
    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="chorus-swift-"))
        try:
            server = running.enter_context(swift_server(Path(folder)))
        except SwiftUnavailable as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))
        client_of(server).create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture
async def store(swift):
    store = store_of(swift)
    yield store
    async for facts in store.list(""):
        await store.delete(facts.key)
    await store.close()


@pytest.fixture
async def web():
    async with aiohttp.ClientSession() as session:
        yield session


async def fetch(web, url, **headers):
    async with web.get(url, headers=headers) as response:
        return response.status, response.headers, await response.read()


async def stream(content: bytes, chunk_bytes: int = 700_000):
    for start in range(0, len(content), chunk_bytes):
        yield content[start : start + chunk_bytes]


async def read(store: S3Store, key: str, start: int, size_bytes: int) -> bytes:
    return b"".join([chunk async for chunk in store.open_range(key, start, size_bytes)])


def test_it_is_an_object_store():
    _: type[ObjectStore] = S3Store


async def test_small_objects_come_back_as_they_were_put(store, tmp_path):
    (tmp_path / "in.mp4").write_bytes(b"video")

    await store.put_bytes("batches/b.json", b"{}")
    await store.put_file("clips/b/001.mp4", tmp_path / "in.mp4", "video/mp4")
    await store.put_stream("takes/t/source", stream(b"voice"), 5)
    await store.put_bytes("batches/b.json", b"[]")

    assert await store.get_bytes("batches/b.json") == b"[]"
    assert await store.get_bytes("takes/t/source") == b"voice"
    assert (await store.stat("clips/b/001.mp4")).size_bytes == 5
    assert (await store.stat("clips/b/001.mp4")).modified_at.tzinfo is UTC
    assert [facts.key async for facts in store.list("")] == [
        "batches/b.json",
        "clips/b/001.mp4",
        "takes/t/source",
    ]
    assert [facts.key async for facts in store.list("clips/b")] == ["clips/b/001.mp4"]


async def test_large_files_go_up_in_parts_and_come_back_whole(store, swift, tmp_path):
    (tmp_path / "in.mp4").write_bytes(LARGE)

    await store.put_file("clips/b/001.mp4", tmp_path / "in.mp4", "video/mp4")
    await store.get_file("clips/b/001.mp4", tmp_path / "out.mp4")

    facts = client_of(swift).head_object(Bucket=BUCKET, Key="clips/b/001.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == LARGE
    assert facts["ETag"].endswith('-3"')
    assert facts["ContentType"] == "video/mp4"
    assert await read(store, "clips/b/001.mp4", 2_097_150, 2_097_160) == LARGE[2_097_150:4_194_310]


async def test_a_stream_of_another_size_than_said_leaves_neither_object_nor_parts(store, swift):
    for said in (len(LARGE) - 1, len(LARGE) + 1):
        with pytest.raises(ValueError, match="bytes long"):
            await store.put_stream("takes/t/source", stream(LARGE), said)

    with pytest.raises(ObjectMissing, match="takes/t/source"):
        await store.stat("takes/t/source")
    assert "Uploads" not in client_of(swift).list_multipart_uploads(Bucket=BUCKET)


async def test_a_cancelled_upload_is_aborted_and_its_slots_are_free_again(store, swift):
    sent = asyncio.Event()

    async def stalls():
        async for chunk in stream(LARGE):
            yield chunk
        sent.set()
        await asyncio.Event().wait()

    for _ in range(4):  # more often than there are slots
        sent.clear()
        task = asyncio.create_task(store.put_stream("takes/t/source", stalls(), len(LARGE) + 1))
        await sent.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    assert "Uploads" not in client_of(swift).list_multipart_uploads(Bucket=BUCKET)
    await store.put_stream("takes/t/source", stream(LARGE), len(LARGE))
    assert (await store.stat("takes/t/source")).size_bytes == len(LARGE)


async def test_what_is_not_there_is_told_missing_by_its_key(store, tmp_path):
    for call in (
        store.get_bytes("clips/b/009.mp4"),
        store.stat("clips/b/009.mp4"),
        store.get_file("clips/b/009.mp4", tmp_path / "out"),
        read(store, "clips/b/009.mp4", 0, 1),
    ):
        with pytest.raises(ObjectMissing, match=r"clips/b/009\.mp4"):
            await call
    await store.delete("clips/b/009.mp4")
    assert list(tmp_path.iterdir()) == []


async def test_a_range_outside_the_object_is_refused(store):
    await store.put_bytes("clips/b/001.mp4", b"12345")

    assert await read(store, "clips/b/001.mp4", 5, 0) == b""
    for start, size_bytes in ((4, 2), (5, 1), (-1, 1)):
        with pytest.raises(ValueError, match=r"outside|no range"):
            await read(store, "clips/b/001.mp4", start, size_bytes)


async def with_clips(store: S3Store, *contents: bytes) -> list[ArchiveEntry]:
    entries = [ArchiveEntry("manifest.json", 2, zlib.crc32(b"{}"), content=b"{}")]
    for number, content in enumerate(contents, 1):
        key = f"clips/b/{number:03d}.mp4"
        await store.put_stream(key, stream(content), len(content))
        name = f"output_{number:03d}_主持人.mp4"
        entries.append(ArchiveEntry(name, len(content), zlib.crc32(content), key=key))
    return entries


async def test_an_archive_in_the_store_has_the_bytes_of_the_virtual_one(store, web):
    clips = {"clips/b/001.mp4": LARGE, "clips/b/002.mp4": b"", "clips/b/003.mp4": LARGE[:5_000_000]}
    entries = await with_clips(store, *clips.values())

    size_bytes = await store.put_archive("archives/b/1.zip", entries, MOMENT)

    virtual = VirtualZip(entries, MOMENT)
    expected = b"".join(
        piece.content if piece.content is not None else clips[piece.key]
        for piece in virtual.segments
    )
    url = await store.sign("archives/b/1.zip", 60, "a.zip")
    status, headers, body = await fetch(web, url)
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    assert hashlib.sha256(body).digest() == hashlib.sha256(expected).digest()
    assert size_bytes == virtual.size_bytes == len(body)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None


async def test_an_archive_of_clips_on_this_disk_fetches_nothing(store, monkeypatch, tmp_path):
    entries = await with_clips(store, LARGE, LARGE[:5_000_000])
    near = {"clips/b/001.mp4": tmp_path / "1", "clips/b/002.mp4": tmp_path / "2"}
    near["clips/b/001.mp4"].write_bytes(LARGE)
    near["clips/b/002.mp4"].write_bytes(LARGE[:5_000_000])
    with store._rates.copying(1):  # which has shown itself to be slow
        await asyncio.sleep(0.01)
    with store._rates.sending(1 << 20):
        pass
    moved, fetched = counted(store, monkeypatch), []
    monkeypatch.setattr(store, "_get", lambda key, span: fetched.append(key))

    size_bytes = await store.put_archive("archives/b/1.zip", entries, MOMENT, near)

    monkeypatch.undo()
    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/1.zip"))) as archive:
        assert archive.testzip() is None
    assert (moved, fetched) == ({"sent": size_bytes, "copied": 0}, [])


async def test_a_clip_that_is_no_longer_on_this_disk_is_fetched(store, tmp_path):
    entries = await with_clips(store, LARGE[:3_000_000], LARGE[:5_000_000])
    (tmp_path / "cut").write_bytes(LARGE[:10])
    near = {"clips/b/001.mp4": tmp_path / "gone", "clips/b/002.mp4": tmp_path / "cut"}

    await store.put_archive("archives/b/1.zip", entries, MOMENT, near)

    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/1.zip"))) as archive:
        assert archive.testzip() is None


def counted(store: S3Store, monkeypatch) -> dict[str, int]:
    """Bytes that parts of uploads and reads carry from now on."""
    moved = {"sent": 0, "copied": 0}
    upload, copy = store._upload_part, store._copy_part

    def sent(place, content):
        moved["sent"] += len(content)
        return upload(place, content)

    def copied(place, part):
        moved["copied"] += part.size_bytes
        return copy(place, part)

    monkeypatch.setattr(store, "_upload_part", sent)
    monkeypatch.setattr(store, "_copy_part", copied)
    return moved


async def test_the_store_copies_most_of_an_archive_by_itself(store, monkeypatch):
    clips = (LARGE, LARGE[:5_000_000], LARGE[:9_000_000])
    entries = await with_clips(store, *clips)
    moved = counted(store, monkeypatch)

    size_bytes = await store.put_archive("archives/b/1.zip", entries, MOMENT)

    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/1.zip"))) as archive:
        assert archive.testzip() is None
    assert moved["sent"] + moved["copied"] == size_bytes
    assert moved["copied"] > 0.6 * size_bytes


@pytest.mark.parametrize("code", ["NotImplemented", None])
async def test_a_store_that_copies_nothing_is_sent_the_whole_archive(
    store, monkeypatch, code, swift
):
    entries = await with_clips(store, LARGE)
    asked = []

    def refuse(**asking):
        asked.append(asking)
        if code is None:
            return {"CopyPartResult": {}}
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 501}}
        raise ClientError(answer, "UploadPartCopy")

    monkeypatch.setattr(store._client, "upload_part_copy", refuse)
    for round_ in (1, 2):
        await store.put_archive(f"archives/b/{round_}.zip", entries, MOMENT)

    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/2.zip"))) as archive:
        assert archive.testzip() is None
    assert len(asked) == 1
    assert "Uploads" not in client_of(swift).list_multipart_uploads(Bucket=BUCKET)


async def test_an_archive_is_made_in_flat_memory(store, monkeypatch):
    monkeypatch.setattr(store, "_copies", False)
    content = LARGE * 5
    entries = await with_clips(store, content)
    process = psutil.Process()
    idle, peak = process.memory_info().rss, 0
    packing = asyncio.create_task(store.put_archive("archives/b/1.zip", entries, MOMENT))
    while not packing.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait([packing], timeout=0.02)

    assert await packing > len(content)
    assert peak - idle < 64 << 20


async def test_an_archive_of_a_missing_or_changed_clip_is_refused_by_its_key(store):
    entries = await with_clips(store, b"first", b"second")
    await store.put_bytes("clips/b/001.mp4", b"changed")

    with pytest.raises(ObjectMissing, match=r"clips/b/001\.mp4"):
        await store.put_archive("archives/b/1.zip", entries, MOMENT)
    await store.put_bytes("clips/b/001.mp4", b"first")
    await store.delete("clips/b/002.mp4")
    with pytest.raises(ObjectMissing, match=r"clips/b/002\.mp4"):
        await store.put_archive("archives/b/1.zip", entries, MOMENT)
    assert [facts.key async for facts in store.list("archives/")] == []


async def test_a_link_downloads_under_its_name_and_goes_on_where_it_broke_off(store, web):
    await store.put_bytes("clips/b/001.mp4", LARGE)
    url = await store.sign("clips/b/001.mp4", 60, "合唱.mp4")
    async with web.get(url) as response:
        half = await response.content.readexactly(len(LARGE) // 2)
        disposition = response.headers["Content-Disposition"]
        response.close()

    status, _, rest = await fetch(web, url, Range=f"bytes={len(half)}-")

    assert status == 206
    assert hashlib.sha256(half + rest).digest() == hashlib.sha256(LARGE).digest()
    assert disposition == "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E5%90%88%E5%94%B1.mp4"


async def test_a_forged_link_is_refused(store, web, swift):
    await store.put_bytes("clips/b/001.mp4", b"video")
    await store.put_bytes("clips/b/002.mp4", b"secret")
    url = await store.sign("clips/b/001.mp4", 60, "a.mp4")
    stranger = store_of(swift, secret=os.urandom(8).hex())

    for forged in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("001.mp4", "002.mp4"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        await stranger.sign("clips/b/001.mp4", 60, "a.mp4"),
    ):
        assert forged != url
        assert (await fetch(web, forged))[0] == 403
    await stranger.close()


async def test_a_link_ends(store, web):
    await store.put_bytes("clips/b/001.mp4", b"video")
    url = await store.sign("clips/b/001.mp4", 1, "a.mp4")
    before, _, _ = await fetch(web, url)

    async with asyncio.timeout(10):
        while (status := (await fetch(web, url))[0]) == 200:
            await asyncio.sleep(0.1)

    assert (before, status) == (200, 403)


@pytest.mark.parametrize("lifetime_s", [0, -1, 7 * 86_400 + 1])
async def test_a_lifetime_that_cannot_be_signed_is_refused(store, lifetime_s):
    with pytest.raises(ValueError, match="604800"):
        await store.sign("clips/b/001.mp4", lifetime_s, "a.mp4")


async def test_a_wrong_key_and_a_wrong_bucket_are_outages_that_say_so(swift):
    stranger, lost = store_of(swift, secret=os.urandom(8).hex()), store_of(swift, bucket="nowhere")

    with pytest.raises(StoreUnavailable, match="does not accept our signature"):
        await stranger.put_bytes("clips/b/001.mp4", b"x")
    with pytest.raises(StoreUnavailable, match="refuses us"):
        await stranger.stat("clips/b/001.mp4")
    with pytest.raises(StoreUnavailable, match=r"no such bucket.*nowhere"):
        await lost.get_bytes("clips/b/001.mp4")
    for store in (stranger, lost):
        await store.close()


async def test_a_store_that_knows_no_lifecycle_says_so(store):
    came_of_it = await store.apply_lifecycle(30, 60)

    assert came_of_it.retention_days is None
    assert "knows no lifecycle" in came_of_it.refusal


@pytest.mark.parametrize(("days", "left"), [(1, 2), (-1, 1)])  # the second: of tomorrow
async def test_uploads_of_ours_that_broke_off_a_day_ago_are_cleared_away(
    store, swift, monkeypatch, days, left
):
    monkeypatch.setattr(s3_lifecycle, "_UNFINISHED_DAYS", days)
    client = client_of(swift)
    for key in ("clips/b/001.mp4", "somebody/elses"):
        client.create_multipart_upload(Bucket=BUCKET, Key=key)

    await store.clear_unfinished()

    uploads = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    for upload in uploads:
        client.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    assert len(uploads) == left
    assert "somebody/elses" in {upload["Key"] for upload in uploads}


async def test_an_endpoint_that_is_down_is_an_outage(swift, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses at once
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library's pause between tries
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        store = S3Store(BUCKET, endpoint=endpoint, addressing="path", session=session_of(swift))

        with pytest.raises(StoreUnavailable, match="does not answer"):
            await store.stat("clips/b/001.mp4")
        await store.close()


def every_class_below(base: type[Exception]) -> set[type[Exception]]:
    return {base}.union(*(every_class_below(child) for child in base.__subclasses__()))


def test_no_exception_of_the_library_leaves_unmapped():
    known = every_class_below(BotoCoreError) | every_class_below(ClientError)
    # Of the library's own service descriptions, read when the client is made, and no errors at all.
    elsewhere = every_class_below(UndefinedModelAttributeError) | every_class_below(Warning)
    public = {
        thing
        for thing in vars(botocore.exceptions).values()
        if isinstance(thing, type)
        and issubclass(thing, Exception)
        and thing.__module__ == "botocore.exceptions"
    }

    assert {kind.__name__ for kind in public - known - elsewhere} == set()
    for kind in known:
        error = kind.__new__(kind)
        Exception.__init__(error, "said")
        error.response, error.operation_name = {"Error": {"Code": "Teapot"}}, "GetObject"
        with pytest.raises((StoreUnavailable, ValueError)), in_our_words(BUCKET, "key"):
            raise error


@pytest.mark.parametrize(
    ("size_bytes", "mebibytes"),
    [(0, 8), (8 << 20, 8), (4 << 30, 8), (100 << 30, 11), (5 << 40, 525)],
)
def test_any_size_fits_into_ten_thousand_parts(size_bytes, mebibytes):
    assert part_size(size_bytes) == mebibytes << 20
    assert size_bytes <= part_size(size_bytes) * 10_000
