"""From the inbox to the bot: each update is read, and what concerns us handed on as an ``Inbound``."""

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import telegram
from telegram import ChatMemberAdministrator, ChatMemberOwner
from telegram.ext import ExtBot

from adapters.chats.telegram import buttons
from adapters.chats.telegram.albums import Albums
from adapters.chats.telegram.decoding import (
    Joined,
    Left,
    Meaning,
    Moved,
    Place,
    Pressed,
    Said,
    read_update,
)
from adapters.chats.telegram.errors import ours
from adapters.chats.telegram.menu import Says
from adapters.chats.telegram.moves import Moves, name_message
from adapters.chats.telegram.notes import Buttons, Notes
from adapters.chats.telegram.rates import Kind
from adapters.chats.telegram.sources import Timing
from bot.ports import (
    Chat,
    ChatError,
    Inbound,
    Memory,
    MemoryUnavailable,
    Person,
    PlatformDown,
    Throttled,
)

_LOG = logging.getLogger(__name__)

_ANSWER_TRIES: Final = 5
_ANSWER_S: Final = 10.0
"""Who pressed a button does not look at it for longer; later Telegram calls the query too old."""
_NAME: Final = 60
"""Letters of a name in an alert."""
_WAITING: Final = 64
"""Messages read ahead of the bot."""


@dataclass(frozen=True)
class _Letter:
    """An update's place in the inbox."""

    entry: str
    key: str


