"""The AI bot over its long connection: what is heard is kept at once, because nobody sends it again."""

import asyncio
import contextlib
import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from adapters.chats.persistence import persist
from adapters.chats.says import Says
from adapters.chats.spool import Spool
from adapters.chats.wecom.account import BotAccount, Timing
from adapters.chats.wecom.bot_connection import Connection, Frame
from adapters.chats.wecom.bot_decoding import (
    Entered,
    Pressed,
    Said,
    Unheard,
    mentioned,
    read_body,
    sender_of,
)
from adapters.chats.wecom.bot_mouth import BotMouth
from adapters.chats.wecom.bot_upload import upload
from adapters.chats.wecom.cards import closed
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.rates import SharedRates
from adapters.chats.wecom.relay import Relay
from bot.ports import ChatError, Memory, MemoryUnavailable

_LOG = logging.getLogger(__name__)

_CLOSINGS: Final = 64
_LAST_WORDS_S: Final = 2.0
"""So long a front end that ends still keeps what it heard."""


class LongLine:
    """The long connection of one bot, shared by all front ends: one holds it, the others speak through that one."""

    sends_files = True
    speaks_first = True

    def __init__(
        self,
        memory: Memory,
        account: BotAccount,
        mailbox: str,
        notes: Notes,
        spool: Spool,
        rates: SharedRates,
        say: Says,
        timing: Timing,
    ) -> None:
        """Prepare; nothing is opened before ``run``.

        Args:
            memory: The inbox, and where the front ends agree.
            account: Which bot.
            mailbox: Its inbox.
            notes: What cards mean.
            spool: Takes files in, while WeCom has them.
            rates: How fast we speak.
            say: What a card says once it was pressed, and an answer that ends early.
            timing: How long things may take.
        """
        self._memory = memory
        self._name = account.name
        self._mailbox = mailbox
        self._notes = notes
        self._spool = spool
        self._say = say
        self._timing = timing
        self.connection = Connection(memory, account, mailbox, timing, self._hear)
        self.here = self.connection.opened
        self._mouth = BotMouth(self.connection, rates, self._later, timing)
        self._relay = Relay(memory, mailbox, self._mouth.perform, self.here, timing.relay_s)
        self._unkept: dict[str, tuple[str, str]] = {}
        """Messages that are not in the inbox yet and who sent them, by their keys."""
        self._heard = asyncio.Event()
        self._closings: asyncio.Queue[tuple[str, Pressed]] = asyncio.Queue(_CLOSINGS)

    def routes(self) -> list[web.RouteDef]:
        """Nothing comes to the web door."""
        return []

    async def run(self) -> None:
        """Hold the connection, or stand by, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.connection.run(), name=f"connection {self._mailbox}")
                tasks.create_task(self._keep_heard())
                tasks.create_task(self._close_pressed())
                tasks.create_task(self._mouth.run())
                tasks.create_task(self._relay.serve())
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await self._keep_unkept()

    async def say(self, said: dict[str, Any]) -> str:
        """Say something here, or where the connection is."""
        return await self._relay.say(said)

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Hand a file over in chunks."""
        return await upload(self._ask, kind, file, name)

    async def _later(self, person: str) -> str:
        return self._say(await self._notes.language(person), "wecom-stream-later")

    async def _ask(self, cmd: str, body: Frame) -> Frame:
        answer = await self.say({"op": "frame", "cmd": cmd, "body": body})
        found: Frame = json.loads(answer)
        return found

    def _hear(self, frame: Frame) -> None:
        """At once: what is answered is noted, and a file begun to be fetched."""
        body, key = mentioned(frame.get("body") or {}, self._name), self._key(frame)
        req_id = str(frame.get("headers", {}).get("req_id", ""))
        meant = read_body(body)
        if isinstance(meant, Said | Unheard | Entered):
            welcome = isinstance(meant, Entered)
            self._mouth.note(key, req_id, meant.place.chat, meant.person, welcome=welcome)
        if isinstance(meant, Said) and meant.source is not None:
            self._spool.begin(meant.source.ref())
        if isinstance(meant, Pressed) and not self._closings.full():
            self._closings.put_nowait((req_id, meant))
        if meant is not None:
            raw = json.dumps({"body": body}, ensure_ascii=False)
            self._unkept[key] = (raw, sender_of(body))
            self._heard.set()

    async def _keep_heard(self) -> None:
        while True:
            await self._heard.wait()
            self._heard.clear()
            await self._keep_unkept()

    async def _keep_unkept(self) -> None:
        """Into the inbox, in their order: nobody sends them again."""
        while self._unkept:
            key, (raw, sender) = next(iter(self._unkept.items()))

            async def keep(key: str = key, raw: str = raw, sender: str = sender) -> None:
                await self._memory.receive(self._mailbox, key, raw, sender)

            await persist(keep, "WeCom, keeping a message", self._timing.again_s)
            self._unkept.pop(key, None)

    def _key(self, frame: Frame) -> str:
        body = frame.get("body") or {}
        name = body.get("msgid") or hashlib.sha256(json.dumps(frame).encode()).hexdigest()[:32]
        return f"{self._mailbox}:{name}"

    async def _close_pressed(self) -> None:
        """WeCom lets us change a card within five seconds of the press, and never again: each by itself, none waits."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                req_id, pressed = await self._closings.get()
                tasks.create_task(self._try_to_close(req_id, pressed))

    async def _try_to_close(self, req_id: str, pressed: Pressed) -> None:
        try:
            await self._close(req_id, pressed)
        except (ChatError, MemoryUnavailable) as error:
            _LOG.info("A card stays as it was: %s", error)

    async def _close(self, req_id: str, pressed: Pressed) -> None:
        press = pressed.press
        meant = await self._notes.card(press.task_id)
        if meant is None or meant.person not in {None, press.person}:
            return
        if not meant.stays and not await self._notes.first_press(press.task_id):
            return
        await self._mouth.forget_card(press.task_id)
        done = self._say(await self._notes.language(press.person), "wecom-pressed")
        card = closed(meant, press, done)
        body: dict[str, Any] = {"response_type": "update_template_card", "template_card": card}
        await self.connection.ask("aibot_respond_update_msg", body, req_id)
