"""Waiting out what is away: memory, store, ledger, platform."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final

from bot.ports import MemoryUnavailable, PlatformDown, Throttled
from worker.contract.ports import LedgerUnavailable, StoreUnavailable

_LOG = logging.getLogger(__name__)

OUTAGES: Final = (
    MemoryUnavailable,
    LedgerUnavailable,
    StoreUnavailable,
    PlatformDown,
    Throttled,
)
_FIRST_S: Final = 0.25
_LAST_S: Final = 15.0


class GaveUp(Exception):
    """It was away for longer than we try."""


async def insist(
    attempt: Callable[[], Awaitable[None]], what: str, limit_s: float | None = None
) -> None:
    """Run something that may be repeated until no outage comes between.

    Args:
        attempt: What to do; whatever else it raises goes through.
        what: Names it in the log, which hears of an outage once at its start and once at its end.
        limit_s: Stop trying after so many seconds; None never.

    Raises:
        GaveUp: The limit was reached.
    """
    loop = asyncio.get_running_loop()
    began, wait_s, away = loop.time(), _FIRST_S, False
    while True:
        try:
            await attempt()
        except OUTAGES as error:
            if limit_s is not None and loop.time() - began > limit_s:
                raise GaveUp(what) from error
            if not away:
                _LOG.warning("%s waits: %s %s", what, type(error).__name__, error)
            away = True
            pause_s = error.after_s if isinstance(error, Throttled) else wait_s
            await asyncio.sleep(pause_s * random.uniform(1.0, 1.2))  # noqa: S311 - jitter
            wait_s = min(wait_s * 2, _LAST_S)
        else:
            if away:
                _LOG.info("%s goes on", what)
            return
