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
from telegram.ext import ExtBot

from adapters.chats.reading import WAITING, handed_on, patiently
from adapters.chats.says import Says
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
from adapters.chats.telegram.menu import GroupMenus
from adapters.chats.telegram.moves import Moves, name_message
from adapters.chats.telegram.namesakes import Namesakes
from adapters.chats.telegram.notes import Buttons, Notes
from adapters.chats.telegram.rates import Kind
from adapters.chats.telegram.sources import Timing
from adapters.chats.telegram.speakers import speaks_for
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
        menus: GroupMenus,
        account: str,
        timing: Timing,
    ) -> None:
        self._bot = bot
        self._memory = memory
        self._notes = notes
        self._moves = moves
        self._say = say
        self._menus = menus
        self._account = account
        self._mailbox = f"telegram:{account}"
        self._timing = timing
        self._namesakes = Namesakes(bot, memory, moves, self._mailbox)
        self._albums = Albums(memory, self._mailbox, timing.album_s)
        self._found: asyncio.Queue[Inbound] = asyncio.Queue(WAITING)

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us; whoever reads must know our name, so connect first."""
        found = handed_on(self._found, self._read_all(), f"inbox {self._mailbox}")
        async with contextlib.aclosing(found):
            async for inbound in found:
                yield inbound

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
            if isinstance(meaning, Said):
                self._show_menu(meaning.place, meaning.person, tasks)
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

    def _show_menu(self, place: Place, person: Person, tasks: asyncio.TaskGroup) -> None:
        if not place.private and self._menus.lacks(place.chat, person.id):
            tasks.create_task(self._menus.show(place.chat, person.id))

    async def _guarded(self, letter: _Letter, read: Callable[[], Awaitable[None]]) -> None:
        await patiently(read, lambda: self._drop(letter), self._timing.again_s)

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
        await self._namesakes.recognise(said.place, said.number)
        chat = await self._chat(said.place, said.place.thread)
        media = said.media
        if media is not None and said.pointed is not None:
            holder = name_message(chat.id, said.place.chat, said.pointed)
            media = replace(media, message_id=holder)
        await self._found.put(
            Inbound(
                key=letter.key,
                entry=letter.entry,
                in_line=True,
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
        elif meant.person.startswith("-"):
            tasks.create_task(self._press_for_chat(letter, press, meant, token))
        else:
            await self._drop(letter)
            alert = self._say(language, "button-not-yours", name=_shown(meant.name))
            tasks.create_task(self._answer(press, alert))

    async def _press_for_chat(
        self, letter: _Letter, press: Pressed, meant: Buttons, token: str
    ) -> None:
        """An anonymous administrator ordered, or somebody as their channel; whoever presses does so in their own name."""
        assert meant.person is not None  # noqa: S101 - the caller looked
        owner, here, alert = meant.person, press.place.chat, ""

        async def read() -> None:
            nonlocal alert
            in_it = owner in {here, await self._moves.first(here)}
            speaker = here if in_it else owner
            speaks = await speaks_for(self._bot, speaker, press.person.id, in_it=in_it)
            if speaks:
                update = {"id": owner, "name": meant.name}
                person = press.person.model_copy(update=update)
                await self._choose(letter, press, meant, token, person)
                return
            text = "button-not-yours" if speaks is False else "button-unverified"
            alert = self._say(press.person.language, text, name=_shown(meant.name))
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
                in_line=True,
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
