"""One frame's mouth in coordinates of its own face, whatever the head's position, roll and size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.faces import geometry
from pipeline.types import Points

Line = NDArray[Any]
"""(n,), float32. Heights along ``Mouth.places``, in eye distances, downwards."""

SEAM_SAMPLES: Final = 33
"""Places from corner to corner of a mouth."""
_SAMPLES: Final = 161
_REACH: Final = 0.8
"""Lines are kept from so far left to so far right of the middle of the mouth, in eye distances."""
_ROUNDING: Final = 4
"""Samples over which the corners of the lip contours (eleven points each) are rounded."""


@dataclass(frozen=True)
class Mouth:
    """Lips, chin and jaw of one frame. Lengths are shares of the distance of the outer eye corners.

    The axes are ``across`` (along the eyes, to the right of the picture) and ``down``; the origin lies between the
    lips. A lip line is a height for each of ``places``; beyond the corners of the mouth all four go on as one.
    """

    origin: Points
    """(2,), pixels."""
    across: Points
    """(2,), unit vector in pixels."""
    down: Points
    scale_px: float
    """The distance of the outer eye corners."""
    upper_outer: Line
    upper_inner: Line
    lower_inner: Line
    lower_outer: Line
    gap: float
    """Of the inner lips, as ``pipeline.faces.geometry.mouth_opening`` measures it."""
    corners: tuple[float, float]
    """Left and right corner of the lips, across; the left one is negative."""
    inner_corners: tuple[float, float]
    nose: float
    """Height of the nose's base (negative)."""
    chin: float
    outline: Line
    """Height of the face's lower edge; at the middle it is ``chin``."""
    jaw: tuple[float, float]
    """Edge of the face, left and right, at the height of the mouth."""

    def seam(self) -> Line:
        """Where the lips meet, or would meet half-way: its height above the line from corner to corner.

        Given for ``SEAM_SAMPLES`` places, from the left corner to the right one.
        """
        places = np.linspace(*self.corners, SEAM_SAMPLES, dtype=np.float32)
        heights = self.line_at((self.upper_inner + self.lower_inner) / 2, places)
        joined: Line = heights - np.linspace(
            heights[0], heights[-1], SEAM_SAMPLES, dtype=np.float32
        )
        return joined

    def lips(self) -> tuple[Line, Line]:
        """Heights of the upper and of the lower lip for ``SEAM_SAMPLES`` places from corner to corner."""
        places = np.linspace(*self.corners, SEAM_SAMPLES, dtype=np.float32)
        return (
            self.line_at(self.upper_inner - self.upper_outer, places),
            self.line_at(self.lower_outer - self.lower_inner, places),
        )

    def line_at(self, line: Line, places: NDArray[Any]) -> NDArray[Any]:
        """Read a lip line at other places, linearly."""
        step = 2 * _REACH / (_SAMPLES - 1)
        index = np.clip((places + _REACH) / step, 0, _SAMPLES - 1.001)
        whole = index.astype(np.intp)
        share = (index - whole).astype(np.float32)
        heights: NDArray[Any] = line[whole] * (1 - share) + line[whole + 1] * share
        return heights


@dataclass(frozen=True)
class Rest:
    """A face's mouth at rest: closed, or as nearly as its Template shows it. Shares of the eye distance."""

    seam: Line
    """As ``Mouth.seam`` gives it."""
    width: float
    """From corner to corner."""
    upper_lip: Line
    """As ``Mouth.lips`` gives it."""
    lower_lip: Line


