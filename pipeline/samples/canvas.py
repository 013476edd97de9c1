"""Tools for painting with arrays: grids in face units, soft edges, noise, and light on a relief.

A picture is painted in *units*: 1.0 is half the width of the face, (0, 0) lies between the eyes, v grows downwards.
Colours are linear light until ``to_display``.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Pixels

Field = NDArray[np.float32]
"""(H, W) values over a grid: heights in units, masks 0.0-1.0, coordinates in units."""
Values = NDArray[np.float32] | NDArray[np.float64]
"""A Field on its way: what numpy makes of one with numbers of its own."""
Colours = NDArray[np.float32]
"""(H, W, 3) RGB in linear light, 0.0-1.0."""
Rgb = tuple[float, float, float]
"""A colour as people pick it: sRGB, 0-255."""

_GAMMA: Final = 2.2
_KEY: Final = np.array([-0.50, -0.50, 0.72], np.float32)
"""Towards the key light: upper left, in front (x, y, z; y grows downwards)."""
_FILL: Final = np.array([0.75, -0.10, 0.65], np.float32)
_SHADOW_STEPS: Final = 14
_SHADOW_REACH: Final = 0.6
"""How far the key light's shadow is followed, in units."""


@dataclass(frozen=True)
class Grid:
    """Coordinates of every pixel of a canvas; ``u`` and ``v`` are (H, W) in units."""

    u: Field
    v: Field
    unit_px: float

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.u.shape[0], self.u.shape[1])


def grid(left: float, top: float, right: float, bottom: float, unit_px: float) -> Grid:
    """Lay a grid over a rectangle given in units."""
    columns, rows = round((right - left) * unit_px), round((bottom - top) * unit_px)
    u = left + (np.arange(columns, dtype=np.float32) + 0.5) / unit_px
    v = top + (np.arange(rows, dtype=np.float32) + 0.5) / unit_px
    across, down = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
    return Grid(across, down, unit_px)


