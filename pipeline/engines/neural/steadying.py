"""Smoothing over time, so that what is cut out and pasted does not tremble."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.cleaning import runs

_STEADY_FRAMES: Final = 1.2
"""Standard deviation of the smoothing in time."""


def steadied(values: NDArray[Any]) -> NDArray[Any]:
    """Smooth rows over time within each stretch without NaN, symmetrically, so that nothing lags.

    Args:
        values: (frames, n). Left untouched.
    """
    smooth = np.array(values, np.float64)
    reach = int(3 * _STEADY_FRAMES)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _STEADY_FRAMES) ** 2)
    for first, end in runs(~np.isnan(smooth[:, 0])):
        inside = slice(reach, reach + end - first)
        weight = np.convolve(np.ones(end - first), window)[inside]
        for column in range(smooth.shape[1]):
            smooth[first:end, column] = (
                np.convolve(values[first:end, column], window)[inside] / weight
            )
    return smooth