def measure_rest(mouths: Sequence[Mouth]) -> Rest | None:
    """Take the mouth at rest from the frames of a Template in which it is closed most; None without any mouth."""
    if not mouths:
        return None
    ordered = sorted(mouths, key=lambda mouth: mouth.gap)
    closed = ordered[: max(len(ordered) // 5, 1)]
    lips = [mouth.lips() for mouth in closed]
    return Rest(
        seam=_middle([mouth.seam() for mouth in closed]),
        width=float(np.median([mouth.corners[1] - mouth.corners[0] for mouth in mouths])),
        upper_lip=_middle([upper for upper, _ in lips]),
        lower_lip=_middle([lower for _, lower in lips]),
    )


def _middle(lines: Sequence[Line]) -> Line:
    return np.median(lines, axis=0).astype(np.float32)


def measure_mouth(landmarks: Points, axes: Points) -> Mouth:
    """Read the mouth off one frame's landmarks.

    Args:
        landmarks: (468, 2), pixels, no NaN.
        axes: (2,), from the left to the right outer eye corner in pixels, taken from a steadier source than the
            landmarks of this one frame: its noise would make the whole mouth tremble.

    Returns:
        The Mouth.
    """
    scale = float(np.hypot(*axes))
    across = (axes / scale).astype(np.float32)
    down = np.array([-across[1], across[0]], dtype=np.float32)
    corners = landmarks[list(geometry.MOUTH_CORNERS)]
    lips = landmarks[[13, 14]].mean(axis=0)
    middle = lips + across * ((corners.mean(axis=0) - lips) @ across) * 0.5
    local = (landmarks - middle) @ np.stack([across, down], axis=1) / np.float32(scale)
    lines = _lip_lines(local)
    jaw = local[list(geometry.JAW)]
    chin = max(float(local[geometry.CHIN, 1]), 0.2)
    return Mouth(
        origin=middle,
        across=across,
        down=down,
        scale_px=scale,
        upper_outer=lines[0],
        upper_inner=lines[1],
        lower_inner=lines[2],
        lower_outer=lines[3],
        gap=geometry.mouth_opening(landmarks),
        corners=_either_side(local[list(geometry.MOUTH_CORNERS), 0], 0.1),
        inner_corners=_either_side(local[list(geometry.INNER_CORNERS), 0], 0.08),
        nose=min(float(local[geometry.NOSE_BASE, 1]), -0.08),
        chin=chin,
        outline=_outline(jaw, chin),
        jaw=_either_side(np.array([jaw[:, 0].min(), jaw[:, 0].max()]), 0.25),
    )


def _either_side(pair: NDArray[np.float32], least: float) -> tuple[float, float]:
    """Keep a left and a right place at least so far from the middle: turned heads bring them together."""
    return min(float(pair[0]), -least), max(float(pair[1]), least)


def _outline(jaw: Points, chin: float) -> Line:
    """Sample the lower edge of the face, from ear to ear around the chin, nowhere above the mouth."""
    places = np.linspace(-_REACH, _REACH, _SAMPLES, dtype=np.float32)
    reached = np.maximum.accumulate(jaw[:, 0] + np.arange(len(jaw)) * 1e-6)
    line = np.clip(np.interp(places, reached, jaw[:, 1]), 0.0, chin)
    return line.astype(np.float32)


def _lip_lines(local: Points) -> tuple[Line, Line, Line, Line]:
    """Sample the four contours of the lips, ordered top to bottom everywhere, joined beyond the corners."""
    corners = geometry.MOUTH_CORNERS
    contours = (
        geometry.UPPER_OUTER,
        (corners[0], *geometry.UPPER_INNER, corners[1]),
        (corners[0], *geometry.LOWER_INNER, corners[1]),
        geometry.LOWER_OUTER,
    )
    places = np.linspace(-_REACH, _REACH, _SAMPLES, dtype=np.float32)
    window = np.hanning(_ROUNDING + 3)[1:-1]
    window /= window.sum()
    lines = []
    for contour in contours:
        points = local[list(contour)]
        reached = np.maximum.accumulate(points[:, 0] + np.arange(len(points)) * 1e-6)
        line = np.interp(places, reached, points[:, 1])
        padded = np.pad(line, len(window) // 2, mode="edge")
        lines.append(np.convolve(padded, window, mode="valid").astype(np.float32))
    upper_outer, upper_inner, lower_inner, lower_outer = lines
    seam = (upper_inner + lower_inner) / 2  # where landmarks of closed lips cross each other
    upper_inner, lower_inner = np.minimum(upper_inner, seam), np.maximum(lower_inner, seam)
    return (
        np.minimum(upper_outer, upper_inner),
        upper_inner,
        lower_inner,
        np.maximum(lower_outer, lower_inner),
    )
