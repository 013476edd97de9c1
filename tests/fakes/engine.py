"""An engine process that renders and hears nothing, for tests of the foreman; speaks the protocol of ``worker.engine``.

What it does stands in the Template's video, as text: ``ok``, ``sleep SECONDS``, ``until PATH`` (stands still in the middle until
that file is there), ``crash`` (always), ``crash once``,
``kill worker``, ``fault``, ``full SECONDS`` (the disk is, until so long after it was first met), ``hang``, ``stubborn`` (goes on
when asked to stop), ``reject``, ``missing``, ``tell`` (the Clip is what was asked for, as JSON), ``kept`` (the background is as it
was), ``large`` (a Clip of 6000 bytes), ``endless once`` (with one frame done it comes no further until it is stopped or killed, or
the file ``met go on`` is there; whoever renders it next needs no time); with the Clip rendered and its check still to come:
``flagged``, ``unchecked`` (it cannot be), ``crash checking`` (always), ``hang checking``. Started with ``unable`` it says of each
Clip that its engine cannot run.

Of samples it hears three words, unless their text ends with ``crash``, ``crash once``, ``fault``, ``hang`` or ``wordless``. Each
``hear`` and ``open`` leaves a line in the file ``HEARD`` of its environment; with ``DIES_OPENING`` there it dies of opening. Each
render leaves ``on`` and ``off`` with its text in the file ``RENDERED``, in the order in which they came and left. What happens
once happens once for all engines that find the same video, or the same folder ``MET`` in their environment.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

_FRAMES = 25
_LOOK_S = 0.05
_LOCK = threading.Lock()
_CHECKS = {"flagged", "unchecked", "crash checking", "hang checking"}
FLAGGED: dict[str, Any] = {
    "frames": 25,
    "fps": 25.0,
    "duration_s": 1.0,
    "av_offset_s": 0.0,
    "mouth": {
        "tracking_r": 0.21,
        "lag_frames": 0,
        "silence_opening": 0.4,
        "opening_ratio": 0.1,
        "texture_ratio": None,
    },
    "outside_psnr_db": 46.2,
    "flags": ["tracking", "silence"],
}
"""What the check of a ``flagged`` Clip finds."""


def _tell(event: str, **facts: object) -> None:
    with _LOCK:
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _misbehave(what: str, of: Path) -> None:
    if what == "crash" or (what == "crash once" and _is_first(of, what)):
        _die()
    if what == "kill worker":
        os.kill(os.getppid(), signal.SIGKILL)
    if what == "hang":
        threading.Event().wait()


def _marker(of: Path, what: str) -> Path:
    return Path(os.environ.get("MET", of.parent)) / f"met {what}"


def _is_first(of: Path, what: str) -> bool:
    """Whether this was not met before."""
    try:
        _marker(of, what).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _is_full(of: Path, what: str) -> bool:
    if _is_first(of, what):  # however long that took
        return True
    return time.time() - _marker(of, what).stat().st_mtime < float(what.partition(" ")[2])


def _render(request: dict[str, Any], stop: threading.Event) -> None:
    name, video = request["id"], Path(request["video"])
    what = video.read_text()
    _note("RENDERED", f"on {what}")
    _tell("progress", id=name, stage="render", done=0, total=_FRAMES)
    _misbehave(what, video)
    pause_s = float(what.partition(" ")[2]) / _FRAMES if what.startswith("sleep") else 0.0
    if what.startswith("endless once") and _is_first(video, what):
        _tell("progress", id=name, stage="render", done=1, total=_FRAMES)
        while not (stop.wait(_LOOK_S) or _marker(video, "go on").exists()):
            pass
    for done in range(1, _FRAMES + 1):
        if what == "stubborn":
            time.sleep(0.2)
        elif stop.wait(pause_s) or (done == _FRAMES // 2 and _held(name, what, stop)):
            _tell("stopped", id=name)
            return
        _tell("progress", id=name, stage="render", done=done, total=_FRAMES)
    _note("RENDERED", f"off {what}")
    match what:
        case "fault":
            _tell("fault", id=name, trace="a traceback of the fake")
        case _ if what.startswith("full") and _is_full(video, what):
            _tell("hindered", id=name, errno=28, why="No space left on device", trace="its trace")
        case "reject":
            _tell("rejected", id=name, code="unreadable", facts={"name": "x"})
        case "missing":
            _tell("unavailable", id=name, engine=request["engine"], advice="install it")
        case _:
            checking = {} if what not in _CHECKS else {"checking": True}
            _tell(
                "done",
                id=name,
                result=_result(request, what),
                features=_features(request),
                **checking,
            )
            _check(request, what, stop)


def _held(name: str, what: str, stop: threading.Event) -> bool:
    """Wait as a Clip ``until PATH`` does, which is no hang; whether it was asked to stop meanwhile."""
    while what.startswith("until ") and not Path(what.partition(" ")[2]).exists():
        _tell("progress", id=name, stage="render", done=_FRAMES // 2 - 1, total=_FRAMES)
        if stop.wait(0.1):
            return True
    return False


def _note(where: str, line: str) -> None:
    if where in os.environ:
        with _LOCK, Path(os.environ[where]).open("a") as lines:
            lines.write(line + "\n")


def _open() -> None:
    _note("HEARD", "open")
    if "DIES_OPENING" in os.environ:
        _die()
    _tell("opened")


def _hear(request: dict[str, Any], stop: threading.Event) -> None:
    name, samples = request["id"], Path(request["samples"])
    what = samples.read_text()
    _note("HEARD", what)
    _tell("progress", id=name, stage="words", done=0, total=1)
    if what.endswith("hang"):
        stop.wait()
        _tell("stopped", id=name)
        return
    _misbehave("crash once" if what.endswith("once") else what.rpartition(" ")[2], samples)
    if what.endswith("fault"):
        _tell("fault", id=name, trace="a traceback of the fake")
    elif what.endswith("wordless"):
        _tell("unheard", id=name, why="a model of the fake is broken")
    else:
        words = [["so", 0.1, 0.3, 0.9], ["it", 0.3, 0.5, 0.9], ["goes", 0.5, 0.9, 0.9]]
        _tell("heard", id=name, reply={"language": "en", "words": words})


def _check(request: dict[str, Any], what: str, stop: threading.Event) -> None:
    name = request["id"]
    match what:
        case "flagged":
            _tell("checked", id=name, figures=FLAGGED)
        case "unchecked":
            _tell("checked", id=name, figures=None, trace="a traceback of the check")
        case "crash checking":
            _die()
        case "hang checking":
            stop.wait()
            Path(request["video"]).with_name("unwanted").touch()


def _result(request: dict[str, Any], what: str) -> dict[str, object]:
    content = f"clip of {Path(request['take']).name}".encode()
    if what == "tell":
        content = json.dumps(request["options"]).encode()
    if what == "large":
        content = bytes(6000)
    Path(request["out"]).write_bytes(content)
    return {
        "frames": _FRAMES,
        "fps": 25.0,
        "duration_s": 1.0,
        "seconds": {"total": 0.1},
        "size_bytes": len(content),
        "crc32": zlib.crc32(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "background_kept": what == "kept",
    }


def _features(request: dict[str, Any]) -> list[str]:
    path = Path(request["template"]) / "fake.npz"
    if path.exists():
        return []
    path.write_bytes(b"features")
    return [path.name]


def main() -> None:
    """Be the engine."""
    stops: dict[str, threading.Event] = {}
    sys.stdout.write("a library says hello\n")
    _tell("ready", engines=["viseme"], unavailable={})
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "cancel":
            if stop := stops.get(request["id"]):
                stop.set()
            continue
        if request["do"] == "open":
            _open()
            continue
        if sys.argv[1:] == ["unable"]:
            _tell("unavailable", id=request["id"], engine=request["engine"], advice="no room")
            continue
        stops[request["id"]] = threading.Event()
        work = _hear if request["do"] == "hear" else _render
        threading.Thread(target=work, args=(request, stops[request["id"]]), daemon=True).start()


if __name__ == "__main__":
    main()
