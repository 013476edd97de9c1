"""The store in a folder: real files, real threads."""

import asyncio
import hashlib
import io
import logging
import os
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.stores.local import LocalStore
from worker.contract.ports import ArchiveEntry, ObjectMissing, ObjectStore, StoreUnavailable
from worker.contract.tokens import DOWNLOAD, TokenCodec
from worker.patience import insist

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODEC = TokenCodec(b"sixteen bytes or more of secret")


def store_in(folder: Path, **options) -> LocalStore:
    return LocalStore(folder, CODEC, "http://door", clock=lambda: NOW, **options)


@pytest.fixture
def store(tmp_path) -> LocalStore:
    return store_in(tmp_path / "store")


async def stream(*chunks: bytes):
    for chunk in chunks:
        yield chunk


async def read(store: ObjectStore, key: str, start: int, size_bytes: int) -> bytes:
    return b"".join([chunk async for chunk in store.open_range(key, start, size_bytes)])


async def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [facts.key async for facts in store.list(prefix)]


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


async def with_clips(store: ObjectStore, *contents: bytes) -> list[ArchiveEntry]:
    """Clips in the store, and the entries of an Archive of them with a manifest."""
    entries = [ArchiveEntry("manifest.json", 2, zlib.crc32(b"{}"), content=b"{}")]
    for number, content in enumerate(contents, 1):
        key = f"clips/b/{number:03d}.mp4"
        await store.put_bytes(key, content)
        name = f"output_{number:03d}_主持人.mp4"
        entries.append(ArchiveEntry(name, len(content), zlib.crc32(content), key=key))
    return entries


def test_it_is_an_object_store():
    _: type[ObjectStore] = LocalStore


async def test_what_was_put_is_there_whole(store, tmp_path):
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"video" * 1000)

    await store.put_file("clips/b/001.mp4", source)
    await store.put_bytes("batches/b.json", b"{}")
    await store.put_stream("takes/t/source", stream(b"one", b"", b"two"), 6)

    assert await store.get_bytes("clips/b/001.mp4") == b"video" * 1000
    assert await store.get_bytes("batches/b.json") == b"{}"
    assert await store.get_bytes("takes/t/source") == b"onetwo"
    assert await keys(store, "") == ["batches/b.json", "clips/b/001.mp4", "takes/t/source"]
    assert (await store.stat("takes/t/source")).size_bytes == 6


async def test_a_stored_file_does_not_change_with_its_source(store, tmp_path):
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"before")
    await store.put_file("clips/b/001.mp4", source)

    source.write_bytes(b"after!")

    assert await store.get_bytes("clips/b/001.mp4") == b"before"


async def test_a_fetched_file_takes_no_further_disk(store, tmp_path):
    await store.put_bytes("clips/b/001.mp4", b"video")
    path = tmp_path / "fetched.mp4"

    await store.get_file("clips/b/001.mp4", path)
    await store.get_file("clips/b/001.mp4", path)  # over itself: leaves nothing lying about

    assert path.read_bytes() == b"video"
    assert path.samefile(store.local_path("clips/b/001.mp4"))
    assert files_below(tmp_path) == ["fetched.mp4", "store/clips/b/001.mp4"]


async def test_replacing_a_record_leaves_fetched_copies_as_they_were(store, tmp_path):
    await store.put_bytes("batches/b.json", b"old")
    await store.get_file("batches/b.json", tmp_path / "b.json")

    await store.put_bytes("batches/b.json", b"new")

    assert (tmp_path / "b.json").read_bytes() == b"old"
    assert await store.get_bytes("batches/b.json") == b"new"


async def test_a_file_on_another_disk_is_copied(store, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "Invalid cross-device link")

    await store.put_bytes("clips/b/001.mp4", b"video")
    monkeypatch.setattr(os, "link", refuse)

    await store.get_file("clips/b/001.mp4", tmp_path / "fetched.mp4")

    assert (tmp_path / "fetched.mp4").read_bytes() == b"video"


@pytest.mark.parametrize("chunks", [(b"short",), (b"much ", b"too long")])
async def test_a_stream_of_another_size_than_said_leaves_nothing(store, tmp_path, chunks):
    with pytest.raises(ValueError, match="8 bytes"):
        await store.put_stream("takes/t/source", stream(*chunks), 8)

    assert files_below(tmp_path) == []


async def test_a_cancelled_stream_leaves_nothing(store, tmp_path):
    started = asyncio.Event()

    async def endless():
        yield b"begun"
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put_stream("takes/t/source", endless(), 100))
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert task.cancelled()
    assert files_below(tmp_path) == []


