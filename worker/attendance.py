"""Whether this worker can render now: it takes Clips only while its engine is there, and keeps none from workers that have theirs."""

import asyncio
import contextlib
from typing import Final

from worker.contract.ports import LedgerUnavailable
from worker.desk import Desk
from worker.engine_link import EngineLink
from worker.ticket_office import TicketOffice

_AWAY_S: Final = 4.0
"""An engine that crashed is back before, unless it reads gigabytes."""
_LOOK_S: Final = 1.0


class Attendance:
    """Of one foreman's engine."""

    def __init__(
        self, link: EngineLink, desk: Desk, worker: str, seats: int, office: TicketOffice
    ) -> None:
        """Nothing is taken yet.

        Args:
            link: To the engine.
            desk: Knows of other workers.
            worker: The foreman's name.
            seats: Clips it renders at a time.
            office: Takes the tickets of Clips.
        """
        self._link = link
        self._desk = desk
        self._worker: Final = worker
        self._seats: Final = seats
        self._office = office
        self._office.pause(paused=True)
        self._away = False

    @property
    def seats(self) -> int:
        """Clips rendered at a time, by an engine that is there or about to be."""
        return 0 if self._away else self._seats

    @property
    def trouble(self) -> str:
        """Why there has been no engine for a while; empty while all is well."""
        return (self._link.trouble or "it is starting") if self._away else ""

    async def keep(self) -> None:
        """Have tickets taken while the engine is there, until cancelled."""
        while True:
            await self._until_ready()
            self._office.pause(paused=False)
            await self._link.lost.wait()
            self._office.pause(paused=True)

    async def _until_ready(self) -> None:
        """Wait for the engine; what waits for it for long is handed back, if there is another worker that renders."""
        if await self._is_ready_in(_AWAY_S):
            return
        self._away = True
        try:
            while not await self._is_ready_in(_LOOK_S):
                with contextlib.suppress(LedgerUnavailable):
                    if await self._desk.seats_elsewhere(self._worker):
                        self._link.hand_over()
        finally:
            self._away = False

    async def _is_ready_in(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._link.ready.wait()
        return self._link.ready.is_set()
