"""Whisper in the engine process: opened once, in a thread of its own, so that Clips render beside it."""

import math
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from structlog.contextvars import bound_contextvars

from pipeline.engines.port import Residents
from pipeline.errors import NotHeard, Stopped, WeightsBroken
from pipeline.speech.dictation import as_reply, read_samples
from pipeline.speech.loudness import RATE_HZ
from pipeline.speech.scribe import CPU, WEIGHTS, Scribe
from pipeline.types import Said
from worker.whisper import Stamp, stamp

WHISPER: Final = "whisper"
"""What it is called among the residents."""
_TRACE_CHARS: Final = 4000

Tell = Callable[..., None]
"""Writes an event: its name, and its facts."""


class Listening:
    """Hears one Take after the other; its events are those of ``worker.engine``."""

    def __init__(self, models: Path, device: str, tell: Tell) -> None:
        """Nothing is opened yet; ``models`` is the folder of all weights, ``device`` as for engines."""
        self._models = models
        self._device = "cuda" if device.startswith("cuda") else CPU
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="whisper")
        self._wanted: dict[str, bool] = {}
        """Whose last line is still to be told: by whoever takes it out."""
        self._scribe: Scribe | None = None
        self._stamp: Stamp | None = None
        """Of the weights that the scribe has."""
        self._loads = 0
        self._residents: Mapping[str, Any] = {}

    def open(self) -> None:
        """Open Whisper before the first Take asks for it."""
        self._thread.submit(self._open_ahead)

    def hear(self, request: Mapping[str, Any]) -> None:
        """Hear a Take, when those before are done."""
        self._wanted[request["id"]] = True
        self._thread.submit(self._hear, request)

    def cancel(self, name: str) -> None:
        """Nobody wants a Take any more. It has stopped at once: what Whisper is at ends by itself, and nobody is told."""
        if self._wanted.pop(name, False):
            self._tell("stopped", id=name)

    def close(self) -> None:
        """Give up what is asked for, and wait until Whisper rests."""
        self._wanted.clear()
        self._thread.shutdown(cancel_futures=True)

    def as_json(self) -> Mapping[str, Any]:
        """Tell of Whisper what is told of engines; nothing while it is not open."""
        return self._residents

    def _open_ahead(self) -> None:
        try:
            with suppress(NotHeard):  # the first Take is told
                self._opened()
        finally:
            self._tell("opened")

    def _hear(self, request: Mapping[str, Any]) -> None:
        name = request["id"]
        with bound_contextvars(**request.get("context", {})):
            try:
                told: tuple[str, Mapping[str, Any]] = ("heard", {"reply": self._reply(request)})
            except Stopped:
                return
            except WeightsBroken as error:
                told = ("unheard", {"why": f"Whisper's weights cannot be used: {error}"})
            except NotHeard as error:
                told = ("unheard", {"why": str(error)})
            except Exception:  # noqa: BLE001  # the top of a job: the foreman logs it
                told = ("fault", {"trace": traceback.format_exc()[-_TRACE_CHARS:]})
        if self._wanted.pop(name, False):
            event, facts = told
            self._tell(event, id=name, **facts)

    def _reply(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        name = request["id"]
        self._go_on(name, 0, 0)
        samples = read_samples(Path(request["samples"]))
        seconds = math.ceil(len(samples) / RATE_HZ)
        scribe = self._opened()
        try:
            said: Said = scribe.transcribe(
                samples, lambda second: self._go_on(name, int(second), seconds)
            )
        finally:
            self._note(scribe)  # it may have left the GPU
        return as_reply(said)

    def _go_on(self, name: str, done: int, total: int) -> None:
        if name not in self._wanted:
            raise Stopped
        self._tell("progress", id=name, stage="words", done=done, total=total)

    def _opened(self) -> Scribe:
        """The scribe, with the weights that are installed now. Raises NotHeard."""
        now = stamp(self._models)
        if now is None:
            raise NotHeard("Whisper's weights are no longer installed")
        if self._scribe is None or self._stamp != now:
            self._let_go()
            self._scribe, self._stamp = Scribe(self._models / WEIGHTS, self._device), now
            self._note(self._scribe)
        return self._scribe

    def _let_go(self) -> None:
        if self._scribe is not None:
            self._loads += self._scribe.loads
        self._scribe = None
        self._residents = {}

    def _note(self, scribe: Scribe) -> None:
        facts = asdict(Residents(device=scribe.device, notes=scribe.notes))
        self._residents = {WHISPER: {"loads": self._loads + scribe.loads, **facts}}
