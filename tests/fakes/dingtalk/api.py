"""DingTalk's APIs, newer and older: tokens, files, messages, cards, webhooks."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from adapters.chats.dingtalk.signing import sign
from tests.fakes.dingtalk.faults import Fault
from tests.fakes.dingtalk.limits import (
    Broken,
    check_file,
    check_markdown,
    check_mentions,
    check_params,
    check_text,
)
from tests.fakes.dingtalk.world import Message, World

TEMPLATE: Final = "0b6d1f7e-tests.schema"
_TOKEN: Final = "x-acs-dingtalk-access-token"  # noqa: S105 - the header's name
_SCOPES: Final = {
    "/v1.0/robot/oToMessages/batchSend": "Robot.Message.Send",
    "/v1.0/robot/groupMessages/send": "Robot.GroupMessage.Send",
    "/v1.0/robot/messageFiles/download": "Robot.Message.Read",
    "/v1.0/card/instances": "Card.Instance.Write",
    "/v1.0/card/instances/createAndDeliver": "Card.Instance.Write",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Denied(Exception):
    """Answered with an error of the newer API."""

    def __init__(self, code: str, status: int = 400, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.body = {"code": code, "message": code, "requestid": "r-1", **more}


@dataclass
class SessionAddress:
    """Answers messages of one chat, for a while."""

    chat: str
    until_s: float


@dataclass
class FakeApi:
    """The servers of one corporation."""

    world: World
    client_id: str
    client_secret: str
    robot_code: str
    times: float = 60.0
    """How much faster time runs for rates."""
    base: str = ""
    tokens: set[str] = field(default_factory=set)
    old_tokens: set[str] = field(default_factory=set)
    asked_tokens: int = 0
    token_s: int = 7200
    missing: set[str] = field(default_factory=set)
    """Permissions that the app does not have."""
    staff: set[str] = field(default_factory=set)
    groups: dict[str, set[str]] = field(default_factory=dict)
    """Groups in which the robot is, with their people."""
    controlled: dict[str, int] = field(default_factory=dict)
    """People whom DingTalk protects from so many more messages."""
    sessions: dict[str, SessionAddress] = field(default_factory=dict)
    codes: dict[str, bytes] = field(default_factory=dict)
    """Files that people sent, by their download codes."""
    file_faults: list[int] = field(default_factory=list)
    """What the next wishes for a file are answered with."""
    silent: set[str] = field(default_factory=set)
    """Codes of files of which no byte ever comes."""
    fetched: list[str] = field(default_factory=list)
    uploads: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    old_uploads: bool = False
    """True: files are taken with a token of the older API only."""
    robots: dict[str, str] = field(default_factory=dict)
    """Secrets of group robots by their tokens."""
    blocked: dict[str, float] = field(default_factory=dict)
    cards: dict[str, Message] = field(default_factory=dict)
    edition: bool = True
    """False: the corporation has no cards of this template."""
    undelivered: bool = False
    """True: cards are made, but shown to nobody, which is told beside success."""
    tells_delivery: bool = True
    """False: where a card is shown is not told."""
    faults: list[Fault] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        wrapped = self._wrapped
        return [
            web.post("/v1.0/oauth2/accessToken", wrapped(self._give_token)),
            web.get("/gettoken", wrapped(self._give_old_token)),
            web.post("/v1.0/robot/messageFiles/download", wrapped(self._download)),
            web.get("/files/{id}", self._hand_out),
            web.post("/v1.0/robot/oToMessages/batchSend", wrapped(self._to_people)),
            web.post("/v1.0/robot/groupMessages/send", wrapped(self._to_group)),
            web.post("/v1.0/card/instances/createAndDeliver", wrapped(self._show_card)),
            web.put("/v1.0/card/instances", wrapped(self._change_card)),
            web.post("/media/upload", wrapped(self._upload)),
            web.post("/robot/sendBySession", wrapped(self._by_session)),
            web.post("/robot/send", wrapped(self._by_robot)),
        ]

    def _wrapped(self, handler: Handler) -> Handler:
        async def wrapped(request: web.Request) -> web.StreamResponse:
            try:
                return await self._answered(handler, request)
            finally:
                await self.world.tell()

        return wrapped

    async def _answered(self, handler: Handler, request: web.Request) -> web.StreamResponse:
        fault = next((each for each in self.faults if each.fits(request.path)), None)
        if fault is not None and not fault.executed:
            await self._suffer(fault, request)
            if fault.kind in {"error", "number", "status"}:
                return _refused(fault)
        try:
            self._count(request)
            answer = await handler(request)
        except Denied as denied:
            answer = web.json_response(denied.body, status=denied.status)
        except Broken as broken:
            self.world.breaches.append(f"{request.path}: {broken}")
            answer = web.json_response(
                {"code": "invalidParameter", "message": str(broken)}, status=400
            )
        if fault is not None and fault.executed:
            await self._suffer(fault, request)
        return answer

    async def _suffer(self, fault: Fault, request: web.Request) -> None:
        if fault.kind == "drop" and request.transport is not None:
            request.transport.abort()
            raise ConnectionResetError
        if fault.kind == "hang":
            await self.world.tell()  # who waits for it to be met
            await fault.release.wait()
        if fault.kind == "revoke":
            self.tokens.clear()

    def _count(self, request: web.Request) -> None:
        if request.path.startswith("/v1.0"):
            name = f"{request.method} {request.path}"
            self.world.charge(f"second:{name}", 20, 1.0, time.monotonic())

    async def _body(self, request: web.Request, *, robot: bool = True) -> dict[str, Any]:
        """With a token, the permission for it, and of our robot."""
        body: dict[str, Any] = await request.json()
        self.world.calls.append((request.path, body))
        if request.headers.get(_TOKEN) not in self.tokens:
            raise Denied("InvalidAuthentication", 401)
        scope = _SCOPES[request.path]
        if scope in self.missing:
            raise Denied(
                "Forbidden.AccessDenied.AccessTokenPermissionDenied",
                403,
                accessdenieddetail={"requiredScopes": [scope]},
            )
        if robot and body.get("robotCode") != self.robot_code:
            raise Denied("invalidParameter.robotCode.notExsit")
        return body

    async def _give_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked_tokens += 1
        if (body.get("appKey"), body.get("appSecret")) != (self.client_id, self.client_secret):
            raise Denied("invalidClientIdOrSecret")
        token = f"token-{secrets.token_hex(12)}"
        self.tokens.add(token)
        return web.json_response({"accessToken": token, "expireIn": self.token_s})

    async def _give_old_token(self, request: web.Request) -> web.Response:
        known = (request.query.get("appkey"), request.query.get("appsecret"))
        if known != (self.client_id, self.client_secret):
            return web.json_response({"errcode": 40089, "errmsg": "no such app"})
        token = f"old-{secrets.token_hex(12)}"
        self.old_tokens.add(token)
        return web.json_response({"errcode": 0, "access_token": token, "expires_in": 7200})

    # Files of people

    async def _download(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        code = str(body.get("downloadCode", ""))
        if code not in self.codes:
            raise Denied("invalidParameter.downloadCode.invalid")
        id_ = secrets.token_hex(8)
        self.addresses[id_] = code
        return web.json_response({"downloadUrl": f"{self.base}/files/{id_}"})

    async def _hand_out(self, request: web.Request) -> web.Response:
        if _TOKEN in request.headers or "access_token" in request.query:
            self.world.breaches.append("the token is sent to the file host")
        if self.file_faults:
            return web.Response(status=self.file_faults.pop(0))
        code = self.addresses.pop(request.match_info["id"], "")
        if not code:
            return web.Response(status=403)
        self.fetched.append(code)
        await self.world.tell()
        if code in self.silent:
            await asyncio.Event().wait()
        return web.Response(body=self.codes[code], content_type="application/octet-stream")

    # Ours

    async def _to_people(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        people = body.get("userIds", [])
        if not people:
            raise Denied("invalidParameter.userIds.empty")
        if len(people) > 20:
            raise Denied("invalidParameter.userIds.overMax")
        unknown = [id_ for id_ in people if id_ not in self.staff]
        controlled = [id_ for id_ in people if self.controlled.get(id_, 0) > 0]
        for id_ in controlled:
            self.controlled[id_] -= 1
        for id_ in people:
            if id_ not in unknown and id_ not in controlled:
                self._say("person", id_, body)
        return web.json_response(
            {
                "processQueryKey": secrets.token_hex(8),
                "invalidStaffIdList": unknown,
                "flowControlledStaffIdList": controlled,
            }
        )

    async def _to_group(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        group = body.get("openConversationId", "")
        if not group:
            raise Denied("miss.openConversationId")
        if group not in self.groups:
            raise Denied("invalid.openConversationId")
        self._charge_group(group)
        self._say("group", group, body)
        return web.json_response({"processQueryKey": secrets.token_hex(8)})

    def _charge_group(self, group: str) -> None:
        self.world.charge(f"group:{group}", 20, 60.0 / self.times, time.monotonic())

    def _say(self, way: Any, chat: str, body: dict[str, Any]) -> None:
        if not isinstance(body.get("msgParam"), str):
            raise Broken("msgParam is no string")
        param = json.loads(body["msgParam"])
        if any(not isinstance(value, str) for value in param.values()):
            raise Broken("msgParam holds strings only")
        match body.get("msgKey"):
            case "sampleMarkdown":
                self.world.say(Message(way, chat, "", "markdown", check_markdown(param)))
            case "sampleImageMsg" if param.get("photoURL") in self.uploads:
                _, name, content = self.uploads[param["photoURL"]]
                self.world.say(Message(way, chat, "", "image", file=(name, content)))
            case "sampleFile" if param.get("mediaId") in self.uploads:
                _, _, content = self.uploads[param["mediaId"]]
                name = check_text(param.get("fileName"), 255, "fileName")
                if not name.endswith(f".{param.get('fileType')}"):
                    raise Broken(f"fileType {param.get('fileType')!r} of {name}")
                self.world.say(Message(way, chat, "", "file", file=(name, content)))
            case other:
                raise Broken(f"no such message: {other} {param!r:.80}")

    async def _upload(self, request: web.Request) -> web.Response:
        token, kind = request.query.get("access_token", ""), request.query.get("type", "")
        known = self.old_tokens if self.old_uploads else self.tokens | self.old_tokens
        form = await request.post()
        if token not in known:
            return web.json_response({"errcode": 40014, "errmsg": "不合法的access_token"})
        media = form["media"]
        if not isinstance(media, web.FileField):
            raise Broken("no file")
        content = media.file.read()
        check_file(kind, media.filename, content)
        media_id = f"@{secrets.token_hex(8)}"
        self.uploads[media_id] = (kind, media.filename, content)
        return web.json_response(
            {"errcode": 0, "errmsg": "ok", "type": kind, "media_id": media_id, "created_at": 1}
        )

    # Webhooks

    async def _by_session(self, request: web.Request) -> web.Response:
        session = self.sessions.get(request.query.get("session", ""))
        if session is None or session.until_s < time.time():
            return web.json_response({"errcode": 300001, "errmsg": "session 不存在"})
        if session.chat in self.groups:
            self._charge_group(session.chat)
        body = await request.json()
        self.world.calls.append(("session", body))
        text = _webhook_text(body)
        members = self.groups.get(session.chat, set())
        mentioned = check_mentions(text, body.get("at"), members)
        self.world.say(Message("session", session.chat, "", "markdown", text, mentioned))
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _by_robot(self, request: web.Request) -> web.Response:
        token, now_s = request.query.get("access_token", ""), time.monotonic()
        if token not in self.robots:
            return web.json_response({"errcode": 300005, "errmsg": "token is not exist"})
        if self.blocked.get(token, 0.0) > now_s:
            self.world.breaches.append("a group robot that is blocked is posted to")
            return web.json_response({"errcode": 130101, "errmsg": "send too fast"})
        timestamp, secret = request.query.get("timestamp", ""), self.robots[token]
        fresh = timestamp.isdecimal() and abs(time.time() - int(timestamp) / 1000) < 3600
        if secret and not (fresh and request.query.get("sign") == sign(timestamp, secret)):
            return web.json_response({"errcode": 310000, "errmsg": "sign not match"})
        if not self.world.charge(f"robot:{token}", 20, 60.0 / self.times, now_s):
            self.blocked[token] = now_s + 600.0
            return web.json_response({"errcode": 130101, "errmsg": "send too fast"})
        text = _webhook_text(await request.json())
        self.world.say(Message("robot", token, "", "markdown", text))
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    # Cards

    async def _show_card(self, request: web.Request) -> web.Response:
        body = await self._body(request, robot=False)
        if body.get("cardTemplateId") != TEMPLATE or not self.edition:
            raise Denied("invalidParameter.cardTemplateId.notExist")
        name = check_text(body.get("outTrackId"), 128, "outTrackId")
        if name in self.cards:
            raise Broken("two cards of one outTrackId")
        if body.get("callbackType") != "STREAM" or body.get("userIdType") != 1:
            raise Broken("callbackType and userIdType")
        space, _, chat = str(body.get("openSpaceId", "")).removeprefix("dtv1.card//").partition(".")
        params = check_params(body.get("cardData", {}).get("cardParamMap"))
        self._check_picture(params)
        mentioned = self._check_space(space, chat, body)
        result: dict[str, Any] = {"outTrackId": name}
        if self.tells_delivery:
            told = {"spaceType": space, "spaceId": chat, "success": not self.undelivered}
            result["deliverResults"] = [told]
        if not self.undelivered:
            message = Message("card", chat, "", "card", mentioned=mentioned, card=params, id=name)
            self.cards[name] = self.world.say(message)
        return web.json_response({"success": True, "result": result})

    def _check_space(self, space: str, chat: str, body: dict[str, Any]) -> tuple[str, ...]:
        if space == "IM_ROBOT":
            deliver = body.get("imRobotOpenDeliverModel", {})
            if chat not in self.staff or deliver.get("spaceType") != "IM_ROBOT":
                raise Denied("invalidParameter.openSpaceId")
        elif space == "IM_GROUP":
            deliver = body.get("imGroupOpenDeliverModel", {})
            if chat not in self.groups:
                raise Denied("invalid.openConversationId")
            self._charge_group(chat)
        else:
            raise Denied("invalidParameter.openSpaceId")
        if deliver.get("robotCode") != self.robot_code:
            raise Denied("invalidParameter.robotCode.auth")
        return tuple(deliver.get("atUserIds", {}))

    async def _change_card(self, request: web.Request) -> web.Response:
        body = await self._body(request, robot=False)
        card = self.cards.get(str(body.get("outTrackId", "")))
        if card is None:
            raise Denied("invalidParameter.outTrackId.notExist")
        options = body.get("cardUpdateOptions", {})
        if options.get("updatePrivateDataByKey") and not body.get("privateData"):
            raise Denied("invalidParameter")
        self.change(card, body.get("cardData", {}).get("cardParamMap"), options)
        return web.json_response({"success": True})

    def change(self, card: Message, params: Any, options: dict[str, Any]) -> None:
        """What was not said again goes, unless the options keep it."""
        found = check_params(params)
        self._check_picture(found)
        card.earlier.append(card.card)
        card.card = {**card.card, **found} if options.get("updateCardDataByKey") else found

    def _check_picture(self, params: dict[str, str]) -> None:
        head, _, rest = params.get("content", "").partition(")")
        if head.startswith("![](") and head.removeprefix("![](") not in self.uploads:
            raise Broken(f"no such picture: {head} {rest!r:.20}")


def _webhook_text(body: Any) -> str:
    if not isinstance(body, dict) or body.get("msgtype") != "markdown":
        raise Broken(f"no such webhook message: {body!r:.80}")
    if not set(body) <= {"msgtype", "markdown", "at"}:
        raise Broken(f"a webhook message has no {set(body)}")
    return check_markdown(body["markdown"])


def _refused(fault: Fault) -> web.Response:
    if fault.kind == "number":
        return web.json_response({"errcode": fault.number, "errmsg": "no"})
    if fault.kind == "status":
        return web.Response(status=fault.status, text="<html>no</html>")
    return web.json_response({"code": fault.code, "message": fault.code}, status=fault.status)
