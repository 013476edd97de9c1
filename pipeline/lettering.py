"""Lettering: text in the picture, white with a dark outline on a dark plate, drawn once and laid over frame after frame.

OpenCV 5 brings a font with Latin, Cyrillic, Greek, Arabic, Chinese, Japanese and Korean letters (``FontFace("uni")``), so no
file of ours or of the machine is needed. Heights are those of the *ink* of a capital letter or a Han character, in pixels.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.faces.planes import split
from pipeline.types import Pixels, Planes

_WHITE: Final = 235
_BLACK: Final = 16
"""Of limited range."""
_NEUTRAL: Final = 128
_OPAQUE: Final = 256
"""Weights are whole numbers up to this: a weight times a byte, and the sum of two of them, fit into 16 bits."""

_FULL_SIZE: Final = 100
"""Size at which the font is measured: a capital has 0.76 of it, a Han character 0.97."""
_LINE_PITCH: Final = 1.32
"""Distance of two base lines, in sizes."""
_OUTLINE: Final = 0.085
"""Breadth of the outline, in sizes: 3 px of a text for 480p, so that a codec leaves some of it black."""
LABEL_PLATE: Final = 0.85
"""Darkness of the plate: on white, tesseract reads a label from 0.8 on (busy: 0.85), and with the outline alone hardly ever."""
_PLATE_ROOM: Final = 0.25
"""What a plate adds around a text, in sizes."""
_GLYPH_SIZE: Final = 32
_UNDRAWN: Final = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""Unicode categories without a picture of their own."""
_CLOSING: Final = {"Pe", "Pf", "Po", "Pd"}
"""Categories of what no line begins with."""
_OPENING: Final = {"Ps", "Pi"}
"""And of what none ends with."""
_BETWEEN: Final = " ·"
"""What stands between two words and not at the end of a line."""

Grid = NDArray[np.uint16]


@dataclass(frozen=True)
class Spot:
    """A rectangle of a frame in luma pixels; its corner is even, so that it cuts the chroma planes exactly."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    def overlap(self, other: "Spot") -> int:
        """Count the pixels that both have."""
        width = min(self.right_px, other.right_px) - max(self.left_px, other.left_px)
        height = min(self.bottom_px, other.bottom_px) - max(self.top_px, other.top_px)
        return max(width, 0) * max(height, 0)

    @property
    def right_px(self) -> int:
        """The column behind the last."""
        return self.left_px + self.width_px

    @property
    def bottom_px(self) -> int:
        """The row behind the last."""
        return self.top_px + self.height_px


@dataclass(frozen=True)
class Lettering:
    """Some lines of text, ready to be laid over frames. Width and height are even."""

    fill: Pixels
    """(h, w) how much of a pixel is the white of a letter, 0-255."""
    cover: Pixels
    """(h, w) how much of it letter, outline and plate cover, 0-255; never less than ``fill``."""
    ink: Spot
    """Where in this patch the letters themselves are, without outline and plate."""

    @property
    def width_px(self) -> int:
        """Of the patch, outline included."""
        return int(self.cover.shape[1])

    @property
    def height_px(self) -> int:
        """Likewise."""
        return int(self.cover.shape[0])

    def at(self, left_px: int, top_px: int) -> "Placed":
        """Fix its place; the corner is moved up and left to even positions."""
        left_px, top_px = left_px & ~1, top_px & ~1
        weight = self.cover.astype(np.uint16)
        weight += weight >> 7  # 255 becomes 256
        white = self.fill.astype(np.uint16) * (_WHITE - _BLACK) // 255
        half = (_halved(weight) + 2) // 4
        spot = Spot(left_px, top_px, self.width_px, self.height_px)
        # The darkest grey goes with the whole weight, the letter's white on top of it with its own.
        shine = weight * _BLACK + white * _OPAQUE
        return Placed(spot, self, _OPAQUE - weight, shine, _OPAQUE - half, half * _NEUTRAL)


@dataclass(frozen=True)
class Placed:
    """Lettering at its place in the frames of a video."""

    spot: Spot
    lettering: Lettering
    _keep: Grid
    """(h, w) weight of the frame's luma, 0-256."""
    _add: Grid
    """(h, w) what is added to it, times 256."""
    _keep_chroma: Grid
    """(h // 2, w // 2), likewise."""
    _add_chroma: Grid

    @property
    def ink(self) -> Spot:
        """Where in the frame the letters are, without outline and plate."""
        ink = self.lettering.ink
        left_px, top_px = self.spot.left_px + ink.left_px, self.spot.top_px + ink.top_px
        return Spot(left_px, top_px, ink.width_px, ink.height_px)

    def draw(self, planes: Planes) -> None:
        """Lay it over a frame (I420), in place: nothing outside ``spot`` changes."""
        luma, blue, red = split(planes)
        spot = self.spot
        _lay(luma, spot, self._keep, self._add)
        half = Spot(spot.left_px // 2, spot.top_px // 2, spot.width_px // 2, spot.height_px // 2)
        for plane in (blue, red):
            _lay(plane, half, self._keep_chroma, self._add_chroma)


def _lay(plane: Pixels, spot: Spot, keep: Grid, add: Grid) -> None:
    """Weigh part of a plane and add to it; where the weight is 256 its bits stay. Cut at the plane's edges."""
    top, left = max(spot.top_px, 0), max(spot.left_px, 0)
    there = plane[top : max(spot.bottom_px, 0), left : max(spot.right_px, 0)]
    rows = slice(top - spot.top_px, top - spot.top_px + there.shape[0])
    columns = slice(left - spot.left_px, left - spot.left_px + there.shape[1])
    mixed = np.multiply(there, keep[rows, columns], dtype=np.uint16)
    mixed += add[rows, columns]
    mixed += _OPAQUE // 2
    mixed >>= 8
    there[...] = mixed


def _halved(grid: Grid) -> Grid:
    """Sum each square of four."""
    pairs = grid[::2] + grid[1::2]
    return np.asarray(pairs[:, ::2] + pairs[:, 1::2], np.uint16)


def drawable(text: str) -> str:
    """Leave out what the font cannot draw (emoji, rare scripts); white space becomes single spaces."""
    known = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter.isspace() or _is_known(letter)
    )
    return " ".join(known.split())


