"""Between frames and the square pictures of networks: cutting a face out, and putting one back.

A square's place in a frame is a matrix (2, 3) that leads from its pixels to the frame's: any scale and turn, and never
rounded to whole pixels, since a face that is pasted in whole pixels trembles.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.faces.geometry import LOWER_OUTER, UPPER_OUTER, eye_distance
from pipeline.faces.planes import Region, cut, halve, halved, lay, part, region_around, split
from pipeline.media import as_planes, as_rgb
from pipeline.types import Pixels, Planes, Points, VideoFacts

Matrix = NDArray[np.float64]
"""(2, 3)."""

_REACH_PX: Final = 8
"""What the filter looks at beyond the square's edge."""
_LOST_FROM: Final = 1.05
"""A square that is enlarged by more than this has lost texture on its way through the network's size."""
_GRAIN: Final = 14.0
"""Most that is given back of it, in levels of luma: pores and grain are finer than this, edges are not and would be seen twice."""
_LIPS_ROOM: Final = 1.35
"""Around the lips nothing is given back: so much more than the lips themselves, for they move."""


def box_matrix(box: NDArray[Any], size_px: int) -> Matrix:
    """Lead from a square of ``size_px`` to a box (left, top, right, bottom) of the frame, as scaling pictures does."""
    left, top, right, bottom = (float(edge) for edge in box)
    across, down = (right - left) / size_px, (bottom - top) / size_px
    return np.array([[across, 0.0, left + 0.5 * across - 0.5], [0.0, down, top + 0.5 * down - 0.5]])


def cut_out(planes: Planes, facts: VideoFacts, matrix: Matrix, size_px: int) -> Pixels:
    """Cut a square out of a frame.

    Args:
        planes: The frame, I420; left untouched.
        facts: Of its video.
        matrix: From the square to the frame.
        size_px: Of the square.

    Returns:
        (size, size, 3) RGB; what lies outside the frame is like the frame's edge.
    """
    region = _region(planes, matrix, size_px, room_px=_REACH_PX)
    if not region.width_px or not region.height_px:
        return np.zeros((size_px, size_px, 3), np.uint8)
    picture = as_rgb(part(planes, region), facts)
    return _drawn(picture, _within(matrix, region), (size_px, size_px), cv2.INTER_LANCZOS4)


def paste(
    planes: Planes,
    facts: VideoFacts,
    picture: Pixels,
    matrix: Matrix,
    cover: Pixels,
    strength: float,
    landmarks: Points,
) -> None:
    """Put a square back into its frame, in place; pixels that it does not cover keep their bits.

    What skin the frame shows more finely than the square can is laid over it again: the texture that the network's size loses.

    Args:
        planes: The frame, I420.
        facts: Of its video.
        picture: (size, size, 3) RGB.
        matrix: From the square to the frame.
        cover: (n, n), 0-255, how much of the square is wanted; of any size, over the whole square.
        strength: 0.0-1.0, on top of that.
        landmarks: (468, 2), of the face in the frame.
    """
    size_px = picture.shape[0]
    region = _region(planes, matrix, size_px, room_px=0)
    if not region.width_px or not region.height_px or strength <= 0:
        return
    back = _inverse(_within(matrix, region))
    weights = _weights(cover, size_px, back, region) * np.float32(strength)
    size = (region.width_px, region.height_px)
    drawn = _drawn(picture, back, size, cv2.INTER_CUBIC)
    new = split(as_planes(drawn, facts))
    luma = new[0].astype(np.float32)
    if abs(np.linalg.det(matrix[:, :2])) > _LOST_FROM**2:
        luma += _texture(planes, region, matrix, size_px, landmarks)
    own, half = split(planes), halved(region)
    lay(cut(own[0], region), weights, np.clip(luma, 0, 255))
    for plane, colour in zip(own[1:], new[1:], strict=True):
        lay(cut(plane, half), halve(weights), colour.astype(np.float32))


def _region(planes: Planes, matrix: Matrix, size_px: int, *, room_px: int) -> Region:
    """Give the part of a frame that a square covers."""
    edges = (-0.5, size_px - 0.5)
    corners = np.array([(x, y, 1.0) for x in edges for y in edges])
    spots = corners @ matrix.T + 0.5
    (left, top), (right, bottom) = spots.min(axis=0) - room_px, spots.max(axis=0) + room_px
    return region_around(left, top, right, bottom, (planes.shape[0] * 2 // 3, planes.shape[1]))


def _within(matrix: Matrix, region: Region) -> Matrix:
    """Give a square's matrix into a Region of the frame."""
    moved = matrix.copy()
    moved[:, 2] -= (region.left_px, region.top_px)
    return moved


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _drawn(picture: NDArray[Any], matrix: Matrix, size: tuple[int, int], how: int) -> NDArray[Any]:
    """Draw a picture anew, ``size`` (width, height); ``matrix`` leads from the new pixels to those of the picture."""
    return np.asarray(
        cv2.warpAffine(
            picture, matrix, size, flags=how | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
    )


def _weights(cover: Pixels, size_px: int, back: Matrix, region: Region) -> NDArray[np.float32]:
    """Draw a cover over a Region, 0.0-1.0; ``back`` leads from the Region to the square."""
    share = cover.shape[0] / size_px
    to_cover = back * share
    to_cover[:, 2] += 0.5 * share - 0.5
    weights = cv2.warpAffine(
        cover.astype(np.float32),
        to_cover,
        (region.width_px, region.height_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return np.asarray(np.asarray(weights) / 255, np.float32)


def _texture(
    planes: Planes, region: Region, matrix: Matrix, size_px: int, landmarks: Points
) -> NDArray[np.float32]:
    """Give what of a frame's luma in a Region would not come through a square, away from the lips; in levels."""
    own = np.ascontiguousarray(cut(split(planes)[0], region))
    within = _within(matrix, region)
    small = _drawn(own, within, (size_px, size_px), cv2.INTER_LANCZOS4)
    size = (region.width_px, region.height_px)
    through = _drawn(small, _inverse(within), size, cv2.INTER_CUBIC)
    lost = np.clip(own.astype(np.float32) - through, -_GRAIN, _GRAIN)
    return np.asarray(lost * (1 - _lips(landmarks, region)), np.float32)


def _lips(landmarks: Points, region: Region) -> NDArray[np.float32]:
    """Mark lips and what is around them, 0.0-1.0, with a soft edge."""
    outline = landmarks[[*UPPER_OUTER, *LOWER_OUTER[::-1]]]
    centre = outline.mean(axis=0)
    wide = centre + _LIPS_ROOM * (outline - centre) - (region.left_px, region.top_px)
    mark = np.zeros((region.height_px, region.width_px), np.float32)
    hull = cv2.convexHull(np.round(wide).astype(np.int32))
    cv2.fillPoly(mark, [np.asarray(hull)], 1.0)
    soft = max(0.04 * eye_distance(landmarks), 0.5)
    return np.asarray(cv2.GaussianBlur(mark, (0, 0), soft), np.float32)
