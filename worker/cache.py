"""Takes, Templates and Clips on their way, on this machine's disk: fetched once, whole or absent, the longest unused removed first.

Folders are named by content, so nothing in them ever goes stale. Whoever uses one holds a lock on it that all foremen of this
machine see, and that ends with its process: what is in use stays, whatever the limit.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from worker.contract import keys
from worker.contract.ports import ObjectMissing, ObjectStore
from worker.contract.records import TemplateRecord

log = logging.getLogger(__name__)

FOLDER: Final = "cache"
"""Of a worker's folder."""
SOURCE: Final = "source"
_TEMPLATE: Final = "template-"
_CLIP: Final = "clip.mp4"
_KEY: Final = "key"
"""Beside a Clip: what it is called in the store."""
_TAKE: Final = "take-"
_PICTURE: Final = "picture-"


class Cache:
    """What Clips are made of, in folders the engine may open."""

    def __init__(self, folder: Path, store: ObjectStore, most_bytes: int) -> None:
        """Nothing is made yet; foremen that share ``folder`` keep ``most_bytes`` together, beside what they use."""
        self._folder = folder
        self._store = store
        self._most_bytes = most_bytes
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(self, take_id: str, using: ExitStack) -> Path:
        """The folder of an analysed Take, which stays until ``using`` ends. Raises ObjectMissing, StoreUnavailable."""

        async def fill(folder: Path) -> None:
            for name in keys.TAKE_MADE:
                await self._store.get_file(keys.take(take_id, name), folder / name)

        return await self._kept(f"{_TAKE}{take_id}", fill, using)

    async def template(self, template: TemplateRecord, using: ExitStack) -> Path:
        """The same of a prepared Template, its video under ``SOURCE``."""

        async def fill(folder: Path) -> None:
            beginning = keys.prepared(template.sha256, "")
            async for facts in self._store.list(beginning):
                await self._store.get_file(facts.key, folder / facts.key.removeprefix(beginning))
            await self._store.get_file(keys.template(template.id, SOURCE), folder / SOURCE)

        return await self._kept(f"{_TEMPLATE}{template.sha256}", fill, using)

    async def templates_here(self) -> frozenset[str]:
        """SHA-256 of the videos whose prepared Templates lie here."""
        found = await asyncio.to_thread(lambda: list(self._folder.glob(f"{_TEMPLATE}*")))
        return frozenset(folder.name.removeprefix(_TEMPLATE) for folder in found)

    async def picture(
        self, sha256: str, fill: Callable[[Path], Awaitable[None]], using: ExitStack
    ) -> Path:
        """The same of a picture, which ``fill`` puts there if it is not; raises what that raises."""
        return await self._kept(f"{_PICTURE}{sha256}", fill, using)

    async def keep_clip(self, key: str, path: Path) -> None:
        """Keep a finished Clip, which is moved here, until its Archive is packed; without a word if that fails."""
        folder = self._clip_folder(key)

        def keep() -> None:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / _KEY).write_text(key)
                path.replace(folder / _CLIP)
            self._tidy()

        await asyncio.to_thread(keep)

    def clips(self, clip_keys: Iterable[str]) -> dict[str, Path]:
        """Those of some Clips that are here, by their keys."""
        paths = {key: self._clip_folder(key) / _CLIP for key in clip_keys}
        return {key: path for key, path in paths.items() if path.exists()}

    async def drop_clips(self, clip_keys: Iterable[str]) -> None:
        """Their Archive is packed."""
        for key in clip_keys:
            await asyncio.to_thread(_remove, self._clip_folder(key))

    def _clip_folder(self, key: str) -> Path:
        return self._folder / f"clip-{hashlib.sha256(key.encode()).hexdigest()}"

    async def forget_unused(self, unused_s: float) -> None:
        """Remove what nobody used for so long, since what the store no longer keeps shall not live on here, and what is too much."""
        await asyncio.to_thread(self._forget_unused, unused_s)

    async def forget_deleted(self) -> None:
        """Remove the Clips, Takes and pictures that are no longer in the store: somebody deleted their order. Raises StoreUnavailable."""
        kept = await asyncio.to_thread(
            lambda: [*self._kept_clips(), *self._kept_takes(), *self._kept_pictures()]
        )
        for folder, key in kept:
            try:
                await self._store.stat(key)
            except ObjectMissing:
                if await asyncio.to_thread(_remove, folder):
                    log.info("%s left the cache, it was deleted", key)

    def _kept_clips(self) -> list[tuple[Path, str]]:
        """Folders of Clips, and what they are called in the store."""
        kept = []
        for note in self._folder.glob(f"clip-*/{_KEY}"):
            with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
                kept.append((note.parent, note.read_text()))
        return [(folder, key) for folder, key in kept if key]  # else it is being written

    def _kept_takes(self) -> list[tuple[Path, str]]:
        """Folders of Takes, and one object of the store that each was made of."""
        folders = [each for each in self._folder.glob(f"{_TAKE}*") if each.is_dir()]
        return [
            (each, keys.take(each.name.removeprefix(_TAKE), keys.TAKE_MADE[0])) for each in folders
        ]

    def _kept_pictures(self) -> list[tuple[Path, str]]:
        folders = [each for each in self._folder.glob(f"{_PICTURE}*") if each.is_dir()]
        return [(each, keys.picture(each.name.removeprefix(_PICTURE))) for each in folders]

    async def _kept(
        self, name: str, fill: Callable[[Path], Awaitable[None]], using: ExitStack
    ) -> Path:
        folder = self._folder / name
        async with self._locks[name]:
            used = _use(folder, using)
            while not used:
                with self._draft() as draft:
                    await fill(draft)
                    _settle(draft, folder)
                    used = _use(folder, using)
                await asyncio.to_thread(self._tidy)
        return folder

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        """A folder in use, which is gone afterwards unless it was given another name."""
        draft = self._folder / f".{uuid.uuid4().hex}"
        with ExitStack() as using:
            draft.mkdir(parents=True)
            _use(draft, using)
            using.callback(shutil.rmtree, draft, ignore_errors=True)
            yield draft

    def _forget_unused(self, unused_s: float) -> None:
        for folder in self._folder.glob("*"):
            unused = folder.is_dir() and _used_at(folder) < time.time() - unused_s
            if unused and _remove(folder):
                log.info("%s left the cache, unused for long", folder.name)
        if self._folder.is_dir():
            self._tidy()

    def _tidy(self) -> None:
        """Remove the longest unused, but nothing in use, until the rest fits."""
        folders = [entry for entry in self._folder.iterdir() if entry.is_dir()]
        sizes = {folder: size_bytes(folder) for folder in folders}
        total = sum(sizes.values())
        for folder in sorted(folders, key=_used_at):
            if total <= self._most_bytes:
                break
            if _remove(folder):
                log.info("%s left the cache", folder.name)
                total -= sizes[folder]