async def test_what_dead_processes_left_unfinished_is_cleared_away_after_a_day(store, tmp_path):
    old, young = tmp_path / "store/.unfinished/old", tmp_path / "store/.unfinished/young"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (0, 0))

    store_in(tmp_path / "store")

    assert (old.exists(), young.exists()) == (False, True)
    assert await keys(store, "") == []


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "clips/../../secret",
        "/etc/passwd",
        "clips//x",
        "clips/",
        "",
        ".unfinished/x",
        "clips/.hidden",
        "clips\\x",
        "clips/a\0b",
        "clips/a\nb",
        "clips/" + "a" * 201,
        "archives/1.zip.recipe",
    ],
)
async def test_a_key_that_leaves_the_folder_or_hides_in_it_is_refused(store, tmp_path, key):
    (tmp_path / "secret").write_bytes(b"secret")

    for call in (
        store.put_bytes(key, b"x"),
        store.put_stream(key, stream(b"x"), 1),
        store.get_bytes(key),
        store.stat(key),
        store.delete(key),
        store.sign(key, 60, "x"),
        store.get_file(key, tmp_path / "out"),
    ):
        with pytest.raises(ValueError, match="no key"):
            await call
    assert files_below(tmp_path) == ["secret"]


async def test_what_is_not_there_is_told_missing_by_its_key(store, tmp_path):
    await store.put_bytes("clips/b/001.mp4", b"video")

    for key in ("clips/b/002.mp4", "clips/b", "clips/b/001.mp4/x"):
        for call in (
            store.get_bytes(key),
            store.stat(key),
            store.get_file(key, tmp_path / "out"),
            read(store, key, 0, 1),
        ):
            with pytest.raises(ObjectMissing, match=key):
                await call
    assert files_below(tmp_path) == ["store/clips/b/001.mp4"]


