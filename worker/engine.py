"""The engine process: holds engines and Whisper resident, renders Clips and hears Takes. ``python -m worker.engine --engine NAME --slots N --device DEVICE``.

Speaks JSON lines with the foreman (paths, parameters, progress; no frame crosses). It reads

::

    {"do": "render", "id", "engine", "take": folder, "template": folder, "video": path, "out": path,
     "options": fields of pipeline.options, "context": what log lines of this Clip carry}
    {"do": "open"}                                 opens Whisper ahead of the first Take
    {"do": "hear", "id", "samples": path, "context"}
                                                   samples as in ``pipeline.speech.dictation``
    {"do": "cancel", "id"}

and writes, the lines of each Clip and each Take ending with one of the last nine

::

    {"event": "ready", "engines": [...], "unavailable": {engine: advice}, "residents": {engine: facts}}
    {"event": "opened", "residents": as above}     it was tried to open Whisper; what went wrong is told to whoever is to be heard
    {"event": "progress", "id", "stage", "done", "total"}
    {"event": "done", "id", "result": {...}, "features": [new files beside the Template], "checking": true, "residents": as above}
    {"event": "checked", "id", "figures": {...}, or null if it could not be, "trace": why not; none if it was cancelled}
    {"event": "heard", "id", "reply": as in ``pipeline.speech.dictation``, "residents": as above}
    {"event": "unheard", "id", "why": text, "residents": as above}
    {"event": "rejected", "id", "code", "facts"}
    {"event": "unavailable", "id", "engine", "advice"}
    {"event": "stopped", "id"}
    {"event": "hindered", "id", "errno", "why": text, "trace"}
                                                   by what the system lacks: room on a disk, memory, a disk that works
    {"event": "fault", "id", "trace"}

Behind ``done`` with ``checking`` follows ``checked``, beside the rendering of the next Clip: the file stays where it is until
then. Takes are heard one after the other, beside the Clips. ``residents`` tell of each engine, and of Whisper, how often its weights were loaded, on which device, how many frames go through it at once, the
memory it took, and notes for the operator. It ends when its standard input does, and by the kernel's hand when the foreman is killed.
"""

import argparse
import errno
import hashlib
import json
import os
import sys
import threading
import traceback
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from structlog.contextvars import bound_contextvars

from pipeline.engines.names import EMBEDDED
from pipeline.engines.port import ANY_HARDWARE, Hardware, LipSync, Prepared, Sampling
from pipeline.engines.registry import NO_SHELF
from pipeline.engines.weights.finding import Shelf
from pipeline.errors import EngineUnavailable, InputRejected, Stopped
from pipeline.faces.mesh import FaceMesh
from pipeline.measure.check import Check
from pipeline.options import options_from_json
from pipeline.render import ClipFacts, render_clip
from pipeline.takes import load_take
from pipeline.templates import load_template
from pipeline.types import Progress
from worker.listening import Listening
from worker.residence import LOOK_EVERY_S, Residence, patiently

T = TypeVar("T")

_SPEECHES_KEPT: Final = 4
_TEMPLATES_KEPT: Final = 8  # a 10 minute track is some 60 MB
_CHUNK_BYTES: Final = 1 << 20
_TRACE_CHARS: Final = 4000
_LACKING: Final = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE),
    *(errno.ENOMEM, errno.EMFILE, errno.ENFILE),
}
"""Of a system that lacks room, a disk that works, memory or handles; no Clip's fault."""
_TELL_RESIDENTS: Final = {"ready", "opened", "done", "heard", "unheard"}
"""Something may have been loaded before."""


