"""The stream: a connection over which DingTalk hands us messages and presses; of several, each takes what comes to it.

DingTalk says when it is going to close a connection and delivers nothing from then on: so the next one is opened first and
the old one closed afterwards, and nothing is lost between them. One that is silently dead is noticed because DingTalk pings.
What was taken is acknowledged when it is kept, before any work.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote_plus

import aiohttp

from adapters.chats.dingtalk.account import Account, Timing
from adapters.chats.dingtalk.api import Api
from adapters.chats.dingtalk.frames import (
    MESSAGES,
    PRESSES,
    Frame,
    NoFrame,
    answer,
    read_frame,
    subscriptions,
)
from adapters.chats.troubles import SettingsWrong, TokenStale
from bot.ports import ChatError, PlatformDown

_LOG = logging.getLogger(__name__)

_FRAME_BYTES: Final = 16 << 20
_LONGEST_S: Final = 30.0
_STABLE: Final = 20
"""A connection that held so many times the first pause was a good one."""
_CLOSE_S: Final = 2.0
_LAST_WORDS_S: Final = 2.0
"""So long a front end that ends still keeps what it heard."""
Take = Callable[[Frame], Awaitable[object]]
"""Keeps a message or a press; what it is acknowledged with. Waits while it cannot be kept."""


class Stream:
    """Holds a connection, one after the other."""

    def __init__(self, api: Api, account: Account, timing: Timing, take: Take) -> None:
        """Prepare; nothing is opened before ``run``.

        Args:
            api: Opens connections.
            account: Which robot.
            timing: When something is dead.
            take: Keeps what comes.
        """
        self._api = api
        self._account = account
        self._timing = timing
        self._take = take
        self.opened = asyncio.Event()
        """Set while DingTalk delivers to us."""
        self._lines: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Hold the connection until cancelled; survives everything else."""
        wait_s, said = self._timing.again_s, False
        old: _Line | None = None
        try:
            while True:
                began_s = time.monotonic()
                try:
                    line = await self._open()
                except (ChatError, aiohttp.ClientError, OSError, TimeoutError) as error:
                    if not said:
                        why = error if isinstance(error, ChatError) else type(error).__name__
                        _LOG.warning("The stream of DingTalk cannot be opened: %s", why)
                    said = True
                    wait_s = await self._pause(wait_s)
                    continue
                if said:
                    _LOG.info("The stream of DingTalk is open again")
                said = False
                if old is not None:
                    old.retire()
                self.opened.set()
                await line.leaving.wait()
                self.opened.clear()
                old = line
                good = time.monotonic() - began_s > _STABLE * self._timing.again_s
                wait_s = self._timing.again_s if good else wait_s
                # Who is told to leave goes at once: until the next is open nothing is delivered.
                if not (line.asked and good):
                    wait_s = await self._pause(wait_s / 4 if line.asked else wait_s)
        finally:
            self.opened.clear()
            await self._end()

    async def _pause(self, wait_s: float) -> float:
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        return min(wait_s * 2, _LONGEST_S)

    async def _open(self) -> "_Line":
        """Ask for a ticket, which opens one connection, and use it."""
        body = {
            "clientId": self._account.client_id,
            "clientSecret": self._account.client_secret,
            "subscriptions": subscriptions(cards=self._account.has_cards),
            "ua": "chorus",
        }
        try:
            found = await self._api.call("POST", "/v1.0/gateway/connections/open", body)
            url = f"{found['endpoint']}?ticket={quote_plus(str(found['ticket']))}"
        except TokenStale:
            raise SettingsWrong(
                "DingTalk does not accept CHORUS_DINGTALK_CLIENT_ID and _SECRET"
            ) from None
        except KeyError:
            raise PlatformDown("DingTalk opens no connection") from None
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(self._timing.answer_s):
                ws = await session.ws_connect(
                    url,
                    max_msg_size=_FRAME_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                )
        except BaseException:
            await session.close()
            raise
        line = _Line(session, ws, self._take, self._timing)
        task = asyncio.create_task(line.run(), name="dingtalk stream")
        self._lines.add(task)
        task.add_done_callback(self._lines.discard)
        return line

    async def _end(self) -> None:
        lines = list(self._lines)
        for task in lines:
            task.cancel()
        if lines:
            await asyncio.wait(lines)


class _Line:
    """One connection."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        ws: aiohttp.ClientWebSocketResponse,
        take: Take,
        timing: Timing,
    ) -> None:
        self._session = session
        self._ws = ws
        self._take = take
        self._timing = timing
        self.leaving = asyncio.Event()
        """Set once nothing is delivered here any more."""
        self.asked = False
        """DingTalk asked us to leave."""
        self._retired = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def retire(self) -> None:
        """The successor is open."""
        self._retired.set()

    async def run(self) -> None:
        """Take what comes, until this end closes or the other one does."""
        reading = asyncio.create_task(self._read())
        retiring = asyncio.create_task(self._retired.wait())
        try:
            await asyncio.wait([reading, retiring], return_when=asyncio.FIRST_COMPLETED)
            if self._tasks:  # what came is acknowledged here, if it can be
                await asyncio.wait(self._tasks, timeout=self._timing.drain_s)
        finally:
            self.leaving.set()
            for task in (reading, retiring):
                task.cancel()
            await asyncio.wait([reading, retiring])
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_LAST_WORDS_S)
            left = list(self._tasks)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left)
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._ws.close()
            await self._session.close()

    async def _read(self) -> None:
        try:
            while True:
                async with asyncio.timeout(self._timing.silence_s):
                    message = await self._ws.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
                elif message.type is not aiohttp.WSMsgType.BINARY:
                    return
        except TimeoutError:
            _LOG.info("Nothing comes over the stream of DingTalk any more: it is opened again")
        except (aiohttp.ClientError, OSError) as error:
            _LOG.info("The stream of DingTalk broke: %s", type(error).__name__)
        finally:
            self.leaving.set()

    def _hear(self, text: str) -> None:
        try:
            frame = read_frame(text)
        except NoFrame as error:
            _LOG.warning("DingTalk sent a frame that is none: %s", error)
            return
        if frame.type == "SYSTEM" and frame.topic == "disconnect":
            self.asked = True
            self.leaving.set()
            return
        task = asyncio.create_task(self._answer(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, frame: Frame) -> None:
        """The top of a loop: one frame must not end the others."""
        try:
            said = await self._said_to(frame)
            await self._ws.send_str(said)
        except (aiohttp.ClientError, ConnectionError, RuntimeError) as error:
            _LOG.debug("A frame is not acknowledged: %s", type(error).__name__)
        except Exception:  # noqa: BLE001 - see above
            _LOG.exception("A frame cannot be taken")
            with contextlib.suppress(aiohttp.ClientError, ConnectionError, RuntimeError):
                await self._ws.send_str(answer(frame, {}, 500, "fault"))

    async def _said_to(self, frame: Frame) -> str:
        if (
            frame.type == "SYSTEM"
        ):  # a ping gets its data back; what else there is wants a word only
            return answer(frame, frame.raw)
        if frame.type == "CALLBACK" and frame.topic in {MESSAGES, PRESSES}:
            return answer(frame, {"response": await self._take(frame)})
        if frame.type == "EVENT":
            return answer(frame, {"status": "SUCCESS", "message": ""})
        return answer(frame, {}, 404, "unknown topic")
