"""The S3 store against real S3 servers on this machine: OpenStack Swift, in CI also Ceph and rclone's."""

import asyncio
import hashlib
import io
import os
import socket
import subprocess
import sys
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import botocore.auth
import botocore.exceptions
import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError, UndefinedModelAttributeError

from adapters.stores import s3_lifecycle
from adapters.stores.s3 import S3Store
from adapters.stores.s3_errors import in_our_words
from adapters.stores.s3_uploads import part_size
from tests.adapters.s3_things import (
    BUCKET,
    client_of,
    emptied,
    only_swift,
    session_of,
    store_of,
    stream,
    with_clips,
)
from tests.fakes.ceph import LIFECYCLE_DAY_S
from worker.contract.ports import ArchiveEntry, ObjectMissing, ObjectStore, StoreUnavailable
from worker.contract.virtual_zip import VirtualZip
from worker.patience import insist

ROOT = Path(__file__).parents[2]
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LARGE = os.urandom(20 << 20)  # three parts of an upload


@pytest.fixture
async def store(server):
    store = store_of(server)
    yield store
    await emptied(store, server)


@pytest.fixture
async def web():
    async with aiohttp.ClientSession() as session:
        yield session


async def fetch(web, url, **headers):
    async with web.get(url, headers=headers) as response:
        return response.status, response.headers, await response.read()


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


