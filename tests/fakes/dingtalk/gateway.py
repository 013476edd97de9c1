"""DingTalk's stream, as the server sees it: tickets, connections, frames and their acknowledgements.

Time runs by a clock of its own, so that sixty seconds without an acknowledgement need not be waited for.
"""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.fakes.dingtalk.world import World

MESSAGES: Final = "/v1.0/im/bot/messages/get"
PRESSES: Final = "/v1.0/card/instances/callback"
_TICKET_S: Final = 90.0
_AGAIN_S: Final = 60.0


@dataclass(eq=False)
class Line:
    """One connection."""

    ws: web.WebSocketResponse
    topics: tuple[str, ...]
    delivering: bool = True
    silent: bool = False
    """Nothing goes out and nothing is heard, though the connection stands."""
    got: list[str] = field(default_factory=list)
    """Names of the frames that went this way."""


@dataclass
class Sent:
    """A frame that wants to be acknowledged."""

    topic: str
    data: dict[str, Any]
    at_s: float
    began_s: float
    answer: dict[str, Any] | None = None
    seconds: float = 0.0
    copies: int = 1


class Gateway:
    """Opens connections, and routes each frame to one of them."""

    def __init__(self, world: World, client_id: str, client_secret: str) -> None:
        self.world = world
        self.client_id = client_id
        self.client_secret = client_secret
        self.base = ""
        self.clock_s = 0.0
        """Added to the time: what is to be sixty seconds old need not be waited for."""
        self.lines: list[Line] = []
        self.opened = 0
        self.sent: dict[str, Sent] = {}
        self.waiting: list[tuple[str, str, dict[str, Any]]] = []
        """What came while nobody was connected: lost, as a robot's callbacks are."""
        self.heard: dict[str, Callable[[dict[str, Any]], None]] = {}
        """What is done with the answers to frames, the moment they come."""
        self.holding = False
        """True: what people do is held back, and comes in another order."""
        self.held: list[tuple[str, dict[str, Any], str]] = []
        self.accept_s = 0.0
        self.refusing = 0
        """So many wishes for a connection are refused."""
        self.permitted = True
        self.pings = 0
        self.echoed = 0
        self.deliver_raw: Callable[[str], str] = lambda text: text
        self._tickets: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._random = random.Random(7)  # noqa: S311 - which connection gets what

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1.0/gateway/connections/open", self._open),
            web.get("/connect", self._connect),
        ]

    def now_s(self) -> float:
        """By its own clock."""
        return time.monotonic() + self.clock_s

    async def _open(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.world.calls.append(("open", body))
        await self.world.tell()
        if self.refusing > 0:
            self.refusing -= 1
            return web.Response(status=503, text="busy")
        known = (body.get("clientId"), body.get("clientSecret"))
        if known != (self.client_id, self.client_secret):
            return web.json_response({"code": "authFailed", "message": "鉴权失败"}, status=401)
        topics = tuple(each["topic"] for each in body.get("subscriptions", []))
        if not topics or not set(topics) <= {MESSAGES, PRESSES}:
            self.world.breaches.append(f"subscribes to what it does not handle: {topics}")
        ticket = secrets.token_hex(8) + "+/="
        self._tickets[ticket] = (self.now_s(), topics)
        return web.json_response(
            {"endpoint": f"{self.base.replace('http', 'ws', 1)}/connect", "ticket": ticket}
        )

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        found = self._tickets.pop(request.query.get("ticket", ""), None)
        if found is None or self.now_s() - found[0] > _TICKET_S:
            self.world.breaches.append("a ticket that is used up, too old, or none")
            return web.Response(status=401)
        await asyncio.sleep(self.accept_s)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        line = Line(ws, found[1])
        self.lines.append(line)
        self.opened += 1
        await self.world.tell()
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT and not line.silent:
                    self._hear(json.loads(message.data))
                    await self.world.tell()
        finally:
            if line in self.lines:
                self.lines.remove(line)
            await self.world.tell()
        return ws

    def _hear(self, frame: dict[str, Any]) -> None:
        name = frame["headers"]["messageId"]
        if frame.get("code") not in {200, 404, 500} or not isinstance(frame.get("data"), str):
            self.world.breaches.append(f"an acknowledgement that is none: {frame!r:.120}")
        if name.startswith("ping"):
            self.echoed += json.loads(frame["data"]).get("opaque") == name
            return
        if name.startswith("disconnect"):
            self.world.breaches.append("a disconnect is not answered")
            return
        sent = self.sent[name]
        if sent.answer is None:
            sent.answer, sent.seconds = frame, time.monotonic() - sent.began_s
            if (heard := self.heard.pop(name, None)) is not None:
                heard(json.loads(frame["data"]))

    async def deliver(self, topic: str, data: dict[str, Any], name: str | None = None) -> str:
        """Hand a frame to one connection, chosen at random; its name."""
        name = name or f"frame-{secrets.token_hex(6)}"
        if self.holding:
            self.held.append((topic, data, name))
            return name
        able = [line for line in self.lines if line.delivering and topic in line.topics]
        if not able:
            self.waiting.append((topic, name, data))
            return name
        line = self._random.choice(able)
        known = self.sent.get(name)
        if known is None:
            self.sent[name] = Sent(topic, data, self.now_s(), time.monotonic())
        else:
            known.copies += 1
        line.got.append(name)
        await self._say(line, "CALLBACK", topic, name, data)
        return name

    async def release(self) -> None:
        """What was held back comes, the newest first."""
        self.holding = False
        held, self.held = self.held[::-1], []
        for topic, data, name in held:
            await self.deliver(topic, data, name)

    async def _say(
        self, line: Line, kind: str, topic: str, name: str, data: dict[str, Any]
    ) -> None:
        if line.silent:
            return
        headers = {
            "topic": topic,
            "messageId": name,
            "contentType": "application/json",
            "time": str(int(time.time() * 1000)),
        }
        frame = {
            "specVersion": "1.0",
            "type": kind,
            "headers": headers,
            "data": json.dumps(data, ensure_ascii=False),
        }
        await line.ws.send_str(self.deliver_raw(json.dumps(frame, ensure_ascii=False)))

    async def pass_s(self, seconds: float) -> int:
        """Time passes: what nobody acknowledged for a minute comes again; how many those were."""
        self.clock_s += seconds
        late = [
            name
            for name, sent in self.sent.items()
            if sent.answer is None and self.now_s() - sent.at_s >= _AGAIN_S
        ]
        for name in late:
            self.sent[name].at_s = self.now_s()
            await self.deliver(self.sent[name].topic, self.sent[name].data, name)
        return len(late)

    async def repeat(self, name: str) -> None:
        """The same frame once more, though it was acknowledged."""
        sent = self.sent[name]
        await self.deliver(sent.topic, sent.data, name)

    async def ping(self) -> None:
        """On every connection."""
        for line in list(self.lines):
            self.pings += 1
            name = f"ping-{secrets.token_hex(4)}"
            await self._say(line, "SYSTEM", "ping", name, {"opaque": name})

    async def say_all(self, kind: str, topic: str, data: dict[str, Any]) -> list[str]:
        """Any other frame, on every connection."""
        names = []
        for line in list(self.lines):
            name = f"other-{secrets.token_hex(4)}"
            self.sent[name] = Sent(topic, data, self.now_s(), time.monotonic())
            await self._say(line, kind, topic, name, data)
            names.append(name)
        return names

    async def disconnect(self, close_s: float = 10.0) -> Line:
        """Ask the oldest connection to leave; nothing is delivered there any more."""
        line = next(line for line in self.lines if line.delivering)
        line.delivering = False
        name = f"disconnect-{secrets.token_hex(4)}"
        await self._say(line, "SYSTEM", "disconnect", name, {"reason": "rotation"})
        asyncio.get_running_loop().call_later(close_s, self._drop, line)
        return line

    def _drop(self, line: Line) -> None:
        if line in self.lines:
            self._abort(line)

    def abort(self) -> None:
        """Break every connection."""
        for line in list(self.lines):
            self._abort(line)

    def _abort(self, line: Line) -> None:
        transport = line.ws._req.transport if line.ws._req else None
        line.delivering = False
        if transport is not None:
            transport.abort()

    async def close(self, code: int = 1000) -> None:
        """Close every connection cleanly."""
        for line in list(self.lines):
            line.delivering = False
            await line.ws.close(code=code)

    def p99_s(self) -> float:
        """How long acknowledgements took, all but the slowest hundredth."""
        times = sorted(sent.seconds for sent in self.sent.values() if sent.answer is not None)
        return times[min(int(len(times) * 0.99), len(times) - 1)]
