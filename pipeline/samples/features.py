"""What is painted onto the head: skin, eyes, brows, hair."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.samples.canvas import (
    Colours,
    Field,
    Grid,
    disc,
    hill,
    noise,
    over,
    paint,
    pair,
    ramp,
    woven,
)
from pipeline.samples.look import Look
from pipeline.samples.relief import (
    CHIN_V,
    CROWN_V,
    EYE_U,
    MOUTH_HALF,
    dome,
    jaw_width,
    lip_mask,
    mouth_line,
    silhouette,
)

_EYE_HALF: Final = 0.215
_IRIS: Final = 0.096


def skin(at: Grid, look: Look, rng: np.random.Generator) -> tuple[Colours, Field]:
    """(albedo, fine bumps in units) of face and neck: blush, shade round the eyes, pores, stubble."""
    base = paint(look.skin)
    warm = base * np.array([1.02, 0.74, 0.70], np.float32)
    albedo = np.broadcast_to(base, (*at.shape, 3)).astype(np.float32)
    blush = 0.55 * pair(at, 0.56, 0.46, 0.26, 0.20) + 0.40 * hill(at, 0, 0.55, 0.17, 0.13)
    blush += 0.5 * (np.abs(at.u) > 0.97) + 0.2 * hill(at, 0, 1.36, 0.2, 0.12)
    albedo = over(albedo, warm, np.clip(blush, 0.0, 0.8).astype(np.float32))
    tired = 0.30 * pair(at, 0.42, 0.15, 0.2, 0.07) + 0.25 * pair(at, 0.42, -0.10, 0.24, 0.07)
    albedo = over(albedo, base * np.array([0.72, 0.62, 0.66], np.float32), tired)
    mottle = 0.020 * noise(at.shape, 0.16 * at.unit_px, rng)
    mottle += 0.022 * noise(at.shape, 0.035 * at.unit_px, rng)
    grain = noise(at.shape, 3.4, rng)
    albedo = albedo * (1.0 + mottle + 0.022 * grain)[..., None]
    beard = ramp(0.55, 0.95, at.v) * (1.0 - 0.85 * hill(at, 0, 0.98, 0.38, 0.10))
    beard *= 1.0 - 0.75 * pair(at, 0.55, 0.62, 0.25, 0.2)
    speckle = np.clip(0.55 + 0.35 * grain, 0.0, 1.0)
    shade = look.stubble * beard * speckle * (np.abs(at.u) < 1.1)
    albedo = over(albedo, base * np.array([0.36, 0.36, 0.40], np.float32), shade.astype(np.float32))
    return albedo, (0.0004 * noise(at.shape, 4.0, rng)).astype(np.float32)


def lips(at: Grid, albedo: Colours, look: Look, rng: np.random.Generator) -> tuple[Colours, Field]:
    """(albedo with the lips, how wet they are): fine upright creases, dark where the lips meet."""
    mask = lip_mask(at)
    creases = woven(at.v * 14.0, at.u * 75.0, rng)
    red = paint(look.lips) * (1.0 + 0.07 * creases)[..., None]
    albedo = over(albedo, red.astype(np.float32), 0.92 * mask)
    off = (at.v - mouth_line(at)) / 0.011
    meet = np.exp(-(off**2)) * ramp(MOUTH_HALF + 0.025, MOUTH_HALF - 0.08, np.abs(at.u))
    dark = paint(look.lips) * np.array([0.22, 0.14, 0.14], np.float32)
    wet = mask * (1.0 - meet)
    return over(albedo, dark, (0.88 * meet).astype(np.float32)), wet.astype(np.float32)


def nostrils(at: Grid, albedo: Colours, look: Look) -> Colours:
    """Two dark openings under the tip of the nose."""
    mask = np.zeros(at.shape, np.float32)
    for side in (-1.0, 1.0):
        tilt = 0.35 * side * (at.u - side * 0.085)
        radius = np.hypot((at.u - side * 0.088) / 0.046, (at.v - 0.640 + tilt) / 0.022)
        mask += ramp(1.35, 0.55, radius)
    return over(albedo, paint(look.skin) * np.array([0.16, 0.07, 0.06], np.float32), 0.72 * mask)


def brows(at: Grid, look: Look, rng: np.random.Generator) -> Field:
    """Mask of the brows: short hairs that follow an arch."""
    side = np.abs(at.u)
    t = (side - 0.19) / 0.52
    arch = -0.255 - 0.085 * np.sin(np.clip(t, 0, 1) * 2.3) + 0.03 * np.clip(t, 0, 1)
    thick = (0.062 + 0.02 * look.jaw - 0.02 * look.lashes) * (1.0 - 0.62 * np.clip(t, 0, 1) ** 1.5)
    body = ramp(1.15, 0.45, np.abs(at.v - arch) / thick)
    ends = ramp(-0.06, 0.10, t.astype(np.float32)) * ramp(1.03, 0.80, t.astype(np.float32))
    hairs = woven((side + at.v) * 16.0, (side * 0.45 + at.v * 1.0) * 62.0, rng)
    return np.asarray(body * ends * np.clip(0.86 + 0.20 * hairs, 0.7, 1.0), np.float32)


@dataclass(frozen=True)
class Gaze:
    """Where the eyes look (in units of the eye) and how far the lids are open (0.0 shut to 1.0)."""

    open: float = 1.0
    across: float = 0.0
    down: float = 0.0


def eyes(at: Grid, face: Colours, look: Look, gaze: Gaze) -> Colours:
    """Paint both eyes into the lit face; works on any part of the head's grid."""
    for side in (-1.0, 1.0):
        face = _eye(at, face, look, gaze, side)
    return face


