"""Finding the visible label in a finished video: our own texts by their shape, other texts by how our lettering looks.

Copies are smaller, larger and blurred, so pictures are compared at one small size, and a row or two beside the place that
is expected counts too.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from pipeline.label.visible import CHINESE, ENGLISH, MARGIN_SHARE, layouts
from pipeline.lettering import Lettering, Spot, typeset
from pipeline.types import Pixels

LOOKED_S: Final = 2.0
"""The label stands there for so long at least."""
LOOKED_FRAMES: Final = 6
_SHORTER_PX: Final = 480
"""Pictures are brought to this size; a label then has 25 px of ink."""
LEAST_PX: Final = 64
"""In a smaller picture no text can be told from noise."""
_SLACK_PX: Final = 6
"""A label may be so far from where its size says."""
_LEAST_MATCH: Final = 0.55
"""Correlation with white letters on black. Rough copies at half the size have 0.77 and more, pictures without a label 0.15 and less."""
_ROUNDED_PX: Final = (0, 1, -1)
"""What the font of a video of another size may differ by: its sizes are whole numbers."""
_WHITE_AT_LEAST: Final = 185
_BLACK_AT_MOST: Final = 70
_OUTLINED: Final = 0.8
"""Share of a letter's surroundings that is black, all the time."""
_LEAST_INK_SHARE: Final = 0.044
"""Of the shorter side: the tallest letter of a text that may be blurred."""
_LEAST_LETTERS: Final = 2
_GAP_SHARE: Final = 0.08
"""Letters of one text are no farther apart, of the shorter side."""

_PAD_SHARE: Final = 0.026
"""From the letters to the edge of their plate, of the shorter side."""


def find_label(
    lumas: Sequence[Pixels], texts: Sequence[str] = (CHINESE, ENGLISH), *, any_text: bool
) -> Spot | None:
    """Look for a label in the first frames of a video.

    Args:
        lumas: Some (H, W) of the first two seconds, the very first one among them and first.
        texts: Looked for by their shape.
        any_text: Whether other texts count too, if they look as ours do: for videos known to be ours, because
            others have titles and logos that look alike.

    Returns:
        Where it is, outline included; None where there is none.
    """
    height, width = lumas[0].shape
    if min(height, width) < LEAST_PX:
        return None
    scale = _SHORTER_PX / min(height, width)
    small = [_scaled(luma, scale) for luma in lumas]
    found = _known(small[0], texts)
    if found is None and any_text:
        found = _lettered(small)
    if found is None:
        return None
    left, top = round(found.left_px / scale), round(found.top_px / scale)
    right, bottom = round(found.right_px / scale), round(found.bottom_px / scale)
    return Spot(left, top, min(right, width) - left, min(bottom, height) - top)


def _scaled(luma: Pixels, scale: float) -> Pixels:
    if scale == 1.0:
        return luma
    how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    small = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=how)
    return np.asarray(small, np.uint8)


def _known(luma: Pixels, texts: Sequence[str]) -> Spot | None:
    """Find the best match of any way to set any of the texts, at the left or right edge of a small picture."""
    for larger_px in _ROUNDED_PX:
        matches = [
            match
            for is_right, lettering in _patterns(texts, luma.shape, larger_px)
            if (match := _match(luma, lettering, is_right=is_right)) is not None
        ]
        best = max(matches, key=lambda match: match[0], default=None)
        if best is not None and best[0] >= _LEAST_MATCH:
            return best[1]
    return None


def _patterns(
    texts: Sequence[str], shape: tuple[int, ...], larger_px: int
) -> Iterator[tuple[bool, Lettering]]:
    for text in texts:
        for font_px, lines in layouts(text, (shape[1], shape[0])):
            for is_right in (False, True):
                align = "right" if is_right else "left"
                yield is_right, typeset(lines, font_px + larger_px, align)


