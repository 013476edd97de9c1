"""What the network hears of each frame: ten steps of Whisper's states around it, in the order and with the places it learned.

Plain functions over arrays; nothing here loads PyTorch.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.neural.sound import STEPS_HZ

WINDOW_STEPS: Final = 10
"""Steps that one frame hears: a fifth of a second."""
BEFORE_STEPS: Final = 4
"""So many of them lie before the frame, at 25 frames a second, where the network learned."""
_CONTEXT_FRAMES: Final = 2
"""The official code's context to each side, from which the other two follow."""


def window_starts(frames: Sequence[int], fps: Fraction) -> NDArray[np.int64]:
    """Tell the first step that each frame of a Clip hears; steps before 0 and behind the end are silence.

    The rate is taken exactly (29.97 frames a second would be 3 % off after a minute if it were 29), and what lies before the
    frame is the same time at every rate.
    """
    step = Fraction(STEPS_HZ) / fps
    return np.array([math.floor(frame * step) - BEFORE_STEPS for frame in frames], np.int64)


def official_window_starts(frames: int, fps: Fraction) -> NDArray[np.int64]:
    """Tell the same as the official code has it: a whole rate, and padding by whole frames of it.

    Args:
        frames: How many (``official_frames``).
        fps: Truncated here.
    """
    step = Fraction(STEPS_HZ, int(fps))
    before = math.ceil(step) * _CONTEXT_FRAMES
    return np.array([math.floor(frame * step) - before for frame in range(frames)], np.int64)


def official_frames(samples: int, fps: Fraction) -> int:
    """Tell how many frames the official code makes of a recording of 16 kHz."""
    return samples * int(fps) // 16_000


def tokens_of(states: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Gather what some frames hear.

    Args:
        states: (steps, layers, width) of the whole recording; may be mapped from a file.
        starts: (n,) the first step of each frame.

    Returns:
        (n, 10 * layers, width): step after step, within each all layers, with the sinusoid of their places added.
    """
    steps, layers, width = states.shape
    wanted = starts[:, None] + np.arange(WINDOW_STEPS)
    inside = (wanted >= 0) & (wanted < steps)
    windows = np.zeros((*wanted.shape, layers, width), np.float32)
    windows[inside] = states[wanted[inside]]
    tokens = windows.reshape(len(starts), WINDOW_STEPS * layers, width)
    heard: NDArray[np.float32] = tokens + sinusoid(WINDOW_STEPS * layers, width)
    return heard


def sinusoid(places: int, width: int) -> NDArray[np.float32]:
    """Give the fixed positions of Vaswani et al. (2017), (places, width): sines in even columns, cosines in odd ones."""
    place = np.arange(places, dtype=np.float64)[:, None]
    rate = np.exp(np.arange(0, width, 2, dtype=np.float64) * (-math.log(10_000.0) / width))
    table = np.zeros((places, width), np.float32)
    table[:, 0::2] = np.sin(place * rate)
    table[:, 1::2] = np.cos(place * rate)[:, : width // 2]
    return table
