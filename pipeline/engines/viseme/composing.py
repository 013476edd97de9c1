"""One frame: the lower face warped, the opening painted, in the I420 planes themselves."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.viseme.borrowed import Inside
from pipeline.engines.viseme.complexion import read_complexion
from pipeline.engines.viseme.field import Grid, displace, region_of
from pipeline.engines.viseme.interior import Painting, paint
from pipeline.engines.viseme.mouth import Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.faces.planes import Region, cut, halve, halved, lay, split
from pipeline.types import Pixels, Planes, Points


def change_mouth(
    planes: Planes, mouth: Mouth, movement: Movement, landmarks: Points, inside: Inside | None
) -> None:
    """Move a frame's mouth.

    Args:
        planes: The frame, I420. Changed in place, in the Region of the mouth only.
        mouth: Its mouth, measured in this frame.
        movement: What to do.
        landmarks: (468, 2) of the same frame, for the face's colours.
        inside: The inside of this face's mouth, as its Template shows it; None paints one.
    """
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    region = region_of(mouth, (height, width))
    if movement.is_still or region.width_px < 4 or region.height_px < 4:
        return
    field = displace(mouth, movement, region)
    painting = paint(mouth, movement, field, read_complexion(planes, landmarks), inside)
    layers = [] if painting is None else _layers(planes, painting)
    luma, blue, red = split(planes)
    _warp(luma, region, field.from_x, field.from_y, field.moved)
    # One luma pixel speaks for its four: a mean across the lips' seam would point into the mouth between them.
    half, moved = halved(region), field.moved[::2, ::2]
    from_x, from_y = field.from_x[::2, ::2] / 2, field.from_y[::2, ::2] / 2
    _warp(blue, half, from_x, from_y, moved)
    _warp(red, half, from_x, from_y, moved)
    for there, cover, colour in layers:
        lay(there, cover, colour)


def _layers(planes: Planes, painting: Painting) -> list[tuple[Pixels, Grid, Grid]]:
    """Give for each plane the part that a painting goes over, how much it covers, and its colours."""
    luma, blue, red = split(planes)
    half, cover = halved(painting.region), halve(painting.cover)
    layers = [
        (cut(luma, painting.region), painting.cover, painting.luma),
        (cut(blue, half), cover, halve(painting.blue)),
        (cut(red, half), cover, halve(painting.red)),
    ]
    # The frame's own inside has to be taken now: the warp draws lips over it.
    own = np.float32(painting.own)
    return [(there, covers, colour + own * (there - colour)) for there, covers, colour in layers]


def _warp(
    plane: Pixels, region: Region, from_x: Grid, from_y: Grid, moved: NDArray[np.bool_]
) -> None:
    """Fetch one plane's Region from where it comes from; pixels that have not moved keep their bits."""
    # Once encoded, Lanczos keeps no more of the skin's texture than this does, and takes four times as long.
    warped = cv2.remap(plane, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    np.copyto(cut(plane, region), warped, where=moved)
