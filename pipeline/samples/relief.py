"""The shape of a head: heights over the picture plane, in units, from analytic bumps.

Proportions are the usual drawing rules: eyes half way between crown and chin, five eye widths across the face, nose
ends a good third below the eyes, the mouth a third of the way from nose to chin.
"""

from typing import Final

import numpy as np

from pipeline.samples.canvas import Field, Grid, blurred, disc, hill, pair, polygon, ramp
from pipeline.samples.look import Look

EYE_U: Final = 0.445
"""Distance of each eye's centre from the middle of the face."""
MOUTH_V: Final = 0.985
MOUTH_HALF: Final = 0.385
CHIN_V: Final = 1.56
CROWN_V: Final = -1.52


def jaw_width(at: Grid, look: Look) -> Field:
    """Half the width of the bare head at each height; 0.0 above the crown and below the chin."""
    above = np.clip(1.0 - np.abs(at.v / CROWN_V) ** 2.5, 0.0, 1.0) ** 0.5
    depth = np.clip(at.v / CHIN_V, 0.0, 1.0)
    tapered = np.clip(1.0 - depth ** (2.3 + 0.9 * look.jaw), 0.0, 1.0) ** (0.66 - 0.14 * look.jaw)
    cheek = 0.030 * ramp(0.0, 0.30, at.v) * ramp(0.85, 0.40, at.v)
    return np.asarray(np.where(at.v < 0.0, above, tapered + cheek), np.float32)


def dome(at: Grid, half: Field, top: float, bottom: float) -> Field:
    """A rounded body inside a silhouette of half width ``half``: 1.0 in the middle, 0.0 at its edge."""
    side = np.clip(np.abs(at.u) / np.maximum(half, 1e-4), 0.0, 1.0)
    middle, reach = (top + bottom) / 2.0, (bottom - top) / 2.0
    level = np.clip(np.abs((at.v - middle) / reach), 0.0, 1.0)
    return np.asarray(np.sqrt((1.0 - side**2.3) * (1.0 - level**4.0)), np.float32)


def silhouette(at: Grid, half: Field) -> Field:
    """Mask of the inside of a silhouette of half width ``half``, with an even edge all around."""
    return inside(at, np.asarray(np.abs(at.u) - half, np.float32)) * (half > 0.03)


def inside(at: Grid, off: Field) -> Field:
    """Mask of where a field is negative; its edge is about two pixels wide whatever the slope."""
    slope_v, slope_u = np.gradient(off)
    steep = np.maximum(np.hypot(slope_u, slope_v), 0.2 / at.unit_px)
    return ramp(1.0, -1.0, np.asarray(off / steep, np.float32))


def head_height(at: Grid, look: Look) -> Field:
    """The face as a relief, without ears and hair."""
    base = 1.12 * dome(at, jaw_width(at, look), CROWN_V, CHIN_V + 0.06)
    sockets = -0.13 * pair(at, 0.43, -0.02, 0.25, 0.15) - 0.05 * pair(at, 0.2, 0.02, 0.10, 0.16)
    brows = 0.055 * pair(at, 0.42, -0.27, 0.30, 0.10) + 0.03 * hill(at, 0, -0.62, 0.5, 0.3)
    cheeks = 0.085 * pair(at, 0.52, 0.45, 0.24, 0.22) - 0.04 * pair(at, 0.66, 0.95, 0.20, 0.25)
    folds = -0.022 * _crease(at)
    chin = 0.10 * hill(at, 0, 1.36, 0.24 + 0.06 * look.jaw, 0.14) - 0.055 * hill(
        at, 0, 1.175, 0.24, 0.06
    )
    return base + sockets + brows + cheeks + folds + chin + _nose(at) + _eyeballs(at) + _lips(at)


def _crease(at: Grid) -> Field:
    """The folds that run from the wings of the nose past the corners of the mouth."""
    along = ramp(0.60, 0.72, at.v) * ramp(1.12, 0.90, at.v)
    line = 0.27 + 0.26 * np.clip(at.v - 0.60, 0.0, 1.0)
    return np.asarray(np.exp(-(((np.abs(at.u) - line) / 0.055) ** 2)) * along, np.float32)


