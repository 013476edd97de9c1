"""Line-ups: the presenters of a page in one picture, each with the number people type and its name.

Seen small, in a chat on a phone, the numbers have to be legible; seen large, the names. It holds no words of a language.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from pipeline.lettering import Lettering, drawable, size_for, text_width, typeset, wrap
from pipeline.types import Pixels

LINEUP: Final = "lineup.jpg"

_LONGEST_PX: Final = 1280
"""Of a side: what chats show a photo at."""
_WIDEST_CELL_PX: Final = 600
_COLUMNS: Final = 4
"""Of few presenters no more than these, so that each is large on a phone."""
_SHAPES: Final = (2 / 3, 4 / 3)
"""Width to height of a cell, between these: as its posters are on the average."""
_MOST_CUT: Final = 0.45
"""No more of a poster's width or height is cut off to fill its cell: people also know a presenter by the room."""
_FACE_AT: Final = (0.5, 0.38)
"""Where in its cell a face is put, as far as the poster reaches."""
_USUAL_FACE: Final = (0.5, 0.32)
"""Where it is taken to be in a poster of which nobody knows."""
_GAP: Final = 0.025
_NAME: Final = 0.27
"""Room for the name: two lines."""
_NAME_INK: Final = 0.068
_SMALLEST_NAME: Final = 0.7
_NAME_LINES: Final = 2
_NUMBER_INK: Final = 0.17
_NUMBER_PLATE: Final = 0.9
"""The last six are shares of a cell's width, but those of the plate's darkness and of a name's smallest size."""
_EMPTY: Final = 0.35
"""How much an empty place counts against a grid, per cell."""
_JPEG_QUALITY: Final = 88

# Blue, green, red.
_PAPER: Final = (30, 26, 24)
_VACANT: Final = (62, 56, 52)
_NOBODY: Final = (104, 96, 90)


@dataclass(frozen=True)
class Cell:
    """One presenter of a line-up."""

    number: int
    name: str
    poster: Pixels | None
    """(h, w, 3) BGR; None: there is none, and an outline of somebody stands there."""
    face: tuple[float, float] | None = None
    """The middle of the face in the poster, as shares of its width and height; None: unknown."""


def write_lineup(cells: Sequence[Cell], folder: Path) -> dict[str, Any]:
    """Draw a line-up into ``LINEUP``; returns its ``width_px`` and ``height_px``."""
    sheet = draw_lineup(cells)
    done, jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise OSError(f"cannot encode {LINEUP}")
    (folder / LINEUP).write_bytes(jpeg.tobytes())
    return {"width_px": sheet.shape[1], "height_px": sheet.shape[0]}


def read_cells(plan: Path) -> list[Cell]:
    """Read what a line-up shall show.

    Args:
        plan: A JSON list of ``number``, ``name``, ``poster`` (a file beside it, or null) and ``face`` (x and y, or null).
    """
    return [
        Cell(
            each["number"],
            each["name"],
            _read_poster(plan.parent, each["poster"]),
            (each["face"][0], each["face"][1]) if each["face"] else None,
        )
        for each in json.loads(plan.read_text("utf-8"))
    ]


