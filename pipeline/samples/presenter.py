"""A presenter who idles: painted once as layers with heights, moved by cheap warps, with blinking eyes.

A turn of the head is a shift of every point by its height; that is all the animation needs, and a 10 s sample takes
seconds, not minutes.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipeline.samples.canvas import (
    Colours,
    Field,
    Grid,
    Surface,
    blurred,
    edged,
    grid,
    lit,
    over,
    paint,
    to_display,
)
from pipeline.samples.features import (
    Gaze,
    brows,
    eyes,
    hair_back,
    hair_cap,
    lips,
    nostrils,
    skin,
)
from pipeline.samples.look import Look
from pipeline.samples.relief import ears, head_height, jaw_width, silhouette
from pipeline.samples.studio import backdrop, body
from pipeline.types import Pixels

_FINER: Final = 1.5
"""The head is painted this much larger than it is shown, so that warping does not soften it."""
_SPAN: Final = (-1.75, -2.30, 1.75, 2.75)
"""Left, top, right, bottom of the head's canvas in units."""
_EYES: Final = (-0.80, -0.26, 0.80, 0.24)
"""The part of it repainted when the eyes move."""
_PIVOT_V: Final = 1.75
"""Where the head turns on the neck."""
_AXIS: Final = 0.45
"""Height of the axis of the neck: what lies behind it moves the other way."""
_COARSE: Final = 4
"""Warps are computed at every fourth pixel and interpolated."""


_AHEAD: Final = Gaze()


