"""The foreman: draws work, has it done by the engine and by disposable children, and never computes.

::

    tickets (arq) -> draw (ledger) -> clip:                    engine process -> store
                                      take, template, lineup:  disposable child -> store
                                      words of a take:         disposable child -> engine process -> disposable child
                                      archive:                 store
"""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any, Final

from redis.asyncio import ConnectionPool

from worker.asked import LabelRules
from worker.attendance import Attendance
from worker.cache import FOLDER, Cache
from worker.child import Child
from worker.clips import ClipWork, Made
from worker.contract.archives import MOST_BYTES
from worker.contract.ports import LedgerUnavailable, ObjectStore, StoreUnavailable
from worker.desk import Verdict, new_incident
from worker.drawing import Draws
from worker.engine_link import START_S, EngineLink
from worker.guard import LAST_WORD_S, Guard
from worker.hearing import Hearing
from worker.holdings import Held, Holdings
from worker.janitor import Janitor, Keeping
from worker.ledger import RedisLedger
from worker.ledger_scripts import Queue
from worker.lineups import Lineups
from worker.manifest import Report
from worker.packing import Packing
from worker.patience import insist
from worker.pictures import Pictures
from worker.preparation import Limits, Preparation
from worker.rebuild import rebuild
from worker.skills import Skills
from worker.ticket_office import TicketOffice
from worker.whisper import stamp
from worker.workshop import Workshop

log = logging.getLogger(__name__)

