"""From sound to mouth: the table of contents of this room.

1. ``loudness``: energy in bands, every 10 ms.
2. ``activity``: when somebody speaks.
3. ``phones``: which sounds are heard, roughly.
4. ``coarticulation``: what these sounds ask of jaw and lips.
5. ``spectrum`` and ``acoustic``: a small network of our own hears the same from the sound itself.
6. ``words``: where somebody hears words (``scribe``, ``dictation``), which contacts they must have.
7. ``gesture`` and ``lips``: what was heard becomes opening, width, rounding, closure and teeth.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.errors import NotHeard
from pipeline.speech import acoustic, activity, gesture, loudness, phones, words
from pipeline.speech.spectrum import spectra
from pipeline.types import CURVE_RATE_HZ, Hear, MouthCurve, Progress, Samples, Word

_PHONE_MARGIN_S: Final = 0.15
"""The recogniser wants to hear some silence around a phrase."""


def curve_length(duration_s: float) -> int:
    """Count the values of a curve: from 0 s in steps of 10 ms up to the first not before the end."""
    return math.ceil(round(duration_s * CURVE_RATE_HZ, 6)) + 1


@dataclass(frozen=True)
class Listened:
    """What was heard of a Take."""

    curve: MouthCurve
    words: tuple[Word, ...] = ()
    """Only where somebody hears them."""
    language: str = ""
    """ISO 639-1, likewise."""
    words_failed: str = ""
    """Why there are none, though somebody was to hear them."""


def mouth_curve(
    samples: Samples,
    duration_s: float,
    progress: Progress | None = None,
    hear: Hear | None = None,
) -> MouthCurve:
    """Tell what the mouth should do during a Take: the curve that ``listen`` gives."""
    return listen(samples, duration_s, progress, hear).curve


def listen(
    samples: Samples,
    duration_s: float,
    progress: Progress | None = None,
    hear: Hear | None = None,
) -> Listened:
    """Tell what the mouth should do during a Take, and what is said.

    Args:
        samples: (n,) mono, 16 kHz, -1.0 to 1.0. Left untouched.
        duration_s: The Take's exact length; sound beyond it is ignored, silence follows if there is less.
        progress: Told ("speech", seconds done, seconds in all) after every phrase, and ("words", likewise).
        hear: Hears words, which sharpen the lip contacts; not called where nobody speaks.

    Returns:
        A curve of ``curve_length(duration_s)`` values, entry i for the moment i / 100 s. The same sound gives the same curve,
        bit for bit, and nearly the same at another volume. Without speech everything is 0.0.
    """
    frames = curve_length(duration_s)
    spoken = samples[: round(duration_s * loudness.RATE_HZ)]
    as_recorded = loudness.measure(spoken, frames)
    gain_db = loudness.gain_to_speaking_level_db(as_recorded)
    even = _evened(spoken, gain_db)
    bands = as_recorded.louder(gain_db)
    flags = activity.speaking(activity.speech_probability(even), bands)
    report = progress or _nobody
    recognised = phones.hear(
        even,
        _phrases(flags, duration_s),
        lambda second: report("speech", int(second), math.ceil(duration_s)),
    )
    heard = acoustic.hear(acoustic.evidence(spectra(even, frames), recognised))
    if hear is None or not flags.any():
        return Listened(gesture.form(bands, flags, heard))
    try:
        said = hear(even, lambda second: report("words", int(second), math.ceil(duration_s)))
    except NotHeard as error:
        return Listened(gesture.form(bands, flags, heard), words_failed=str(error))
    curve = gesture.form(bands, flags, words.sharpen(heard, said.words, said.language))
    return Listened(curve, said.words, said.language)


def _evened(samples: Samples, gain_db: float) -> Samples:
    """Bring (n,) samples to speaking level, without the constant that some microphones add: it would be amplified too."""
    offset = samples.mean(dtype=np.float64) if len(samples) else 0.0
    even = samples - np.float32(offset)
    even *= np.float32(10 ** (gain_db / 20))
    return even


def _nobody(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _phrases(flags: activity.Flags, duration_s: float) -> list[tuple[float, float]]:
    """List the phrases in seconds, with a margin of silence."""
    margin = round(_PHONE_MARGIN_S * CURVE_RATE_HZ)
    return [
        (max(0.0, first / CURVE_RATE_HZ), min(duration_s, last / CURVE_RATE_HZ))
        for first, last in activity.spans(activity.grown(flags, margin, margin))
    ]