def _read_poster(folder: Path, name: str | None) -> Pixels | None:
    if name is None:
        return None
    picture = cv2.imdecode(np.fromfile(folder / name, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)


def draw_lineup(cells: Sequence[Cell]) -> Pixels:
    """Draw a line-up.

    Args:
        cells: One at least.

    Returns:
        (h, w, 3) BGR, no side longer than 1280 pixels.
    """
    shape = _shape([cell.poster for cell in cells if cell.poster is not None])
    columns = _columns(len(cells), 1 / (1 / shape + _NAME))
    rows = -(-len(cells) // columns)
    width = _cell_width(columns, rows, shape)
    height, strip, gap = round(width / shape), round(_NAME * width), max(round(_GAP * width), 4)
    size = (rows * (height + strip + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = np.full(size, _PAPER, np.uint8)
    for place, cell in enumerate(cells):
        top = gap + place // columns * (height + strip + gap)
        left = gap + place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = _portrait(cell, width, height)
        _write_name(sheet[top + height : top + height + strip, left : left + width], cell.name)
    return sheet


def _shape(posters: Sequence[Pixels]) -> float:
    """Width to height of the cells."""
    shapes = [min(max(p.shape[1] / p.shape[0], _SHAPES[0]), _SHAPES[1]) for p in posters]
    return math.exp(sum(map(math.log, shapes)) / len(shapes)) if shapes else _SHAPES[0]


def _columns(count: int, shape: float) -> int:
    """How many cells stand side by side, so that the whole is about square and few places stay empty."""

    def badness(columns: int) -> float:
        rows = -(-count // columns)
        return abs(math.log(columns * shape / rows)) + _EMPTY * (rows * columns - count)

    most = min(max(_COLUMNS, math.isqrt(2 * count)), count)
    return min(range(1, most + 1), key=badness)


def _cell_width(columns: int, rows: int, shape: float) -> int:
    across = _LONGEST_PX / (columns * (1 + _GAP) + _GAP)
    down = _LONGEST_PX / (rows * (1 / shape + _NAME + _GAP) + _GAP)
    return min(int(min(across, down)) - 2, _WIDEST_CELL_PX)


def _portrait(cell: Cell, width: int, height: int) -> Pixels:
    """The poster in its place, with the number on it."""
    poster = cell.poster
    if poster is None:
        picture = _nobody(width, height)
    else:
        picture = _fitted(poster, cell.face or _USUAL_FACE, width, height)
    number = typeset(
        [str(cell.number)], size_for("8", _NUMBER_INK * min(width, height)), plate=_NUMBER_PLATE
    )
    margin = round(_GAP * width)
    _lay(picture, number, margin, height - margin - number.height_px)  # below: above are the faces
    return picture


def _fitted(poster: Pixels, face: tuple[float, float], width: int, height: int) -> Pixels:
    """Fill a cell with a poster; where that would cut off too much of it, the rest is filled with its colours."""
    rows, columns = poster.shape[:2]
    wide = round(max(min(columns, rows * width / height), columns * (1 - _MOST_CUT)))
    high = round(max(min(rows, columns * height / width), rows * (1 - _MOST_CUT)))
    left = _start(face[0] * columns - _FACE_AT[0] * wide, columns - wide)
    top = _start(face[1] * rows - _FACE_AT[1] * high, rows - high)
    part = poster[top : top + high, left : left + wide]
    scale = min(width / wide, height / high)
    inner = _resized(part, min(round(wide * scale), width), min(round(high * scale), height))
    if inner.shape[:2] == (height, width):
        return inner
    whole = _soft(part, width, height)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    whole[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return whole


def _start(wanted: float, most: int) -> int:
    return round(min(max(wanted, 0), most))


def _soft(picture: Pixels, width: int, height: int) -> Pixels:
    """The colours of a picture, dark and without detail."""
    tiny = cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA)
    large = cv2.resize(tiny, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large * 0.45, np.uint8)


def _resized(picture: Pixels, width: int, height: int) -> Pixels:
    smaller = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=smaller), np.uint8)


def _nobody(width: int, height: int) -> Pixels:
    """The outline of somebody."""
    cell = np.full((height, width, 3), _VACANT, np.uint8)
    unit = min(width, height)
    middle = width // 2
    cv2.circle(cell, (middle, height // 2 - unit // 10), unit // 6, _NOBODY, -1, cv2.LINE_AA)
    axes = (round(0.31 * unit), round(0.34 * unit))
    feet = (middle, height // 2 + round(0.46 * unit))
    cv2.ellipse(cell, feet, axes, 0, 180, 360, _NOBODY, -1, cv2.LINE_AA)
    cell[feet[1] :, middle - axes[0] : middle + axes[0] + 1] = _NOBODY
    return cell


def _write_name(strip: Pixels, name: str) -> None:
    """Write a name into the room below its picture, in place: smaller if it is long, cut if it is longer still."""
    height, width = strip.shape[:2]
    shown = drawable(name)
    if not shown:
        return
    lines, size = _set(shown, round(0.94 * width))
    letters = typeset(lines, size, "centre", plate=0.0)
    _lay(strip, letters, (width - letters.width_px) // 2, (height - letters.height_px) // 2)


def _set(name: str, width: int) -> tuple[list[str], int]:
    """(lines, font size) of a name."""
    largest = size_for("人", _NAME_INK * width / 0.94)
    smallest = round(_SMALLEST_NAME * largest)
    for size in range(largest, smallest - 1, -2):
        lines = wrap(name, size, width)
        if len(lines) <= _NAME_LINES:
            return lines, size
    lines = wrap(name, smallest, width)[:_NAME_LINES]
    last = lines[-1]
    while last and text_width(f"{last}…", smallest) > width:
        last = last[:-1]
    return [*lines[:-1], f"{last.rstrip()}…"], smallest


def _lay(picture: Pixels, lettering: Lettering, left: int, top: int) -> None:
    """Lay lettering over a picture (BGR), in place; what does not fit is cut off."""
    top, left = max(top, 0), max(left, 0)
    there = picture[top : top + lettering.height_px, left : left + lettering.width_px]
    rows, columns = there.shape[:2]
    cover = lettering.cover[:rows, :columns, None] / 255
    fill = lettering.fill[:rows, :columns, None]
    there[...] = np.clip(there * (1 - cover) + fill, 0, 255)
