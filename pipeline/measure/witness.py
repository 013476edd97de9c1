"""An engine that is watched: what it is given is kept for a few frames, so that the Template is not read again."""

from collections.abc import Collection, Iterator, Sequence

from pipeline.engines.port import Patch, Prepared, Renders, Speech, Window
from pipeline.faces.planes import split
from pipeline.types import Pixels, Planes


class Witness:
    """An engine that does what another one does, and keeps the luma of some frames as they were before."""

    def __init__(self, engine: Renders, frames: Collection[int]) -> None:
        """``frames`` are positions in the one Clip that is rendered with it."""
        self.before: dict[int, Pixels] = {}
        """(H, W) luma by position."""
        self._engine = engine
        self._frames = frozenset(frames)

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        """As the engine does."""
        return self._engine.windows(prepared, speech, sources)

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[Patch]]:
        """As the engine does."""
        return self._engine.generate(windows)

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        """As the engine does, behind a look at the frame it is given."""
        if patch.frame in self._frames:
            self.before[patch.frame] = split(planes)[0].copy()
        return self._engine.compose(planes, patch)
