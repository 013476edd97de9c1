"""Tells people once that their videos take longer, when what Chorus remembers by was away for a while.

While it is away nothing can be said: whom to tell, what was told and how fast we may speak stands there. Afterwards whoever
waits for an order that runs is told, once for each, by whichever front end comes first. Should it have come back empty, that
is when the orders are back from the store; until then it is as good as away.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from bot.desk import Desk
from bot.outages import GaveUp, insist
from bot.ports import ChatUnreachable, MemoryUnavailable
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import BatchState

_LOG = logging.getLogger(__name__)

_LOOK_S: Final = 2.0
_LONG_S: Final = 10.0
"""What is shorter nobody notices: a server that is started again takes a second or two."""
_ONCE_S: Final = 7 * 86_400
_PULSE_S: Final = 60
_GIVE_UP_S: Final = 120.0
"""By then the order may long be done."""
_RUNNING: Final = frozenset(
    {BatchState.QUEUED, BatchState.PREPARING, BatchState.RENDERING, BatchState.PACKING}
)


class Delays:
    """Watches for one mailbox whether things can be remembered."""

    def __init__(
        self,
        desk: Desk,
        holder: str,
        long_s: float = _LONG_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is watched yet.

        Args:
            desk: Of the mailbox.
            holder: Names this front end.
            long_s: An outage that is worth a word.
            clock: What an outage is measured by, in seconds.
        """
        self._desk = desk
        self._holder = holder
        self._long_s = long_s
        self._clock = clock

    async def run(self) -> None:
        """Watch until cancelled."""
        clock = self._clock
        good_s = clock()
        known = False  # whether there was anything to lose
        while True:
            await asyncio.sleep(min(_LOOK_S, self._long_s / 4))
            if not await self._remembers():
                known = True
                continue
            if await self._is_blank():
                good_s = good_s if known else clock()
                continue
            known = True
            away_s, good_s = clock() - good_s, clock()
            if away_s > self._long_s:
                _LOG.info("Redis was away for %.0f s; whoever waits is told", away_s)
                await self._tell_all()

    async def _remembers(self) -> bool:
        try:
            # Written, not read: a memory that is full still answers questions.
            await self._desk.memory.keep("pulse", self._holder, value="1", ttl_s=_PULSE_S)
        except MemoryUnavailable:
            return False
        return True

    async def _is_blank(self) -> bool:
        try:
            return await self._desk.ledger.is_blank()
        except LedgerUnavailable:
            return True

    async def _tell_all(self) -> None:
        """Each by itself: a chat that is slow or refuses holds up no other."""
        waiting: list[str] = []

        async def look() -> None:
            mailbox = self._desk.adapter.mailbox
            waiting[:] = await self._desk.ledger.active_batches(mailbox)

        await self._insist(look)
        async with asyncio.TaskGroup() as tasks:
            for batch_id in waiting:
                tasks.create_task(self._insist(partial(self._tell, batch_id)))

    async def _insist(self, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            await insist(attempt, "telling of a delay", _GIVE_UP_S)
        except GaveUp as error:
            _LOG.warning("somebody was not told of a delay: %r", error.__cause__)
        except Exception:  # noqa: BLE001 - the top of a loop: one chat must not end the front end
            _LOG.exception("somebody cannot be told of a delay")

    async def _tell(self, batch_id: str) -> None:
        batch = await self._desk.ledger.batch(batch_id)
        if batch is None or batch.state not in _RUNNING or batch.cancelled:
            return
        desk, order = self._desk, batch.order
        if not await desk.memory.lead(f"delayed:{batch.id}", self._holder, _ONCE_S):
            return  # another front end has said it
        if await desk.memory.load("delayed", batch.id) is not None:
            return
        language = await desk.language_of(order.chat, order.person)
        text = desk.texts.say(language, "delayed", code=batch.code)
        try:
            await desk.post(order.chat, text, key=f"delayed:{batch.id}", reply_to=order.reply_to)
        except ChatUnreachable as gone:
            _LOG.info("nobody can be told of a delay: %s", gone)
        await desk.memory.keep("delayed", batch.id, value="1", ttl_s=_ONCE_S)
