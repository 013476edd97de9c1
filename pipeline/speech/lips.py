"""The moments the eye looks for: lips pressed together (b, p, m), lower lip at the teeth (f, v)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.acoustic import Heard
from pipeline.speech.activity import spans

_LIKELY: Final = 0.45
"""A contact is made where, and lasts as long as, it is at least so likely."""
_SHORTEST_HOLD: Final = 4
_LONGEST_HOLD: Final = 14
"""Frames of full contact. What is held for 30 ms is seen in one frame at least (``curve``); an m before a pause may be
held long."""
_SHORTEST_HEARD: Final = 2
"""Frames: what is likely for a moment only is not made."""
_RAMP: Final = 2
"""Frames in which the last gap closes and the first one opens. The whole movement takes some 40 ms (Löfqvist & Gracco, "Lip and
jaw kinematics in bilabial stop consonant production", JSLHR 40, 1997); the opening itself makes the rest of it."""

_Curve = NDArray[np.float32]


def contacts(heard: Heard) -> tuple[_Curve, _Curve]:
    """Make the lip contacts of a Take from how likely they are.

    Returns:
        Closure and teeth, (n,) each, 0.0-1.0, at 1.0 for 40 ms or more wherever there is a contact; lips that are pressed
        come first, and what is left of the teeth beside them may be shorter.
    """
    closure, teeth = (_made(likely) for likely in (heard.closure, heard.teeth))
    return closure, teeth * (1 - closure)


def _made(likely: _Curve) -> _Curve:
    """Hold a contact wherever one is likely for more than a moment."""
    curve = np.zeros(len(likely), np.float32)
    for first, last in spans(likely >= _LIKELY):
        if last - first >= _SHORTEST_HEARD:
            _hold(curve, *_held(likely, first, last))
    return curve


def _held(likely: _Curve, first: int, last: int) -> tuple[int, int]:
    """Bring a contact to a length that can be seen and made: (first, one past the last) frame."""
    middle = first + int(np.argmax(likely[first:last]))
    if last - first < _SHORTEST_HOLD:
        first = max(0, min(first, middle - _SHORTEST_HOLD // 2))
        return first, max(last, first + _SHORTEST_HOLD)
    if last - first > _LONGEST_HOLD:
        first = min(max(first, middle - _LONGEST_HOLD // 2), last - _LONGEST_HOLD)
        return first, first + _LONGEST_HOLD
    return first, last


def _hold(curve: _Curve, first: int, last: int) -> None:
    """Put one contact into a curve, in place: full between the two frames, with ramps outside them."""
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, _RAMP + 1) / (_RAMP + 1))
    shape = np.concatenate((ramp[::-1], np.ones(last - first), ramp)).astype(np.float32)
    begin = first - _RAMP
    low, high = max(0, begin), min(len(curve), last + _RAMP)
    if low < high:
        curve[low:high] = np.maximum(curve[low:high], shape[low - begin : high - begin])