def _lids(at: Grid, gaze: Gaze, side: float) -> tuple[Field, Field, Field]:
    """(upper edge, lower edge, position along the eye: -1.0 inner corner, 1.0 outer)."""
    t = (at.u - side * EYE_U) * side / _EYE_HALF
    along = np.clip(np.abs(t), 0.0, 1.0)
    tilt = -0.014 * t
    lower = tilt + 0.060 * (1.0 - along**2.2)
    raised = tilt - 0.098 * (1.0 - np.clip(np.abs(t + 0.10) / 1.1, 0, 1) ** 2.4) ** 0.9
    upper = lower - 0.004 + (raised - lower) * gaze.open
    return upper.astype(np.float32), lower.astype(np.float32), t.astype(np.float32)


def _eye(at: Grid, face: Colours, look: Look, gaze: Gaze, side: float) -> Colours:
    upper, lower, t = _lids(at, gaze, side)
    px = 1.2 / at.unit_px
    within = ramp(1.02, 0.97, np.abs(t))
    crease = np.exp(-(((at.v - upper + 0.052 * gaze.open + 0.012) / 0.011) ** 2))
    crease *= ramp(1.15, 0.8, np.abs(t)) * (0.25 + 0.35 * gaze.open)
    face = over(face, face * np.array([0.42, 0.33, 0.32], np.float32), crease.astype(np.float32))
    inside = ramp(-px, px, at.v - upper) * ramp(px, -px, at.v - lower) * within
    ball = _ball(at, look, gaze, side, upper)
    face = over(face, ball, inside.astype(np.float32))
    wet = np.exp(-(((at.v - lower) / 0.010) ** 2)) * within * 0.35
    face = over(
        face, face * 0.9 + np.array([0.10, 0.07, 0.065], np.float32), wet.astype(np.float32)
    )
    thick = 0.013 + 0.010 * look.lashes * ramp(-0.6, 1.0, t)
    flick = 0.05 * look.lashes * ramp(0.75, 1.2, t)
    lash = ramp(1.5, 0.5, np.abs(at.v - upper + 0.006 + flick) / thick)
    lash *= ramp(1.10 + 0.12 * look.lashes, 0.95, t) * ramp(-1.06, -0.75, t)
    dark = paint(look.hair) * 0.25
    face = over(face, dark, (0.88 * lash).astype(np.float32))
    under = ramp(1.5, 0.4, np.abs(at.v - lower - 0.004) / 0.008) * within * ramp(-0.9, 0.6, t)
    return over(face, dark, (0.32 * under).astype(np.float32))


