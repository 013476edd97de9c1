"""Keeps the one progress message of every running Batch up to date, as often as the platform allows."""

import asyncio
import contextlib
import logging
from typing import Final

from bot.desk import Desk
from bot.links import links_so_far
from bot.outages import OUTAGES
from bot.pace import Stopwatch
from bot.ports import ChatUnreachable, Choice, Throttled
from bot.progress import (
    is_over,
    note_progress,
    pace_of,
    progress_choices,
    progress_text,
    share_done,
    share_packed,
)
from worker.contract.records import BatchRecord, BatchState, MessageRef

_LOG = logging.getLogger(__name__)

_LOOK_S: Final = 5.0
"""A Batch is looked at so often even if no fact came: facts may be lost."""
_LOOKS_PER_S: Final = 10
"""Most looks without a fact in a second, for all Batches together."""
_LOOKS_OF_ALL_PER_S: Final = 20
"""Most looks in a second, facts or not: however much is going on, who asks something is answered at once."""
_LEAD_S: Final = 6.0
_LEAD_RENEW_S: Final = 2.0
_LAST_WORD_S: Final = 5.0
_BEGIN_S: Final = 0.1
"""Least time between two looks for new Batches, however many facts come."""
_AFTER_FAULT_S: Final = 60.0
_ANEW_TTL_S: Final = 7 * 86_400


