"""Keeps the one progress message of every running Batch up to date, as often as the platform allows."""

import asyncio
import contextlib
import logging
from typing import Final

from bot.desk import Desk
from bot.outages import OUTAGES
from bot.pace import Stopwatch
from bot.ports import ChatUnreachable, Throttled
from bot.progress import Pace, progress_choices, progress_text, share_done
from worker.contract.records import BatchRecord, BatchState

_LOG = logging.getLogger(__name__)

_LOOK_S: Final = 5.0
"""A Batch is looked at so often even if no fact came: facts may be lost."""
_LOOKS_PER_S: Final = 40
"""Most looks without a fact in a second, for all Batches together."""
_LEAD_S: Final = 6.0
_LEAD_RENEW_S: Final = 2.0
_LAST_WORD_S: Final = 5.0
_LATE_TRIES: Final = 60
_BEGIN_S: Final = 0.1
"""Least time between two looks for new Batches, however many facts come."""
_AFTER_FAULT_S: Final = 60.0


class _Followed:
    """One Batch being followed."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.lock = asyncio.Lock()
        self.watch = Stopwatch()
        self.shown: str | None = None
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
        self._unfinished: set[str] = set()
        """Batches that ended while the platform took no last word."""
        self._any_news = asyncio.Event()
        self._leading = False

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
                    while self._unfinished:
                        batch_id = self._unfinished.pop()
                        tasks.create_task(self._finish_later(batch_id), name=f"finish {batch_id}")
                    await asyncio.sleep(_BEGIN_S)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LEAD_RENEW_S):
                            await self._any_news.wait()
        finally:
            with contextlib.suppress(*OUTAGES):
                await self._desk.memory.step_down(role, self._holder)

    async def finish(self, batch: BatchRecord) -> None:
        """Bring the progress message into its last form, once; a platform that is away does not hold us up."""
        if not self._desk.adapter.limits.can_revise:
            return
        followed = self._followed.get(batch.id) or _Followed()
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                await self._show_last(followed, batch)
        except (
            *OUTAGES,
            TimeoutError,
        ):  # the Outcome goes first; a bar must not stand still for good
            self._unfinished.add(batch.id)
            self._any_news.set()

    async def _show_last(self, followed: _Followed, batch: BatchRecord) -> None:
        async with followed.lock:
            if followed.ended_round < batch.round:
                await self._show(followed, batch)
                followed.ended_round = batch.round

    async def _finish_later(self, batch_id: str) -> None:
        """Bring a progress message into its last form when the platform has room for it."""
        followed = self._followed.get(batch_id) or _Followed()
        for _ in range(_LATE_TRIES):
            try:
                batch = await self._desk.ledger.batch(batch_id)
                working = batch and batch.state.active and batch.state is not BatchState.READY
                if batch is not None and not working:  # else it was deleted, or reopened
                    await self._show_last(followed, batch)
            except Throttled as error:
                await asyncio.sleep(error.after_s)
            except OUTAGES:
                await asyncio.sleep(_LOOK_S)
            except Exception:  # noqa: BLE001 - the top of a task: it must not end the others
                _LOG.exception("Batch %s: its last progress cannot be shown", batch_id)
                return
            else:
                return

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
        """Until a fact comes or it is time to look anyway, and never faster than the platform allows."""
        await asyncio.sleep(max(followed.next_s - self._now(), 0.0))
        look_s = max(_LOOK_S, len(self._followed) / _LOOKS_PER_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(look_s):
                await followed.news.wait()

    async def _show(self, followed: _Followed, batch: BatchRecord) -> None:
        message = batch.progress_message
        if message is None or message.id == followed.gone_id:
            return
        now_s = self._now()
        followed.watch.look(batch, share_done(batch), now_s)
        ahead = 0
        if batch.state is BatchState.QUEUED:
            ahead = await self._desk.ledger.place(batch.id)
        pace = Pace(left_s=followed.watch.left_s(now_s), ahead=ahead)
        language = await self._desk.language_of(batch.order.chat, batch.order.person)
        text = await progress_text(self._desk, batch, language, pace)
        if (message.id, text) == (followed.message_id, followed.shown):
            return
        followed.next_s = now_s + self._desk.adapter.limits.revise_every_s
        try:
            choices = progress_choices(self._desk, batch, language)
            # The last form goes with the result: then nothing that comes later could say it.
            patient = batch.state.active and batch.state is not BatchState.READY
            await self._desk.adapter.revise(message, text, choices, patient=patient)
        except ChatUnreachable:
            _LOG.info("Batch %s: its progress message is gone", batch.id)
            followed.gone_id = message.id
        followed.message_id, followed.shown = message.id, text

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
