"""Sound and phones together become the movement of the mouth.

The opening is a product of three witnesses: how loud the vowels are, where their first formant lies (it rises as the
jaw falls, in every language), and what the recogniser thinks it heard. The first two are never far wrong and never
quite right; the third is very good on clear English, fair on other languages. The exponents are those that follow
well, together, synthetic speakers with known phonemes (English, German, Mandarin) and a filmed English speaker:
r = 0.78, 0.72 and 0.75 where loudness alone reaches 0.64, 0.69 and 0.67; 0.44 against 0.23 on the film.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.activity import Flags, spans
from pipeline.speech.coarticulation import Targets
from pipeline.speech.lips import contacts
from pipeline.speech.loudness import Bands, smoothed
from pipeline.speech.phones import Phone
from pipeline.types import MouthCurve

_Curve = NDArray[np.float32]

_LEAD: Final = 7
_TAIL: Final = 9
"""Frames the mouth opens before the first sound of a phrase and needs to close after the last."""
_AHEAD: Final = 1
"""Frames by which the opening leads the sound: the jaw is on its way before the vowel is heard. In chained syllables
anything from 20 ms after to 70 ms before has been measured (Schwartz & Savariaux, PLoS Computational Biology 10, 2014)."""
_LOUD_RANGE_DB: Final = 26.0
"""A vowel this far below the loudest ones hardly opens the mouth."""
_HIGH_JAW_DB: Final = -30.0
_LOW_JAW_DB: Final = 10.0
"""Energy around the first formant of open vowels, relative to the voice's lowest harmonics, from i and m to a."""
_LOUDNESS_FLOOR: Final = 0.05
_FORMANT_FLOOR: Final = 0.15
"""Share left where the sound says "closed": s and t are silent in this band, and the lips stay apart."""
_LOUDNESS_WEIGHT: Final = 0.8
_FORMANT_WEIGHT: Final = 0.5
_PHONE_WEIGHT: Final = 1.0
"""Exponents of the three witnesses."""
_MOVE_S: Final = 0.016
"""Sigma of the last smoothing: lets 8 Hz pass (70 %), holds back 20 Hz (13 %)."""
_TYPICAL_OPENING: Final = 0.28
_WIDE_OPENING: Final = 0.70
"""Median and 95th percentile while speaking, as shares of ``FULL_OPENING``; 0.24 and 0.69 were measured on a
filmed presenter."""
_BENDS: Final = (0.6, 1.6)
"""How far the distribution of openings may be bent to get there."""
_CUE_SHARE: Final = 0.35
"""Of width and rounding is read from the spectrum, the rest from the phones. Against synthetic speakers it raises the
correlation of width from 0.58, 0.54, 0.53 (English, German, Mandarin) to 0.68, 0.64, 0.71; against the filmed presenter
it loses 0.03 of 0.51."""
_CUE_S: Final = 0.025
_CLEAR_RANGE_DB: Final = 18.0
_DULL_SCALE_DB: Final = 10.0
_FASTEST: Final = 0.12
"""Change of opening in 10 ms: some 25 cm/s, about what lips reach in running speech. Cuts off openings between two contacts
that no mouth could make."""
_DRIFT_S: Final = 3.0
_DRIFT_SHARE: Final = 0.75
"""A speaker who turns away or tires gets quieter over seconds without opening the mouth as much less: so much of that is
evened out."""
_PARTED: Final = 0.05
"""While somebody speaks the lips stay at least so far apart outside contacts: the filmed presenter's lowest tenth is 0.10."""
_BITTEN_OPENING: Final = 0.15
"""Share of the opening that is left while the lower lip touches the teeth."""


