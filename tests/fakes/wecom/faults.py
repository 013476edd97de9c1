"""What can go wrong on the way: each fault meets the next requests it fits."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Fault:
    """Trouble for the next requests that fit."""

    kind: Literal["code", "status", "drop", "hang", "revoke"]
    path: str = ""
    """A part of the path, or of the command of a frame; empty: any."""
    times: int = 1
    code: int = -1
    executed: bool = False
    """After the request was carried out, instead of before."""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    met: int = 0

    def fits(self, path: str) -> bool:
        """Whether this request is one of those meant; counts it if so."""
        if self.times <= 0 or self.path not in path:
            return False
        self.times -= 1
        self.met += 1
        return True


def code(number: int, path: str = "", times: int = 1) -> Fault:
    """An error of WeCom's, with status 200."""
    return Fault("code", path, times, number)


def dropped(path: str = "", *, executed: bool = False, times: int = 1) -> Fault:
    """The connection breaks."""
    return Fault("drop", path, times, executed=executed)


def revoked(path: str = "") -> Fault:
    """The access token is taken back while the request is under way."""
    return Fault("revoke", path)
