"""What LatentSync has to know of a Template: where its face lies, and its latents, once, kept in its folder and mapped from there."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.latentsync.faces import spots_of, square_matrix
from pipeline.engines.latentsync.models import Models
from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.keeping import Kept
from pipeline.engines.neural.seeing import Eye
from pipeline.engines.port import Performance, Prepared
from pipeline.types import Progress

_LATENTS: Final = "latents"


@dataclass(frozen=True)
class LatentSyncPrepared(Prepared):
    """A Performance with what the networks know of its faces. One row per Template frame."""

    matrices: NDArray[np.float64]
    """(frames, 2, 3), from the network's square to the frame; NaN without a face."""
    latents: NDArray[np.float16]
    """(frames, 8, h, w), mapped from a file; zeros where the face is not changed."""

    @property
    def changed(self) -> NDArray[np.bool_]:
        """(frames,): whether the face is changed."""
        shown = np.isfinite(self.matrices).all(axis=(1, 2))
        return np.asarray((self.performance.track.presence > 0) & shown, np.bool_)


class Preparation:
    """Prepares Templates, or takes back what was kept of them."""

    def __init__(self, models: Models, see: FixedCall[Tensor]) -> None:
        """``see`` is ``models.see``."""
        size_px = models.size_px
        self._eye = Eye(see, models.place, size_px)
        mask = hashlib.sha256(models.mask.tobytes()).hexdigest()[:8]
        side = size_px // 8
        rows = {_LATENTS: ((8, side, side), np.float16)}
        self._kept = Kept(f"latentsync-{size_px}", f"{models.mark}-{mask}", rows)

    def prepare(
        self, performance: Performance, progress: Progress, features: Path | None
    ) -> LatentSyncPrepared:
        """Look at every frame whose face may be changed, unless somebody did before.

        Args:
            performance: The Template.
            progress: Called with stage ``"load"`` after every few frames; may raise ``Stopped``.
            features: The Template's folder, or None to keep nothing.
        """
        frames = performance.facts.frames
        kept = None if features is None else self._kept.recall(features, frames)
        if kept is not None:
            small, large = kept
            return LatentSyncPrepared(performance, small["matrices"], large[_LATENTS])
        matrices = _matrices(performance, self._eye.size_px)
        bare = LatentSyncPrepared(performance, matrices, np.zeros(0, np.float16))
        wanted = np.flatnonzero(bare.changed)
        with self._kept.draft(features, frames, {"matrices": matrices}) as made:
            looked = self._eye.look(performance, wanted, lambda at: matrices[at], progress)
            for seen in looked:
                made[_LATENTS][seen.frames] = seen.latents
        return LatentSyncPrepared(performance, matrices, made[_LATENTS])


def _matrices(performance: Performance, size_px: int) -> NDArray[Any]:
    spots = spots_of(performance.track)
    matrices = np.full((len(spots), 2, 3), np.nan)
    for frame in np.flatnonzero(np.isfinite(spots).all(axis=(1, 2))):
        matrices[frame] = square_matrix(spots[frame], size_px)
    return matrices
