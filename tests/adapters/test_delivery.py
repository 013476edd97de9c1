"""What people get out of a link, from both stores: judged by curl, unzip, 7z and a browser."""

import asyncio
import hashlib
import os
import re
import subprocess
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from adapters.stores.local import LocalStore
from adapters.web.door import Door, make_door
from tests.adapters.s3_things import emptied, store_of
from tests.fakes.browser import browser
from tests.judges import need
from worker.contract.names import clip_name
from worker.contract.ports import ArchiveEntry, ObjectStore
from worker.contract.tokens import TokenCodec
from worker.contract.virtual_zip import VirtualZip

CODEC = TokenCodec(b"sixteen bytes or more of secret")
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLIP, ZIP = "clips/b/001.mp4", "archives/b/1.zip"
VIDEO = os.urandom(9_000_001)
NAMES = [
    "主持人 李雷",
    "Ünal Çelik",
    "🎤 singer",
    "CON",
    "aux.",
    'a<b>:"c"/d\\e|f?*',
    "دينا",
    "..",
    "x" * 90,
]
GIB = 1 << 30

DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10)),
}


@pytest.fixture(params=["local", "s3"])
async def store(request, tmp_path):
    """A store with one Clip and an Archive of nine, and whatever its links lead through."""
    if request.param == "s3":
        server = request.getfixturevalue("swift")
        kept = store_of(server)
        await _filled(kept)
        yield kept
        await emptied(kept, server)
        return
    address: list[str] = []
    store = LocalStore(tmp_path / "store", CODEC, lambda: address[0])
    await _filled(store)
    async with Door(make_door(store, CODEC, ready=_all_well), "127.0.0.1", 0) as door:
        address.append(door.url)
        yield store


async def _all_well() -> dict[str, bool]:
    return {}


async def _filled(store: ObjectStore) -> None:
    entries = []
    for number, name in enumerate(NAMES, 1):
        key = f"clips/b/{number:03d}.mp4"
        content = VIDEO if number == 1 else os.urandom(100_000)
        await store.put_bytes(key, content)
        crc32 = zlib.crc32(content)
        entries.append(ArchiveEntry(clip_name(number, name), len(content), crc32, key=key))
    entries.append(ArchiveEntry("manifest.json", 2, zlib.crc32(b"{}"), content=b"{}"))
    await store.put_archive(ZIP, entries, MOMENT)


async def judged(program: str, *arguments: object) -> str:
    """Have a judge look; its word, and it must not complain."""
    judge = await asyncio.create_subprocess_exec(
        need(program),
        *map(str, arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    said, complained = await judge.communicate()
    assert (judge.returncode, complained) == (0, b""), said.decode() + complained.decode()
    return said.decode()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("key", [CLIP, ZIP])
async def test_curl_goes_on_with_a_download_from_where_it_broke_off(store, tmp_path, key):
    url, path = (await store.sign(key, 60, "合唱.bin")).url, tmp_path / "file"
    content = await store.get_bytes(key)
    await judged("curl", "-sS", "--fail", "-r", f"0-{len(content) // 2}", "-o", path, url)
    half = path.stat().st_size

    await judged("curl", "-sS", "--fail", "-C", "-", "-o", path, url)

    assert half == len(content) // 2 + 1
    assert sha256(path) == hashlib.sha256(content).hexdigest()


async def test_unzip_and_7z_open_a_downloaded_archive_under_names_that_every_system_takes(
    store, tmp_path
):
    path, out = tmp_path / "a.zip", tmp_path / "out"
    await judged("curl", "-sS", "--fail", "-o", path, (await store.sign(ZIP, 60, "a.zip")).url)

    await judged("unzip", "-t", path)
    await judged("7z", "t", path)
    await judged("7z", "x", f"-o{out}", path)

    names = {each.name for each in out.iterdir()}
    listed = (await judged("unzip", "-Z1", path)).splitlines()
    assert names == {clip_name(n, name) for n, name in enumerate(NAMES, 1)} | {"manifest.json"}
    assert set(listed) == names
    assert sha256(out / clip_name(1, NAMES[0])) == hashlib.sha256(VIDEO).hexdigest()
    for name in names:
        assert name.partition(".")[0].casefold() not in DEVICES
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f]|[. ]$', name)
        assert len(name.encode()) <= 255


async def test_7z_finds_what_lies_behind_four_gib(tmp_path):
    path, late = tmp_path / "large.zip", b"behind the border"
    entries = [
        ArchiveEntry("large.mp4", 5 * GIB, 0x193838C3, key=CLIP),  # the CRC-32 of 5 GiB of zeros
        ArchiveEntry("主持人.txt", len(late), zlib.crc32(late), content=late),
    ]
    position = 0
    with path.open("wb") as file:
        for segment in VirtualZip(entries, MOMENT).segments:
            if segment.content is not None:
                file.seek(position)
                file.write(segment.content)
            position += segment.size_bytes  # the rest is a hole, which takes no disk

    await judged("7z", "t", path, "主持人.txt")

    assert str(5 * GIB) in await judged("7z", "l", path)


async def _answers(url: str, until_s: float) -> list[tuple[float, float, int]]:
    """(asked and answered, in seconds since 1970, status) of asking again and again until a moment, and until it is refused."""
    told: list[tuple[float, float, int]] = []
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while not told or told[-1][2] == 206 or time.time() < until_s:
            asked_s = time.time()
            async with session.get(url, headers={"Range": "bytes=0-0"}) as answer:
                told.append((asked_s, time.time(), answer.status))
            await asyncio.sleep(0.2)
    return told


@pytest.mark.slow
@pytest.mark.alone
async def test_a_link_ends_within_two_seconds_of_its_time(store):
    lifetime_s, ends = 2, 410 if isinstance(store, LocalStore) else 403
    signed_at = time.time()
    told = await _answers(
        (await store.sign(CLIP, lifetime_s, "a.mp4")).url, signed_at + lifetime_s + 2.5
    )

    statuses = [status for *_, status in told]
    served = statuses.count(206)
    last_s = max([asked_s for asked_s, _, status in told if status == 206], default=signed_at)
    first_s = min(answered_s for _, answered_s, status in told if status != 206)
    last, first = (round(moment - signed_at - lifetime_s, 2) for moment in (last_s, first_s))
    print(
        f"\n{type(store).__name__}: served at expiry {last:+.2f} s, {statuses[-1]} at {first:+.2f} s"
    )
    assert statuses == [206] * served + [ends] * (len(told) - served)
    assert first >= -2
    assert last <= 2


@pytest.mark.slow
@pytest.mark.parametrize(("key", "name"), [(CLIP, "合唱 李雷.mp4"), (ZIP, "合唱_K7Q2.zip")])
async def test_a_browser_saves_the_file_under_its_chinese_name(store, tmp_path, key, name):
    program, downloads = need("chromium"), tmp_path / "downloads"
    downloads.mkdir()
    async with browser(program, tmp_path / "profile") as chromium:
        saved = await chromium.download((await store.sign(key, 60, name)).url, downloads)

    assert saved.name == name
    assert sha256(saved) == hashlib.sha256(await store.get_bytes(key)).hexdigest()
