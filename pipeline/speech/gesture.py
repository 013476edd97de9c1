"""What is heard becomes the movement of the mouth.

The acoustic model says how far which sound opens the mouth; here that is given a speaker's range, the loudness of words,
a start before the first sound of a phrase and an end after its last, contacts that can be seen, and speeds that lips have.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.acoustic import Heard
from pipeline.speech.activity import Flags, spans
from pipeline.speech.lips import contacts
from pipeline.speech.loudness import Bands, smoothed
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
_WORD_S: Final = 0.3
"""Sigma of the time over which a word's loudness is measured: longer than a syllable, so that a quiet consonant is not
taken for a quiet word."""
_SOFTEST: Final = 0.1
_EMPHASIS: Final = 0.35
"""Exponent of the word's loudness. Syllable by syllable, loudness says less about the mouth than the sounds themselves:
any exponent of a faster loudness lowered the correlation with known phones and with a filmed speaker alike."""
_ROUNDED_SHARE: Final = 0.7
"""Of the opening is lost between fully rounded lips, whose gap is smaller than the jaw's height says. Costs 0.005 of the
correlation with known phones, and brings 0.05 with a filmed speaker."""
_MOVE_S: Final = 0.016
"""Sigma of the last smoothing: lets 8 Hz pass (70 %), holds back 20 Hz (13 %)."""
_TYPICAL_OPENING: Final = 0.28
_WIDE_OPENING: Final = 0.70
"""Median and 95th percentile while speaking, as shares of ``FULL_OPENING``; 0.24 and 0.69 were measured on a
filmed presenter."""
_LEAST_WIDE: Final = 0.4
"""What the model hears at that percentile in any longer Take is 0.42 to 0.64 (measured); where it hears less, nothing but close
vowels was said, and they are not opened as if they were open ones."""
_BENDS: Final = (0.6, 1.6)
"""How far the distribution of openings may be bent to get there."""
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


def form(bands: Bands, flags: Flags, heard: Heard) -> MouthCurve:
    """Form the curve of a Take; every argument covers the same (n,) moments."""
    if not flags.any():
        return MouthCurve(*(np.zeros(len(flags), np.float32) for _ in range(6)))
    speech = _presence(flags)
    closure, teeth = (contact * (speech > 0) for contact in contacts(heard))
    opening = _scaled(_asked(bands, flags, heard), flags, closure)
    opening = smoothed(opening, _MOVE_S) * speech * (1 - closure)
    opening = _possible(opening * (1 - (1 - _BITTEN_OPENING) * teeth))
    return MouthCurve(
        opening=np.clip(opening, 0, 1).astype(np.float32),
        width=smoothed(heard.width, _MOVE_S) * speech,
        rounding=smoothed(heard.rounding, _MOVE_S) * speech,
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


def _asked(bands: Bands, flags: Flags, heard: Heard) -> _Curve:
    """Scale what is said by how loud it is said; beyond the edges of a phrase the last value is held."""
    parted = heard.opening * (1 - _ROUNDED_SHARE * heard.rounding)
    opening = smoothed(parted * _emphasis(bands, flags), _MOVE_S)
    opening = np.append(opening[_AHEAD:], np.repeat(opening[-1], _AHEAD))
    held = opening.copy()
    for start, end in spans(flags):
        held[max(0, start - _LEAD) : start] = opening[start]
        held[end : end + _TAIL] = opening[end - 1]
    return held


def _emphasis(bands: Bands, flags: Flags) -> _Curve:
    """Open a little wider in loud words than in soft ones: about 0.5 to 1.0."""
    level_db = _without_drift(bands.jaw, flags)
    loudest_db = float(np.percentile(level_db[flags], 95))
    audible_db = np.maximum(level_db, loudest_db - _LOUD_RANGE_DB)
    weight = np.maximum(smoothed(flags.astype(np.float32), _WORD_S), 0.05)
    word_db = smoothed(np.where(flags, audible_db, 0).astype(np.float32), _WORD_S) / weight
    top_db = float(np.percentile(word_db[flags], 95))
    share = np.clip(1 + (word_db - top_db) / _LOUD_RANGE_DB, _SOFTEST, 1)
    return np.asarray(share**_EMPHASIS, np.float32)


def _without_drift(level_db: _Curve, flags: Flags) -> _Curve:
    """Even out most of what changes over seconds."""
    usual_db = float(np.mean(level_db[flags]))
    weight = smoothed(flags.astype(np.float32), _DRIFT_S)
    excess_db = np.where(flags, np.maximum(level_db - usual_db, -_LOUD_RANGE_DB), 0)
    drift_db = smoothed(excess_db, _DRIFT_S) / np.maximum(weight, 0.05)
    return np.asarray(level_db - _DRIFT_SHARE * drift_db, np.float32)


def _scaled(opening: _Curve, flags: Flags, closure: _Curve) -> _Curve:
    """Bend and scale so that median and 95th percentile while speaking are those of a clear speaker."""
    free = opening[flags] * (1 - closure[flags])
    middle, high = (max(float(value), 1e-3) for value in np.percentile(free, [50, 95]))
    high = max(high, _LEAST_WIDE)
    bend = np.log(_TYPICAL_OPENING / _WIDE_OPENING) / min(np.log(middle / high), -1e-3)
    scaled = _WIDE_OPENING * (opening / high) ** np.clip(bend, *_BENDS)
    return np.asarray(_PARTED + (1 - _PARTED) * scaled, np.float32)


def _possible(opening: _Curve) -> _Curve:
    """Lower what cannot be reached in time from the nearest low points; the low points stay as they are."""
    climb = _FASTEST * np.arange(len(opening))
    rising = np.minimum.accumulate(opening - climb) + climb
    falling = np.minimum.accumulate((opening + climb)[::-1])[::-1] - climb
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float32)
