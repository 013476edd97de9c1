"""One at a time, of all front ends: two of them that change the same message at once would send it twice."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Final
from weakref import WeakValueDictionary

from bot.ports import Memory, MemoryUnavailable

_TTL_S: Final = 4.0
"""A front end that died holds the others up for so long at most."""
_RENEW_S: Final = 1.0
_FIRST_S: Final = 0.02
_LAST_S: Final = 0.3


class Alone:
    """Locks with names, kept in the Memory; within one process they are handed on in the order of asking."""

    def __init__(self, memory: Memory, mailbox: str) -> None:
        self._memory = memory
        self._mailbox = mailbox
        self._here: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def with_(self, name: str) -> AsyncIterator[None]:
        """Hold the lock of a name. Raises MemoryUnavailable."""
        here = self._here.setdefault(name, asyncio.Lock())
        role, holder = f"alone:{self._mailbox}:{name}", secrets.token_hex(8)
        async with here:
            await self._wait_for(role, holder)
            renewing = asyncio.create_task(self._renew(role, holder))
            try:
                yield
            finally:
                renewing.cancel()
                with contextlib.suppress(MemoryUnavailable):  # it ends by itself
                    await self._memory.step_down(role, holder)

    async def _wait_for(self, role: str, holder: str) -> None:
        wait_s = _FIRST_S
        while not await self._memory.lead(role, holder, _TTL_S):
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LAST_S)

    async def _renew(self, role: str, holder: str) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            with contextlib.suppress(MemoryUnavailable):
                await self._memory.lead(role, holder, _TTL_S)
