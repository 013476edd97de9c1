"""The door, with real files behind it and real clients before it."""

import asyncio
import base64
import hashlib
import json
import logging
import os
import zipfile
import zlib
from datetime import UTC, datetime, timedelta

import aiohttp
import psutil
import pytest

from adapters.stores.local import LocalStore
from adapters.web import downloads
from adapters.web.door import Door, DoorClosed, make_door
from adapters.web.ranges import RangeNotSatisfiable, Slice, etag, http_date, wanted
from worker.contract.ports import ArchiveEntry, LedgerUnavailable, ObjectFacts, StoreUnavailable
from worker.contract.tokens import DOWNLOAD, TokenCodec

CODEC = TokenCodec(b"sixteen bytes or more of secret")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIDEO = os.urandom(4_500_001)
CLIP = "clips/b/001.mp4"
ZIP = "archives/b/1.zip"
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


async def all_well() -> dict[str, bool]:
    return {"redis": True, "store": True}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def door_and_store(tmp_path, clock):
    """An open door, and the store behind it with one Clip and one Archive that is not written."""
    addresses = []
    store = LocalStore(tmp_path / "store", CODEC, lambda: addresses[0], clock=clock)
    await store.put_bytes(CLIP, VIDEO)
    manifest = b'{"batch": "K7Q2"}'
    entries = [
        ArchiveEntry("output_001_主持人.mp4", len(VIDEO), zlib.crc32(VIDEO), key=CLIP),
        ArchiveEntry("manifest.json", len(manifest), zlib.crc32(manifest), content=manifest),
    ]
    await store.put_archive(ZIP, entries, START)
    async with Door(make_door(store, CODEC, ready=all_well, clock=clock), "127.0.0.1", 0) as door:
        addresses.append(door.url)
        yield door, store


@pytest.fixture
def door(door_and_store) -> Door:
    return door_and_store[0]


@pytest.fixture
def store(door_and_store) -> LocalStore:
    return door_and_store[1]


@pytest.fixture
async def client():
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def fetch(client, url, method="GET", **headers):
    async with client.request(method, url, headers=headers) as response:
        return response.status, response.headers, await response.read()


@pytest.fixture(params=[CLIP, ZIP], ids=["file", "virtual zip"])
async def link(request, store) -> tuple[str, bytes]:
    """A link and the bytes it leads to, for what is served by sendfile and for what is computed."""
    content = await store.get_bytes(request.param)
    return (await store.sign(request.param, 3600, "合唱 1.zip")).url, content


async def test_a_link_gives_the_whole_file_under_its_name(client, link):
    url, content = link

    status, headers, body = await fetch(client, url)

    assert (status, hashlib.sha256(body).digest()) == (200, hashlib.sha256(content).digest())
    assert headers["Content-Disposition"] == (
        "attachment; filename=\"__ 1.zip\"; filename*=UTF-8''%E5%90%88%E5%94%B1%201.zip"
    )
    assert headers["Content-Type"] == "application/zip"
    assert headers["Content-Length"] == str(len(content))
    assert (headers["Accept-Ranges"], headers["Cache-Control"]) == ("bytes", "private")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "aiohttp" not in headers["Server"]


async def test_head_tells_the_same_without_the_bytes(client, link):
    url, _ = link

    whole = await fetch(client, url)
    head = await fetch(client, url, "HEAD", Range="bytes=5-9")

    assert (head[0], head[2]) == (200, b"")
    for name in ("Content-Length", "ETag", "Last-Modified", "Content-Disposition"):
        assert head[1][name] == whole[1][name]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=4194303-4194304", 4194303, 4194305),
        ("bytes=4400000-", 4400000, None),
        ("bytes=100-99999999", 100, None),
        ("bytes=-10", -10, None),
        ("bytes=-99999999", 0, None),
        ("Bytes=5-9", 5, 10),
    ],
)
async def test_a_range_gives_exactly_these_bytes(client, link, asked, start, stop):
    url, content = link

    status, headers, body = await fetch(client, url, Range=asked)

    expected = content[start:stop]
    first = start if start >= 0 else len(content) + start
    assert (status, body == expected) == (206, True)
    assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(content)}"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused_with_the_size(client, link, asked):
    url, content = link

    status, headers, body = await fetch(client, url, Range=asked)

    assert (status, headers["Content-Range"], body) == (416, f"bytes */{len(content)}", b"")


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "items=0-1", "bytes=9-5", "bytes=-", "bytes=a-b", "bytes=١-٢", "0-5"]
)
async def test_ranges_that_are_not_served_give_the_whole_file(client, link, asked):
    url, content = link

    async with client.get(url, headers={"Range": asked}) as response:
        assert (response.status, response.content_length) == (200, len(content))
        assert "Content-Range" not in response.headers


