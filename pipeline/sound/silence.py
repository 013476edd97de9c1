"""Where a Take's speech begins and ends, and what of it is kept when the silence around it is not wanted."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import CURVE_RATE_HZ, Samples

_HOP: Final = 160
"""Samples at 16 kHz for one value of a curve."""
_BEFORE_S: Final = 0.15
_BEHIND_S: Final = 0.3
"""Silence that is kept: a voice that begins in the first picture startles, and an ending needs a breath."""
_LEAST_S: Final = 0.5
"""No Clip is shorter."""
_SOFT: Final = 50
"""Frames of 10 ms before and behind speech in which a soft beginning, a breath or an echo may still be heard."""
_SOFT_GAP: Final = 4
_OVER_NOISE_DB: Final = 6.0
_BELOW_SPEECH_DB: Final = 45.0
"""What is quieter than speech by more than this is not heard beside it."""
_SILENT_DB: Final = -100.0


@dataclass(frozen=True)
class Span:
    """A part of a Take, in seconds."""

    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.begin_s


def spoken_span(speech: NDArray[np.float32], samples: Samples, duration_s: float) -> Span:
    """Find what is heard of somebody speaking.

    Args:
        speech: Of the Take's ``MouthCurve``; somewhere it is more than 0.5.
        samples: (n,) mono, 16 kHz.
        duration_s: The Take's length.

    Returns:
        From the first moment of speech to its last, the soft ones beside it included.
    """
    spoken = speech > 0.5
    first, last = int(np.argmax(spoken)), len(spoken) - int(np.argmax(spoken[::-1]))
    level_db = levels_db(samples, len(spoken))
    quiet_db = level_db[~spoken]
    noise_db = float(np.median(quiet_db)) if len(quiet_db) else _SILENT_DB
    loud_db = float(np.percentile(level_db[spoken], 90))
    audible = level_db > max(noise_db + _OVER_NOISE_DB, loud_db - _BELOW_SPEECH_DB)
    begin = first - _reach(audible[max(first - _SOFT, 0) : first][::-1])
    end = last + _reach(audible[last : last + _SOFT])
    return Span(begin / CURVE_RATE_HZ, min(end / CURVE_RATE_HZ, duration_s))


def kept_span(spoken: Span, duration_s: float) -> Span:
    """Choose what is kept of a Take without the silence around it; it begins at a whole value of the curve."""
    begin_s = max(spoken.begin_s - _BEFORE_S, 0.0)
    end_s = min(max(spoken.end_s + _BEHIND_S, begin_s + _LEAST_S), duration_s)
    begin_s = max(min(begin_s, end_s - _LEAST_S), 0.0)
    return Span(int(round(begin_s * CURVE_RATE_HZ, 6)) / CURVE_RATE_HZ, end_s)


def levels_db(samples: Samples, frames: int) -> NDArray[np.float32]:
    """Measure the mean power of every 10 ms, (frames,), in dB of full scale; behind the end it is silent."""
    padded = np.zeros(frames * _HOP, np.float32)
    count = min(len(samples), len(padded))
    padded[:count] = samples[:count]
    power = np.square(padded.reshape(frames, _HOP)).mean(axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (_SILENT_DB / 10))), np.float32)


def _reach(audible: NDArray[np.bool_]) -> int:
    """Count the frames until it has been silent for a while."""
    reach = 0
    for place, heard in enumerate(audible.tolist(), 1):
        if heard:
            reach = place
        elif place - reach > _SOFT_GAP:
            break
    return reach
