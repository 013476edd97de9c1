"""WeCom calls back: signed, encrypted XML, sent again three times when nobody answers within five seconds."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import aiohttp

from adapters.chats.callback_crypto import CallbackCipher, Sealed
from tests.fakes.wecom.world import World

_RETRIES = 3


@dataclass
class Posted:
    """One callback that was sent."""

    sealed: Sealed
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Callbacks:
    """Sends callbacks to a hook, one address after the other of several front ends."""

    def __init__(self, world: World, cipher: CallbackCipher, corp_id: str, agent_id: str) -> None:
        self.world = world
        self.cipher = cipher
        self.corp_id = corp_id
        self.agent_id = agent_id
        self.targets: list[str] = []
        self.deadline_s = 5.0
        self.posted: list[Posted] = []
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, person: str, kind: str, *, copies: int = 1, **fields: Any) -> Posted:
        """Post a message or an event until it is taken, then again as a copy if there shall be more."""
        message = self.xml(person, kind, **fields)
        posted = Posted(self.seal(message))
        self.posted.append(posted)
        for _ in range(copies):
            await self._until_taken(posted)
        await self.world.tell()
        return posted

    def xml(self, person: str, kind: str, **fields: Any) -> str:
        """The message inside; nested fields are given as XML in ``raw``."""
        raw = fields.pop("raw", "")
        known = {
            "ToUserName": self.corp_id,
            "FromUserName": person,
            "CreateTime": int(time.time()),
            "MsgType": kind,
            "AgentID": self.agent_id,
        }
        if kind != "event":
            known["MsgId"] = fields.pop("MsgId", secrets.randbelow(10**18))
        parts = [
            f"<{name}>{escape(str(value))}</{name}>" for name, value in (known | fields).items()
        ]
        return f"<xml>{''.join(parts)}{raw}</xml>"

    def seal(self, message: str, at: float | None = None) -> Sealed:
        """As it travels."""
        timestamp = str(int(time.time() if at is None else at))
        return self.cipher.seal(message, timestamp, str(secrets.randbelow(10**10)))

    async def post(self, sealed: Sealed, **changes: Any) -> int:
        """Post once; the status, 0 for none in time."""
        sealed = replace(sealed, **changes)
        body = (
            f"<xml><ToUserName><![CDATA[{self.corp_id}]]></ToUserName><AgentID>{self.agent_id}</AgentID>"
            f"<Encrypt><![CDATA[{sealed.encrypted}]]></Encrypt></xml>"
        )
        return await self.post_raw(query_of(sealed), body.encode())

    async def post_raw(self, query: dict[str, str], body: bytes | BinaryIO) -> int:
        self.targets.append(self.targets.pop(0))
        try:
            async with (
                asyncio.timeout(self.deadline_s),
                self._opened().post(self.targets[-1], params=query, data=body) as answer,
            ):
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def get(self, query: dict[str, str]) -> tuple[int, str]:
        async with self._opened().get(self.targets[0], params=query) as answer:
            return answer.status, await answer.text()

    async def _until_taken(self, posted: Posted) -> None:
        for _ in range(1 + _RETRIES):
            began_s = time.monotonic()
            status = await self.post(posted.sealed)
            posted.statuses.append(status)
            posted.seconds.append(time.monotonic() - began_s)
            if posted.seconds[-1] > self.deadline_s:
                self.world.breaches.append(f"a callback was not answered in {self.deadline_s} s")
            if status == 200:
                return

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session


def query_of(sealed: Sealed) -> dict[str, str]:
    return {
        "msg_signature": sealed.signature,
        "timestamp": sealed.timestamp,
        "nonce": sealed.nonce,
    }
