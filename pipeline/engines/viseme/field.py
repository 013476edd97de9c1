"""Where each pixel of the lower face comes from: the displacement field of one frame.

The face is taken apart column by column (columns run down the face, along its own axes). In each, lip edges, chin
and the still places above and below them are knots; between them the displacement goes over smoothly, so that it
is exact at the lips, nowhere folds, and ends at zero. There are two fields: what belongs to the upper lip and
what belongs to the lower lip and jaw. They meet where the mouth is closed and leave the opening between them.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.viseme.mouth import SEAM_SAMPLES, Line, Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.faces.planes import Region, region_around

Grid = NDArray[Any]
"""(rows, columns) of a Region, float32, one value per pixel (numpy's stubs lose the type in arithmetic)."""

_UPPER: Final = 0.2
"""Share of an opening that the upper lip makes; the lower lip, carried by the jaw, makes the rest."""
_JAW: Final = 0.55
"""How far the chin goes down for an opening of 1.0: the lower lip moves on the jaw as well as with it."""
_CORNER_DROP: Final = 0.22
"""How far the corners of the mouth go down for an opening of 1.0."""
_NECK: Final = 0.28
"""How far below the face's edge the skin is still moved, in eye distances: collars begin about there."""
_CHEEK: Final = 0.10
"""The face's edge is taken to lie at least so far below the lips; beside them it rises to the ears."""
_UPPER_OUTLINE: Final = 0.72
"""Exponent of the upper lip's outline over the mouth's width: 1.0 is a parabola, 0.5 a half ellipse."""
_LOWER_OUTLINE: Final = 0.66
"""Likewise of the lower lip's; rounded lips come nearer to an ellipse."""
_PURSE: Final = 0.06
"""Share of the opening's width that rounded lips close from the sides."""
_MEAN_OF_PROFILE: Final = 0.97
"""Mean of that outline over the three places where the opening is measured."""


_INSET: Final = 0.010
"""Width of lip beside an open mouth that is taken for mouth, in eye distances: the mesh's edge lies about a pixel
inside teeth and shadow, which would stay as a bright or dark double line once the lips meet."""
_OPEN: Final = 0.03
"""A gap from which a mouth counts as open."""


@dataclass(frozen=True)
class Field:
    """Where the pixels of a Region come from, and what of it is the open mouth. One value per luma pixel."""

    region: Region
    from_x: Grid
    """Column in the frame, sub-pixel."""
    from_y: Grid
    moved: NDArray[np.bool_]
    """Where a pixel comes from somewhere else than its own place."""
    below_upper_px: Grid
    """Distance below the upper lip's inner edge; negative above it."""
    above_lower_px: Grid
    """Distance above the lower lip's inner edge; negative below it."""
    across: Grid
    """Place across the mouth, in eye distances from its middle."""
    height: Grid
    """Height in eye distances from between the frame's own lips, downwards."""
    seam: float
    """Height at which the middle of the lips meets when they close: it goes with the skull, not with the jaw."""


def region_of(mouth: Mouth, shape: tuple[int, int]) -> Region:
    """Give the Region in which a frame of ``shape`` (height, width) may change, for any movement of this mouth."""
    left, right = mouth.jaw
    top, bottom = mouth.nose - 0.02, mouth.chin + _NECK
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]])
    spots = mouth.origin + mouth.scale_px * (corners @ np.stack([mouth.across, mouth.down]))
    (x0, y0), (x1, y1) = spots.min(axis=0), spots.max(axis=0)
    return region_around(float(x0), float(y0), float(x1), float(y1), shape)


