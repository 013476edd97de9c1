"""Files that people send: fetched the moment they come, because platforms keep them for a while only."""

import asyncio
import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import aiohttp
from yarl import URL

from bot.ports import MediaGone, MediaTooLarge, PlatformDown

_LOG = logging.getLogger(__name__)

_AT_ONCE: Final = 16
_CHUNK_BYTES: Final = 1 << 18
_ABANDONED_S: Final = 3600.0
Fetch = Callable[[str, Path], Awaitable[str]]
"""(ref, path) writes what a reference names there; its name, if the platform tells one."""


@dataclass(frozen=True)
class Spooled:
    """A file on this machine's disk."""

    path: Path
    name: str
    """Empty: the platform told none."""
    size_bytes: int


class Spool:
    """Keeps such files until they are dealt with."""

    def __init__(self, folder: Path, platform: str, fetch: Fetch, file_s: float) -> None:
        """Prepare.

        Args:
            folder: A private one.
            platform: Begins the names of its files.
            fetch: Fetches one.
            file_s: One that does not come for so long is given up.
        """
        self._folder = folder
        self._prefix = f"{platform}-"
        self._fetch = fetch
        self._file_s = file_s
        self._fetching: dict[str, asyncio.Task[Spooled]] = {}
        self._began_s: dict[str, float] = {}
        """When files were asked for first."""
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def begin(self, ref: str) -> asyncio.Task[Spooled]:
        """Start fetching, once for each file."""
        self._forget_old()
        name = self._name(ref)
        task = self._fetching.get(name)
        if task is None or (task.done() and task.exception() is not None):
            task = self._fetching[name] = asyncio.create_task(self._bring(ref, name))
            task.add_done_callback(_looked_at)
            self._began_s.setdefault(name, time.monotonic())
        return task

    def _forget_old(self) -> None:
        """Copies of a message that is dealt with, which nobody takes."""
        now_s = time.monotonic()
        for name, began_s in list(self._began_s.items()):
            if now_s - began_s > _ABANDONED_S:
                self._began_s.pop(name)
                self._fetching.pop(name, None)
                (self._folder / name).unlink(missing_ok=True)

    async def take(self, ref: str) -> Spooled:
        """The file. Raises MediaGone, MediaTooLarge, and for a while PlatformDown: then it is given up, MediaGone."""
        task, began_s = self.begin(ref), self._began_s[self._name(ref)]
        try:
            return await asyncio.shield(task)
        except PlatformDown as error:
            waited_s = time.monotonic() - began_s
            if waited_s < self._file_s:
                raise
            _LOG.warning("A file is given up after %.0f s: %s", waited_s, error)
            raise MediaGone(str(error)) from error

    async def drop(self, ref: str) -> None:
        """It is dealt with."""
        name = self._name(ref)
        task = self._fetching.pop(name, None)
        self._began_s.pop(name, None)
        if task is not None and not task.done():
            task.cancel()
        await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)

    async def close(self) -> None:
        """Stop what is under way."""
        tasks = [task for task in self._fetching.values() if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def clear(self) -> None:
        """Remove what a killed front end left behind; what is younger may belong to one that runs."""
        for path in self._folder.glob(f"{self._prefix}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    path.unlink()

    async def _bring(self, ref: str, name: str) -> Spooled:
        part, path = self._folder / f"{name}.part", self._folder / name
        try:
            async with self._slots:
                given = await self._fetch(ref, part)
            await asyncio.to_thread(part.rename, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        return Spooled(path, given, size_bytes)

    def _name(self, ref: str) -> str:
        return self._prefix + hashlib.sha256(ref.encode()).hexdigest()[:32]


async def download(url: str, path: Path, limit_bytes: int, file_s: float, stalled_s: float) -> str:
    """Write down what an address hands out, as it comes; its name, empty if none is told.

    Args:
        url: The address.
        path: Where to.
        limit_bytes: What is larger is not fetched to its end.
        file_s: How long all of it may take.
        stalled_s: How long no byte may come.

    Raises:
        MediaGone: The address is over.
        MediaTooLarge: There is more.
        PlatformDown: Nobody answers.
    """
    patience = aiohttp.ClientTimeout(total=file_s, sock_connect=stalled_s, sock_read=stalled_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as session,
            session.get(url) as answer,
        ):
            if answer.status >= 500:
                raise PlatformDown(f"the platform's files answer with {answer.status}")
            if answer.status >= 400:
                raise MediaGone("the address of a file is over")
            await _write(answer, path, limit_bytes)
            disposition = answer.content_disposition
            return PurePath(disposition.filename or "").name if disposition else ""
    except aiohttp.InvalidURL:
        raise MediaGone("the address of a file is none") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        host, why = URL(url).host, type(error).__name__
        raise PlatformDown(
            f"{host}, which has the platform's files, does not answer: {why}"
        ) from None


async def _write(answer: aiohttp.ClientResponse, path: Path, limit_bytes: int) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            file.write(chunk)
            if file.tell() > limit_bytes:
                raise MediaTooLarge(limit_bytes=limit_bytes)


def _looked_at(task: asyncio.Task[Spooled]) -> None:
    """Whoever takes the file hears of it; nobody may have been waiting yet."""
    if not task.cancelled() and task.exception() is not None:
        _LOG.info("A file is not fetched: %s", task.exception())
