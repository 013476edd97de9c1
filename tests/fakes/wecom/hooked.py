"""The AI bot by callback address: WeCom posts encrypted JSON, and asks for the rest of an answer until it is finished."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from adapters.chats.callback_crypto import CallbackCipher, Sealed
from tests.fakes.wecom.bot import BOT_ID
from tests.fakes.wecom.callbacks import query_of
from tests.fakes.wecom.limits import (
    MARKDOWN_BYTES,
    STREAM_BYTES,
    TEXT_BYTES,
    Broken,
    check_card,
    check_file,
    check_size,
    shut,
)
from tests.fakes.wecom.world import Message, World

HOOK_TOKEN: Final = "hooktoken"  # noqa: S105
HOOK_KEY: Final = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
_RETRIES: Final = 3


@dataclass
class Code:
    """What lets one message be posted, for an hour."""

    chat: str
    at_s: float
    used: bool = False


@dataclass
class Handed:
    """One callback and its answers."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class HookedBot:
    """WeCom's side of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cipher = CallbackCipher(HOOK_TOKEN, HOOK_KEY, "")
        self.targets: list[str] = []
        self.base = ""
        self.poll_s = 0.05
        self.stream_s = 360.0
        """So long an answer may take to be finished."""
        self.url_s = 3600.0
        self.deadline_s = 5.0
        self.codes: dict[str, Code] = {}
        self.handed: list[Handed] = []
        self._session: aiohttp.ClientSession | None = None
        self._polls: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for poll in self._polls:
            poll.cancel()
        if self._polls:
            await asyncio.wait(self._polls)
        if self._session is not None:
            await self._session.close()

    async def hands(
        self,
        body: dict[str, Any],
        kind: str = "msg",
        *,
        copies: int = 1,
        card: Message | None = None,
    ) -> str:
        """Give something to the bot, again and again until it is taken; its msgid."""
        code = secrets.token_hex(12)
        chat = str(body.get("chatid", body["from"]["userid"]))
        self.codes[code] = Code(chat, time.monotonic())
        body = {
            "msgid": f"m-{secrets.token_hex(8)}",
            "aibotid": BOT_ID,
            "response_url": f"{self.base}/cgi-bin/aibot/response?response_code={code}",
            **body,
        }
        if kind == "enter_chat":
            body.pop("response_url")
        sealed = self.seal(body)
        handed = Handed()
        self.handed.append(handed)
        answers = [await self._until_taken(sealed, handed) for _ in range(copies)]
        self._read(kind, chat, answers, card)
        await self.world.tell()
        return str(body["msgid"])

    def respond(self, code: str, body: dict[str, Any]) -> int:
        """Somebody posts to an address that was given out; the error code."""
        found = self.codes.get(code)
        if found is None or found.used or time.monotonic() - found.at_s > self.url_s:
            return 60140
        found.used = True
        kind = str(body.get("msgtype"))
        message = Message("bot", found.chat, "", kind)
        if kind == "markdown":
            message.text = check_size(body[kind].get("content"), MARKDOWN_BYTES, kind)
        elif kind == "template_card":
            message.card = check_card(body.get(kind))
        else:
            raise Broken(f"msgtype {kind!r}")
        self.world.say(message)
        return 0

    def seal(self, body: dict[str, Any], at: float | None = None) -> Sealed:
        """As it travels."""
        timestamp = str(int(time.time() if at is None else at))
        text = json.dumps(body, ensure_ascii=False)
        return self.cipher.seal(text, timestamp, str(secrets.randbelow(10**10)))

    async def post(self, sealed: Sealed, **query: str) -> tuple[int, dict[str, Any] | None]:
        """Post once: the status (0 for none in time), and what the answer says."""
        body = json.dumps({"encrypt": sealed.encrypted}).encode()
        status, content = await self.post_raw(query_of(sealed) | query, body)
        return status, self._opened_answer(content) if content else None

    async def post_raw(self, query: dict[str, str], body: Any) -> tuple[int, bytes]:
        """Likewise, whatever it is."""
        self.targets.append(self.targets.pop(0))
        try:
            async with (
                asyncio.timeout(self.deadline_s),
                self._client().post(self.targets[-1], params=query, data=body) as answer,
            ):
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return 0, b""

    async def get(self, query: dict[str, str]) -> tuple[int, str]:
        async with self._client().get(self.targets[0], params=query) as answer:
            return answer.status, await answer.text()

    async def _until_taken(self, sealed: Sealed, handed: Handed) -> dict[str, Any] | None:
        for _ in range(1 + _RETRIES):
            began_s = time.monotonic()
            status, answer = await self.post(sealed)
            handed.statuses.append(status)
            handed.seconds.append(time.monotonic() - began_s)
            if status == 200:
                return answer
        return None

    def _opened_answer(self, content: bytes) -> dict[str, Any]:
        found = json.loads(content)
        sealed = Sealed(
            found["encrypt"], found["msgsignature"], str(found["timestamp"]), found["nonce"]
        )
        opened: dict[str, Any] = json.loads(self.cipher.open(sealed))
        return opened

    def _read(
        self,
        kind: str,
        chat: str,
        answers: list[dict[str, Any] | None],
        card: Message | None,
    ) -> None:
        answer = answers[0]
        if answer is None:
            return
        if kind == "template_card_event":
            self._update(answer, card)
        elif kind == "enter_chat":
            message = self.world.say(Message("bot", chat, "", str(answer["msgtype"])))
            if message.kind == "template_card":
                message.card = check_card(answer["template_card"])
            else:
                message.text = check_size(answer["text"]["content"], TEXT_BYTES, "text")
        else:
            ids = {each["stream"]["id"] for each in answers if each is not None}
            if len(ids) != 1:
                self.world.breaches.append("a copy of a message was answered with another stream")
            message = self.world.say(Message("bot", chat, "", "stream", finished=False))
            self._show(message, answer)
            poll = asyncio.create_task(self._poll(message, answer["stream"]["id"]))
            self._polls.add(poll)
            poll.add_done_callback(self._polls.discard)

    async def _poll(self, message: Message, id_: str) -> None:
        began_s = time.monotonic()
        while not message.finished:
            await asyncio.sleep(self.poll_s)
            if time.monotonic() - began_s > self.stream_s:
                self.world.breaches.append("an answer was not finished in six minutes")
                message.finished = True
            elif self.targets:
                status, answer = await self.post(
                    self.seal({"msgtype": "stream", "stream": {"id": id_}, "aibotid": BOT_ID})
                )
                if answer is not None:
                    self._show(message, answer)
                elif status == 200:
                    message.finished = True
            await self.world.tell()

    def _show(self, message: Message, answer: dict[str, Any]) -> None:
        try:
            stream = answer["stream"]
            text = check_size(stream["content"], STREAM_BYTES, "stream")
            text = "" if text == "<think></think>" else text
            if text != message.text:
                message.earlier.append(message.text)
                message.text = text
            if answer["msgtype"] == "stream_with_template_card":
                if message.card is not None:
                    self.world.breaches.append("a second card in one answer")
                message.card = check_card(answer["template_card"])
            message.finished = bool(stream["finish"])
            self._show_picture(message, stream.get("msg_item", []))
        except Broken as broken:
            self.world.breaches.append(f"a callback's answer: {broken}")
            message.finished = True

    def _show_picture(self, message: Message, items: list[dict[str, Any]]) -> None:
        if not items:
            return
        (item,) = items
        content = base64.b64decode(item["image"]["base64"], validate=True)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if not message.finished or digest != item["image"]["md5"]:
            self.world.breaches.append("a picture in an open answer, or another than announced")
        check_file("image", "picture.jpg", content)
        message.file = ("picture.jpg", content)

    def _update(self, answer: dict[str, Any], shown: Message | None) -> None:
        card = check_card(answer.get("template_card"), update=True)
        if answer.get("response_type") != "update_template_card" or shown is None:
            raise Broken("no update of a card")
        if shown.card is None or card["task_id"] != shown.card["task_id"]:
            raise Broken("the update is of another card")
        shown.card = card
        shown.closed = shut(card)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session
