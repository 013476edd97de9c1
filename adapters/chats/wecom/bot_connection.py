"""The AI bot's long connection: held by the one front end that leads, opened again whenever it breaks.

WeCom lets a bot have one connection; a second one evicts the first. So the front ends agree on a leader in the Memory. Nothing
that is sent while nobody is connected comes later, therefore the connection is opened again without end, after a clean close
as well, and one that is silently dead is noticed by its pings.
"""

import asyncio
import contextlib
import json
import logging
import random
import secrets
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakValueDictionary

import aiohttp

from adapters.chats.parsing import read_json
from adapters.chats.troubles import SettingsWrong, TokenStale
from adapters.chats.wecom.account import BotAccount, Timing
from adapters.chats.wecom.bot_decoding import Evicted, read_body
from adapters.chats.wecom.errors import Busy, meaning
from bot.ports import ChatError, Memory, MemoryUnavailable, PlatformDown

_LOG = logging.getLogger(__name__)

_FRAME_BYTES: Final = 16 << 20
_LONGEST_S: Final = 30.0
_STABLE_S: Final = 60.0
_PEACE: Final = 20
"""Two that evict each other do so ever more seldom, down to once in so many times the first pause."""
_UNANSWERED: Final = 2
"""Pings without an answer: then the connection is dead."""
_TRIES: Final = 3
_PAUSE_S: Final = 0.3
_CALLBACKS: Final = frozenset({"aibot_msg_callback", "aibot_event_callback"})
Frame = dict[str, Any]


class TakenAway(PlatformDown):
    """Somebody else connected as this bot."""


