"""Looking at a Template: faces cut out of its frames, and turned into latents some at a time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.neural.calling import FixedCall, finite
from pipeline.engines.neural.pasting import Matrix, cut_out
from pipeline.engines.neural.place import Place
from pipeline.engines.port import Performance
from pipeline.media import read_source_order
from pipeline.types import Pixels, Planes, Progress


@dataclass(frozen=True)
class Seen:
    """Some frames of a Template."""

    frames: Sequence[int]
    pictures: Sequence[Planes]
    latents: NDArray[np.float16]
    """(frames, channels, h, w)."""


_Cut = tuple[list[int], list[Planes], list[Pixels]]
"""Some frames: positions, pictures and faces."""


@dataclass(frozen=True)
class Eye:
    """What turns faces into latents."""

    see: FixedCall[Tensor]
    """Faces (n, size, size, 3) of 8 bits to latents."""
    place: Place
    size_px: int

    def look(
        self,
        performance: Performance,
        wanted: NDArray[Any],
        matrix_of: Callable[[int], Matrix],
        progress: Progress,
    ) -> Iterator[Seen]:
        """Look at the wanted frames, in order.

        Args:
            performance: The Template.
            wanted: (n,) positions of frames, rising.
            matrix_of: Leads from the square of a frame to the frame.
            progress: Called with stage ``"load"`` after every few frames; may raise ``Stopped``.
        """
        facts = performance.facts
        frames = read_source_order(performance.video, facts, iter(wanted.tolist()))
        looked = zip(wanted.tolist(), frames, strict=True)

        def cut() -> _Cut:
            some = list(islice(looked, self.see.rows))
            faces = [cut_out(planes, facts, matrix_of(at), self.size_px) for at, planes in some]
            return [at for at, _ in some], [planes for _, planes in some], faces

        done = 0
        progress("load", 0, len(wanted))
        with ThreadPoolExecutor(1, thread_name_prefix="cut") as thread:
            coming = thread.submit(cut)
            while (some := coming.result())[0]:
                coming = thread.submit(cut)  # while these are seen
                at, pictures, faces = some
                yield Seen(at, pictures, self._latents(torch.from_numpy(np.stack(faces))))
                done += len(at)
                progress("load", done, len(wanted))

    def _latents(self, faces: Tensor) -> NDArray[np.float16]:
        def seen() -> NDArray[np.float16]:
            parts = self.see.run(faces)
            return np.concatenate([part.cpu().to(torch.float16).numpy() for part in parts])

        return finite(seen, lambda latents: bool(np.isfinite(latents).all()), self.place)