def ramp(low: float | Values, high: float | Values, x: Values) -> Field:
    """Rise smoothly from 0.0 at ``low`` to 1.0 at ``high`` (either order)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def hill(at: Grid, u: float, v: float, across: float, down: float) -> Field:
    """A bump of height 1.0 at (u, v), falling off over ``across`` and ``down`` units."""
    return np.exp(-(((at.u - u) / across) ** 2) - ((at.v - v) / down) ** 2)


def pair(at: Grid, u: float, v: float, across: float, down: float) -> Field:
    """The same bump on both sides of the face."""
    return hill(at, -u, v, across, down) + hill(at, u, v, across, down)


def disc(at: Grid, u: float, v: float, across: float, down: float, soft: float) -> Field:
    """A filled ellipse with an edge ``soft`` units wide."""
    radius = np.hypot((at.u - u) / across, (at.v - v) / down)
    return ramp(1.0 + soft / min(across, down), 1.0, radius)


def polygon(at: Grid, points: list[tuple[float, float]], soft: float) -> Field:
    """A filled polygon (corners in units) with an edge about ``soft`` units wide."""
    left, top = float(at.u[0, 0]), float(at.v[0, 0])
    corners = [((u - left) * at.unit_px * 16, (v - top) * at.unit_px * 16) for u, v in points]
    mask = np.zeros(at.shape, np.uint8)
    cv2.fillPoly(mask, [np.array(corners).round().astype(np.int32)], 255, cv2.LINE_AA, 4)
    return blurred(mask.astype(np.float32) / 255.0, soft * at.unit_px)


def blurred(field: Field, sigma_px: float) -> Field:
    """Blur by a Gaussian; below a third of a pixel nothing happens."""
    if sigma_px < 0.33:
        return field
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px), np.float32)


def noise(shape: tuple[int, int], grain_px: float, rng: np.random.Generator) -> Field:
    """Smooth noise of mean 0.0 and deviation 1.0 whose spots are about ``grain_px`` wide."""
    height, width = (max(4, int(side / max(grain_px, 1.0)) + 3) for side in shape)
    coarse = rng.standard_normal((height, width)).astype(np.float32)
    size = (int(width * max(grain_px, 1.0)), int(height * max(grain_px, 1.0)))
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
    return np.asarray(fine / max(float(fine.std()), 1e-6), np.float32)


def woven(along: Values, across: Values, rng: np.random.Generator) -> Field:
    """Noise read off at (across, along) in cells: stretched where the coordinates change slowly."""
    rough = cv2.GaussianBlur(rng.standard_normal((512, 512)).astype(np.float32), (0, 0), 0.8)
    tile = np.asarray(rough / np.std(rough), np.float32)
    # A triangle wave folds any coordinate into the tile without a seam.
    x, y = (np.abs((field + 4096.0) % 1022.0 - 511.0) for field in (across, along))
    return np.asarray(
        cv2.remap(tile, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR), np.float32
    )


def paint(colour: Rgb) -> Colours:
    """A picked sRGB colour in linear light, (3,)."""
    return np.asarray((np.array(colour, np.float32) / 255.0) ** _GAMMA, np.float32)


def over(below: Colours, above: Colours, mask: Field) -> Colours:
    """Lay a colour or picture over another where the mask says so; a new array."""
    return np.asarray(below + (above - below) * mask[..., None], np.float32)


def edged(colours: Colours, mask: Field, at: Grid) -> Colours:
    """Darken a cut-out towards its edge, where its relief ends in a cliff that no light should catch."""
    rim = ramp(0.35, 0.95, blurred(mask, 0.018 * at.unit_px))
    return np.asarray(colours * (0.40 + 0.60 * rim)[..., None], np.float32)


def to_display(colours: Colours) -> Pixels:
    """Turn linear light into 8 bit sRGB, with a gentle shoulder so that highlights do not clip."""
    bright = np.maximum(colours, 0.0)
    rolled = np.where(bright > 0.7, 0.7 + 0.3 * np.tanh((bright - 0.7) / 0.3), bright)
    return np.asarray(np.clip(rolled ** (1.0 / _GAMMA) * 255.0 + 0.5, 0, 255), np.uint8)


@dataclass(frozen=True)
class Surface:
    """What light meets: ``albedo`` (H, W, 3) linear, ``height`` (H, W) units, how glossy it is."""

    albedo: Colours
    height: Field
    gloss: Field
    """0.0 chalk to 1.0 wet."""
    scatter: float = 0.0
    """0.0 cloth to 1.0 skin: how far red light wraps into the shade."""


def lit(surface: Surface, at: Grid) -> Colours:
    """Light a relief with a warm key, a cool fill and a soft sky; returns linear light."""
    normal = _normals(surface.height, at.unit_px)
    key = normal @ (_KEY / np.linalg.norm(_KEY))
    fill = np.clip(normal @ (_FILL / np.linalg.norm(_FILL)), 0.0, None)
    shade = _shadow(surface.height, at.unit_px)
    hollow = _hollows(surface.height, at.unit_px)
    wrap = np.array([0.45, 0.22, 0.16], np.float32) * surface.scatter + 0.05
    direct = np.clip((key[..., None] + wrap) / (1.0 + wrap), 0.0, None)
    tint = 1.0 - (1.0 - shade[..., None]) * np.array([0.72, 0.86, 0.92], np.float32)
    sky = (0.64 - 0.30 * normal[..., 1])[..., None] * np.array([0.22, 0.235, 0.26], np.float32)
    light = direct * tint * np.array([0.98, 0.92, 0.84], np.float32)
    light += fill[..., None] * np.array([0.20, 0.23, 0.28], np.float32) + sky
    shiny = _gleam(normal, shade) * surface.gloss
    return np.asarray(surface.albedo * light * hollow[..., None] + shiny[..., None], np.float32)


def _normals(height: Field, unit_px: float) -> Colours:
    """(H, W, 3) unit vectors; y points down."""
    slope_u = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=unit_px / 8.0)
    slope_v = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=unit_px / 8.0)
    normal = np.dstack([-slope_u, -slope_v, np.ones_like(height)])
    return np.asarray(normal / np.linalg.norm(normal, axis=2, keepdims=True), np.float32)


def _gleam(normal: Colours, shade: Field) -> Field:
    """Highlights of the key light, broad and narrow, seen from straight ahead."""
    half = _KEY / np.linalg.norm(_KEY) + np.array([0.0, 0.0, 1.0], np.float32)
    facing = np.clip(normal @ (half / np.linalg.norm(half)), 0.0, 1.0)
    return np.asarray((0.10 * facing**12 + 0.30 * facing**60) * shade, np.float32)


def _shadow(height: Field, unit_px: float) -> Field:
    """1.0 in the light, towards 0.0 where the relief itself stands before the key light."""
    rows, columns = height.shape
    blocked = np.zeros_like(height)
    for step in range(1, _SHADOW_STEPS + 1):
        reach = _SHADOW_REACH * step / _SHADOW_STEPS
        shift = np.array(
            [[1, 0, -_KEY[0] * reach * unit_px], [0, 1, -_KEY[1] * reach * unit_px]], np.float32
        )
        toward = cv2.warpAffine(height, shift, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        rise = toward - height - _KEY[2] * reach
        blocked = np.maximum(blocked, np.clip(rise / (0.05 + 0.25 * reach), 0.0, 1.0))
    return np.asarray(1.0 - blurred(blocked, 0.02 * unit_px), np.float32)


def _hollows(height: Field, unit_px: float) -> Field:
    """Darken what lies deeper than its surroundings, at three sizes."""
    dark = np.zeros_like(height)
    for sigma, strength in ((0.03, 2.2), (0.09, 1.3), (0.25, 0.5)):
        dark += strength * np.clip(blurred(height, sigma * unit_px) - height, 0.0, 0.25)
    return np.asarray(np.exp(-dark), np.float32)
