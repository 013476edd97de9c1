"""Which part of a frame the network is shown: from the ears to below the chin, the middle of the nose at half of the height.

The network learned from boxes around 68 landmarks; which of the mesh's points stand for them was measured on real faces
(mean overlap 0.93). A box is (left, top, right, bottom), in pixels.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.neural.steadying import steadied
from pipeline.faces.geometry import CHIN, JAW
from pipeline.types import Track

Boxes = NDArray[np.float32]
"""(frames, 4), NaN without a face."""

_NOSE: Final = (195, 5)
"""The bridge's third point lies between them."""
_BELOW: Final = 0.0125
"""The mesh's chin ends so far above the landmarks', in widths of the box."""
_MARGIN_PX: Final = 10.0
"""What version 1.5 adds below the chin, whatever the size of the face."""


def boxes_of(track: Track, height_px: int) -> Boxes:
    """Give the box of each frame, steadied over time; not rounded, so that it does not step from pixel to pixel."""
    jaw = track.landmarks[:, list(JAW)]
    left, right = jaw[:, :, 0].min(axis=1), jaw[:, :, 0].max(axis=1)
    bottom = track.landmarks[:, CHIN, 1] + _BELOW * (right - left)
    middle = track.landmarks[:, list(_NOSE), 1].mean(axis=1)
    bare = np.stack([left, 2 * middle - bottom, right, bottom], axis=1)
    return with_margin(steadied(bare), height_px)


def with_margin(bare: NDArray[Any], height_px: int) -> Boxes:
    """Cut boxes at the top of the frame, and let them reach a little below the chin, to the frame's end at most."""
    boxes = np.array(bare, np.float32)
    boxes[:, 1] = np.maximum(boxes[:, 1], 0)
    boxes[:, 3] = np.minimum(boxes[:, 3] + _MARGIN_PX, height_px)
    return boxes
