"""AMR files, frame by frame (storage format of RFC 4867, section 5).

Phones send a pause as comfort noise (SID) and as nothing at all (NO_DATA). FFmpeg's decoders refuse such frames, so
they are told apart here and become silence of the same length: every frame stands for 20 ms.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

MAGIC_NB: Final = b"#!AMR\n"
MAGIC_WB: Final = b"#!AMR-WB\n"
FRAME_S: Final = 0.02

# Bytes behind the header byte for each frame type (RFC 4867 section 5.3, 3GPP TS 26.101 and 26.201). None: no such type.
_SIZES_NB: Final = (12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, None, None, None, 0)
_SIZES_WB: Final = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, None, None, None, None, 0, 0)


@dataclass(frozen=True)
class AmrKind:
    """Which of the two codecs a file holds."""

    codec: str
    """FFmpeg's name of the decoder."""
    magic: bytes
    rate_hz: int
    sizes: tuple[int | None, ...]
    speech_types: int
    """Frame types below this number carry speech."""

    @property
    def frame_samples(self) -> int:
        """Samples of one frame."""
        return round(self.rate_hz * FRAME_S)


NARROW: Final = AmrKind("amrnb", MAGIC_NB, 8000, _SIZES_NB, 8)
WIDE: Final = AmrKind("amrwb", MAGIC_WB, 16000, _SIZES_WB, 9)


def recognise(head: bytes) -> AmrKind | None:
    """Tell from a file's first bytes which kind of AMR it is; None if it is none."""
    for kind in (NARROW, WIDE):
        if head.startswith(kind.magic):
            return kind
    return None


def read_frames(file: BinaryIO, kind: AmrKind) -> Iterator[bytes | None]:
    """Yield the frames of a file that stands at its beginning.

    Args:
        file: The file, magic included.
        kind: As ``recognise`` told.

    Yields:
        A speech frame, its header byte included, ready for the decoder; or None where 20 ms carry no speech
        (SID, NO_DATA, lost speech, or a frame marked as damaged). A byte that is no frame header is skipped and takes
        no time; a last frame that is cut off is dropped.
    """
    file.seek(len(kind.magic))
    while header := file.read(1):
        frame_type = header[0] >> 3 & 0x0F
        size = kind.sizes[frame_type]
        # The first bit and the last two are padding and always 0: a cheap way to find step again after damage.
        if size is None or header[0] & 0b1000_0011:
            continue
        body = file.read(size)
        if len(body) < size:
            return
        intact = header[0] & 0b0000_0100
        yield header + body if frame_type < kind.speech_types and intact else None
