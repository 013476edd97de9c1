"""Saying something once.

A key is remembered with the message it became, so saying it again is harmless. A message whose answer was lost on the way is
sent again: people may read it twice, but a result is never lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from adapters.chats.notes import SentNotes


class Once:
    """Sends, each key once."""

    def __init__(self, notes: SentNotes) -> None:
        self._notes = notes
        self._sending: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, key: str, send: Callable[[], Awaitable[str]]) -> str:
        """Send, unless that was done; the message's id."""
        lock = self._sending.setdefault(key, asyncio.Lock())
        async with lock:  # two hands may say the same at once
            if (sent := await self._notes.sent(key)) is not None:
                return sent
            message_id = await send()
            await self._notes.note_sent(key, message_id)
            return message_id
