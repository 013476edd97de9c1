"""How an Archive becomes the parts of an upload: copied inside the store where that is allowed, sent where it is not.

A part has 5 MiB at least, but for the last one, and a copied part is one range of one object. So what stands between
two Clips (the header of the next) is sent together with as much of that Clip as makes 5 MiB, and the rest of the Clip
is copied. Bytes that are copied cross no network of ours, neither out of the store nor back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from worker.contract.virtual_zip import Piece

LEAST_BYTES: Final = 5 << 20
"""Of every part but the last (Amazon S3, multipart upload limits)."""
_COPIED_BYTES: Final = 64 << 20
"""Most of one copied part: each costs a request, and several at once are faster than one of 5 GiB."""


@dataclass(frozen=True)
class SentPart:
    """Bytes that go through us."""

    pieces: tuple[Piece, ...]

    @property
    def size_bytes(self) -> int:
        """Of the part."""
        return sum(piece.size_bytes for piece in self.pieces)


@dataclass(frozen=True)
class CopiedPart:
    """A range of an object that the store copies by itself."""

    key: str
    start: int
    size_bytes: int


Part = SentPart | CopiedPart


def plan(pieces: Iterable[Piece], part_bytes: int) -> Iterator[Part]:
    """Lay a ZIP out as parts; together, in this order, they are exactly the pieces.

    Args:
        pieces: Of the whole ZIP.
        part_bytes: Most of a part that is sent.
    """
    glue = _Glue(part_bytes)
    for piece in pieces:
        head = max(LEAST_BYTES - glue.size_bytes, 0)
        if piece.key is None or piece.size_bytes - head < LEAST_BYTES:
            yield from glue.add(piece)
            continue
        if head:
            yield from glue.add(replace(piece, size_bytes=head))
        yield from glue.flush()
        yield from _copied(piece.key, piece.start + head, piece.size_bytes - head)
    yield from glue.flush()


@dataclass
class _Glue:
    """What waits to be sent: less than a whole part."""

    part_bytes: int
    pieces: list[Piece] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, piece: Piece) -> Iterator[Part]:
        start = 0
        while start < piece.size_bytes:
            taken = min(self.part_bytes - self.size_bytes, piece.size_bytes - start)
            self.pieces.append(_cut(piece, start, taken))
            self.size_bytes += taken
            start += taken
            if self.size_bytes == self.part_bytes:
                yield from self.flush()

    def flush(self) -> Iterator[Part]:
        if self.pieces:
            yield SentPart(tuple(self.pieces))
        self.pieces, self.size_bytes = [], 0


def _copied(key: str, start: int, size_bytes: int) -> Iterator[Part]:
    """Even ranges, so that the last one is not too small."""
    count = -(-size_bytes // _COPIED_BYTES)
    for number in range(count):
        begin, end = size_bytes * number // count, size_bytes * (number + 1) // count
        yield CopiedPart(key, start + begin, end - begin)


def _cut(piece: Piece, start: int, size_bytes: int) -> Piece:
    if piece.content is not None:
        return Piece(size_bytes, content=piece.content[start : start + size_bytes])
    return replace(piece, start=piece.start + start, size_bytes=size_bytes)