def _nose(at: Grid) -> Field:
    """Bridge, tip, wings and the drop underneath, the column to the lip included."""
    rise = 0.05 + 0.21 * ramp(-0.25, 0.56, at.v)
    width = 0.085 + 0.07 * ramp(0.05, 0.55, at.v)
    ridge = rise * np.exp(-((at.u / width) ** 2)) * ramp(-0.42, -0.05, at.v)
    foot = 0.625 - 0.05 * (np.abs(at.u) / 0.2) ** 2
    ridge = ridge * ramp(foot + 0.07, foot - 0.16, at.v)
    tip = 0.11 * hill(at, 0, 0.515, 0.12, 0.11)
    wings = 0.17 * pair(at, 0.165, 0.575, 0.075, 0.075)
    groove = -0.02 * pair(at, 0.235, 0.56, 0.03, 0.08)
    philtrum = 0.008 * pair(at, 0.06, 0.79, 0.035, 0.09) - 0.008 * hill(at, 0, 0.79, 0.035, 0.09)
    return np.asarray(ridge + tip + wings + groove + philtrum, np.float32)


def _eyeballs(at: Grid) -> Field:
    """The balls under the lids: shallow domes."""
    ball = np.zeros(at.shape, np.float32)
    for side in (-1.0, 1.0):
        radius = np.hypot((at.u - side * EYE_U) / 0.25, (at.v + 0.015) / 0.175)
        ball += 0.10 * np.exp(-(radius**4)) + 0.03 * np.exp(-(radius**2))
    return ball


def mouth_line(at: Grid) -> Field:
    """Height v at which the closed lips meet, for every column."""
    t = at.u / MOUTH_HALF
    return np.asarray(MOUTH_V + 0.010 * np.exp(-((t / 0.25) ** 2)) - 0.034 * t**2, np.float32)


def lip_bounds(at: Grid) -> tuple[Field, Field]:
    """Upper and lower edge of the lips for every column; they meet the mouth line at the corners."""
    t = np.clip(np.abs(at.u) / MOUTH_HALF, 0.0, 1.0)
    bow = 0.082 * np.exp(-(((t - 0.20) / 0.34) ** 2)) + 0.012 * np.exp(-(((t - 0.2) / 0.12) ** 2))
    upper = (bow + 0.045 * (1.0 - t**2)) * (1.0 - t**6) * 0.78
    lower = 0.130 * (1.0 - t**2.2) ** 0.9
    line = mouth_line(at)
    return np.asarray(line - upper, np.float32), np.asarray(line + lower, np.float32)


def lip_mask(at: Grid) -> Field:
    """Where the red of the lips is."""
    top, bottom = lip_bounds(at)
    soft = 0.014
    inside = ramp(-soft, soft, at.v - top) * ramp(soft, -soft, at.v - bottom)
    return np.asarray(inside * ramp(MOUTH_HALF, MOUTH_HALF - 0.05, np.abs(at.u)), np.float32)


def _lips(at: Grid) -> Field:
    """Volume of both lips, the groove between them, dimples at the corners."""
    t = np.clip(np.abs(at.u) / (MOUTH_HALF + 0.04), 0.0, 1.0)
    taper = (1.0 - t**2) ** 0.85
    off = at.v - mouth_line(at)
    muzzle = 0.075 * hill(at, 0, 0.95, 0.40, 0.24)
    upper = 0.050 * taper * np.exp(-(((off + 0.055) / 0.050) ** 2))
    lower = 0.072 * taper * np.exp(-(((off - 0.065) / 0.062) ** 2))
    groove = -0.050 * np.exp(-((off / 0.014) ** 2)) * ramp(MOUTH_HALF + 0.05, 0.30, np.abs(at.u))
    corners = -0.04 * pair(at, MOUTH_HALF + 0.02, 0.955, 0.055, 0.055)
    return np.asarray(muzzle + upper + lower + groove + corners, np.float32)


