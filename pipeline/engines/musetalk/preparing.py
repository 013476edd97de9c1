"""What MuseTalk has to know of a Template: boxes, latents and covers, once, kept in its folder and mapped from there."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.musetalk.boxes import Boxes, boxes_of
from pipeline.engines.musetalk.masks import (
    cover_from_classes,
    cover_from_mesh,
    crop_square,
    square_of,
)
from pipeline.engines.musetalk.models import Models
from pipeline.engines.musetalk.parser import parse
from pipeline.engines.musetalk.sizes import FACE_PX, PARSED_PX
from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.covers import COVER_PX
from pipeline.engines.neural.keeping import Kept
from pipeline.engines.neural.pasting import Matrix, box_matrix
from pipeline.engines.neural.seeing import Eye, Seen
from pipeline.engines.port import Performance, Prepared
from pipeline.faces.cleaning import runs
from pipeline.media import as_rgb
from pipeline.types import Pixels, Progress

_STEADY: Final = 0.25
"""Share that each neighbour in time has in a frame's cover: parsers flicker."""


@dataclass(frozen=True)
class MuseTalkPrepared(Prepared):
    """A Performance with what the networks know of its faces. One row per Template frame."""

    boxes: Boxes
    latents: NDArray[np.float16]
    """(frames, 8, 32, 32), 16 KB a frame, mapped from a file; zeros where the face is not changed."""
    covers: NDArray[np.uint8]
    """(frames, 128, 128), likewise."""


class Preparation:
    """Prepares Templates, or takes back what was kept of them."""

    def __init__(self, models: Models, see: FixedCall[Tensor], frames: int) -> None:
        """``see`` is ``models.see``; ``frames`` are the most that the parser is shown at once."""
        self._see = see
        self._parse = (
            None
            if models.parser is None
            else FixedCall(models.parser.classes, models.place, frames)
        )
        self._eye = Eye(see, models.place, FACE_PX)
        parsed = "mesh" if self._parse is None else "parser"
        side = FACE_PX // 8
        rows = {
            "latents": ((8, side, side), np.float16),
            "covers": ((COVER_PX, COVER_PX), np.uint8),
        }
        self._kept = Kept("musetalk", f"{models.mark}-{parsed}", rows)

    @property
    def notes(self) -> list[str]:
        """What an operator should know."""
        return [*self._see.notes, *(self._parse.notes if self._parse else ())]

    def warm(self, frames: int, *, shrinks: bool) -> None:
        """Run the parser, where there is one, on as many pictures as it will be shown."""
        if self._parse is not None:
            pictures = torch.zeros(frames, 3, PARSED_PX, PARSED_PX)
            self._parse.warm(pictures, shrinks=shrinks)

    def prepare(
        self, performance: Performance, progress: Progress, features: Path | None
    ) -> MuseTalkPrepared:
        """Look at every frame whose face may be changed, unless somebody did before.

        Args:
            performance: The Template.
            progress: Called with stage ``"load"`` after every few frames; may raise ``Stopped``.
            features: The Template's folder, or None to keep nothing.
        """
        facts, track = performance.facts, performance.track
        kept = None if features is None else self._kept.recall(features, facts.frames)
        if kept is not None:
            small, large = kept
            return MuseTalkPrepared(performance, small["boxes"], large["latents"], large["covers"])
        boxes = boxes_of(track, facts.height_px)
        wanted = np.flatnonzero((track.presence > 0) & np.isfinite(boxes).all(axis=1))
        with self._kept.draft(features, facts.frames, {"boxes": boxes}) as made:

            def matrix_of(frame: int) -> Matrix:
                return box_matrix(boxes[frame], FACE_PX)

            def put_covers(seen: Seen) -> None:
                covers = self._covers(performance, boxes, seen)
                for frame, cover in zip(seen.frames, covers, strict=True):
                    made["covers"][frame] = cover

            with ThreadPoolExecutor(1, thread_name_prefix="cover") as thread:
                covering: deque[Future[None]] = deque()
                for seen in self._eye.look(performance, wanted, matrix_of, progress):
                    made["latents"][seen.frames] = seen.latents
                    covering.append(thread.submit(put_covers, seen))  # while the next are seen
                    if len(covering) > 1:
                        covering.popleft().result()
                for last in covering:
                    last.result()
            _steady_covers(made["covers"], track.presence)
        return MuseTalkPrepared(performance, boxes, made["latents"], made["covers"])

    def _covers(self, performance: Performance, boxes: Boxes, seen: Seen) -> Iterator[Pixels]:
        landmarks = performance.track.landmarks
        if self._parse is None:
            for frame in seen.frames:
                yield cover_from_mesh(landmarks[frame], boxes[frame])
            return
        whole = [np.round(boxes[frame]).astype(np.int64) for frame in seen.frames]
        squares = [
            crop_square(as_rgb(planes, performance.facts), square_of(box))
            for planes, box in zip(seen.pictures, whole, strict=True)
        ]
        for classes, box in zip(parse(self._parse, squares), whole, strict=True):
            yield cover_from_classes(classes, box)


def _steady_covers(covers: NDArray[Any], presence: NDArray[np.float32]) -> None:
    """Give each cover a share of its neighbours in time, in place."""
    for first, end in runs(presence > 0):
        before = covers[first].astype(np.float32)
        for frame in range(first, end):
            own = covers[frame].astype(np.float32)
            after = covers[min(frame + 1, end - 1)].astype(np.float32)
            mixed = own + _STEADY * (before + after - 2 * own)
            covers[frame] = (mixed + 0.5).astype(np.uint8)
            before = own
