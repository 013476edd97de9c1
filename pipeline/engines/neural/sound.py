"""The sound that models hear, and how it is counted."""

from pathlib import Path
from typing import Final

import numpy as np

from pipeline.media import CLIP_RATE_HZ, read_sound
from pipeline.types import Samples

RATE_HZ: Final = 16_000
STEPS_HZ: Final = 50
"""States of Whisper's encoder in a second."""


def steps_of(samples: int) -> int:
    """Tell how many states a recording of so many samples has."""
    return samples * STEPS_HZ // RATE_HZ


def read_for_models(sound: Path) -> Samples:
    """Decode a Take's sound to mono, 16 kHz, by the resampler that the networks' features were made with.

    FFmpeg's own differs by 1 % of the level.
    """
    import soxr  # noqa: PLC0415 - of the extra; who only counts need not have it

    samples = read_sound(sound, CLIP_RATE_HZ)
    resampled = soxr.resample(samples, CLIP_RATE_HZ, RATE_HZ, quality="HQ")
    return np.asarray(resampled, np.float32)


def read_in_16_bits(sound: Path) -> Samples:
    """Decode a recording to mono, 16 kHz, by FFmpeg's resampler and in whole numbers of 16 bits, which LatentSync's features were made with."""
    samples = read_sound(sound, RATE_HZ)
    samples *= 32768  # in place: an hour of sound is large
    np.round(samples, out=samples)
    samples /= 32768
    return samples
