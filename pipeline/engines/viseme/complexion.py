"""The colours of one face in one frame: what is shown inside the mouth has to stand in the same light."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.faces.planes import split
from pipeline.types import Planes, Points

BLACK: Final = 16.0
"""Luma of black in limited range."""
NEUTRAL: Final = 128.0
"""Chroma of grey."""

_CHEEKS: Final = (50, 280, 205, 425)
"""Points of the mesh on the cheeks, where skin is seen in its own light."""
_LIPS: Final = ((0, 13), (37, 82), (267, 312), (14, 17), (87, 84), (317, 314))
"""Pairs of points on either edge of a lip; the lip's colour is taken between them."""
_PATCH: Final = np.stack(np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)), axis=2).reshape(-1, 2)
"""(25, 2): the pixels of a small patch around its middle."""


@dataclass(frozen=True)
class Complexion:
    """Colours of one face in one frame, as (luma, first chroma, second chroma), 0-255."""

    skin: tuple[float, float, float]
    lips: tuple[float, float, float]


def read_complexion(planes: Planes, landmarks: Points) -> Complexion:
    """Take the colours of skin and lips from a frame; landmarks are (468, 2) in pixels."""
    lips = [(landmarks[a] + landmarks[b]) / 2 for a, b in _LIPS]
    return Complexion(
        skin=_median_colour(planes, landmarks[list(_CHEEKS)]),
        lips=_median_colour(planes, np.array(lips)),
    )


def _median_colour(planes: Planes, spots: Points) -> tuple[float, float, float]:
    """Take the middle colour of small patches around some places (those outside the frame are moved to its edge)."""
    values = []
    for plane, shrink in zip(split(planes), (1, 2, 2), strict=True):
        places = (np.asarray(spots)[:, None, :] / shrink + _PATCH).astype(np.intp)  # (spots, 25, 2)
        rows = np.clip(places[:, :, 1], 0, plane.shape[0] - 1)
        columns = np.clip(places[:, :, 0], 0, plane.shape[1] - 1)
        values.append(float(np.median(plane[rows, columns].mean(axis=1))))
    return values[0], values[1], values[2]