@dataclass(frozen=True)
class Pose:
    """One moment of idling: angles in radians, shifts in units."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    across: float = 0.0
    down: float = 0.0
    breath: float = 0.0
    gaze: Gaze = _AHEAD


@dataclass(frozen=True)
class _Layer:
    """A painted cut-out over its grid: picture (H, W, 3) uint8, mask and height (H, W)."""

    at: Grid
    picture: Pixels
    mask: Field
    height: Field


class Presenter:
    """Paints one ``Look`` at any pose; what does not change is painted once, here."""

    def __init__(self, look: Look) -> None:
        rng = np.random.default_rng(look.seed)
        self._look = look
        portrait = look.height_px > look.width_px
        unit = 0.205 * look.width_px if portrait else 0.158 * look.height_px
        wide, high = look.width_px / unit / 2.0, look.height_px / unit / 2.0
        middle = 1.40 if portrait else 0.88
        self._at = grid(-wide, middle - high, wide, middle + high, unit)
        finer = grid(*_SPAN, unit * _FINER)
        self._wall = to_display(backdrop(self._at, look, rng))
        colours, mask = body(self._at, look, rng)
        self._body = _Layer(self._at, to_display(colours), mask, np.zeros_like(mask))
        self._back = _back(finer, look, rng)
        self._head, self._bare = _head(finer, look, rng)
        self._eyed: dict[Gaze, Pixels] = {}

    def frame(self, pose: Pose) -> Pixels:
        """Paint the presenter at a pose: (H, W, 3) RGB, a new array."""
        picture = self._wall.copy()
        nod = Pose(0.35 * pose.yaw, 0.0, 0.6 * pose.roll, pose.across, pose.down + pose.breath)
        if self._look.hair_style != "short":
            self._lay(picture, self._back, nod)
        self._breathe(picture, pose)
        rows, columns = _inner(self._head.at, _EYES)
        self._head.picture[rows, columns] = self._eyes(pose.gaze)
        self._lay(picture, self._head, pose)
        return picture

    def _eyes(self, gaze: Gaze) -> Pixels:
        """The repainted strip of the head with the eyes; kept, since blinks repeat themselves."""
        if gaze not in self._eyed:
            rows, columns = _inner(self._head.at, _EYES)
            at = self._head.at
            strip = Grid(at.u[rows, columns], at.v[rows, columns], at.unit_px)
            self._eyed[gaze] = to_display(eyes(strip, self._bare, self._look, gaze))
        return self._eyed[gaze]

    def _breathe(self, picture: Pixels, pose: Pose) -> None:
        """Lay the body down, raised by the breath and swaying a little with the head."""
        unit = self._at.unit_px
        shift = np.array([[1, 0, 0.3 * pose.across * unit], [0, 1, pose.breath * unit]], np.float32)
        rows, columns = picture.shape[:2]
        top = max(0, math.floor((0.8 - float(self._at.v[0, 0])) * unit))
        size, edge = (columns, rows - top), cv2.BORDER_REPLICATE
        moved = cv2.warpAffine(self._body.picture[top:], shift, size, borderMode=edge)
        mask = cv2.warpAffine(self._body.mask[top:], shift, size, borderMode=edge)
        picture[top:] = cv2.blendLinear(moved, picture[top:], mask, 1.0 - mask)

    def _lay(self, picture: Pixels, layer: _Layer, pose: Pose) -> None:
        """Warp a layer to a pose and blend it into the picture."""
        left, top = float(self._at.u[0, 0]), float(self._at.v[0, 0])
        unit = self._at.unit_px
        first_x = max(0, math.floor((_SPAN[0] - 0.2 - left) * unit))
        last_x = min(picture.shape[1], math.ceil((_SPAN[2] + 0.2 - left) * unit))
        last_y = min(picture.shape[0], math.ceil((_SPAN[3] + 0.1 - top) * unit))
        part = picture[:last_y, first_x:last_x]
        across, down = _warp(layer, pose, part.shape[:2], left + first_x / unit, top, unit)
        mask = cv2.remap(layer.mask, across, down, cv2.INTER_LINEAR)
        moved = cv2.remap(
            layer.picture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        part[:] = cv2.blendLinear(moved, part, mask, 1.0 - mask)


def _warp(
    layer: _Layer, pose: Pose, shape: tuple[int, ...], left: float, top: float, unit: float
) -> tuple[Field, Field]:
    """For every pixel of the target, where in the layer it comes from (x, y in the layer's pixels)."""
    rows, columns = (side // _COARSE + 2 for side in shape)
    step = _COARSE / unit
    u, v = np.meshgrid(
        left + step * np.arange(columns, dtype=np.float32) - pose.across,
        top + step * np.arange(rows, dtype=np.float32) - _PIVOT_V - pose.down,
    )
    cos, sin = math.cos(pose.roll), math.sin(pose.roll)
    u, v = cos * u + sin * v, -sin * u + cos * v + _PIVOT_V
    corner_u, corner_v, fine = float(layer.at.u[0, 0]), float(layer.at.v[0, 0]), layer.at.unit_px
    x, y = (u - corner_u) * fine, (v - corner_v) * fine
    for _ in range(2):  # the height is wanted where the point comes from, so ask there again
        height = cv2.remap(
            layer.height, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR
        )
        x = (u - math.sin(pose.yaw) * (height - _AXIS) - corner_u) * fine
        y = (v - math.sin(pose.pitch) * (height - _AXIS) - corner_v) * fine
    size = (columns * _COARSE, rows * _COARSE)
    # resize() keeps pixel centres: its first sample lies half a coarse step before the grid's first point.
    offset = np.array([[1, 0, -(_COARSE - 1) / 2], [0, 1, -(_COARSE - 1) / 2]], np.float32)
    full = [
        cv2.warpAffine(
            cv2.resize(field.astype(np.float32), size, interpolation=cv2.INTER_LINEAR),
            offset, (shape[1], shape[0]), borderMode=cv2.BORDER_REPLICATE,
        )
        for field in (x, y)
    ]  # fmt: skip
    return np.asarray(full[0], np.float32), np.asarray(full[1], np.float32)


def _inner(at: Grid, box: tuple[float, float, float, float]) -> tuple[slice, slice]:
    """Rows and columns of a rectangle given in units."""
    left, top, right, bottom = box
    u, v = float(at.u[0, 0]), float(at.v[0, 0])
    columns = slice(round((left - u) * at.unit_px), round((right - u) * at.unit_px))
    return slice(round((top - v) * at.unit_px), round((bottom - v) * at.unit_px)), columns


def _head(at: Grid, look: Look, rng: np.random.Generator) -> tuple[_Layer, Colours]:
    """(the head with ears and hair, its strip of eyes before the eyes are painted)."""
    bare, mask, height = _face(at, look, rng)
    cap, cap_height, cap_mask = hair_cap(at, look, rng)
    thick = np.maximum(cap_height, height + 0.05 * cap_mask)
    shade = 1.0 - 0.45 * np.clip(blurred(cap_mask, 0.07 * at.unit_px) - cap_mask, 0.0, 1.0)
    hair = edged(
        lit(Surface(cap, thick.astype(np.float32), 0.25 * cap_mask, 0.1), at), cap_mask, at
    )
    strip = _inner(at, _EYES)
    bare = over(
        hair, bare * shade[..., None], mask
    )  # where there is no face, no skin shines through
    picture = over(bare, hair, cap_mask)
    # Hair that falls over the eyes' strip would be painted over by them; no look has such hair.
    smooth = blurred(
        np.maximum(height, cap_height * cap_mask).astype(np.float32), 0.05 * at.unit_px
    )
    layer = _Layer(at, to_display(picture), np.maximum(mask, cap_mask), smooth)
    return layer, picture[strip]


def _face(at: Grid, look: Look, rng: np.random.Generator) -> tuple[Colours, Field, Field]:
    """(lit face with ears, mask, height), without eyes and hair."""
    skull = silhouette(at, jaw_width(at, look))
    height = head_height(at, look) * skull
    ear_height, ear_mask = ears(at)
    ear_mask = ear_mask * (look.hair_style != "long")  # long hair lies over them
    albedo, pores = skin(at, look, rng)
    albedo, wet = lips(at, albedo, look, rng)
    albedo = nostrils(at, albedo, look)
    arch = brows(at, look, rng)
    albedo = over(albedo, paint(look.hair) * 0.8, 0.85 * arch)
    relief = np.maximum(height, ear_height * ear_mask * (1.0 - skull)) + pores + 0.008 * arch
    gloss = 0.40 + 0.55 * wet - 0.3 * arch
    picture = lit(Surface(albedo, relief.astype(np.float32), gloss.astype(np.float32), 1.0), at)
    return picture, np.maximum(skull, ear_mask), height


def _back(at: Grid, look: Look, rng: np.random.Generator) -> _Layer:
    """The hair behind the head."""
    albedo, height, mask = hair_back(at, look, rng)
    gloss = np.full(at.shape, 0.2, np.float32)
    picture = 0.75 * lit(Surface(albedo, height, gloss, 0.1), at)
    return _Layer(at, to_display(edged(picture, mask, at)), mask, np.zeros_like(height))
