"""Outages: Redis or the store is away, and work waits for it instead of failing."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from worker.contract.ports import LedgerUnavailable, StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class NoLongerWanted(Exception):
    """Whoever waited was told to stop."""


async def insist(what: str, action: Callable[[], Coroutine[Any, Any, T]], stop: asyncio.Event) -> T:
    """Do something until the Outage is over, with growing pauses.

    Args:
        what: For the log; names the thing by its id.
        action: May be done again.
        stop: Ends the waiting, and cancels the action.

    Raises:
        NoLongerWanted: ``stop`` was set before it worked.
    """
    pause_s, lasts = _FIRST_PAUSE_S, False
    while True:
        try:
            value = await _unless_stopped(action(), stop)
        except (LedgerUnavailable, StoreUnavailable) as error:
            if not lasts:
                log.warning("%s waits: %s", what, error)
            lasts = True
        else:
            if lasts:
                log.info("%s goes on", what)
            return value
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter
                await stop.wait()
        if stop.is_set():
            raise NoLongerWanted
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


async def _unless_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T:
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise NoLongerWanted
    finally:
        stopped.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