async def test_large_files_go_up_in_parts_and_come_back_whole(store, server, tmp_path):
    (tmp_path / "in.mp4").write_bytes(LARGE)

    await store.put_file("clips/b/001.mp4", tmp_path / "in.mp4", "video/mp4")
    await store.get_file("clips/b/001.mp4", tmp_path / "out.mp4")

    facts = client_of(server).head_object(Bucket=BUCKET, Key="clips/b/001.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == LARGE
    assert facts["ETag"].endswith('-3"') or server.name == "rclone"
    assert facts["ContentType"] == "video/mp4"
    assert await read(store, "clips/b/001.mp4", 2_097_150, 2_097_160) == LARGE[2_097_150:4_194_310]


async def test_a_stream_of_another_size_than_said_leaves_neither_object_nor_parts(store, server):
    for said in (len(LARGE) - 1, len(LARGE) + 1):
        with pytest.raises(ValueError, match="bytes long"):
            await store.put_stream("takes/t/source", stream(LARGE), said)

    with pytest.raises(ObjectMissing, match="takes/t/source"):
        await store.stat("takes/t/source")
    assert "Uploads" not in client_of(server).list_multipart_uploads(Bucket=BUCKET)


async def test_a_cancelled_upload_is_aborted_and_its_slots_are_free_again(store, server):
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

    assert "Uploads" not in client_of(server).list_multipart_uploads(Bucket=BUCKET)
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


async def test_an_archive_in_the_store_has_the_bytes_of_the_virtual_one(store, web):
    clips = {"clips/b/001.mp4": LARGE, "clips/b/002.mp4": b"", "clips/b/003.mp4": LARGE[:5_000_000]}
    entries = await with_clips(store, *clips.values())

    size_bytes = await store.put_archive("archives/b/1.zip", entries, MOMENT)

    virtual = VirtualZip(entries, MOMENT)
    expected = b"".join(
        piece.content if piece.content is not None else clips[piece.key]
        for piece in virtual.segments
    )
    url = (await store.sign("archives/b/1.zip", 60, "a.zip")).url
    status, headers, body = await fetch(web, url)
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    assert hashlib.sha256(body).digest() == hashlib.sha256(expected).digest()
    assert size_bytes == virtual.size_bytes == len(body)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None


@only_swift
async def test_an_archive_of_clips_on_this_disk_fetches_nothing(store, monkeypatch, tmp_path):
    entries = await with_clips(store, LARGE, LARGE[:5_000_000])
    near = {"clips/b/001.mp4": tmp_path / "1", "clips/b/002.mp4": tmp_path / "2"}
    near["clips/b/001.mp4"].write_bytes(LARGE)
    near["clips/b/002.mp4"].write_bytes(LARGE[:5_000_000])
    with store._uploads.rates.copying(1):  # which has shown itself to be slow
        await asyncio.sleep(0.01)
    with store._uploads.rates.sending(1 << 20):
        pass
    moved, fetched = counted(store, monkeypatch), []
    monkeypatch.setattr(store._reads, "_get", lambda key, span: fetched.append(key))

    size_bytes = await store.put_archive("archives/b/1.zip", entries, MOMENT, near)

    monkeypatch.undo()
    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/1.zip"))) as archive:
        assert archive.testzip() is None
    assert (moved, fetched) == ({"sent": size_bytes, "copied": 0}, [])


@only_swift
async def test_a_clip_that_is_no_longer_on_this_disk_is_fetched(store, tmp_path):
    entries = await with_clips(store, LARGE[:3_000_000], LARGE[:5_000_000])
    (tmp_path / "cut").write_bytes(LARGE[:10])
    near = {"clips/b/001.mp4": tmp_path / "gone", "clips/b/002.mp4": tmp_path / "cut"}

    await store.put_archive("archives/b/1.zip", entries, MOMENT, near)

    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/1.zip"))) as archive:
        assert archive.testzip() is None


def counted(store: S3Store, monkeypatch) -> dict[str, int]:
    """Bytes that parts of uploads carry from now on."""
    moved, client = {"sent": 0, "copied": 0}, store._call.client
    upload, copy = client.upload_part, client.upload_part_copy

    def sent(**asking):
        moved["sent"] += len(asking["Body"])
        return upload(**asking)

    def copied(**asking):
        first, last = asking["CopySourceRange"].removeprefix("bytes=").split("-")
        moved["copied"] += int(last) - int(first) + 1
        return copy(**asking)

    monkeypatch.setattr(client, "upload_part", sent)
    monkeypatch.setattr(client, "upload_part_copy", copied)
    return moved


async def test_the_store_copies_most_of_an_archive_by_itself(store, monkeypatch, server):
    clips = (LARGE, LARGE[:5_000_000], LARGE[:9_000_000])
    entries = await with_clips(store, *clips)
    moved = counted(store, monkeypatch)

    size_bytes = await store.put_archive("archives/b/1.zip", entries, MOMENT)

    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/1.zip"))) as archive:
        assert archive.testzip() is None
    if server.copies_parts:
        assert moved["sent"] + moved["copied"] == size_bytes
        assert moved["copied"] > 0.6 * size_bytes
    else:
        moved["sent"] = 0  # some of it went before the store had refused to copy
        assert await store.put_archive("archives/b/2.zip", entries, MOMENT) == moved["sent"]


@only_swift
@pytest.mark.parametrize("code", ["NotImplemented", None])
async def test_a_store_that_copies_nothing_is_sent_the_whole_archive(
    store, monkeypatch, code, server
):
    entries = await with_clips(store, LARGE)
    asked = []

    def refuse(**asking):
        asked.append(asking)
        if code is None:
            return {"CopyPartResult": {}}
        answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 501}}
        raise ClientError(answer, "UploadPartCopy")

    monkeypatch.setattr(store._call.client, "upload_part_copy", refuse)
    for round_ in (1, 2):
        await store.put_archive(f"archives/b/{round_}.zip", entries, MOMENT)

    with zipfile.ZipFile(io.BytesIO(await store.get_bytes("archives/b/2.zip"))) as archive:
        assert archive.testzip() is None
    assert len(asked) == 1
    assert "Uploads" not in client_of(server).list_multipart_uploads(Bucket=BUCKET)


@only_swift
async def test_small_clips_of_other_workers_are_asked_for_once_each(store, monkeypatch):
    entries = await with_clips(store, *([b"x" * 900_000] * 12))
    asked: list[str] = []
    for name in ("head_object", "get_object"):
        call = getattr(store._call.client, name)

        def noted(call=call, **asking):
            asked.append(asking["Key"])
            return call(**asking)

        monkeypatch.setattr(store._call.client, name, noted)

    await store.put_archive("archives/b/1.zip", entries, MOMENT)

    assert sorted(asked) == [f"clips/b/{number:03d}.mp4" for number in range(1, 13)]


async def peak_of(packing: asyncio.Task[int]) -> int:
    """Bytes that this process holds more than before, at most, while it packs."""
    process = psutil.Process()
    idle, peak = process.memory_info().rss, 0
    while not packing.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait([packing], timeout=0.02)
    return peak - idle


