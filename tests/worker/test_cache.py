"""The cache: whole or absent, fetched once, the longest unused removed first."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.stores.local import LocalStore
from tests.fakes.foreman import fake_store
from worker.cache import Cache, size_bytes
from worker.contract import keys
from worker.contract.ports import ObjectMissing


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    opened = fake_store(tmp_path)
    yield opened
    await opened.close()


def grow_older(folder: Path, age_s: int) -> None:
    then = folder.stat().st_mtime - age_s
    os.utime(folder, (then, then))


async def put_take(store: LocalStore, take_id: str, size_bytes: int = 1000) -> None:
    await store.put_bytes(keys.take(take_id, "sound.flac"), b"s" * size_bytes)
    await store.put_bytes(keys.take(take_id, "speech.npz"), b"n")
    await store.put_bytes(keys.take(take_id, "words.json"), b"[]")


async def fetched(cache: Cache, take_id: str) -> Path:
    """A Take that is no longer in use."""
    with ExitStack() as using:
        return await cache.take(take_id, using)


async def test_what_two_clips_need_at_once_is_fetched_once(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_take(store, "a")
    fetched: list[str] = []
    get_file = store.get_file

    async def counted(key: str, path: Path) -> None:
        fetched.append(key)
        await get_file(key, path)

    monkeypatch.setattr(store, "get_file", counted)
    cache = Cache(tmp_path / "cache", store, 10**6)

    with ExitStack() as using:
        first, second = await asyncio.gather(cache.take("a", using), cache.take("a", using))

    assert first == second
    assert sorted(path.name for path in first.iterdir()) == [
        "sound.flac",
        "speech.npz",
        "words.json",
    ]
    assert len(fetched) == 3


async def test_what_is_incomplete_in_the_store_leaves_nothing_here(
    store: LocalStore, tmp_path: Path
) -> None:
    await store.put_bytes(keys.take("a", "sound.flac"), b"s")
    cache = Cache(tmp_path / "cache", store, 10**6)

    with pytest.raises(ObjectMissing):
        await fetched(cache, "a")

    assert list((tmp_path / "cache").iterdir()) == []


async def test_the_longest_unused_leaves_first_and_what_is_in_use_stays(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 2500)
    other_worker = Cache(tmp_path / "cache", store, 2500)
    with ExitStack() as using:
        await put_take(store, "used")
        grow_older(await other_worker.take("used", using), 12000)
        for take_id, age_s in (("old", 60), ("older", 90)):
            await put_take(store, take_id)
            grow_older(await fetched(cache, take_id), age_s)
        await put_take(store, "new")

        await fetched(cache, "new")

        left = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert left == ["take-new", "take-used"]


async def test_the_cache_stays_within_its_limit_however_fast_it_is_filled(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 10_000)
    sizes = []
    for number in range(20):
        await put_take(store, str(number))
        await fetched(cache, str(number))
        sizes.append(size_bytes(tmp_path / "cache"))

    assert max(sizes) <= 10_000
    assert sizes[-1] > 8000


async def test_what_was_too_much_while_it_was_in_use_leaves_when_the_janitor_comes(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 2500)
    with ExitStack() as using:
        for take_id in "abcd":
            await put_take(store, take_id)
            await cache.take(take_id, using)
        await cache.forget_unused(0.0)
        in_use = sorted(path.name for path in (tmp_path / "cache").iterdir())

    await cache.forget_unused(3600.0)

    assert in_use == ["take-a", "take-b", "take-c", "take-d"]
    assert len(list((tmp_path / "cache").iterdir())) == 2


async def test_two_workers_that_fetch_and_remove_at_once_give_nobody_half_of_anything(
    store: LocalStore, tmp_path: Path
) -> None:
    for take_id in "abcdef":
        await put_take(store, take_id)
    caches = [Cache(tmp_path / "cache", store, 2500) for _ in range(3)]

    async def work(cache: Cache, step: int) -> None:
        for number in range(150):
            with ExitStack() as using:
                folder = await cache.take("abcdef"[number * step % 6], using)
                await asyncio.sleep(0)
                names = sorted(path.name for path in folder.iterdir())
                assert names == ["sound.flac", "speech.npz", "words.json"]

    await asyncio.gather(
        *(work(cache, step) for cache, step in zip(caches, (1, 5, 3), strict=True))
    )

    # What was too much while it was in use leaves with the next one that comes.
    for take_id in "abcdef":
        await fetched(caches[0], take_id)
    assert size_bytes(tmp_path / "cache") <= 2500


async def test_a_picture_that_two_clips_need_is_made_once(
    store: LocalStore, tmp_path: Path
) -> None:
    made: list[Path] = []

    async def fill(folder: Path) -> None:
        made.append(folder)
        (folder / "picture.png").write_bytes(b"p")

    cache = Cache(tmp_path / "cache", store, 10**6)

    with ExitStack() as using:
        folders = await asyncio.gather(
            cache.picture("ab", fill, using), cache.picture("ab", fill, using)
        )

    assert len(made) == 1
    assert [path.name for path in folders[0].iterdir()] == ["picture.png"]


async def test_clips_that_were_deleted_from_the_store_leave_the_cache_of_every_worker(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 10**6)
    there, deleted = "clips/b/001-1.mp4", "clips/b/002-2.mp4"
    for key in (there, deleted):
        made = tmp_path / "made.mp4"
        made.write_bytes(b"video")
        await store.put_file(key, made)
        await cache.keep_clip(key, made)
    await store.delete(deleted)

    await cache.forget_deleted()

    assert list(cache.clips([there, deleted])) == [there]
    assert len(list((tmp_path / "cache").iterdir())) == 1


async def test_a_recording_that_was_deleted_from_the_store_leaves_the_cache_of_every_worker(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 10**6)
    for take_id in ("there", "deleted"):
        for name in ("sound.flac", "speech.npz", "words.json"):
            await store.put_bytes(keys.take(take_id, name), b"x")
        await fetched(cache, take_id)
    for name in ("sound.flac", "speech.npz", "words.json"):
        await store.delete(keys.take("deleted", name))

    await cache.forget_deleted()

    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["take-there"]


async def test_a_picture_that_was_deleted_from_the_store_leaves_the_cache_of_every_worker(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 10**6)

    async def fill(folder: Path) -> None:
        (folder / "picture").write_bytes(b"x")

    for sha256 in ("there", "deleted"):
        with ExitStack() as using:
            await cache.picture(sha256, fill, using)
    await store.put_bytes(keys.picture("there"), b"x")

    await cache.forget_deleted()

    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["picture-there"]


async def test_a_finished_clip_is_here_until_its_archive_is_packed(
    store: LocalStore, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache", store, 10**6)
    made = tmp_path / "made.mp4"
    made.write_bytes(b"video")

    await cache.keep_clip("clips/b/001-1.mp4", made)
    kept = cache.clips(["clips/b/001-1.mp4", "clips/b/002-2.mp4"])
    content = {key: path.read_bytes() for key, path in kept.items()}
    await cache.drop_clips(kept)

    assert content == {"clips/b/001-1.mp4": b"video"}
    assert cache.clips(kept) == {}
    assert not made.exists()