def _ball(at: Grid, look: Look, gaze: Gaze, side: float, upper: Field) -> Colours:
    """White, iris, pupil and the lamp's reflection, shaded by the upper lid."""
    u = at.u - side * EYE_U
    white = np.array([0.74, 0.71, 0.69], np.float32)
    shade = 1.0 - 0.42 * np.clip(np.abs(u) / _EYE_HALF, 0, 1) ** 3
    ball = white * shade[..., None] + 0.0 * at.u[..., None]
    iris_u = u - gaze.across * 0.5 * _EYE_HALF
    iris_v = at.v + 0.020 - gaze.down * 0.06
    radius = np.hypot(iris_u, iris_v) / _IRIS
    angle = np.arctan2(iris_v, iris_u)
    rays = 0.10 * np.sin(angle * 23.0 + 2.0 * np.sin(angle * 7.0)) + 0.07 * np.sin(angle * 41.0)
    glow = 0.75 + 0.55 * ramp(-0.6, 1.0, (iris_v / _IRIS).astype(np.float32))
    tone = (1.0 + rays) * glow * (1.0 - 0.62 * ramp(0.72, 1.0, radius)) * (1.25 - 0.4 * radius)
    soft = 1.2 / at.unit_px / _IRIS
    ball = over(ball, paint(look.eyes) * tone[..., None], ramp(1.0 + soft, 1.0 - soft, radius))
    ball = over(ball, np.full(3, 0.006, np.float32), ramp(0.44 + soft, 0.44 - soft, radius))
    lid = 1.0 - 0.62 * np.exp(-np.clip(at.v - upper, 0.0, 1.0) / 0.030)
    ball = ball * lid[..., None]
    lamp = disc(at, side * EYE_U - 0.034, -0.056, 0.013, 0.013, 0.012)
    return over(ball, np.full(3, 1.0, np.float32), 0.9 * lamp)


def hair_cap(at: Grid, look: Look, rng: np.random.Generator) -> tuple[Colours, Field, Field]:
    """(albedo, height, mask) of the hair in front of the head."""
    part = {"short": 0.42, "long": 0.22, "bun": 0.0}[look.hair_style]
    grow = {"short": 0.085, "long": 0.11, "bun": 0.035}[look.hair_style]
    strands, run = _strands(at, part, rng)
    half = _hair_half(at, look, grow)
    bottom = 4.2 if look.hair_style == "long" else CHIN_V + 0.3
    height = 1.22 * dome(at, half, CROWN_V - 1.6 * grow, bottom) + 0.016 * strands
    line = _hairline(at, look, part) + 0.020 * strands
    free = ramp(0.03, -0.03, (at.v - line).astype(np.float32))
    mask = silhouette(at, half * (1.0 + 0.006 * strands)) * free
    streaks = 1.0 + 0.26 * strands + 0.10 * run
    albedo = paint(look.hair) * np.clip(streaks, 0.35, 1.9)[..., None]
    crest = CROWN_V + 0.42 + 0.10 * np.abs(at.u - part)
    shine = np.exp(-(((at.v - crest) / 0.13) ** 2)) * np.clip(0.35 + 0.5 * strands, 0.0, 1.2)
    albedo = albedo + 0.55 * shine[..., None] * (0.30 * paint(look.hair) + 0.035)
    return albedo.astype(np.float32), height.astype(np.float32), mask.astype(np.float32)


