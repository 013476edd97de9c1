"""Clips that also lie on this disk, and whether an Archive may be made of them: no other bytes than its checksums say.

What is sent whole is summed up while it is sent (``checked``). What the store copies for the most part is not read whole, so
there the file is, beforehand (``right_ones``). CRC-32 runs at several GB/s, an upload at a tenth of that.
"""

import contextlib
import logging
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Final

from worker.contract.ports import ArchiveEntry
from worker.contract.virtual_zip import VirtualZip

_log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 1 << 20


class OtherBytes(Exception):
    """What was read under a key is not what it should be; never leaves the stores."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} has other bytes than when it was made")
        self.key = key


def whole_ones(near: Mapping[str, Path], entries: Iterable[ArchiveEntry]) -> dict[str, Path]:
    """Those files that are there, as large as they should be: the store need not be asked about them."""
    found: dict[str, Path] = {}
    for entry in entries:
        if entry.key is not None and entry.key in near:
            with contextlib.suppress(OSError):
                if near[entry.key].stat().st_size == entry.size_bytes:
                    found[entry.key] = near[entry.key]
    return found


def right_ones(near: Mapping[str, Path], entries: Iterable[ArchiveEntry]) -> dict[str, Path]:
    """Those files that hold what they should; reads all of them."""
    found: dict[str, Path] = {}
    for entry in entries:
        if entry.key is not None and entry.key in near:
            with contextlib.suppress(OSError):
                if _crc32_of(near[entry.key]) == entry.crc32:
                    found[entry.key] = near[entry.key]
                else:
                    tell_of_other_bytes(near[entry.key], entry.key)
    return found


def tell_of_other_bytes(path: Path, key: str) -> None:
    """For the operator: a disk that keeps other bytes than were written is to be looked at."""
    _log.warning("%s does not hold the bytes of %s; they are fetched from the store", path, key)


async def checked(chunks: AsyncIterator[bytes], whole: VirtualZip) -> AsyncIterator[bytes]:
    """Pass on the bytes of a ZIP, in chunks that each lie within one of its segments.

    Raises:
        OtherBytes: An object's are not those that its checksum was taken of; its last chunk was not passed on.
    """
    sums = {entry.key: entry.crc32 for entry in whole.entries if entry.key is not None}
    coming = deque(segment for segment in whole.segments if segment.size_bytes)
    crc32 = passed = 0
    async for chunk in chunks:
        if chunk:
            crc32, passed = zlib.crc32(chunk, crc32), passed + len(chunk)
            if passed == coming[0].size_bytes:
                key = coming.popleft().key
                if key is not None and crc32 != sums[key]:
                    raise OtherBytes(key)
                crc32 = passed = 0
        yield chunk


def _crc32_of(path: Path) -> int:
    crc32 = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            crc32 = zlib.crc32(chunk, crc32)
    return crc32