def form(bands: Bands, flags: Flags, phones: Sequence[Phone], targets: Targets) -> MouthCurve:
    """Form the curve of a Take; every argument covers the same (n,) moments."""
    if not flags.any():
        return MouthCurve(*(np.zeros(len(flags), np.float32) for _ in range(6)))
    speech = _presence(flags)
    closure, teeth = (contact * (speech > 0) for contact in contacts(phones, bands))
    opening = _scaled(_witnessed(bands, flags, targets), flags, closure)
    opening = smoothed(opening, _MOVE_S) * speech * (1 - closure)
    opening = _possible(opening * (1 - (1 - _BITTEN_OPENING) * teeth))
    return MouthCurve(
        opening=np.clip(opening, 0, 1).astype(np.float32),
        width=_gentle(_mixed(targets.width, _tongue_front(bands, flags)), speech),
        rounding=_gentle(_mixed(targets.rounding, _lips_round(bands, flags)), speech),
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


def _witnessed(bands: Bands, flags: Flags, targets: Targets) -> _Curve:
    """Multiply the three witnesses; beyond the edges of a phrase the last value is held."""
    level_db = _without_drift(bands.jaw, flags)
    top_db = np.percentile(level_db[flags], 95)
    loud = _above(_LOUDNESS_FLOOR, 1 + (level_db - top_db) / _LOUD_RANGE_DB)
    tilt = (bands.jaw - bands.murmur - _HIGH_JAW_DB) / (_LOW_JAW_DB - _HIGH_JAW_DB)
    low_jaw = _above(_FORMANT_FLOOR, tilt)
    product = loud**_LOUDNESS_WEIGHT * low_jaw**_FORMANT_WEIGHT * targets.opening**_PHONE_WEIGHT
    opening = smoothed(product, _MOVE_S)
    opening = np.append(opening[_AHEAD:], np.repeat(opening[-1], _AHEAD))
    held = opening.copy()
    for start, end in spans(flags):
        held[max(0, start - _LEAD) : start] = opening[start]
        held[end : end + _TAIL] = opening[end - 1]
    return held


def _without_drift(level_db: _Curve, flags: Flags) -> _Curve:
    """Even out most of what changes over seconds."""
    usual_db = float(np.mean(level_db[flags]))
    weight = smoothed(flags.astype(np.float32), _DRIFT_S)
    excess_db = np.where(flags, np.maximum(level_db - usual_db, -_LOUD_RANGE_DB), 0)
    drift_db = smoothed(excess_db, _DRIFT_S) / np.maximum(weight, 0.05)
    return np.asarray(level_db - _DRIFT_SHARE * drift_db, np.float32)


def _above(floor: float, witness: _Curve) -> _Curve:
    """Keep a witness from vetoing the others: 0.0-1.1 becomes ``floor`` to a little over 1.0."""
    return np.asarray(floor + (1 - floor) * np.clip(witness, 0, 1.1), np.float32)


def _scaled(opening: _Curve, flags: Flags, closure: _Curve) -> _Curve:
    """Bend and scale so that median and 95th percentile while speaking are those of a clear speaker."""
    free = opening[flags] * (1 - closure[flags])
    middle, high = (max(float(value), 1e-3) for value in np.percentile(free, [50, 95]))
    bend = np.log(_TYPICAL_OPENING / _WIDE_OPENING) / min(np.log(middle / high), -1e-3)
    scaled = _WIDE_OPENING * (opening / high) ** np.clip(bend, *_BENDS)
    return np.asarray(_PARTED + (1 - _PARTED) * scaled, np.float32)


def _possible(opening: _Curve) -> _Curve:
    """Lower what cannot be reached in time from the nearest low points; the low points stay as they are."""
    climb = _FASTEST * np.arange(len(opening))
    rising = np.minimum.accumulate(opening - climb) + climb
    falling = np.minimum.accumulate((opening + climb)[::-1])[::-1] - climb
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float32)


def _tongue_front(bands: Bands, flags: Flags) -> _Curve:
    """Hear spread lips, -1.0 to 1.0: they go with a second formant far above the first, in every language."""
    contrast_db = bands.front - bands.jaw
    loud_db = np.percentile(bands.voice[flags], 90) - _CLEAR_RANGE_DB
    clear = flags & (bands.voice > loud_db)
    apart_db = contrast_db - np.median(contrast_db[clear])
    scale_db = max(float(np.percentile(np.abs(apart_db[clear]), 70)), 1.0)
    heard = np.where(clear, np.tanh(apart_db / (1.5 * scale_db)), 0)
    return smoothed(heard.astype(np.float32), _CUE_S)


def _lips_round(bands: Bands, flags: Flags) -> _Curve:
    """Hear rounded lips, 0.0-1.0: they take away the upper part of the voice."""
    dull_db = bands.voice - bands.front
    apart_db = dull_db - np.median(dull_db[flags])
    heard = np.where(flags, np.tanh(apart_db / _DULL_SCALE_DB), 0)
    return np.clip(smoothed(heard.astype(np.float32), _CUE_S), 0, 1)


def _mixed(phones: _Curve, sound: _Curve) -> _Curve:
    return np.asarray((1 - _CUE_SHARE) * phones + _CUE_SHARE * sound, np.float32)


def _gentle(values: _Curve, speech: _Curve) -> _Curve:
    """Smooth what the phones ask for and let it go where nobody speaks."""
    return np.asarray(smoothed(values, _MOVE_S) * speech, np.float32)
