"""DingTalk: a ChatAdapter in groups and with each person alone, over the stream or called back over HTTP."""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from aiohttp import web

from adapters.chats.alone import Alone
from adapters.chats.dingtalk import cards
from adapters.chats.dingtalk.account import Account, Timing
from adapters.chats.dingtalk.api import Api
from adapters.chats.dingtalk.client import Client
from adapters.chats.dingtalk.decoding import (
    lane_of,
)
from adapters.chats.dingtalk.delivery import Delivery
from adapters.chats.dingtalk.ear import Ear
from adapters.chats.dingtalk.files import TAKEN_BYTES, make_spool
from adapters.chats.dingtalk.frames import MESSAGES, Frame
from adapters.chats.dingtalk.hook import Hook
from adapters.chats.dingtalk.incoming import Incoming
from adapters.chats.dingtalk.notes import Notes
from adapters.chats.dingtalk.presses import for_one, press_lane, pressed, read_press
from adapters.chats.dingtalk.rates import Rates, SharedRates
from adapters.chats.dingtalk.robots import GroupRobots, Robot
from adapters.chats.dingtalk.speaking import Speaking
from adapters.chats.dingtalk.stream import Stream
from adapters.chats.dingtalk.writing import TEXT
from adapters.chats.says import Says
from bot.ports import (
    Chat,
    ChatAdapter,
    ChatError,
    Choice,
    Inbound,
    LetsIn,
    Limits,
    Media,
    MediaGone,
    Memory,
    MemoryUnavailable,
    MessageRef,
    Person,
    Picture,
)

_LOG = logging.getLogger(__name__)

FILE_BYTES: Final = 20_000_000
"""Largest file that DingTalk sends."""
_CAPTION: Final = 500