class _Kept:
    """The few things last used, made once each, and at the same time if several are wanted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.Event] = {}
        """What is being made, and the sign that it no longer is."""
        self._lock = threading.Lock()

    def get(
        self, name: Hashable, make: Callable[[], T], waiting: Callable[[], None] = patiently
    ) -> T:
        """``waiting`` is called now and then while another thread makes it; may raise ``Stopped``."""
        ended = threading.Event()
        while True:
            with self._lock:
                if name in self._things:
                    self._things.move_to_end(name)
                    thing: T = self._things[name]
                    return thing
                others = self._making.get(name)
                if others is None:
                    self._making[name] = ended
                    break
            while not others.wait(LOOK_EVERY_S):
                waiting()
        try:
            made = make()
            with self._lock:
                self._things[name] = made
                while len(self._things) > self._most:
                    self._things.popitem(last=False)
        finally:
            with self._lock:
                del self._making[name]
            ended.set()
        return made


class Renderer:
    """Renders what it is asked for, in a few threads, and tells how it goes."""

    def __init__(
        self,
        lines: IO[str],
        slots: int,
        shelf: Shelf = NO_SHELF,
        hardware: Hardware = ANY_HARDWARE,
    ) -> None:
        """``lines`` gets the events; ``slots`` Clips are rendered at a time; weights stand on the ``shelf`` and run on ``hardware``."""
        self._lines = lines
        self._residents = Residence(shelf, hardware)
        self._writing = threading.Lock()
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="render")
        self._checks = ThreadPoolExecutor(1, thread_name_prefix="check")
        self._mesh = _Kept(1)
        """The check's thread alone uses it."""
        self._stops: dict[str, threading.Event] = {}
        self._speeches = _Kept(_SPEECHES_KEPT)
        self._prepared = _Kept(_TEMPLATES_KEPT)
        self._listening = Listening(shelf.models, hardware.device, self._tell)

    def warm(self, engine: str) -> None:
        """Load an engine before the first Clip asks for it, and say that we are ready."""
        unavailable: dict[str, str] = {}
        try:
            self._residents.warm(engine)
        except EngineUnavailable as error:
            unavailable[engine] = str(error)
        self._checks.submit(self._open_mesh)
        engines = [EMBEDDED] if unavailable else list(dict.fromkeys((engine, EMBEDDED)))
        self._tell("ready", engines=engines, unavailable=unavailable)

    def serve(self, requests: IO[str]) -> None:
        """Do what each line asks, until there are no more; what is in work is then given up."""
        for line in requests:
            request = json.loads(line)
            match request["do"]:
                case "cancel":
                    self._listening.cancel(request["id"])
                    if stop := self._stops.get(request["id"]):
                        stop.set()
                case "open":
                    self._listening.open()
                case "hear":
                    self._listening.hear(request)
                case _:
                    self._stops[request["id"]] = threading.Event()
                    self._threads.submit(self._spoken_of, request)
        for stop in list(self._stops.values()):
            stop.set()
        self._threads.shutdown()
        self._listening.close()
        self._checks.submit(self._close_mesh)
        self._checks.shutdown()

    def _spoken_of(self, request: dict[str, Any]) -> None:
        with bound_contextvars(**request.get("context", {})):
            self._render(request)

    def _render(self, request: dict[str, Any]) -> None:
        name = request["id"]
        try:
            check, facts, features = self._clip(request)
            out = Path(request["out"])
            result = {**_as_json(facts), **_measured(out)}
        except Stopped:
            self._tell("stopped", id=name)
        except InputRejected as refused:
            self._tell("rejected", id=name, code=refused.code, facts=refused.facts)
        except EngineUnavailable as error:
            self._tell("unavailable", id=name, engine=request["engine"], advice=str(error))
        except Exception as error:  # noqa: BLE001  # the top of a job: the foreman logs it, with an incident id
            trace = traceback.format_exc()[-_TRACE_CHARS:]
            if (number := _lacking(error)) is not None:
                self._tell("hindered", id=name, errno=number, why=os.strerror(number), trace=trace)
            else:
                self._tell("fault", id=name, trace=trace)
        else:
            self._tell("done", id=name, result=result, features=features, checking=True)
            self._checks.submit(self._check, name, check, out)
            return
        del self._stops[name]

    def _check(self, name: str, check: Check, clip: Path) -> None:
        """Judge a Clip; whatever becomes of that, the Clip is made."""
        stop = self._stops[name]

        def progress(_stage: str, _done: int, _total: int) -> None:
            if stop.is_set():
                raise Stopped

        try:
            verdict = check.measure(clip, self._open_mesh(), progress)
        except Exception:  # noqa: BLE001  # the top of a job: the foreman logs it, and delivers the Clip unchecked
            if stop.is_set():  # nobody wants the Clip any more, and its file may be gone
                self._tell("checked", id=name, figures=None)
                return
            trace = traceback.format_exc()[-_TRACE_CHARS:]
            self._tell("checked", id=name, figures=None, trace=trace)
        else:
            self._tell("checked", id=name, figures=verdict.as_json())
        finally:
            del self._stops[name]

    def _open_mesh(self) -> FaceMesh:
        return self._mesh.get("mesh", FaceMesh)

    def _close_mesh(self) -> None:
        self._open_mesh().__exit__(None, None, None)

    def _clip(self, request: dict[str, Any]) -> tuple[Check, ClipFacts, list[str]]:
        name, stop = request["id"], self._stops[request["id"]]

        def progress(stage: str, done: int, total: int) -> None:
            if stop.is_set():
                raise Stopped
            self._tell("progress", id=name, stage=stage, done=done, total=total)

        def waiting() -> None:
            progress("load", 0, 1)

        waiting()
        engine = self._residents.engine(request["engine"], waiting)
        take, template = Path(request["take"]), Path(request["template"])
        options = options_from_json(request["options"])
        speech = self._speeches.get(
            (str(take), options.sound), lambda: load_take(take, options.sound, progress), waiting
        )
        features: list[str] = []

        def make() -> Prepared:
            prepared, new = _prepare(engine, template, Path(request["video"]), progress)
            features.extend(new)
            return prepared

        prepared = self._prepared.get((engine.name, str(template)), make, waiting)
        progress("load", 1, 1)
        check = Check(engine, prepared, speech, options)
        out = Path(request["out"])
        facts = render_clip(check.engine, prepared, speech, out, progress, options)
        return check, facts, features

    def _tell(self, event: str, **facts: object) -> None:
        if event in _TELL_RESIDENTS:
            facts["residents"] = {**self._residents.as_json(), **self._listening.as_json()}
        with self._writing:
            self._lines.write(json.dumps({"event": event, **facts}) + "\n")
            self._lines.flush()


