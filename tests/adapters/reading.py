"""A chat adapter at work, and somebody who reads what it hands on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from bot.ports import Chat, ChatAdapter, Inbound, Person
from bot.texts.catalogue import Texts

TEXTS: Final = Texts()
"""Read once: that takes longer than most of what is tested with it."""


async def everybody(_chat: Chat, _person: Person) -> bool:
    """Be the ``LetsIn`` of where nobody is turned away."""
    return True


async def nobody(_chat: Chat, _person: Person) -> bool:
    """Be the ``LetsIn`` of where everybody is turned away."""
    return False


class Reader:
    """Reads what an adapter hands on."""

    def __init__(self, chat: ChatAdapter) -> None:
        self.chat = chat
        self.found: list[Inbound] = []
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        async with contextlib.aclosing(self.chat.messages()) as messages:  # type: ignore[type-var]
            async for inbound in messages:
                await self.chat.settle(inbound)  # first: who sees it here may hang up
                self.found.append(inbound)
                async with self._changed:
                    self._changed.notify_all()

    async def until(self, seen: Callable[[list[Inbound]], bool], limit_s: float = 60) -> None:
        async with asyncio.timeout(limit_s), self._changed:
            await self._changed.wait_for(lambda: seen(self.found))

    async def next(self, count: int = 1) -> list[Inbound]:
        """Wait for so many messages in all."""
        await self.until(lambda found: len(found) >= count)
        return self.found


@contextlib.asynccontextmanager
async def running(chat: ChatAdapter) -> AsyncIterator[Reader]:
    """An adapter at work, and a reader of what it hands on."""
    reader = Reader(chat)
    tasks = [asyncio.create_task(chat.run()), asyncio.create_task(reader.run())]
    try:
        yield reader
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
