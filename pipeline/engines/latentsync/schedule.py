"""The steps of the diffusion: DDIM without chance, as LatentSync's scheduler configuration has it. Plain numbers; nothing here loads PyTorch."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

_TRAINED_STEPS: Final = 1000
_NOISE: Final = (0.00085, 0.012)
"""Variances of the first and the last step; their roots lie evenly between."""
_OFFSET: Final = 1


@dataclass(frozen=True)
class Step:
    """One step towards less noise; ``x`` becomes ``keep * x + add * noise``."""

    time: int
    """As the network is told it, 0 to 999."""
    keep: float
    add: float


def schedule(steps: int) -> tuple[Step, ...]:
    """Give the steps from noise to picture: leading spacing, the last one ends at the first trained step."""
    roots = np.linspace(
        math.sqrt(_NOISE[0]), math.sqrt(_NOISE[1]), _TRAINED_STEPS, dtype=np.float32
    )
    signal = np.cumprod(1 - roots**2, dtype=np.float32)
    stride = _TRAINED_STEPS // steps
    made = []
    for number in reversed(range(steps)):
        time = number * stride + _OFFSET
        now = float(signal[time])
        later = float(signal[max(time - stride, 0)])
        keep = math.sqrt(later / now)
        made.append(Step(time, keep, math.sqrt(1 - later) - keep * math.sqrt(1 - now)))
    return tuple(made)