def ears(at: Grid) -> tuple[Field, Field]:
    """(height, mask) of both ears; they lie behind the head's silhouette."""
    mask = np.zeros(at.shape, np.float32)
    height = np.zeros(at.shape, np.float32)
    for side in (-1.0, 1.0):
        u, v = side * 1.03, 0.20
        shape = disc(at, u, v, 0.135, 0.36, 0.02)
        lobe = disc(at, side * 0.985, 0.50, 0.09, 0.13, 0.02)
        mask = np.maximum(mask, np.maximum(shape, lobe))
        radius = np.hypot((at.u - u) / 0.135, (at.v - v) / 0.36)
        rim = 0.07 * np.exp(-(((radius - 0.82) / 0.16) ** 2))
        bowl = -0.08 * hill(at, u - side * 0.03, v + 0.02, 0.06, 0.18)
        height += rim + bowl + 0.05 * hill(at, side * 1.0, v, 0.05, 0.1)
    return height + 0.15, mask


_SHOULDERS: Final = (
    (0.0, 0.40, 0.55, 0.75, 1.10, 1.60, 2.00, 2.25, 2.45, 2.58, 2.66),
    (1.72, 1.73, 1.83, 1.99, 2.12, 2.24, 2.38, 2.56, 2.86, 3.40, 4.60),
)
"""Half widths and the heights v at which the shoulders begin there."""


def body_height(at: Grid, look: Look) -> tuple[Field, Field, Field]:
    """(height, mask of neck and torso, mask of the torso alone)."""
    side = np.abs(at.u)
    slope = np.interp(side / (0.90 + 0.14 * look.jaw), *_SHOULDERS).astype(np.float32)
    off = np.asarray(at.v - blurred(slope, 0.08 * at.unit_px), np.float32)
    torso = inside(at, -off)
    deep = np.clip(1.0 - np.clip(off / 0.75, 0.0, 1.0), 0.0, 1.0)
    chest = 0.15 * pair(at, 0.75, 3.0, 0.6, 0.5) * (1.0 - 0.5 * look.jaw)
    flat = np.sqrt(np.clip(1.0 - (side / 3.2) ** 2, 0.05, 1.0))
    arms = (
        -0.10 * np.exp(-(((side - 1.80 + 0.10 * (at.v - 3.0)) / 0.10) ** 2)) * ramp(2.75, 3.5, at.v)
    )
    torso_height = arms + 0.85 * np.sqrt(1.0 - deep**2) * flat + chest
    half = (0.54 + 0.12 * look.jaw) * (1.0 + 0.26 * ramp(1.55, 2.05, at.v))
    neck = silhouette(at, half.astype(np.float32)) * ramp(1.0, 1.05, at.v) * ramp(2.55, 2.45, at.v)
    around = np.sqrt(np.clip(1.0 - (at.u / half) ** 2, 0.0, 1.0))
    cords = 0.03 * np.exp(-(((side - 0.40 + 0.20 * (at.v - 1.3)) / 0.09) ** 2))
    neck_height = 0.45 * around + cords + 0.03 * hill(at, 0, 1.85, 0.10, 0.13) * look.jaw
    height = np.maximum(torso_height * torso, neck_height * neck)
    return height.astype(np.float32), np.maximum(torso, neck), torso


def neckline(at: Grid, look: Look) -> Field:
    """Mask of the skin that the clothes leave free under the neck."""
    if look.clothes == "sweater":
        return disc(at, 0, 1.62, 0.62, 0.36, 0.01)
    if look.clothes == "blazer":
        return polygon(
            at, [(-0.66, 1.4), (0.66, 1.4), (0.56, 1.9), (0.0, 2.62), (-0.56, 1.9)], 0.008
        )
    return polygon(at, [(-0.7, 1.2), (0.7, 1.2), (0.58, 1.80), (0.0, 2.16), (-0.58, 1.80)], 0.006)
