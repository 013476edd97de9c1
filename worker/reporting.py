"""How far work is, told the ledger while it goes on: the first and the latest, now and then."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from worker.contract.ports import LedgerUnavailable

Note = Callable[[int, int], None]
"""(done, total)."""


class _Reports:
    def __init__(self, tell: Callable[[int, int], Awaitable[object]], every_s: float) -> None:
        self._tell = tell
        self._every_s = every_s
        self._latest = (0, 0)
        self._news = asyncio.Event()
        self.over = False
        """Set before it is cancelled: what a report awaits may swallow that, and the work would wait for ever."""

    def note(self, done: int, total: int) -> None:
        self._latest = (done, total)
        self._news.set()

    async def run(self) -> None:
        while not self.over:
            await self._news.wait()
            self._news.clear()
            with contextlib.suppress(LedgerUnavailable):
                await self._tell(*self._latest)
            await asyncio.sleep(self._every_s)


@contextlib.asynccontextmanager
async def reported(
    tell: Callable[[int, int], Awaitable[object]], every_s: float
) -> AsyncIterator[Note]:
    """Until the block is left, tell the latest of what is noted; a report that Redis does not take is dropped.

    Args:
        tell: Tells (done, total).
        every_s: So long is waited between two reports, seconds.
    """
    reports = _Reports(tell, every_s)
    running = asyncio.create_task(reports.run())
    try:
        yield reports.note
    finally:
        reports.over = True
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