@cache
def _is_known(letter: str) -> bool:
    """Whether the font has a letter: what it has not it draws as a question mark."""
    if unicodedata.category(letter) in _UNDRAWN:
        return False
    return letter == "?" or not np.array_equal(_glyph(letter), _glyph("?"))


def _glyph(letter: str) -> Pixels:
    canvas = np.zeros((2 * _GLYPH_SIZE, 3 * _GLYPH_SIZE), np.uint8)
    cv2.putText(canvas, letter, (_GLYPH_SIZE // 2, 3 * _GLYPH_SIZE // 2), 255, _font(), _GLYPH_SIZE)
    return canvas


def size_for(text: str, ink_px: float) -> int:
    """Find the font size at which every capital, figure and Han character of a text has so much ink at least."""
    size = max(int(ink_px), 4)
    lowest = "H" if any(_is_low(letter) for letter in text) else "人"
    while _ink_height(lowest, size) < ink_px:
        size += 1
    return size


def _is_low(letter: str) -> bool:
    """Whether a letter has no more ink than a capital H: all but Han characters, kana and hangul."""
    return letter.isalnum() and unicodedata.east_asian_width(letter) not in {"W", "F"}


@cache
def _ink_height(letter: str, size: int) -> int:
    canvas = np.zeros((2 * size + 2, 3 * size), np.uint8)
    cv2.putText(canvas, letter, (size // 2, 3 * size // 2), 255, _font(), size)
    rows = np.flatnonzero((canvas > 127).any(axis=1))
    return int(rows[-1] - rows[0] + 1) if rows.size else 0


def text_width(text: str, size: int) -> int:
    """Measure how far a line of text reaches, outline not included, in pixels."""
    if not text:
        return 0
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), size)
    return int(width)


def typeset(
    lines: Sequence[str], size: int, align: str = "left", plate: float = LABEL_PLATE
) -> Lettering:
    """Draw some lines of text.

    Args:
        lines: One at least; ``drawable`` text.
        size: Of the font, in pixels (``size_for``).
        align: ``left``, ``right`` or ``centre``.
        plate: How dark the field is on which the letters stand, beyond their outline: 0.0 there is none, 1.0 black.
    """
    outline = max(round(_OUTLINE * size), 2)
    pad = outline + 2
    widths = [text_width(line, size) for line in lines]
    pitch = round(_LINE_PITCH * size)
    width = max(widths) + size + 2 * pad
    height = pitch * (len(lines) - 1) + 2 * size + 2 * pad
    fill = np.zeros((height, width), np.uint8)
    for number, (line, own) in enumerate(zip(lines, widths, strict=True)):
        spare = max(widths) - own
        left = {"left": 0, "right": spare, "centre": spare // 2}[align] + pad + size // 4
        base = pad + size + size // 4 + number * pitch
        cv2.putText(fill, line, (left, base), 255, _font(), size)
    return _outlined(fill, outline, round(_PLATE_ROOM * size) if plate else 0, plate)


def _outlined(fill: Pixels, outline: int, room: int, plate: float) -> Lettering:
    """Cut a drawing to its ink, and put the outline around it, and the plate behind both."""
    rows = np.flatnonzero((fill > 127).any(axis=1))
    columns = np.flatnonzero((fill > 127).any(axis=0))
    if not rows.size:
        raise ValueError("there is nothing to draw")
    pad = outline + 2 + room
    ink = Spot(pad, pad, int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)
    height, width = ((side + 2 * pad + 1) & ~1 for side in (ink.height_px, ink.width_px))
    cut = np.zeros((height, width), np.uint8)
    top, left = int(rows[0]) - pad, int(columns[0]) - pad
    part = fill[max(top, 0) : top + height, max(left, 0) : left + width]
    cut[: part.shape[0], : part.shape[1]] = part
    round_brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * outline + 1,) * 2)
    around = np.asarray(cv2.GaussianBlur(cv2.dilate(cut, round_brush), (3, 3), 0), np.uint8)
    cover = np.maximum(around, cut)
    if plate:
        cover = np.maximum(cover, _plate((height, width), 2 * room, plate))
    return Lettering(cut, cover, ink)


def _plate(shape: tuple[int, int], round_px: int, darkness: float) -> Pixels:
    """Fill a field but for its corners."""
    height, width = shape
    field = np.zeros(shape, np.uint8)
    round_px = min(round_px, height // 2, width // 2)
    across, down = (round_px, width - 1 - round_px), (round_px, height - 1 - round_px)
    value = round(255 * darkness)
    field[:, across[0] : across[1] + 1] = value
    field[down[0] : down[1] + 1] = value
    for x in across:
        for y in down:
            cv2.circle(field, (x, y), round_px, value, -1, cv2.LINE_AA)
    return field


def wrap(text: str, size: int, width_px: int) -> list[str]:
    """Break text into as few lines as fit, and those of about the same width.

    Lines end at spaces or beside Han characters, kana and hangul; a single word that is too wide is cut.
    """
    units = [piece for unit in _units(text) for piece in _pieces(unit, size, width_px)]
    lines = _filled(units, size, width_px)
    narrowest = width_px
    for share in range(9, 4, -1):  # as few lines, but of a more even width
        narrower = width_px * share // 10
        if len(_filled(units, size, narrower)) > len(lines):
            break
        narrowest = narrower
    return _filled(units, size, narrowest)


def _units(text: str) -> list[str]:
    """Cut text where a line may end; a unit keeps the space behind it."""
    units = [""]
    for letter in text:
        last = units[-1]
        if last and letter != " " and _may_end(last[-1], letter):
            units.append("")
        units[-1] += letter
    return units


def _may_end(last: str, following: str) -> bool:
    """Whether a line may end between two letters."""
    if last == " ":
        return True
    if unicodedata.category(following) in _CLOSING or unicodedata.category(last) in _OPENING:
        return False
    return is_wide(last) or is_wide(following)


def is_wide(letter: str) -> bool:
    """Whether it is as broad as high: Han characters, kana, hangul and their marks."""
    return unicodedata.east_asian_width(letter) in {"W", "F"}


def _pieces(unit: str, size: int, width_px: int) -> list[str]:
    if text_width(unit.strip(), size) <= width_px or len(unit) < 2:
        return [unit]
    half = len(unit) // 2
    return [*_pieces(unit[:half], size, width_px), *_pieces(unit[half:], size, width_px)]


def _filled(units: Sequence[str], size: int, width_px: int) -> list[str]:
    """Fill line after line."""
    lines = [""]
    for unit in units:
        if lines[-1] and text_width((lines[-1] + unit).strip(), size) > width_px:
            lines.append("")
        lines[-1] += unit
    bare = [line.strip(_BETWEEN) for line in lines]
    return [line for line in bare if line]


@cache
def _font() -> cv2.FontFace:
    return cv2.FontFace("uni")
