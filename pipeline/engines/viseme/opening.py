"""The part of a frame where the mouth is open after a movement: where its pixels lie between the lips."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.engines.viseme.field import Field, Grid, ease
from pipeline.engines.viseme.mouth import Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.faces.planes import Region, region_around

_SOFT: Final = 0.009
"""Width over which the edge of the opening is soft, in eye distances. It lies wholly on the lips: the mesh's seam of closed
lips is a pixel off here and there, and would leave a bright line of the one lip along the edge of the other."""


@dataclass(frozen=True)
class Opening:
    """The even-aligned box around an opening, and where each luma pixel of it lies. Lengths are eye distances."""

    region: Region
    below: Grid
    """Distance below the upper lip's inner edge; negative above it."""
    above: Grid
    """Distance above the lower lip's inner edge; negative below it."""
    place: Grid
    """Place across the mouth as it was in the frame: it goes with the lips."""
    height: Grid
    """Height from between the frame's own lips, downwards."""
    cover: Grid
    """0.0-1.0: how far a pixel belongs to the opening."""
    seam: float
    """Height at which the middle of the lips meets when they close."""


def find_opening(mouth: Mouth, movement: Movement, field: Field) -> Opening | None:
    """Cut the box of opening and seam out of a Field; None where nothing of them would show."""
    soft = np.float32(max(_SOFT * mouth.scale_px, 1.0))
    edge = np.minimum(field.below_upper_px, field.above_lower_px)
    inside = (edge > -soft) & (field.below_upper_px + field.above_lower_px > 0)
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
    below_px, above_px = field.below_upper_px[cut], field.above_lower_px[cut]
    cover = ease(np.minimum(below_px, above_px) / soft + 1)
    cover *= ease((below_px + above_px) / (2 * soft))
    scale = np.float32(mouth.scale_px)
    place = Region(
        field.region.left_px + box.left_px,
        field.region.top_px + box.top_px,
        box.width_px,
        box.height_px,
    )
    return Opening(
        region=place,
        below=below_px / scale,
        above=above_px / scale,
        place=field.across[cut],
        height=field.height[cut],
        cover=cover,
        seam=field.seam,
    )
