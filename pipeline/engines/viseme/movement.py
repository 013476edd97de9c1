"""From what the curve asks of a mouth to what its parts have to do, relative to the frame's own mouth."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.engines.viseme.mouth import Line, Mouth, Rest
from pipeline.types import FULL_OPENING, MouthShape

_SPREAD: Final = 0.10
"""Share by which the mouth widens at ``width`` 1.0 (a spread vowel; a broad smile would be twice that)."""
_NARROW: Final = 0.12
_ROUND: Final = 0.17
"""Share by which it narrows at ``rounding`` 1.0."""
_NARROW_OPEN: Final = 0.06
"""Share by which it narrows as the jaw falls, at ``opening`` 1.0."""
_PUCKER: Final = 0.22
"""Share by which rounded lips grow in height."""
_PRESS: Final = 0.22
"""Share of their height that pressed lips hide from view."""
_BITE: Final = 0.03
"""Gap at ``teeth`` 1.0, filled by the upper teeth on the lower lip."""
_BITE_RISE: Final = 0.35
"""Share of its height by which the upper lip uncovers the teeth for f and v."""
_STRETCH: Final = 0.16
"""Share of their height that lips lose when the mouth is fully open."""

_OPEN: Final = 0.06
"""A gap from which the frame's own mouth counts as open, so that its lips have to be brought back to rest."""


@dataclass(frozen=True)
class Movement:
    """What the parts of a mouth do, from the frame's own mouth to the one that is asked for.

    Lengths are shares of the eye distance; downwards is positive.
    """

    gap: float
    """The gap to reach at full strength."""
    change: float
    """How far the frame's own gap grows (or, negative, shrinks), strength included."""
    width: float
    """Factor on the mouth's width."""
    upper_lip: Line
    """Height the upper lip is to have, for ``SEAM_SAMPLES`` places from corner to corner."""
    lower_lip: Line
    lips: float
    """Factor on the height of both lips, contained in the two lines above."""
    seam: Line
    """Where the lips meet once they are closed, as ``Mouth.seam`` gives it."""
    opened: float
    """0.0-1.0: how far the frame's own mouth is open, so that its lips have no seam of their own."""
    rounding: float
    """0.0-1.0: how round the opening is."""
    bite: float
    """0.0-1.0: how far the lower lip lies at the upper teeth."""
    strength: float
    """0.0-1.0: how much of all this is shown."""

    @property
    def is_still(self) -> bool:
        """Whether nobody could see the difference, so that the frame may stay as it is."""
        return self.strength <= 0.0 or (
            abs(self.change) < _UNSEEN
            and abs(self.width - 1) < _UNSEEN
            and abs(self.lips - 1) < _UNSEEN
        )


_UNSEEN: Final = 0.004
"""A change below this share is below the mesh's own noise: half a pixel at 130 px of eye distance."""


def plan_movement(mouth: Mouth, shape: MouthShape, rest: Rest, strength: float) -> Movement:
    """Decide how a frame's mouth has to change.

    Args:
        mouth: The frame's own.
        shape: What the curve asks for.
        rest: The same face's mouth at rest: what the frame's own movement is brought back to.
        strength: The Track's presence: 0.0 leaves the frame's own mouth, 1.0 shows all that is asked.

    Returns:
        The Movement; at ``strength`` s every change is s times the one asked for.
    """
    free = 1.0 - shape.closure
    asked = max(FULL_OPENING * shape.opening * free, _BITE * shape.teeth * free)
    change = strength * (asked - mouth.gap)
    if asked <= 0.0 and mouth.gap < _UNSEEN:
        change = 0.0  # closed is closed: what the mesh measures below this is noise
    opened = min(max(mouth.gap / _OPEN, 0.0), 1.0)
    spread = _SPREAD if shape.width > 0 else _NARROW
    width = 1.0 + spread * shape.width - _ROUND * shape.rounding
    own_width = mouth.corners[1] - mouth.corners[0]
    width *= _back_to(own_width, rest.width, max(shape.speech, opened))
    width -= _NARROW_OPEN * shape.opening * free
    lips = 1.0 + _PUCKER * shape.rounding - _PRESS * shape.closure
    lips -= _STRETCH * min(shape.opening, 1.0) * free
    upper, lower = mouth.lips()
    share = np.float32(opened)
    upper = (upper + share * (rest.upper_lip - upper)) * (lips - _BITE_RISE * shape.teeth * free)
    lower = (lower + share * (rest.lower_lip - lower)) * lips
    seam = mouth.seam()
    return Movement(
        gap=asked,
        change=change,
        width=1.0 + strength * (min(max(width, 0.75), 1.3) - 1.0),
        upper_lip=upper,
        lower_lip=lower,
        lips=lips,
        seam=seam + np.float32(opened) * (rest.seam - seam),
        opened=opened,
        rounding=shape.rounding,
        bite=shape.teeth * free,
        strength=strength,
    )


def _back_to(own: float, rest: float, share: float) -> float:
    """Give the factor that brings a length that share of the way from its own value back to that at rest."""
    return 1.0 + share * (min(max(rest / max(own, 0.01), 0.7), 1.5) - 1.0)
