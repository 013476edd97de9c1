"""Views into one I420 frame."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.types import Pixels, Planes


@dataclass(frozen=True)
class Region:
    """A rectangle of a frame in luma pixels. All four are even, so that it cuts the chroma planes exactly."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


def split(planes: Planes) -> tuple[Pixels, Pixels, Pixels]:
    """Show the three planes of an I420 frame as views: what is written into them is written into the frame.

    Args:
        planes: (height * 3 // 2, width), C-contiguous; width and height even.

    Returns:
        Luma (height, width), then the two chroma planes, (height // 2, width // 2) each.

    Raises:
        ValueError: The array is not contiguous, so that views are not possible.
    """
    if not planes.flags.c_contiguous:
        raise ValueError("an I420 frame must be contiguous")
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    flat = planes.reshape(-1)
    luma, quarter = height * width, height * width // 4
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + quarter].reshape(half),
        flat[luma + quarter : luma + 2 * quarter].reshape(half),
    )


def region_around(
    left: float, top: float, right: float, bottom: float, shape: tuple[int, ...]
) -> Region:
    """Give the smallest even-aligned Region that holds a box, cut to a frame of ``shape`` (height, width).

    The Region is empty (width or height 0) where the box lies wholly outside the frame.
    """
    height, width = shape[0], shape[1]
    x0, x1 = (int(np.clip(v, 0, width)) for v in (np.floor(left), np.ceil(right)))
    y0, y1 = (int(np.clip(v, 0, height)) for v in (np.floor(top), np.ceil(bottom)))
    x0, y0 = x0 & ~1, y0 & ~1
    return Region(x0, y0, max((x1 - x0 + 1) & ~1, 0), max((y1 - y0 + 1) & ~1, 0))


def region_as_rgb(planes: Planes, region: Region) -> Pixels:
    """Convert one Region of an I420 frame to RGB, (height, width, 3), 0-255; the frame is left untouched."""
    luma, first, second = split(planes)
    x, y, w, h = region.left_px, region.top_px, region.width_px, region.height_px
    chroma = (slice(y // 2, (y + h) // 2), slice(x // 2, (x + w) // 2))
    cut = np.concatenate(
        [luma[y : y + h, x : x + w].ravel(), first[chroma].ravel(), second[chroma].ravel()]
    )
    return np.asarray(
        cv2.cvtColor(cut.reshape(h * 3 // 2, w), cv2.COLOR_YUV2RGB_I420), dtype=np.uint8
    )