def _strands(at: Grid, part: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Fine and coarse strands that fan out from the parting and then fall."""
    spread = 0.30 + 0.62 * ramp(CROWN_V - 0.15, 0.1, at.v) + 0.10 * np.sin(at.v * 1.7)
    fan = (at.u - part * ramp(0.0, -1.4, at.v)) / spread
    fine = woven(at.v * 5.0, fan * 46.0, rng)
    coarse = woven(at.v * 2.2, fan * 13.0, rng)
    return (0.62 * fine + 0.55 * coarse).astype(np.float32), coarse


_LOCKS: Final = (
    (-0.95, -0.60, -0.30, 0.20, 0.80, 1.30, 1.80, 2.20, 2.60),
    (0.90, 1.04, 1.12, 1.17, 1.22, 1.27, 1.27, 1.17, 1.02),
    (0.66, 0.84, 0.90, 0.95, 0.96, 0.88, 0.80, 0.82, 0.98),
)
"""Long hair beside the face: heights v, outer and inner half width there."""


def _hair_half(at: Grid, look: Look, grow: float) -> Field:
    """Half the width of the head with its hair."""
    stretched = Grid(at.u, at.v / (1.0 + 1.1 * grow), at.unit_px)
    half = jaw_width(stretched, look) * (1.0 + 0.9 * grow)
    if look.hair_style == "long":
        heights, outer, _ = _LOCKS
        fall = np.interp(at.v, heights, outer).astype(np.float32)
        half = np.where(at.v < 0.2, np.maximum(half, fall * ramp(-0.9, -0.3, at.v)), fall)
        half = half * ramp(2.62, 2.50, at.v)
    return np.asarray(half, np.float32)


def _hairline(at: Grid, look: Look, part: float) -> Field:
    """Height v down to which hair covers the head, for every pixel."""
    side = np.abs(at.u)
    if look.hair_style == "short":
        line = -0.84 - 0.05 * np.cos(at.u * 5.0) + 0.10 * (at.u < part) * ramp(0.42, -0.6, at.u)
        return np.asarray(line + 0.95 * ramp(0.72, 0.99, side) ** 1.5, np.float32)
    if look.hair_style == "bun":
        return np.asarray(-0.93 + 0.10 * at.u**2 + 0.90 * ramp(0.66, 1.05, side), np.float32)
    line = -1.06 + 0.50 * np.abs(at.u - part) ** 1.3
    heights, _, inner = _LOCKS
    lock = (side - np.interp(at.v, heights, inner)) * 6.0
    return np.asarray(np.maximum(line, at.v + lock), np.float32)


def hair_back(at: Grid, look: Look, rng: np.random.Generator) -> tuple[Colours, Field, Field]:
    """(albedo, height, mask) of the hair behind head and neck; empty for short hair."""
    strands, run = _strands(at, 0.0, rng)
    if look.hair_style == "long":
        half = (1.08 + 0.10 * np.sin(at.v * 1.6) + 0.02 * run) * ramp(2.62, 2.35, at.v + 0.1 * run)
        mask = silhouette(at, half.astype(np.float32)) * ramp(-0.2, 0.1, at.v)
    elif look.hair_style == "bun":
        half = np.zeros(at.shape, np.float32)
        mask = disc(at, 0.0, CROWN_V - 0.22, 0.44, 0.34, 0.02)
    else:
        half = np.zeros(at.shape, np.float32)
        mask = half
    round_bun = hill(at, 0.0, CROWN_V - 0.25, 0.42, 0.32)
    height = 0.30 * np.sqrt(np.clip(1.0 - (at.u / 1.35) ** 2, 0.0, 1.0)) + 0.018 * strands
    height = height + 0.45 * round_bun * (look.hair_style == "bun")
    albedo = paint(look.hair) * np.clip(0.72 + 0.22 * strands + 0.08 * run, 0.25, 1.6)[..., None]
    return albedo.astype(np.float32), height.astype(np.float32), mask.astype(np.float32)
