"""The inside of an opened mouth, borrowed or painted, with the rims of the lips and the seam of closed ones."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.engines.viseme.borrowed import Inside, show_inside
from pipeline.engines.viseme.complexion import BLACK, NEUTRAL, Complexion
from pipeline.engines.viseme.field import Field, Grid, ease
from pipeline.engines.viseme.mouth import Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.engines.viseme.opening import Opening, find_opening
from pipeline.engines.viseme.painted import paint_inside
from pipeline.faces.planes import Region

_RIM: Final = 0.016
"""Width of the shaded rim inside the lips, in eye distances."""
_RIM_BORROWED: Final = 0.5
"""How much of that rim is laid over a borrowed inside, which has some of its own."""
_RIM_CHROMA: Final = 0.65
"""Share of the lips' chroma that their shaded rim keeps: a colour that loses light loses chroma."""
_SEAM: Final = 0.008
"""Half width of the shaded line between closed lips, in eye distances."""


@dataclass(frozen=True)
class Painting:
    """What is laid over the opening: three planes and how much they cover, per luma pixel of its own Region."""

    region: Region
    luma: Grid
    blue: Grid
    red: Grid
    cover: Grid
    own: float
    """0.0-1.0: how much of it the frame's own open mouth keeps, as it was before the lips moved."""


def paint(
    mouth: Mouth, movement: Movement, field: Field, colours: Complexion, inside: Inside | None
) -> Painting | None:
    """Fill an opened mouth and draw the seam of a closed one.

    Args:
        mouth: The frame's own.
        movement: What it does.
        field: Where the pixels around it come from.
        colours: Of the face in this frame.
        inside: The inside as the Template itself shows it; None paints one.

    Returns:
        The Painting, or None where nothing of it would show.
    """
    opening = find_opening(mouth, movement, field)
    if opening is None:
        return None
    if inside is None:
        luma, blue, red = paint_inside(mouth, movement, opening, colours)
    else:
        luma, blue, red = show_inside(inside, mouth, movement, opening, colours)
    lips = colours.lips
    weight = np.float32(1.0 if inside is None else _RIM_BORROWED)
    rim = np.clip((opening.below + opening.above) / 4, 0.004, _RIM)  # moist and in shade
    for distance, light in ((opening.below, 0.42), (opening.above, 0.48)):
        shaded = weight * (1 - ease(distance / rim))
        luma += shaded * (BLACK + light * (lips[0] - BLACK) - luma)
        blue += shaded * (NEUTRAL + _RIM_CHROMA * (lips[1] - NEUTRAL) - blue)
        red += shaded * (NEUTRAL + _RIM_CHROMA * (lips[2] - NEUTRAL) - red)
    seam = _seam(mouth, movement, opening) * (1 - opening.cover) * np.float32(movement.strength)
    cover = opening.cover + seam
    share = seam / np.maximum(cover, 1e-3)
    luma += share * (BLACK + 0.5 * (lips[0] - BLACK) - luma)
    blue += share * (lips[1] - blue)
    red += share * (lips[2] - red)
    # A closed mouth that opens half-way has an inside of its own, all of it; an open one still shows what it showed.
    own = (1 - movement.strength) * movement.opened
    return Painting(opening.region, luma, blue, red, cover, own)


def _seam(mouth: Mouth, movement: Movement, opening: Opening) -> Grid:
    """Where lips that were apart meet, and so have no shaded line between them: how much of it is painted."""
    beside = (opening.below - opening.above) / (2 * _SEAM)
    ends = np.minimum(opening.place - mouth.corners[0], mouth.corners[1] - opening.place) / 0.05
    line: Grid = np.float32(0.75 * movement.opened) * np.exp(-beside * beside) * ease(ends)
    return line
