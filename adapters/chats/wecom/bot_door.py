"""The AI bot: a ChatAdapter in groups and with each person alone, over the long connection."""

import asyncio
import contextlib
import json
import logging
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from aiohttp import web

from adapters.chats.files import kind_of
from adapters.chats.reading import Reading
from adapters.chats.says import Says
from adapters.chats.wecom.account import BotAccount, Timing
from adapters.chats.wecom.bot_connection import Connection, new_req_id
from adapters.chats.wecom.bot_decoding import (
    Entered,
    Place,
    Pressed,
    Said,
    Unheard,
    read_body,
    sender_of,
)
from adapters.chats.wecom.bot_hook import HookLine
from adapters.chats.wecom.bot_line import BotLine, LineMouth
from adapters.chats.wecom.bot_long import LongLine
from adapters.chats.wecom.cards import OPTIONS, SELECTS, VALUES, Card, filled_in
from adapters.chats.wecom.delivery import Delivery
from adapters.chats.wecom.how_to import RECORD, how_to_card
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.presses import form_of, token_of, typed
from adapters.chats.wecom.rates import Rates, SharedRates
from adapters.chats.wecom.speaking import CAPTION, FILE_BYTES, Speaking
from adapters.chats.wecom.spool import make_spool
from adapters.chats.wecom.telling import Telling
from adapters.chats.wecom.writing import LINK_BYTES
from bot.ports import (
    Chat,
    ChatAdapter,
    ChatUnreachable,
    Choice,
    Inbound,
    Limits,
    Media,
    MediaGone,
    MediaTooLarge,
    Memory,
    MessageRef,
    Person,
    Picture,
)

_LOG = logging.getLogger(__name__)

_TEXT: Final = 16_000
"""Letters of one text for the bot; what has more bytes is cut here, at line ends."""
_MARKDOWN_BYTES: Final = 3600
"""Of 4096: marking takes a few more."""
TAKEN_BYTES: Final = 100_000_000
Invite = Callable[[str, str], Awaitable[None]]
"""(person, key)."""


