"""Where things lie on a face, in MediaPipe's numbering of the face mesh.

The numbers are those of MediaPipe's canonical face model (``face_mesh_connections`` and the canonical face
UV picture of its documentation). "Left" and "right" are those of the picture, not of the person.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Points

EYE_CORNERS: Final = (33, 263)
"""Outer corners of the eyes, left and right."""

MOUTH_CORNERS: Final = (61, 291)
"""Outer corners of the lips, left and right."""

INNER_CORNERS: Final = (78, 308)

UPPER_OUTER: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
"""Upper edge of the upper lip, corner to corner."""

UPPER_INNER: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
"""Lower edge of the upper lip, corner to corner."""

LOWER_INNER: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
"""Upper edge of the lower lip, corner to corner; each lies opposite to its neighbour in ``UPPER_INNER``."""

LOWER_OUTER: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
"""Lower edge of the lower lip, corner to corner."""

NOSE_BASE: Final = 2
"""Where the nose meets the upper lip."""

NOSE_TIP: Final = 1

CHIN: Final = 152
"""The lowest point of the chin."""

JAW: Final = (
    234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
    377, 400, 378, 379, 365, 397, 288, 361, 323, 454,
)  # fmt: skip
"""Outline of the lower face, from the left ear down around the chin to the right ear."""

OVAL_SIDES: Final = (234, 454)
"""The widest points of the face, left and right."""

_GAPS: Final = ((13, 14), (82, 87), (312, 317))
"""Pairs of opposite points of the inner lips around their middle."""


def eye_distance(landmarks: Points) -> float:
    """Measure the distance of the outer eye corners in pixels; NaN where there is no face."""
    first, second = landmarks[EYE_CORNERS[0]], landmarks[EYE_CORNERS[1]]
    return float(np.hypot(*(second - first)))


def face_axes(landmarks: Points) -> tuple[Points, Points]:
    """Give the unit vectors across the face (to the right eye corner) and down it, (2,) each, in pixels."""
    across = landmarks[EYE_CORNERS[1]] - landmarks[EYE_CORNERS[0]]
    across = across / np.hypot(*across)
    return across, np.array([-across[1], across[0]], dtype=across.dtype)


def mouth_opening(landmarks: Points) -> float:
    """Measure the gap of the inner lips as a share of the distance of the outer eye corners.

    The gap is taken along the face, between upper and lower lip, as a mean of three places around the
    middle: single points of the mesh jitter by about half a pixel. Lips pressed together may give a value a
    little below 0.0. NaN where there is no face.

    Args:
        landmarks: (468, 2), pixels.
    """
    _, down = face_axes(landmarks)
    gaps = [(landmarks[low] - landmarks[up]) @ down for up, low in _GAPS]
    return float(np.mean(gaps)) / eye_distance(landmarks)


def mouth_width(landmarks: Points) -> float:
    """Measure the distance of the lip corners as a share of that of the outer eye corners.

    Args:
        landmarks: (468, 2), pixels.
    """
    left, right = landmarks[MOUTH_CORNERS[0]], landmarks[MOUTH_CORNERS[1]]
    return float(np.hypot(*(right - left))) / eye_distance(landmarks)


def mouth_openings(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Measure ``mouth_opening`` of many frames at once.

    Args:
        landmarks: (frames, 468, 2), pixels; rows of NaN where there is no face.

    Returns:
        (frames,), NaN where there is no face.
    """
    across = landmarks[:, EYE_CORNERS[1]] - landmarks[:, EYE_CORNERS[0]]
    square = np.sum(across * across, axis=1)
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    gaps = [np.sum((landmarks[:, low] - landmarks[:, up]) * down, axis=1) for up, low in _GAPS]
    openings: NDArray[np.float32] = np.mean(gaps, axis=0) / square
    return openings
