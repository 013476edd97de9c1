"""The foreman's side of the engine process: starts it, talks to it, replaces it.

A Clip whose engine crashed, hung or failed is rendered once more, *alone* on a fresh engine, so that of several
Clips aboard only the poisonous one fails. A Clip that was rejected is not.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from structlog.contextvars import get_contextvars

from worker.children import die_with_parent
from worker.contract.figures import FIGURES

log = logging.getLogger(__name__)

_START_S: Final = 180.0
"""Models of some gigabytes are read from a cold disk."""
_ASK_S: Final = 1.4
"""How long a Clip that was asked to stop may take to do so: with the time until that is noticed a seat is free in 2 s."""
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
_LINE_BYTES: Final = 1 << 20


class RenderRefused(Exception):
    """The engine says why this Clip cannot be: a Rejection."""

    def __init__(self, code: str, facts: Mapping[str, str | float]) -> None:
        super().__init__(code)
        self.code = code
        self.facts = dict(facts)


class EngineMissing(Exception):
    """The engine asked for is not installed here; the message is the advice."""


class EngineFailed(Exception):
    """The engine crashed, hung or raised, twice; the message is what is known of it."""


class RenderStopped(Exception):
    """The Clip was stopped because somebody asked for it."""


Figures = Mapping[str, Any] | None
"""What was measured of a Clip, and its flags: fields of ``ClipResult``. None where that could not be."""


@dataclass(frozen=True)
class Rendered:
    """What the engine said of a finished Clip."""

    result: Mapping[str, Any]
    """frames, fps, duration_s, seconds, size_bytes, crc32, sha256."""
    features: Sequence[str]
    """Files it added to the Template's folder."""
    check: "asyncio.Future[Figures] | None" = None
    """What the check of the Clip will find; None if the engine checks nothing."""


class _Died(Exception):
    """The engine ended, or was ended, with this Clip aboard."""


class _Fault(Exception):
    """The engine raised."""


Told = dict[str, Any] | None
"""A line of the engine; None when it ended."""


