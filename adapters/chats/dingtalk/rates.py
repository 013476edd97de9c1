"""How fast we may speak, counted in the Memory for all front ends together.

DingTalk's figures: 20 messages a minute to a group, then silence for ten; 20 requests a second to one API. We stay below, so
the ten minutes never come; should they come all the same, nobody tries before they are over.
"""

import time
from dataclasses import dataclass

from adapters.chats.budgets import take
from bot.ports import Memory, Throttled


@dataclass(frozen=True)
class Rates:
    """What we allow ourselves: a little less than DingTalk does, because clocks and networks differ."""

    minute: int = 18
    minute_s: float = 81.0
    """A minute, and as long as a request may be on its way: however late some of them arrive, never are there too many."""
    second: int = 16
    second_s: float = 1.05
    cards: int = 8
    """Of the requests of a second, so many may change cards: what is new always finds room."""
    patience_s: float = 3.5
    """Up to here we wait ourselves."""
    revise_every_s: float = 6.0
    """One card is changed no more often than that: some editions count requests by the month."""


class SharedRates:
    """Asked before each message."""

    def __init__(self, memory: Memory, mailbox: str, rates: Rates, blocked_s: float) -> None:
        self._memory = memory
        self._mailbox = mailbox
        self._rates = rates
        self._blocked_s = blocked_s

    async def room(self, chat: str) -> None:
        """Wait until this group, person or group robot takes another message. Raises Throttled, MemoryUnavailable."""
        if (until := await self._memory.load("blocked", self._mailbox, chat)) is not None:
            raise Throttled(max(float(until) - time.time(), 1.0))
        await self._take(f"minute:{chat}", self._rates.minute, self._rates.minute_s)

    async def blocked(self, chat: str) -> Throttled:
        """We were too fast all the same: nobody tries before that is over."""
        name, until = ("blocked", self._mailbox, chat), str(time.time() + self._blocked_s)
        await self._memory.keep(*name, value=until, ttl_s=max(int(self._blocked_s), 1))
        return Throttled(self._blocked_s)

    async def room_for_request(self, api: str) -> None:
        """Wait until one API takes another request."""
        limit = self._rates.cards if api == "revise" else self._rates.second
        await self._take(f"second:{api}", limit, self._rates.second_s)

    async def _take(self, budget: str, limit: int, window_s: float) -> None:
        named = f"{self._mailbox}:{budget}"
        await take(self._memory, named, limit, window_s, self._rates.patience_s)