async def test_a_missing_source_is_the_callers_fault(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        await store.put_file("clips/b/001.mp4", tmp_path / "none.mp4")


async def test_a_prefix_lists_keys_also_within_a_folder(store):
    for key in ("clips/b1/001.mp4", "clips/b1/002.mp4", "clips/b2/001.mp4", "batches/b1.json"):
        await store.put_bytes(key, b"x")

    assert await keys(store, "clips/b1/") == ["clips/b1/001.mp4", "clips/b1/002.mp4"]
    assert await keys(store, "clips/b1/001") == ["clips/b1/001.mp4"]
    assert await keys(store, "clips/b") == [
        "clips/b1/001.mp4",
        "clips/b1/002.mp4",
        "clips/b2/001.mp4",
    ]
    assert await keys(store, "nothing/") == []


async def test_deleting_removes_emptied_folders_and_may_be_repeated(store, tmp_path):
    await store.put_bytes("clips/b/001.mp4", b"x")
    await store.put_bytes("clips/c/001.mp4", b"x")

    await store.delete("clips/b/001.mp4")
    await store.delete("clips/b/001.mp4")

    assert sorted(path.name for path in (tmp_path / "store/clips").iterdir()) == ["c"]


async def test_putting_and_deleting_at_once_loses_neither_folder_nor_object(store):
    async def churn(name: str) -> None:
        for _ in range(40):
            await store.put_bytes(f"clips/b/{name}", b"x")
            await store.delete(f"clips/b/{name}")

    await asyncio.gather(*(churn(str(number)) for number in range(4)))

    assert await keys(store, "") == []


async def test_ranges_of_a_file_are_exact(store):
    content = os.urandom(3_000_000)
    await store.put_bytes("clips/b/001.mp4", content)

    assert await read(store, "clips/b/001.mp4", 0, len(content)) == content
    assert await read(store, "clips/b/001.mp4", 1_048_575, 2) == content[1_048_575:1_048_577]
    assert await read(store, "clips/b/001.mp4", 3_000_000, 0) == b""
    for start, size_bytes in ((2_999_999, 2), (-1, 1), (0, -1)):
        with pytest.raises(ValueError, match="outside"):
            await read(store, "clips/b/001.mp4", start, size_bytes)


async def test_an_archive_is_read_as_a_zip_though_only_its_recipe_is_written(store, tmp_path):
    entries = await with_clips(store, os.urandom(2_000_000), b"second")

    size_bytes = await store.put_archive("archives/b/1.zip", entries, NOW)

    content = await store.get_bytes("archives/b/1.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.read("output_002_主持人.mp4") == b"second"
    assert len(content) == size_bytes == (await store.stat("archives/b/1.zip")).size_bytes
    assert await keys(store, "archives/") == ["archives/b/1.zip"]
    assert store.local_path("archives/b/1.zip") is None
    assert sum(path.stat().st_size for path in (tmp_path / "store/archives/b").iterdir()) < 2000


async def test_a_range_of_an_archive_is_that_range_of_the_whole(store, tmp_path):
    entries = await with_clips(store, os.urandom(100_000), os.urandom(50_000))
    size_bytes = await store.put_archive("archives/b/1.zip", entries, NOW)

    await store.get_file("archives/b/1.zip", tmp_path / "a.zip")
    whole = (tmp_path / "a.zip").read_bytes()

    assert (
        hashlib.sha256(whole).digest()
        == hashlib.sha256(
            await read(store, "archives/b/1.zip", 0, 70_000)
            + await read(store, "archives/b/1.zip", 70_000, size_bytes - 70_000)
        ).digest()
    )


async def test_an_archive_for_a_front_server_is_a_file_with_the_same_bytes(tmp_path):
    virtual = store_in(tmp_path / "virtual")
    written = store_in(tmp_path / "written", virtual_archives=False)
    for store in (virtual, written):
        entries = await with_clips(store, b"first" * 1000, b"second")
        await store.put_archive("archives/b/1.zip", entries, NOW)

    path = written.local_path("archives/b/1.zip")
    assert path is not None
    assert path.read_bytes() == await virtual.get_bytes("archives/b/1.zip")


async def test_an_archive_of_a_missing_clip_is_refused_by_its_key(store, tmp_path):
    entries = await with_clips(store, b"first", b"second")
    await store.delete("clips/b/002.mp4")
    await store.put_bytes("clips/b/001.mp4", b"changed")

    with pytest.raises(ObjectMissing, match=r"clips/b/001\.mp4"):
        await store.put_archive("archives/b/1.zip", entries, NOW)
    await store.put_bytes("clips/b/001.mp4", b"first")
    with pytest.raises(ObjectMissing, match=r"clips/b/002\.mp4"):
        await store.put_archive("archives/b/1.zip", entries, NOW)
    assert await keys(store, "archives/") == []


async def test_an_archive_goes_with_its_clips(store):
    entries = await with_clips(store, b"first", b"second")
    await store.put_archive("archives/b/1.zip", entries, NOW)

    await store.delete("clips/b/002.mp4")

    with pytest.raises(ObjectMissing, match=r"clips/b/002\.mp4"):
        await store.stat("archives/b/1.zip")
    await store.delete("archives/b/1.zip")
    assert await keys(store, "") == ["clips/b/001.mp4"]


async def test_a_link_names_one_object_until_its_time(store):
    url = (await store.sign("archives/b/1.zip", 3600, "合唱.zip")).url

    base, _, token = url.rpartition("/")
    assert base == "http://door/d"
    assert CODEC.read(DOWNLOAD, token, NOW + timedelta(seconds=3599)) == {
        "key": "archives/b/1.zip",
        "filename": "合唱.zip",
    }


async def test_a_link_uses_the_address_the_door_has_when_it_is_signed(tmp_path):
    addresses = iter(["http://first/", "http://second"])
    store = LocalStore(tmp_path, CODEC, lambda: next(addresses))

    assert (await store.sign("a/b", 60, "x")).url.startswith("http://first/d/")
    assert (await store.sign("a/b", 60, "x")).url.startswith("http://second/d/")


async def test_a_disk_that_refuses_is_an_outage(store, tmp_path):
    (tmp_path / "store/clips").write_bytes(b"a file where a folder should be")

    with pytest.raises(StoreUnavailable):
        await store.put_bytes("clips/b/001.mp4", b"x")
    assert files_below(tmp_path) == ["store/clips"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MiB of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8m", "chorus-test", folder]
    if subprocess.run(mounting, capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_is_told_with_what_to_do_and_nothing_half_written_stays(
    small_disk, tmp_path
):
    store = store_in(small_disk, virtual_archives=False)
    entries = await with_clips(store, os.urandom(5 << 20))
    before = files_below(small_disk)
    (tmp_path / "large").write_bytes(os.urandom(5 << 20))

    for put in (
        lambda: store.put_file("takes/t/source", tmp_path / "large"),
        lambda: store.put_bytes("takes/t/source", os.urandom(5 << 20)),
        lambda: store.put_stream("takes/t/source", stream(os.urandom(5 << 20)), 5 << 20),
        lambda: store.put_archive("archives/b/1.zip", entries, NOW),
    ):
        with pytest.raises(StoreUnavailable, match=r"disk .* is full .*make room"):
            await put()
        assert files_below(small_disk) == before


async def test_work_goes_on_once_there_is_room_again(small_disk, tmp_path, caplog):
    store = store_in(small_disk)
    await store.put_bytes("clips/b/001.mp4", os.urandom(5 << 20))
    (tmp_path / "large").write_bytes(os.urandom(5 << 20))
    outages: list[str] = []

    async def put():
        try:
            await store.put_file("clips/b/002.mp4", tmp_path / "large")
        except StoreUnavailable as outage:
            outages.append(str(outage))
            await store.delete("clips/b/001.mp4")
            raise

    with caplog.at_level(logging.INFO):
        await insist("clip:b:2", put, asyncio.Event())

    assert [line for line in caplog.messages if "clip:b:2" in line] == [
        f"clip:b:2 waits: {outages[0]}",
        "clip:b:2 goes on",
    ]
    assert (await store.stat("clips/b/002.mp4")).size_bytes == 5 << 20


async def test_a_folder_expires_nothing_by_itself(store):
    assert (await store.apply_lifecycle(30, 60)).retention_days is None
