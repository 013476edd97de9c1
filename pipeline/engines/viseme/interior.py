"""The inside of the mouth, painted from the face's own colours: shade, upper teeth, tongue, seam of closed lips."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipeline.engines.viseme.field import Field, Grid, ease
from pipeline.engines.viseme.mouth import Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.faces.planes import Region, region_around, split
from pipeline.types import Planes, Points

_CHEEKS: Final = (50, 280, 205, 425)
"""Points of the mesh on the cheeks, where skin is seen in its own light."""
_LIPS: Final = ((0, 13), (37, 82), (267, 312), (14, 17), (87, 84), (317, 314))
"""Pairs of points on either edge of a lip; the lip's colour is taken between them."""

_BLACK: Final = 16.0
"""Luma of black in limited range."""
_NEUTRAL: Final = 128.0
"""Chroma of grey."""

_TEETH_EDGE: Final = 0.032
"""Height of the upper teeth's edge below the closed lips, in eye distances: about 3 mm."""
_TOOTH: Final = 0.088
"""Width of a middle upper tooth, in eye distances (8.5 mm where the eye corners are 95 mm apart)."""
_LIT: Final = 0.10
"""A gap from which daylight reaches the teeth."""
_RIM: Final = 0.016
"""Width of the shaded rim inside the lips, in eye distances."""
_MEETING_SHADE: Final = 0.08
"""How much darker it is where two teeth meet."""
_SEAM: Final = 0.008
"""Half width of the shaded line between closed lips, in eye distances."""
_SOFT: Final = 0.009
"""Width over which the edge of the opening is soft, in eye distances."""


_PATCH: Final = np.stack(np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)), axis=2).reshape(-1, 2)
"""(25, 2): the pixels of a small patch around its middle."""


@dataclass(frozen=True)
class Complexion:
    """Colours of one face in one frame, as (luma, first chroma, second chroma), 0-255."""

    skin: tuple[float, float, float]
    lips: tuple[float, float, float]


def read_complexion(planes: Planes, landmarks: Points) -> Complexion:
    """Take the colours of skin and lips from a frame; landmarks are (468, 2) in pixels."""
    lips = [(landmarks[a] + landmarks[b]) / 2 for a, b in _LIPS]
    return Complexion(
        skin=_median_colour(planes, landmarks[list(_CHEEKS)]),
        lips=_median_colour(planes, np.array(lips)),
    )


def _median_colour(planes: Planes, spots: Points) -> tuple[float, float, float]:
    """Take the middle colour of small patches around some places (those outside the frame are moved to its edge)."""
    values = []
    for plane, shrink in zip(split(planes), (1, 2, 2), strict=True):
        places = (np.asarray(spots)[:, None, :] / shrink + _PATCH).astype(np.intp)  # (spots, 25, 2)
        rows = np.clip(places[:, :, 1], 0, plane.shape[0] - 1)
        columns = np.clip(places[:, :, 0], 0, plane.shape[1] - 1)
        values.append(float(np.median(plane[rows, columns].mean(axis=1))))
    return values[0], values[1], values[2]


@dataclass(frozen=True)
class Painting:
    """What is painted into the opening: three planes and how much they cover, per luma pixel of its own Region."""

    region: Region
    luma: Grid
    blue: Grid
    red: Grid
    cover: Grid


