"""How a Clip is cut into stretches of sixteen frames: each begins within the one before, so that one passes into the other."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STRETCH_FRAMES: Final = 16
"""What the network learned to see at once."""
OVERLAP_FRAMES: Final = 3
"""Frames that two stretches share: enough to pass over a seam, and a fifth more work."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames of a Clip that are made together, and those of them that are taken."""

    first: int
    """Of the sixteen; in a shorter Clip its last frame goes on until there are as many."""
    begin: int
    end: int
    """Taken are the frames from ``begin`` up to and without ``end``."""


def stretches_of(frames: int) -> list[Stretch]:
    """Cut a Clip; together the stretches take each frame exactly once, in order, and all are of sixteen frames."""
    stride = STRETCH_FRAMES - OVERLAP_FRAMES
    begins = list(range(0, max(frames - OVERLAP_FRAMES, 1), stride))
    latest = max(frames - STRETCH_FRAMES, 0)
    ends = [*begins[1:], frames]
    return [
        Stretch(min(begin, latest), begin, end) for begin, end in zip(begins, ends, strict=True)
    ]


def shares_of(overlap: int) -> NDArray[np.float32]:
    """Give how much of the later stretch is in each frame of an overlap, rising evenly."""
    return np.asarray(np.arange(1, overlap + 1) / (overlap + 1), np.float32)