class _Followed:
    """One Batch being followed."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.lock = asyncio.Lock()
        self.watch = Stopwatch()
        self.shown: str | None = None
        self.choices: list[Choice] = []
        self.message_id = ""
        self.next_s = 0.0
        self.ended_round = 0
        self.gone_id = ""
        """A message that can no longer be revised."""


class Follower:
    """Follows the Batches of one mailbox; of several front ends only the one that leads does."""

    def __init__(self, desk: Desk, holder: str) -> None:
        self._desk = desk
        self._holder = holder
        self._followed: dict[str, _Followed] = {}
        self._any_news = asyncio.Event()
        self._leading = False
        self._next_look_s = 0.0

    def notice(self, batch_id: str) -> None:
        """A fact came: look soon."""
        if followed := self._followed.get(batch_id):
            followed.news.set()
        else:
            self._any_news.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        if not self._desk.adapter.limits.can_revise:
            return
        role = f"progress:{self._desk.adapter.mailbox}"
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._any_news.clear()
                    with contextlib.suppress(*OUTAGES):
                        self._leading = await self._desk.memory.lead(role, self._holder, _LEAD_S)
                        if self._leading:
                            await self._begin(tasks)
                    await asyncio.sleep(_BEGIN_S)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LEAD_RENEW_S):
                            await self._any_news.wait()
        finally:
            with contextlib.suppress(*OUTAGES):
                await self._desk.memory.step_down(role, self._holder)

    async def finish(self, batch: BatchRecord) -> None:
        """Bring the progress message into its last form before the Outcome; a platform that is away holds nothing up."""
        with contextlib.suppress(
            *OUTAGES, TimeoutError
        ):  # then ``settle`` does it, after the Outcome
            async with asyncio.timeout(_LAST_WORD_S):
                await self._show_last(batch)

    async def settle(self, batch_id: str) -> None:
        """A bar must not stand still for good: the same again, unless it was done. Raises OUTAGES, to be tried again."""
        batch = await self._desk.ledger.batch(batch_id)
        if batch is not None and is_over(batch):  # else it was deleted, or reopened
            await self._show_last(batch)

    async def _show_last(self, batch: BatchRecord) -> None:
        if not self._desk.adapter.limits.can_revise:
            return
        followed = self._followed.get(batch.id) or _Followed()
        async with followed.lock:
            if followed.ended_round < batch.round:
                await self._show(followed, batch)
                followed.ended_round = batch.round

    async def _begin(self, tasks: asyncio.TaskGroup) -> None:
        for batch_id in await self._desk.ledger.active_batches(self._desk.adapter.mailbox):
            if batch_id not in self._followed:
                self._followed[batch_id] = _Followed()
                tasks.create_task(self._follow(batch_id), name=f"follow {batch_id}")

    async def _follow(self, batch_id: str) -> None:
        followed = self._followed[batch_id]
        try:
            while await self._look(batch_id, followed):
                await self._wait(followed)
        except Exception:  # noqa: BLE001 - the top of a loop: one Batch must not end the others' progress
            _LOG.exception("Batch %s: its progress cannot be shown", batch_id)
            await asyncio.sleep(_AFTER_FAULT_S)
        finally:
            del self._followed[batch_id]

    async def _look(self, batch_id: str, followed: _Followed) -> bool:
        """Show what is new; False when the Batch is over."""
        followed.news.clear()
        if not self._leading:
            return False
        try:
            async with followed.lock:
                batch = await self._desk.ledger.batch(batch_id)
                if batch is None or followed.ended_round >= batch.round:
                    return batch is not None and batch.state.active
                if batch.state is not BatchState.READY:  # that form is shown with the Outcome
                    await self._show(followed, batch)
                if not batch.state.active:
                    return False
        except Throttled as error:
            followed.next_s = self._now() + error.after_s
        except OUTAGES as error:
            _LOG.debug("Batch %s: progress waits: %s", batch_id, error)
        return True

    async def _wait(self, followed: _Followed) -> None:
        """Until a fact comes or it is time to look anyway, and never faster than the platform allows, nor than all can be shown."""
        await asyncio.sleep(max(followed.next_s - self._now(), 0.0))
        look_s = max(_LOOK_S, len(self._followed) / _LOOKS_PER_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(look_s):
                await followed.news.wait()
        self._next_look_s = max(self._next_look_s, self._now()) + 1 / _LOOKS_OF_ALL_PER_S
        await asyncio.sleep(self._next_look_s - 1 / _LOOKS_OF_ALL_PER_S - self._now())

    async def _show(self, followed: _Followed, batch: BatchRecord) -> None:
        message = batch.progress_message
        if message is None or message.id == followed.gone_id:
            return
        now_s = self._now()
        packing = batch.state is BatchState.PACKING
        followed.watch.look(batch, share_packed(batch) if packing else share_done(batch), now_s)
        pace = await pace_of(self._desk, batch, followed.watch.left_s(now_s))
        language = await self._desk.language_of(batch.order.chat, batch.order.person)
        links = await links_so_far(self._desk, batch)
        text = await progress_text(self._desk, batch, language, pace, links)
        choices = progress_choices(self._desk, batch, language, links)
        if (message.id, text, choices) == (followed.message_id, followed.shown, followed.choices):
            return
        followed.next_s = now_s + self._desk.adapter.limits.revise_every_s
        try:
            # The last form goes with the result: then nothing that comes later could say it.
            await self._desk.adapter.revise(message, text, choices, patient=not is_over(batch))
        except ChatUnreachable:
            _LOG.info("Batch %s: its progress message is gone", batch.id)
            anew = await self._say_anew(batch, text, choices)
            if anew is None:
                followed.gone_id = message.id
            message = anew or message
        followed.message_id, followed.shown, followed.choices = message.id, text, choices

    async def _say_anew(
        self, batch: BatchRecord, text: str, choices: list[Choice]
    ) -> MessageRef | None:
        """Somebody deleted the message, and its button with it: another goes on in its place; who deletes that means it."""
        once = ("anew", batch.id, str(batch.round))
        if is_over(batch) or await self._desk.memory.load(*once) is not None:
            return None
        order = batch.order
        try:
            message = await self._desk.post(
                order.chat,
                text,
                key=":".join(("progress", *once)),
                reply_to=None if order.chat.private else order.reply_to,
                choices=choices,
                person=order.person,
            )
        except ChatUnreachable:  # it is the chat that is gone
            return None
        await self._desk.memory.keep(*once, value=message.id, ttl_s=_ANEW_TTL_S)
        await note_progress(self._desk, batch, message)
        return message

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
