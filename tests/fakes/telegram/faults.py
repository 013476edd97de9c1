"""What can go wrong on the way: each fault meets the next request it fits, so many times."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Fault:
    """Trouble for the next requests that fit."""

    kind: Literal["flood", "status", "refuse", "hang", "late", "drop"]
    method: str | None = None
    """Only this method, in lower case; None: any but getUpdates."""
    room: int | None = None
    """Only this chat."""
    times: int = 1
    skip: int = 0
    """So many that fit pass before."""
    status: int = 502
    description: str = ""
    retry_after_s: int = 1
    everywhere: bool = False
    """A flood of the whole bot, not of one chat."""
    executed: bool = False
    """Dropped after the request was carried out, instead of before."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends a hang, or lets a late answer go."""
    share: float = 1.0
    """So much of those that fit meet it, at random."""
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - a game
    met: int = 0

    def fits(self, method: str, room: int | None) -> bool:
        """Whether this request is one of those meant; counts it if so."""
        if self.times <= 0 or (self.room is not None and room != self.room):
            return False
        if method != self.method and (self.method is not None or method == "getupdates"):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.dice.random() >= self.share:
            return False
        self.times -= 1
        self.met += 1
        return True


def flood(
    retry_after_s: int,
    method: str | None = None,
    *,
    everywhere: bool = False,
    times: int = 1,
    share: float = 1.0,
) -> Fault:
    """429: too many requests."""
    return Fault(
        "flood",
        method and method.lower(),
        retry_after_s=retry_after_s,
        everywhere=everywhere,
        times=times,
        share=share,
    )


def broken(status: int = 502, method: str | None = None, *, times: int = 1) -> Fault:
    """The server has a fault of its own."""
    return Fault("status", method and method.lower(), status=status, times=times)


def refused(
    description: str, method: str | None = None, *, status: int = 400, times: int = 1
) -> Fault:
    """A refusal in Telegram's words."""
    name = method and method.lower()
    return Fault("refuse", name, status=status, description=description, times=times)


def hanging(method: str | None = None, *, executed: bool = False, times: int = 1) -> Fault:
    """No answer until ``release`` is set; then the connection is dropped."""
    return Fault("hang", method and method.lower(), executed=executed, times=times)


def late(method: str) -> Fault:
    """The request is carried out, and answered when ``release`` is set."""
    return Fault("late", method.lower(), executed=True)


def dropped(method: str | None = None, *, executed: bool = False, times: int = 1) -> Fault:
    """The connection breaks, before or after the request was carried out."""
    return Fault("drop", method and method.lower(), executed=executed, times=times)
