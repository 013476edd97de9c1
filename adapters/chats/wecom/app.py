"""The self-built app: a ChatAdapter with each person alone. The only door of WeCom that gets real voice notes."""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from adapters.chats.persistence import persist
from adapters.chats.reading import Reading
from adapters.chats.says import Says
from adapters.chats.tokens import AccessTokens
from adapters.chats.troubles import passes
from adapters.chats.wecom.account import AppAccount, Timing
from adapters.chats.wecom.api import Api
from adapters.chats.wecom.app_client import TAKEN_BYTES, AppClient, asks_for_token
from adapters.chats.wecom.app_decoding import Pressed, Said, read_callback
from adapters.chats.wecom.callback_xml import read_xml, word
from adapters.chats.wecom.cards import OPTIONS, SELECTS, VALUES, closed
from adapters.chats.wecom.delivery import Delivery
from adapters.chats.wecom.hook import AppHook
from adapters.chats.wecom.menu import app_menu
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.presses import Meant, form_of, token_of, typed
from adapters.chats.wecom.rates import Rates, SharedRates
from adapters.chats.wecom.speaking import CAPTION, FILE_BYTES, Speaking
from adapters.chats.wecom.telling import Telling
from adapters.chats.wecom.writing import LINK_BYTES, TEXT_BYTES, pieces, shortened, to_markdown
from bot.ports import (
    Chat,
    ChatAdapter,
    ChatError,
    ChatUnreachable,
    Choice,
    Inbound,
    Limits,
    Media,
    Memory,
    MemoryUnavailable,
    MessageRef,
    Person,
    Picture,
)

_LOG = logging.getLogger(__name__)

_TEXT: Final = 16_000
"""Letters of one text for the bot; what has more bytes than a message takes is cut here, at line ends."""
_GROUP_BYTES: Final = LINK_BYTES
"""Of 2048: marking takes a few more."""
_CLOSINGS: Final = 256
"""Cards that wait to be closed; what is beyond stays as it is."""


