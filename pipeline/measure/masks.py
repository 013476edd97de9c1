"""Where in a frame something is measured: masks over faces, and the worst of what differs."""

from typing import Final

import cv2
import numpy as np

from pipeline.faces.geometry import (
    CHIN,
    JAW,
    LOWER_INNER,
    LOWER_OUTER,
    NOSE_BASE,
    UPPER_INNER,
    UPPER_OUTER,
    eye_distance,
    face_axes,
)
from pipeline.lettering import Spot
from pipeline.types import Pixels, Points

_FACE_MARGIN: Final = 0.30
"""The face is taken this much larger (share of the eye distance): soft edges and codec blocks belong to it."""
_MOUTH_MARGIN: Final = 0.25
_OPENING_MARGIN: Final = 0.03
_NECK: Final = 0.50
"""How far below the chin the skin moves with the jaw, in eye distances."""
_BLOCK_PX: Final = 16
"""A macroblock: what a codec can make of one is what a small place may differ by."""


def outside_face(shape: tuple[int, ...], points: Points | None) -> Pixels:
    """Mask what is not face, (height, width), 255 there; all of it without a face."""
    outside = np.full(shape, 255, dtype=np.uint8)
    if points is not None:
        fill_hull(outside, points, _FACE_MARGIN * eye_distance(points), 0)
    return outside


def clear(mask: Pixels, spot: Spot) -> None:
    """Take a spot out of a mask, and the codec's blocks it reaches into; changes ``mask``."""
    rows = slice(max(spot.top_px - _BLOCK_PX, 0), max(spot.bottom_px + _BLOCK_PX, 0))
    mask[rows, max(spot.left_px - _BLOCK_PX, 0) : max(spot.right_px + _BLOCK_PX, 0)] = 0


def at_rest(shape: tuple[int, ...], points: Points | None) -> Pixels:
    """Mask what speaking moves in no face, 255 there: all but the jaw from under the nose down to the neck."""
    still = np.full(shape, 255, dtype=np.uint8)
    if points is not None:
        eyes_px, (across, down) = eye_distance(points), face_axes(points)
        along, below = points[list(JAW)] @ across, points[list(JAW)] @ down
        top = points[NOSE_BASE] @ down
        bottom = max(points[CHIN] @ down, below.max()) + _NECK * eyes_px
        corners = [(x, y) for x in (along.min(), along.max()) for y in (top, bottom)]
        spots = np.array([x * across + y * down for x, y in corners], dtype=np.float32)
        fill_hull(still, spots, _FACE_MARGIN / 2 * eyes_px, 0)
    return still


def skin_around_mouth(shape: tuple[int, ...], points: Points, own: Points | None) -> Pixels:
    """Mask lips and skin around a Clip's mouth, 255 there; neither its opening nor the Template's counts.

    The edge of a dark opening is no texture: without this an open mouth would hide blurred lips, and a Template that
    speaks would seem sharper than any mouth that is closed over it.

    Args:
        shape: (height, width) of the frame.
        points: The Clip's face.
        own: The Template's face in the same frame; None if none was found.
    """
    eyes_px = eye_distance(points)
    skin = np.zeros(shape, dtype=np.uint8)
    fill_hull(skin, points[[*UPPER_OUTER, *LOWER_OUTER]], _MOUTH_MARGIN * eyes_px, 255)
    for face in (points, own):
        if face is not None:
            fill_hull(skin, face[[*UPPER_INNER, *LOWER_INNER]], _OPENING_MARGIN * eyes_px, 0)
    return skin


def fill_hull(mask: Pixels, points: Points, margin_px: float, value: int) -> None:
    """Fill the convex hull of some points, widened by a margin, with a value; changes ``mask``."""
    hull = cv2.convexHull(np.asarray(points, np.float32).reshape(-1, 1, 2)).round().astype(np.int32)
    cv2.fillPoly(mask, [hull], value)
    if margin_px >= 0.5:
        cv2.polylines(mask, [hull], True, value, max(1, round(2 * margin_px)))  # noqa: FBT003  # cv2 names no flag


def worst_block(first: Pixels, second: Pixels, mask: Pixels) -> float:
    """Find the place where two luma planes differ most: the largest mean squared difference of a block of 16 by 16.

    Args:
        first: (H, W) uint8.
        second: (H, W) uint8.
        mask: (H, W) uint8, 0 where a pixel counts as equal.
    """
    apart = cv2.bitwise_and(cv2.absdiff(first, second), mask)
    square = np.square(apart, dtype=np.uint16)
    height, width = (max(side // _BLOCK_PX, 1) for side in square.shape)
    means = cv2.resize(square, (width, height), interpolation=cv2.INTER_AREA)
    return float(means.max())
