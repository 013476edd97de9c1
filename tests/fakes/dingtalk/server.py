"""DingTalk with one corporation in it: stream, APIs, webhooks, and the hands of its people.

Use it as a context: ``async with FakeDingTalk() as dingtalk``. Leaving it fails the test if a limit was broken.
"""

import base64
import json
import secrets
import time
from typing import Any, Final, Self

import aiohttp
from aiohttp import web

from adapters.chats.dingtalk.account import Account
from adapters.chats.dingtalk.signing import sign
from tests.fakes.dingtalk.api import TEMPLATE, FakeApi, SessionAddress
from tests.fakes.dingtalk.gateway import MESSAGES, PRESSES, Gateway
from tests.fakes.dingtalk.limits import Broken, check_private
from tests.fakes.dingtalk.world import Message, World
from tests.fakes.log import Log

CLIENT_ID: Final = "dingtestsrobot"
_SECRET: Final = "an app secret of tests that opens nothing"  # noqa: S105
Data = dict[str, Any]


class FakeDingTalk:
    """One corporation."""

    def __init__(self, *, times: float = 60.0) -> None:
        """Prepare; ``times`` is how much faster time runs for rates."""
        self.world = World()
        self.gateway = Gateway(self.world, CLIENT_ID, _SECRET)
        self.api = FakeApi(self.world, CLIENT_ID, _SECRET, CLIENT_ID, times)
        self.titles: dict[str, str] = {}
        self.session_s = 5400.0
        self.press_s = 20.0
        """A press that is answered later is a breach. DingTalk waits for two seconds; a busy machine may stand still for that."""
        self.targets: list[str] = []
        """Web doors, in HTTP mode."""
        self.statuses: list[int] = []
        """What they answered."""
        self._runner: web.AppRunner | None = None
        self._log = Log()
        self._secrets: set[str] = set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        app.add_routes([*self.api.routes(), *self.gateway.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.api.base = self.gateway.base = self.url
        self._log.begin()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._log.end()
        await self.gateway.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if kind is None:
            breaches = [*self.world.breaches, *self._leaks()]
            assert not breaches, "\n".join(breaches)

    def _leaks(self) -> list[str]:
        """Secrets that stand in the log."""
        known = {_SECRET, *self.api.tokens, *self.api.old_tokens, *self.api.sessions}
        known |= {*self.api.robots, *self.api.robots.values(), *self.api.addresses} - {""}
        return [
            f"a secret is in the log: {line}"
            for line in self._log.lines
            for each in known
            if each in line
        ]

    @property
    def url(self) -> str:
        """For both bases."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def account(self, *, cards: bool = False, http: bool = False) -> Account:
        """What an operator would set."""
        return Account(
            client_id=CLIENT_ID,
            client_secret=_SECRET,
            robot_code=CLIENT_ID,
            mode="http" if http else "stream",
            card_template=TEMPLATE if cards else "",
            api_base=self.url,
            oapi_base=self.url,
        )

    def forgive(self, part: str) -> None:
        """Take breaches of this kind off the list: say why where you call it."""
        self.world.breaches[:] = [b for b in self.world.breaches if part not in b]

    # People

    def member(self, person: str) -> str:
        """Somebody who sees the robot."""
        self.api.staff.add(person)
        return person

    def group(self, chat: str, title: str, *people: str) -> str:
        """A group with the robot in it."""
        self.api.groups[chat] = {self.member(person) for person in people}
        self.titles[chat] = title
        return chat

    async def tells(
        self, person: str, text: str, group: str = "", *, quote: Data | None = None, **more: Any
    ) -> str:
        """Type something; in a group with a mention, perhaps quoting a message. The message's id."""
        said: Data = {"content": f" {text}" if group else text}
        if quote is not None:
            said |= {"isReplyMsg": True, "repliedMsg": quote}
        shown = f"「引用」{text}" if quote is not None else text
        return await self.send(person, group, shown, msgtype="text", text=said, **more)

    async def sends_voice(self, person: str, content: bytes, words: str = "") -> str:
        """Hold and talk, to the robot alone."""
        found = self.sound(content, words)
        return await self.send(person, "", "🎤 语音", msgtype="audio", content=found)

    async def sends_file(self, person: str, name: str, content: bytes) -> str:
        """Send a file to the robot alone."""
        found = self.file(name, content)
        return await self.send(person, "", f"📎 {name}", msgtype="file", content=found)

    def sound(self, content: bytes, words: str = "", ms: int = 3000) -> Data:
        """A voice note's content."""
        return {"downloadCode": self.keep(content), "recognition": words, "duration": ms}

    def file(self, name: str, content: bytes) -> Data:
        """A file's content."""
        ids = {"fileId": secrets.token_hex(4), "spaceId": "1"}
        return {"downloadCode": self.keep(content), "fileName": name, **ids}

    def keep(self, content: bytes) -> str:
        """A file on DingTalk's side; its download code."""
        code = base64.b64encode(secrets.token_bytes(24)).decode()
        self.api.codes[code] = content
        return code

    def quoted(self, kind: str, content: Any, person: str = "wang") -> Data:
        """A message of a group, as somebody who quotes it hands it on."""
        return {
            "msgType": kind,
            "msgId": f"msg{secrets.token_hex(6)}==",
            "senderId": f"$:LWCP_v1:${person}",
            "createdAt": int(time.time() * 1000),
            "content": content,
        }

    async def send(self, person: str, group: str, shown: str, **fields: Any) -> str:
        """Any message; its id."""
        data = self.message(person, group, **fields)
        self.world.say(Message("hand", group or person, person, str(data["msgtype"]), shown))
        await self.post(data)
        return str(data["msgId"])

    def message(self, person: str, group: str = "", **fields: Any) -> Data:
        """As the robot gets to see it."""
        if person not in self.api.staff and group:
            self.api.groups[group].add(self.member(person))
        session, now_ms = secrets.token_hex(16), int(time.time() * 1000)
        chat = group or person
        self.api.sessions[session] = SessionAddress(chat, time.time() + self.session_s)
        place = {
            "conversationType": "2" if group else "1",
            "conversationId": group or f"cid-of-{person}==",
            **({"conversationTitle": self.titles[group], "isInAtList": True} if group else {}),
        }
        return {
            "msgId": f"msg{secrets.token_hex(8)}==",
            "createAt": now_ms,
            "senderId": f"$:LWCP_v1:${person}",
            "senderStaffId": person,
            "senderNick": f"{person} 同学",
            "senderCorpId": "ding-corp",
            "chatbotUserId": "$:LWCP_v1:$robot",
            "robotCode": CLIENT_ID,
            "sessionWebhook": f"{self.url}/robot/sendBySession?session={session}",
            "sessionWebhookExpiredTime": now_ms + 5_400_000,
            **place,
            **fields,
        }

    async def post(self, data: Data) -> str:
        """Hand a message to the robot: over the stream, or to a web door; the frame's name."""
        if not self.targets:
            return await self.gateway.deliver(MESSAGES, data)
        timestamp = str(int(time.time() * 1000))
        headers = {"timestamp": timestamp, "sign": sign(timestamp, _SECRET)}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.targets[0], json=data, headers=headers) as answer,
        ):
            self.statuses.append(answer.status)
        return ""

    async def presses(self, person: str, card: Message, label: str) -> Data:
        """Press a button of a card, and see it change by the answer; the answer."""
        button = card.button(label)
        params = button["event"]["params"]
        private = {"actionIds": [params["actionId"]], "params": params["params"]}
        content = json.dumps({"cardPrivateData": private})
        self.world.say(Message("hand", card.chat, person, "press", f"[{label}]"))
        return await self.calls_back(person, card, content=content)

    async def calls_back(self, person: str, card: Message, **fields: Any) -> Data:
        """Any callback of a card."""
        data = {
            "outTrackId": card.id,
            "userId": person,
            "corpId": "ding-corp",
            "spaceId": card.chat,
            "spaceType": "im",
            "type": "actionCallback",
            "userIdType": 1,
            "extension": "{}",
            **fields,
        }
        found: Data = {}

        def heard(answer: Data) -> None:
            found.update(answer["response"] or {})
            self._apply(person, card, found)

        name = f"frame-{secrets.token_hex(6)}"
        self.gateway.heard[name] = heard
        await self.gateway.deliver(PRESSES, data, name)
        await self.world.wait_for(lambda: self.gateway.sent[name].answer is not None)
        if (seconds := self.gateway.sent[name].seconds) > self.press_s:
            self.world.breaches.append(f"a press is answered after {seconds:.1f} s")
        return found

    def _apply(self, person: str, card: Message, found: Data) -> None:
        options = found.get("cardUpdateOptions", {})
        try:
            if "cardData" in found:
                self.api.change(card, found["cardData"]["cardParamMap"], options)
            if "userPrivateData" in found:
                shown = check_private(found["userPrivateData"]["cardParamMap"])
                card.private[person] = card.private.get(person, {}) | shown
        except Broken as broken:
            self.world.breaches.append(f"the answer to a press: {broken}")