async def test_a_download_cut_at_half_goes_on_to_the_same_checksum(client, link):
    url, content = link
    async with client.get(url) as response:
        half = await response.content.readexactly(len(content) // 2)
        validator = response.headers["ETag"]
        response.close()

    asked = {"Range": f"bytes={len(half)}-", "If-Range": validator}
    status, _, rest = await fetch(client, url, **asked)

    assert status == 206
    assert hashlib.sha256(half + rest).digest() == hashlib.sha256(content).digest()


async def test_a_download_of_something_else_begins_anew(client, link):
    url, content = link
    _, headers, _ = await fetch(client, url, "HEAD")

    for validator in ('"other"', "W/" + headers["ETag"], "Sun, 01 Mar 2020 12:00:00 GMT"):
        asked = {"Range": "bytes=5-", "If-Range": validator}
        status, _, body = await fetch(client, url, **asked)
        assert (status, len(body)) == (200, len(content))
    asked = {"Range": "bytes=5-", "If-Range": headers["Last-Modified"]}
    assert (await fetch(client, url, **asked))[0] == 206


async def test_what_the_browser_has_already_is_not_sent_again(client, link):
    url, _ = link
    _, headers, _ = await fetch(client, url, "HEAD")

    known = {"If-None-Match": headers["ETag"]}
    status, _, body = await fetch(client, url, **known)

    assert (status, body) == (304, b"")


async def test_a_forged_or_altered_link_is_refused_without_a_word_about_the_file(
    client, store, door
):
    url = (await store.sign(ZIP, 3600, "secret.zip")).url
    middle = len(url) - 40
    other = "A" if url[middle] != "A" else "B"
    altered = url[:middle] + other + url[middle + 1 :]
    for_upload = CODEC.sign("upload", {"key": ZIP, "filename": "x"}, START + timedelta(days=1))

    for forged in (altered, url[:-1], f"{door.url}/d/{for_upload}", f"{door.url}/d/x"):
        status, _, body = await fetch(client, forged)
        assert status == 403
        assert "not valid" in body.decode()
        assert "secret" not in body.decode()


async def test_a_signature_is_good_for_its_own_batch_only(client, store, door):
    """Whoever has a link to one Batch changes what it is for into another's, readable as that is."""
    mine = (await store.sign("clips/mine/001.mp4", 3600, "a.mp4")).url
    token = mine.rpartition("/")[2]
    signed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"clips/mine/001.mp4" in signed
    altered = signed.replace(b"clips/mine/001.mp4", CLIP.encode())
    theirs = base64.urlsafe_b64encode(altered).rstrip(b"=").decode()

    status, _, _ = await fetch(client, f"{door.url}/d/{theirs}")

    assert status == 403


async def test_a_link_ends_at_its_second_with_a_sentence_in_both_languages(client, store, clock):
    url = (await store.sign(ZIP, 60, "secret.zip")).url
    clock.now = START + timedelta(seconds=59.9)
    alive, _, _ = await fetch(client, url, "HEAD")
    clock.now = START + timedelta(seconds=60)

    status, _, body = await fetch(client, url, **{"Accept-Language": "zh-CN"})

    assert (alive, status) == (200, 410)
    assert body.decode().splitlines() == [
        "此链接已过期。 请在聊天中发送“下载 编号”获取新链接。",
        "This link has expired. Ask for a new link with /zip CODE in the chat.",
    ]


async def test_a_browser_gets_a_page_that_loads_nothing_from_elsewhere(client, door):
    status, headers, body = await fetch(client, f"{door.url}/d/x", Accept="text/html,*/*")

    page = body.decode()
    assert (status, headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "This link is not valid." in page
    assert "此链接无效。" in page
    assert "http" not in page.replace("http-equiv", "")


async def test_what_was_deleted_is_told_gone(client, store):
    clip, archive = (
        (await store.sign(CLIP, 60, "a.mp4")).url,
        (await store.sign(ZIP, 60, "a.zip")).url,
    )
    await store.delete(CLIP)

    for url in (clip, archive):
        status, _, body = await fetch(client, url)
        assert (status, "no longer kept" in body.decode()) == (410, True)


@pytest.mark.parametrize(
    "path", ["/", "/d/", "/d/../../etc/passwd", "/d/%2e%2e%2fx/y", "/nothing", "/d/a/b"]
)
async def test_every_other_path_is_nothing(client, door, path):
    assert (await fetch(client, door.url + path))[0] in {403, 404}


async def test_a_signed_key_that_leaves_the_folder_is_not_served(client, door):
    thing = {"key": "../secret", "filename": "x"}
    token = CODEC.sign(DOWNLOAD, thing, START + timedelta(days=1))

    assert (await fetch(client, f"{door.url}/d/{token}"))[0] == 500


async def test_health_and_readiness_are_told(client, tmp_path, door):
    store = LocalStore(tmp_path / "other", CODEC, "http://x")

    async def without_redis() -> dict[str, bool]:
        return {"redis": False, "store": True}

    async with Door(make_door(store, CODEC, ready=without_redis), "127.0.0.1", 0) as lame:
        assert (await fetch(client, f"{lame.url}/healthz"))[0] == 200
        status, _, body = await fetch(client, f"{lame.url}/readyz")
        assert status == 503
        assert json.loads(body) == {"ready": False, "parts": {"redis": False, "store": True}}
    assert (await fetch(client, f"{door.url}/readyz"))[0] == 200


async def test_a_port_in_use_is_told_with_what_to_do(tmp_path, door):
    port = int(door.url.rpartition(":")[2])
    second = Door(
        make_door(LocalStore(tmp_path, CODEC, ""), CODEC, ready=all_well), "127.0.0.1", port
    )

    with pytest.raises(DoorClosed, match=f"port {port} .*CHORUS_HTTP_PORT"):
        await second.start()
    with pytest.raises(RuntimeError, match="not open"):
        _ = second.url
    await second.stop()


async def test_a_front_server_is_told_where_the_file_lies(client, tmp_path):
    store = LocalStore(tmp_path / "store", CODEC, "http://front", virtual_archives=False)
    await store.put_bytes("clips/b/主 1.mp4", b"video")
    app = make_door(store, CODEC, ready=all_well, accel_prefix="/_files/")
    async with Door(app, "127.0.0.1", 0) as door:
        token = (await store.sign("clips/b/主 1.mp4", 60, "合唱.mp4")).url.rpartition("/")[2]
        status, headers, body = await fetch(client, f"{door.url}/d/{token}")

    assert (status, body) == (200, b"")
    assert headers["X-Accel-Redirect"] == "/_files/clips/b/%E4%B8%BB%201.mp4"
    assert headers["Content-Type"] == "video/mp4"
    assert "filename*=UTF-8''%E5%90%88%E5%94%B1.mp4" in headers["Content-Disposition"]


async def test_no_log_line_holds_a_link(client, store, door, clock, caplog):
    caplog.set_level(logging.DEBUG)
    urls = [(await store.sign(CLIP, 60, "a.mp4")).url, f"{door.url}/d/forged-token"]
    for url in urls:
        await fetch(client, url)
    token = urls[0].rpartition("/")[2]
    host, port = door.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /d/{token} x HTTP/9.é\r\n\r\n".encode())
    assert b"400" in await reader.readline()
    writer.close()
    await writer.wait_closed()
    clock.now += timedelta(hours=1)
    await fetch(client, urls[0])

    assert "GET /d/{token} 200" in caplog.text
    assert token[:40] not in caplog.text
    assert "forged-token" not in caplog.text


async def test_people_who_leave_in_the_middle_leave_no_trace_and_no_open_file(client, link, caplog):
    url, _ = link
    process = psutil.Process()
    await fetch(client, url, Range="bytes=0-0")
    open_before = len(process.open_files())

    async def leave() -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            await response.content.readexactly(100_000)
            response.close()

    await asyncio.gather(*(leave() for _ in range(8)))

    # A request on a connection of its own is answered after the door has dealt with the others.
    async with asyncio.timeout(60):
        while len(process.open_files()) > open_before:
            await fetch(client, url, Range="bytes=0-0")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


class Held:
    """Hears what a door has held."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.for_s: set[int] = set()
        self.again = asyncio.Event()

    async def __call__(self, key: str, for_s: int) -> None:
        self.told.append(key)
        self.for_s.add(for_s)
        if len(self.told) > 2:
            self.again.set()


@pytest.mark.parametrize("key", [CLIP, ZIP])
async def test_what_is_downloaded_is_told_as_held_before_it_begins_and_as_long_as_it_lasts(
    client, tmp_path, monkeypatch, key
):
    monkeypatch.setattr(downloads, "_RENEW_S", 0.01)
    store, held = LocalStore(tmp_path, CODEC, ""), Held()
    large = b"0" * (32 << 20)  # more than lies between us and who does not read on
    await store.put_bytes(CLIP, large)
    await store.put_archive(ZIP, [ArchiveEntry("a.mp4", len(large), 0, key=CLIP)], START)
    async with Door(make_door(store, CODEC, ready=all_well, hold=held), "127.0.0.1", 0) as door:
        async with client.get(door.url + (await store.sign(key, 60, "a")).url) as response:
            first = held.told[:1]
            async with asyncio.timeout(60):
                await held.again.wait()
            await response.read()
        await fetch(client, f"{door.url}/healthz")  # answered after that has ended
        ended = len(held.told)
        await asyncio.sleep(0.05)

    assert first == [key]
    assert set(held.told) == {key}
    assert held.for_s == {3600}
    assert len(held.told) == ended


async def test_what_a_front_server_sends_is_told_as_held_for_an_hour(client, tmp_path):
    store, held = LocalStore(tmp_path, CODEC, "", virtual_archives=False), Held()
    await store.put_bytes(CLIP, VIDEO)
    app = make_door(store, CODEC, ready=all_well, accel_prefix="/_files/", hold=held)
    async with Door(app, "127.0.0.1", 0) as door:
        url = door.url + (await store.sign(CLIP, 60, "a.mp4")).url
        _, headers, _ = await fetch(client, url)

    assert "X-Accel-Redirect" in headers
    assert (held.told, held.for_s) == ([CLIP], {3600})


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_download_goes_on_where_nobody_can_be_told_of_it(client, store, monkeypatch, hangs):
    async def away(_: str, __: int) -> None:
        if hangs:
            await asyncio.Event().wait()
        raise LedgerUnavailable("away")

    monkeypatch.setattr(downloads, "_TOLD_WITHIN_S", 0.05)
    async with Door(make_door(store, CODEC, ready=all_well, hold=away), "127.0.0.1", 0) as door:
        token = CODEC.sign(DOWNLOAD, {"key": CLIP, "filename": "a"}, datetime.now(UTC) + HOUR)
        status, _, body = await fetch(client, f"{door.url}/d/{token}")

    assert (status, body) == (200, VIDEO)


async def test_many_download_at_once_and_each_gets_its_own_bytes(client, link):
    url, content = link
    expected = hashlib.sha256(content).digest()

    async def download() -> bool:
        _, _, body = await fetch(client, url)
        return hashlib.sha256(body).digest() == expected

    assert all(await asyncio.gather(*(download() for _ in range(6))))


class FailsAtHalf(LocalStore):
    """A store whose disk breaks after the first mebibyte of every object."""

    def local_path(self, key):
        return None

    async def stat(self, key):
        return ObjectFacts(key, len(VIDEO), START)

    async def open_range(self, key, start, size_bytes):
        yield VIDEO[: 1 << 20]
        raise StoreUnavailable("disk broken")


async def test_a_download_that_breaks_off_never_looks_complete(client, tmp_path):
    store = FailsAtHalf(tmp_path, CODEC, "")
    async with Door(make_door(store, CODEC, ready=all_well), "127.0.0.1", 0) as door:
        url = door.url + (await store.sign(CLIP, 60, "a.mp4")).url
        with pytest.raises(aiohttp.ClientError):
            await fetch(client, url)


async def test_memory_stays_flat_while_a_large_archive_is_downloaded(client, tmp_path):
    store = LocalStore(tmp_path, CODEC, "")
    large = tmp_path / "clips" / "b" / "001.mp4"
    large.parent.mkdir(parents=True)
    with large.open("wb") as file:
        file.truncate(400 << 20)
    entry = ArchiveEntry("large.mp4", 400 << 20, 0, key=CLIP)
    await store.put_archive(ZIP, [entry], START)
    process = psutil.Process()
    async with Door(make_door(store, CODEC, ready=all_well), "127.0.0.1", 0) as door:
        url = door.url + (await store.sign(ZIP, 60, "a.zip")).url
        idle, peak, received = process.memory_info().rss, 0, 0
        async with client.get(url) as response:
            async for chunk in response.content.iter_chunked(1 << 20):
                received += len(chunk)
                peak = max(peak, process.memory_info().rss)

    assert received > 400 << 20
    assert peak - idle < 64 << 20


FACTS = ObjectFacts("clips/b/001.mp4", 10, START)


NINES = "9" * 5000
"""More digits than Python reads at once."""


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (f"bytes=0-{NINES}", Slice(0, 10, whole=False)),
        (f"bytes=-{NINES}", Slice(0, 10, whole=False)),
        (f"bytes={'0' * 5000}4-5", Slice(4, 2, whole=False)),
        (f"bytes={NINES}-5", Slice(0, 10, whole=True)),
    ],
    ids=["end", "last", "zeros", "backwards"],
)
def test_positions_with_thousands_of_digits_are_read_like_others(asked, expected):
    assert wanted({"Range": asked}, FACTS) == expected


def test_a_range_that_begins_thousands_of_digits_behind_the_end_is_refused():
    with pytest.raises(RangeNotSatisfiable):
        wanted({"Range": f"bytes={NINES}-"}, FACTS)


def test_what_is_asked_of_an_empty_file_cannot_be_a_part():
    empty = ObjectFacts("clips/b/001.mp4", 0, START)

    assert wanted({}, empty) == Slice(0, 0, whole=True)
    with pytest.raises(RangeNotSatisfiable):
        wanted({"Range": "bytes=0-"}, empty)


def test_a_validator_is_strong_and_of_this_object_alone():
    assert etag(FACTS) == etag(ObjectFacts(FACTS.key, 10, START + timedelta(days=1)))
    assert (
        len(
            {
                etag(FACTS),
                etag(ObjectFacts("x", 10, START)),
                etag(ObjectFacts(FACTS.key, 11, START)),
            }
        )
        == 3
    )
    assert etag(FACTS).startswith('"')
    assert http_date(START) == "Sun, 01 Mar 2026 12:00:00 GMT"


async def test_a_zip_from_the_door_is_a_zip(client, store, tmp_path):
    _, _, body = await fetch(client, (await store.sign(ZIP, 60, "a.zip")).url)
    path = tmp_path / "a.zip"
    path.write_bytes(body)

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.read("output_001_主持人.mp4") == VIDEO
