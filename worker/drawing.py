"""Drawing work, so that nothing drawn is left lying: neither when the foreman drains, nor when it is stopped in between.

A draw is done when Redis did it, not when we hear of it: whoever stops listening in between would hold a lease without
knowing, and the item would wait until that lapses.
"""

import asyncio
import logging
from contextvars import Context
from typing import Final

from worker.contract.ports import LedgerUnavailable
from worker.desk import Desk, Lease, NothingForUs
from worker.guard import Guard
from worker.holdings import Held, Holdings
from worker.ledger_scripts import Queue

log = logging.getLogger(__name__)

_OTHERS_S: Final = 0.25
"""Until it is looked again when only others' work waits: the ticket lies there for them meanwhile."""


class Draws:
    """What one foreman draws."""

    def __init__(self, desk: Desk, holdings: Holdings, guard: Guard, worker: str) -> None:
        """Nothing is drawn yet.

        Args:
            desk: Where.
            holdings: Keeps what is drawn; it waits for what is being drawn too.
            guard: Hands back what came too late.
            worker: The foreman's name.
        """
        self._desk = desk
        self._holdings = holdings
        self._guard = guard
        self._worker: Final = worker
        self._open = True
        self._asked: set[asyncio.Task[Lease | None]] = set()
        """Draws whose answer nobody has taken yet."""

    def close(self) -> None:
        """Draw no more; what is being drawn goes back at once."""
        self._open = False

    async def draw(self, queue: Queue, ticket: str, context: Context) -> Held | None:
        """Draw an item; None if there is none, or we are to end.

        Args:
            queue: Of what kind.
            ticket: arq's job id.
            context: The caller's own, which the desk writes into for the log.
        """
        if not self._open:
            return None
        pause_s = 0.0
        async with self._holdings.drawing():
            try:
                lease = await self._ask(queue, ticket, context)
            except NothingForUs:
                lease, pause_s = None, _OTHERS_S
            if lease is not None:
                held = self._holdings.take(lease)
                if self._open:
                    return held
                log.info("%s was drawn too late and is handed back", lease.item)
                await self._guard.let_go(held)
                await self._holdings.drop(held)
        await asyncio.sleep(pause_s)
        return None

    async def _ask(self, queue: Queue, ticket: str, context: Context) -> Lease | None:
        """If we are cancelled meanwhile, the answer is waited for by the last words. Raises NothingForUs."""
        drawing = asyncio.create_task(self._desk.draw(queue, self._worker, ticket), context=context)
        self._asked.add(drawing)
        try:
            lease = await asyncio.shield(drawing)
        except LedgerUnavailable as error:
            log.info("nothing was drawn: %s", error)
            lease = None
        except NothingForUs:
            self._asked.discard(drawing)
            raise
        self._asked.discard(drawing)
        return lease

    async def hand_back(self) -> None:
        """Hand back what was drawn while we were stopped. Raises LedgerUnavailable."""
        for answer in await asyncio.gather(*self._asked, return_exceptions=True):
            if isinstance(answer, Lease):
                await self._desk.give_back(answer)