def size_bytes(folder: Path) -> int:
    """What lies in a folder; others may remove it meanwhile."""
    sizes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                sizes += os.lstat(f"{parent}/{name}").st_size
    return sizes


def _use(folder: Path, using: ExitStack) -> bool:
    """Keep a folder here until ``using`` ends; False if there is none, or it is just leaving."""
    lock = _lock(folder, fcntl.LOCK_SH)
    if lock is None:
        return False
    using.callback(_end_use, lock)
    os.utime(lock)
    return True


def _end_use(lock: int) -> None:
    os.utime(lock)
    os.close(lock)


def _remove(folder: Path) -> bool:
    """Remove a folder that nobody uses; whether this did."""
    lock = _lock(folder, fcntl.LOCK_EX)
    if lock is None:
        return False
    leaving = folder.with_name(f".{uuid.uuid4().hex}")
    try:
        folder.rename(leaving)  # at once, so that nobody finds half of it
        shutil.rmtree(leaving, ignore_errors=True)
    finally:
        os.close(lock)
    return True


def _lock(folder: Path, how: int) -> int | None:
    """Lock a folder; None if somebody else has it, or it is gone. The file is the caller's to close, which unlocks."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), folder.stat()):  # else another took its place
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _settle(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise  # else another foreman of this machine was faster


def _used_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
