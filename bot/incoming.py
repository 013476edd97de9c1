"""A file comes in: fetched while the platform has it, measured, and gone from here when it is dealt with."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot import words
from bot.desk import Turn
from bot.ports import Media, MediaGone, MediaTooLarge
from worker.contract.codes import Code
from worker.contract.records import Reason

_CHUNK_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 1024
"""An SVG says late that it is one."""
_MB: Final = 1_000_000
_LONG_BYTES: Final = 20 * _MB
"""What is larger may take minutes."""
PICTURE_BYTES: Final = 30 * _MB
"""A picture for the background may have so much; a photo of 48 megapixels has half of that."""
PREFIX: Final = "in-"
"""Of files on their way through; what a killed bot left behind is cleared by it."""
_ABANDONED_S: Final = 3600.0


@dataclass(frozen=True)
class Fetched:
    """A file that was sent, on this machine's disk."""

    media: Media
    path: Path
    size_bytes: int
    sha256: str
    head: bytes
    """Its first bytes, which tell what it is."""


@contextlib.asynccontextmanager
async def fetched(turn: Turn, media: Media, too_large: str = "") -> AsyncIterator[Fetched | None]:
    """Fetch a file for as long as the block lasts; None if it is no use, and that was answered.

    Args:
        turn: Of the person.
        media: What was sent.
        too_large: The text for a file that is, with ``size`` and ``limit``; empty: what is said of its kind.

    Raises:
        PlatformDown: It is tried again.
    """
    refused = _refused_unseen(turn, media, too_large)
    if refused:
        await turn.answer(refused)
        yield None
        return
    path = turn.desk.policy.scratch / f"{PREFIX}{secrets.token_hex(8)}"
    if media.size_bytes is not None and media.size_bytes > _LONG_BYTES:
        await _ask_for_patience(turn, media, media.size_bytes)
    try:
        file = await _fetch(turn, media, path, too_large)
        if isinstance(file, str):
            await turn.answer(file)
            yield None
        else:
            yield file
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def clear_scratch(folder: Path) -> None:
    """Remove what a killed bot left behind; what is younger may belong to one that runs."""
    # What the store fetches stands beside its place under a hidden name until it is whole.
    for path in [*folder.glob(f"{PREFIX}*"), *folder.glob(f".{PREFIX}*")]:
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()


async def _ask_for_patience(turn: Turn, media: Media, size_bytes: int) -> None:
    """Say that it takes a while; where new messages ring, what is said next takes the place of that."""
    name, size = words.shown_name(media.name), words.about(size_bytes)
    said = await turn.answer(turn.say("fetching", name=name, size=size), name="fetching")
    if turn.desk.adapter.limits.rings:
        turn.notice = said


async def _fetch(turn: Turn, media: Media, path: Path, too_large: str) -> Fetched | str:
    """The file, or the sentence it is refused with."""
    try:
        await turn.desk.adapter.fetch(media, path)
    except MediaGone:
        return turn.say("media-gone", name=words.shown_name(media.name))
    except MediaTooLarge as error:
        return _too_large(turn, media, too_large, media.size_bytes or 0, error.limit_bytes)
    file = await asyncio.to_thread(_measured, media, path)
    if file.size_bytes == 0:
        return _empty(turn, media)
    if file.size_bytes > turn.desk.adapter.limits.file_size_bytes:
        return _too_large(turn, media, too_large, file.size_bytes)
    return file


def _refused_unseen(turn: Turn, media: Media, too_large: str) -> str:
    """Why a file is refused without fetching it; empty if it is not."""
    if media.size_bytes == 0:
        return _empty(turn, media)
    limit = turn.desk.adapter.limits.file_size_bytes
    if media.kind == "picture":
        limit = min(limit, PICTURE_BYTES)
    if media.size_bytes and media.size_bytes > limit:
        return _too_large(turn, media, too_large, media.size_bytes, limit)
    return ""


def _empty(turn: Turn, media: Media) -> str:
    facts: dict[str, str | float] = {"name": words.shown_name(media.name)}
    return turn.reason(Reason(code=Code.EMPTY, facts=facts))


def _too_large(
    turn: Turn, media: Media, text: str, size_bytes: int, limit: int | None = None
) -> str:
    limit = limit or turn.desk.adapter.limits.file_size_bytes
    if text:
        size = words.size(size_bytes) if size_bytes > limit else "unknown"
        name, server = words.shown_name(media.name), turn.desk.adapter.limits.own_server or "none"
        return turn.say(text, name=name, size=size, limit=words.size(limit), server=server)
    if media.kind == "picture":
        size, most = words.size(max(size_bytes, limit + 1)), words.size(limit)
        name = words.shown_name(media.name)
        return turn.say("picture-too-large", name=name, size=size, limit=most)
    facts: dict[str, str | float] = {
        "size_mb": round(max(size_bytes, limit + 1) / _MB, 1),
        "limit_mb": round(limit / _MB, 1),
    }
    return turn.reason(Reason(code=Code.FILE_TOO_LARGE, facts=facts))


def _measured(media: Media, path: Path) -> Fetched:
    digest, size_bytes, head = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            head = head or chunk[:_HEAD_BYTES]
            digest.update(chunk)
            size_bytes += len(chunk)
    return Fetched(media, path, size_bytes, digest.hexdigest(), head)
