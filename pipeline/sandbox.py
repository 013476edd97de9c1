"""The disposable child in which bytes from outside are decoded first.

``python -m pipeline.sandbox PARENT`` (see ``command``) reads JSON objects from its standard input, one to a line, up to the
end: as a rule one, for what one person sent must not meet what another one did. The limits are those of the first
one's kind, for all of them together::

    {"do": "take" | "template", "source": path, "name": text, "folder": path, "limits": {...}}
    "samples": path                                with a Take, if its words can be asked for: there its samples are to be put
    {"do": "picture", "source", "name", "folder"}  makes picture.png of a picture (``pipeline.backdrop.sent``)
    {"do": "lineup", ...}                          likewise, of the plan in source makes lineup.jpg (``pipeline.lineup``)
    {"do": "inspect", "name": text, ...}           the rest as in ``pipeline.measure.request``; it has no folder

``limits`` are fields of ``TakeLimits`` or ``VideoLimits``; those left out have their defaults. It writes JSON lines to
its standard output, for each request any number of the first, the second once at most, then exactly one of the others::

    {"event": "progress", "stage": text, "done": number, "total": number}
    {"event": "hear"}                              what is said in the samples that are there now (``speech.dictation``)?
    {"event": "done", "result": {...}}             TakeAnalysis, TemplateAnalysis as analysis_as_json gives it, or Inspection
    {"event": "rejected", "code": text, "facts": {...}}
    {"event": "fault", "trace": text}

Behind ``hear`` it waits for one line of reply on its standard input (``speech.dictation``), for as long as that takes; should its
input end instead, the Take goes without words. Whoever replies opens the file that the request named, whatever else the line says.

It ends with status 0 when there are no more requests. If it is ended by a signal without one of the last three, a limit was hit
or a codec crashed: the file is not to be trusted (``UnreadableFile``). Whatever libraries print goes to standard error. What it
makes stands in ``folder`` (``OUTPUTS`` of ``pipeline.takes`` or ``pipeline.templates``); after anything but ``done``, call
``remove_outputs``.

The child leads a process group of its own, which the caller kills to stop it, and dies with the thread that started it
(so start it from the main thread).
"""

import ctypes
import dataclasses
import json
import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from pipeline.errors import ChildCrashed, InputRejected, NotHeard, UnreadableFile
from pipeline.speech import dictation
from pipeline.speech.loudness import RATE_HZ
from pipeline.types import Hear, Progress, Said, Samples

OUTPUTS: Final = {
    "take": (
        *("sound.flac", "speech.npz", "words.json"),
        *("captions.srt", "captions.vtt", "captions-trimmed.srt", "captions-trimmed.vtt"),
    ),
    "template": ("track.npz", "poster.jpg", "template.json"),
    "picture": ("picture.png",),
    "lineup": ("lineup.jpg",),
    "inspect": (),
}

_GIB: Final = 2**30
# Address space, measured at the end of the samples on two cores: 0.76 GiB for a Take, 1.64 GiB for a Template (of
# which 0.35 GiB resident), 1.87 GiB to inspect. Every core brings threads, each with a stack and a heap of its own.
_MEMORY_BYTES: Final = {
    "take": 3 * _GIB // 2,
    "template": 3 * _GIB,
    "picture": 2 * _GIB,
    "lineup": 3 * _GIB // 2,
    "inspect": 3 * _GIB,
}
_MEMORY_PER_CORE_BYTES: Final = 160 * 2**20
_CPU_S: Final = {"take": 600, "template": 3600, "picture": 60, "lineup": 60, "inspect": 3600}
_LAST_CPU_S: Final = 10
_FILE_BYTES: Final = 2 * _GIB
"""Two hours of a recording, kept as FLAC, are 1.4 GB at most."""
_PR_SET_PDEATHSIG: Final = 1
_TRACE_CHARS: Final = 4000


def command() -> list[str]:
    """The command line of the child, for the process that calls this (its parent-to-be)."""
    # -P: a module in the current directory must not stand in for ours.
    return [sys.executable, "-P", "-m", "pipeline.sandbox", str(os.getpid())]


def remove_outputs(do: str, folder: Path) -> None:
    """Remove what a child that did not end well may have left, unfinished files too."""
    for name in OUTPUTS[do]:
        (folder / name).unlink(missing_ok=True)
        (folder / f".{name}.partial").unlink(missing_ok=True)


