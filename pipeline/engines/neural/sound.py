"""The sound that models hear, and how it is counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.media import CLIP_RATE_HZ, mono_blocks
from pipeline.types import Samples

RATE_HZ: Final = 16_000
STEPS_HZ: Final = 50
"""States of Whisper's encoder in a second."""


def steps_of(samples: int) -> int:
    """Tell how many states a recording of so many samples has."""
    return samples * STEPS_HZ // RATE_HZ


def read_for_models(sound: Path) -> Iterator[Samples]:
    """Decode a Take's sound to mono, 16 kHz, by the resampler that the networks' features were made with; piece after piece.

    FFmpeg's own differs by 1 % of the level.
    """
    import soxr  # noqa: PLC0415 - of the extra; who only counts need not have it

    stream = soxr.ResampleStream(CLIP_RATE_HZ, RATE_HZ, 1, dtype="float32", quality="HQ")
    for block in mono_blocks(sound, CLIP_RATE_HZ):
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def read_in_16_bits(sound: Path) -> Iterator[Samples]:
    """Decode a recording to mono, 16 kHz, by FFmpeg's resampler and in whole numbers of 16 bits, which LatentSync's features were made with.

    Piece after piece.
    """
    for block in mono_blocks(sound, RATE_HZ):
        yield np.asarray(np.round(block * 32768) / 32768, np.float32)
