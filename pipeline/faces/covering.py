"""Whether something stands before the mouth: a hand, a cup, a microphone.

The mesh says nothing about it: it goes on guessing lips under a hand. So the lower face is looked at in a few dozen
spots that go with the mesh (skin above the lips, both lips, skin down to the chin), in colours relative to the upper
face, and each frame is compared with what this face mostly looks like.
"""

from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.cleaning import runs
from pipeline.faces.geometry import (
    CHIN,
    LOWER_INNER,
    LOWER_OUTER,
    NOSE_BASE,
    UPPER_INNER,
    UPPER_OUTER,
    eye_distance,
)
from pipeline.faces.planes import split
from pipeline.types import Planes, Points

Spots = NDArray[np.float32]
"""(8 rows, 5 columns, 3): luma in per cent of the upper face's, both chromas as differences from it."""

SPOTS: Final = (8, 5, 3)

_COLUMNS: Final = (1, 3, 5, 7, 9)
"""Positions in the lip contours, which have eleven points."""
_ABOVE: Final = (0.65, 0.35)
"""Rows above the lips, as shares of the way up to the nose."""
_BELOW: Final = (0.25, 0.50, 0.75, 0.90)
"""Rows below the lips, as shares of the way down to the chin."""
_LIP_ROWS: Final = slice(2, 4)
_SKIN_ROWS: Final = (1, 4)
_UPPER_FACE: Final = (6, 197, 151, 9, 101, 330, 50, 280)
"""Points of the mesh on nose, forehead and upper cheeks, which hands rarely cover."""
_SPOT: Final = 0.02
"""Half size of a spot, in eye distances."""

_BLACK: Final = 16.0
_USUAL: Final = (18.0, 7.0, 7.0)
"""A spot may differ by this much from what it mostly is: light, teeth and the mesh's own errors do that."""
_USUAL_SPREADS: Final = 4.0
"""Or by so many of its own standard deviations (by the median deviation, which a hand for a while does not raise)."""
_UNUSUAL_SHARE: Final = 0.25
"""From this share of unusual spots the mouth is taken for covered. Over 1600 frames of six Templates that speak, turn and
breathe the highest was 0.10; microphones and cups before them gave 0.3 to 0.8."""
_LIPS_LEFT: Final = 0.35
"""Below this share of their usual contrast with the skin the lips are out of sight. The same frames gave 0.56 and more,
hands of exactly the face's colour 0.2 and less."""
_CONTRAST: Final = (10.0, 3.0, 3.0)
"""Units in which contrasts of luma and chroma count alike."""
_LEAST_CONTRAST: Final = 1.0
"""Lips that differ less from the skin (in those units) cannot be missed."""
_HELD: Final = 0.5
"""Share of that evidence which is enough beside frames that show a cover."""
_BLIP_S: Final = 0.1
"""Shorter covers are mistakes."""
_LONGEST_S: Final = 8.0
"""What looks different for longer, lips and all, is another light or another shot and not a hand."""
_GLIMPSE_S: Final = 0.4
"""Between two covers a mouth seen for less than this stays faded."""


def look_at_mouth(planes: Planes, landmarks: Points) -> Spots:
    """Take the colours of the lower face in one frame, relative to its upper face.

    Args:
        planes: The frame, I420; left untouched.
        landmarks: (468, 2) pixels of the same frame.
    """
    luma, blue, red = _colours(planes, _places(landmarks), eye_distance(landmarks))
    upper = _colours(planes, landmarks[list(_UPPER_FACE)], eye_distance(landmarks))
    light, first, second = (float(np.median(channel)) for channel in upper)
    bright = (luma - _BLACK) * (100.0 / max(light - _BLACK, 10.0))
    spots = np.stack([bright, blue - first, red - second], axis=1)
    return spots.reshape(SPOTS).astype(np.float32)