class AppChat:
    """One self-built app."""

    def __init__(
        self,
        memory: Memory,
        account: AppAccount,
        say: Says,
        *,
        delivery: Delivery | None = None,
        rates: Rates | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nothing is asked of WeCom before ``run``. Raises KeyUnusable.

        Args:
            memory: Inbox, budgets, the access token, and all we have to remember.
            account: Which app.
            say: What cards and menus say.
            delivery: Tells groups of results.
            rates: How fast we speak.
            timing: How long things may take.
        """
        timing = timing or Timing()
        self.mailbox = f"wecom:{account.id}"
        self.limits = Limits(
            text_length=_TEXT,
            can_revise=False,
            revise_every_s=60.0,
            choices=OPTIONS,
            file_size_bytes=TAKEN_BYTES,
            link_bytes=LINK_BYTES,
            send_bytes=FILE_BYTES,
            caption_length=CAPTION,
            captions=False,
            fields=SELECTS,
            values=VALUES,
        )
        self._memory = memory
        self._account = account
        self._say = say
        if delivery is not None:
            delivery.post_in_made, delivery.make_group = self._post_in_made, self._make_group
        self._timing = timing
        self._notes = Notes(memory, self.mailbox)
        self._api = Api(account.api_base, timing.answer_s)
        tokens = AccessTokens(memory, self.mailbox, asks_for_token(self._api, account))
        shared = SharedRates(memory, self.mailbox, rates or Rates())
        self._client = AppClient(self._api, tokens, account, shared)
        speaking = Speaking(self._client, self._notes, say, TEXT_BYTES)
        self._telling = Telling(speaking, self._notes, delivery, say)
        self._hook = AppHook(memory, account, self.mailbox, timing)
        self._closings: asyncio.Queue[tuple[Pressed, Meant]] = asyncio.Queue(_CLOSINGS)

    def routes(self) -> list[web.RouteDef]:
        """What the web door has to hand on to us."""
        return self._hook.routes()

    async def run(self) -> None:
        """Show the menu and close cards, until cancelled; callbacks come to the web door."""
        try:
            async with (
                asyncio.TaskGroup() as tasks
            ):  # each by itself: none waits for another's answer
                showing = persist(self._show_menu, "WeCom, showing the menu", self._timing.again_s)
                tasks.create_task(showing)
                while True:
                    tasks.create_task(self._close(*await self._closings.get()))
        finally:
            await self._api.close()
            await self._telling.close()

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us from the inbox."""
        reading = Reading(self._memory, self.mailbox, self._read, self._timing.again_s, _lane)
        async with contextlib.aclosing(reading.messages()) as found:
            async for inbound in found:
                yield inbound

    async def settle(self, inbound: Inbound) -> None:
        """Take a message out of the inbox."""
        await self._memory.dealt_with(self.mailbox, inbound.entry)

    async def fetch(self, media: Media, path: Path) -> None:
        """Fetch a file by its media id, which lives for three days."""
        await self._client.fetch(media.ref, path)

    async def post(
        self,
        chat: Chat,
        text: str,
        *,
        key: str,
        reply_to: str | None = None,  # noqa: ARG002 - nothing to answer to
    ) -> MessageRef:
        """Send text; a result also to the group that the person chose."""
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
        picture: Picture | None = None,
        patient: bool = False,
    ) -> None:
        """There is no such thing, as the limits say."""
        del text, choices, person, picture, patient
        raise ChatUnreachable(f"WeCom does not let an app change {message.id}: what it said stays")

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send a file."""
        del reply_to
        return await self._telling.send_file(chat, path, name, key)

    async def invite(self, person: str, key: str) -> None:
        """Write to a person, so that they find the chat in which they can record. Raises ChatUnreachable."""
        chat = self._chat(person)
        await self._telling.say_of_ours(chat, person, "wecom-app-here", f"{key}:invited")

    async def _post_in_made(self, chat: str, text: str, key: str) -> None:
        for number, piece in enumerate(pieces(text, _GROUP_BYTES)):
            if await self._notes.sent(f"{key}#{number}") is None:
                await self._client.send_in_group(chat, shortened(to_markdown(piece), TEXT_BYTES))
                await self._notes.note_sent(f"{key}#{number}", "1")

    async def _make_group(self, chat: str, name: str, people: Sequence[str], text: str) -> None:
        """What is refused may have been made before, and its answer lost: then we can say something there."""
        refused: ChatError | None = None
        if await self._notes.sent(f"made:{chat}") is None:
            try:
                await self._client.make_group(chat, name, people)
                await self._notes.note_sent(f"made:{chat}", "1")
            except ChatError as error:
                if passes(error):
                    raise
                refused = error
        try:
            await self._post_in_made(chat, text, f"hello:{chat}")
        except ChatError as error:
            if refused is None or passes(error):
                raise
            raise refused from None

    async def _read(self, entry: str, key: str, raw: str) -> Inbound | None:
        match read_callback(read_xml(json.loads(raw)["xml"])):
            case Said(person, text=text) if await self._telling.concerns_groups(
                self._chat(person), person, text
            ):
                await self._telling.answer_about_groups(self._chat(person), person, key, text)
            case Said() as said:
                return self._inbound(
                    entry,
                    key,
                    said.person,
                    text=said.text,
                    media=said.media,
                    number=said.message_id,
                )
            case Pressed() as pressed:
                return await self._pressed(entry, key, pressed)
        return None

    async def _pressed(self, entry: str, key: str, pressed: Pressed) -> Inbound | None:
        """A card: hand on what it means, once; one that is too old gets an answer."""
        press = pressed.press
        meant = await self._notes.card(press.task_id)
        chat = self._chat(press.person)
        if meant is None or not await self._notes.counts(chat, meant, press, key):
            await self._telling.say_of_ours(chat, press.person, "button-old", f"{key}:old")
            return None
        if not self._closings.full():
            self._closings.put_nowait((pressed, meant))
        text, form = typed(meant, press), form_of(meant, press)
        if text is not None or form is not None:
            return self._inbound(entry, key, press.person, text=text or "", form=form)
        token = token_of(meant, press)
        if await self._telling.concerns_groups(chat, press.person, choice=token):
            await self._telling.answer_about_groups(chat, press.person, key, choice=token)
            return None
        return self._inbound(entry, key, press.person, choice=token)

    def _inbound(
        self,
        entry: str,
        key: str,
        person: str,
        *,
        text: str = "",
        media: Media | None = None,
        number: str = "",
        choice: str | None = None,
        form: tuple[str, ...] | None = None,
    ) -> Inbound:
        return Inbound(
            key=key,
            entry=entry,
            chat=self._chat(person),
            person=Person(id=person, name=person, language="zh"),
            text=text,
            media=media,
            message_id=number,
            choice=choice,
            form=form,
            in_line=True,
        )

    def _chat(self, person: str) -> Chat:
        return Chat(platform="wecom", account=self._account.id, id=person)

    async def _close(self, pressed: Pressed, meant: Meant) -> None:
        """Only a nicety: a card that is not closed says so when it is pressed again."""
        if not pressed.response_code:
            return
        try:
            language = await self._notes.language(pressed.press.person)
            done = self._say(language, "wecom-pressed")
            card = closed(meant, pressed.press, done) if meant.stays else None
            await self._client.close_card(pressed.press.person, pressed.response_code, done, card)
        except (ChatError, MemoryUnavailable) as error:
            _LOG.info("A card stays as it was: %s", error)

    async def _show_menu(self) -> None:
        menu = app_menu(self._say)
        digest = hashlib.sha256(json.dumps(menu).encode()).hexdigest()
        if await self._notes.once("menu", digest):
            await self._client.show_menu(menu)
            await self._notes.note_done("menu", digest)


_: type[ChatAdapter] = AppChat


def _lane(raw: str) -> str:
    """Who has to wait does not keep others waiting."""
    return word(read_xml(json.loads(raw)["xml"]), "FromUserName")
