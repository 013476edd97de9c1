"""The AI bot's long connection, as the server sees it, with the files people send."""

import asyncio
import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from aiohttp import WSMsgType, web

from adapters.chats.callback_crypto import encrypt, media_key
from tests.fakes.wecom.faults import Fault
from tests.fakes.wecom.limits import (
    MARKDOWN_BYTES,
    STREAM_BYTES,
    TEXT_BYTES,
    Broken,
    check_card,
    check_size,
    shut,
)
from tests.fakes.wecom.uploads import Uploads
from tests.fakes.wecom.world import Message, World

BOT_ID: Final = "aib-tests"
BOT_SECRET: Final = "a bot secret of tests that opens nothing"  # noqa: S105
_ANSWERED_S: Final = 5.0
_MOST_OPEN: Final = 3


@dataclass
class Callback:
    """Something that was handed to the bot, and may be answered."""

    kind: str
    """``msg``, ``enter_chat``, ``template_card_event``."""
    chat: str
    person: str
    private: bool
    at_s: float
    card: Message | None = None
    stream: Message | None = None
    stream_id: str = ""
    over: bool = False


@dataclass
class Line:
    """One connection."""

    ws: web.WebSocketResponse
    subscribed: bool = False
    callbacks: dict[str, Callback] = field(default_factory=dict)


class Refused(Exception):
    """Answered with an error code."""