class DingTalkChat:
    """One robot."""

    def __init__(
        self,
        memory: Memory,
        account: Account,
        say: Says,
        spool: Path,
        *,
        lets_in: LetsIn,
        robots: Mapping[str, Robot] | None = None,
        rates: Rates | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nothing is asked of DingTalk before ``run``.

        Args:
            memory: Inbox, budgets, the access token, and all we have to remember.
            account: Which robot.
            say: What is said where the bot is not asked.
            spool: A private folder for files on their way to the bot.
            lets_in: Who may choose them.
            robots: Group robots that results may go to, by the names of their groups.
            rates: How fast we speak.
            timing: How long things may take.
        """
        timing, rates = timing or Timing(), rates or Rates()
        self.mailbox = f"dingtalk:{account.robot_code}"
        self.limits = Limits(
            text_length=TEXT,
            can_revise=account.has_cards,
            revise_every_s=rates.revise_every_s,
            choices=cards.CHOICES if account.has_cards else 0,
            file_size_bytes=TAKEN_BYTES,
            send_bytes=FILE_BYTES,
            sends_videos=False,
            caption_length=_CAPTION,
            quoted_in_groups=True,
            hears_all=False,
            captions=False,
        )
        self._memory = memory
        self._account = account
        self._say = say
        self._timing = timing
        self._notes = Notes(memory, self.mailbox)
        self._api = Api(account, timing.answer_s)
        shared = SharedRates(memory, self.mailbox, rates, timing.blocked_s)
        client = Client(self._api, memory, self.mailbox, account, shared, timing)
        alone = Alone(memory, self.mailbox)
        self._client, self._alone = client, alone
        self._speaking = Speaking(self._api, client, self._notes, shared, account, say, alone)
        self._spool = make_spool(spool, client, timing)
        pushing = GroupRobots(self._api, self._notes, shared, robots or {})
        self._delivery = Delivery(
            memory,
            self.mailbox,
            pushing,
            self._notes,
            say,
            self._post_in_group,
            lets_in,
            typed=not account.has_cards,
        )
        self._incoming = Incoming(
            memory,
            self.mailbox,
            account,
            self._notes,
            self._spool,
            self._speaking,
            self._delivery,
            say,
            self._calm,
            timing.again_s,
        )
        self._ear = Ear(memory, self.mailbox, timing.again_s)
        self.stream = Stream(self._api, account, timing, self._take)
        self.hook = Hook(memory, account, self.mailbox, self._ear, timing)

    def routes(self) -> list[web.RouteDef]:
        """What the web door has to hand on to us."""
        return self.hook.routes() if self._account.mode == "http" else []

    async def run(self) -> None:
        """Hold the stream until cancelled; called back, there is nothing to hold."""
        await asyncio.to_thread(self._spool.clear)
        try:
            if self._account.mode == "stream":
                await self.stream.run()
            else:
                await asyncio.Event().wait()
        finally:
            await self._ear.close()
            await self._spool.close()
            await self._api.close()

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us from the inbox."""
        async with contextlib.aclosing(self._incoming.messages()) as found:
            async for inbound in found:
                yield inbound

    async def settle(self, inbound: Inbound) -> None:
        """Take a message out of the inbox, and its file from the disk."""
        await self._memory.dealt_with(self.mailbox, inbound.entry)
        await self._incoming.settled(inbound.entry)
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
        self, chat: Chat, text: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send text; a result for a person alone also to the group that they chose."""
        return await self.offer(chat, text, (), key=key, reply_to=reply_to)

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
        """Send text, or a picture, with choices on a card where there is one."""
        message = await self._speaking.say(chat, text, choices, key, reply_to, person, picture)
        if chat.private:
            trouble = await self._delivery.pass_on(await self._notes.known(chat.id), text, key)
            if trouble:
                await self._speaking.say(chat, trouble, (), f"{key}:trouble", None)
        return message

    async def revise(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice] = (),
        *,
        person: Person | None = None,
        picture: Picture | None = None,
        patient: bool = False,  # noqa: ARG002 - changes of cards have room of their own
    ) -> None:
        """Change a card; whatever else was said stays, ChatUnreachable."""
        await self._speaking.change(message, text, choices, person, picture)

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send a file."""
        del reply_to
        return await self._speaking.send_file(chat, path, name, key)

    async def _take(self, frame: Frame) -> object:
        """What came over the stream, kept; what it is acknowledged with."""
        if frame.topic == MESSAGES:
            name = str(frame.data.get("msgId") or frame.message_id)
            await self._ear.insist(frame.data, name, lane_of(frame.data))
            return None
        return await self._take_press(frame)

    async def _take_press(self, frame: Frame) -> object:
        """DingTalk waits for two seconds: what cannot be kept by then is said so, and may be pressed again."""
        press = read_press(frame.data)
        if press is None:
            return {}
        language: Literal["en", "zh"] = "zh"
        try:
            async with asyncio.timeout(self._timing.press_s):
                language = await self._notes.language(press.person)
                meant = await self._notes.card(press.card)
                if meant is None or press.button not in meant.tokens:
                    return for_one(self._say(language, "button-old"))
                if meant.person not in {None, press.person}:
                    return for_one(self._say(language, "dingtalk-not-yours", name=meant.name))
                await self._ear.keep("press", frame.data, frame.message_id, press_lane(frame.data))
        except (MemoryUnavailable, TimeoutError):
            return for_one(self._say(language, "dingtalk-later"))
        return pressed(self._say(language, "dingtalk-pressed"))

    async def _calm(self, name: str, looks: str) -> None:
        """A card whose press is dealt with stops saying that it will be, unless it changed since. Only a nicety."""
        with contextlib.suppress(ChatError, MemoryUnavailable):
            async with self._alone.with_(name):
                meant = await self._notes.card(name)
                if meant is not None and meant.looks == looks:
                    await self._client.change_card(name, {cards.REMARK: ""})

    async def _post_in_group(self, chat: str, text: str, key: str) -> None:
        group = Chat(platform="dingtalk", account=self._account.robot_code, id=chat, private=False)
        await self._speaking.say(group, text, (), key, None)


_: type[ChatAdapter] = DingTalkChat
