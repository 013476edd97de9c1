"""WeCom's HTTP API: errors come with status 200, and what is too much is dropped without a word."""

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import BodyPartReader, web

from tests.fakes.wecom.faults import Fault
from tests.fakes.wecom.limits import (
    MARKDOWN_BYTES,
    TEXT_BYTES,
    Broken,
    check_card,
    check_file,
    check_menu,
    check_size,
)
from tests.fakes.wecom.world import Message, World

_PART_BYTES: Final = 20 << 20
_CHAT_ID: Final = re.compile(r"[0-9a-zA-Z]{1,32}")
_GROUP_NAME: Final = 50


class Refused(Exception):
    """Answered with an error code."""

    def __init__(self, errcode: int, breach: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.breach = breach


class FakeApi:
    """The API of one corporation with one app."""

    def __init__(
        self, world: World, corp_id: str, agent_id: str, secret: str, times: float
    ) -> None:
        """Prepare; ``times`` is how much faster time runs for rates."""
        self.world = world
        self.corp_id = corp_id
        self.agent_id = agent_id
        self.secret = secret
        self.times = times
        self.token = ""
        self.tokens_given = 0
        self.tokens: set[str] = set()
        self.members: set[str] = set()
        self.unlicensed: set[str] = set()
        """Members who get nothing, of whom WeCom tells beside errcode 0."""
        self.appchats: set[str] = set()
        self.robots: set[str] = set()
        self.groups: dict[str, tuple[str, list[str]]] = {}
        """What the app made: name and members, by chat."""
        self.whole_corporation = True
        """Whether everybody sees the app; else it may make no groups."""
        self.media: dict[str, tuple[str, bytes]] = {}
        self.uploads: dict[str, tuple[str, str, bytes]] = {}
        """What was handed over to be sent: kind, name, content."""
        self.media_type = "audio/amr"
        self.codes: dict[str, Message] = {}
        """What lets a card be changed, once."""
        self.menu: dict[str, Any] | None = None
        self.faults: list[Fault] = []
        self.respond: Callable[[str, dict[str, Any]], int] = lambda _code, _body: 60140
        """Where what answers a callback of the AI bot goes."""

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/cgi-bin/{path:.*}", self._answer)]

    def revoke(self) -> None:
        """Take the token back early."""
        self.token = ""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        fault = next((each for each in self.faults if each.fits(path)), None)
        try:
            if fault is not None and not fault.executed:
                await self._meet(fault, request)
            body = await _body(request)
            self.world.calls.append((path, body))
            answer = self._do(path, request, body)
            if fault is not None and fault.executed:
                await self._meet(fault, request)
        except Refused as refused:
            if refused.breach:
                self.world.breaches.append(f"{path}: {refused.breach}")
            return web.json_response({"errcode": refused.errcode, "errmsg": "no"})
        except Broken as broken:
            self.world.breaches.append(f"{path}: {broken}")
            return web.json_response({"errcode": 40058, "errmsg": str(broken)})
        finally:
            await self.world.tell()
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response({"errcode": 0, "errmsg": "ok", **answer})

    async def _meet(self, fault: Fault, request: web.Request) -> None:
        match fault.kind:
            case "code":
                raise Refused(fault.code)
            case "status":
                raise web.HTTPBadGateway
            case "revoke":
                self.revoke()
            case "hang":
                await self.world.tell()  # who waits for it to be met
                await fault.release.wait()
            case "drop":
                assert request.transport is not None
                request.transport.abort()

    def _do(
        self, path: str, request: web.Request, body: dict[str, Any]
    ) -> dict[str, Any] | web.StreamResponse:
        if path == "gettoken":
            return self._token(request)
        if path == "aibot/response":
            if code := self.respond(request.query.get("response_code", ""), body):
                raise Refused(code)
            return {}
        if path == "webhook/send":
            return self._robot(request.query.get("key", ""), body)
        if not self.token or request.query.get("access_token") != self.token:
            raise Refused(40014)
        if path == "media/get":
            return self._media(request)
        do: dict[str, Callable[[web.Request, dict[str, Any]], dict[str, Any]]] = {
            "message/send": self._send,
            "message/update_template_card": self._update,
            "appchat/create": self._make_group,
            "appchat/send": self._appchat,
            "media/upload": self._upload,
            "menu/create": self._menu,
            "agent/get": lambda _request, _body: {"name": "Chorus"},
        }
        if path not in do:
            raise Refused(40066, f"no such request: {path}")
        return do[path](request, body)

    def _token(self, request: web.Request) -> dict[str, Any]:
        if request.query.get("corpid") != self.corp_id:
            raise Refused(40013)
        if request.query.get("corpsecret") != self.secret:
            raise Refused(40001)
        self.tokens_given += 1
        self.token = self.token or f"token-{secrets.token_hex(8)}"
        self.tokens.add(self.token)
        return {"access_token": self.token, "expires_in": 7200}

    def _send(self, _: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("agentid") != int(self.agent_id):
            raise Refused(40056)
        person = str(body.get("touser", ""))
        message = self._read("app", person, body, {"text": TEXT_BYTES, "markdown": TEXT_BYTES})
        if person not in self.members:
            return {"invaliduser": person, "msgid": ""}
        if person in self.unlicensed:
            return {"invaliduser": "", "unlicenseduser": person, "msgid": ""}
        message.id = f"msg-{secrets.token_hex(6)}"
        if self._charge(f"app to {person}", 30):
            self.world.say(message)
        if message.card is None:
            return {"msgid": message.id, "invaliduser": ""}
        return {"msgid": message.id, "invaliduser": "", "response_code": self.code_for(message)}

    def code_for(self, message: Message) -> str:
        """A new one, as each click brings."""
        found = secrets.token_hex(12)
        self.codes[found] = message
        return found

    def _update(self, _: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        message = self.codes.pop(str(body.get("response_code", "")), None)
        if message is None:
            raise Refused(42014)
        if "button" in body:
            message.closed = check_size(body["button"].get("replace_name"), 40, "replace_name")
        else:
            message.card = check_card(body.get("template_card"), update=True)
        return {"invaliduser": []}

    def _appchat(self, _: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        chat = str(body.get("chatid", ""))
        if chat not in self.appchats:
            raise Refused(86001)
        sizes = {"text": TEXT_BYTES, "markdown": TEXT_BYTES}
        message = self._read("appchat", chat, body, sizes)
        if message.card is not None:
            raise Refused(40008, "a group of the app takes no cards")
        self.world.say(message)
        return {}

    def _make_group(self, _: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        people, chat = list(body.get("userlist", [])), str(body.get("chatid", ""))
        if not self.whole_corporation:
            raise Refused(60011)
        if not _CHAT_ID.fullmatch(chat) or not 1 <= len(str(body.get("name", ""))) <= _GROUP_NAME:
            raise Refused(40058, f"appchat {chat!r} {body.get('name')!r}")
        if len(people) < 2 or body.get("owner") not in people:
            raise Refused(40058, f"a group of {people}")
        if not self.members.issuperset(people):
            raise Refused(40031)
        if chat in self.appchats:
            raise Refused(86215)
        self.appchats.add(chat)
        self.groups[chat] = (str(body["name"]), people)
        return {"chatid": chat}

    def _upload(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        kind, content, name = request.query.get("type", ""), body["content"], body["name"]
        check_file(kind, name, content)
        media_id = f"sent-{secrets.token_hex(8)}"
        self.uploads[media_id] = (kind, name, content)
        return {"type": kind, "media_id": media_id, "created_at": int(time.time())}

    def _robot(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        if key not in self.robots:
            raise Refused(93000)
        if not self._charge(f"robot {key}", 20):
            raise Refused(45009)
        message = self._read("robot", key, body, {"text": TEXT_BYTES, "markdown": MARKDOWN_BYTES})
        if message.card is not None and message.card["card_type"] != "text_notice":
            raise Refused(40008, "a group robot sends notices only")
        self.world.say(message)
        return {}

    def _menu(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        if request.query.get("agentid") != self.agent_id:
            raise Refused(40056)
        self.menu = check_menu(body)
        return {}

    def _media(self, request: web.Request) -> web.StreamResponse:
        found = self.media.get(request.query.get("media_id", ""))
        if found is None:
            raise Refused(40007)
        name, content = found
        asked = request.headers.get("Range")
        if asked is None and len(content) > _PART_BYTES:
            raise Refused(830002)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if asked is None:
            return web.Response(body=content, headers=headers, content_type=self.media_type)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        if int(last) - int(first) >= _PART_BYTES:
            raise Refused(830002, "more than 20 MB at once")
        part = content[int(first) : int(last) + 1]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        return web.Response(status=206, body=part, headers=headers, content_type=self.media_type)

    def _read(self, door: Any, chat: str, body: dict[str, Any], sizes: dict[str, int]) -> Message:
        kind = str(body.get("msgtype", ""))
        if kind == "template_card":
            card = json.loads(json.dumps(check_card(body.get(kind))))
            return Message(door, chat, "", kind, card=card)
        if kind in {"image", "video", "file"} and door != "robot":
            found = self.uploads.get(str(body[kind].get("media_id")))
            if found is None:
                raise Refused(40007)
            if found[0] != kind:
                raise Refused(40007, f"a {found[0]} was sent as {kind}")
            title = str(body[kind].get("title", ""))
            return Message(door, chat, "", kind, file=(title or found[1], found[2]))
        if kind not in sizes:
            raise Refused(40008, f"msgtype {kind!r}")
        text = check_size(body[kind].get("content"), sizes[kind], kind)
        return Message(door, chat, "", kind, text)

    def _charge(self, budget: str, limit: int) -> bool:
        return self.world.charge(budget, limit, 60 / self.times, time.monotonic())


async def _body(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    if not request.content_type.startswith("multipart/"):
        found: dict[str, Any] = await request.json()
        return found
    reader = await request.multipart()
    part = await reader.next()
    assert isinstance(part, BodyPartReader)
    if part.name != "media":
        raise Refused(40058, "a file is handed over in the field media")
    return {"name": part.filename or "", "content": bytes(await part.read())}