def run_in_child(
    request: Mapping[str, Any], *, timeout_s: float, progress: Progress, hear: Hear | None = None
) -> dict[str, Any]:
    """Have one request done in a disposable child, and wait for it.

    Args:
        request: As in the module's description, but for ``samples``.
        timeout_s: After so long the child is killed, and the file counts as unreadable; it has as long again behind words.
        progress: Called with what the child reports; what it raises stops the child.
        hear: Hears the words of a Take, here; without it there are none.

    Returns:
        The ``result`` of the child's last line.

    Raises:
        InputRejected: The child refused the material, or died of it.
        ChildCrashed: It failed for another reason.
    """
    ended = False
    try:
        with (
            tempfile.TemporaryDirectory(prefix="chorus-child-") as scratch,
            _child(timeout_s) as child,
        ):
            samples = Path(scratch, "samples")
            asked = dict(request) if hear is None else {**request, "samples": str(samples)}
            result = child.ask(asked, progress, _replies(hear, samples, progress))
        ended = True
        return result
    finally:
        if not ended:
            remove_outputs(request["do"], Path(request.get("folder", ".")))


def _replies(hear: Hear | None, path: Path, progress: Progress) -> Iterator[Mapping[str, Any]]:
    """What to reply whenever a child asks for words: them once, if at all."""
    if hear is not None:
        yield _heard(hear, path, progress)
    while True:
        yield dictation.as_failure("nobody hears words here, or not again")


def _heard(hear: Hear, path: Path, progress: Progress) -> Mapping[str, Any]:
    try:
        samples = dictation.read_samples(path)
        seconds = math.ceil(len(samples) / RATE_HZ)
        said = hear(samples, lambda second: progress("words", int(second), seconds))
    except NotHeard as error:
        return dictation.as_failure(str(error))
    return dictation.as_reply(said)