@only_swift
async def test_an_archive_is_made_in_flat_memory(store, monkeypatch):
    monkeypatch.setattr(store, "_copies", False)
    content = LARGE * 5
    entries = await with_clips(store, content)
    packing = asyncio.create_task(store.put_archive("archives/b/1.zip", entries, MOMENT))

    assert await peak_of(packing) < 64 << 20
    assert await packing > len(content)


FLAT = """
import asyncio, sys, time, zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
import boto3, psutil
from adapters.stores.s3 import S3Store
from worker.contract.ports import ArchiveEntry

SIZE = 256 << 20
crc32 = 0
for _ in range(SIZE >> 20):
    crc32 = zlib.crc32(bytes(1 << 20), crc32)
paths = [Path(each) for each in sys.argv[1:]]
store = S3Store("b", endpoint="http://127.0.0.1:9", addressing="path", session=boto3.Session("a", "b"))
client, uploads = store._call.client, store._uploads
uploads.rates._sent, uploads.rates._copied = (1 << 20, 0.001), (1 << 20, 1.0)
client.create_multipart_upload = lambda **_: {"UploadId": "u"}
client.complete_multipart_upload = lambda **_: {}
client.upload_part = lambda **_: time.sleep(0.01) or {"ETag": "another checksum than MD5"}
client.get_paginator = lambda _: type("Pages", (), {"paginate": lambda self, **_: []})()

async def packed():
    entries = [ArchiveEntry(path.name, SIZE, crc32, key=path.name) for path in paths]
    near = {path.name: path for path in paths}
    process, peak = psutil.Process(), 0
    idle = process.memory_info().rss
    packing = asyncio.create_task(store.put_archive("z", entries, datetime.now(UTC), near))
    while not packing.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait([packing], timeout=0.02)
    packing.result()
    print(peak - idle)

asyncio.run(packed())
"""


