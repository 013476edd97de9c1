"""Views into one I420 frame."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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


def halved(region: Region) -> Region:
    """Give the same Region in the coordinates of the chroma planes."""
    return Region(
        region.left_px // 2, region.top_px // 2, region.width_px // 2, region.height_px // 2
    )


def cut(plane: Pixels, region: Region) -> Pixels:
    """Show a Region of a plane as a view."""
    rows = slice(region.top_px, region.top_px + region.height_px)
    return plane[rows, region.left_px : region.left_px + region.width_px]


def halve(values: NDArray[Any]) -> NDArray[Any]:
    """Bring a plane of luma size to chroma size by averaging fours."""
    rows, columns = values.shape
    averaged: NDArray[Any] = cv2.resize(
        values, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA
    )
    return averaged


def lay(there: Pixels, cover: NDArray[Any], colour: NDArray[Any]) -> None:
    """Lay colours over a part of a plane, in place; pixels that they do not cover keep their bits.

    Args:
        there: The part.
        cover: Of the same shape, 0.0-1.0.
        colour: Of the same shape, 0-255.
    """
    mixed = there + cover * (colour - there)
    np.copyto(there, np.clip(mixed + 0.5, 0, 255).astype(np.uint8), where=cover > 0)


def part(planes: Planes, region: Region) -> Planes:
    """Copy a Region of an I420 frame as a small I420 frame."""
    luma, first, second = split(planes)
    half = halved(region)
    pieces = (cut(luma, region), cut(first, half), cut(second, half))
    flat = np.concatenate([piece.ravel() for piece in pieces])
    return flat.reshape(region.height_px * 3 // 2, region.width_px)


def region_as_rgb(planes: Planes, region: Region) -> Pixels:
    """Convert one Region of an I420 frame to RGB, (height, width, 3), 0-255; the frame is left untouched."""
    return np.asarray(cv2.cvtColor(part(planes, region), cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)
