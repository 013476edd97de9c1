"""What the adapters of all platforms remember between messages, in the Memory, for all front ends."""

from typing import Final, Literal

from bot.ports import Memory

_SENT_S: Final = 3 * 86_400
_MEDIA_S: Final = 2 * 86_400
"""WeCom keeps what was handed over for three, DingTalk for longer."""


class SentNotes:
    """One mailbox's part of the Memory."""

    def __init__(self, memory: Memory, mailbox: str) -> None:
        self._memory = memory
        self._mailbox = mailbox

    async def sent(self, key: str) -> str | None:
        """The id of the message that was sent for a key."""
        return await self._memory.load("sent", self._mailbox, key)

    async def note_sent(self, key: str, message_id: str) -> None:
        """This key is sent: doing it again would tell it twice."""
        await self._memory.keep("sent", self._mailbox, key, value=message_id, ttl_s=_SENT_S)

    async def media(self, name: str) -> str | None:
        """The media id of a picture that was handed over, while it can be sent."""
        return await self._memory.load("media", self._mailbox, name)

    async def note_media(self, name: str, media_id: str) -> None:
        """A picture was handed over."""
        await self._memory.keep("media", self._mailbox, name, value=media_id, ttl_s=_MEDIA_S)

    async def once(self, what: str, value: str) -> bool:
        """Whether this is not how it was left the last time."""
        return await self._memory.load("once", self._mailbox, what) != value

    async def note_done(self, what: str, value: str) -> None:
        """It is done."""
        await self._memory.keep("once", self._mailbox, what, value=value)

    async def language(self, person: str) -> Literal["en", "zh"]:
        """The one that somebody chose of the bot, who keeps it under this name; where none is told, most speak Chinese."""
        return "en" if await self._memory.load("language", self._mailbox, person) == "en" else "zh"
