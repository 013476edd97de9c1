"""How the AI bot says something: in answer to a message while that is fresh, else as a new message.

An answer stays open and may grow, from "listening" to progress, until something newer is said in that chat, nothing was added
for a while, or WeCom's limit comes near; after that nothing of it can be changed. A person has two open at most.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from adapters.chats.wecom.account import Timing
from adapters.chats.wecom.bot_connection import Connection, new_req_id
from adapters.chats.wecom.errors import StreamOver
from adapters.chats.wecom.rates import SharedRates
from adapters.chats.wecom.writing import MARKDOWN_BYTES, STREAM_BYTES, shortened, to_markdown
from bot.ports import ChatError, ChatUnreachable, MemoryUnavailable

_WELCOME_S: Final = 4.0
_STREAM: Final = "stream:"
_MOST_OPEN: Final = 2
"""With three WeCom lets a person ask nothing more."""
_GROWN: Final = 3
Later = Callable[[str], Awaitable[str]]
"""So much more patience is had with an answer that grew before."""


@dataclass
class _Fresh:
    """A message that can still be answered."""

    req_id: str
    chat: str
    person: str
    welcome: bool
    until_s: float


@dataclass
class _Growing:
    """An answer that is open."""

    req_id: str
    chat: str
    person: str
    text: str
    task_id: str
    """Of the card that belongs to it; empty if there is none."""
    began_s: float
    grown_s: float
    grew: bool = False
    more: bool = False
    """What it tells of goes on: the bot can still be asked to change that."""


class BotMouth:
    """Speaks over the connection; only where that is held."""

    def __init__(
        self, connection: Connection, rates: SharedRates, later: Later, timing: Timing
    ) -> None:
        """Prepare.

        Args:
            connection: To speak over.
            rates: How fast.
            later: What an answer to a person ends with that is finished before what it tells of is.
            timing: How long answers stay open.
        """
        self._connection = connection
        self._rates = rates
        self._later = later
        self._timing = timing
        self._fresh: dict[str, _Fresh] = {}
        self._growing: dict[str, _Growing] = {}

    def note(self, key: str, req_id: str, chat: str, person: str, *, welcome: bool = False) -> None:
        """A message came that can be answered; by its key the bot's answers are known."""
        now_s = time.monotonic()
        self._fresh = {k: fresh for k, fresh in self._fresh.items() if fresh.until_s > now_s}
        until_s = now_s + (_WELCOME_S if welcome else self._timing.stream_s)
        self._fresh[key] = _Fresh(req_id, chat, person, welcome, until_s)

    async def perform(self, said: dict[str, Any]) -> str:
        """Say what another front end may have asked for; the message's id. Raises as ``ChatAdapter.post``."""
        match said["op"]:
            case "text":
                return await self._text(said)
            case "card":
                return await self._card(said)
            case "answer":
                return await self._answer(said)
            case "media":
                await self._finish_older(said["chat"])
                return await self._send(said, said["kind"], {"media_id": said["media_id"]})
            case "frame":
                answer = await self._connection.ask(said["cmd"], said["body"])
                return json.dumps(answer.get("body") or {})
            case "grow":
                return await self._grow(said["message"], said["text"], more=said["more"])
        raise ChatError(f"nobody knows how to {said['op']}")

    async def run(self) -> None:
        """Finish answers whose time is over, until cancelled."""
        while True:
            await asyncio.sleep(min(self._timing.idle_s, self._timing.stream_s) / 4)
            now_s = time.monotonic()
            for message, growing in list(self._growing.items()):
                aged = now_s - growing.began_s > self._timing.stream_s
                idle_s = self._timing.idle_s * (_GROWN if growing.grew else 1)
                if aged or now_s - growing.grown_s > idle_s:
                    await self._finish(message)

    async def forget_card(self, task_id: str) -> None:
        """A card was pressed: what it belongs to does not change any more."""
        for message, growing in list(self._growing.items()):
            if growing.task_id == task_id:
                growing.more = False
                await self._finish(message)

    async def _text(self, said: dict[str, Any]) -> str:
        await self._finish_older(said["chat"])
        fresh = self._take_fresh(said)
        if fresh is None:
            content = shortened(to_markdown(said["text"]), MARKDOWN_BYTES)
            return await self._send(said, "markdown", {"content": content})
        if fresh.welcome:
            body = {"msgtype": "text", "text": {"content": said["text"]}}
            return await self._welcome(fresh, body) or await self._text(said)
        return await self._open(fresh, said["text"], None) or await self._text(said)

    async def _card(self, said: dict[str, Any]) -> str:
        await self._finish_older(said["chat"])
        return await self._send(said, "template_card", said["card"])

    async def _answer(self, said: dict[str, Any]) -> str:
        """Text and card in one answer that stays open; empty if there is nothing fresh to answer."""
        fresh = self._take_fresh(said)
        if fresh is None:
            return ""
        if fresh.welcome:
            body = {"msgtype": "template_card", "template_card": said["card"]}
            return await self._welcome(fresh, body)
        await self._finish_older(said["chat"])
        return await self._open(fresh, said["text"], said["card"])

    async def _welcome(self, fresh: _Fresh, body: dict[str, Any]) -> str:
        """Answer who opened the chat; empty if it comes too late."""
        try:
            await self._connection.ask("aibot_respond_welcome_msg", body, fresh.req_id)
        except StreamOver:
            return ""
        return fresh.req_id

    async def _open(self, fresh: _Fresh, text: str, card: dict[str, Any] | None) -> str:
        """Begin an answer; empty if it comes too late."""
        mine = [name for name, each in self._growing.items() if each.person == fresh.person]
        for message in mine[: max(len(mine) + 1 - _MOST_OPEN, 0)]:
            await self._finish(message)
        stream_id = new_req_id("stream")
        try:
            await self._stream(fresh.req_id, stream_id, text, finish=False, card=card)
        except StreamOver:
            return ""
        now_s, message = time.monotonic(), f"{_STREAM}{stream_id}"
        task_id = str(card["task_id"]) if card else ""
        self._growing[message] = _Growing(
            fresh.req_id, fresh.chat, fresh.person, text, task_id, now_s, now_s
        )
        return message

    async def _grow(self, message: str, text: str, *, more: bool) -> str:
        growing = self._growing.get(message)
        if growing is None:
            raise ChatUnreachable("this answer is finished")
        try:
            await self._stream(growing.req_id, message.removeprefix(_STREAM), text, finish=False)
        except StreamOver:
            self._growing.pop(message, None)
            raise ChatUnreachable("this answer may not grow any more") from None
        growing.text, growing.grown_s, growing.grew = text, time.monotonic(), True
        growing.more = more
        return message

    async def _finish_older(self, chat: str) -> None:
        for message, growing in list(self._growing.items()):
            if growing.chat == chat:
                await self._finish(message)

    async def _finish(self, message: str) -> None:
        growing = self._growing.pop(message, None)
        if growing is None:
            return
        # What cannot be finished WeCom finishes by itself; nothing of it is lost.
        with contextlib.suppress(ChatError, MemoryUnavailable):
            text = growing.text
            if growing.more:
                text = f"{text}\n{await self._later(growing.person)}"
            await self._stream(growing.req_id, message.removeprefix(_STREAM), text, finish=True)

    async def _stream(
        self,
        req_id: str,
        stream_id: str,
        text: str,
        *,
        finish: bool,
        card: dict[str, Any] | None = None,
    ) -> None:
        content = shortened(to_markdown(text), STREAM_BYTES)
        body: dict[str, Any] = {
            "msgtype": "stream" if card is None else "stream_with_template_card",
            "stream": {"id": stream_id, "finish": finish, "content": content},
        }
        if card is not None:
            body["template_card"] = card
        await self._connection.ask("aibot_respond_msg", body, req_id)

    async def _send(self, said: dict[str, Any], kind: str, content: dict[str, Any]) -> str:
        await self._rates.room(said["chat"])
        req_id = new_req_id("aibot_send_msg")
        body = {
            "chatid": said["chat"],
            "chat_type": 1 if said["private"] else 2,
            "msgtype": kind,
            kind: content,
        }
        await self._connection.ask("aibot_send_msg", body, req_id)
        return req_id

    def _take_fresh(self, said: dict[str, Any]) -> _Fresh | None:
        """The message that is answered, once: one answer belongs to it, the others are messages of their own."""
        key = said["key"].partition("#")[0].rpartition(":")[0]
        fresh = self._fresh.pop(key, None)
        return fresh if fresh is not None and fresh.until_s > time.monotonic() else None
