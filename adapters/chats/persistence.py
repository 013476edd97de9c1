"""Trying until it works."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from bot.ports import ChatError, MemoryUnavailable, Throttled

_LOG = logging.getLogger(__name__)
_LONGEST_S: Final = 30.0


async def persist(attempt: Callable[[], Awaitable[None]], what: str, again_s: float) -> None:
    """Try until it works; the log hears of an outage once at its start and once at its end.

    Args:
        attempt: What has to work.
        what: Names platform and purpose for the log: ``WeCom, showing the menu``.
        again_s: The first pause; the later ones grow.
    """
    wait_s, away = again_s, False
    while True:
        try:
            await attempt()
        except (ChatError, MemoryUnavailable) as error:
            if not away:
                _LOG.warning("%s: %s", what, error)
            away = True
            await asyncio.sleep(error.after_s if isinstance(error, Throttled) else wait_s)
            wait_s = min(wait_s * 2, _LONGEST_S)
        else:
            if away:
                _LOG.info("%s: goes on", what)
            return
