"""HTTP mode: DingTalk posts messages to our web door. Kept first, then answered.

The signature covers the time alone, not what is posted; so HTTPS is needed, and what was signed once may not carry other
messages later: only those that come at the same time, to the millisecond.
"""

import asyncio
import hmac
import re
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from adapters.chats.callbacks import Refusals, Refused, body_of
from adapters.chats.dingtalk.account import Account, Timing
from adapters.chats.dingtalk.decoding import lane_of
from adapters.chats.dingtalk.ear import Ear
from adapters.chats.dingtalk.signing import sign
from adapters.chats.parsing import read_json
from bot.ports import Memory, MemoryUnavailable

HOOK: Final = "/hooks/dingtalk"
_TIMESTAMP: Final = re.compile(r"[0-9]{10,15}")
_MILLIS: Final = 1000


class Hook:
    """Answers DingTalk's callbacks."""

    def __init__(
        self,
        memory: Memory,
        account: Account,
        mailbox: str,
        ear: Ear,
        timing: Timing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            memory: Where it is kept what came already.
            account: Whose secret signs.
            mailbox: Of the robot.
            ear: Keeps messages.
            timing: What is too old, and how long an answer may take.
            clock: Seconds since 1970.
        """
        self._memory = memory
        self._account = account
        self._mailbox = mailbox
        self._ear = ear
        self._timing = timing
        self.clock = clock
        self._refusals = Refusals("dingtalk", "DingTalk")

    @property
    def refused(self) -> int:
        """Callbacks that were not DingTalk's, or not for us."""
        return self._refusals.count

    def routes(self) -> list[web.RouteDef]:
        """For the web door."""
        return [web.post(HOOK, self.take)]

    async def take(self, request: web.Request) -> web.Response:
        """A message: 200 once it is kept, 4xx for what is not DingTalk's, 503 to get it again."""
        try:
            async with asyncio.timeout(self._timing.hook_s):
                timestamp = self._signed(request)
                await self._keep(timestamp, _message(await body_of(request)))
        except Refused as refused:
            return self._refusals.answer(refused)
        except (MemoryUnavailable, TimeoutError):
            return web.Response(status=503)
        return web.json_response({})

    def _signed(self, request: web.Request) -> str:
        """The time that was signed, if it is ours, and DingTalk's."""
        timestamp, shown = request.headers.get("timestamp", ""), request.headers.get("sign", "")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise Refused(400, "no time")
        expected = sign(timestamp, self._account.client_secret)
        if not hmac.compare_digest(shown.encode(errors="surrogateescape"), expected.encode()):
            raise Refused(403, "the signature is wrong")
        if abs(self.clock() - int(timestamp) / _MILLIS) > self._timing.window_s:
            raise Refused(403, "too old, or from the future")
        return timestamp

    async def _keep(self, timestamp: str, data: dict[str, Any]) -> None:
        name = str(data["msgId"])
        if str(data.get("robotCode") or self._account.robot_code) != self._account.robot_code:
            raise Refused(403, "for another robot")
        seen = ("signed", self._mailbox, timestamp)
        known = await self._memory.load(*seen)
        first, _, at = (known or "").partition(" ")
        late = known is not None and self.clock() - float(at) > self._timing.siblings_s
        if late and name != first and not await self._came(name):
            raise Refused(403, "a replay")
        await self._ear.keep("message", data, name, lane_of(data))
        ttl_s = int(2 * self._timing.window_s) + 60
        if known is None:
            value = f"{name} {self.clock()}"
            await self._memory.keep(*seen, value=value, ttl_s=ttl_s)
        else:
            await self._memory.keep("came", self._mailbox, name, value="1", ttl_s=ttl_s)

    async def _came(self, name: str) -> bool:
        return await self._memory.load("came", self._mailbox, name) is not None


def _message(content: str) -> dict[str, Any]:
    try:
        found = read_json(content)
    except ValueError:
        raise Refused(400, "no JSON") from None
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("msgId"), str)
        or " " in found["msgId"]
    ):
        raise Refused(400, "no message")
    return found
