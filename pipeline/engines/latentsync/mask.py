"""Which part of the aligned face is made anew: cheeks beside the nose, and everything below it.

The project's own ``mask.png`` (256 x 256) is taken where it lies beside the weights; the outline here was measured on it, and differs
in 3 of the 1024 cells that the network is shown.
"""

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.engines.neural.covers import COVER_PX, feathered
from pipeline.errors import WeightsAltered
from pipeline.types import Pixels

FILE: Final = "mask.png"
_SIZE_PX: Final = 256
_CHEEKS: Final = (slice(9, 78), slice(178, 247))
"""Columns beside the nose,"""
_CHEEK_ROWS: Final = slice(95, 128)
"""and their rows."""
_OUTLINE: Final = (
    (128, 9, 247), (150, 11, 245), (168, 12, 244), (174, 14, 241), (180, 18, 238), (192, 26, 230), (204, 36, 220),
    (216, 51, 207), (228, 72, 189), (234, 85, 175), (240, 104, 160), (242, 131, 152),
)  # fmt: skip
"""Row, first and last column of what is below; straight lines between."""
_SOFT: Final = 0.02
"""Standard deviation of the cover's edge, in sides of the square."""


def drawn_mask() -> Pixels:
    """Draw the mask from its outline: (256, 256), 255 where the face is kept, 0 where it is made anew."""
    mask = np.full((_SIZE_PX, _SIZE_PX), 255, np.uint8)
    for cheek in _CHEEKS:
        mask[_CHEEK_ROWS, cheek] = 0
    rows, first, last = np.array(_OUTLINE).T
    for row in range(rows[0], rows[-1] + 1):
        left, right = (round(float(np.interp(row, rows, edge))) for edge in (first, last))
        mask[row, left : right + 1] = 0
    return mask


def read_mask(folder: Path) -> Pixels:
    """Give the mask, (256, 256): the project's own, if it lies in the folder. Raises WeightsAltered."""
    path = folder / FILE
    if not path.is_file():
        return drawn_mask()
    try:
        with Image.open(path) as picture:
            mask = np.asarray(picture.convert("L"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise WeightsAltered(f"{path} cannot be read as a picture ({error}).") from error
    if mask.shape != (_SIZE_PX, _SIZE_PX):
        raise WeightsAltered(f"{path} is no mask of {_SIZE_PX} × {_SIZE_PX} pixels.")
    return mask


def mask_for(mask: Pixels, size_px: int) -> NDArray[np.float32]:
    """Bring a mask to the network's size, (size, size); enlarged its edges are between 0.0 and 1.0."""
    resized = cv2.resize(mask, (size_px, size_px), interpolation=cv2.INTER_LANCZOS4)
    return np.asarray(np.asarray(resized, np.float32) / 255, np.float32)


def latent_mask(mask: NDArray[Any]) -> NDArray[np.float32]:
    """Give what the network is shown of a mask, (size / 8, size / 8): every eighth pixel."""
    return np.ascontiguousarray(mask[::8, ::8], np.float32)


def cover_of(mask: NDArray[Any]) -> Pixels:
    """Give how much of the generated square is pasted, (128, 128), 0-255: what was made anew, with a soft edge."""
    wanted = ((1 - mask) * 255).astype(np.uint8)
    small = cv2.resize(wanted, (COVER_PX, COVER_PX), interpolation=cv2.INTER_AREA)
    return feathered(np.asarray(cv2.GaussianBlur(small, (0, 0), _SOFT * COVER_PX), np.uint8))
