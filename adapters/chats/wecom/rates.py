"""How fast we may speak, counted in the Memory for all front ends together.

WeCom's figures: 30 messages a minute and 1000 an hour to one person or one conversation, 20 a minute for a group robot. What
an app sends beyond that is dropped without an error, so we stay below. A short wait is waited here, a longer one is the caller's.
"""

from dataclasses import dataclass

from adapters.chats.budgets import take
from bot.ports import Memory


@dataclass(frozen=True)
class Rates:
    """What we allow ourselves: a little less than WeCom does, because clocks and networks differ."""

    minute: int = 28
    minute_s: float = 61.0
    hour: int = 950
    hour_s: float = 3660.0
    robot: int = 19
    patience_s: float = 3.5
    """Up to here we wait ourselves."""

    def faster(self, times: float) -> "Rates":
        """The same in a world where time runs faster."""
        return Rates(
            minute=self.minute,
            minute_s=self.minute_s / times,
            hour=self.hour,
            hour_s=self.hour_s / times,
            robot=self.robot,
            patience_s=self.patience_s,
        )


class SharedRates:
    """Asked before each message."""

    def __init__(self, memory: Memory, mailbox: str, rates: Rates) -> None:
        self._memory = memory
        self._mailbox = mailbox
        self._rates = rates

    async def room(self, chat: str) -> None:
        """Wait until this chat takes another message. Raises Throttled, MemoryUnavailable."""
        rates = self._rates
        await self._take(f"minute:{chat}", rates.minute, rates.minute_s)
        await self._take(f"hour:{chat}", rates.hour, rates.hour_s)

    async def room_for_robot(self, robot: str) -> None:
        """Wait until this group robot takes another message."""
        await self._take(f"robot:{robot}", self._rates.robot, self._rates.minute_s)

    async def _take(self, budget: str, limit: int, window_s: float) -> None:
        named = f"{self._mailbox}:{budget}"
        await take(self._memory, named, limit, window_s, self._rates.patience_s)
