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
from pipeline.types import CURVE_RATE_HZ, MouthCurve, Progress, Samples

_SPEAKING_LEVEL_DB: Final = -16.0
"""Level of vowels that detector and recogniser are used to."""
_HIGHEST_LEVEL_DB: Final = -8.0
"""Hum and rumble below the voice count here too."""
_LOUD_FRAMES: Final = (30, 300)
"""At least and at most this much of a recording is taken for loud: more than a slammed door, and no silence."""
_MOST_GAIN_DB: Final = 45.0
"""More would make speech of the noise of a silent room."""
_PHONE_MARGIN_S: Final = 0.15
"""The recogniser wants to hear some silence around a phrase."""


def curve_length(duration_s: float) -> int:
    """Count the values of a curve: from 0 s in steps of 10 ms up to the first not before the end."""
    return math.ceil(round(duration_s * CURVE_RATE_HZ, 6)) + 1


def mouth_curve(
    samples: Samples, duration_s: float, progress: Progress | None = None
) -> MouthCurve:
    """Tell what the mouth should do during a Take.

    Args:
        samples: (n,) mono, 16 kHz, -1.0 to 1.0. Left untouched.
        duration_s: The Take's exact length; sound beyond it is ignored, silence follows if there is less.
        progress: Told ("speech", seconds done, seconds in all) after every phrase.

    Returns:
        ``curve_length(duration_s)`` values, entry i for the moment i / 100 s. The same sound gives the same curve,
        bit for bit, and nearly the same at another volume. Without speech everything is 0.0.
    """
    frames = curve_length(duration_s)
    heard = samples[: round(duration_s * loudness.RATE_HZ)]
    as_recorded = loudness.measure(heard, frames)
    gain_db = _gain_db(as_recorded)
    even = (heard * np.float32(10 ** (gain_db / 20))).astype(np.float32)
    bands = as_recorded.louder(gain_db)
    flags = activity.speaking(activity.speech_probability(even), bands)
    report = progress or _nobody
    heard_phones = phones.hear(
        even,
        _phrases(flags, duration_s),
        lambda second: report("speech", int(second), math.ceil(duration_s)),
    )
    targets = coarticulation.blend(heard_phones, frames)
    return gesture.form(bands, flags, heard_phones, targets)


def _nobody(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _gain_db(bands: loudness.Bands) -> float:
    """Choose the gain that brings the voice to speaking level without driving anything else into clipping."""
    to_level_db = _SPEAKING_LEVEL_DB - _loud_db(bands.voice)
    return min(to_level_db, _HIGHEST_LEVEL_DB - _loud_db(bands.total), _MOST_GAIN_DB)


def _loud_db(level_db: loudness.Levels) -> float:
    """Measure how loud it is where it is loud: in a twentieth of the Take, but at most three seconds."""
    frames = len(level_db)
    loudest = min(max(frames // 20, _LOUD_FRAMES[0]), _LOUD_FRAMES[1], frames)
    return float(np.sort(level_db)[-loudest])


def _phrases(flags: activity.Flags, duration_s: float) -> list[tuple[float, float]]:
    """List the phrases in seconds, with a margin of silence."""
    margin = round(_PHONE_MARGIN_S * CURVE_RATE_HZ)
    return [
        (max(0.0, first / CURVE_RATE_HZ), min(duration_s, last / CURVE_RATE_HZ))
        for first, last in activity.spans(activity.grown(flags, margin, margin))
    ]
