"""From sound to mouth: the table of contents of this room.

1. ``loudness``: energy in bands, every 10 ms.
2. ``activity``: when somebody speaks.
3. ``phones``: which sounds are heard, roughly.
4. ``coarticulation``: what these sounds ask of jaw and lips.
5. ``gesture``: sound and phones together become opening, width, rounding, closure and teeth.
"""

import math
from typing import Final

import numpy as np

from pipeline.speech import activity, coarticulation, gesture, loudness, phones
from pipeline.types import CURVE_RATE_HZ, MouthCurve, Samples

_SPEAKING_LEVEL_DB: Final = -16.0
"""Level of the loudest twentieth of a recording that detector and recogniser are used to."""
_MOST_GAIN_DB: Final = 45.0
"""More would make speech of the noise of a silent room."""
_PHONE_MARGIN_S: Final = 0.15
"""The recogniser wants to hear some silence around a phrase."""


def curve_length(duration_s: float) -> int:
    """Count the values of a curve: from 0 s in steps of 10 ms up to the first not before the end."""
    return math.ceil(round(duration_s * CURVE_RATE_HZ, 6)) + 1


def mouth_curve(samples: Samples, duration_s: float) -> MouthCurve:
    """Tell what the mouth should do during a Take.

    Args:
        samples: (n,) mono, 16 kHz, -1.0 to 1.0. Left untouched.
        duration_s: The Take's exact length; sound beyond it is ignored, silence follows if there is less.

    Returns:
        ``curve_length(duration_s)`` values, entry i for the moment i / 100 s. The same sound gives the same curve,
        bit for bit, and nearly the same at another volume. Without speech everything is 0.0.
    """
    frames = curve_length(duration_s)
    heard = samples[: round(duration_s * loudness.RATE_HZ)]
    level_db = _level_db(loudness.measure(heard, frames))
    gain = 10 ** (min(_SPEAKING_LEVEL_DB - level_db, _MOST_GAIN_DB) / 20)
    even = (heard * np.float32(gain)).astype(np.float32)
    bands = loudness.measure(even, frames)
    flags = activity.speaking(activity.speech_probability(even), bands)
    heard_phones = phones.hear(even, _phrases(flags, duration_s))
    targets = coarticulation.blend(heard_phones, frames)
    return gesture.form(bands, flags, heard_phones, targets)


def _level_db(bands: loudness.Bands) -> float:
    """Measure how loud the recording is where it is loud."""
    return float(np.percentile(bands.voice, 95))


def _phrases(flags: activity.Flags, duration_s: float) -> list[tuple[float, float]]:
    """List the phrases in seconds, with a margin of silence."""
    margin = round(_PHONE_MARGIN_S * CURVE_RATE_HZ)
    wide = [(a - margin, b + margin) for a, b in activity.spans(flags)]
    joined: list[tuple[int, int]] = []
    for start, end in wide:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [(max(0.0, a / CURVE_RATE_HZ), min(duration_s, b / CURVE_RATE_HZ)) for a, b in joined]
