"""The Telegram platform: a ChatAdapter over python-telegram-bot. It keeps no state but in the Memory."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from aiohttp import web
from telegram import File
from telegram.error import InvalidToken
from telegram.ext import ExtBot

from adapters.chats.alone import Alone
from adapters.chats.persistence import persist
from adapters.chats.says import Says
from adapters.chats.telegram.account import Account
from adapters.chats.telegram.client import make_bot
from adapters.chats.telegram.errors import FETCHED_BYTES, may_come_back, ours
from adapters.chats.telegram.incoming import Incoming
from adapters.chats.telegram.menu import GroupMenus, show_menu
from adapters.chats.telegram.moves import Moves
from adapters.chats.telegram.notes import Notes
from adapters.chats.telegram.outgoing import Outgoing
from adapters.chats.telegram.rates import Kind, Rates, SharedRates
from adapters.chats.telegram.sources import Inbox, Polling, Timing, Webhook
from bot.ports import (
    Chat,
    ChatAdapter,
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

HOOK: Final = "/hooks/telegram"
_LOCAL_FILE_BYTES: Final = 2_000_000_000
_CLOUD_SEND_BYTES: Final = 50_000_000
_LOCAL_SEND_BYTES: Final = 200_000_000
"""Such a server takes more with ``--local``, but the library holds a file in memory while it sends it. Without, it takes as
little as Telegram; nothing tells which it is, until it refuses."""
_TEXT: Final = 3500
"""Characters of one text; Telegram counts 4096 units of which some letters take two."""
_CAPTION: Final = 900
"""Likewise below a picture, where it counts 1024."""
_CHOICES: Final = 30
"""Most buttons of one message; of more Templates there are pages."""
_SENDS: Final = 2
_NOT_SHARED: Final = (
    "The Bot API server's files cannot be read here (%s). With --local it keeps them on its own disk: share its folder "
    "with this machine under the same path, readable for Chorus; or start it without --local, for files up to 20 MB"
)
_GETTING_BYTES_S: Final = 500_000
"""What a server of our own gets from Telegram in a second at its slowest."""
_UNAVAILABLE_PAUSES: Final = (1, 3, 9)
"""So many times the first pause after an outage is waited before a file is asked for again that cannot be had."""
_FETCHES: Final = 4
"""Files fetched at once: the library holds each of them in memory."""


class TelegramChat:
    """One bot on Telegram."""

    def __init__(
        self,
        memory: Memory,
        account: Account,
        say: Says,
        *,
        admins: Sequence[str] = (),
        rates: Rates | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nothing is asked of Telegram before ``run``.

        Args:
            memory: Inbox, budgets, and all we have to remember.
            account: Which bot.
            say: What alerts and menus say.
            admins: Telegram's numbers of those who administer; their menu has more.
            rates: How fast we speak.
            timing: How long things may take.
        """
        timing, rates = timing or Timing(), rates or Rates()
        self.mailbox = f"telegram:{account.id}"
        self.limits = Limits(
            text_length=_TEXT,
            can_revise=True,
            revise_every_s=rates.revise_every_s,
            choices=_CHOICES,
            file_size_bytes=_LOCAL_FILE_BYTES if account.api_base else FETCHED_BYTES,
            link_buttons=True,
            send_bytes=_LOCAL_SEND_BYTES if account.api_base else _CLOUD_SEND_BYTES,
            caption_length=_CAPTION,
            dub=True,
            own_server="" if account.api_base else "CHORUS_TELEGRAM_API_BASE",
            rings=True,
        )
        self._memory = memory
        self._account = account
        self._say = say
        self._admins = admins
        self._timing = timing
        self._rates = SharedRates(memory, self.mailbox, rates)
        self._bot: ExtBot[Kind]
        self._bot, answers = make_bot(account.token, account.api_base, timing.answer_s, self._rates)
        self._notes = Notes(memory, self.mailbox)
        self._moves = Moves(memory, self.mailbox)
        alone = Alone(memory, self.mailbox)
        self._outgoing = Outgoing(self._bot, self._notes, self._moves, alone)
        menus = GroupMenus(self._bot, say, self._notes, admins)
        self._incoming = Incoming(
            self._bot, memory, self._notes, self._moves, say, menus, account.id, timing
        )
        inbox = Inbox(memory, self.mailbox)
        self._webhook: Webhook | None = None
        if account.hook_url is not None:
            self._webhook = Webhook(self._bot, inbox, account.hook_url, account.hook_secret, timing)
        self._polling = Polling(self._bot, answers, memory, inbox, self.mailbox, timing)
        self._connected = asyncio.Event()
        self._sending = asyncio.Semaphore(_SENDS)
        self._fetching = asyncio.Semaphore(_FETCHES)

    def routes(self) -> list[web.RouteDef]:
        """What the web door has to hand on to us."""
        return [] if self._webhook is None else [web.post(HOOK, self._webhook.answer)]

    async def run(self) -> None:
        """Hold the connection until cancelled; survives outages of Telegram and of the Memory."""
        try:
            await persist(self._connect, "Telegram, connecting", self._timing.again_s)
            self._connected.set()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task((self._webhook or self._polling).run(), name=self.mailbox)
                tasks.create_task(
                    persist(self._show_menu, "Telegram, showing the menu", self._timing.again_s)
                )
        finally:
            self._connected.clear()
            await self._bot.shutdown()

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us from the inbox."""
        await self._connected.wait()  # only then we know our name
        async with contextlib.aclosing(self._incoming.messages()) as found:
            async for inbound in found:
                yield inbound

    async def settle(self, inbound: Inbound) -> None:
        """Take a message out of the inbox."""
        await self._memory.dealt_with(self.mailbox, inbound.entry)

    async def fetch(self, media: Media, path: Path) -> None:
        """Fetch a file, over HTTP or, from a server of our own, from its disk."""
        if media.size_bytes is not None and media.size_bytes > self.limits.file_size_bytes:
            raise MediaTooLarge(media.name)
        file = await self._found(media)
        if file.file_path is None:
            raise MediaGone(media.name)
        # The library makes a URL of each path that it does not find on this machine.
        there = file.file_path.removeprefix(f"{self._bot.base_file_url}/")
        async with self._fetching:
            if Path(there).is_absolute():
                await asyncio.to_thread(_copy, there, path, media.name)
                return
            with ours():
                try:
                    await self._rates.watched("", file.download_to_drive, path)
                except InvalidToken:  # what the library makes of 404
                    raise MediaGone(media.name) from None

    async def _found(self, media: Media) -> File:
        """Where a file lies. A server of our own answers once it has all of it; what it cannot get now is asked for again."""
        answer_s = self._timing.answer_s + (media.size_bytes or 0) / _GETTING_BYTES_S
        pauses = iter(_UNAVAILABLE_PAUSES)
        while True:
            try:
                with ours():
                    return await self._bot.get_file(media.ref, read_timeout=answer_s)
            except MediaGone as error:
                pause = next(pauses, None) if may_come_back(error.__cause__) else None
                if pause is None:
                    raise
                await asyncio.sleep(pause * self._timing.again_s)

    async def post(
        self, chat: Chat, text: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send text."""
        return await self._outgoing.say(chat, text, (), key, reply_to, None)

    async def offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        *,
        key: str,
        reply_to: str | None = None,
        person: Person | None = None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Send text, or a photo, with buttons that one person may press, or all."""
        return await self._outgoing.say(chat, text, choices, key, reply_to, person, picture)

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
        """Change a message; nothing is sent if it looks like this already."""
        await self._outgoing.change(
            message, text, choices, person=person, picture=picture, patient=patient
        )

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send a file as a document: Telegram would encode a video anew, and the label inside it would be lost."""
        async with self._sending:
            try:
                return await self._outgoing.send_file(chat, path, name, key, reply_to)
            except MediaTooLarge:
                size_bytes = (await asyncio.to_thread(path.stat)).st_size
                limit_bytes = min(_CLOUD_SEND_BYTES, size_bytes - 1)
                _LOG.warning("Telegram's server takes files up to %d bytes only", limit_bytes)
                self.limits = replace(self.limits, send_bytes=limit_bytes)
                raise MediaTooLarge(name, limit_bytes) from None

    async def _connect(self) -> None:
        with ours():
            await self._bot.initialize()

    async def _show_menu(self) -> None:
        await show_menu(self._bot, self._say, self._notes, self._admins)


_: type[ChatAdapter] = TelegramChat


def _copy(source: str, path: Path, name: str) -> None:
    """A server of our own tells where a file lies on its disk, which has to be shared with us."""
    try:
        shutil.copyfile(source, path)
    except OSError as error:
        _LOG.warning(_NOT_SHARED, error.strerror)
        raise MediaGone(name) from None  # the error tells the path, and in it the token
