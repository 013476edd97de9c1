"""What stands still: the backdrop, the clothes and the neck."""

from typing import Final

import numpy as np

from pipeline.samples.canvas import (
    Colours,
    Field,
    Grid,
    Surface,
    blurred,
    disc,
    edged,
    hill,
    lit,
    noise,
    over,
    paint,
    polygon,
    ramp,
    woven,
)
from pipeline.samples.features import skin
from pipeline.samples.look import Look
from pipeline.samples.relief import CHIN_V, body_height, neckline

_LAMPS: Final = 9
"""Blurred lights on the backdrop."""


def backdrop(at: Grid, look: Look, rng: np.random.Generator) -> Colours:
    """A studio wall: a pool of light behind the head, soft lamps, a little grain against banding."""
    wall = paint(look.backdrop)
    pool = hill(at, -0.9, 0.2, 4.2, 2.9)
    picture = wall * (0.30 + 0.95 * pool)[..., None]
    left, right = float(at.u.min()), float(at.u.max())
    top, bottom = float(at.v.min()), float(at.v.max())
    for _ in range(_LAMPS):
        u, v = rng.uniform(left, right), rng.uniform(top, 0.5 * (top + bottom) + 0.4)
        size, strength = rng.uniform(0.16, 0.42), rng.uniform(0.03, 0.12)
        spot = disc(at, float(u), float(v), float(size), float(size), 0.10)
        picture = picture + paint(look.lamp) * (spot * strength)[..., None]
    for edge in (left + 0.16 * (right - left), right - 0.13 * (right - left)):
        panel = ramp(-0.28, 0.28, at.u - edge) if edge > 0 else ramp(0.28, -0.28, at.u - edge)
        picture = picture * (1.0 - 0.28 * panel)[..., None]
    grain = noise(at.shape, 1.3, rng)
    return np.asarray(picture * (1.0 + 0.016 * grain)[..., None], np.float32)


def body(at: Grid, look: Look, rng: np.random.Generator) -> tuple[Colours, Field]:
    """(lit picture, mask) of neck, shoulders and clothes."""
    height, mask, torso = body_height(at, look)
    bare, pores = skin(at, look, rng)
    cloth, relief = _CLOTHES[look.clothes](at, look, rng)
    free = neckline(at, look)
    dressed = np.clip(torso * (1.0 - free) + relief[1], 0.0, 1.0)
    albedo = over(bare, cloth, dressed)
    height = (
        blurred(height, 0.05 * at.unit_px)
        + relief[0] * dressed
        + 0.05 * blurred(dressed, 0.012 * at.unit_px)
    )
    height = height + pores * (1.0 - dressed)
    gloss = 0.30 * (1.0 - dressed) + 0.05
    picture = lit(Surface(albedo, height.astype(np.float32), gloss, 0.6), at)
    return edged(picture * (1.0 - 0.62 * _under_chin(at))[..., None], mask, at), mask


def _under_chin(at: Grid) -> Field:
    """The shade the head throws onto the neck."""
    edge = CHIN_V + 0.18 - 0.30 * (at.u + 0.12) ** 2
    return ramp(edge + 0.28, edge - 0.10, at.v) * ramp(0.95, 0.45, np.abs(at.u))


_Cloth = tuple[Colours, tuple[Field, Field]]
"""(albedo, (extra height in units, mask of what covers the skin beside the torso))."""


def _weave(at: Grid, rng: np.random.Generator, strength: float) -> Field:
    """Threads and larger unevenness of a cloth, around 1.0."""
    threads = woven(at.v * 4.0, (at.u + 0.4 * at.v) * 40.0, rng)
    uneven = 0.6 * threads + 0.5 * noise(at.shape, 0.05 * at.unit_px, rng)
    return np.asarray(1.0 + strength * uneven, np.float32)


def _folds(at: Grid, rng: np.random.Generator) -> Field:
    """Broad folds of cloth, in units of height."""
    field = woven(at.v * 1.1 + np.abs(at.u) * 0.9, at.u * 2.2 - at.v * 0.5, rng)
    return 0.020 * blurred(field, 0.05 * at.unit_px)