class BotChat:
    """One AI bot."""

    def __init__(
        self,
        memory: Memory,
        account: BotAccount,
        say: Says,
        spool: Path,
        *,
        invite: Invite | None = None,
        delivery: Delivery | None = None,
        rates: Rates | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nothing is asked of WeCom before ``run``.

        Args:
            memory: Inbox, budgets, the leadership, and all we have to remember.
            account: Which bot.
            say: What cards say, and what is said where no recording can be heard.
            spool: A private folder for files on their way to the bot.
            invite: Has the self-built app, which hears voice notes, write to a person.
            delivery: Tells groups of results, for people who talk elsewhere.
            rates: How fast we speak.
            timing: How long things may take.
        """
        timing = timing or Timing()
        self.mailbox = f"wecom:{account.id}"
        self._memory = memory
        self._account = account
        self._say = say
        self._invite = invite
        self._delivery = delivery
        self._timing = timing
        self._notes = Notes(memory, self.mailbox)
        self._spool = make_spool(spool, TAKEN_BYTES, timing, account.aes_key)
        self._line: BotLine = self._made_line(rates or Rates(), timing)
        if delivery is not None and self._line.speaks_first:
            delivery.post_in_group = self._post_in_group
        speaking = Speaking(LineMouth(self._line), self._notes, say, _MARKDOWN_BYTES)
        self._telling = Telling(speaking, self._notes, delivery, say)
        self.limits = Limits(
            text_length=_TEXT,
            can_revise=True,
            revise_every_s=2.0,
            choices=OPTIONS,
            file_size_bytes=TAKEN_BYTES,
            link_bytes=LINK_BYTES,
            send_bytes=FILE_BYTES if self._line.sends_files else 0,
            caption_length=CAPTION,
            voice_notes=False,
            hears_all=False,
            captions=False,
            answers_only=True,
            rings=True,
            fields=SELECTS,
            values=VALUES,
        )

    def _made_line(self, rates: Rates, timing: Timing) -> BotLine:
        """The way in which we are connected, by what there is to connect with."""
        shared = (self._memory, self._account, self.mailbox, self._notes, self._spool)
        if not self._account.hooked:
            spending = SharedRates(self._memory, self.mailbox, rates)
            return LongLine(*shared, spending, self._say, timing)

        def welcome(language: Literal["en", "zh"]) -> Card:
            return how_to_card(self._say, language, app=self._invite is not None)

        return HookLine(*shared, self._say, timing, welcome)

    @property
    def connection(self) -> Connection:
        """The long connection, where that is how we are connected."""
        assert isinstance(self._line, LongLine)  # noqa: S101 - for those who know
        return self._line.connection

    def routes(self) -> list[web.RouteDef]:
        """What the web door has to hand on to us."""
        return self._line.routes()

    async def run(self) -> None:
        """Hold the connection, or stand by, until cancelled."""
        await asyncio.to_thread(self._spool.clear)
        try:
            await self._line.run()
        finally:
            await self._spool.close()
            await self._telling.close()

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us from the inbox, once the connection is here: so are the files that came over it."""
        await self._line.here.wait()
        reading = Reading(self._memory, self.mailbox, self._read, self._timing.again_s, _lane)
        async with contextlib.aclosing(reading.messages()) as found:
            async for inbound in found:
                yield inbound

    async def settle(self, inbound: Inbound) -> None:
        """Take a message out of the inbox, and its file from the disk."""
        await self._memory.dealt_with(self.mailbox, inbound.entry)
        if inbound.media is not None:
            await self._spool.drop(inbound.media.ref)

    async def fetch(self, media: Media, path: Path) -> None:
        """Hand a file on that was fetched when it came."""
        spooled = await self._spool.take(media.ref)
        try:
            await asyncio.to_thread(shutil.copyfile, spooled.path, path)
        except FileNotFoundError:
            raise MediaGone(media.name) from None

    async def post(
        self,
        chat: Chat,
        text: str,
        *,
        key: str,
        reply_to: str | None = None,  # noqa: ARG002 - the key tells what is answered
    ) -> MessageRef:
        """Send text; a result for a person alone also to the group that they chose."""
        return await self._telling.post(chat, text, key)

    async def offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        *,
        key: str,
        reply_to: str | None = None,  # noqa: ARG002
        person: Person | None = None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Send text, or a picture, with a card."""
        return await self._telling.offer(chat, text, choices, key, person, picture)

    async def revise(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice] = (),
        *,
        person: Person | None = None,
        picture: Picture | None = None,  # noqa: ARG002
        patient: bool = False,
    ) -> None:
        """Let an answer grow that is still open; ChatUnreachable for all others, and where a card to fill in is to come.

        What has choices and is for nobody in particular stands for what just changed at a press, and is said anew. What
        is patient waits for the end: it would come as one more message.
        """
        try:
            await self._grow(message, text, choices)
        except ChatUnreachable as error:
            if patient:
                _LOG.debug("A message stays as it is: %s", error)
                return
            if not choices or person is not None:
                raise
            await self._telling.offer(message.chat, text, choices, new_req_id("anew"), None)

    async def _grow(self, message: MessageRef, text: str, choices: Sequence[Choice]) -> None:
        if not message.id.startswith("stream:") or filled_in(choices):
            raise ChatUnreachable("WeCom does not let a bot change this message")
        said = {"op": "grow", "message": message.id, "text": text, "more": bool(choices)}
        await self._line.say(said)

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send a file."""
        del reply_to
        return await self._telling.send_file(chat, path, name, key)

    async def _post_in_group(self, chat: str, text: str, key: str) -> None:
        await self.post(self._chat(Place(chat, private=False)), text, key=key)

    async def _read(self, entry: str, key: str, raw: str) -> Inbound | None:
        match read_body(json.loads(raw)["body"]):
            case Said(place, person, text) if place.private and (
                await self._telling.concerns_groups(self._chat(place), person, text)
            ):
                await self._telling.answer_about_groups(self._chat(place), person, key, text)
            case Said() as said:
                return await self._said(entry, key, said)
            case Unheard(place, person):
                await self._show_how(place, person, f"{key}:how", "wecom-voice-unheard")
            case Entered(place, person):
                await self._show_how(place, person, f"{key}:how", "wecom-welcome")
            case Pressed() as pressed:
                return await self._pressed(entry, key, pressed)
        return None

    async def _show_how(self, place: Place, person: str, key: str, why: str) -> None:
        language = await self._notes.language(person)
        card = how_to_card(self._say, language, app=self._invite is not None)
        await self._telling.speaking.show_card(
            self._chat(place), self._say(language, why), card, key
        )

    async def _lead_to_app(self, chat: Chat, person: str, key: str) -> None:
        """Have the app write to a person: so its chat stands on top of all others."""
        said = "wecom-app-not-yours"
        with contextlib.suppress(ChatUnreachable):  # they do not see the app
            if self._invite is not None:
                await self._invite(person, key)
                said = "wecom-app-wrote"
        await self._telling.say_of_ours(chat, person, said, f"{key}:app")

    async def _said(self, entry: str, key: str, said: Said) -> Inbound:
        media: Media | None = None
        if (source := said.source) is not None:
            name, size_bytes = source.fallback, None
            with contextlib.suppress(MediaGone, MediaTooLarge):  # the bot says so, when it fetches
                spooled = await self._spool.take(source.ref())
                name, size_bytes = spooled.name, spooled.size_bytes
            media = Media(source.ref(), name, size_bytes, kind_of(name))
        if self._delivery is not None and not said.place.private:
            await self._delivery.note_group(said.person, said.place.chat)
        return self._inbound(
            entry, key, said.place, said.person, text=said.text, media=media, number=said.message_id
        )

    async def _pressed(self, entry: str, key: str, pressed: Pressed) -> Inbound | None:
        """A card: hand on what it means, once; who may not press it, or too late, gets an answer."""
        press, chat = pressed.press, self._chat(pressed.place)
        meant = await self._notes.card(press.task_id)
        if meant is not None and meant.person not in {None, press.person}:
            theirs = "wecom-not-your-settings" if meant.selects else "wecom-not-yours"
            other = f"{key}:other"
            await self._telling.say_of_ours(chat, press.person, theirs, other, name=meant.name)
            return None
        if meant is None or not await self._notes.counts(chat, meant, press, key):
            await self._telling.say_of_ours(chat, press.person, "button-old", f"{key}:old")
            return None
        words, form = typed(meant, press), form_of(meant, press)
        choice = token_of(meant, press) if words is None and form is None else None
        if choice == RECORD:
            await self._lead_to_app(chat, press.person, key)
            return None
        if await self._telling.concerns_groups(chat, press.person, choice=choice):
            await self._telling.answer_about_groups(chat, press.person, key, choice=choice)
            return None
        return self._inbound(
            entry,
            key,
            pressed.place,
            press.person,
            text=words or "",
            choice=choice,
            form=form,
            fresh=False,
        )

    def _inbound(
        self,
        entry: str,
        key: str,
        place: Place,
        person: str,
        *,
        text: str = "",
        media: Media | None = None,
        number: str = "",
        choice: str | None = None,
        form: tuple[str, ...] | None = None,
        fresh: bool = True,
    ) -> Inbound:
        return Inbound(
            key=key,
            entry=entry,
            chat=self._chat(place),
            person=Person(id=person, name=person, language="zh"),
            text=text,
            media=media,
            message_id=number,
            choice=choice,
            form=form,
            fresh=fresh,
            in_line=True,
        )

    def _chat(self, place: Place) -> Chat:
        return Chat(
            platform="wecom", account=self._account.id, id=place.chat, private=place.private
        )


_: type[ChatAdapter] = BotChat


def _lane(raw: str) -> str:
    """What one person says in one chat keeps its order, also behind a file that is still being fetched."""
    return sender_of(json.loads(raw)["body"])
