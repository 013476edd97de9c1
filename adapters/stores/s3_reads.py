"""Reading from an S3 bucket: by ranges, several ahead, each tried again by itself."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from adapters.stores import disk
from adapters.stores.s3_calls import Calls
from adapters.stores.streams import Fetch, fetched_ahead
from worker.contract.ports import ArchiveEntry, ObjectMissing, StoreUnavailable
from worker.contract.virtual_zip import Piece

READS: Final = 6
"""Ranges under way at once."""
_AHEAD_BYTES: Final = 6 << 20
"""Most that is under way or waits to be taken."""
READ_BYTES: Final = 2 << 20
"""Of one range."""
_TRIES: Final = 3
"""Of reading one range; the request before its bytes come is retried by the library."""

_BROKEN_READS: Final = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


class Reads:
    """Bytes from the bucket, or from this disk where they are here too."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def read(
        self,
        pieces: Iterable[Piece],
        near: Mapping[str, Path] | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> AsyncIterator[bytes]:
        """Yield what pieces hold, at most 2 MiB at a time.

        Args:
            pieces: In their order.
            near: Files that hold what lies under a key, too; they may go.
            sizes: Of whole objects, by key: one that has another size is ObjectMissing.
        """
        fetches = self._fetches(pieces, near or {}, sizes or {})
        return fetched_ahead(fetches, READS, _AHEAD_BYTES)

    def _fetches(
        self, pieces: Iterable[Piece], near: Mapping[str, Path], sizes: Mapping[str, int]
    ) -> Iterator[bytes | Fetch]:
        for piece in pieces:
            if piece.content is not None:
                yield piece.content
                continue
            key = piece.key or ""
            for offset in range(0, piece.size_bytes, READ_BYTES):
                span = (piece.start + offset, min(READ_BYTES, piece.size_bytes - offset))
                get = partial(self._get_near, key, span, near.get(key), sizes.get(key))
                yield Fetch(span[1], partial(self._calls, key, get))

    async def whole(self, key: str) -> bytes:
        """A small object."""
        return await self._calls(key, partial(self._get, key, None))

    def _get_near(
        self, key: str, span: tuple[int, int], path: Path | None, whole_bytes: int | None
    ) -> bytes:
        """Read a range from this disk if it is there, else from the store."""
        if path is not None:
            with contextlib.suppress(ObjectMissing, StoreUnavailable):
                return disk.read_at(path, *span, key)
        return self._get(key, span, whole_bytes)

    def _get(self, key: str, span: tuple[int, int] | None, whole_bytes: int | None = None) -> bytes:
        """Read an object, or ``(start, size_bytes)`` of it; blocks."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(*_BROKEN_READS):
                return self._get_once(key, span, whole_bytes)
        return self._get_once(key, span, whole_bytes)

    def _get_once(self, key: str, span: tuple[int, int] | None, whole_bytes: int | None) -> bytes:
        if span is None:
            answer = self._calls.client.get_object(Bucket=self._calls.bucket, Key=key)
        else:
            asked = f"bytes={span[0]}-{span[0] + span[1] - 1}"
            answer = self._calls.client.get_object(Bucket=self._calls.bucket, Key=key, Range=asked)
        with contextlib.closing(answer["Body"]) as body:
            if whole_bytes not in {None, _whole_of(answer.get("ContentRange", ""))}:
                raise ObjectMissing(f"{key} does not have {whole_bytes} bytes any more")
            if span is not None and answer["ContentLength"] < span[1]:
                raise ValueError(f"{span[0]}+{span[1]} is outside {key}")
            if span is not None and answer["ContentLength"] > span[1]:
                raise StoreUnavailable(f"the store serves no ranges (bucket {self._calls.bucket})")
            return body.read()


def sizes_of(entries: Iterable[ArchiveEntry]) -> dict[str, int]:
    """How large the objects are of which an Archive is made, by key."""
    return {entry.key: entry.size_bytes for entry in entries if entry.key is not None}


def _whole_of(told: str) -> int | None:
    """The size of the whole object, of ``Content-Range: bytes 0-9/1000``; None if it is not told."""
    size = told.rpartition("/")[2]
    return int(size) if size.isdecimal() else None
