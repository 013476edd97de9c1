"""An app's access token: one for all front ends, fetched by one of them at a time.

A platform gives the same token as long as it is valid and counts how often it is asked; it may also take it back early.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from bot.ports import Memory

_EARLY_S: Final = 300
_SHORTEST_S: Final = 30
_LOCK_S: Final = 25.0
_LOOK_S: Final = 0.05
Ask = Callable[[], Awaitable[tuple[str, int]]]
"""Asks the platform: a token, and the seconds it lives."""


class AccessTokens:
    """Knows the token, or gets one."""

    def __init__(self, memory: Memory, mailbox: str, ask: Ask) -> None:
        self._memory = memory
        self._mailbox = mailbox
        self._ask = ask

    async def current(self) -> str:
        """The token to use now. Raises MemoryUnavailable, and what asking raises."""
        known = await self._known()
        return known if known is not None else await self._renewed()

    async def drop(self, stale: str) -> None:
        """The platform does not take this one any more; another front end may have renewed it already."""
        if await self._known() == stale:
            await self._memory.drop("token", self._mailbox)

    async def _known(self) -> str | None:
        return await self._memory.load("token", self._mailbox)

    async def _renewed(self) -> str:
        role, holder = f"token:{self._mailbox}", secrets.token_hex(8)
        while not await self._memory.lead(role, holder, _LOCK_S):  # noqa: ASYNC110 - held elsewhere
            await asyncio.sleep(_LOOK_S)
        try:
            known = await self._known()  # somebody fetched it while we waited
            return known if known is not None else await self._fetched()
        finally:
            await self._memory.step_down(role, holder)

    async def _fetched(self) -> str:
        token, lifetime_s = await self._ask()
        ttl_s = max(lifetime_s - _EARLY_S, _SHORTEST_S)
        await self._memory.keep("token", self._mailbox, value=token, ttl_s=ttl_s)
        return token
