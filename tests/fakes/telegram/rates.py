"""How fast a bot may speak: what Telegram tolerates of one chat, one group and the whole bot."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Clock = Callable[[], float]
_EVERYWHERE: Final = 0
_IN_FLIGHT_S: Final = 0.1
"""Who asked before the first refusal could be read may be refused, too, without having known better."""


class DrivenClock:
    """A clock that only the test moves, in seconds."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


@dataclass(frozen=True)
class Rates:
    """How much passes; the defaults are Telegram's."""

    chat_every_s: float = 1.0
    chat_burst: int = 5
    """So many at once in one chat, when it was quiet before."""
    group: int = 20
    group_window_s: float = 60.0
    overall: int = 30
    overall_window_s: float = 1.0

    def faster(self, times: float) -> "Rates":
        """The same in a world where time runs faster."""
        return Rates(
            chat_every_s=self.chat_every_s / times,
            chat_burst=self.chat_burst,
            group=self.group,
            group_window_s=self.group_window_s / times,
            overall=self.overall,
            overall_window_s=self.overall_window_s / times,
        )


class Meter:
    """Counts what the bot sends."""

    def __init__(self, rates: Rates, clock: Clock = time.monotonic) -> None:
        self.rates = rates
        self.clock = clock
        self.most_in_group = 0
        """The most that ever went to one group within its window."""
        self._sent: dict[int, deque[float]] = {}
        self._credit: dict[int, tuple[float, float]] = {}
        self._floods: dict[int, float] = {}
        self._flooded_s = 0.0

    def flood(self, room: int | None, seconds: float) -> None:
        """From now on a room, or everything, is refused for so many seconds."""
        self._floods[room or _EVERYWHERE] = self.clock() + seconds
        self._flooded_s = self.clock()

    def flooded_s(self, room: int) -> float:
        """How long the bot still has to keep quiet there."""
        until = max(self._floods.get(room, 0.0), self._floods.get(_EVERYWHERE, 0.0))
        return max(until - self.clock(), 0.0)

    def knows(self) -> bool:
        """Whether the bot must have read the last refusal."""
        return self.clock() - self._flooded_s > _IN_FLIGHT_S

    def charge(self, room: int, *, group: bool) -> tuple[float, str]:
        """Count one message; (seconds to wait, which limit) if it was one too many, (0.0, "") else."""
        rates = self.rates
        waits = [
            (self._window(_EVERYWHERE, rates.overall, rates.overall_window_s), "30 a second"),
            (self._burst(room), "1 a second in a chat"),
        ]
        if group:
            wait_s = self._window(room, rates.group, rates.group_window_s)
            self.most_in_group = max(self.most_in_group, len(self._sent[room]))
            waits.append((wait_s, "20 a minute in a group"))
        return max(waits) if max(waits)[0] else (0.0, "")

    def _window(self, name: int, limit: int, window_s: float) -> float:
        now_s, sent = self.clock(), self._sent.setdefault(name, deque())
        while sent and sent[0] <= now_s - window_s:
            sent.popleft()
        if len(sent) >= limit:
            return sent[0] + window_s - now_s
        sent.append(now_s)
        return 0.0

    def _burst(self, room: int) -> float:
        now_s, rates = self.clock(), self.rates
        credit, last_s = self._credit.get(room, (float(rates.chat_burst), now_s))
        credit = min(credit + (now_s - last_s) / rates.chat_every_s, float(rates.chat_burst))
        if credit < 1.0:
            self._credit[room] = (credit, now_s)
            return (1.0 - credit) * rates.chat_every_s
        self._credit[room] = (credit - 1.0, now_s)
        return 0.0
