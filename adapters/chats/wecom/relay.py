"""One front end holds the long connection; what the others have to say goes through it.

A request lies in the Memory until the leader has said it, and its answer until it is read. It says how long it is wanted:
whoever asked tries again by itself, and must not be heard twice.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from bot.ports import (
    ChatError,
    ChatUnreachable,
    Memory,
    MemoryUnavailable,
    PlatformDown,
    Throttled,
)

_LOG = logging.getLogger(__name__)

_LOOK_S: Final = 0.1
_ANSWER_TTL_S: Final = 120
Perform = Callable[[dict[str, Any]], Awaitable[str]]


class Relay:
    """Has something said, here or where the connection is."""

    def __init__(
        self,
        memory: Memory,
        mailbox: str,
        perform: Perform,
        here: asyncio.Event,
        wait_s: float,
    ) -> None:
        """Prepare.

        Args:
            memory: Where requests and answers meet.
            mailbox: Of the door.
            perform: Says it, where the connection is.
            here: Set while that is here.
            wait_s: How long a request is wanted.
        """
        self._memory = memory
        self._mailbox = f"{mailbox}:relay"
        self._perform = perform
        self._here = here
        self._wait_s = wait_s

    async def say(self, said: dict[str, Any]) -> str:
        """Have it said; the message's id. Raises as ``ChatAdapter.post``."""
        if self._here.is_set():
            return await self._perform(said)
        id_ = secrets.token_hex(12)
        until_s = time.time() + self._wait_s
        raw = json.dumps({"until_s": until_s, "said": said}, ensure_ascii=False)
        await self._memory.receive(self._mailbox, id_, raw)
        while time.time() < until_s:
            answer = await self._memory.load("relayed", self._mailbox, id_)
            if answer is not None:
                return _read(json.loads(answer))
            await asyncio.sleep(_LOOK_S)
        raise PlatformDown("no front end holds the long connection")

    async def serve(self) -> None:
        """Say what others ask for, while the connection is here, until cancelled."""
        while True:
            await self._here.wait()
            inbox = self._memory.inbox(self._mailbox, f"relay-{secrets.token_hex(4)}")
            try:
                async for entry, id_, raw in inbox:
                    await self._serve(entry, id_, json.loads(raw))
                    if not self._here.is_set():
                        break
            except MemoryUnavailable:
                await asyncio.sleep(_LOOK_S)
            finally:
                if isinstance(inbox, AsyncGenerator):
                    await inbox.aclose()

    async def _serve(self, entry: str, id_: str, request: dict[str, Any]) -> None:
        if time.time() < request["until_s"]:
            try:
                answer = {"message": await self._perform(request["said"])}
            except (ChatError, MemoryUnavailable) as error:
                answer = _written(error)
            except Exception:  # noqa: BLE001 - the top of a message loop: one request must not end it
                _LOG.exception("What another front end asked for cannot be said")
                answer = {"error": "fault"}
            value = json.dumps(answer)
            await self._memory.keep("relayed", self._mailbox, id_, value=value, ttl_s=_ANSWER_TTL_S)
        await self._memory.dealt_with(self._mailbox, entry)


def _written(error: Exception) -> dict[str, Any]:
    if isinstance(error, Throttled):
        return {"error": "throttled", "after_s": error.after_s}
    if isinstance(error, ChatUnreachable):
        return {"error": "unreachable"}
    return {"error": "down" if isinstance(error, PlatformDown | MemoryUnavailable) else "fault"}


def _read(answer: dict[str, Any]) -> str:
    match answer.get("error"):
        case None:
            return str(answer["message"])
        case "throttled":
            raise Throttled(float(answer["after_s"]))
        case "unreachable":
            raise ChatUnreachable("the front end that holds the connection says so")
        case "down":
            raise PlatformDown("the front end that holds the connection could not say it")
    raise ChatError("the front end that holds the connection could not say it")
