"""The door behind a real nginx, which hands out files itself."""

import asyncio
import hashlib
import io
import os
import sys
import zipfile
import zlib
from datetime import UTC, datetime, timedelta

import aiohttp
import psutil
import pytest

from adapters.stores.local import LocalStore
from adapters.web.door import Door, make_door
from tests.fakes.nginx import nginx
from tests.fakes.ports import free_port
from tests.judges import need
from worker.contract.ports import ArchiveEntry
from worker.contract.tokens import TokenCodec

CODEC = TokenCodec(b"sixteen bytes or more of secret")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIDEO = os.urandom(3_000_001)
CLIP = "clips/b/主 1.mp4"
ZIP = "archives/b/1.zip"

DOWNLOAD = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1]) as answer:
    while chunk := answer.read(1 << 20): pass
    print(answer.headers["Content-Length"])
"""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def all_well() -> dict[str, bool]:
    return {"redis": True, "store": True}


@pytest.fixture
async def front(tmp_path, clock):
    """A running nginx and the store it shows, with a Clip and a written Archive."""
    program, port = need("nginx"), free_port()
    store = LocalStore(
        tmp_path / "store", CODEC, f"http://127.0.0.1:{port}", virtual_archives=False, clock=clock
    )
    await store.put_bytes(CLIP, VIDEO)
    entry = ArchiveEntry("output_001_主持人.mp4", len(VIDEO), zlib.crc32(VIDEO), key=CLIP)
    await store.put_archive(ZIP, [entry], START)
    app = make_door(store, CODEC, ready=all_well, accel_prefix="/_files", clock=clock)
    (tmp_path / "nginx").mkdir()
    async with Door(app, "127.0.0.1", 0) as door:
        with nginx(program, tmp_path / "nginx", port, door.url, tmp_path / "store") as running:
            yield running, store


@pytest.fixture
def store(front) -> LocalStore:
    return front[1]


@pytest.fixture
async def client():
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def fetch(client, url, method="GET", **headers):
    async with client.request(method, url, headers=headers) as response:
        return response.status, response.headers, await response.read()


async def test_a_link_gives_the_file_under_its_name(client, store):
    status, headers, body = await fetch(client, (await store.sign(CLIP, 60, "合唱 1.mp4")).url)

    assert (status, hashlib.sha256(body).digest()) == (200, hashlib.sha256(VIDEO).digest())
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Disposition"].endswith("filename*=UTF-8''%E5%90%88%E5%94%B1%201.mp4")
    assert headers["Cache-Control"] == "private"
    assert "X-Accel-Redirect" not in headers


async def test_a_written_archive_opens(client, store):
    _, headers, body = await fetch(client, (await store.sign(ZIP, 60, "a.zip")).url)

    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("output_001_主持人.mp4") == VIDEO
    assert headers["Content-Type"] == "application/zip"


async def test_a_download_cut_at_half_goes_on_to_the_same_checksum(client, store):
    url = (await store.sign(ZIP, 60, "a.zip")).url
    whole = await store.get_bytes(ZIP)
    async with client.get(url) as response:
        half = await response.content.readexactly(len(whole) // 2)
        validator = response.headers["ETag"]
        response.close()

    asked = {"Range": f"bytes={len(half)}-", "If-Range": validator}
    status, _, rest = await fetch(client, url, **asked)

    assert status == 206
    assert hashlib.sha256(half + rest).digest() == hashlib.sha256(whole).digest()


async def test_forged_and_expired_links_are_refused_with_their_sentences(client, store, clock):
    url = (await store.sign(CLIP, 60, "a.mp4")).url
    forged = await fetch(client, url[:-1])
    clock.now += timedelta(seconds=61)

    expired = await fetch(client, url)

    assert (forged[0], expired[0]) == (403, 410)
    assert "not valid" in forged[2].decode()
    assert "/zip CODE" in expired[2].decode()


async def test_nobody_gets_at_the_files_without_a_link(client, front):
    for path in ("/_files/clips/b/", f"/_files/{ZIP}", "/d/../_files/archives/b/1.zip"):
        assert (await fetch(client, front[0].url + path))[0] == 404


async def test_its_log_holds_no_link(client, front, store):
    url = (await store.sign(CLIP, 60, "a.mp4")).url
    await fetch(client, url)
    await fetch(client, f"{front[0].url}/d/forged-token")

    async with asyncio.timeout(60):
        while (log := front[0].access_log).count("GET") < 2:  # it writes after it has answered
            await asyncio.sleep(0.01)
    assert log.count("GET") == 2
    assert url.rpartition("/")[2][:40] not in log
    assert "forged-token" not in log


@pytest.mark.slow
async def test_serving_1_5_gb_costs_the_door_neither_memory_nor_time(store, tmp_path):
    size_bytes = 1_500_000_000
    large = tmp_path / "store" / "clips" / "b" / "large.mp4"
    with large.open("wb") as file:
        file.truncate(size_bytes)
    url = (await store.sign("clips/b/large.mp4", 3600, "large.mp4")).url
    process = psutil.Process()
    idle, peak, cpu = process.memory_info().rss, 0, sum(process.cpu_times()[:2])

    person = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DOWNLOAD, url, stdout=asyncio.subprocess.PIPE
    )
    downloading = asyncio.create_task(person.communicate())
    while not downloading.done():
        peak = max(peak, process.memory_info().rss)
        await asyncio.wait([downloading], timeout=0.05)
    said, _ = await downloading
    spent_s = sum(process.cpu_times()[:2]) - cpu

    print(f"\n{(peak - idle) / (1 << 20):.1f} MiB above idle, {spent_s:.2f} s of a processor")
    assert int(said) == size_bytes
    assert peak - idle < 8 << 20
    assert spent_s < 0.5