_SWEEP_S: Final = 1.0
_BEAT_S: Final = 2.0
_HELD_AGAIN_S: Final = 60.0
"""The library changes too."""
_TIDY_S: Final = 900.0
_LOSS_S: Final = 2.0
"""So often a foreman looks whether Redis lost its memory under it."""
_STUMBLED_S: Final = 60.0
"""Until it is tried again what could not be brought back; nothing is deleted meanwhile."""
_POLL_S: Final = 0.03
_POLLS_S: Final[Mapping[Queue, float]] = {"clips": 0.01, "templates": 0.1, "records": 0.1}
_SEATS: Final[Mapping[Queue, int]] = {
    "takes": 2,
    "templates": max(1, (os.cpu_count() or 1) // 2),
    "records": 2,
}
"""Done at a time, beside Clips and Archives. Templates leave half of the machine to what a person waits for."""


class Foreman:
    """One worker of the fleet."""

    def __init__(
        self,
        *,
        redis_url: str,
        ledger: RedisLedger,
        store: ObjectStore,
        folder: Path,
        engine: str = "viseme",
        engine_module: str = "worker.engine",
        slots: int = 1,
        device: str = "cpu",
        environment: Mapping[str, str] | None = None,
        packers: int = 2,
        unstored: int = 20,
        limits: Limits | None = None,
        models: Path | None = None,
        unverified: Path | None = None,
        engine_options: Sequence[str] = (),
        label: LabelRules | None = None,
        engine_command: Sequence[str] | None = None,
        child_command: Sequence[str] | None = None,
        quiet_s: float = 120.0,
        start_s: float = START_S,
        child_limit_s: float = 3600.0,
        cache_bytes: int = 20 * 10**9,
        keeping: Keeping | None = None,
        report: Report | None = None,
        most_archive_bytes: int = MOST_BYTES,
        open_pool: Callable[[str], ConnectionPool] = ConnectionPool.from_url,
    ) -> None:
        """Nothing runs yet.

        Args:
            redis_url: Where the tickets are: the ledger's Redis.
            ledger: Stays the caller's, and its client's connections too.
            store: Likewise.
            folder: For the cache and scratch files; foremen of one machine may share it.
            engine: The one kept warm; others are loaded when a Clip asks for them.
            engine_module: What runs it.
            slots: Clips rendered at a time.
            device: Where the engine computes.
            environment: What else its process finds in its environment.
            packers: Archives packed at a time.
            unstored: Rendered Clips that may wait on the disk for a store that is away; then no more are drawn.
            limits: What a Take and a Template may be.
            models: The folder of all weights.
            unverified: A folder of weights that the engine loads unchecked in place of its own.
            engine_options: What else ``engine_module`` is told on its command line: how a GPU is used, how thoroughly faces are made.
            label: What the operator decided about the AI label.
            engine_command: Starts the engine process; None: ``engine_module`` does.
            child_command: Starts a disposable child, our process id behind it; None: ``pipeline.sandbox``.
            quiet_s: An engine without a line for so long hangs.
            start_s: An engine that is not ready after so long is ended.
            child_limit_s: What a child takes longer for is unreadable.
            cache_bytes: What the cache may hold, beside what is in use.
            keeping: How long things are kept; None: nothing is removed.
            report: Writes the report in each Archive; None: there is none.
            most_archive_bytes: What is larger comes in several ZIPs, unless the order wants it otherwise.
            open_pool: Makes connections of ``redis_url``; the wiring knows TLS and Sentinels.
        """
        # -P: a module in the current directory must not stand in for ours.
        python = [sys.executable, "-P", "-m"]
        self.name = f"{socket.gethostname()}-{os.getpid()}-{new_incident()}"
        self.ready = asyncio.Event()
        """Set once work can be taken and the engine has been started (or could not be)."""
        self._ledger = ledger
        self._desk = ledger.desk
        self._scratch = folder / "scratch" / f"{os.getpid()}-{new_incident()}"
        self._shop = Workshop(
            ledger, store, Cache(folder / FOLDER, store, cache_bytes), self._scratch
        )
        self._link = EngineLink(
            engine_command
            or [
                *(*python, engine_module, "--engine", engine),
                *("--slots", str(slots), "--device", device, *engine_options),
                *(("--models", str(models)) if models else ()),
                *(("--unverified", str(unverified)) if unverified else ()),
            ],
            quiet_s=quiet_s,
            start_s=start_s,
            environment=environment,
            whisper=lambda: stamp(models),
        )
        self._skills = Skills(self._desk, self._link, self.name, lambda: self._attendance.seats)
        child = Child(child_command or [*python, "pipeline.sandbox"], child_limit_s)
        self._clips = ClipWork(
            self._shop,
            self._link,
            self._skills,
            Pictures(self._shop, child),
            label or LabelRules(),
        )
        self._preparation = Preparation(
            self._shop, child, limits or {}, Hearing(self._link, models)
        )
        self._lineups = Lineups(self._shop, child)
        self._packing = Packing(self._shop, report, most_archive_bytes)
        self._keeping = keeping
        self._holdings = Holdings(self._desk)
        self._guard = Guard(self._desk)
        self._draws = Draws(self._desk, self._holdings, self._guard, self.name)
        seats: Mapping[Queue, int] = {"clips": slots, "archives": packers, **_SEATS}
        # arq counts its own jobs, but a worker made anew after an outage knows nothing of what still runs.
        self._seats = {queue: asyncio.Semaphore(count) for queue, count in seats.items()}
        self._unstored = asyncio.Semaphore(unstored)
        offices: Mapping[Queue, TicketOffice] = {
            queue: TicketOffice(
                redis_url,
                queue,
                self.name,
                count,
                _POLLS_S.get(queue, _POLL_S),
                self._serve,
                open_pool,
            )
            for queue, count in seats.items()
        }
        self._offices = tuple(offices.values())
        self._attendance = Attendance(self._link, self._desk, self.name, slots, offices["clips"])
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._drained = asyncio.Event()

    @property
    def engine_pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._link.pid

    @property
    def engine_trouble(self) -> str:
        """Why there has been no engine for a while; empty while all is well."""
        return self._attendance.trouble

    async def run(self) -> None:
        """Work until cancelled or drained. Call it in the main thread: children die with the thread that made them."""
        await asyncio.to_thread(self._prepare_folder)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                engine = group.create_task(self._link.run(), name="engine")
                await self._tell_skills()  # before anything is drawn
                keepers = [
                    engine,
                    group.create_task(self._attendance.keep(), name="attendance"),
                    group.create_task(self._holdings.keep(), name="leases"),
                    group.create_task(self._beat(), name="beat"),
                    group.create_task(self._tell_what_is_held(), name="held"),
                    group.create_task(self._sweep(), name="sweep"),
                    group.create_task(self._tidy(), name="janitor"),
                    group.create_task(self._rebuild(), name="rebuild"),
                    *(group.create_task(office.run()) for office in self._offices),
                ]
                await self._link.started.wait()
                await self._tell_skills()
                self.ready.set()
                await self._drained.wait()
                for task in (*keepers, *self._tasks):
                    task.cancel()
        finally:
            await self._last_words()
            shutil.rmtree(self._scratch, ignore_errors=True)

    async def drain(self, grace_s: float = 5.0) -> None:
        """Take no more work; finish what is in work within ``grace_s``, hand back the rest, and have ``run`` return."""
        self._draws.close()
        for office in self._offices:
            office.close()
        try:
            async with asyncio.timeout(grace_s):
                await self._holdings.wait_until_none()
        except TimeoutError:
            for held in self._holdings.held:
                log.info("%s is handed back", held.lease.item)
                held.end(Verdict.OK)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3.0):  # the engine gets 2 s to stop
                    await self._holdings.wait_until_none()
        self._drained.set()

    async def _serve(self, queue: Queue, ticket: str) -> None:
        """Draw and do one item; if arq cancels us, the work goes on."""
        context = copy_context()
        await asyncio.shield(self._start(self._draw_and_do(queue, ticket, context), context))

    def _start(
        self, work: Coroutine[Any, Any, None], context: Context | None = None
    ) -> "asyncio.Task[None]":
        """Begin work that outlives whoever began it, but not ``run``."""
        assert self._group is not None  # noqa: S101 - nothing is served before run
        try:
            task = self._group.create_task(work, context=context)
        except RuntimeError:  # run is ending; the item waits for another
            work.close()
            raise
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _draw_and_do(self, queue: Queue, ticket: str, context: Context) -> None:
        async with self._seats[queue]:
            if queue == "clips":
                await self._draw_and_render(ticket, context)
                return
            held = await self._draws.draw(queue, ticket, context)
            if held is None:
                return
            try:
                await self._guard.do(held, self._prepare_or_pack(held))
            finally:
                await self._holdings.drop(held)

    async def _prepare_or_pack(self, held: Held) -> None:
        match held.lease.kind:
            case "take":
                await self._preparation.take(held)
            case "template":
                await self._preparation.template(held)
            case "lineup":
                await self._lineups.draw(held)
            case "archive":
                await self._packing.archive(held)
            case _:
                await self._packing.record(held)

    async def _draw_and_render(self, ticket: str, context: Context) -> None:
        """Render a Clip and leave storing it to a task of its own, so that the next one can render.

        One that could not be begun is not drawn: where it waits it is cancelled at once, and others may have it.
        """
        held: Held | None = None
        made: Made | None = None
        await self._unstored.acquire()
        try:
            held = await self._draws.draw("clips", ticket, context)
            if held is not None:
                made = await self._guard.do(held, self._clips.render(held))
        finally:
            if made is None:
                self._unstored.release()
                if held is not None:
                    await self._holdings.drop(held)
        if held is not None and made is not None:
            self._start(self._store(held, made))

    async def _store(self, held: Held, made: Made) -> None:
        try:
            await self._guard.do(held, self._clips.store(held, made))
        finally:
            self._unstored.release()
            await self._holdings.drop(held)

    async def _beat(self) -> None:
        while True:
            await self._tell_skills()
            await asyncio.sleep(_BEAT_S)

    async def _tell_skills(self) -> None:
        with contextlib.suppress(LedgerUnavailable):
            await self._skills.tell()

    async def _tell_what_is_held(self) -> None:
        """Have Clips of Templates that lie here drawn by us rather than by others."""
        told: frozenset[str] = frozenset()
        told_s = 0.0
        while True:
            here = await self._shop.cache.templates_here()
            if here != told or time.monotonic() - told_s > _HELD_AGAIN_S:
                with contextlib.suppress(LedgerUnavailable):
                    library = await self._ledger.templates()
                    held = [template.id for template in library if template.sha256 in here]
                    await self._desk.note_held(self.name, held)
                    told, told_s = here, time.monotonic()
            await asyncio.sleep(_BEAT_S)

    async def _sweep(self) -> None:
        """One foreman of all takes over what dead ones left, and replaces lost tickets."""
        while True:
            with contextlib.suppress(LedgerUnavailable):
                if await self._desk.first_to_sweep(self.name, _SWEEP_S * 0.9):
                    swept = await self._desk.sweep()
                    for item in swept.taken_over:
                        log.warning("%s is taken over: its lease lapsed", item)
                    for item, incident in swept.given_up.items():
                        log.error("incident %s: %s was given up, its workers died", incident, item)
            await asyncio.sleep(_SWEEP_S)

    async def _rebuild(self) -> None:
        """Bring back what the store remembers, should this Redis know nothing of it; several foremen that do so do no harm."""

        async def look() -> None:
            if await self._ledger.is_blank():
                await rebuild(self._ledger, self._shop.store)
                await self._ledger.note_rebuilt()

        while True:
            try:
                await insist("the rebuild", look, asyncio.Event())
            except Exception:
                log.exception("incident %s: not all was rebuilt", new_incident())
                await asyncio.sleep(_STUMBLED_S)
            await asyncio.sleep(_LOSS_S)

    async def _tidy(self) -> None:
        """One foreman of all removes what the store keeps no longer; each clears its own cache."""
        if self._keeping is None:
            return
        janitor = Janitor(self._ledger, self._shop.store, self._keeping)
        while True:
            await self._shop.cache.forget_unused(self._keeping.days * 86_400.0)
            try:
                await self._shop.cache.forget_deleted()
                if await self._desk.first_to_tidy(self.name, _TIDY_S * 0.9):
                    await janitor.sweep()
            except (LedgerUnavailable, StoreUnavailable) as outage:
                log.warning("the janitor comes again later: %s", outage)
            except Exception:
                log.exception("incident %s: the janitor stumbled", new_incident())
            await asyncio.sleep(_TIDY_S)

    async def _last_words(self) -> None:
        """Hand back what is still held, and say goodbye."""
        with contextlib.suppress(TimeoutError, LedgerUnavailable):
            async with asyncio.timeout(LAST_WORD_S):
                await self._draws.hand_back()
                for held in (*self._holdings.held, *self._guard.cut_off):
                    if held.verdict is not Verdict.LOST:
                        await self._desk.give_back(held.lease)
                await self._desk.leave(self.name)

    def _prepare_folder(self) -> None:
        """Make our scratch folder and remove those of foremen that were killed."""
        self._scratch.mkdir(parents=True)
        for folder in self._scratch.parent.iterdir():
            pid = folder.name.partition("-")[0]
            if pid.isdigit() and int(pid) != os.getpid() and not _is_alive(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
