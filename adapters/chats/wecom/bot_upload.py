"""Files on their way to WeCom over the long connection: begun, handed over in chunks, finished.

Any front end may do it: each frame is said by the one that holds the connection.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from bot.ports import MediaTooLarge, PlatformDown

_CHUNK_BYTES: Final = 512 << 10
_CHUNKS: Final = 100
_AT_ONCE: Final = 2
"""More at a time, and WeCom answers with a system error."""
_TRIES: Final = 3
Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""(cmd, body) to the body of the answer."""


async def upload(ask: Ask, kind: str, file: Path, name: str) -> str:
    """Hand a file over; its media id, which lives for three days. Raises MediaTooLarge, and what asking raises."""
    size_bytes, md5 = await asyncio.to_thread(_measured, file)
    chunks = max(-(-size_bytes // _CHUNK_BYTES), 1)
    if chunks > _CHUNKS:
        raise MediaTooLarge(name, limit_bytes=_CHUNKS * _CHUNK_BYTES)
    begun = await ask(
        "aibot_upload_media_init",
        {
            "type": kind,
            "filename": name,
            "total_size": size_bytes,
            "total_chunks": chunks,
            "md5": md5,
        },
    )
    upload_id, slots = str(begun["upload_id"]), asyncio.Semaphore(_AT_ONCE)

    async def hand_over(index: int) -> None:
        async with slots:
            content = await asyncio.to_thread(_chunk, file, index)
            data = base64.b64encode(content).decode()
            await _insist(ask, {"upload_id": upload_id, "chunk_index": index, "base64_data": data})

    try:
        async with asyncio.TaskGroup() as tasks:
            for index in range(chunks):
                tasks.create_task(hand_over(index))
    except ExceptionGroup as group:  # the first says enough
        raise group.exceptions[0] from None
    finished = await ask("aibot_upload_media_finish", {"upload_id": upload_id})
    return str(finished["media_id"])


async def _insist(ask: Ask, body: dict[str, Any]) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            await ask("aibot_upload_media_chunk", body)
        except PlatformDown:
            if attempt == _TRIES:
                raise
        else:
            return


def _measured(file: Path) -> tuple[int, str]:
    digest, size_bytes = hashlib.md5(usedforsecurity=False), 0  # WeCom's choice, against breaks
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    return size_bytes, digest.hexdigest()


def _chunk(file: Path, index: int) -> bytes:
    with file.open("rb") as content:
        content.seek(index * _CHUNK_BYTES)
        return content.read(_CHUNK_BYTES)
