"""Sound and phones together become the movement of the mouth."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.activity import Flags, spans
from pipeline.speech.coarticulation import Targets
from pipeline.speech.loudness import Bands, smoothed
from pipeline.speech.phones import Phone
from pipeline.types import MouthCurve

_Curve = NDArray[np.float32]

_LEAD: Final = 7
_TAIL: Final = 9
"""Frames the mouth opens before the first sound of a phrase and needs to close after the last."""
_LOUD_RANGE_DB: Final = 26.0
"""A vowel this far below the loudest ones hardly opens the mouth."""
_MOVE_S: Final = 0.016
"""Sigma of the last smoothing: lets 8 Hz pass (70 %), holds back 20 Hz (13 %)."""
_TYPICAL_OPENING: Final = 0.30
_WIDE_OPENING: Final = 0.70
"""Median and 95th percentile while speaking, as shares of ``FULL_OPENING``."""


def form(bands: Bands, flags: Flags, phones: Sequence[Phone], targets: Targets) -> MouthCurve:
    """Form the curve of a Take; every argument covers the same (n,) moments."""
    speech = _presence(flags)
    if not flags.any():
        nothing = np.zeros(len(flags), np.float32)
        return MouthCurve(*(nothing.copy() for _ in range(6)))
    closure = np.zeros(len(flags), np.float32)
    teeth = np.zeros(len(flags), np.float32)
    for phone in phones:
        first, last = round(phone.start_s * 100), round(phone.end_s * 100)
        if phone.name in {"M", "B", "P"}:
            closure[first:last] = 1.0
        if phone.name in {"F", "V"}:
            teeth[first:last] = 1.0
    closure = np.clip(smoothed(closure, 0.015) * 1.6, 0, 1) * speech
    teeth = smoothed(teeth, 0.02) * speech
    opening = _scaled(_loud(bands, flags) * (0.6 + 0.8 * targets.opening), flags)
    opening = smoothed(opening, _MOVE_S) * speech * (1 - closure)
    return MouthCurve(
        opening=np.clip(opening, 0, 1).astype(np.float32),
        width=(smoothed(targets.width, 0.02) * speech).astype(np.float32),
        rounding=(smoothed(targets.rounding, 0.02) * speech).astype(np.float32),
        closure=closure.astype(np.float32),
        teeth=teeth.astype(np.float32),
        speech=speech,
    )


def _presence(flags: Flags) -> _Curve:
    """Fade in before every phrase and out after it: 1.0 while it is heard."""
    since, until = _distances(flags)
    fade = np.maximum(1 - until / (_LEAD + 1), 1 - since / (_TAIL + 1))
    return np.asarray(np.clip(fade, 0, 1), np.float32)


def _distances(flags: Flags) -> tuple[_Curve, _Curve]:
    """Count the frames since the last and until the next True; large where there is none."""
    index = np.arange(len(flags), dtype=np.float32)
    last = np.maximum.accumulate(np.where(flags, index, -np.float32(1e6)))
    following = np.minimum.accumulate(np.where(flags, index, np.float32(1e6))[::-1])[::-1]
    return index - last, following - index


def _loud(bands: Bands, flags: Flags) -> _Curve:
    """Turn the level of the vowels into 0.0-1.0; beyond the edges of a phrase its last value is held."""
    power = 10 ** (bands.voice / 10) + 10 ** (bands.jaw / 10)
    level_db = 10 * np.log10(np.maximum(power, 1e-12)).astype(np.float32)
    top_db = np.percentile(level_db[flags], 95)
    loud = np.clip(1 + (level_db - top_db) / _LOUD_RANGE_DB, 0, 1.15)
    for start, end in spans(flags):
        loud[max(0, start - _LEAD) : start] = loud[start]
        loud[end : end + _TAIL] = loud[end - 1]
    return np.asarray(loud, np.float32)


def _scaled(opening: _Curve, flags: Flags) -> _Curve:
    """Bend and scale so that median and 95th percentile while speaking are those of a clear speaker."""
    middle, high = (max(float(v), 1e-3) for v in np.percentile(opening[flags], [50, 95]))
    bend = np.log(_TYPICAL_OPENING / _WIDE_OPENING) / min(np.log(middle / high), -1e-3)
    scaled = _WIDE_OPENING * (opening / high) ** np.clip(bend, 0.6, 2.5)
    return np.asarray(scaled, np.float32)
