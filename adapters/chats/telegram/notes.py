"""What the adapter remembers between messages, in the Memory, for all front ends."""

import hashlib
from typing import Final

from pydantic import BaseModel, ConfigDict

from adapters.chats.notes import SentNotes
from bot.ports import Chat, Person

_SENT_S: Final = 3 * 86_400
_SHOWN_S: Final = 30 * 86_400


class Buttons(BaseModel):
    """What the buttons of one message mean."""

    model_config = ConfigDict(frozen=True)

    person: str | None
    """The only one who may press; None: anybody."""
    name: str = ""
    thread: str | None = None
    """Where the message stands: of one that is no longer there Telegram does not tell it."""
    tokens: dict[str, str] = {}
    """All that ever stood on them, by their short names: somebody may press what just changed."""


class Shown(BaseModel):
    """A message as it looks now."""

    model_config = ConfigDict(frozen=True)

    looks: str
    """A digest of text and buttons."""
    buttons: str | None = None
    """The name of its ``Buttons``."""
    picture: str | None = None
    """The key of the picture it shows."""
    refused: bool = False
    """It was to show one, and Telegram did not take it."""
    linkless: bool = False
    """It was to have buttons with Links, and Telegram did not take them."""


class Notes(SentNotes):
    """The adapter's part of the Memory."""

    async def doubts(self, key: str) -> int:
        """How often this key was sent without anybody knowing whether it came."""
        return int(await self._memory.load("doubts", self._mailbox, key) or 0)

    async def note_doubts(self, key: str, times: int) -> None:
        """It was sent so often."""
        await self._memory.keep("doubts", self._mailbox, key, value=str(times), ttl_s=_SENT_S)

    async def shown(self, chat: Chat, message_id: str) -> Shown | None:
        """How a message looks now, if we know."""
        kept = await self._memory.load("shown", self._mailbox, chat.id, message_id)
        return None if kept is None else Shown.model_validate_json(kept)

    async def note_shown(self, chat: Chat, message_id: str, shown: Shown) -> None:
        """This is how it looks."""
        name = ("shown", self._mailbox, chat.id, message_id)
        await self._memory.keep(*name, value=shown.model_dump_json(), ttl_s=_SHOWN_S)

    async def buttons(self, name: str) -> Buttons | None:
        """What buttons mean; None once they are too old."""
        kept = await self._memory.load("buttons", self._mailbox, name)
        return None if kept is None else Buttons.model_validate_json(kept)

    async def note_buttons(self, name: str, buttons: Buttons) -> None:
        """Keep what they mean before anybody can press them."""
        value = buttons.model_dump_json()
        await self._memory.keep("buttons", self._mailbox, name, value=value, ttl_s=_SHOWN_S)

    async def photo(self, key: str) -> str | None:
        """Telegram's id of a picture it has."""
        return await self._memory.load("photo", self._mailbox, key)

    async def note_photo(self, key: str, file_id: str) -> None:
        """Telegram has this picture."""
        await self._memory.keep("photo", self._mailbox, key, value=file_id, ttl_s=_SHOWN_S)

    async def forget_photo(self, key: str) -> None:
        """It has it no more."""
        await self._memory.drop("photo", self._mailbox, key)


def looks(*parts: str) -> str:
    """A digest of everything people see of a message."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def owner(person: Person | None, chat: Chat) -> Buttons:
    """Buttons without meaning yet, for one person; where we talk alone there is no other."""
    only = person if person is not None and not chat.private else None
    return Buttons(
        person=only.id if only else None, name=only.name if only else "", thread=chat.thread
    )
