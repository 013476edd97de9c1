"""How fast a bot may speak: what Telegram tolerates of one chat, one group and the whole bot."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

Clock = Callable[[], float]
_EVERYWHERE: Final = 0
_IN_FLIGHT_S: Final = 0.1
"""Of a client that is not watched: who asked before the refusal could be read may be refused, too."""


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


@dataclass
class Flood:
    """A time during which a room, or everything, is refused."""

    room: int
    began_s: float
    until_s: float
    refusals: list[int] = field(default_factory=list)
    """Which answers told of it."""


class Meter:
    """Counts what the bot sends."""

    def __init__(self, rates: Rates, clock: Clock = time.monotonic) -> None:
        self.rates = rates
        self.clock = clock
        self.most_in_group = 0
        """The most that ever went to one group within its window."""
        self._sent: dict[int, deque[float]] = {}
        self._credit: dict[int, tuple[float, float]] = {}
        self._floods: list[Flood] = []

    def flood(self, room: int | None, seconds: float) -> Flood:
        """From now on a room, or everything, is refused for so many seconds."""
        now_s = self.clock()
        self._floods = [flood for flood in self._floods if flood.until_s > now_s]
        self._floods.append(Flood(room or _EVERYWHERE, now_s, now_s + seconds))
        return self._floods[-1]

    def floods(self, room: int) -> list[Flood]:
        """Those because of which the bot has to keep quiet there."""
        now_s, places = self.clock(), {room, _EVERYWHERE}
        return [flood for flood in self._floods if flood.until_s > now_s and flood.room in places]

    def left_s(self, flood: Flood) -> float:
        """How long it still lasts."""
        return flood.until_s - self.clock()

    def had_time(self, flood: Flood) -> bool:
        """Whether a client that is not watched must have read of it."""
        return self.clock() - flood.began_s > _IN_FLIGHT_S

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
