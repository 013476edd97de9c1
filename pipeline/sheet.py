"""Contact sheets: frames of a video side by side, to be looked at.

Under each frame stand its number and second and two bars: how far the mouth was asked to open (above) and how far it
does (below); full width is ``FULL_OPENING``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.faces.geometry import mouth_opening
from pipeline.faces.mesh import FaceMesh, face_extent
from pipeline.faces.planes import region_around, region_as_rgb
from pipeline.media import probe_video, read_frames
from pipeline.types import FULL_OPENING, Pixels, Planes, Points, VideoFacts

_GAP_PX: Final = 6
_STRIP_PX: Final = 34
"""Room under a picture for its caption and bars."""
_SHADES: Final = {"paper": (24, 26, 30), "text": (214, 216, 220), "track": (52, 56, 62)}
_ASKED: Final = (222, 170, 74)
_SEEN: Final = (92, 196, 142)
_HEAD_ROOM: Final = 0.80
"""Half side of a cut-out around a face, in face extents."""


@dataclass(frozen=True)
class SheetPlan:
    """Which frames a contact sheet shows, and how."""

    columns: int = 8
    rows: int = 4
    start_s: float | None = None
    """None: shortly before the mouth is first asked to open; the video's start if nothing is asked."""
    overview: bool = False
    """Frames spread evenly over the whole video instead of consecutive ones."""
    around_face: bool = True
    """Cut out around the face; otherwise, and where there is none, the whole frame."""
    tile_px: int = 200
    """Width of a picture on the sheet."""

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1 or self.tile_px < 32:
            raise ValueError("a sheet has at least one column and one row, of 32 pixels or more")


def write_sheet(
    clip: Path, out_png: Path, plan: SheetPlan, requested: NDArray[np.float64] | None = None
) -> None:
    """Draw a contact sheet of a video.

    Args:
        clip: The video.
        out_png: Where the PNG goes.
        plan: What to show.
        requested: (frames,) gap of the inner lips asked for, as a share of the eye distance; None draws no such bar.

    Raises:
        InputRejected: It is no video.
    """
    facts = probe_video(clip)
    wanted = _chosen(plan, facts, requested)
    tiles: list[Pixels] = []
    cutter = _Cutter(plan)
    with FaceMesh() as mesh:
        for frame, planes in _these(read_frames(clip, facts), wanted):
            points = mesh.find(planes)
            picture = cutter.cut(planes, points)
            seen = None if points is None else mouth_opening(points)
            asked = None if requested is None else float(requested[frame])
            tiles.append(_captioned(picture, frame, float(frame / facts.fps), asked, seen))
    Image.fromarray(_arranged(tiles, plan.columns)).save(out_png, format="PNG")


def _chosen(plan: SheetPlan, facts: VideoFacts, requested: NDArray[np.float64] | None) -> list[int]:
    """List the frames to show, in order."""
    count = plan.columns * plan.rows
    if plan.overview:
        places = (np.arange(count) + 0.5) * facts.frames / count
        return sorted({int(place) for place in places})
    first = round((plan.start_s or 0.0) * float(facts.fps))
    if plan.start_s is None and requested is not None and np.any(requested > 0.0):
        first = int(np.argmax(requested > 0.0)) - plan.columns // 2
    first = max(0, min(first, facts.frames - count))
    return list(range(first, min(first + count, facts.frames)))


def _these(frames: Iterator[Planes], wanted: list[int]) -> Iterator[tuple[int, Planes]]:
    """Pick frames out of a stream, and read no further than the last of them."""
    left = iter(wanted)
    waiting = next(left, None)
    for frame, planes in enumerate(frames):
        if waiting is None:
            return
        if frame == waiting:
            yield frame, planes
            waiting = next(left, None)


class _Cutter:
    """Cuts the face out of frames; consecutive frames from one place, so that movement stays visible."""

    def __init__(self, plan: SheetPlan) -> None:
        self._plan = plan
        self._box: tuple[float, float, float, float] | None = None
        self._shape: tuple[int, int] | None = None

    def cut(self, planes: Planes, points: Points | None) -> Pixels:
        """Give the picture for one tile, (h, w, 3) RGB; all tiles have one size."""
        rows, columns = planes.shape[0] * 2 // 3, planes.shape[1]
        box = (0.0, 0.0, float(columns), float(rows))
        if self._plan.around_face:
            box = self._around(points) or box
        picture = region_as_rgb(planes, region_around(*box, (rows, columns)))
        if self._shape is None:
            square = self._plan.around_face and points is not None
            high = self._plan.tile_px * (1.0 if square else rows / columns)
            self._shape = (round(high), self._plan.tile_px)
        return _fitted(picture, self._shape)

    def _around(self, points: Points | None) -> tuple[float, float, float, float] | None:
        if points is not None and (self._box is None or self._plan.overview):
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            half = _HEAD_ROOM * face_extent(points)
            x, y = float(left + right) / 2, float(top + bottom) / 2
            self._box = (x - half, y - half, x + half, y + half)
        return self._box


def _fitted(picture: Pixels, shape: tuple[int, int]) -> Pixels:
    """Scale a picture into a tile of (height, width) and centre it on the sheet's colour."""
    rows, columns = shape
    scale = min(rows / picture.shape[0], columns / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = np.full((rows, columns, 3), _SHADES["paper"], dtype=np.uint8)
    top, left = (rows - size[1]) // 2, (columns - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = cv2.resize(
        picture, size, interpolation=smaller
    )
    return tile


def _captioned(
    picture: Pixels, frame: int, second: float, asked: float | None, seen: float | None
) -> Pixels:
    """Put number, second and bars under a picture."""
    rows, columns = picture.shape[:2]
    sheet = Image.new("RGB", (columns, rows + _STRIP_PX), _SHADES["paper"])
    sheet.paste(Image.fromarray(picture), (0, 0))
    draw = ImageDraw.Draw(sheet)
    draw.text(
        (2, rows + 2), f"{frame}   {second:.2f} s", _SHADES["text"], ImageFont.load_default(12)
    )
    for value, colour, top in ((asked, _ASKED, rows + 19), (seen, _SEEN, rows + 26)):
        draw.rectangle((0, top, columns - 1, top + 4), _SHADES["track"])
        if value is not None and np.isfinite(value) and value > 0.0:
            length = round(min(value / FULL_OPENING, 1.0) * (columns - 1))
            draw.rectangle((0, top, max(length, 1), top + 4), colour)
    return np.asarray(sheet, np.uint8)


def _arranged(tiles: list[Pixels], columns: int) -> Pixels:
    """Lay tiles of one size in rows, with gaps."""
    high, wide = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    columns = min(columns, len(tiles))
    size = (rows * (high + _GAP_PX) + _GAP_PX, columns * (wide + _GAP_PX) + _GAP_PX, 3)
    sheet = np.full(size, _SHADES["paper"], dtype=np.uint8)
    for place, tile in enumerate(tiles):
        top = _GAP_PX + place // columns * (high + _GAP_PX)
        left = _GAP_PX + place % columns * (wide + _GAP_PX)
        sheet[top : top + high, left : left + wide] = tile
    return sheet
