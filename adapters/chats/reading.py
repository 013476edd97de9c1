"""From the inbox to the bot: what came in one chat one after the other, different chats side by side."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, Final

from bot.ports import (
    ChatUnreachable,
    Inbound,
    Memory,
    MemoryUnavailable,
    PlatformDown,
    Throttled,
)

_LOG = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_MOST_PATIENT: Final = 16
"""The longest pause, against the first one."""
WAITING: Final = 64
"""Messages read ahead of the bot."""
Read = Callable[[str, str, str], Awaitable[Inbound | None]]
"""(entry, key, raw) to what concerns us; None: nothing."""


async def handed_on(
    found: asyncio.Queue[Inbound], read_all: Coroutine[Any, Any, None], name: str
) -> AsyncGenerator[Inbound, None]:
    """Yield what a reader of an inbox puts into the queue; the reader ends with this."""
    reading = asyncio.create_task(read_all, name=name)
    try:
        while True:
            waiting = asyncio.create_task(found.get())
            try:
                await asyncio.wait([waiting, reading], return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    reading.result()
                    return
                yield waiting.result()
            finally:
                waiting.cancel()
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def patiently(
    read: Callable[[], Awaitable[None]], drop: Callable[[], Awaitable[None]], again_s: float
) -> None:
    """The top of the message loop: an outage is waited out, ever more patiently; what cannot be read is dropped."""
    wait_s = again_s
    while True:
        try:
            await read()
        except (MemoryUnavailable, PlatformDown, Throttled) as error:
            _LOG.debug("A message waits: %s", error)
            await asyncio.sleep(error.after_s if isinstance(error, Throttled) else wait_s)
            wait_s = min(2 * wait_s, _MOST_PATIENT * again_s)
            continue
        except ChatUnreachable as error:
            _LOG.info("A message cannot be answered: %s", error)
            await _dropped(drop)
        except Exception:  # noqa: BLE001 - the top of the message loop: one message must not end it
            _LOG.exception("A message cannot be read; it is dropped")
            await _dropped(drop)
        return


async def _dropped(drop: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(MemoryUnavailable):
        await drop()


class Reading:
    """Reads the inbox of one mailbox."""

    def __init__(
        self,
        memory: Memory,
        mailbox: str,
        read: Read,
        again_s: float,
        lane: Callable[[str], str] = lambda _: "",
    ) -> None:
        """Prepare.

        Args:
            memory: Where the inbox is.
            mailbox: Whose.
            read: Reads one raw message; may be called again for the same one.
            again_s: Pause after an outage.
            lane: By the raw message: those of one lane keep their order.
        """
        self._memory = memory
        self._mailbox = mailbox
        self._read = read
        self._again_s = again_s
        self._lane = lane
        self._found: asyncio.Queue[Inbound] = asyncio.Queue(WAITING)

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us."""
        found = handed_on(self._found, self._read_all(), f"inbox {self._mailbox}")
        async with contextlib.aclosing(found):
            async for inbound in found:
                yield inbound

    async def _read_all(self) -> None:
        platform = self._mailbox.partition(":")[0]
        inbox = self._memory.inbox(self._mailbox, f"{platform}-{secrets.token_hex(4)}")
        tails: dict[str, asyncio.Task[None]] = {}
        slots = asyncio.Semaphore(_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                async for entry, key, raw in inbox:
                    await slots.acquire()
                    lane = self._lane(raw)
                    task = tasks.create_task(self._one(tails.get(lane), entry, key, raw))
                    tails[lane] = task

                    def done(task: asyncio.Task[None], lane: str = lane) -> None:
                        slots.release()
                        if tails.get(lane) is task:
                            del tails[lane]

                    task.add_done_callback(done)
        finally:
            if isinstance(inbox, AsyncGenerator):
                await inbox.aclose()

    async def _one(
        self, earlier: asyncio.Task[None] | None, entry: str, key: str, raw: str
    ) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])

        async def read() -> None:
            inbound = await self._read(entry, key, raw)
            if inbound is not None:
                await self._found.put(inbound)
            else:
                await drop()

        async def drop() -> None:
            await self._memory.dealt_with(self._mailbox, entry)

        await patiently(read, drop, self._again_s)