class FakeBot:
    """One AI bot on WeCom's side."""

    def __init__(self, world: World, times: float) -> None:
        self.world = world
        self.times = times
        self.stream_s = 360.0
        """So long an answer may grow."""
        self.media_s = 300.0
        self.secret = BOT_SECRET
        self.silent = False
        """True: nothing is answered and nothing comes, but the connection stands."""
        self.refusing = False
        """True: nobody gets in."""
        self.knocks = 0
        """How often somebody wanted to get in."""
        self.file_faults: list[int] = []
        """What the next wishes for a file are answered with."""
        self.files_silent = False
        """True: no byte of a file ever comes."""
        self.withheld = 0
        """Questions of people who have three open answers: the bot does not get them."""
        self.connections = 0
        self.evictions = 0
        self.pings = 0
        self.line: Line | None = None
        self.faults: list[Fault] = []
        self.known: set[str] = set()
        """Chats that talked to the bot before."""
        self.base = ""
        self.uploads = Uploads()
        self.raw = False
        """True: frames hold raw control characters."""
        self.holding = False
        """True: what people do is held back, and comes in another order."""
        self._held: list[tuple[Line, str]] = []
        self.accept_s = 0.0
        """So long it takes until somebody gets in."""
        self._media: dict[str, tuple[str, bytes, float]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/ws", self._connect), web.get("/files/{id}", self._hand_out)]

    async def close(self, code: int = 1000) -> None:
        """Close the connection cleanly."""
        if self.line is not None:
            line, self.line = self.line, None
            await line.ws.close(code=code)

    def abort(self) -> None:
        """Break it."""
        if self.line is not None:
            transport = self.line.ws._req.transport if self.line.ws._req else None
            self.line = None
            if transport is not None:
                transport.abort()

    async def evict(self) -> None:
        """Somebody else connects as this bot."""
        assert self.line is not None
        line, self.line = self.line, None
        await self._evicted(line)

    # People

    async def hands(
        self,
        body: dict[str, Any],
        kind: str = "msg",
        *,
        copies: int = 1,
        card: Message | None = None,
    ) -> str:
        """Give something to the bot; its req_id. Lost if nobody is connected, as with WeCom."""
        req_id = f"req-{secrets.token_hex(8)}"
        body = {"msgid": f"m-{secrets.token_hex(8)}", "aibotid": BOT_ID, "create_time": 1, **body}
        cmd = "aibot_msg_callback" if kind == "msg" else "aibot_event_callback"
        line, person = self.line, body["from"]["userid"]
        chat = body.get("chatid", person)
        if line is None or not line.subscribed or self.silent:
            return req_id
        if kind == "msg" and len(_growing(line, person)) >= _MOST_OPEN:
            self.withheld += 1
            return req_id
        self.known.add(chat)
        line.callbacks[req_id] = Callback(
            kind, chat, person, body.get("chattype") != "group", time.monotonic(), card
        )
        for _ in range(copies):
            frame = {"cmd": cmd, "headers": {"req_id": req_id}, "body": body}
            self._held.append((line, self.written(frame)))
        if not self.holding:
            await self.let_go()
        await self.world.tell()
        return req_id

    def written(self, frame: dict[str, Any]) -> str:
        """As it travels; at times with raw line breaks within its strings, as WeCom does."""
        text = json.dumps(frame, ensure_ascii=False)
        return text.replace("\\n", "\n") if self.raw else text

    async def let_go(self) -> None:
        """Send what was held back, the last first."""
        self.holding, held, self._held = False, self._held[::-1], []
        for line, text in held:
            await line.ws.send_str(text)

    def keep_file(self, name: str, content: bytes, aes_key: str = "") -> dict[str, str]:
        """A file somebody sent, encrypted, at an address that lives for a while; with a key of its own unless one is known."""
        id_ = secrets.token_hex(12)
        key = media_key(aes_key) if aes_key else secrets.token_bytes(32)
        self._media[id_] = (name, encrypt(key, content), time.monotonic())
        told = {} if aes_key else {"aeskey": base64.b64encode(key).decode()}
        return {"url": f"{self.base}/files/{id_}", **told}

    # The server

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        if self.files_silent:
            await asyncio.Event().wait()
        if self.file_faults:
            return web.Response(status=self.file_faults.pop(0))
        name, content, at_s = self._media.get(request.match_info["id"], ("", b"", -1e9))
        if time.monotonic() - at_s > self.media_s:
            return web.Response(status=403, text="expired")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{_quoted(name)}"}
        return web.Response(body=content, headers=headers)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        self.knocks += 1
        await self.world.tell()
        if self.refusing:
            return web.Response(status=503)
        await asyncio.sleep(self.accept_s)
        ws = web.WebSocketResponse(autoping=True)
        await ws.prepare(request)
        self.connections += 1
        line = Line(ws)
        async for message in ws:
            if message.type is WSMsgType.TEXT and not self.silent:
                await self._frame(line, json.loads(message.data))
                await self.world.tell()
        if self.line is line:
            self.line = None
        return ws

    async def _frame(self, line: Line, frame: dict[str, Any]) -> None:
        cmd, body = frame["cmd"], frame.get("body", {})
        req_id = frame["headers"]["req_id"]
        self.world.calls.append((cmd, body))
        fault = next((each for each in self.faults if each.fits(cmd)), None)
        if fault is not None and fault.kind == "drop" and not fault.executed:
            self.abort()
            return
        try:
            _meet(fault)
            found = await self._do(line, cmd, req_id, body)
            answer = {"errcode": 0, "errmsg": "ok", **({"body": found} if found else {})}
        except Refused as refused:
            answer = {"errcode": refused.args[0], "errmsg": "no"}
        except Broken as broken:
            self.world.breaches.append(f"{cmd}: {broken}")
            answer = {"errcode": 40058, "errmsg": str(broken)}
        if fault is not None and fault.executed:
            self.abort()
            return
        await line.ws.send_str(json.dumps({"headers": {"req_id": req_id}, **answer}))

    async def _do(
        self, line: Line, cmd: str, req_id: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        if cmd == "aibot_subscribe":
            await self._subscribe(line, body)
            return None
        if not line.subscribed:
            raise Broken("the first frame has to subscribe")
        match cmd:
            case "ping":
                self.pings += 1
            case "aibot_respond_msg":
                self._respond(line, req_id, body)
            case "aibot_respond_welcome_msg":
                self._welcome(line, req_id, body)
            case "aibot_respond_update_msg":
                self._update(line, req_id, body)
            case "aibot_send_msg":
                self._send(body)
            case _ if cmd.startswith("aibot_upload_media_"):
                return self.uploads.take(cmd.removeprefix("aibot_upload_media_"), body)
            case _:
                raise Broken(f"no such command: {cmd}")
        return None

    def _welcome(self, line: Line, req_id: str, body: dict[str, Any]) -> None:
        callback = self._callback(line, req_id, "enter_chat")
        message = self.world.say(Message("bot", callback.chat, "", str(body.get("msgtype"))))
        if message.kind == "template_card":
            message.card = check_card(body.get("template_card"))
        else:
            message.text = check_size(body["text"]["content"], TEXT_BYTES, "text")

    async def _subscribe(self, line: Line, body: dict[str, Any]) -> None:
        if (body.get("bot_id"), body.get("secret")) != (BOT_ID, self.secret):
            raise Refused(40001)
        line.subscribed, before = True, self.line
        self.line = line
        if before is not None and before is not line:
            await self._evicted(before)

    async def _evicted(self, line: Line) -> None:
        self.evictions += 1
        event = {"msgtype": "event", "event": {"eventtype": "disconnected_event"}}
        frame = {"cmd": "aibot_event_callback", "headers": {"req_id": "bye"}, "body": event}
        if not line.ws.closed:
            await line.ws.send_str(json.dumps(frame))
            asyncio.get_running_loop().create_task(line.ws.close()).add_done_callback(_done)

    def _callback(self, line: Line, req_id: str, *kinds: str) -> Callback:
        found = line.callbacks.get(req_id)
        if found is None or found.kind not in kinds or found.over:
            raise Refused(846605)
        if found.kind != "msg":
            found.over = True
            if time.monotonic() - found.at_s > _ANSWERED_S:
                self.world.breaches.append(f"a {found.kind} was answered after five seconds")
                raise Refused(846605)
        return found

    def _respond(self, line: Line, req_id: str, body: dict[str, Any]) -> None:
        callback = self._callback(line, req_id, "msg")
        stream, card = body.get("stream", {}), body.get("template_card")
        if body.get("msgtype") not in {"stream", "stream_with_template_card"}:
            raise Broken(f"msgtype {body.get('msgtype')!r}")
        text = check_size(stream.get("content"), STREAM_BYTES, "stream")
        if callback.stream is None:
            callback.stream_id = stream["id"]
            callback.stream = self.world.say(
                Message("bot", callback.chat, "", "stream", text, finished=False)
            )
            self._count_open(line, callback)
        elif callback.stream_id != stream["id"]:
            raise Broken("another stream on one req_id")
        elif callback.stream.finished or time.monotonic() - callback.at_s > self.stream_s:
            raise Refused(846608)
        else:
            callback.stream.earlier.append(callback.stream.text)
            callback.stream.text = text
        if card is not None:
            callback.stream.card = check_card(card)
        callback.stream.finished = bool(stream.get("finish"))

    def _count_open(self, line: Line, callback: Callback) -> None:
        if len(_growing(line, callback.person)) > _MOST_OPEN:
            self.world.breaches.append(f"{callback.person} has more than three open answers")

    def _update(self, line: Line, req_id: str, body: dict[str, Any]) -> None:
        callback = self._callback(line, req_id, "template_card_event")
        card = check_card(body.get("template_card"), update=True)
        shown = callback.card
        if body.get("response_type") != "update_template_card" or shown is None:
            raise Broken("no update of a card")
        if shown.card is None or card["task_id"] != shown.card["task_id"]:
            raise Broken("the update is of another card")
        shown.card = card
        shown.closed = shut(card)

    def _send(self, body: dict[str, Any]) -> None:
        chat, kind = str(body.get("chatid")), str(body.get("msgtype"))
        if chat not in self.known:
            raise Refused(93006)
        if not self.world.charge(f"bot to {chat}", 30, 60 / self.times, time.monotonic()):
            raise Refused(45009)
        message = Message("bot", chat, "", kind)
        if kind == "template_card":
            message.card = check_card(body.get(kind))
        elif kind == "markdown":
            message.text = check_size(body[kind]["content"], MARKDOWN_BYTES, kind)
        elif kind in {"image", "video", "file"}:
            found = self.uploads.finished.get(str(body[kind].get("media_id")))
            if found is None:
                raise Refused(40007)
            message.file = found[1:]
            if found[0] != kind:
                raise Broken(f"a {found[0]} was sent as {kind}")
        else:
            raise Broken(f"msgtype {kind!r}")
        self.world.say(message)


def _growing(line: Line, person: str) -> list[Callback]:
    """What is still being answered to somebody."""
    asked = [each for each in line.callbacks.values() if each.person == person]
    return [each for each in asked if each.stream and not each.stream.finished]


def _meet(fault: Fault | None) -> None:
    if fault is not None and fault.kind == "code":
        raise Refused(fault.code)


def _quoted(name: str) -> str:
    return quote(name)


def _done(task: asyncio.Task[bool]) -> None:
    if not task.cancelled():
        task.exception()