def _suit(at: Grid, look: Look, rng: np.random.Generator) -> _Cloth:
    cloth = paint(look.cloth) * _weave(at, rng, 0.10)[..., None]
    shirt_area = polygon(
        at, [(-0.72, 1.62), (0.72, 1.62), (0.42, 2.42), (0.0, 4.60), (-0.42, 2.42)], 0.006
    )
    shirt = paint(look.accent) * 0.92 * _weave(at, rng, 0.015)[..., None]
    albedo = over(cloth.astype(np.float32), shirt.astype(np.float32), shirt_area)
    knot = polygon(at, [(-0.13, 2.09), (0.13, 2.09), (0.09, 2.32), (-0.09, 2.32)], 0.006)
    blade = polygon(at, [(-0.085, 2.30), (0.085, 2.30), (0.23, 4.5), (-0.23, 4.5)], 0.006)
    stripes = 0.85 + 0.30 * ramp(-0.15, 0.15, np.sin((at.u * 0.8 + at.v) * 26.0).astype(np.float32))
    tie = (paint(look.tie) * stripes[..., None]).astype(np.float32)
    blade = blade * shirt_area
    albedo = over(albedo, tie, np.maximum(knot, blade))
    height = 0.05 * blurred(knot, 0.03 * at.unit_px) + 0.04 * blurred(blade, 0.02 * at.unit_px)
    collar = np.zeros(at.shape, np.float32)
    lapels = np.zeros(at.shape, np.float32)
    for s in (-1.0, 0.82):
        wing = [
            (s * 0.50, 1.60),
            (s * 0.78, 1.52),
            (s * 0.92, 1.96),
            (s * 0.42, 2.40),
            (s * 0.02, 2.11),
        ]
        lapel = [(s * 0.66, 1.84), (s * 0.95, 2.10), (s * 1.08, 2.44), (s * 0.82, 2.54)]
        lapel += [(s * 0.94, 2.66), (s * 0.06, 4.10), (s * 0.40, 2.37)]
        collar = np.maximum(collar, polygon(at, wing, 0.006))
        lapels = np.maximum(lapels, polygon(at, lapel, 0.006))
    albedo = over(albedo, shirt.astype(np.float32) * 1.05, collar)
    albedo = over(albedo, (cloth * 1.18).astype(np.float32), lapels * (1.0 - collar))
    height += 0.05 * blurred(np.maximum(collar, lapels), 0.012 * at.unit_px) + _folds(at, rng)
    return albedo, (height, np.maximum(collar, knot))


def _blazer(at: Grid, look: Look, rng: np.random.Generator) -> _Cloth:
    cloth = paint(look.cloth) * _weave(at, rng, 0.10)[..., None]
    blouse_area = polygon(
        at, [(-0.80, 1.72), (0.80, 1.72), (0.52, 2.52), (0.0, 4.02), (-0.52, 2.52)], 0.006
    )
    blouse = paint(look.accent) * 0.9 * _weave(at, rng, 0.02)[..., None]
    albedo = over(cloth.astype(np.float32), blouse.astype(np.float32), blouse_area)
    lapels = np.zeros(at.shape, np.float32)
    for s in (-1.0, 0.82):
        lapel = [(s * 0.66, 1.84), (s * 0.96, 2.12), (s * 1.10, 2.62), (s * 0.80, 2.66)]
        lapel += [(s * 0.90, 2.82), (s * 0.04, 3.97), (s * 0.50, 2.48)]
        lapels = np.maximum(lapels, polygon(at, lapel, 0.006))
    albedo = over(albedo, (cloth * 1.22).astype(np.float32), lapels)
    height = 0.05 * blurred(lapels, 0.012 * at.unit_px) + _folds(at, rng)
    return albedo, (height.astype(np.float32), np.zeros(at.shape, np.float32))


def _sweater(at: Grid, look: Look, rng: np.random.Generator) -> _Cloth:
    ribs = np.sin(at.u * 70.0 + 0.5 * np.sin(at.v * 60.0)).astype(np.float32)
    cloth = paint(look.cloth) * (_weave(at, rng, 0.06) + 0.03 * ribs)[..., None]
    radius = np.hypot(at.u / 0.62, (at.v - 1.62) / 0.36)
    band = ramp(0.94, 1.02, radius) * ramp(1.34, 1.28, radius) * ramp(1.4, 1.6, at.v)
    angle = np.arctan2(at.v - 1.62, at.u)
    rib = (0.5 + 0.5 * np.sin(angle * 60.0)).astype(np.float32)
    collar = paint(look.accent) * (0.82 + 0.30 * rib)[..., None]
    albedo = over(cloth.astype(np.float32), collar.astype(np.float32), band)
    height = 0.06 * blurred(band, 0.03 * at.unit_px) + 0.004 * ribs + 1.3 * _folds(at, rng)
    return albedo, (height.astype(np.float32), np.zeros(at.shape, np.float32))


_CLOTHES: Final = {"suit": _suit, "blazer": _blazer, "sweater": _sweater}