class EngineLink:
    """One engine process, kept running."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        quiet_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing runs yet.

        Args:
            command: Starts the engine.
            quiet_s: So long without a line of a Clip in work means that the engine hangs.
            environment: What it finds in its environment, beside what is in ours.
        """
        self._environment = {**os.environ, **(environment or {})}
        self._loads: dict[str, int] = {}
        """How often the process told that each engine was loaded, those that had to leave included."""
        self.residents: Mapping[str, Mapping[str, Any]] = {}
        """By engine: loads, device, window_frames, memory_bytes, notes; as the engine process told them last."""
        self.started = asyncio.Event()
        """Set once the engine was ready, or could not be."""
        self.engines: tuple[str, ...] = ()
        """Which ones it told that it can run."""
        self._command = command
        self._quiet_s = quiet_s
        self._process: Process | None = None
        self._ready = asyncio.Event()
        self._aboard: dict[str, asyncio.Queue[Told]] = {}
        self._checking: dict[str, asyncio.Future[Figures]] = {}
        self._seats = asyncio.Condition()
        self._alone = 0
        """Clips that render, or wait to render, alone."""

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """Keep the engine running until cancelled, then end it."""
        pause_s = _FIRST_PAUSE_S
        while True:
            if await self._live():
                pause_s = _FIRST_PAUSE_S
            log.warning("the engine ended; it starts again in %.2f s", pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def render(
        self,
        request: Mapping[str, Any],
        progress: Callable[[str, int, int], None],
        stop: asyncio.Event,
        *,
        begin: Callable[[], Awaitable[None]] | None = None,
        alone: bool = False,
    ) -> Rendered:
        """Render one Clip.

        Args:
            request: engine, take, template, video, out, options.
            progress: Called with (stage, done, total).
            begin: Waited for just before the engine is asked; what it raises ends the Clip.
            alone: Nothing else is rendered meanwhile: it may be what a worker died of.
            stop: Set by whoever no longer wants the Clip; heeded within 1.5 s and a little.

        Raises:
            RenderRefused, EngineMissing, EngineFailed, RenderStopped: As they say.
        """
        fault = False
        try:
            async with self._seat(stop, alone=alone) as seat:
                return await self._attempt(seat, request, progress, stop, begin)
        except (_Died, _Fault) as error:
            log.warning("a Clip is rendered once more, alone: %s", error)
            fault = isinstance(error, _Fault)
        try:
            async with self._seat(stop, alone=True) as seat:
                if fault:
                    await self._end()
                return await self._attempt(seat, request, progress, stop, begin)
        except (_Died, _Fault) as error:
            raise EngineFailed(str(error)) from error

    async def checked(self, rendered: Rendered, stop: asyncio.Event) -> Figures:
        """Wait for what the check of a rendered Clip finds, until ``stop`` is set.

        A check fails no Clip: None if the engine ended meanwhile, or could not do it. One without an end ends the engine.
        """
        if rendered.check is None:
            return None
        stopped = asyncio.ensure_future(stop.wait())
        either: set[asyncio.Future[Any]] = {rendered.check, stopped}
        try:
            await asyncio.wait(either, timeout=self._quiet_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if rendered.check.done():
            return rendered.check.result()
        if not stop.is_set():
            log.warning("a Clip was not checked within %g s; the engine is ended", self._quiet_s)
            await self._end()
        return None

    def end_check(self, rendered: Rendered) -> None:
        """Ask the engine to end the check of a Clip that nobody wants any more, or whose file goes; nothing if it has ended."""
        for name, check in self._checking.items():
            if check is rendered.check:
                self._send({"do": "cancel", "id": name})

    @contextlib.asynccontextmanager
    async def _seat(self, stop: asyncio.Event, *, alone: bool) -> AsyncIterator[str]:
        """Wait for a seat aboard; who rides alone waits until all others have left. Raises RenderStopped."""
        seat = uuid.uuid4().hex
        async with self._seats:
            stopping = asyncio.create_task(self._notify_when(stop))
            self._alone += alone
            try:
                await self._seats.wait_for(
                    lambda: stop.is_set() or not (self._aboard if alone else self._alone)
                )
            except BaseException:
                self._leave(alone=alone)
                raise
            finally:
                stopping.cancel()
            if stop.is_set():
                self._leave(alone=alone)
                raise RenderStopped
            self._aboard[seat] = asyncio.Queue()
        try:
            yield seat
        finally:
            del self._aboard[seat]
            async with self._seats:
                self._leave(alone=alone)

    def _leave(self, *, alone: bool) -> None:
        """Others may go on; whoever calls this has the lock of the seats."""
        self._alone -= alone
        self._seats.notify_all()

    async def _notify_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        async with self._seats:
            self._seats.notify_all()

    async def _attempt(
        self,
        seat: str,
        request: Mapping[str, Any],
        progress: Callable[[str, int, int], None],
        stop: asyncio.Event,
        begin: Callable[[], Awaitable[None]] | None,
    ) -> Rendered:
        await self._until_ready(stop)
        if begin is not None:
            await begin()
            await self._until_ready(stop)  # the engine may have ended meanwhile
        lines = self._aboard[seat]
        while not lines.empty():  # told of an engine that ended before this Clip was aboard
            lines.get_nowait()
        self._send({"do": "render", "id": seat, "context": get_contextvars(), **request})
        try:
            while True:
                line = await self._next_line(lines, stop)
                if line["event"] == "progress":
                    progress(line["stage"], line["done"], line["total"])
                    continue
                return _verdict(line)
        except RenderStopped:
            await self._ask_to_stop(seat)
            raise
        except asyncio.CancelledError:
            self._send({"do": "cancel", "id": seat})
            raise

    async def _until_ready(self, stop: asyncio.Event) -> None:
        """Wait for an engine; raises RenderStopped if that comes first."""
        ready = asyncio.ensure_future(self._ready.wait())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({ready, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            stopped.cancel()
        if stop.is_set():
            raise RenderStopped

    async def _next_line(self, lines: "asyncio.Queue[Told]", stop: asyncio.Event) -> dict[str, Any]:
        """The next line about a Clip; raises RenderStopped or _Died."""
        reading = asyncio.ensure_future(lines.get())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            done, _ = await asyncio.wait(
                {reading, stopped}, timeout=self._quiet_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
            if not reading.done():
                reading.cancel()
        if stop.is_set() and reading not in done:
            raise RenderStopped
        if reading not in done:
            await self._end()
            raise _Died(f"no line from the engine for {self._quiet_s:g} s")
        line = reading.result()
        if line is None:
            raise _Died("the engine ended")
        return line

    async def _ask_to_stop(self, seat: str) -> None:
        """Ask, and when that does not help end the engine with everything aboard."""
        self._send({"do": "cancel", "id": seat})
        try:
            async with asyncio.timeout(_ASK_S):
                while True:
                    line = await self._aboard[seat].get()
                    if line is None or line["event"] != "progress":
                        return
        except TimeoutError:
            log.warning("the engine did not stop a Clip in %.1f s and is ended", _ASK_S)
            await self._end()

    async def _end(self) -> None:
        """Kill the engine's process group and wait until it is gone; ``run`` starts another."""
        process = self._process
        if process is not None:
            self._ready.clear()
            _kill_group(process)
            await process.wait()

    async def _live(self) -> bool:
        """One life of the engine; whether it ever was ready."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent(),
                limit=_LINE_BYTES,
            )
        except OSError:
            log.exception("the engine cannot be started")
            self.started.set()
            return False
        self._process = process
        waiting = asyncio.get_running_loop().call_later(_START_S, _kill_group, process)
        try:
            await self._listen(process, waiting)
        finally:
            was_ready = self._ready.is_set()
            waiting.cancel()
            self._ready.clear()
            self._process = None
            _kill_group(process)
            await process.wait()
            for lines in self._aboard.values():
                lines.put_nowait(None)
            for name in list(self._checking):
                self._note_check(name, None)
            self.started.set()
        return was_ready

    async def _listen(self, process: Process, waiting: asyncio.TimerHandle) -> None:
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        async for text in process.stdout:
            try:
                line = json.loads(text)
            except ValueError:  # a library that prints while it is loaded
                log.warning("the engine wrote what is no line of ours: %r", text[:200])
                continue
            if line["event"] == "ready":  # a new process, which has loaded nothing before
                self.residents, self._loads = {}, {}
            self._note_residents(line.get("residents"))
            if line["event"] == "ready":
                waiting.cancel()
                self.engines = tuple(line["engines"])
                for engine, advice in line["unavailable"].items():
                    log.warning("engine %s is unavailable: %s", engine, advice)
                self._ready.set()
                self.started.set()
            elif line["event"] == "checked":
                if line.get("trace"):
                    log.warning("a Clip could not be checked\n%s", line["trace"])
                self._note_check(line["id"], line["figures"])
            elif line["id"] in self._aboard:
                if line["event"] == "done" and line.get("checking"):
                    line["check"] = self._checking[line["id"]] = (
                        asyncio.get_running_loop().create_future()
                    )
                self._aboard[line["id"]].put_nowait(line)

    def _note_residents(self, residents: Mapping[str, Mapping[str, Any]] | None) -> None:
        for engine, facts in (residents or {}).items():
            before = self.residents.get(engine, {})
            for note in facts["notes"]:
                if note not in before.get("notes", ()):
                    log.warning("engine %s: %s", engine, note)
            loads = facts["loads"] - self._loads.get(engine, 0)
            if loads > 0 and facts["device"]:  # one without models is not loaded
                FIGURES.count("loads", engine, loads)
            self._loads[engine] = facts["loads"]
        self.residents = residents or self.residents

    def _note_check(self, name: str, figures: Figures) -> None:
        check = self._checking.pop(name, None)
        if check is not None and not check.done():
            check.set_result(figures)

    def _send(self, request: Mapping[str, Any]) -> None:
        # The pipe holds many requests, so nothing is waited for; a broken one shows as the engine's end.
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(json.dumps(request).encode() + b"\n")


def _verdict(line: dict[str, Any]) -> Rendered:
    """What the last line about a Clip means."""
    match line["event"]:
        case "done":
            return Rendered(line["result"], line["features"], line.get("check"))
        case "rejected":
            raise RenderRefused(line["code"], line["facts"])
        case "unavailable":
            raise EngineMissing(line["advice"])
        case "stopped":
            raise RenderStopped
        case _:
            raise _Fault(line.get("trace", "the engine gave no trace"))


def _kill_group(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
