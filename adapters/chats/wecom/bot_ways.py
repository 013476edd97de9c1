"""What the AI bot may still say where it is called back: nothing of its own accord, only in answer to what people did.

Each message opens a stream, which WeCom asks for until it is finished, for six minutes at most; each message and each press
brings an address to which one message may be posted within an hour. Both are kept in the Memory: any front end is asked.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import BaseModel

from bot.ports import Memory

_URL_S: Final = 3500.0
"""Of an hour: a request takes a while."""
_TTL_S: Final = 3700
_PICTURE_S: Final = 3 * 86_400
_MOST: Final = 40
"""Kept for one chat; the oldest are forgotten first."""


class Part(BaseModel):
    """One of the bot's messages within a stream."""

    key: str
    text: str
    more: bool = False
    """What it tells of goes on."""


class Way(BaseModel):
    """What one message or press of somebody lets us say."""

    id: str
    """Also of its stream."""
    chat: str
    person: str
    at_s: float
    stream: bool
    """Whether it opened one; a press opens none."""
    url: str = ""
    """Takes one message; empty once it has."""
    parts: list[Part] = []
    card: dict[str, Any] | None = None
    card_told: bool = False
    picture: str = ""
    """Names one that is shown when the stream is finished, which its card does."""
    grown_s: float = 0.0
    grew: bool = False
    finished: bool = False

    def say(self, key: str, text: str, now_s: float, *, more: bool = False) -> None:
        """Add a message, or put a new text in the place of the one with this key."""
        found = next((part for part in self.parts if part.key == key), None)
        if found is None:
            self.parts.append(Part(key=key, text=text, more=more))
        else:
            self.grew = self.grew or found.text != text
            found.text, found.more = text, more
        self.grown_s = now_s

    @property
    def complete(self) -> bool:
        """Whether a picture waits for nothing but the end."""
        return bool(self.picture and self.parts and self.card is not None)


class Ways:
    """Those of one bot; whoever changes one holds the lock of its chat."""

    def __init__(
        self,
        memory: Memory,
        mailbox: str,
        stream_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            memory: Where they are kept.
            mailbox: Of the bot.
            stream_s: So long a stream may grow.
            clock: Seconds since 1970.
        """
        self._memory = memory
        self._mailbox = mailbox
        self._stream_s = stream_s
        self.clock = clock

    async def load(self, id_: str) -> Way | None:
        """One of them; None if it is too old or there never was one."""
        kept = await self._memory.load("way", self._mailbox, id_)
        return None if kept is None else Way.model_validate_json(kept)

    async def save(self, way: Way) -> None:
        """Keep what changed."""
        value = way.model_dump_json()
        await self._memory.keep("way", self._mailbox, way.id, value=value, ttl_s=_TTL_S)

    async def add(self, way: Way) -> None:
        """Keep a new one; streams of the same person in the same chat that are open end with it."""
        open_ids = []
        for earlier in await self.of_chat(way.chat):
            if way.stream and self.grows(earlier) and earlier.person == way.person:
                earlier.finished = True
                await self.save(earlier)
            if self.grows(earlier) or self.posts(earlier):
                open_ids.append(earlier.id)
        await self.save(way)
        ids = " ".join([*open_ids, way.id][-_MOST:])
        await self._memory.keep("ways", self._mailbox, way.chat, value=ids, ttl_s=_TTL_S)

    async def of_chat(self, chat: str) -> list[Way]:
        """Those of a chat, the oldest first."""
        kept = await self._memory.load("ways", self._mailbox, chat) or ""
        found = [await self.load(id_) for id_ in kept.split()]
        return [way for way in found if way is not None]

    async def keep_picture(self, content: bytes) -> str:
        """Keep a picture that streams may end with; its name."""
        name = hashlib.sha256(content).hexdigest()
        value = base64.b64encode(content).decode()
        await self._memory.keep("picture", self._mailbox, name, value=value, ttl_s=_PICTURE_S)
        return name

    async def picture(self, name: str) -> str | None:
        """Its bytes as base64."""
        return await self._memory.load("picture", self._mailbox, name)

    def grows(self, way: Way) -> bool:
        """Whether its stream may still grow."""
        return way.stream and not way.finished and self.clock() - way.at_s < self._stream_s

    def posts(self, way: Way) -> bool:
        """Whether its address still takes a message."""
        return bool(way.url) and self.clock() - way.at_s < _URL_S

    def choose(
        self, ways: Sequence[Way], own: Way | None, *, result: bool
    ) -> list[tuple[str, Way]]:
        """Where something may be said, the best first: ``stream`` or ``url`` and whose.

        A result rings as a message of its own. Whatever answers something stays with that; of the addresses the oldest
        is used up first, so that the newest is left for the result.
        """
        streams = [("stream", way) for way in reversed(ways) if self.grows(way)]
        urls = [("url", way) for way in ways if self.posts(way)]
        if result:
            return [*reversed(urls), *streams]
        mine = [each for each in streams if own is not None and each[1].id == own.id]
        return [*mine, *(each for each in streams if each not in mine), *urls]
