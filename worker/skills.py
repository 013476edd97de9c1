"""Which engines this worker says it can run: Clips of others it does not draw while a worker is alive that can."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from worker.desk import STARTING, Desk
from worker.engine_link import EngineLink

_LEFT_S: Final = 60.0
"""For so long an engine that could not run is left to others; then it is tried again."""


class Skills:
    """What one foreman says of its engines."""

    def __init__(self, desk: Desk, link: EngineLink, worker: str, seats: Callable[[], int]) -> None:
        """Nothing is said yet.

        Args:
            desk: Whom it is said to.
            link: Knows which engines the engine process can run.
            worker: The foreman's name.
            seats: Clips it renders at a time; none while its engine is away.
        """
        self._desk = desk
        self._link = link
        self._worker: Final = worker
        self._seats: Final = seats
        self._left: dict[str, float] = {}
        """By engine that is left to others: until when."""

    async def tell(self) -> Collection[str]:
        """Say it, and that the foreman lives; returns what all say that live. Raises LedgerUnavailable."""
        return await self._desk.beat(self._worker, self._seats(), self._named())

    async def leave_to_others(self, engine: str) -> bool:
        """Name an engine no more for a while; False, and nothing changes, if no other worker has it or may once it has started.

        Raises LedgerUnavailable.
        """
        self._left[engine] = time.monotonic() + _LEFT_S
        told = await self.tell()
        if engine in told or STARTING in told:
            return True
        del self._left[engine]
        return False

    def _named(self) -> Sequence[str]:
        # An engine that is away may be back: if it were named no more, others would fail its Clips as those of nobody.
        if not self._link.started.is_set() or not self._seats():
            return (STARTING,)
        now_s = time.monotonic()
        return tuple(each for each in self._link.engines if self._left.get(each, 0.0) <= now_s)
