"""What the robot remembers between messages, in the Memory, for all front ends."""

import json
import time
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from adapters.chats.alone import Alone
from adapters.chats.dingtalk.decoding import Sender, Session, Source
from adapters.chats.notes import SentNotes
from bot.ports import Chat, Memory, Person

_EARLY_S: Final = 60
"""An address that is over so soon is not used any more."""
_ASKER_S: Final = 3 * 86_400
_NAME_S: Final = 90 * 86_400
_FILE_S: Final = 12 * 3600
_CARD_S: Final = 30 * 86_400
_NEWEST: Final = 5


class Meant(BaseModel):
    """What a card was sent with, and looks like now."""

    model_config = ConfigDict(frozen=True)

    chat: Chat
    person: str | None = None
    """The only one who may press; None: anybody."""
    name: str = ""
    tokens: dict[str, str] = {}
    """All that ever stood on its buttons, by their ids: somebody may press what just changed."""
    looks: str = ""
    """A digest of everything people see of it."""


class Notes(SentNotes):
    """One robot's part of the Memory."""

    def __init__(self, memory: Memory, mailbox: str) -> None:
        super().__init__(memory, mailbox)
        self._alone = Alone(memory, mailbox)

    async def session(self, chat: str) -> Session | None:
        """The newest address that answers in a chat, while it lives."""
        kept = await self._memory.load("session", self._mailbox, chat)
        return None if kept is None else Session(**json.loads(kept))

    async def note_session(self, chat: str, session: Session) -> None:
        """Somebody wrote there."""
        left_s = int(session.until_ms / 1000 - time.time()) - _EARLY_S
        if left_s > 0:
            value = json.dumps({"url": session.url, "until_ms": session.until_ms})
            await self._memory.keep("session", self._mailbox, chat, value=value, ttl_s=left_s)

    async def forget_session(self, chat: str, session: Session) -> None:
        """It is over before its time; another one may have come meanwhile."""
        if await self.session(chat) == session:
            await self._memory.drop("session", self._mailbox, chat)

    async def asker(self, message_id: str) -> Sender | None:
        """Who wrote a message of a group."""
        kept = await self._memory.load("asker", self._mailbox, message_id)
        return None if kept is None else Sender(**json.loads(kept))

    async def note_asker(self, message_id: str, sender: Sender) -> None:
        """So that they can be mentioned."""
        value = json.dumps(sender.__dict__, ensure_ascii=False)
        await self._memory.keep("asker", self._mailbox, message_id, value=value, ttl_s=_ASKER_S)

    async def name(self, person: str) -> str:
        """What somebody is called; their id if we do not know it."""
        return await self._memory.load("name", self._mailbox, person) or person

    async def note_name(self, sender: Sender) -> None:
        """Presses do not tell it."""
        name = ("name", self._mailbox, sender.id)
        await self._memory.keep(*name, value=sender.name, ttl_s=_NAME_S)

    async def person(self, sender: Sender) -> Person:
        """Somebody who wrote to us, as the bot knows people."""
        language = await self.language(sender.id)
        return Person(id=sender.id, name=sender.name, language=language)

    async def known(self, id_: str) -> Person:
        """Somebody who wrote to us before."""
        return await self.person(Sender(id_, await self.name(id_), ""))

    async def file(self, message_id: str) -> Source | None:
        """The file of a message that we saw."""
        kept = await self._memory.load("file", self._mailbox, message_id)
        return None if kept is None else Source(**json.loads(kept))

    async def note_file(self, message_id: str, source: Source) -> None:
        """Somebody may quote it with a client that does not tell what it is."""
        value = json.dumps(source.__dict__, ensure_ascii=False)
        await self._memory.keep("file", self._mailbox, message_id, value=value, ttl_s=_FILE_S)

    async def groups(self, person: str) -> dict[str, str]:
        """Titles of the groups in which somebody talked to us lately, by their ids."""
        found = await self._groups(person)
        return {chat: str(title) for chat, (title, _) in found.items()}

    async def note_group(self, person: str, chat: str, title: str) -> None:
        """Somebody talked to us in a group."""
        async with self._alone.with_(f"groups:{person}"):  # of all they talk in at once
            groups = {**await self._groups(person), chat: (title, time.time())}
            newest = dict(sorted(groups.items(), key=lambda item: -float(item[1][1]))[:_NEWEST])
            value = json.dumps(newest, ensure_ascii=False)
            await self._memory.keep("groups", self._mailbox, person, value=value)

    async def card(self, name: str) -> Meant | None:
        """What a card means; None once it is too old."""
        kept = await self._memory.load("card", self._mailbox, name)
        return None if kept is None else Meant.model_validate_json(kept)

    async def note_card(self, name: str, meant: Meant) -> None:
        """Keep what it means before anybody can press it."""
        value = meant.model_dump_json()
        await self._memory.keep("card", self._mailbox, name, value=value, ttl_s=_CARD_S)

    async def _groups(self, person: str) -> dict[str, Any]:
        kept = await self._memory.load("groups", self._mailbox, person)
        return {} if kept is None else dict(json.loads(kept))