def _match(luma: Pixels, lettering: Lettering, *, is_right: bool) -> tuple[float, Spot] | None:
    """Slide lettering along one edge of a picture; (correlation, place) where it fits best."""
    height, width = luma.shape
    margin = round(MARGIN_SHARE * min(height, width))
    reach = lettering.width_px + margin + _SLACK_PX
    left = max(width - reach, 0) if is_right else max(margin - _SLACK_PX, 0)
    strip = luma[:, left : min(left + lettering.width_px + 2 * _SLACK_PX, width)]
    if strip.shape[1] < lettering.width_px or height < lettering.height_px:
        return None
    # The letters and what is black around them; the plate's own edge lets the picture through.
    solid = cv2.dilate((lettering.fill > 127).astype(np.uint8), np.ones((5, 5), np.uint8))
    fits = cv2.matchTemplate(strip, lettering.fill, cv2.TM_CCOEFF_NORMED, mask=solid)
    fits = np.nan_to_num(fits, nan=-1.0, posinf=-1.0, neginf=-1.0)  # of an even surface
    row, column = np.unravel_index(int(np.argmax(fits)), fits.shape)
    spot = Spot(left + int(column), int(row), lettering.width_px, lettering.height_px)
    return float(fits[row, column]), spot


def _lettered(lumas: Sequence[Pixels]) -> Spot | None:
    """Find letters that are white, outlined in black, stay where they are, and begin or end at the margin."""
    stack = np.stack(lumas)
    white = (stack.min(axis=0) >= _WHITE_AT_LEAST).astype(np.uint8)
    black = (stack.max(axis=0) <= _BLACK_AT_MOST).astype(np.uint8)
    height, width = white.shape
    shorter = min(height, width)
    letters = list(_letters(white, black, shorter))
    margin, slack = round(MARGIN_SHARE * shorter), 4 * _SLACK_PX
    for text in _together(letters, round(_GAP_SHARE * shorter)):
        spot = _around(text)
        at_edge = spot.left_px <= margin + slack or spot.right_px >= width - margin - slack
        tallest = max(letter.height_px for letter in text)
        if len(text) >= _LEAST_LETTERS and at_edge and tallest >= _LEAST_INK_SHARE * shorter:
            pad = round(_PAD_SHARE * shorter)
            return Spot(
                max(spot.left_px - pad, 0),
                max(spot.top_px - pad, 0),
                spot.width_px + 2 * pad,
                spot.height_px + 2 * pad,
            )
    return None


def _letters(white: Pixels, black: Pixels, shorter: int) -> Iterator[Spot]:
    """Yield the white shapes of a letter's size that have black around them."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(white, connectivity=8)
    for number in range(1, count):
        left, top, breadth, tall, area = (int(value) for value in boxes[number])
        if not 0.01 * shorter <= max(tall, breadth) <= 0.12 * shorter or area < 4:
            continue
        rows = slice(max(top - 4, 0), top + tall + 4)
        columns = slice(max(left - 4, 0), left + breadth + 4)
        shape = (labels[rows, columns] == number).astype(np.uint8)
        # A blurred edge is neither white nor black, so what counts is the ring behind it.
        brush = np.ones((3, 3), np.uint8)
        edge = cv2.dilate(shape, brush)
        ring = cv2.subtract(cv2.dilate(edge, brush), cv2.max(edge, white[rows, columns]))
        near = cv2.dilate(black[rows, columns], brush)
        if cv2.countNonZero(cv2.min(ring, near)) >= _OUTLINED * max(cv2.countNonZero(ring), 1):
            yield Spot(left, top, breadth, tall)


def _together(letters: Sequence[Spot], gap_px: int) -> Iterator[list[Spot]]:
    """Group letters that are near to each other, the largest group first."""
    left = list(letters)
    groups = []
    while left:
        group, waiting = [], [left.pop()]
        while waiting:
            letter = waiting.pop()
            group.append(letter)
            wider = Spot(
                letter.left_px - gap_px,
                letter.top_px - gap_px,
                letter.width_px + 2 * gap_px,
                letter.height_px + 2 * gap_px,
            )
            near = [other for other in left if wider.overlap(other)]
            left = [other for other in left if not wider.overlap(other)]
            waiting += near
        groups.append(group)
    return iter(sorted(groups, key=len, reverse=True))


def _around(letters: Sequence[Spot]) -> Spot:
    left, top = min(one.left_px for one in letters), min(one.top_px for one in letters)
    right, bottom = max(one.right_px for one in letters), max(one.bottom_px for one in letters)
    return Spot(left, top, right - left, bottom - top)
