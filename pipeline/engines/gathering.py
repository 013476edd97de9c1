"""One device for several Clips: what their threads ask for at the same time goes through the engine in one call.

The device is one at a time anyway. Whoever gets hold of it takes along the Windows of all who wait, so that the
short last Window of one Clip is filled up with frames of another.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.engines.port import (
    LipSync,
    Patch,
    Performance,
    Prepared,
    Residents,
    Speech,
    Window,
    unwatched,
)
from pipeline.types import Planes, Progress

_MOST_WINDOWS: Final = 8
"""Windows of one call: whoever asks to stop waits for one call at most."""


class _Request:
    """What one thread asks for."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows
        self.patches: Sequence[Sequence[Patch]] | None = None
        self.error: Exception | None = None

    @property
    def is_answered(self) -> bool:
        return self.patches is not None or self.error is not None


class Gathering:
    """An engine that does what another one does, its device shared by several threads."""

    def __init__(self, engine: LipSync, windows: int = _MOST_WINDOWS) -> None:
        """``windows`` are the most of one call."""
        self.name = engine.name
        self._most = windows
        self._engine = engine
        self._device = threading.Lock()
        self._waiting: list[_Request] = []
        self._counting = threading.Lock()

    def prepare(
        self,
        performance: Performance,
        progress: Progress = unwatched,
        features: Path | None = None,
    ) -> Prepared:
        """As the engine does."""
        return self._engine.prepare(performance, progress, features)

    def residents(self) -> Residents:
        """As the engine does."""
        return self._engine.residents()

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        """As the engine does."""
        return self._engine.windows(prepared, speech, sources)

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[Patch]]:
        """As the engine does, together with what other threads wait for; an error is told to those alone whose Windows raise it."""
        mine = _Request(windows)
        with self._counting:
            self._waiting.append(mine)
        with self._device:
            if not mine.is_answered:
                self._run(self._take_along(mine))
        if mine.error is not None:
            raise mine.error
        assert mine.patches is not None  # noqa: S101 - answered
        return mine.patches

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        """As the engine does."""
        return self._engine.compose(planes, patch)

    def _take_along(self, mine: _Request) -> list[_Request]:
        with self._counting:
            self._waiting.remove(mine)
            taken, room = [mine], self._most - len(mine.windows)
            for other in list(self._waiting):
                room -= len(other.windows)
                if room < 0:
                    break
                self._waiting.remove(other)
                taken.append(other)
        return taken

    def _run(self, requests: list[_Request]) -> None:
        try:
            patches = iter(
                self._engine.generate(
                    [window for request in requests for window in request.windows]
                )
            )
            for request in requests:
                request.patches = [next(patches) for _ in request.windows]
        except Exception as error:  # noqa: BLE001 - handed to whoever it belongs to
            if len(requests) == 1:
                requests[0].error = error
                return
            for request in requests:  # which Clip is it that cannot be?
                request.patches = None
                self._run([request])
