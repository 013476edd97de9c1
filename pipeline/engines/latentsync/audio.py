"""What the network hears of each frame: ten steps of Whisper's states around it. Plain functions over arrays."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.neural.sound import STEPS_HZ

WINDOW_STEPS: Final = 10
BEFORE_STEPS: Final = 4
"""So many of them lie before the frame's own."""
OFFICIAL_FPS: Final = 25


def centres(frames: Sequence[int], fps: Fraction) -> NDArray[np.int64]:
    """Tell the step at which each frame of a Clip is, at its exact rate."""
    step = Fraction(STEPS_HZ) / fps
    return np.array([math.floor(frame * step) for frame in frames], np.int64)


def official_frames(steps: int) -> int:
    """Tell how many frames the official code makes of so many steps: two more than the sound has."""
    return steps // 2 + 2


def tokens_of(states: NDArray[Any], around: NDArray[np.int64]) -> NDArray[np.float32]:
    """Gather what some frames hear; before the start and behind the end of a recording its edge goes on.

    Args:
        states: (steps, layers, width) of the whole recording; may be mapped from a file.
        around: (n,) the step of each frame.

    Returns:
        (n, 10 * layers, width): step after step, within each all layers.
    """
    steps, layers, width = states.shape
    wanted = around[:, None] + np.arange(WINDOW_STEPS) - BEFORE_STEPS
    heard = states[np.clip(wanted, 0, steps - 1)]
    return np.asarray(heard, np.float32).reshape(len(around), WINDOW_STEPS * layers, width)
