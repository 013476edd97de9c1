"""What was heard is kept: nothing is acknowledged before that, and nothing is lost because the Memory is away for a while."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

from adapters.chats.persistence import persist
from bot.ports import Memory

_LAST_WORDS_S: Final = 2.0
"""So long a front end that ends still tries to keep what it heard."""


class Ear:
    """Puts messages and presses into the inbox."""

    def __init__(self, memory: Memory, mailbox: str, again_s: float) -> None:
        self._memory = memory
        self._mailbox = mailbox
        self._again_s = again_s
        self._lanes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._keeping: set[asyncio.Task[None]] = set()

    def key(self, name: str) -> str:
        """The key of a message or a press; the second copy has the same."""
        return f"{self._mailbox}:{name}"

    async def keep(
        self, kind: Literal["message", "press"], data: Mapping[str, Any], name: str, lane: str
    ) -> None:
        """Keep it, once for each name. Raises MemoryUnavailable."""
        raw = json.dumps({kind: data}, ensure_ascii=False)
        lock = self._lanes.setdefault(lane, asyncio.Lock())
        async with lock:  # in the order in which it came
            await self._memory.receive(self._mailbox, self.key(name), raw, lane)

    async def insist(self, data: Mapping[str, Any], name: str, lane: str) -> None:
        """Keep a message, however long that takes; it goes on when nobody waits for it any more."""

        async def keep() -> None:
            await self.keep("message", data, name, lane)

        what = "DingTalk, keeping a message"
        task = asyncio.create_task(persist(keep, what, self._again_s))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        await asyncio.shield(task)

    async def close(self) -> None:
        """Last words."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=_LAST_WORDS_S)
        left = list(self._keeping)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
