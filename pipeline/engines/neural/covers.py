"""Covers: how much of a generated square is taken, and where; soft at its edges."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Pixels

COVER_PX: Final = 128
"""Covers are kept at this size: they are smooth."""
_FEATHER: Final = 0.06
"""Width of the soft edge of a square, in its sides."""


def feathered(cover: NDArray[Any]) -> Pixels:
    """Let a cover, (128, 128), end softly at the edge of its square: beyond it nothing is generated, and one that reaches it would show it.

    The upper edge stays as it is: covers begin in the middle.
    """
    edge = _FEATHER * COVER_PX
    place = np.arange(COVER_PX) + 0.5
    beside = np.clip(np.minimum(place, COVER_PX - place) / edge, 0, 1)
    below = np.clip((COVER_PX - place) / edge, 0, 1)
    return np.asarray(cover * below[:, None] * beside[None, :] + 0.5, np.uint8)