class Incoming:
    """Reads the inbox of one mailbox."""

    def __init__(
        self,
        bot: ExtBot[Kind],
        memory: Memory,
        notes: Notes,
        moves: Moves,
        say: Says,
        account: str,
        timing: Timing,
    ) -> None:
        self._bot = bot
        self._memory = memory
        self._notes = notes
        self._moves = moves
        self._say = say
        self._account = account
        self._mailbox = f"telegram:{account}"
        self._timing = timing
        self._albums = Albums(memory, self._mailbox, timing.album_s)
        self._found: asyncio.Queue[Inbound] = asyncio.Queue(_WAITING)

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us; whoever reads must know our name, so connect first."""
        reading = asyncio.create_task(self._read_all(), name=f"inbox {self._mailbox}")
        try:
            while True:
                waiting = asyncio.create_task(self._found.get())
                try:
                    await asyncio.wait([waiting, reading], return_when=asyncio.FIRST_COMPLETED)
                    if reading.done():
                        reading.result()
                        return
                    yield waiting.result()
                finally:
                    waiting.cancel()
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read_all(self) -> None:
        inbox = self._memory.inbox(self._mailbox, f"telegram-{secrets.token_hex(4)}")
        try:
            async with asyncio.TaskGroup() as tasks:
                async for entry, key, raw in inbox:
                    await self._read(_Letter(entry, key), raw, tasks)
        finally:
            if isinstance(inbox, AsyncGenerator):
                await inbox.aclose()

    async def _read(self, letter: _Letter, raw: str, tasks: asyncio.TaskGroup) -> None:
        """Read one update; what has to wait for something goes on beside the others."""

        async def read() -> None:
            meaning = read_update(
                telegram.Update.de_json(json.loads(raw), self._bot), self._bot.bot
            )
            if isinstance(meaning, Said) and meaning.album and meaning.media:
                if not await self._albums.add(meaning, meaning.media, letter.key):
                    await self._drop(letter)  # another part speaks for it
                    return
                album = meaning
                tasks.create_task(self._guarded(letter, lambda: self._tell_album(letter, album)))
            elif isinstance(meaning, Pressed):
                await self._press(letter, meaning, tasks)
            else:
                await self._take(letter, meaning)

        await self._guarded(letter, read)

    async def _guarded(self, letter: _Letter, read: Callable[[], Awaitable[None]]) -> None:
        """The top of the message loop: an outage is waited out, what cannot be read is dropped."""
        while True:
            try:
                await read()
            except (MemoryUnavailable, ChatError) as error:
                _LOG.debug("An update waits: %s", error)
                await asyncio.sleep(self._timing.again_s)
                continue
            except Exception:  # noqa: BLE001 - the top of the message loop: one update must not end it
                _LOG.exception("An update cannot be read; it is dropped")
                with contextlib.suppress(MemoryUnavailable):
                    await self._drop(letter)
            return

    async def _take(self, letter: _Letter, meaning: Meaning | None) -> None:
        match meaning:
            case Said():
                await self._tell(letter, meaning)
            case Joined(place, person):  # the bot says who it is, or who may admit it
                await self._tell(letter, Said(place, person, "/start", None, 0))
            case Moved(old, new):
                await self._moves.note(old, new)
                await self._drop(letter)
            case Left(chat):
                _LOG.info("We may not write to %s any more", chat)
                await self._drop(letter)
            case _:
                await self._drop(letter)

    async def _tell_album(self, letter: _Letter, said: Said) -> None:
        await self._tell(letter, await self._albums.whole(said))

    async def _tell(self, letter: _Letter, said: Said) -> None:
        chat = await self._chat(said.place, said.place.thread)
        media = said.media
        if media is not None and said.pointed is not None:
            holder = name_message(chat.id, said.place.chat, said.pointed)
            media = replace(media, message_id=holder)
        await self._found.put(
            Inbound(
                key=letter.key,
                entry=letter.entry,
                chat=chat,
                person=said.person,
                text=said.text,
                media=media,
                message_id=name_message(chat.id, said.place.chat, said.number)
                if said.number
                else "",
                addressed=said.addressed,
            )
        )

    async def _press(self, letter: _Letter, press: Pressed, tasks: asyncio.TaskGroup) -> None:
        """A button: hand on what it means if its owner pressed it; whoever did gets an answer."""
        language = press.person.language
        named = buttons.pressed(press.data)
        meant = await self._notes.buttons(named[0]) if named else None
        token = meant.tokens.get(named[1]) if meant and named else None
        if meant is None or token is None:
            await self._drop(letter)
            tasks.create_task(self._answer(press, self._say(language, "button-old")))
        elif meant.person in {None, press.person.id}:
            await self._choose(letter, press, meant, token, press.person)
            tasks.create_task(self._answer(press, ""))
        elif meant.person in {press.place.chat, await self._moves.first(press.place.chat)}:
            work = self._press_as_group(letter, press, meant, token)
            tasks.create_task(work)
        else:
            await self._drop(letter)
            alert = self._say(language, "button-not-yours", name=_shown(meant.name))
            tasks.create_task(self._answer(press, alert))

    async def _press_as_group(
        self, letter: _Letter, press: Pressed, meant: Buttons, token: str
    ) -> None:
        """An anonymous administrator ordered: their words come in the group's name, their presses in their own."""
        alert = ""

        async def read() -> None:
            nonlocal alert
            with ours():
                member = await self._bot.get_chat_member(press.place.chat, int(press.person.id))
            if _is_anonymous(member):
                update = {"id": meant.person, "name": meant.name}
                person = press.person.model_copy(update=update)
                await self._choose(letter, press, meant, token, person)
            else:
                alert = self._say(
                    press.person.language, "button-not-yours", name=_shown(meant.name)
                )
                await self._drop(letter)

        await self._guarded(letter, read)
        await self._answer(press, alert)

    async def _choose(
        self, letter: _Letter, press: Pressed, meant: Buttons, token: str, person: Person
    ) -> None:
        chat = await self._chat(press.place, meant.thread)
        await self._found.put(
            Inbound(
                key=letter.key,
                entry=letter.entry,
                chat=chat,
                person=person,
                message_id=name_message(chat.id, press.place.chat, press.number),
                choice=token,
            )
        )

    async def _answer(self, press: Pressed, alert: str) -> None:
        """Stop the button's spinning; an answer to an old press comes too late, which does not matter."""
        for _ in range(_ANSWER_TRIES):
            try:
                with ours():
                    await self._bot.answer_callback_query(
                        press.query, alert, show_alert=bool(alert)
                    )
            except Throttled as error:
                if error.after_s > _ANSWER_S:
                    return
                await asyncio.sleep(error.after_s)
            except (PlatformDown, MemoryUnavailable):
                await asyncio.sleep(self._timing.again_s)
            except ChatError as error:
                _LOG.debug("A pressed button is not answered: %s", error)
                return
            else:
                return

    async def _chat(self, place: Place, thread: str | None) -> Chat:
        return Chat(
            platform="telegram",
            account=self._account,
            id=await self._moves.first(place.chat),
            thread=thread,
            private=place.private,
        )

    async def _drop(self, letter: _Letter) -> None:
        await self._memory.dealt_with(self._mailbox, letter.entry)


def _shown(name: str) -> str:
    """A person's name for an alert, which takes 200 characters of which names may have 128."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return line if len(line) <= _NAME else f"{line[: _NAME - 1]}…"


def _is_anonymous(member: telegram.ChatMember) -> bool:
    if isinstance(member, ChatMemberAdministrator):
        return member.is_anonymous
    return isinstance(member, ChatMemberOwner) and member.is_anonymous
