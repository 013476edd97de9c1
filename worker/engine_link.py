"""The foreman's side of the engine process: starts it, talks to it, replaces it.

A Clip whose engine crashed, hung or failed is rendered once more, *alone* on a fresh engine, so that of several
Clips aboard only the poisonous one fails. A Clip that was rejected is not. The words of a Take are heard likewise; but where a
Clip waits for an engine, however long it takes to start, a Take goes without words.
"""

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import time
import uuid
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from structlog.contextvars import get_contextvars

from worker.children import die_with_parent, reaped
from worker.contract.figures import FIGURES
from worker.engine_troubles import Troubles, ending
from worker.errands import (
    Died,
    EngineAway,
    EngineFailed,
    Errand,
    Fault,
    Figures,
    Rendered,
    RenderStopped,
    Unheard,
    heard,
    rendered,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

START_S: Final = 180.0
"""Models of some gigabytes are read from a cold disk."""
_ASK_S: Final = 1.4
"""How long a Clip that was asked to stop may take to do so: with the time until that is noticed a seat is free in 2 s."""
_PATIENCE: Final = 5
"""So much longer than a Clip may words be without a line: Whisper tells of half a minute of sound at a time, and a large one on few
cores takes minutes for that."""
_HEAR_S: Final = 3600.0
"""After so long a Take goes without words."""
_UNREADY_S: Final = START_S + 20.0
"""Likewise after so long without an engine: one slow start, and a little; nobody waits for words until an engine is compiled."""
_DEATHS: Final = 2
"""So often in a row may engines die while they open the same weights of Whisper; then it is left shut, for Clips wait."""
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
_LINE_BYTES: Final = 1 << 23
"""The words of two hours come as one."""


Told = dict[str, Any] | None
"""A line of the engine; None when it ended."""


class EngineLink:
    """One engine process, kept running."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        quiet_s: float,
        start_s: float = START_S,
        environment: Mapping[str, str] | None = None,
        whisper: Callable[[], Hashable] = lambda: None,
    ) -> None:
        """Nothing runs yet.

        Args:
            command: Starts the engine.
            quiet_s: So long without a line of a Clip in work means that the engine hangs.
            start_s: An engine that is not ready after so long is ended.
            environment: What it finds in its environment, beside what is in ours.
            whisper: Tells Whisper's weights that are installed now from others; None if there are none to open.
        """
        self._whisper = whisper
        self._opening: Hashable = None
        """The weights of Whisper that the engine is opening ahead of the first Take."""
        self._deaths: Counter[Hashable] = Counter()
        """How many engines in a row died of that, by the weights."""
        self._unready_since = time.monotonic()
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
        self._start_s = start_s
        self._process: Process | None = None
        self.ready = asyncio.Event()
        """Set while there is an engine."""
        self.lost = asyncio.Event()
        """Set while there is none."""
        self.lost.set()
        self._was_ready = False
        """Whether the process that runs, or ran last, ever was."""
        self._troubles = Troubles()
        self._elsewhere = asyncio.Event()
        """Set while there is none here, but one elsewhere."""
        self._aboard: dict[str, asyncio.Queue[Told]] = {}
        self._checking: dict[str, asyncio.Future[Figures]] = {}
        self._seats = asyncio.Condition()
        self._alone = 0
        """Clips that render, or wait to render, alone."""

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def trouble(self) -> str:
        """Why there is no engine; empty if one is there, or not known yet."""
        return self._troubles.why

    def hand_over(self) -> None:
        """Have Clips wait no longer for an engine that is not there: another worker has one."""
        if self.lost.is_set():
            self._elsewhere.set()

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
            RenderRefused, EngineMissing, EngineFailed, RenderStopped, EngineAway: As they say.
            OSError: The system hindered the engine (a full disk, no more memory), or the Clip cost an engine and none came after it.
        """
        asked = {"do": "render", **request}
        errand = Errand(
            "a Clip", asked, rendered, progress, stop, self._quiet_s, begin, hands_over=True
        )
        return await self._twice(errand, alone=alone)

    async def hear(
        self, samples: Path, stop: asyncio.Event, *, alone: bool = False
    ) -> Mapping[str, Any]:
        """Have the words of a Take written down; the reply of ``pipeline.speech.dictation``.

        Args:
            samples: Where they are.
            stop: Set by whoever no longer wants them; heeded as for ``render``.
            alone: As for ``render``.

        Raises:
            Unheard, EngineFailed, RenderStopped: As they say. An engine that does not start has failed, in time.
        """
        if self._deadly(self._whisper()):
            raise Unheard("the engine died whenever it opened Whisper's weights")
        asked, quiet_s = {"do": "hear", "samples": str(samples)}, self._quiet_s * _PATIENCE
        errand = Errand("the hearing of a Take", asked, heard, _nobody, stop, quiet_s)
        hearing = asyncio.ensure_future(self._twice(errand, alone=alone))
        missing = asyncio.ensure_future(self._until_missing())
        either: set[asyncio.Future[Any]] = {hearing, missing}
        try:
            await asyncio.wait(either, timeout=_HEAR_S, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                return hearing.result()
            late = f"the words were not heard within {_HEAR_S:g} s"
            raise EngineFailed("the engine does not start" if missing.done() else late)
        finally:
            missing.cancel()
            hearing.cancel()
            await asyncio.gather(missing, hearing, return_exceptions=True)

    async def _until_missing(self) -> None:
        """Wait until there has been no engine for so long that none may come."""
        while True:
            left_s = self._unready_since + _UNREADY_S - time.monotonic()
            if self.ready.is_set():
                left_s = _UNREADY_S
            if left_s <= 0:
                return
            await asyncio.sleep(left_s)

    async def _twice(self, errand: Errand[T], *, alone: bool) -> T:
        """Have an engine do it, and should that cost the engine, another one, with nobody else aboard."""
        fault = False
        try:
            async with self._seat(errand.stop, alone=alone) as seat:
                return await self._attempt(seat, errand)
        except (Died, Fault) as error:
            log.warning("%s is tried once more, alone: %s", errand.what, error)
            fault = isinstance(error, Fault)
        try:
            async with self._seat(errand.stop, alone=True) as seat:
                if fault:
                    await self._end()
                return await self._attempt(seat, errand)
        except (Died, Fault) as error:
            raise EngineFailed(str(error)) from error
        except EngineAway as away:
            # Whoever has it next has to know that it may be what engines die of.
            raise OSError(errno.ENODEV, f"the engine ended, and is away: {away}") from None

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

    async def _attempt(self, seat: str, errand: Errand[T]) -> T:
        await self._until_ready(errand)
        if errand.begin is not None:
            await errand.begin()
            await self._until_ready(errand)  # the engine may have ended meanwhile
        lines = self._aboard[seat]
        while not lines.empty():  # told of an engine that ended before this Clip was aboard
            lines.get_nowait()
        self._send({"id": seat, "context": get_contextvars(), **errand.request})
        try:
            while True:
                line = await self._next_line(lines, errand)
                if line["event"] == "progress":
                    errand.progress(line["stage"], line["done"], line["total"])
                    continue
                return errand.verdict(line)
        except RenderStopped:
            await self._ask_to_stop(seat)
            raise
        except asyncio.CancelledError:
            self._send({"do": "cancel", "id": seat})
            raise

    async def _until_ready(self, errand: Errand[Any]) -> None:
        """Wait for an engine; raises RenderStopped or EngineAway if that comes first."""
        awaited = [self.ready, errand.stop, *([self._elsewhere] if errand.hands_over else [])]
        waiting = [asyncio.ensure_future(each.wait()) for each in awaited]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
        if errand.stop.is_set():
            raise RenderStopped
        if errand.hands_over and self._elsewhere.is_set():
            raise EngineAway(self.trouble)

    async def _next_line(self, lines: "asyncio.Queue[Told]", errand: Errand[Any]) -> dict[str, Any]:
        """The next line about a Clip; raises RenderStopped or Died."""
        reading = asyncio.ensure_future(lines.get())
        stopped = asyncio.ensure_future(errand.stop.wait())
        try:
            done, _ = await asyncio.wait(
                {reading, stopped}, timeout=errand.quiet_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
            if not reading.done():
                reading.cancel()
        if errand.stop.is_set() and reading not in done:
            raise RenderStopped
        if reading not in done:
            await self._end()
            raise Died(f"no line from the engine for {errand.quiet_s:g} s")
        line = reading.result()
        if line is None:
            raise Died("the engine ended")
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
            self._lose()
            _kill_group(process)
            await process.wait()

    def _lose(self) -> None:
        """There is no engine for a while."""
        if self.ready.is_set():
            self.ready.clear()
            self.lost.set()
            self._unready_since = time.monotonic()
        if self._opening is not None:
            self._deaths[self._opening] += 1
            self._opening = None

    async def _live(self) -> bool:
        """One life of the engine; whether it ever was ready."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=self._troubles.stderr,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent(),
                limit=_LINE_BYTES,
            )
        except OSError as error:
            await self._troubles.failed(str(error))
            self.started.set()
            return False
        began_s, self._was_ready = time.monotonic(), False
        self._troubles.hear(process.stderr)
        self._process = process
        waiting = asyncio.get_running_loop().call_later(self._start_s, _kill_group, process)
        try:
            await self._listen(process, waiting)
        finally:
            waiting.cancel()
            self._lose()
            self._process = None
            _kill_group(process)
            for lines in self._aboard.values():
                lines.put_nowait(None)
            for name in list(self._checking):
                self._note_check(name, None)
            self.started.set()
            code = await reaped(process)
        if not self._was_ready:
            late = time.monotonic() - began_s >= self._start_s
            how = f"it was not ready in {self._start_s:g} s" if late else ending(code)
            await self._troubles.failed(how)
        return self._was_ready

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
            match line["event"]:
                case "ready":
                    waiting.cancel()
                    self._note_ready(line)
                case "opened":
                    self._opening = None
                    self._deaths.clear()
                case "checked":
                    if line.get("trace"):
                        log.warning("a Clip could not be checked\n%s", line["trace"])
                    self._note_check(line["id"], line["figures"])
                case _ if line["id"] in self._aboard:
                    if line["event"] == "done" and line.get("checking"):
                        line["check"] = self._checking[line["id"]] = (
                            asyncio.get_running_loop().create_future()
                        )
                    self._aboard[line["id"]].put_nowait(line)

    def _note_ready(self, line: Mapping[str, Any]) -> None:
        self.engines = tuple(line["engines"])
        for engine, advice in line["unavailable"].items():
            log.warning("engine %s is unavailable: %s", engine, advice)
        self._was_ready = True
        self.ready.set()
        self.lost.clear()
        self._elsewhere.clear()
        self._troubles.over()
        self.started.set()
        self._open_whisper()

    def _open_whisper(self) -> None:
        """Have Whisper opened before the first Take asks for it."""
        weights = self._whisper()
        if weights is not None and not self._deadly(weights):
            self._opening = weights
            self._send({"do": "open"})

    def _deadly(self, weights: Hashable) -> bool:
        return self._deaths[weights] >= _DEATHS

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


def _nobody(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def _kill_group(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
