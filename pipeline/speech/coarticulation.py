"""Phones blend: the dominance functions of Cohen & Massaro.

"Modeling coarticulation in synthetic visual speech" (Models and Techniques in Computer Animation, Springer 1993):
every phone pulls each articulator towards its target, with a force that rises before its middle and fades after it
as strength * exp(-distance / reach); the articulator goes to the average of the targets weighted by these forces.
Lips are prepared earlier than the jaw, so their reach is longer, and longer before the phone than after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.phones import Phone
from pipeline.speech.visemes import Viseme, visemes_of
from pipeline.types import CURVE_RATE_HZ

_JAW_BEFORE_S: Final = 0.030
_JAW_AFTER_S: Final = 0.035
_LIPS_BEFORE_S: Final = 0.100
_LIPS_AFTER_S: Final = 0.070
"""Reaches of the forces. Lip rounding starts up to 200 ms before its vowel, two reaches here."""
_FAR_S: Final = 0.4
"""Beyond this a force is not worth computing."""
_REST_FORCE: Final = 0.02
"""The pull of the resting mouth, felt where no phone is near."""
REST_OPENING: Final = 0.5
"""Stands for "no opinion" where no phone was heard; it is what the model learned to read as that."""


@dataclass(frozen=True)
class Targets:
    """What the phones ask of the mouth: (n,) arrays, one value every 10 ms; fields as in ``MouthCurve``."""

    opening: NDArray[np.float32]
    width: NDArray[np.float32]
    rounding: NDArray[np.float32]


def blend(phones: Sequence[Phone], frames: int) -> Targets:
    """Let the phones of a Take pull at jaw, width and rounding; the answer covers ``frames`` values."""
    sums = np.zeros((3, frames))
    forces = np.zeros((3, frames))
    for phone in phones:
        for viseme, start_s, end_s in _parts(phone):
            _pull(sums, forces, viseme, start_s, end_s)
    rest = np.array([[REST_OPENING], [0.0], [0.0]])
    values = ((sums + _REST_FORCE * rest) / (forces + _REST_FORCE)).astype(np.float32)
    return Targets(values[0], values[1], values[2])


def _parts(phone: Phone) -> list[tuple[Viseme, float, float]]:
    """Split a diphthong between its two targets; unknown names pull nothing."""
    visemes = visemes_of(phone.name)
    edges = np.linspace(phone.start_s, phone.end_s, len(visemes) + 1).tolist()
    return [(v, a, b) for v, a, b in zip(visemes, edges[:-1], edges[1:], strict=True)]


def _pull(
    sums: NDArray[np.float64],
    forces: NDArray[np.float64],
    viseme: Viseme,
    start_s: float,
    end_s: float,
) -> None:
    """Add one target's forces to the running sums, in place."""
    first = max(0, int((start_s - _FAR_S) * CURVE_RATE_HZ))
    last = min(sums.shape[1], int((end_s + _FAR_S) * CURVE_RATE_HZ) + 1)
    seconds = np.arange(first, last) / CURVE_RATE_HZ
    middle_s, half_s = (start_s + end_s) / 2, (end_s - start_s) / 2
    away = np.abs(seconds - middle_s) - half_s / 2  # full force in the middle half of the phone
    distance = np.maximum(away, 0.0)
    early = seconds < middle_s
    jaw = viseme.strength * np.exp(-distance / np.where(early, _JAW_BEFORE_S, _JAW_AFTER_S))
    reach = np.where(early, _LIPS_BEFORE_S, _LIPS_AFTER_S)
    wide, lips = (
        strength * np.exp(-distance / reach) for strength in (viseme.strength, viseme.lips)
    )
    targets = (viseme.opening, viseme.width, viseme.rounding)
    for row, (force, target) in enumerate(zip((jaw, wide, lips), targets, strict=True)):
        forces[row, first:last] += force
        sums[row, first:last] += force * target
