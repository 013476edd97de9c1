"""Glimpses: every frame of a video as a few grey spots, enough to tell how much moves and which frames look alike."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Planes

WIDTH, HEIGHT = 32, 18
_STEP: Final = 4
"""Rounded four times as finely first: a breath moves a spot by less than one level of grey."""

Glimpses = NDArray[np.float16]
"""(frames, HEIGHT, WIDTH), 0.0-255.0; half precision tells an eighth of a level apart where it is brightest."""


def glimpse(planes: Planes) -> Glimpses:
    """Look at one frame (I420): (HEIGHT, WIDTH)."""
    luma = planes[: planes.shape[0] * 2 // 3]
    small = cv2.resize(luma, (WIDTH * _STEP, HEIGHT * _STEP), None, 0, 0, cv2.INTER_AREA)
    spots = small.reshape(HEIGHT, _STEP, WIDTH, _STEP).mean(axis=(1, 3))
    return np.asarray(spots, np.float16)


def distances(glimpses: Glimpses, others: Glimpses) -> NDArray[np.float32]:
    """Compare each with each.

    Args:
        glimpses: (a, HEIGHT, WIDTH).
        others: (b, HEIGHT, WIDTH).

    Returns:
        (a, b) root of the mean square difference, in levels of grey.
    """
    ours, theirs = (many.reshape(len(many), -1).astype(np.float64) for many in (glimpses, others))
    square = (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * ours @ theirs.T
    return np.asarray(np.sqrt(np.maximum(square, 0) / (WIDTH * HEIGHT)), np.float32)


def motion(glimpses: Glimpses) -> NDArray[np.float32]:
    """Tell how much each frame differs from the one before: (frames,), root mean square, the first one 0.0."""
    spots = glimpses.astype(np.float32)
    step = np.sqrt(np.square(np.diff(spots, axis=0, prepend=spots[:1])).mean(axis=(1, 2)))
    return np.asarray(step, np.float32)