def displace(mouth: Mouth, movement: Movement, region: Region) -> Field:
    """Compute where the pixels of ``region`` come from.

    The fields are smooth, so they are computed on a coarse grid and interpolated; the coarse step is a power of two,
    which makes the interpolation exact in OpenCV's fixed-point arithmetic.
    """
    step = _step(mouth.scale_px)
    rows, columns = region.height_px // step + 2, region.width_px // step + 2
    xs = (region.left_px + step * np.arange(columns, dtype=np.float32))[None, :]
    ys = (region.top_px + step * np.arange(rows, dtype=np.float32))[:, None]
    x, y = xs - mouth.origin[0], ys - mouth.origin[1]
    across = (x * mouth.across[0] + y * mouth.across[1]) / np.float32(mouth.scale_px)
    height = (x * mouth.down[0] + y * mouth.down[1]) / np.float32(mouth.scale_px)
    coarse = _fields(mouth, movement, across, height)
    fine: list[Grid] = [
        cv2.warpAffine(
            values,
            np.array([[1 / step, 0, 0], [0, 1 / step, 0]]),
            (region.width_px, region.height_px),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for values in coarse
    ]
    return _assemble(mouth, region, fine, _seam_height(mouth, movement))


def _step(scale_px: float) -> int:
    for step in (8, 4, 2):
        if scale_px / step >= 24:
            return step
    return 1


def _assemble(mouth: Mouth, region: Region, fine: list[Grid], seam: float) -> Field:
    """Choose for every pixel between the two fields, and turn shares of the eye distance into pixels."""
    shift, edges = fine
    scale = np.float32(mouth.scale_px)
    below = edges[:, :, 0] * scale
    above = edges[:, :, 1] * scale
    lower = below > above  # nearer to the lower lip, or in it
    aside = shift[:, :, 0] * scale
    deep = np.where(lower, shift[:, :, 2], shift[:, :, 1]) * scale
    # Inside the opening each lip's edge goes on: beyond it the source shows the other lip.
    deep += np.where(lower, -np.maximum(above, 0), np.maximum(below, 0))
    dx = aside * mouth.across[0] + deep * mouth.down[0]
    dy = aside * mouth.across[1] + deep * mouth.down[1]
    xs = region.left_px + np.arange(region.width_px, dtype=np.float32)
    ys = region.top_px + np.arange(region.height_px, dtype=np.float32)
    return Field(
        region=region,
        from_x=xs[None, :] - dx,
        from_y=ys[:, None] - dy,
        moved=(np.abs(aside) > _STILL_PX) | (np.abs(deep) > _STILL_PX),
        below_upper_px=below,
        above_lower_px=above,
        across=edges[:, :, 2],
        height=edges[:, :, 3],
        seam=seam,
    )


_STILL_PX: Final = 0.02
"""Displacements below this would change no pixel by more than rounding does."""


def _fields(mouth: Mouth, movement: Movement, across: Grid, height: Grid) -> tuple[Grid, Grid]:
    """Evaluate both fields at points given in the mouth's own coordinates.

    Returns:
        (rows, columns, 3): displacement across, of the upper part and of the lower part; then (rows, columns, 4):
        distance below the upper lip's edge, above the lower lip's edge, place across and height. All in eye distances.
    """
    aside = _sideways(mouth, movement, across, height)
    place = across - aside
    knots = _Knots(mouth, movement, place)
    upper = knots.upper_shift(height)
    lower = knots.lower_shift(height)
    shifts = np.stack([aside, upper, lower], axis=2).astype(np.float32)
    edges = np.stack(
        [height - knots.upper_inner, knots.lower_inner - height, place, height], axis=2
    )
    return shifts, edges.astype(np.float32)


def _sideways(mouth: Mouth, movement: Movement, across: Grid, height: Grid) -> Grid:
    """Displace across: the whole mouth scales, the cheeks take it up, edges of the face stay."""
    share = np.float32(1.0 - 1.0 / movement.width)
    moved = np.zeros_like(across)
    for side, corner, jaw in zip((-1.0, 1.0), mouth.corners, mouth.jaw, strict=True):
        reach, edge = abs(corner) * movement.width, abs(jaw) * 0.95
        out = across * side
        inner = np.minimum(out, reach) * share * (1 - ease((out - reach) / max(edge - reach, 0.1)))
        moved = np.where(out > 0, side * inner, moved)
    top = float(mouth.upper_outer.min())
    low = float(mouth.lower_outer.max()) + max(movement.change, 0.0)
    fade_in = ease((height - mouth.nose) / max(top - mouth.nose, 0.05))
    outline = mouth.line_at(mouth.outline, across)  # beyond it is neck, or the wall behind
    until = np.minimum(np.float32(low), outline - np.float32(0.1))
    fade_out = 1 - ease((height - until) / (outline - until))
    faded: Grid = moved * fade_in * fade_out
    return faded


class _Knots:
    """Heights of lip edges, chin and still places after the movement, and how far each one has gone."""

    def __init__(self, mouth: Mouth, movement: Movement, place: Grid) -> None:
        upper_outer, upper_inner, lower_inner, lower_outer = (
            mouth.line_at(line, place)
            for line in (
                mouth.upper_outer, mouth.upper_inner, mouth.lower_inner, mouth.lower_outer
            )
        )  # fmt: skip
        left, right = (corner * (1 - _PURSE * movement.rounding) for corner in mouth.inner_corners)
        spot = np.clip(np.where(place < 0, place / left, place / right), 0, 1)
        outline = 1 - spot * spot
        wide = 1 - ease(
            (np.where(place < 0, place / mouth.jaw[0], place / mouth.jaw[1]) - 0.2) / 0.8
        )
        own = lower_inner - upper_inner
        inset = np.float32(_INSET) * np.clip(own / np.float32(_OPEN), 0, 1)
        upper_inner, lower_inner, own = upper_inner - inset, lower_inner + inset, own + 2 * inset
        strength, gap = np.float32(movement.strength), np.float32(movement.gap / _MEAN_OF_PROFILE)
        seam = _seam_at(mouth, movement, place, upper_inner, lower_inner)
        upper_to = seam - np.float32(_UPPER) * gap * outline ** np.float32(
            _UPPER_OUTLINE - 0.15 * movement.rounding
        )
        lower_to = seam + np.float32(1 - _UPPER) * gap * outline ** np.float32(
            _LOWER_OUTLINE - 0.14 * movement.rounding
        )
        drop = np.float32(_CORNER_DROP * movement.change) * wide
        self._still_above = np.float32(mouth.nose)
        edge = np.maximum(mouth.line_at(mouth.outline, place), lower_outer + np.float32(_CHEEK))
        self._still_below = edge + np.float32(_NECK)
        drop *= (
            spot * spot
        )  # the middle of the upper lip hangs on the skull, the corners on the jaw
        self._upper_in = drop + strength * (upper_to - upper_inner)
        self._lower_in = drop + strength * (lower_to - lower_inner)
        upper_lip, lower_lip = upper_inner - upper_outer, lower_outer - lower_inner
        upper_more = _between_corners(movement.upper_lip, mouth, place) - upper_lip
        lower_more = _between_corners(movement.lower_lip, mouth, place) - lower_lip
        self._upper_out = self._upper_in - strength * upper_more
        self._lower_out = self._lower_in + strength * lower_more
        # The jaw turns about the ears: the higher its edge runs, the less it goes down.
        falls = np.clip(mouth.line_at(mouth.outline, place) / np.float32(mouth.chin), 0, 1)
        self._chin_shift = np.float32(_JAW * movement.change) * wide * falls
        self.upper_inner = upper_inner + self._upper_in
        self.lower_inner = lower_inner + self._lower_in
        self._upper_outer = upper_outer + self._upper_out
        self._lower_outer = lower_outer + self._lower_out
        self._chin = edge + self._chin_shift

    def upper_shift(self, height: Grid) -> Grid:
        """How far the upper part has moved at each height."""
        lip = _share(height, self._upper_outer, self.upper_inner)
        skin = ease(
            (height - self._still_above)
            / np.maximum(self._upper_outer - self._still_above, np.float32(0.03))
        )
        moved: Grid = skin * (self._upper_out + lip * (self._upper_in - self._upper_out))
        return moved

    def lower_shift(self, height: Grid) -> Grid:
        """How far the lower part has moved at each height."""
        lip = _share(height, self.lower_inner, self._lower_outer)
        moved = self._lower_in + lip * (self._lower_out - self._lower_in)
        skin = ease(
            (height - self._lower_outer)
            / np.maximum(self._chin - self._lower_outer, np.float32(0.05))
        )
        moved = moved + skin * (self._chin_shift - moved)
        faded: Grid = moved * (1 - ease((height - self._chin) / (self._still_below - self._chin)))
        return faded


def _seam_at(
    mouth: Mouth, movement: Movement, place: Grid, upper_inner: Grid, lower_inner: Grid
) -> Grid:
    """Read the height at which the lips are to meet; beyond the corners it is where they are."""
    wanted = _seam_line(mouth, movement)
    outside = (place < mouth.corners[0]) | (place > mouth.corners[1])
    met = (upper_inner + lower_inner) / 2
    return np.where(outside, met, _between_corners(wanted, mouth, place))


def _seam_line(mouth: Mouth, movement: Movement) -> Line:
    """Give the heights at which the lips are to meet, for ``SEAM_SAMPLES`` places from corner to corner."""
    heights = (mouth.upper_inner + mouth.lower_inner) / 2
    ends = mouth.line_at(heights, np.array(mouth.corners, dtype=np.float32))
    line: Line = movement.seam + np.linspace(ends[0], ends[1], SEAM_SAMPLES)
    return line


def _seam_height(mouth: Mouth, movement: Movement) -> float:
    return float(_seam_line(mouth, movement)[SEAM_SAMPLES // 2])


def _between_corners(line: Line, mouth: Mouth, place: Grid) -> Grid:
    """Read a line given for ``SEAM_SAMPLES`` places from corner to corner; beyond them it goes on level."""
    left, right = mouth.corners
    index = (place - np.float32(left)) * np.float32((SEAM_SAMPLES - 1) / (right - left))
    heights: Grid = np.interp(index, np.arange(SEAM_SAMPLES), line).astype(np.float32)
    return heights


def _share(height: Grid, top: Grid, bottom: Grid) -> Grid:
    """How far a height lies between two others, 0.0-1.0."""
    shares: Grid = np.clip((height - top) / np.maximum(bottom - top, np.float32(1e-3)), 0, 1)
    return shares


def ease(values: Grid) -> Grid:
    """Go from 0.0 to 1.0 without a corner at either end (Hermite's smooth step)."""
    held = np.clip(values, 0, 1)
    eased: Grid = held * held * (3 - 2 * held)
    return eased
