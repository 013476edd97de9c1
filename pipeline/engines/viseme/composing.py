"""One frame: the lower face warped, the opening painted, in the I420 planes themselves."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.viseme.field import Grid, displace, region_of
from pipeline.engines.viseme.interior import halve, paint, read_complexion
from pipeline.engines.viseme.mouth import Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.faces.planes import Region, split
from pipeline.types import Pixels, Planes, Points


def change_mouth(planes: Planes, mouth: Mouth, movement: Movement, landmarks: Points) -> None:
    """Move a frame's mouth.

    Args:
        planes: The frame, I420. Changed in place, in the Region of the mouth only.
        mouth: Its mouth, measured in this frame.
        movement: What to do.
        landmarks: (468, 2) of the same frame, for the face's colours.
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    region = region_of(mouth, (height, width))
    if movement.is_still or region.width_px < 4 or region.height_px < 4:
        return
    field = displace(mouth, movement, region)
    painting = paint(mouth, movement, field, read_complexion(planes, landmarks))
    luma, blue, red = split(planes)
    from_x, from_y = (halve(field.from_x) - 0.5) / 2, (halve(field.from_y) - 0.5) / 2
    touched = field.moved[::2, ::2] | field.moved[1::2, 1::2]
    half = Region(
        region.left_px // 2, region.top_px // 2, region.width_px // 2, region.height_px // 2
    )
    cover = colours = None
    if painting is not None:
        cover, colours = painting.cover, (painting.luma, halve(painting.blue), halve(painting.red))
    _redraw(luma, region, (field.from_x, field.from_y, field.moved), cover, colours and colours[0])
    cover = None if cover is None else halve(cover)
    _redraw(blue, half, (from_x, from_y, touched), cover, colours and colours[1])
    _redraw(red, half, (from_x, from_y, touched), cover, colours and colours[2])


def _redraw(
    plane: Pixels,
    region: Region,
    source: tuple[Grid, Grid, NDArray[np.bool_]],
    cover: Grid | None,
    colour: Grid | None,
) -> None:
    """Warp one plane's Region and lay the painting over it; pixels that neither touches keep their bits."""
    x, y, w, h = region.left_px, region.top_px, region.width_px, region.height_px
    there = plane[y : y + h, x : x + w]
    from_x, from_y, changed = source
    warped = cv2.remap(plane, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if cover is not None and colour is not None:
        mixed = warped + cover * (colour - warped)
        warped = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
        changed = changed | (cover > 0)
    np.copyto(there, warped, where=changed)
