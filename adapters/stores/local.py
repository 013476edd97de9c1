"""The object store on this machine: files under one folder, Archives as recipes.

An object is a file whose path is its key. An Archive is not written: beside where it would stand lies a *recipe*, a
small JSON of its entries, and any byte range is computed from the Clips (``VirtualZip``). Everything appears
under its name by a rename, so that a crash leaves old or new, never half. Folders whose name begins with a dot are
not objects: ``.unfinished`` holds what is being written.

Disk work runs in threads, one short call for each step, so that neither the loop waits nor an open file
outlives a cancelled download.
"""

import asyncio
import contextlib
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.stores import disk
from adapters.stores.links import DoorLinks
from adapters.stores.recipe import Recipe
from adapters.stores.streams import counted, exactly
from worker.contract.ports import (
    ArchiveEntry,
    Lifecycle,
    Link,
    ObjectFacts,
    ObjectMissing,
)
from worker.contract.tokens import TokenCodec
from worker.contract.virtual_zip import Piece, VirtualZip

_RECIPE: Final = ".recipe"
_UNFINISHED: Final = ".unfinished"
_CHUNK_BYTES: Final = 1 << 20
_LONGEST_SEGMENT: Final = 200  # bytes; file systems take 255, and the recipe's suffix has to fit
_ABANDONED_S: Final = 86_400
"""What lies unfinished for a day belongs to a process that died."""


