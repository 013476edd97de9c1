"""How a face is brought upright and to one size: brows and nose come to fixed places of the network's square.

The network learned from the means of landmarks of both brows and of the nose. Which of the mesh's points stand for them was measured
on real faces (off by 0.014 of the face's width at most).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.neural.pasting import Matrix, box_matrix
from pipeline.engines.neural.steadying import steadied
from pipeline.types import Track

Spots = NDArray[np.float64]
"""(3, 2): left brow, right brow, nose, in pixels."""

_LEFT_BROW: Final = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
_RIGHT_BROW: Final = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
_NOSE: Final = (168, 197, 5, 4, 75, 97, 2, 326, 305)
_ALIGNED: Final = (75, 100)
"""Width and height of the upright picture, in units of which brows and nose have these places:"""
_PLACES: Final = ((17.0, 20.0), (58.0, 20.0), (37.5, 40.0))
_UNIT: Final = 2.8 / 256
"""Of such a unit, in sides of the network's square."""


def aligned_size(size_px: int) -> tuple[int, int]:
    """Give width and height of the upright picture that becomes a square of ``size_px``."""
    across, down = (round(side * _UNIT * size_px) for side in _ALIGNED)
    return across, down


def places(size_px: int) -> Spots:
    """Give where brows and nose are wanted in the upright picture."""
    return np.array(_PLACES) * (_UNIT * size_px)


def spots_of(track: Track) -> NDArray[np.float64]:
    """Give brows and nose of every frame, (frames, 3, 2), steadied over time; NaN without a face."""
    means = [
        track.landmarks[:, list(some)].mean(axis=1) for some in (_LEFT_BROW, _RIGHT_BROW, _NOSE)
    ]
    bare = np.stack(means, axis=1)
    return np.asarray(steadied(bare.reshape(len(bare), 6)), np.float64).reshape(-1, 3, 2)


def fitted(spots: NDArray[Any], wanted: Spots) -> Matrix:
    """Lead from a frame to the upright picture: the turn, the size and the shift that fit best; nothing is mirrored."""
    centre, target = spots.mean(axis=0), wanted.mean(axis=0)
    own, other = spots - centre, wanted - target
    scale = other.std() / own.std()
    left, _, right = np.linalg.svd((own / own.std()).T @ (other / other.std()))
    turn = right.T @ left.T
    if np.linalg.det(turn) < 0:
        right[-1] *= -1
        turn = right.T @ left.T
    turned = scale * turn
    return np.hstack([turned, (target - turned @ centre)[:, None]])


def square_matrix(spots: NDArray[Any], size_px: int) -> Matrix:
    """Lead from the network's square to the frame."""
    whole = np.vstack([fitted(spots, places(size_px)), [0.0, 0.0, 1.0]])
    stretched = box_matrix(np.array([0, 0, *aligned_size(size_px)]), size_px)
    return np.asarray(np.linalg.inv(whole)[:2] @ np.vstack([stretched, [0.0, 0.0, 1.0]]))
