"""An inside of the mouth painted from the face's own colours: shade, upper teeth, tongue."""

from typing import Final

import numpy as np

from pipeline.engines.viseme.complexion import BLACK, NEUTRAL, Complexion
from pipeline.engines.viseme.field import Grid, ease
from pipeline.engines.viseme.mouth import Mouth
from pipeline.engines.viseme.movement import Movement
from pipeline.engines.viseme.opening import Opening

_TEETH_EDGE: Final = 0.028
"""Height of the upper teeth's edge below the closed lips, in eye distances: some 2.7 mm."""
_TOOTH: Final = 0.088
"""Width of a middle upper tooth, in eye distances (8.5 mm where the eye corners are 95 mm apart)."""
_LIT: Final = 0.10
"""A gap from which daylight reaches the teeth."""
_ENAMEL: Final = (50.0, 0.55)
"""Luma of teeth in full light, above black: so much, and this share of the skin's. 0.75 to 0.9 of fair skin on presenters
who show theirs; on dark skin they are the brighter of the two."""
_MEETING_SHADE: Final = 0.10
"""How much darker it is where two teeth meet."""
_NOTCH: Final = 0.005
"""How far the edge of the teeth rises where two of them meet, in eye distances."""
_TEETH_SOFT: Final = 0.009
"""Width over which the edge of the teeth is soft, in eye distances."""


def paint_inside(
    mouth: Mouth, movement: Movement, opening: Opening, colours: Complexion
) -> tuple[Grid, Grid, Grid]:
    """Paint luma and both chroma planes of an opening, per luma pixel of its box."""
    half = np.float32((mouth.inner_corners[1] - mouth.inner_corners[0]) / 2)
    across = opening.place
    aside = across / half
    relief = _tooth_relief(across)
    teeth = _teeth(opening, relief)
    tongue = (
        ease((0.10 - opening.above) / 0.09)
        * min(max((movement.gap - 0.06) / 0.10, 0.0), 1.0)
        * ease((1 - np.abs(aside)) / 0.8)
    )
    # Little light falls through a narrow gap, unless the upper lip is lifted off the teeth for f and v.
    light = max(0.35 + 0.65 * min(movement.gap / _LIT, 1.0), 0.8 * movement.bite)
    shadow = (0.5 + 0.5 * ease(opening.below / 0.03)) * light
    rounded = np.clip(1 - 0.8 * aside * aside, 0.12, 1)
    skin, lips = colours.skin, colours.lips
    luma = np.full_like(across, BLACK + 0.10 * (skin[0] - BLACK))
    luma += tongue * (0.50 * (lips[0] - BLACK))
    enamel = BLACK + _ENAMEL[0] + _ENAMEL[1] * (skin[0] - BLACK)
    lit = BLACK + (enamel - BLACK) * rounded * shadow * relief
    luma += teeth * (lit - luma)
    blue = _chroma(lips[1], skin[1], teeth * light, tongue)
    red = _chroma(lips[2], skin[2], teeth * light, tongue)
    return luma, blue, red


def _teeth(opening: Opening, relief: Grid) -> Grid:
    """Where the upper teeth are: they belong to the skull, so the lips move over them."""
    across = opening.place
    edge = opening.seam + np.float32(_TEETH_EDGE) - 0.35 * across * across
    edge -= _NOTCH * (1 - relief) / _MEETING_SHADE
    return ease((edge - opening.height) / np.float32(_TEETH_SOFT) + 0.5)


def _tooth_relief(across: Grid) -> Grid:
    """Shade the teeth a little darker where two of them meet."""
    place = np.abs(across) / np.float32(_TOOTH)
    place = np.where(place > 1, 1 + (place - 1) * 1.25, place)  # the outer ones are narrower
    meeting = np.abs(place - np.round(place))
    relief: Grid = 1 - _MEETING_SHADE * np.exp(-((meeting / 0.09) ** 2))
    return relief


def _chroma(lips: float, skin: float, teeth: Grid, tongue: Grid) -> Grid:
    """Mix a chroma plane: reddish dark, redder tongue, nearly neutral teeth in the light that falls on the skin."""
    inside = NEUTRAL + (lips - NEUTRAL) * (0.45 + 0.45 * tongue)
    enamel = NEUTRAL + 0.50 * (skin - NEUTRAL)
    mixed: Grid = inside + teeth * (enamel - inside)
    return mixed