class LocalStore:
    """An ObjectStore in one folder of this machine; several processes may use it at once."""

    def __init__(
        self,
        folder: Path,
        codec: TokenCodec,
        public_url: str | Callable[[], str],
        *,
        virtual_archives: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Make the folder and clear away what dead processes left unfinished.

        Args:
            folder: Holds the objects; made if absent.
            codec: Signs the Links.
            public_url: Where people reach the door, without a slash at the end; asked anew for each Link.
            virtual_archives: False writes Archives out as files, for a front server that hands out files itself.
            clock: Tells the time; with a time zone.
        """
        self._folder = folder.resolve()
        self._links = DoorLinks(codec, public_url, clock)
        self._virtual_archives = virtual_archives
        with disk.writing(str(folder)):
            self._unfinished.mkdir(parents=True, exist_ok=True)
            self._sweep_unfinished()

    async def put_file(
        self,
        key: str,
        path: Path,
        content_type: str = "application/octet-stream",  # noqa: ARG002 - a file keeps none
    ) -> None:
        """Store a copy of a file; its content type is told from its name when it is downloaded."""
        await asyncio.to_thread(self._put_file, key, path)

    async def put_bytes(
        self,
        key: str,
        content: bytes,
        content_type: str = "application/json",  # noqa: ARG002 - a file keeps none
    ) -> None:
        """Store a small object, or replace it whole."""
        await asyncio.to_thread(self._put_bytes, self._path(key), content, key)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], size_bytes: int) -> None:
        """Store what a stream yields.

        Raises:
            ValueError: The stream had another size than ``size_bytes``; nothing was stored.
        """
        path, draft = self._path(key), self._draft()
        try:
            await asyncio.to_thread(disk.append, draft, b"", key)
            async for chunk in exactly(size_bytes, chunks, key):
                await asyncio.to_thread(disk.append, draft, chunk, key)
            await asyncio.to_thread(disk.settle, draft, path, key)
        except BaseException:
            await asyncio.to_thread(draft.unlink, missing_ok=True)
            raise

    async def put_archive(
        self,
        key: str,
        entries: Sequence[ArchiveEntry],
        modified_at: datetime,
        near: Mapping[str, Path] | None = None,  # noqa: ARG002 - all of it is near
        noted: Callable[[int], None] | None = None,
    ) -> int:
        """Keep the recipe of a ZIP (or write it out); returns the ZIP's size in bytes.

        Raises:
            ObjectMissing: An entry's object is not there, or has another size.
        """
        whole = VirtualZip(entries, modified_at)
        await asyncio.to_thread(self._check_entries, entries)
        if self._virtual_archives:
            recipe = Recipe.of(entries, whole, modified_at)
            path = _recipe_of(self._path(key))
            await asyncio.to_thread(self._put_bytes, path, recipe.model_dump_json().encode(), key)
        else:
            pieces = whole.pieces(0, whole.size_bytes)
            chunks = counted(self._read_pieces(pieces), noted)
            await self.put_stream(key, chunks, whole.size_bytes)
        return whole.size_bytes

    async def get_file(self, key: str, path: Path) -> None:
        """Fetch an object into a file, which is to be read only: where possible it is a hard link.

        Raises:
            ObjectMissing: There is none.
        """
        if await asyncio.to_thread(self._get_plain, key, path):
            return
        facts = await self.stat(key)
        draft = disk.beside(path)
        try:
            async for chunk in self.open_range(key, 0, facts.size_bytes):
                await asyncio.to_thread(disk.append, draft, chunk, key)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    async def get_bytes(self, key: str) -> bytes:
        """Fetch a small object; raises ObjectMissing."""
        plain = await asyncio.to_thread(self.local_path, key)
        if plain is not None:
            return await asyncio.to_thread(disk.read, plain, key)
        facts = await self.stat(key)
        return b"".join([chunk async for chunk in self.open_range(key, 0, facts.size_bytes)])

    async def open_range(self, key: str, start: int, size_bytes: int) -> AsyncIterator[bytes]:
        """Yield ``size_bytes`` bytes from ``start``, at most 1 MiB at a time.

        Raises:
            ObjectMissing: There is none (any more), or an Archive's Clip is gone.
            ValueError: The range does not lie within the object.
        """
        pieces = await asyncio.to_thread(self._pieces, key, start, size_bytes)
        async for chunk in self._read_pieces(pieces):
            yield chunk

    async def stat(self, key: str) -> ObjectFacts:
        """Size and time of an object.

        Raises:
            ObjectMissing: There is none, or it is an Archive whose Clips are gone.
        """
        return await asyncio.to_thread(self._stat, key)

    async def list(self, prefix: str) -> AsyncIterator[ObjectFacts]:
        """Every object whose key begins with ``prefix``, in the order of their keys."""
        for facts in await asyncio.to_thread(self._list, prefix):
            yield facts

    async def delete(self, key: str) -> None:
        """Remove an object and the folders it leaves empty; no error if it is gone already."""
        await asyncio.to_thread(self._delete, key)

    async def sign(self, key: str, lifetime_s: int, filename: str) -> Link:
        """A URL of the door that downloads the object until the lifetime ends."""
        self._path(key)
        return Link(self._links.sign(key, lifetime_s, filename), lifetime_s)

    async def keeps_versions(self) -> bool:
        """A folder keeps none: always False."""
        return False

    async def apply_lifecycle(
        self,
        cold_days: int,  # noqa: ARG002 - see below
        retention_days: int,  # noqa: ARG002
    ) -> Lifecycle:
        """A folder expires nothing by itself."""
        return Lifecycle(refusal="a folder of this machine expires nothing by itself")

    async def close(self) -> None:
        """Nothing is held open between calls."""

    def local_path(self, key: str) -> Path | None:
        """Where the object's bytes lie as one file; None if it is an Archive's recipe or missing."""
        path = self._path(key)
        with disk.reading(key):
            return path if path.is_file() else None

    def is_virtual(self, key: str) -> bool:
        """Whether only a recipe of it lies here."""
        return self.local_path(key) is None

    async def clear_unfinished(self) -> None:
        """Clear away drafts of processes that died."""
        await asyncio.to_thread(self._sweep_unfinished)

    # What follows runs in threads.

    @property
    def _unfinished(self) -> Path:
        return self._folder / _UNFINISHED

    def _draft(self) -> Path:
        return self._unfinished / uuid.uuid4().hex

    def _sweep_unfinished(self) -> None:
        for draft in self._unfinished.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                if time.time() - draft.stat().st_mtime > _ABANDONED_S:
                    draft.unlink()

    def _path(self, key: str) -> Path:
        """The only way from a key to a path.

        Raises:
            ValueError: The key would leave the folder, or is not one that a key may be.
        """
        segments = key.split("/")
        for segment in segments:
            if (
                not segment
                or segment.startswith(".")
                or segment.endswith(_RECIPE)
                or len(segment.encode()) > _LONGEST_SEGMENT
                or any(letter == "\\" or not letter.isprintable() for letter in segment)
            ):
                raise ValueError(f"{key!r} is no key of an object")
        return self._folder.joinpath(*segments)

    def _put_file(self, key: str, source: Path) -> None:
        path, draft = self._path(key), self._draft()
        with source.open("rb"):  # a missing source is the caller's fault, not the store's
            pass
        try:
            with disk.writing(key):
                shutil.copyfile(source, draft)
            disk.settle(draft, path, key)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _put_bytes(self, path: Path, content: bytes, key: str) -> None:
        draft = self._draft()
        try:
            disk.append(draft, content, key)
            disk.settle(draft, path, key)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _check_entries(self, entries: Sequence[ArchiveEntry]) -> None:
        for entry in entries:
            if entry.key is not None and self._stat(entry.key).size_bytes != entry.size_bytes:
                raise ObjectMissing(f"{entry.key} does not have {entry.size_bytes} bytes any more")

    def _get_plain(self, key: str, path: Path) -> bool:
        source = self.local_path(key)
        if source is not None:
            disk.link_or_copy(source, path, key)
        return source is not None

    def _recipe(self, key: str) -> Recipe:
        with disk.reading(key):
            return Recipe.model_validate_json(_recipe_of(self._path(key)).read_bytes())

    def _pieces(self, key: str, start: int, size_bytes: int) -> Iterator[Piece]:
        plain = self.local_path(key)
        if plain is None:
            return self._recipe(key).zip().pieces(start, size_bytes)
        with disk.reading(key):
            whole_bytes = plain.stat().st_size
        if start < 0 or size_bytes < 0 or start + size_bytes > whole_bytes:
            raise ValueError(f"{start}+{size_bytes} is outside {key} of {whole_bytes} bytes")
        return iter([Piece(size_bytes, key=key, start=start)])

    def _stat(self, key: str) -> ObjectFacts:
        path = self._path(key)
        with contextlib.suppress(ObjectMissing), disk.reading(key):
            if path.is_file():
                return _facts(key, path, path.stat().st_size)
        recipe = self._recipe(key)
        for entry in recipe.entries:
            if entry.key is not None:
                self._stat(entry.key)
        with disk.reading(key):
            return _facts(key, _recipe_of(path), recipe.size_bytes)

    def _list(self, prefix: str) -> Sequence[ObjectFacts]:
        folder = prefix.rpartition("/")[0]
        top = self._path(folder) if folder else self._folder
        found: dict[str, ObjectFacts] = {}
        with disk.reading(prefix):
            for path in self._files(top):
                key = path.relative_to(self._folder).as_posix().removesuffix(_RECIPE)
                if key.startswith(prefix):
                    with contextlib.suppress(FileNotFoundError, ObjectMissing):  # gone meanwhile
                        size = path.stat().st_size
                        if path.name.endswith(_RECIPE):
                            size = self._recipe(key).size_bytes
                        found[key] = _facts(key, path, size)
        return [found[key] for key in sorted(found)]

    def _files(self, top: Path) -> Iterator[Path]:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (Path(folder, name) for name in names if not name.startswith("."))

    def _delete(self, key: str) -> None:
        path = self._path(key)
        with disk.reading(key):
            path.unlink(missing_ok=True)
            _recipe_of(path).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # not empty, or gone: both end the pruning
                for folder in path.parents:
                    if folder == self._folder:
                        break
                    folder.rmdir()

    async def _read_pieces(self, pieces: Iterator[Piece]) -> AsyncIterator[bytes]:
        for piece in pieces:
            if piece.content is not None:
                yield piece.content
                continue
            key = piece.key or ""
            path = self._path(key)
            for offset in range(0, piece.size_bytes, _CHUNK_BYTES):
                size = min(_CHUNK_BYTES, piece.size_bytes - offset)
                yield await asyncio.to_thread(disk.read_at, path, piece.start + offset, size, key)


def _recipe_of(path: Path) -> Path:
    return path.with_name(path.name + _RECIPE)


def _facts(key: str, path: Path, size_bytes: int) -> ObjectFacts:
    return ObjectFacts(key, size_bytes, datetime.fromtimestamp(path.stat().st_mtime, UTC))