def _lacking(error: Exception) -> int | None:
    """The number of what the system lacked; None for any other fault."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    number = error.errno if isinstance(error, OSError) else None
    return number if number in _LACKING else None


def _prepare(
    engine: LipSync, folder: Path, video: Path, progress: Progress
) -> tuple[Prepared, list[str]]:
    """The Template as the engine wants it, and the names of files that were added to its folder."""
    before = set(folder.iterdir())
    prepared = engine.prepare(load_template(folder, video), progress, folder)
    return prepared, sorted(made.name for made in folder.iterdir() if made not in before)


def _as_json(facts: ClipFacts) -> dict[str, Any]:
    return {
        "frames": facts.frames,
        "fps": float(facts.fps),
        "duration_s": facts.duration_s,
        "seconds": facts.seconds,
        "background_kept": facts.background_kept,
    }


def _measured(path: Path) -> dict[str, Any]:
    """Size and checksums of a finished Clip, so that packing need not read it again."""
    digest, crc32, size_bytes = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            size_bytes += len(chunk)
    return {"size_bytes": size_bytes, "crc32": crc32, "sha256": digest.hexdigest()}


def main() -> None:
    """Be the engine process."""
    parser = argparse.ArgumentParser(prog="worker.engine")
    parser.add_argument("--engine", default=EMBEDDED)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda: the one GPU that is visible")
    parser.add_argument("--models", type=Path, default=NO_SHELF.models)
    parser.add_argument("--unverified", type=Path)
    parser.add_argument("--speedup", default=ANY_HARDWARE.speedup)
    parser.add_argument("--steps", type=int, default=ANY_HARDWARE.sampling.steps)
    parser.add_argument("--guidance", type=float, default=ANY_HARDWARE.sampling.guidance)
    parser.add_argument("--interval", type=int, default=ANY_HARDWARE.sampling.interval)
    options = parser.parse_args()
    # Standard output is ours alone: what C libraries print there goes to standard error.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    shelf = Shelf(options.models, options.unverified)
    sampling = Sampling(options.steps, options.guidance, options.interval)
    hardware = Hardware(options.device, options.speedup, sampling)
    renderer = Renderer(lines, options.slots, shelf, hardware)
    renderer.warm(options.engine)
    renderer.serve(sys.stdin)


if __name__ == "__main__":
    main()
