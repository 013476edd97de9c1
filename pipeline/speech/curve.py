"""Read a mouth curve at the moments at which a Clip shows it."""

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import CURVE_RATE_HZ, MouthCurve, MouthShape

SHORTEST_SEEN_S: Final = 0.03
"""A closure held this long is seen in at least one frame, whatever the frame rate."""
_LOOKS: Final = 8
"""Moments at which one frame's stretch of the curve is read."""


def shape_at(curve: MouthCurve, second: float) -> MouthShape:
    """Read the curve at one moment, between its values linearly; before and after it the mouth is at rest."""
    values = [float(row[0]) for row in _read(curve, np.array([second]))]
    return MouthShape(*values)


def resample(curve: MouthCurve, fps: Fraction, frames: int) -> list[MouthShape]:
    """Read the curve for every frame of a Clip.

    Frame i stands on the screen from i / fps to (i + 1) / fps while exactly that stretch of the sound is heard, so
    it shows the average over that stretch, as a camera's exposure would. Pressed lips and bitten lips are
    what the eye looks for and shorter than a frame, so they are not averaged: a frame shows their highest value in
    its middle, in a stretch just wide enough that no closure of ``SHORTEST_SEEN_S`` falls between two frames.
    Where the lips are shown pressed the opening is 0.0.

    Args:
        curve: A Take's curve.
        fps: Frame rate of the Clip.
        frames: How many frames, from the start of the Take.
    """
    length_s = float(1 / fps)
    middles = (np.arange(frames) + 0.5) * length_s
    spread = (np.arange(_LOOKS) + 0.5) / _LOOKS - 0.5
    whole = [
        row.mean(axis=1) for row in _read(curve, middles[:, None] + spread * length_s)
    ]  # each (frames,)
    core_s = max(0.0, length_s - SHORTEST_SEEN_S)
    core = _read(curve, middles[:, None] + np.linspace(-0.5, 0.5, _LOOKS) * core_s)
    opening, width, rounding, _, _, speech = whole
    closure, teeth = core[3].max(axis=1), core[4].max(axis=1)
    opening = np.minimum(opening, 1 - closure)
    columns = (opening, width, rounding, closure, teeth, speech)
    return [MouthShape(*map(float, values)) for values in zip(*columns, strict=True)]


def _read(curve: MouthCurve, seconds: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Read all six parameters, in the order of ``MouthShape``, at moments of any shape."""
    places = seconds * CURVE_RATE_HZ
    rows = (
        curve.opening, curve.width, curve.rounding, curve.closure, curve.teeth, curve.speech,
    )  # fmt: skip
    index = np.arange(len(curve.opening))
    return [np.interp(places, index, row, left=0.0, right=0.0) for row in rows]
