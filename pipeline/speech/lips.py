"""The moments the eye looks for: lips pressed together (b, p, m), lower lip at the teeth (f, v)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.loudness import Bands
from pipeline.speech.phones import Phone
from pipeline.speech.visemes import VISEMES
from pipeline.types import CURVE_RATE_HZ

_SHORTEST_HOLD: Final = 5
_LONGEST_HOLD: Final = 14
"""Frames of full contact. 50 ms fills one frame at 25 fps wherever it falls; an m before a pause may be held long."""
_RAMP: Final = 4
"""Frames in which the lips meet and part: about 40 ms, measured for b and p in running speech (Löfqvist & Gracco,
"Lip and jaw kinematics in bilabial stop consonant production", JSLHR 40, 1997)."""
_STOP_SHARE: Final = 0.7
"""Of a p or b the recogniser's last third is the burst, with the lips already apart."""
_DROP_DB: Final = 4.0
"""Closed lips are heard: the voice falls at least so far below what is around. A b heard without it is a mistake."""
_AROUND: Final = 12
"""Frames to each side in which the voice around a contact is looked for."""

_Curve = NDArray[np.float32]


def contacts(phones: Sequence[Phone], bands: Bands) -> tuple[_Curve, _Curve]:
    """Find the lip contacts of a Take.

    Args:
        phones: What was heard.
        bands: The sound's levels, (n,) values each.

    Returns:
        Closure and teeth, (n,) each, 0.0-1.0, at 1.0 for 50 ms or more wherever there is a contact.
    """
    closure = np.zeros(len(bands.voice), np.float32)
    teeth = np.zeros_like(closure)
    for phone in phones:
        target = VISEMES.get(phone.name, ())
        if any(viseme.closure for viseme in target) and _is_heard(phone, bands.voice):
            _hold(closure, *_contact(phone, bands.voice))
        if any(viseme.teeth for viseme in target) and _is_heard(phone, bands.jaw):
            _hold(teeth, *_contact(phone, bands.jaw))
    return closure, teeth * (1 - closure)


def _frames(phone: Phone) -> tuple[int, int]:
    first = round(phone.start_s * CURVE_RATE_HZ)
    return first, max(first + 1, round(phone.end_s * CURVE_RATE_HZ))


def _is_heard(phone: Phone, level_db: _Curve) -> bool:
    """Check that the sound falls during the phone."""
    first, last = _frames(phone)
    inside = level_db[first:last]
    around = level_db[max(0, first - _AROUND) : last + _AROUND]
    return bool(len(inside) and inside.min() < around.max() - _DROP_DB)


def _contact(phone: Phone, level_db: _Curve) -> tuple[int, int]:
    """Narrow a phone to the frames of full contact: (first, one past the last)."""
    first, last = _frames(phone)
    if phone.name in {"B", "P"}:
        last = first + max(1, round((last - first) * _STOP_SHARE))
    if last - first < _SHORTEST_HOLD:
        quietest = first + int(np.argmin(level_db[first:last]))
        first = min(first, quietest - _SHORTEST_HOLD // 2)
        last = max(last, first + _SHORTEST_HOLD)
    return first, min(last, first + _LONGEST_HOLD)


def _hold(curve: _Curve, first: int, last: int) -> None:
    """Put one contact into a curve, in place: full between the two frames, with ramps outside them."""
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, _RAMP + 1) / (_RAMP + 1))
    shape = np.concatenate((ramp[::-1], np.ones(last - first), ramp)).astype(np.float32)
    begin = first - _RAMP
    low, high = max(0, begin), min(len(curve), last + _RAMP)
    if low < high:
        curve[low:high] = np.maximum(curve[low:high], shape[low - begin : high - begin])
