"""What a person is putting together: a recording, picked Templates. One Draft for each chat and person."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.ports import Chat, Memory, MessageRef, Person

_LOG = logging.getLogger(__name__)

_DRAFT: Final = "draft"
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


class Tally(BaseModel):
    """The answer to typed picks, which can start them as the offer does."""

    model_config = ConfigDict(frozen=True)

    message: MessageRef
    text: str
    """What it says; that stays when it starts nothing any more."""


class Draft(BaseModel):
    """An order that is not placed yet."""

    model_config = ConfigDict(frozen=True)

    take_id: str | None = None
    take_name: str = ""
    take_message: str | None = None
    """The platform's id of the message with the recording."""
    picks: tuple[str, ...] = ()
    """Ids of Templates, in the order picked."""
    picked_by: str | None = None
    """The message whose words picked last: if it is answered again, it names nothing twice."""
    names: dict[str, str] = Field(default_factory=dict)
    """What the picked Templates are called, should one be removed before the order."""
    listed: tuple[str, ...] = ()
    """Ids of Templates as last shown: what typed numbers mean, whatever was added to the library since."""
    page: int = 0
    """Of the offer, where it has pages."""
    go_key: str | None = None
    """The message that said "go" before everything was there: start by yourself."""
    urgent: bool = False
    """An administrator asked for it to go before all others."""
    offer: MessageRef | None = None
    """The message with the buttons."""
    tally: Tally | None = None
    """The newest answer to typed picks."""
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

    async def takes(self) -> frozenset[str]:
        """Ids of the Takes that anybody is about to order with."""
        drafts = [_readable(each) async for each in self._memory.kept(_DRAFT)]
        return frozenset(draft.take_id for draft in drafts if draft and draft.take_id)

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


def _readable(kept: str) -> Draft | None:
    """A Draft of whoever it is; None if no version of ours wrote it."""
    try:
        return Draft.model_validate_json(kept)
    except ValidationError as error:
        _LOG.warning(
            "A draft cannot be read and counts as none: %s", error.errors(include_input=False)
        )
        return None


def _name(chat: Chat, person: Person) -> tuple[str, ...]:
    return (_DRAFT, chat.mailbox, chat.id, chat.thread or "", person.id)
