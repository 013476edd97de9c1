"""The label that people see: text of at least 5 % of the shorter side (GB 45438-2025, 4.2), in the corner that the face leaves free.

It stands where it is for the whole Clip, and every place it can have follows from text and size of the picture alone, so
that ``pipeline.label.seen`` knows where to look for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.geometry import CHIN, LOWER_OUTER, UPPER_OUTER
from pipeline.lettering import Placed, Spot, drawable, size_for, typeset, wrap

CHINESE: Final = "数字人 · AI生成"
ENGLISH: Final = "AI-generated digital human"
LEAST_SECONDS: Final = 2.0
"""The standard's."""

_INK_SHARE: Final = 0.053
"""Of the shorter side; the standard wants 0.05, and a reader of a lossy copy may miss a row of pixels."""
MARGIN_SHARE: Final = 0.03
"""Kept free at the picture's edge, of the shorter side: televisions and round corners cut some."""
_BREADTHS: Final = (0.62, 0.45, 0.32)
"""How broad the text may be, of the shorter side: the first that stays clear of the face is taken."""
_BROADEST: Final = 0.94
"""Of the picture's width: the last resort."""
_HAIR: Final = 0.45
_CHIN_ROOM: Final = 0.12
_SIDES: Final = 0.15
"""What belongs to a face beyond its mesh, which ends at forehead and jaw: in its height, its height and its width."""
_LIPS_ROOM: Final = 0.25
"""Around the lips, of their width."""
_CLEAR: Final = 0.02
"""A share of the label that may meet the face and not count: an outline that touches some hair."""
_MOST_FRAMES: Final = 250
"""Frames looked at to place it."""
_ON_THE_MOUTH: Final = 100.0
"""What it costs to touch the mouth, where covering the whole face costs 1."""


class Corner(Enum):
    """Where a label may stand; of equals the first is taken. The middle below is for captions."""

    TOP_LEFT = (False, False)
    TOP_RIGHT = (True, False)
    BOTTOM_LEFT = (False, True)
    BOTTOM_RIGHT = (True, True)

    def __init__(self, right: bool, bottom: bool) -> None:  # noqa: FBT001  # two sides make a corner
        self.right = right
        self.bottom = bottom


@dataclass(frozen=True)
class FaceRoom:
    """Where a face is, frame by frame: (frames, 4) left, top, right, bottom in pixels, hair and chin included."""

    heads: NDArray[np.float32]
    mouths: NDArray[np.float32]
    """Likewise; lips and chin."""


def face_room(landmarks: NDArray[np.float32]) -> FaceRoom:
    """Tell what a face needs for itself.

    Args:
        landmarks: (frames, 468, 2) of the frames that will be shown; rows of NaN, without a face, count for nothing.
    """
    found = landmarks[~np.isnan(landmarks[:, 0, 0])]
    found = found[:: max(len(found) // _MOST_FRAMES, 1)]
    if not len(found):
        none = np.zeros((0, 4), np.float32)
        return FaceRoom(none, none)
    heads = _boxes(found)
    width, height = heads[:, 2] - heads[:, 0], heads[:, 3] - heads[:, 1]
    heads += np.stack([-_SIDES * width, -_HAIR * height, _SIDES * width, _CHIN_ROOM * height], 1)
    mouths = _boxes(found[:, [*UPPER_OUTER, *LOWER_OUTER, CHIN]])
    room = _LIPS_ROOM * (mouths[:, 2] - mouths[:, 0])
    mouths += np.stack([-room, -room, room, np.zeros_like(room)], 1)
    return FaceRoom(heads, mouths)


def _boxes(points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def covering(spot: Spot, face: FaceRoom) -> float:
    """Say how much a spot is in a face's way: the share of the spot that lies on the head, on average; much more on the mouth."""
    on_head = _shares(spot, face.heads)
    on_mouth = _shares(spot, face.mouths)
    if not len(on_head):
        return 0.0
    return float(on_head.mean()) + _ON_THE_MOUTH * float(on_mouth.max())


def _shares(spot: Spot, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the share of a spot that each box covers."""
    across = np.minimum(boxes[:, 2], spot.right_px) - np.maximum(boxes[:, 0], spot.left_px)
    down = np.minimum(boxes[:, 3], spot.bottom_px) - np.maximum(boxes[:, 1], spot.top_px)
    area = np.clip(across, 0, None) * np.clip(down, 0, None)
    return np.asarray(area / (spot.width_px * spot.height_px), np.float32)


def place_label(
    text: str, size: tuple[int, int], face: FaceRoom, captions: Spot | None = None
) -> Placed:
    """Set a label's text and choose its place.

    Args:
        text: As the operator wants it.
        size: (width, height) of the picture as displayed.
        face: What is to be kept free.
        captions: Where they stand, if there are any: the label keeps out of their rows.

    Raises:
        ValueError: The font can draw nothing of the text.
    """
    best: tuple[float, Placed] | None = None
    for placed in label_places(text, size, captions):
        cost = covering(placed.spot, face)
        if cost <= _CLEAR:
            return placed
        if best is None or cost < best[0]:
            best = cost, placed
    if best is None:
        raise ValueError(f"no letter of the label {text!r} can be drawn")
    return best[1]


def label_places(
    text: str, size: tuple[int, int], captions: Spot | None = None
) -> Iterator[Placed]:
    """Go through the places that a label may have in a picture of (width, height), the best first.

    Text too broad for the picture is broken into lines; it is never made smaller.
    """
    width_px, height_px = size
    margin = round(MARGIN_SHARE * min(size))
    first, end = margin, height_px - margin
    if captions is not None and 2 * captions.top_px < height_px:
        first = max(captions.bottom_px, first)
    elif captions is not None:
        end = min(captions.top_px, end)
    for font_px, lines in layouts(text, size):
        for corner in Corner:
            lettering = typeset(lines, font_px, "right" if corner.right else "left")
            left = width_px - margin - lettering.width_px if corner.right else margin
            top = end - lettering.height_px if corner.bottom else first
            yield lettering.at(max(left, 0), max(top, 0))


def layouts(text: str, size: tuple[int, int]) -> Iterator[tuple[int, list[str]]]:
    """Go through the ways to set a label in a picture of (width, height): font size in pixels, and lines."""
    text, known = drawable(text), []
    if not text:
        return
    font_px = size_for(text, _INK_SHARE * min(size))
    for breadth_px in (*(share * min(size) for share in _BREADTHS), _BROADEST * size[0]):
        lines = wrap(text, font_px, round(breadth_px))
        if lines not in known:
            known.append(lines)
            yield font_px, lines


def label_frames(seconds: float | None, fps: Fraction, frames: int) -> int:
    """Tell for how many frames, from the first one on, a label is shown.

    Args:
        seconds: As the operator wants it; None: to the end.
        fps: Of the Clip.
        frames: Of the Clip.

    Raises:
        ValueError: The standard wants it longer.
    """
    if seconds is None:
        return frames
    if seconds < LEAST_SECONDS:
        raise ValueError(f"the label must be shown for {LEAST_SECONDS} s at least, not {seconds} s")
    return min(ceil(Fraction(seconds) * fps), frames)