def paint(mouth: Mouth, movement: Movement, field: Field, colours: Complexion) -> Painting | None:
    """Paint the inside of an opened mouth.

    Returns:
        The Painting, or None where nothing of it would show.
    """
    scale = np.float32(mouth.scale_px)
    soft = np.float32(max(_SOFT * mouth.scale_px, 1.0))
    view = _opening(mouth, movement, field, soft)
    if view is None:
        return None
    region, (below_px, above_px, across, height) = view
    cover = ease(np.minimum(below_px, above_px) / soft + 0.5)
    cover *= ease((below_px + above_px) / (2 * soft))
    half = np.float32((mouth.inner_corners[1] - mouth.inner_corners[0]) / 2)
    aside = across / half
    below, above = below_px / scale, above_px / scale
    relief = _tooth_relief(across)
    teeth = _teeth(field.seam, height, across, relief)
    tongue = (
        ease((0.10 - above) / 0.09)
        * min(max((movement.gap - 0.06) / 0.10, 0.0), 1.0)
        * ease((1 - np.abs(aside)) / 0.8)
    )
    rim = np.clip((below + above) / 4, 0.004, _RIM)  # moist inner side of the lips, in shade
    upper_rim, lower_rim = 1 - ease(below / rim), 1 - ease(above / rim)
    # Little light falls through a narrow gap, unless the upper lip is lifted off the teeth for f and v.
    light = max(0.35 + 0.65 * min(movement.gap / _LIT, 1.0), 0.8 * movement.bite)
    shadow = (0.5 + 0.5 * ease(below / 0.03)) * light
    rounded = np.clip(1 - 0.75 * aside * aside, 0.15, 1)

    skin, lips = colours.skin, colours.lips
    luma = np.full_like(below, _BLACK + 0.10 * (skin[0] - _BLACK))
    luma += tongue * (0.50 * (lips[0] - _BLACK))
    enamel = _BLACK + 1.0 * (min(skin[0], 195.0) - _BLACK)
    lit = _BLACK + (enamel - _BLACK) * rounded * shadow * relief
    luma += teeth * (lit - luma)
    luma += upper_rim * (_BLACK + 0.42 * (lips[0] - _BLACK) - luma)
    luma += lower_rim * (_BLACK + 0.60 * (lips[0] - _BLACK) - luma)
    blue = _chroma(lips[1], skin[1], teeth * light, tongue)
    red = _chroma(lips[2], skin[2], teeth * light, tongue)
    seam = _seam(mouth, movement, below - above, across) * (1 - cover)
    cover = cover + seam
    share = seam / np.maximum(cover, 1e-3)
    luma += share * (_BLACK + 0.5 * (lips[0] - _BLACK) - luma)
    blue += share * (lips[1] - blue)
    red += share * (lips[2] - red)
    return Painting(region, luma, blue, red, cover * np.float32(movement.strength))


def _seam(mouth: Mouth, movement: Movement, offset: Grid, across: Grid) -> Grid:
    """Where lips that were apart meet, and so have no shaded line between them: how much of it is painted."""
    beside = offset / (2 * _SEAM)
    ends = np.minimum(across - mouth.corners[0], mouth.corners[1] - across) / 0.05
    line: Grid = np.float32(0.75 * movement.opened) * np.exp(-beside * beside) * ease(ends)
    return line


def _opening(
    mouth: Mouth, movement: Movement, field: Field, soft: np.float32
) -> tuple[Region, list[Grid]] | None:
    """Cut the even-aligned box of opening and seam out of a Field: its distances to the lips, places and heights."""
    edge = np.minimum(field.below_upper_px, field.above_lower_px)
    inside = (edge > -soft / 2) & (field.below_upper_px + field.above_lower_px > 0)
    if movement.opened > 0:
        within = (field.across > mouth.corners[0]) & (field.across < mouth.corners[1])
        inside |= (edge > -2 * soft) & within
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    box = region_around(
        float(columns[0]), float(rows[0]), columns[-1] + 1.0, rows[-1] + 1.0, inside.shape
    )
    cut = (
        slice(box.top_px, box.top_px + box.height_px),
        slice(box.left_px, box.left_px + box.width_px),
    )
    grids = (field.below_upper_px, field.above_lower_px, field.across, field.height)
    place = Region(
        field.region.left_px + box.left_px,
        field.region.top_px + box.top_px,
        box.width_px,
        box.height_px,
    )
    return place, [grid[cut] for grid in grids]


def _teeth(seam: float, height: Grid, across: Grid, relief: Grid) -> Grid:
    """Where the upper teeth are: they belong to the skull, so the lips move over them."""
    edge = seam + np.float32(_TEETH_EDGE) - 0.35 * across * across
    edge -= 0.004 * (1 - relief) / _MEETING_SHADE
    return ease((edge - height) / np.float32(_SOFT) + 0.5)


def _tooth_relief(across: Grid) -> Grid:
    """Shade the teeth a little darker where two of them meet."""
    place = np.abs(across) / np.float32(_TOOTH)
    place = np.where(place > 1, 1 + (place - 1) * 1.25, place)  # the outer ones are narrower
    meeting = np.abs(place - np.round(place))
    relief: Grid = 1 - _MEETING_SHADE * np.exp(-((meeting / 0.09) ** 2))
    return relief


def _chroma(lips: float, skin: float, teeth: Grid, tongue: Grid) -> Grid:
    """Mix a chroma plane: reddish dark, redder tongue, nearly neutral teeth in the light that falls on the skin."""
    inside = _NEUTRAL + (lips - _NEUTRAL) * (0.45 + 0.45 * tongue)
    enamel = _NEUTRAL + 0.50 * (skin - _NEUTRAL)
    mixed: Grid = inside + teeth * (enamel - inside)
    return mixed


def halve(values: Grid) -> Grid:
    """Bring a plane of luma size to chroma size by averaging fours."""
    rows, columns = values.shape
    halved: Grid = cv2.resize(values, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    return halved