@contextmanager
def _child(timeout_s: float) -> Iterator["_Child"]:
    """Start a child whose group is gone when the block ends."""
    with (
        tempfile.TemporaryFile() as last_words,
        subprocess.Popen(  # noqa: S603  # our own interpreter, our own module
            command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=last_words,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as process,
    ):
        child = _Child(process, last_words, timeout_s)
        try:
            yield child
        finally:
            child.end()


class _Child:
    """A child that runs, until it is ended or takes too long."""

    def __init__(
        self, process: "subprocess.Popen[str]", last_words: IO[bytes], timeout_s: float
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise ChildCrashed("no pipes")
        self._process = process
        self._input = process.stdin
        self._output = process.stdout
        self._last_words = last_words
        self._timeout_s = timeout_s
        self._set_alarm()

    def ask(
        self,
        request: Mapping[str, Any],
        progress: Progress,
        replies: Iterator[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Send a request and read to its end; raises what ``run_in_child`` does."""
        self._say(request)
        for line in self._output:
            event = json.loads(line)
            match event["event"]:
                case "progress":
                    progress(event["stage"], event["done"], event["total"])
                case "hear":
                    self._alarm.cancel()  # it waits for us
                    self._say(next(replies))
                    self._set_alarm()
                case "done":
                    result: dict[str, Any] = event["result"]
                    return result
                case "rejected":
                    raise rejection(event["code"], event["facts"])
                case _:
                    raise ChildCrashed(event.get("trace", "no trace"))
        if self._process.wait() > 0:
            # It could not even begin: a limit or a crash is a signal, hence negative.
            self._last_words.seek(0)
            raise ChildCrashed(self._last_words.read().decode("utf-8", "replace")[-_TRACE_CHARS:])
        raise UnreadableFile(name=request["name"])

    def end(self) -> None:
        """Kill it, if it has not ended."""
        self._alarm.cancel()
        self._kill()

    def _set_alarm(self) -> None:
        self._alarm = threading.Timer(self._timeout_s, self._kill)
        self._alarm.start()

    def _kill(self) -> None:
        # The group first: it may hold more than the child. Until it is waited for, its number cannot be another's.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _say(self, line: Mapping[str, Any]) -> None:
        try:
            self._input.write(json.dumps(dict(line)) + "\n")
            self._input.flush()
        except BrokenPipeError:  # it ended already: its output tells why, or nothing does
            with suppress(BrokenPipeError):
                self._input.close()


def rejection(code: str, facts: Mapping[str, str | float]) -> InputRejected:
    """Make the Rejection again that a child told of."""
    for kind in InputRejected.__subclasses__():
        if kind.code == code:
            return kind(**facts)
    raise ChildCrashed(f"a rejection nobody knows: {code}")


def main() -> int:
    """Be the child."""
    lines = _take_over_output()
    _bind_to_parent(int(sys.argv[1]))

    def tell(event: str, **facts: object) -> None:
        lines.write(json.dumps({"event": event, **facts}) + "\n")
        lines.flush()

    limited = False
    for line in sys.stdin:
        request = json.loads(line)
        if not limited:
            _limit(request["do"])
            limited = True
        _answer(request, tell)
    return 0


def _answer(request: Mapping[str, Any], tell: Any) -> None:
    try:
        tell("done", result=_work(request, tell))
    except InputRejected as refused:
        tell("rejected", code=refused.code, facts=refused.facts)
    except MemoryError:
        tell("rejected", code=UnreadableFile.code, facts={"name": request["name"]})
    except Exception:  # noqa: BLE001  # the top of a job: the parent logs it and raises
        tell("fault", trace=traceback.format_exc()[-_TRACE_CHARS:])


def _work(request: Mapping[str, Any], tell: Any) -> dict[str, Any]:
    def progress(stage: str, done: int, total: int) -> None:
        tell("progress", stage=stage, done=done, total=total)

    # Imported in here, because the limits must stand before the first codec is loaded.
    match request["do"]:
        case "take":
            return _take(request, tell, progress)
        case "template":
            return _template(request, progress)
        case "picture":
            return _picture(request)
        case "lineup":
            return _lineup(request)
        case _:
            from pipeline.measure.request import inspect_request  # noqa: PLC0415

            return inspect_request(dict(request), progress)


def _take(request: Mapping[str, Any], tell: Any, progress: Progress) -> dict[str, Any]:
    from pipeline import takes  # noqa: PLC0415

    source, folder = Path(request["source"]), Path(request["folder"])
    limits = takes.TakeLimits(**request.get("limits", {}))
    hear = _asking(Path(request["samples"]), tell) if "samples" in request else None
    told = takes.analyse_take(source, request["name"], folder, limits, progress, hear)
    return dataclasses.asdict(told)


def _asking(path: Path, tell: Any) -> Hear:
    """Hear words by asking whoever sent the request."""

    def hear(samples: Samples, _heard_until: object) -> Said:
        try:
            dictation.write_samples(path, samples)
            tell("hear")
            line = sys.stdin.readline()
        finally:
            path.unlink(missing_ok=True)
        if not line:
            raise NotHeard("nobody replied")
        return dictation.said_of(json.loads(line))

    return hear


def _template(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from pipeline import media, templates  # noqa: PLC0415

    source, folder = Path(request["source"]), Path(request["folder"])
    limits = media.VideoLimits(**request.get("limits", {}))
    prepared = templates.prepare_template(source, request["name"], folder, limits, progress)
    return templates.analysis_as_json(prepared)


def _picture(request: Mapping[str, Any]) -> dict[str, Any]:
    from pipeline.backdrop.sent import keep_picture  # noqa: PLC0415

    return keep_picture(Path(request["source"]), request["name"], Path(request["folder"]))


def _lineup(request: Mapping[str, Any]) -> dict[str, Any]:
    from pipeline.lineup import read_cells, write_lineup  # noqa: PLC0415

    return write_lineup(read_cells(Path(request["source"])), Path(request["folder"]))


def _take_over_output() -> IO[str]:
    """Keep standard output for our lines; what libraries print there goes to standard error."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


def _bind_to_parent(parent: int) -> None:
    """Die with the parent, in a group of our own."""
    if os.getpgrp() != os.getpid():
        os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before we asked
        raise SystemExit(1)


def _limit(do: str) -> None:
    memory = _MEMORY_BYTES[do] + _MEMORY_PER_CORE_BYTES * (os.cpu_count() or 1)
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, _CPU_S[do]),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        # The soft limit of CPU time comes first, with SIGXCPU: that tells it from a child that somebody killed.
        last = most + _LAST_CPU_S if what == resource.RLIMIT_CPU else most
        _, hard = resource.getrlimit(what)
        if hard != resource.RLIM_INFINITY:
            most, last = min(most, hard), min(last, hard)
        resource.setrlimit(what, (most, last))
    signal.signal(
        signal.SIGXFSZ, signal.SIG_DFL
    )  # Python would make of it an error like a full disk's


if __name__ == "__main__":
    sys.exit(main())
