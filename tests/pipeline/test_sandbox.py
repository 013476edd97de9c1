"""The child may die, hang or be refused: the caller gets an answer, and nothing stays behind."""

import json
import os
import select
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import sandbox, takes, templates
from pipeline.errors import (
    ChildCrashed,
    InputRejected,
    NoSound,
    NotAVideo,
    Stopped,
    TakeTooLong,
    UnreadableFile,
)
from pipeline.speech.scribe import WEIGHTS, Scribe, hearing
from pipeline.types import Said, Word
from tests.corpora.media import chirp, write_sound, write_video
from tests.corpora.speech import AH, EE, SHUT, babble
from tests.corpora.whisper import write_whisper


def request(do: str, source: Path, folder: Path, **limits: float) -> dict:
    return {
        "do": do,
        "source": str(source),
        "name": source.name,
        "folder": str(folder),
        "limits": limits,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def quietly(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


def run(asked: dict, timeout_s: float = 60.0, progress=quietly, hear=None) -> dict:
    return sandbox.run_in_child(asked, timeout_s=timeout_s, progress=progress, hear=hear)


def said_in(folder: Path) -> Path:
    samples = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)
    with wave.open(str(folder / "said.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return folder / "said.wav"


def test_a_take_is_analysed_in_the_child_and_heard_by_whoever_asked(tmp_path: Path, folder: Path):
    write_whisper(tmp_path / "models" / WEIGHTS)
    asked = request("take", said_in(tmp_path), folder)
    resident = Scribe(tmp_path / "models" / WEIGHTS)
    heard, stages = [], set()

    def hear(samples, heard_until):
        heard.append(resident.transcribe(samples, heard_until))
        return heard[0]

    result = run(asked, hear=hear, progress=lambda stage, *_: stages.add(stage))

    (said,) = heard
    assert result["speech_s"] > 1
    assert result["words"] == len(said.words) > 0
    assert [word.text for word in takes.load_take(folder).words] == [w.text for w in said.words]
    assert stages == {"sound", "speech", "words"}
    assert {path.name for path in folder.iterdir()} == {*takes.OUTPUTS, "sound-loudness.m4a"}


def test_words_that_cannot_be_heard_cost_the_take_nothing_else(tmp_path: Path, folder: Path):
    write_whisper(tmp_path / "models" / WEIGHTS)
    (tmp_path / "models" / WEIGHTS / "model.bin").write_bytes(b"broken")

    result = run(request("take", said_in(tmp_path), folder), hear=hearing(tmp_path / "models"))

    assert (result["words"], result["words_failed"] != "") == (0, True)
    assert takes.load_take(folder).curve.opening.max() > 0.3


def test_a_child_to_which_nobody_replies_goes_without_words(tmp_path: Path, folder: Path):
    samples = tmp_path / "samples"
    asked = {**request("take", said_in(tmp_path), folder), "samples": str(samples)}

    done = subprocess.run(
        sandbox.command(), input=json.dumps(asked), capture_output=True, text=True, check=True
    )

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"] == ["hear", "done"]
    assert events[-1]["result"]["words_failed"] == "nobody replied"
    assert not samples.exists()


ASKING = """
import json, pathlib, sys
request = json.loads(sys.stdin.readline())
replies = []
for _ in range(3):
    if "samples" in request:
        pathlib.Path(request["samples"]).write_bytes(bytes(4000))
    print(json.dumps({"event": "hear", "samples": "/etc/passwd"}), flush=True)
    replies.append(json.loads(sys.stdin.readline()))
print(json.dumps({"event": "done", "result": {"replies": replies}}), flush=True)
"""


def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "command", lambda: [sys.executable, "-c", ASKING])


def test_a_child_that_asks_again_and_again_gets_words_once(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    asking(monkeypatch)
    heard = []

    def hear(samples, heard_until):
        heard.append(len(samples))
        return Said("en", (Word("so", 0.0, 0.1),))

    replies = run(request("take", tmp_path / "v.ogg", folder), hear=hear)["replies"]

    assert heard == [1000]
    assert replies[0] == {"language": "en", "words": [["so", 0.0, 0.1, 1.0]]}
    assert all(reply.keys() == {"failed"} for reply in replies[1:])


def test_a_child_that_asks_where_nobody_hears_is_told_so(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    asking(monkeypatch)

    replies = run(request("take", tmp_path / "v.ogg", folder))["replies"]

    assert all(reply.keys() == {"failed"} for reply in replies)


class Alarm:
    """A timer that rings when the test says so, if it is set then."""

    def __init__(self, alarms: "list[Alarm]", after_s: float, wake: Callable[[], None]) -> None:
        self.after_s, self.wake, self.is_set = after_s, wake, False
        alarms.append(self)

    def start(self) -> None:
        self.is_set = True

    def cancel(self) -> None:
        self.is_set = False

    def ring(self) -> None:
        if self.is_set:
            self.wake()


def test_a_child_that_waits_for_words_is_not_taken_for_one_that_hangs(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    asking(monkeypatch)
    alarms: list[Alarm] = []
    monkeypatch.setattr(sandbox, "threading", SimpleNamespace(Timer=partial(Alarm, alarms)))

    def hear(samples, heard_until):
        for alarm in alarms:  # longer than the child may take
            alarm.ring()
        return Said("en", ())

    result = run(request("take", tmp_path / "v.ogg", folder), timeout_s=60.0, hear=hear)

    assert len(result["replies"]) == 3
    # One for the child that works, one more behind each reply; none is left.
    assert [(alarm.after_s, alarm.is_set) for alarm in alarms] == [(60.0, False)] * 4


def test_who_stops_while_words_are_heard_ends_the_child(tmp_path: Path, folder: Path):
    def hear(samples, heard_until):
        heard_until(1.0)

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "words":
            raise Stopped

    with pytest.raises(Stopped):
        run(request("take", said_in(tmp_path), folder), progress=stop, hear=hear)

    assert list(folder.iterdir()) == []


def test_a_take_is_analysed_in_the_child(samples: Path, folder: Path):
    seen: list[tuple[str, int, int]] = []
    source = samples / "voices" / "zh_bus_3s.amr"

    result = run(request("take", source, folder), progress=lambda *told: seen.append(told))

    assert result["duration_s"] == pytest.approx(3.38)
    assert result["sound"]["codec"] == "amrnb"
    assert seen[-1] == ("speech", 4, 4)
    assert takes.load_take(folder).duration_s == result["duration_s"]


@pytest.mark.parametrize(
    ("do", "make", "limits", "error"),
    [
        ("take", lambda path: write_video(path, range(5), container="mp4"), {}, NoSound),
        (
            "take",
            lambda path: write_sound(path, chirp(2.0), "flac", container="flac"),
            {"max_s": 1.0},
            TakeTooLong,
        ),
        (
            "template",
            lambda path: write_sound(path, chirp(1.0), "flac", container="flac"),
            {},
            NotAVideo,
        ),
    ],
)
def test_a_rejection_comes_back_as_itself(tmp_path: Path, folder: Path, do, make, limits, error):
    source = make(tmp_path / "source")

    with pytest.raises(error):
        run(request(do, source, folder, **limits))

    assert list(folder.iterdir()) == []


def test_every_rejection_can_be_told_and_raised_again():
    for kind in InputRejected.__subclasses__():
        again = sandbox.rejection(kind.code, {"name": "x"})

        assert (type(again), again.facts) == (kind, {"name": "x"})


def test_outputs_are_those_of_takes_and_templates():
    assert sandbox.OUTPUTS == {
        "take": takes.OUTPUTS,
        "template": templates.OUTPUTS,
        "picture": ("picture.png",),
        "lineup": ("lineup.jpg",),
        "inspect": (),
    }


def test_a_child_that_hangs_is_ended_and_its_file_called_unreadable(tmp_path: Path, folder: Path):
    os.mkfifo(tmp_path / "never")
    (folder / ".sound.flac.partial").write_bytes(b"half")

    with pytest.raises(UnreadableFile) as refused:
        run(request("take", tmp_path / "never", folder), timeout_s=0.5)

    assert refused.value.facts == {"name": "never"}
    assert list(folder.iterdir()) == []


def test_a_child_that_crashes_makes_the_file_unreadable(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(sandbox, "command", lambda: [sys.executable, "-c", crash])

    with pytest.raises(UnreadableFile):
        run(request("take", tmp_path / "bad.ogg", folder))


def test_a_child_that_cannot_begin_is_ours_to_mend_and_says_why(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = "raise SystemExit('no such library')"
    monkeypatch.setattr(sandbox, "command", lambda: [sys.executable, "-c", broken])

    with pytest.raises(ChildCrashed, match="no such library"):
        run(request("take", tmp_path / "v.ogg", folder))


def test_a_fault_of_ours_is_not_blamed_on_the_file(tmp_path: Path, folder: Path):
    with pytest.raises(ChildCrashed, match="FileNotFoundError"):
        run(request("take", tmp_path / "gone.ogg", folder))


def test_who_stops_the_child_finds_nothing_left(samples: Path, folder: Path):
    def stop(stage: str, done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        run(request("take", samples / "voices" / "zh_bus_3s.amr", folder), progress=stop)

    assert list(folder.iterdir()) == []


def test_memory_has_a_limit_in_the_child():
    script = "from pipeline import sandbox; sandbox._limit('take'); bytearray(1 << 40)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.stderr.strip().endswith("MemoryError")


def test_a_recording_has_ten_minutes_of_the_processor():
    script = (
        "from pipeline import sandbox; sandbox._limit('take');"
        "import resource; print(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) == 600


@pytest.mark.parametrize("limit", ["_CPU_S = {'take': 1}", "_FILE_BYTES = 100_000"])
def test_a_child_beyond_a_limit_is_ended_and_its_file_called_unreadable(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str
):
    source = write_sound(tmp_path / "v.flac", chirp(60.0), "flac", container="flac")
    script = f"from pipeline import sandbox; sandbox.{limit}; raise SystemExit(sandbox.main())"
    command = [sys.executable, "-c", script, str(os.getpid())]
    monkeypatch.setattr(sandbox, "command", lambda: command)

    with pytest.raises(UnreadableFile):
        run(request("take", source, folder))

    assert list(folder.iterdir()) == []


def test_the_child_dies_with_its_parent(tmp_path: Path, folder: Path):
    script = (
        "import signal, subprocess; from pipeline import sandbox;"
        "print(subprocess.Popen(sandbox.command()).pid, flush=True); signal.pause()"
    )
    # The pipes are ours, so that the end of its input does not end the child.
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        (tmp_path / "empty").touch()
        parent.stdin.write(json.dumps(request("picture", tmp_path / "empty", folder)) + "\n")
        parent.stdin.flush()
        assert json.loads(parent.stdout.readline())["code"] == "empty"  # it waits for more
        os.kill(parent.pid, signal.SIGKILL)

        ended, _, _ = select.select([child], [], [], 2.0)

        os.close(child)
    assert ended


def test_a_child_whose_parent_was_gone_before_it_began_does_nothing(tmp_path: Path, folder: Path):
    line = [*sandbox.command()[:-1], str(os.getppid())]  # another's child
    asked = json.dumps(request("take", tmp_path / "v.ogg", folder))

    done = subprocess.run(line, input=asked, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")


def test_a_template_is_prepared_within_the_limits_and_only_our_lines_are_told(
    samples: Path, folder: Path
):
    source = samples / "templates" / "man_idle_720x1080.mp4"
    asked = json.dumps(request("template", source, folder))

    done = subprocess.run(
        sandbox.command(), input=asked, capture_output=True, text=True, check=True
    )

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {event["event"] for event in events[:-1]} == {"progress"}
    assert events[-1]["event"] == "done"
    assert templates.analysis_from_json(events[-1]["result"]) == templates.load_analysis(folder)
    assert events[-1]["result"]["facts"]["frames"] == 179
