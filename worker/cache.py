"""Takes, Templates and Clips on their way, on this machine's disk: fetched once, whole or absent, the longest unused removed first.

Folders are named by content, so nothing in them ever goes stale.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from worker.contract import keys
from worker.contract.ports import ObjectMissing, ObjectStore
from worker.contract.records import TemplateRecord

log = logging.getLogger(__name__)

SOURCE: Final = "source"
_TEMPLATE: Final = "template-"
_CLIP: Final = "clip.mp4"
_KEY: Final = "key"
"""Beside a Clip: what it is called in the store."""
_TAKE: Final = "take-"
_PICTURE: Final = "picture-"
_IN_USE_S: Final = 3600.0
"""What was used within the hour may be open in an engine, of this foreman or another on this machine."""


class Cache:
    """What Clips are made of, in folders the engine may open."""

    def __init__(self, folder: Path, store: ObjectStore, most_bytes: int) -> None:
        self._folder = folder
        self._store = store
        self._most_bytes = most_bytes
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def take(self, take_id: str) -> Path:
        """The folder of an analysed Take. Raises ObjectMissing, StoreUnavailable."""
        wanted = {name: keys.take(take_id, name) for name in keys.TAKE_MADE}
        return await self._fetched(f"{_TAKE}{take_id}", wanted)

    async def template(self, template: TemplateRecord) -> Path:
        """The folder of a prepared Template, its video under ``SOURCE``. Raises ObjectMissing, StoreUnavailable."""
        name = f"{_TEMPLATE}{template.sha256}"
        if (self._folder / name).is_dir():
            return await self._fetched(name, {})
        beginning = keys.prepared(template.sha256, "")
        wanted = {SOURCE: keys.template(template.id, SOURCE)}
        async for facts in self._store.list(beginning):
            wanted[facts.key.removeprefix(beginning)] = facts.key
        return await self._fetched(name, wanted)

    async def templates_here(self) -> frozenset[str]:
        """SHA-256 of the videos whose prepared Templates lie here."""
        found = await asyncio.to_thread(lambda: list(self._folder.glob(f"{_TEMPLATE}*")))
        return frozenset(folder.name.removeprefix(_TEMPLATE) for folder in found)

    async def picture(self, sha256: str, fill: Callable[[Path], Awaitable[None]]) -> Path:
        """The folder of a picture, which ``fill`` puts there if it is not; raises what that raises."""
        return await self._kept(f"{_PICTURE}{sha256}", fill)

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
            await asyncio.to_thread(shutil.rmtree, self._clip_folder(key), ignore_errors=True)

    def _clip_folder(self, key: str) -> Path:
        return self._folder / f"clip-{hashlib.sha256(key.encode()).hexdigest()}"

    async def forget_unused(self, unused_s: float) -> None:
        """Remove what nobody used for so long: what the store no longer keeps shall not live on here."""
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
                log.info("%s leaves the cache, it was deleted", key)
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

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

    async def _fetched(self, name: str, wanted: Mapping[str, str]) -> Path:
        async def fill(folder: Path) -> None:
            for file, key in wanted.items():
                await self._store.get_file(key, folder / file)

        return await self._kept(name, fill)

    async def _kept(self, name: str, fill: Callable[[Path], Awaitable[None]]) -> Path:
        folder = self._folder / name
        async with self._locks[name]:
            if not folder.is_dir():
                draft = self._folder / f".{uuid.uuid4().hex}"
                try:
                    draft.mkdir(parents=True)
                    await fill(draft)
                    _settle(draft, folder)
                finally:
                    shutil.rmtree(draft, ignore_errors=True)
                await asyncio.to_thread(self._tidy)
            os.utime(folder)  # used now
        return folder

    def _forget_unused(self, unused_s: float) -> None:
        for folder in self._folder.glob("*"):
            if folder.is_dir() and _used_at(folder) < time.time() - max(unused_s, _IN_USE_S):
                log.info("%s leaves the cache, unused for long", folder.name)
                shutil.rmtree(folder, ignore_errors=True)

    def _tidy(self) -> None:
        """Remove the longest unused until the rest fits."""
        folders = [entry for entry in self._folder.iterdir() if entry.is_dir()]
        sizes = {folder: _size_bytes(folder) for folder in folders}
        total = sum(sizes.values())
        for folder in sorted(folders, key=_used_at):
            if total <= self._most_bytes or _used_at(folder) > time.time() - _IN_USE_S:
                break
            log.info("%s leaves the cache", folder.name)
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]


def _settle(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another foreman of this machine was faster
            raise


def _used_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
