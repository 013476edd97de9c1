"""Sends the files that were asked for, beside whatever is said meanwhile: a few of them take minutes."""

import asyncio
from typing import Final

from structlog.contextvars import bind_contextvars

from bot.closing import closing
from bot.desk import Desk, Turn
from bot.faults import guarded
from bot.files import Sending, asked_for, send_files
from bot.outages import insist

_AT_ONCE: Final = 4
"""Orders of which files are being sent at once: each has one on the disk."""
_LIMIT_S: Final = 600.0
"""Who asked ten minutes ago, with an outage ever since, is told that it did not work."""


class Sendings:
    """Of one mailbox. What a front end that died had begun goes on at another; what came before does not come again."""

    def __init__(self, desk: Desk, holder: str) -> None:
        self._desk = desk
        self._holder = holder

    async def run(self) -> None:
        """Send until cancelled."""
        slots = asyncio.Semaphore(_AT_ONCE)
        asked = self._desk.memory.inbox(asked_for(self._desk), self._holder)
        async with closing(asked), asyncio.TaskGroup() as tasks:
            async for entry, _, raw in asked:
                await slots.acquire()
                task = tasks.create_task(self._send(entry, Sending.model_validate_json(raw)))
                task.add_done_callback(lambda _: slots.release())

    async def _send(self, entry: str, sending: Sending) -> None:
        desk, chat, person = self._desk, sending.chat, sending.person
        bind_contextvars(platform=chat.platform)
        what = f"{sending.what} {sending.batch_id[:12]}"

        async def attempt() -> None:
            turn = Turn(
                desk,
                chat,
                person,
                await desk.language_of(chat, person),
                sending.receipt,
                reply_to=sending.reply_to,
            )
            await send_files(turn, sending)

        await guarded(desk, chat, person, sending.receipt, what, attempt, limit_s=_LIMIT_S)
        await insist(lambda: desk.memory.dealt_with(asked_for(desk), entry), what)