@pytest.mark.slow
def test_memory_of_parts_that_are_gone_is_given_back(tmp_path):
    """In a process of its own, whose client takes everything: what is left is the memory of what we do."""
    paths = [tmp_path / f"{number}.mp4" for number in range(2)]
    for path in paths:
        with path.open("wb") as file:
            file.truncate(256 << 20)

    told = subprocess.run(
        [sys.executable, "-c", FLAT, *paths], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert int(told.stdout) < 64 << 20


@only_swift
@pytest.mark.soak
async def test_four_gib_of_videos_are_packed_in_flat_memory(store, tmp_path):
    """From this disk, where they are holes: they need not lie in the store for that."""
    store._uploads.rates._sent, store._uploads.rates._copied = (1 << 20, 0.001), (1 << 20, 1.0)
    size_bytes, crc32, near, entries = 1 << 30, 0, {}, []
    for _ in range(size_bytes >> 20):
        crc32 = zlib.crc32(bytes(1 << 20), crc32)
    for number in range(1, 5):
        key, name = f"clips/b/{number:03d}.mp4", f"output_{number:03d}.mp4"
        near[key] = tmp_path / name
        with near[key].open("wb") as file:
            file.truncate(size_bytes)
        entries.append(ArchiveEntry(name, size_bytes, crc32, key=key))
    packing = asyncio.create_task(store.put_archive("archives/b/1.zip", entries, MOMENT, near))

    peak = await peak_of(packing)

    print(f"\n{await packing} bytes packed, {peak / (1 << 20):.1f} MiB above idle")
    assert await packing > 4 << 30
    assert peak < 64 << 20
    assert (await store.stat("archives/b/1.zip")).size_bytes == await packing


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


async def test_a_link_downloads_under_its_name_and_goes_on_where_it_broke_off(store, web, server):
    await store.put_bytes("clips/b/001.mp4", LARGE)
    url = (await store.sign("clips/b/001.mp4", 60, "合唱.mp4")).url
    async with web.get(url) as response:
        half = await response.content.readexactly(len(LARGE) // 2)
        disposition = response.headers["Content-Disposition"]
        response.close()

    status, _, rest = await fetch(web, url, Range=f"bytes={len(half)}-")

    assert status == server.range_status
    assert hashlib.sha256(half + rest).digest() == hashlib.sha256(LARGE).digest()
    assert disposition == "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E5%90%88%E5%94%B1.mp4"


async def test_a_forged_link_is_refused(store, web, server):
    await store.put_bytes("clips/b/001.mp4", b"video")
    await store.put_bytes("clips/b/002.mp4", b"secret")
    url = (await store.sign("clips/b/001.mp4", 60, "a.mp4")).url
    stranger = store_of(server, secret=os.urandom(8).hex())

    for forged in (
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("001.mp4", "002.mp4"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        (await stranger.sign("clips/b/001.mp4", 60, "a.mp4")).url,
    ):
        assert forged != url
        assert (await fetch(web, forged))[0] == 403
    await stranger.close()


async def test_a_link_to_what_was_deleted_leads_nowhere(store, web):
    await store.put_bytes("clips/b/001.mp4", b"video")
    url = (await store.sign("clips/b/001.mp4", 60, "a.mp4")).url
    before, _, _ = await fetch(web, url)

    await store.delete("clips/b/001.mp4")

    assert before == 200
    assert (await fetch(web, url))[0] == 404


async def test_a_link_ends(store, web, server, monkeypatch):
    """Both were signed two minutes ago: nobody has to wait, and no second can pass at the wrong moment."""

    def earlier(*_: object, remove_tzinfo: bool = True) -> datetime:
        then = datetime.now(UTC) - timedelta(minutes=2)
        return then.replace(tzinfo=None) if remove_tzinfo else then

    await store.put_bytes("clips/b/001.mp4", b"video")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", earlier)
    lasting = (await store.sign("clips/b/001.mp4", 3600, "a.mp4")).url
    ended = (await store.sign("clips/b/001.mp4", 60, "a.mp4")).url
    monkeypatch.undo()

    statuses = [(await fetch(web, url))[0] for url in (lasting, ended)]

    assert statuses == [200, server.expired_status]


@only_swift
@pytest.mark.parametrize("lifetime_s", [0, -1, 7 * 86_400 + 1])
async def test_a_lifetime_that_cannot_be_signed_is_refused(store, lifetime_s):
    with pytest.raises(ValueError, match="604800"):
        await store.sign("clips/b/001.mp4", lifetime_s, "a.mp4")


async def test_a_wrong_key_and_a_wrong_bucket_are_outages_that_say_so(server):
    stranger, lost = (
        store_of(server, secret=os.urandom(8).hex()),
        store_of(server, bucket="nowhere"),
    )

    with pytest.raises(StoreUnavailable, match="does not accept our signature"):
        await stranger.put_bytes("clips/b/001.mp4", b"x")
    with pytest.raises(StoreUnavailable, match="refuses us"):
        await stranger.stat("clips/b/001.mp4")
    with pytest.raises(StoreUnavailable, match=r"no such bucket.*nowhere"):
        await lost.get_bytes("clips/b/001.mp4")
    for store in (stranger, lost):
        await store.close()


async def test_a_bucket_without_versions_is_known_as_such_whatever_the_store_answers(store):
    assert await store.keeps_versions() is False


async def test_a_store_that_knows_no_lifecycle_says_so(store, server):
    if server.knows_lifecycle:
        pytest.skip("this one knows it")

    came_of_it = await store.apply_lifecycle(30, 60)

    assert came_of_it.retention_days is None
    assert "knows no lifecycle" in came_of_it.refusal


def unfinished(server) -> list[str]:
    uploads = client_of(server).list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [upload["Key"] for upload in uploads]


def begun(server, *parts: bytes) -> None:
    """An upload that broke off after these parts."""
    client, place = client_of(server), {"Bucket": BUCKET, "Key": "clips/b/001.mp4"}
    place["UploadId"] = client.create_multipart_upload(**place)["UploadId"]
    for number, content in enumerate(parts, 1):
        client.upload_part(**place, PartNumber=number, Body=io.BytesIO(content))


async def test_what_stands_of_an_upload_is_not_sent_again(store, server, monkeypatch, tmp_path):
    (tmp_path / "in.mp4").write_bytes(LARGE)
    begun(server, LARGE[: 8 << 20])
    moved = counted(store, monkeypatch)

    await store.put_file("clips/b/001.mp4", tmp_path / "in.mp4", "video/mp4")

    assert moved["sent"] == len(LARGE) - (8 << 20)
    assert await store.get_bytes("clips/b/001.mp4") == LARGE
    assert unfinished(server) == []


async def test_what_stands_of_something_else_does_no_harm(store, server, tmp_path):
    """rclone replaces no part: there the upload is begun anew when it is tried again."""
    (tmp_path / "in.mp4").write_bytes(LARGE)
    begun(server, os.urandom(8 << 20), os.urandom(5 << 20))

    def put():
        return store.put_file("clips/b/001.mp4", tmp_path / "in.mp4", "video/mp4")

    await insist("a clip", put, asyncio.Event())

    assert await store.get_bytes("clips/b/001.mp4") == LARGE
    assert unfinished(server) == []


async def test_a_link_is_good_for_nothing_but_reading_this_object(store, web, server):
    await store.put_bytes("clips/b/001.mp4", b"video")
    url = (await store.sign("clips/b/001.mp4", 60, "a.mp4")).url

    for method in ("PUT", "DELETE"):
        async with web.request(method, url) as answer:
            assert answer.status in {400, 403, 405}, method
    assert await store.get_bytes("clips/b/001.mp4") == b"video"


@pytest.mark.slow
@pytest.mark.parametrize("server", ["ceph"], indirect=True, scope="session")
async def test_the_bucket_expires_takes_clips_archives_and_what_broke_off_and_nothing_else(
    store, server
):
    client, kept = client_of(server), "templates/t/source.mp4"
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "theirs/"}}
    rule["Expiration"] = {"Days": 1000}
    client.put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]}
    )
    expiring = ["archives/b/1.zip", "clips/b/001.mp4", "takes/t/source"]
    for key in (*expiring, kept):
        await store.put_bytes(key, b"x")
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="clips/b/002.mp4")["UploadId"]
    place = {"Bucket": BUCKET, "Key": "clips/b/002.mp4", "UploadId": upload}
    client.upload_part(**place, PartNumber=1, Body=io.BytesIO(bytes(5 << 20)))
    assert unfinished(server) == ["clips/b/002.mp4"]

    came_of_it = await store.apply_lifecycle(30, 1)

    rules = client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    async with asyncio.timeout(60 * LIFECYCLE_DAY_S):
        while unfinished(server) or [f.key async for f in store.list("")] != [kept]:
            await asyncio.sleep(0.5)
    assert came_of_it.retention_days == 1
    assert "theirs" in {each["ID"] for each in rules}
    with pytest.raises(ObjectMissing):
        await store.stat("clips/b/001.mp4")
    client.delete_bucket_lifecycle(Bucket=BUCKET)