class Connection:
    """The connection of one bot."""

    def __init__(
        self,
        memory: Memory,
        account: BotAccount,
        mailbox: str,
        timing: Timing,
        hear: Callable[[Frame], None],
    ) -> None:
        """Prepare; nothing is opened before ``run``.

        Args:
            memory: Where the front ends agree on a leader.
            account: Which bot.
            mailbox: Names the leadership.
            timing: When something is dead.
            hear: Takes callbacks, at once.
        """
        self._memory = memory
        self._account = account
        self._timing = timing
        self._hear = hear
        self._role = f"connect:{mailbox}"
        self._holder = secrets.token_hex(8)
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self.opened = asyncio.Event()
        """Set while this front end holds the connection."""
        self._pending: dict[str, asyncio.Future[Frame]] = {}
        self._serial: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def up(self) -> bool:
        """Whether this front end holds the connection now."""
        return self.opened.is_set()

    async def run(self) -> None:
        """Hold the connection while we lead, stand by while somebody else does, until cancelled."""
        try:
            while True:
                if await self._leads():
                    await self._while_leading()
                await asyncio.sleep(self._timing.renew_s)
        finally:
            with contextlib.suppress(MemoryUnavailable):
                await self._memory.step_down(self._role, self._holder)

    async def ask(self, cmd: str, body: Frame | None, req_id: str | None = None) -> Frame:
        """Send a frame and wait for its acknowledgement; on one req_id one after the other. Raises ChatErrors."""
        for attempt in range(_TRIES):
            try:
                return await self._ask(cmd, body, req_id or new_req_id(cmd))
            except Busy:
                if attempt + 1 == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE_S)
        raise AssertionError("unreachable")

    async def _ask(self, cmd: str, body: Frame | None, req_id: str) -> Frame:
        lock = self._serial.setdefault(req_id, asyncio.Lock())
        async with lock:
            ws = self._ws
            if ws is None:
                raise PlatformDown("the long connection is not open here")
            answered: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
            self._pending[req_id] = answered
            frame = {"cmd": cmd, "headers": {"req_id": req_id}, **({"body": body} if body else {})}
            try:
                async with asyncio.timeout(self._timing.ack_s):
                    await ws.send_str(json.dumps(frame, ensure_ascii=False))
                    answer = await answered
            except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
                raise PlatformDown(f"{cmd} is not answered: {type(error).__name__}") from None
            finally:
                self._pending.pop(req_id, None)
        code = int(answer.get("errcode") or 0)
        if code:
            raise meaning(code)
        return answer

    async def _leads(self) -> bool:
        try:
            return await self._memory.lead(self._role, self._holder, self._timing.lead_s)
        except MemoryUnavailable:
            return False

    async def _still_leads(self) -> bool:
        """While the Memory is away nobody else can take the lead; what is heard meanwhile is kept when it is back."""
        try:
            return await self._memory.lead(self._role, self._holder, self._timing.lead_s)
        except MemoryUnavailable:
            return True

    async def _while_leading(self) -> None:
        holding = asyncio.create_task(self._hold(), name=self._role)
        try:
            while not holding.done() and await self._still_leads():
                await asyncio.wait([holding], timeout=self._timing.renew_s)
        finally:
            holding.cancel()
            await asyncio.wait([holding])
        if not holding.cancelled():
            holding.result()  # it ends by itself only by a fault

    async def _hold(self) -> None:
        wait_s, said, evicted_s = self._timing.again_s, False, self._timing.evicted_s
        while True:
            began_s = time.monotonic()
            try:
                await self._session()
            except TakenAway:
                _LOG.warning("Somebody else connects with the same CHORUS_WECOM_BOT_ID")
                if time.monotonic() - began_s > _PEACE * evicted_s:
                    evicted_s = self._timing.evicted_s
                await asyncio.sleep(evicted_s)
                evicted_s = min(2 * evicted_s, _PEACE * self._timing.evicted_s)
            except (ChatError, aiohttp.ClientError, OSError, TimeoutError) as error:
                if not said:
                    why = error if isinstance(error, ChatError) else type(error).__name__
                    _LOG.warning("The long connection to WeCom is lost: %s", why)
                said = True
            if time.monotonic() - began_s > _STABLE_S:
                wait_s, said = self._timing.again_s, False
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            wait_s = min(wait_s * 2, _LONGEST_S)

    async def _session(self) -> None:
        """One connection, until it ends."""
        async with aiohttp.ClientSession() as session, await self._connected(session) as ws:
            self._ws = ws
            tasks = [asyncio.create_task(self._read(ws)), asyncio.create_task(self._live())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._ws = None
                self.opened.clear()
                self._fail_pending()
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            for task in done:
                task.result()

    async def _connected(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """Connect; who lets nobody in within the time of an answer is away."""
        async with asyncio.timeout(self._timing.answer_s):
            return await session.ws_connect(
                self._account.ws_url,
                max_msg_size=_FRAME_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )

    async def _live(self) -> None:
        """Say who we are, then show that we live, and see that the other side does."""
        subscription = {"bot_id": self._account.id, "secret": self._account.secret}
        try:
            await self._ask("aibot_subscribe", subscription, new_req_id("aibot_subscribe"))
        except ChatError as error:
            if isinstance(error, PlatformDown) and not isinstance(error, TokenStale):
                raise
            raise SettingsWrong("WeCom does not accept CHORUS_WECOM_BOT_ID and _SECRET") from error
        self.opened.set()
        _LOG.info("The long connection to WeCom is open")
        unanswered = 0
        while unanswered < _UNANSWERED:
            try:
                await self._ask("ping", None, new_req_id("ping"))
                unanswered = 0
            except PlatformDown:
                unanswered += 1
            await asyncio.sleep(self._timing.ping_s)
        raise PlatformDown("nobody answers our pings")

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            frame = _parsed(message.data)
            req_id = str(frame.get("headers", {}).get("req_id", ""))
            if frame.get("cmd") in _CALLBACKS:
                if isinstance(read_body(frame.get("body") or {}), Evicted):
                    raise TakenAway("evicted")
                self._hear(frame)
            elif not frame.get("cmd"):
                self._answered(req_id, frame)
        raise PlatformDown("WeCom closed it")

    def _answered(self, req_id: str, frame: Frame) -> None:
        answered = self._pending.get(req_id)
        if answered is not None and not answered.done():
            answered.set_result(frame)

    def _fail_pending(self) -> None:
        for answered in self._pending.values():
            if not answered.done():
                answered.set_exception(PlatformDown("the connection broke"))


def new_req_id(cmd: str) -> str:
    """An unguessable name of a frame, by WeCom's convention."""
    return f"{cmd}_{int(time.time() * 1000)}_{secrets.token_hex(4)}"


def _parsed(text: str) -> Frame:
    try:
        found = read_json(text)
    except ValueError:
        _LOG.warning("WeCom sent a frame that is no JSON")
        return {"cmd": "unknown"}
    parts = (
        (found.get("headers", {}), found.get("body") or {}) if isinstance(found, dict) else ((),)
    )
    return found if all(isinstance(part, dict) for part in parts) else {"cmd": "unknown"}
