"""How much of a generated face is taken, and where: the lower face without the nose ("jaw").

The official code asks a face parser; where its weights are not there, the mesh says where the lower face is.
"""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.engines.musetalk.sizes import PARSED_PX
from pipeline.engines.neural.covers import COVER_PX, feathered
from pipeline.faces.geometry import JAW, NOSE_BASE
from pipeline.types import Pixels, Points

EXPAND: Final = 1.5
"""The square around a box, in longer sides of it."""
BLUR: Final = 0.05
"""Size of the blur's kernel, in sides of the square; the official real-time code takes 0.1."""

SKIN: Final = 1
NOSE: Final = 10
MOUTH: Final = (11, 12, 13)
"""Inside, upper and lower lip."""
_CHEEKS: Final = (slice(0, 167), slice(346, PARSED_PX))
"""Columns of the parser's map in which skin is taken narrowly: beside the face hair and ears begin."""
_NOSE_MESH: Final = (6, 129, 98, 97, NOSE_BASE, 326, 327, 358)
"""Bridge, left wing, base, right wing."""
_MESH_SOFT: Final = 0.035
"""Standard deviation of the edge of a mask from the mesh, in sides of the box: about what the official blur makes."""


def square_of(box: NDArray[Any]) -> tuple[int, int, int]:
    """Give (left, top, side) of the square around a box of whole pixels that the parser is shown."""
    left, top, right, bottom = (int(edge) for edge in box)
    half = int(max(right - left, bottom - top) // 2 * EXPAND)
    return (left + right) // 2 - half, (top + bottom) // 2 - half, 2 * half


def crop_square(picture: Pixels, square: tuple[int, int, int]) -> Pixels:
    """Cut a square out of an RGB picture; what lies outside is black."""
    left, top, side = square
    height, width = picture.shape[:2]
    out = np.zeros((side, side, 3), np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x1 > x0 and y1 > y0:
        out[y0 - top : y1 - top, x0 - left : x1 - left] = picture[y0:y1, x0:x1]
    return out


def jaw_classes(classes: NDArray[np.uint8]) -> Pixels:
    """Take skin, lips and mouth from a parser's map: (512, 512), 255 where the generated face is wanted."""
    skin = (classes == SKIN).astype(np.uint8) * 255
    wide = cv2.dilate(skin, _house(), iterations=1)
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (35, 3))
    narrow = cv2.erode(wide, ellipse, iterations=2)
    taken = np.asarray(wide, np.uint8).copy()
    for cheek in _CHEEKS:
        taken[:, cheek] = narrow[:, cheek]
    wanted = ((taken > 0) & (classes != NOSE)) | np.isin(classes, MOUTH)
    return np.where(wanted, 255, 0).astype(np.uint8)


def _house() -> Pixels:
    """The official shape that skin grows by: a gable above a wall. Dilation mirrors it: 16 rows upwards, 6 downwards."""
    shape = np.zeros((33, 33), np.uint8)
    for row in range(10, 33):
        half = min(row - 10, 10)
        shape[row, 16 - half : 17 + half] = 1
    return shape


def jaw_mask(
    wanted: Pixels, box: NDArray[Any], square: tuple[int, int, int], blur: float = BLUR
) -> Pixels:
    """Bring a map to the square: inside the box, in the lower half only, with a soft edge.

    Args:
        wanted: (512, 512), as ``jaw_classes`` gives it.
        box: Of whole pixels, in the frame.
        square: As ``square_of`` gives it.
        blur: As ``BLUR``.

    Returns:
        (side, side), 0-255.
    """
    side = square[2]
    scaled = np.asarray(Image.fromarray(wanted).resize((side, side), Image.Resampling.BICUBIC))
    rows, columns = _box_in(box, square)
    mask = np.zeros((side, side), np.uint8)
    mask[rows, columns] = scaled[rows, columns]
    mask[: side // 2] = 0
    kernel = int(blur * side // 2 * 2) + 1
    return np.asarray(cv2.GaussianBlur(mask, (kernel, kernel), 0), np.uint8)


def cover_from_classes(classes: NDArray[np.uint8], box: NDArray[Any]) -> Pixels:
    """Make the cover of a box, (128, 128), from the parser's map of its square."""
    square = square_of(box)
    mask = jaw_mask(jaw_classes(classes), box, square)
    rows, columns = _box_in(box, square)
    inner = np.ascontiguousarray(mask[rows, columns])
    small = cv2.resize(inner, (COVER_PX, COVER_PX), interpolation=cv2.INTER_AREA)
    return feathered(np.asarray(small, np.uint8))


def cover_from_mesh(landmarks: Points, box: NDArray[Any]) -> Pixels:
    """Make the cover of a box, (128, 128), from the mesh: its jaw without the nose, below the box's middle."""
    corner, size = np.array(box[:2]), np.array(box[2:]) - np.array(box[:2])
    places = (landmarks - corner) / size * COVER_PX - 0.5
    mask = np.zeros((COVER_PX, COVER_PX), np.uint8)
    cv2.fillPoly(mask, [np.round(places[list(JAW)]).astype(np.int32)], 255)
    cv2.fillPoly(mask, [np.round(places[list(_NOSE_MESH)]).astype(np.int32)], 0)
    mask[: COVER_PX // 2] = 0
    soft = cv2.GaussianBlur(mask, (0, 0), _MESH_SOFT * COVER_PX)
    return feathered(np.asarray(soft, np.uint8))


def _box_in(box: NDArray[Any], square: tuple[int, int, int]) -> tuple[slice, slice]:
    """Give rows and columns of a box within its square."""
    left, top, right, bottom = (int(edge) for edge in box)
    return slice(top - square[1], bottom - square[1]), slice(left - square[0], right - square[0])