def find_covered(spots: NDArray[np.float32], fps: Fraction) -> NDArray[np.bool_]:
    """Find the frames in which something stands before the mouth.

    Args:
        spots: (frames, 8, 5, 3), as ``look_at_mouth`` gives them; NaN where no face was measured.
        fps: Of the frames.

    Returns:
        (frames,): set where the mouth is covered; frames without a face take part in a cover that surrounds them.
    """
    known = ~np.isnan(spots[:, 0, 0, 0])
    if not known.any():
        return np.zeros(len(spots), dtype=np.bool_)
    # Where no face was measured, what surrounds it decides.
    unusual, lost = np.full(len(spots), _HELD), np.full(len(spots), _HELD)
    unusual[known], lost[known] = _unusual(spots[known]), _lost(spots[known])
    evidence = np.maximum(unusual, lost)
    covered = np.zeros(len(spots), dtype=np.bool_)
    for first, end in runs(evidence >= _HELD):
        covered[first:end] = bool(np.any(evidence[first:end] >= 1.0))
    for first, end in runs(~covered):
        if first > 0 and end < len(covered) and end - first < _GLIMPSE_S * fps:
            covered[first:end] = True
    for first, end in runs(covered):
        if end - first < _BLIP_S * fps:
            covered[first:end] = False
        elif end - first > _LONGEST_S * fps:
            covered[first:end] = bool(np.median(lost[first:end]) >= 1.0)
    return covered


def _unusual(spots: NDArray[np.float32]) -> NDArray[Any]:
    """Weigh how many spots of each frame are not as they mostly are, (frames,); 1.0 is enough for a cover."""
    away = np.abs(spots - np.median(spots, axis=0))
    spread = 1.48 * np.median(away, axis=0)
    usual = np.maximum(np.array(_USUAL), _USUAL_SPREADS * spread)
    share: NDArray[Any] = (away > usual).any(axis=3).mean(axis=(1, 2))
    return share / _UNUSUAL_SHARE


def _lost(spots: NDArray[np.float32]) -> NDArray[Any]:
    """Weigh how much of the lips' usual contrast each frame lacks, (frames,); 1.0 is enough for a cover."""
    contrast = _contrast(spots)
    typical = np.median(contrast, axis=0)
    strength = float(typical @ typical)
    if strength < _LEAST_CONTRAST**2:
        return np.zeros(len(spots))
    left: NDArray[Any] = contrast @ typical / strength
    return (1.0 - left) / (1.0 - _LIPS_LEFT)


def _contrast(spots: NDArray[np.float32]) -> NDArray[Any]:
    """Compare lips and skin around them, (frames, 3), in units of ``_CONTRAST``; without the corners."""
    inner = spots[:, :, 1:-1]
    lips = inner[:, _LIP_ROWS].mean(axis=(1, 2))
    skin = inner[:, _SKIN_ROWS].mean(axis=(1, 2))
    contrast: NDArray[Any] = (lips - skin) / np.array(_CONTRAST)
    return contrast


def _places(landmarks: Points) -> Points:
    """Give the middles of the spots, (40, 2) pixels, row by row."""
    upper_outer, upper_inner, lower_inner, lower_outer = (
        landmarks[[contour[column] for column in _COLUMNS]]
        for contour in (UPPER_OUTER, UPPER_INNER, LOWER_INNER, LOWER_OUTER)
    )
    up = landmarks[NOSE_BASE] - landmarks[UPPER_OUTER[5]]
    down = landmarks[CHIN] - landmarks[LOWER_OUTER[5]]
    rows = [upper_outer + share * up for share in _ABOVE]
    rows += [(upper_outer + upper_inner) / 2, (lower_inner + lower_outer) / 2]
    rows += [lower_outer + share * down for share in _BELOW]
    return np.concatenate(rows).astype(np.float32)


def _colours(planes: Planes, places: Points, eyes_px: float) -> list[NDArray[Any]]:
    """Read luma and both chromas at some places, (n,) each, as means of small squares; the frame's edge goes on."""
    steps = np.linspace(-_SPOT * eyes_px, _SPOT * eyes_px, 5, dtype=np.float32)
    square = np.stack(np.meshgrid(steps, steps), axis=2).reshape(-1, 2)
    spread = places[:, None, :] + square
    means = []
    for plane, shrink in zip(split(planes), (1, 2, 2), strict=True):
        at = (spread / shrink).astype(np.intp)
        rows = np.clip(at[:, :, 1], 0, plane.shape[0] - 1)
        columns = np.clip(at[:, :, 0], 0, plane.shape[1] - 1)
        means.append(plane[rows, columns].mean(axis=1))
    return means
