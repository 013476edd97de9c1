"""What a person is putting together: a recording, picked Templates. One Draft for each chat and person."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, Field

from bot.ports import Chat, Memory, MessageRef, Person

_TTL_S: Final = 86_400
_LOCK_S: Final = 5.0
_LOCK_LOOK_S: Final = 0.05


class Question(BaseModel):
    """Something to be confirmed before it is done."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["delete", "clear", "waiver"]
    id: str
    """The message that asked for it; stands in the choices' tokens."""
    batch_ids: tuple[str, ...] = ()
    text: str = ""
    """What a waiver says, as it was shown."""


class Draft(BaseModel):
    """An order that is not placed yet."""

    model_config = ConfigDict(frozen=True)

    take_id: str | None = None
    take_name: str = ""
    take_message: str | None = None
    """The platform's id of the message with the recording."""
    picks: tuple[str, ...] = ()
    """Ids of Templates, in the order picked."""
    names: dict[str, str] = Field(default_factory=dict)
    """What the picked Templates are called, should one be removed before the order."""
    listed: tuple[str, ...] = ()
    """Ids of Templates as last shown: what typed numbers mean, whatever was added to the library since."""
    page: int = 0
    """Of the offer, where it has pages."""
    go_key: str | None = None
    """The message that said "go" before everything was there: start by yourself."""
    offer: MessageRef | None = None
    """The message with the buttons."""
    notice: MessageRef | None = None
    """The message that says that we listen; what comes of it takes its place, where new messages ring."""
    noticed_at: datetime | None = None
    settings: MessageRef | None = None
    """The message that shows the settings."""
    guide: MessageRef | None = None
    """The message that shows the help."""
    question: Question | None = None
    heard: str | None = None
    """The id of the last Take that was heard; stays when the order is placed."""


@dataclass
class Page:
    """A Draft while it is being changed."""

    draft: Draft

    def change(self, **fields: object) -> None:
        """Replace some fields."""
        self.draft = self.draft.model_copy(update=fields)


class Drafts:
    """The Drafts of all chats, in the memory, so that any front end can answer."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def load(self, chat: Chat, person: Person) -> Draft:
        """The Draft as it stands; an empty one if there is none."""
        return await self._load(_name(chat, person))

    @contextlib.asynccontextmanager
    async def editing(self, chat: Chat, person: Person) -> AsyncIterator[Page]:
        """Change a Draft, alone among all front ends; kept when the block ends well. Post nothing in here."""
        name = _name(chat, person)
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock, self._alone(":".join(name)):
            before = await self._load(name)
            page = Page(before)
            yield page
            if page.draft == Draft():
                await self._memory.drop(*name)
            else:
                await self._memory.keep(*name, value=page.draft.model_dump_json(), ttl_s=_TTL_S)

    async def _load(self, name: tuple[str, ...]) -> Draft:
        kept = await self._memory.load(*name)
        return Draft() if kept is None else Draft.model_validate_json(kept)

    @contextlib.asynccontextmanager
    async def _alone(self, role: str) -> AsyncIterator[None]:
        """Hold the lock that the other front ends see; one that died holding it lets go after seconds."""
        holder = secrets.token_hex(8)
        while not await self._memory.lead(role, holder, _LOCK_S):  # noqa: ASYNC110 - held elsewhere
            await asyncio.sleep(_LOCK_LOOK_S)
        try:
            yield
        finally:
            await self._memory.step_down(role, holder)


def _name(chat: Chat, person: Person) -> tuple[str, ...]:
    return ("draft", chat.mailbox, chat.id, chat.thread or "", person.id)
