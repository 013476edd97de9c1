"""The child may die, hang or be refused: the caller gets an answer, and nothing stays behind."""

import json
import os
import select
import signal
import subprocess
import sys
import wave
from pathlib import Path

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
from pipeline.speech.words import WEIGHTS
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


def run(asked: dict, timeout_s: float = 60.0, progress=quietly) -> dict:
    return sandbox.run_in_child(asked, timeout_s=timeout_s, progress=progress)


def test_a_take_is_analysed_in_the_child_with_whisper(tmp_path: Path, folder: Path):
    write_whisper(tmp_path / "models" / WEIGHTS)
    source = tmp_path / "said.wav"
    samples = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)
    with wave.open(str(source), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())

    result = run({**request("take", source, folder), "models": str(tmp_path / "models")})

    assert result["speech_s"] > 1
    assert takes.load_take(folder).curve.opening.max() > 0.3


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
    script = "from pipeline import sandbox; sandbox._limit('take', 0); bytearray(1 << 40)"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert done.stderr.strip().endswith("MemoryError")


@pytest.mark.parametrize("weights_bytes", [0, 1 << 30])
def test_a_recording_has_an_hour_more_of_the_processor_where_whisper_listens(weights_bytes: int):
    script = (
        f"from pipeline import sandbox; sandbox._limit('take', {weights_bytes});"
        "import resource; print(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) == 600 + (3600 if weights_bytes else 0)


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


def test_the_child_dies_with_its_parent():
    script = (
        "import subprocess, sys; from pipeline import sandbox;"
        "print(subprocess.Popen(sandbox.command()).pid, flush=True); sys.stdin.read()"
    )
    # The pipe is ours, so that the end of its input does not end the child.
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)

        ended, _, _ = select.select([child], [], [], 2.0)

        os.close(child)
    assert ended


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
