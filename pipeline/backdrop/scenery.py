"""What is put behind the presenter: a colour, a picture, either out of focus, or a soft field of the presenter's own colours."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipeline.faces.planes import split
from pipeline.media import as_planes
from pipeline.options import Background
from pipeline.types import Pixels, Planes, VideoFacts

_BLUR: Final = 0.022
"""Standard deviation of a picture out of focus, of its shorter side: shapes stay, lines and writing go."""
_FIELD_CELLS: Final = 24
"""A field of colours is computed so many cells high."""
_FIELD_REACH_CELLS: Final = 5.0
_FIELD_LIGHT: Final = 0.8
"""Darker than the presenter, who is to stand out."""
_FIELD_COLOUR: Final = 0.7
"""And less colourful."""


def make_scenery(background: Background, facts: VideoFacts) -> Planes | None:
    """Make what will stand behind the presenter.

    Args:
        background: What is asked for.
        facts: Size and colours of the video.

    Returns:
        I420; None where it depends on the presenter (``field_of``).

    Raises:
        ValueError: The colour is none, or the picture cannot be read.
    """
    if background.colour is not None:
        pixel = np.array(parse_colour(background.colour), np.uint8)
        even = np.broadcast_to(pixel, (facts.height_px, facts.width_px, 3))
        return as_planes(np.ascontiguousarray(even), facts)
    if background.picture is None:
        return None
    picture = _cover(_read(background.picture), facts.width_px, facts.height_px)
    if background.blur:
        deviation = _BLUR * min(facts.width_px, facts.height_px)
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation), np.uint8)
    return as_planes(picture, facts)


def parse_colour(text: str) -> tuple[int, int, int]:
    """Read ``#rrggbb``.

    Raises:
        ValueError: It is none.
    """
    digits = text.removeprefix("#")
    if len(digits) != 6:  # two for each of three
        raise ValueError(f"{text!r} is no colour of the form #rrggbb")
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def field_of(planes: Planes, cover: Pixels) -> Planes:
    """Make a soft field of the presenter's own colours.

    Args:
        planes: A frame with the presenter, I420.
        cover: (h // 2, w // 2) 255 where the presenter is not, as ``Keyer.cover`` tells it.

    Returns:
        I420 of the same size.
    """
    field = np.empty_like(planes)
    height, width = cover.shape
    cells = (max(round(_FIELD_CELLS * width / height), 1), _FIELD_CELLS)
    own = 1 - np.asarray(cv2.resize(cover, cells, interpolation=cv2.INTER_AREA), np.float32) / 255
    own = np.where(own > 0.9, own, 0).astype(np.float32)  # no edge, for it holds some of the screen
    known = cv2.GaussianBlur(own, (0, 0), _FIELD_REACH_CELLS) + 1e-4
    for plane, target in zip(split(planes), split(field), strict=True):
        small = cv2.resize(plane, cells, interpolation=cv2.INTER_AREA).astype(np.float32)
        soft = (cv2.GaussianBlur(own * small, (0, 0), _FIELD_REACH_CELLS) + 1e-4 * 128) / known
        is_luma = plane.shape[0] == planes.shape[0] * 2 // 3
        soft = _FIELD_LIGHT * soft if is_luma else 128 + _FIELD_COLOUR * (soft - 128)
        size = (plane.shape[1], plane.shape[0])
        target[...] = np.clip(cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC) + 0.5, 16, 240)
    return field


def _read(path: Path) -> Pixels:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{path.name} is no picture")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _cover(picture: Pixels, width_px: int, height_px: int) -> Pixels:
    """Scale and cut a picture so that it fills a frame, its middle in the middle."""
    height, width = picture.shape[:2]
    scale = max(width_px / width, height_px / height)
    size = (max(round(width * scale), width_px), max(round(height * scale), height_px))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(picture, size, interpolation=how)
    left, top = (size[0] - width_px) // 2, (size[1] - height_px) // 2
    return np.ascontiguousarray(large[top : top + height_px, left : left + width_px], np.uint8)