async def test_a_bucket_that_never_had_an_upload_has_nothing_to_clear_away(store):
    await store.clear_unfinished()


@pytest.mark.parametrize(("days", "left"), [(1, 2), (-1, 1)])  # the second: of tomorrow
async def test_uploads_of_ours_that_broke_off_a_day_ago_are_cleared_away(
    store, server, monkeypatch, days, left
):
    monkeypatch.setattr(s3_lifecycle, "_UNFINISHED_DAYS", days)
    client = client_of(server)
    for key in ("clips/b/001.mp4", "somebody/elses"):
        client.create_multipart_upload(Bucket=BUCKET, Key=key)

    await store.clear_unfinished()

    uploads = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    for upload in uploads:
        client.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    assert len(uploads) == left
    assert "somebody/elses" in {upload["Key"] for upload in uploads}


@only_swift
async def test_an_endpoint_that_is_down_is_an_outage(server, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refuses at once
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library's pause between tries
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        store = S3Store(BUCKET, endpoint=endpoint, addressing="path", session=session_of(server))

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


async def test_the_slower_of_two_that_send_the_same_finds_that_the_object_is_there(ceph) -> None:
    """The faster has completed the upload, of which this server, other than Swift, takes no further part then."""
    part, content = 8 << 20, os.urandom(3 * (8 << 20) + 5)
    first_is_sent, goes_on = asyncio.Event(), asyncio.Event()

    async def in_parts(*, waits: bool):
        for start in range(0, len(content), part):
            yield content[start : start + part]
            if waits and start == part:  # the first is on its way at least
                first_is_sent.set()
                await goes_on.wait()

    slower, faster = store_of(ceph), store_of(ceph)
    sending = asyncio.create_task(slower.put_stream("slower", in_parts(waits=True), len(content)))
    await first_is_sent.wait()
    await faster.put_stream("slower", in_parts(waits=False), len(content))
    goes_on.set()
    await sending

    assert await slower.get_bytes("slower") == content
    await faster.close()
    await emptied(slower, ceph)
