"""The real engine process, asked line by line; its Templates show no face, so that frames go through untouched."""

import asyncio
import contextlib
import errno
import hashlib
import io
import json
import sys
import threading
import time
import wave
import zlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.engines.weights.finding import Shelf
from pipeline.errors import Stopped
from pipeline.measure.container import read_container
from pipeline.media import keep_recording, probe_video
from pipeline.speech.dictation import write_samples
from pipeline.speech.storage import StoredSpeech, write_speech
from pipeline.templates import TemplateAnalysis, analysis_as_json
from pipeline.types import MouthCurve, Progress, Said, Samples
from tests.corpora.media import write_video
from tests.worker.foreman_things import PATIENCE_S, running_link
from worker import whisper
from worker.engine import Renderer, _Kept
from worker.engine_link import EngineLink
from worker.errands import EngineMissing, RenderStopped

ENGINE = [sys.executable, "-m", "worker.engine", "--slots", "2"]


def make_take(folder: Path, seconds: float) -> Path:
    folder.mkdir()
    source = folder / "source.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.zeros(round(seconds * 16000), "<i2").tobytes())
    keep_recording(source, folder / "sound.flac")
    (folder / "words.json").write_text("[]")
    zeros = np.zeros(round(seconds * 100), np.float32)
    curve = MouthCurve(zeros, zeros, zeros, zeros, zeros, zeros)
    speech = StoredSpeech(curve, seconds, (0.0, seconds), -70.0, -120.0, (0.0,))
    write_speech(folder / "speech.npz", speech)
    return folder


def make_template(folder: Path, frames: int = 25) -> Path:
    folder.mkdir()
    write_video(folder / "video.mp4", range(frames)).rename(folder / "source")
    facts = probe_video(folder / "source")
    told = TemplateAnalysis(facts, 0.0, 0.0, 1.0)
    (folder / "template.json").write_text(json.dumps(analysis_as_json(told)))
    landmarks = np.full((facts.frames, 468, 2), np.nan, np.float32)
    presence = np.zeros(facts.frames, np.float32)
    np.savez(folder / "track.npz", landmarks=landmarks, presence=presence)
    assert facts.fps == Fraction(25)
    return folder


def request(take: Path, template: Path, out: Path, engine: str = "viseme") -> dict[str, Any]:
    return {
        "engine": engine,
        "take": str(take),
        "template": str(template),
        "video": str(template / "source"),
        "out": str(out),
        "options": {},
    }


@contextlib.asynccontextmanager
async def open_link() -> AsyncIterator[EngineLink]:
    link = EngineLink(ENGINE, quiet_s=PATIENCE_S)
    async with running_link(link):
        yield link


def quietly(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


async def test_a_clip_comes_with_its_checksums_and_the_template_is_prepared_once(
    tmp_path: Path,
) -> None:
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    seen: list[tuple[str, int, int]] = []
    async with open_link() as link:
        first = await link.render(
            request(take, template, tmp_path / "1.mp4"),
            lambda *progress: seen.append(progress),
            asyncio.Event(),
        )
        second = await link.render(
            request(take, template, tmp_path / "2.mp4"), quietly, asyncio.Event()
        )

    clip = (tmp_path / "1.mp4").read_bytes()
    assert first.result["frames"] == 15
    assert first.result["sha256"] == hashlib.sha256(clip).hexdigest()
    assert (first.result["crc32"], first.result["size_bytes"]) == (zlib.crc32(clip), len(clip))
    assert seen[-1] == ("render", 15, 15)
    assert (list(first.features), list(second.features)) == (["viseme.npz"], [])
    assert not list(template.glob(".features*"))


async def test_a_disk_that_fills_while_a_clip_is_written_is_the_systems_fault(
    tmp_path: Path,
) -> None:
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    (tmp_path / ".1.mp4.partial").symlink_to("/dev/full")
    async with open_link() as link:
        with pytest.raises(OSError, match="No space left on device") as full:
            await link.render(request(take, template, tmp_path / "1.mp4"), quietly, asyncio.Event())
        after = await link.render(
            request(take, template, tmp_path / "2.mp4"), quietly, asyncio.Event()
        )

    assert full.value.errno == errno.ENOSPC
    assert ".1.mp4.partial" in "".join(full.value.__notes__)  # for the log
    assert after.result["frames"] == 15


@pytest.mark.parametrize(
    ("raised", "event", "number"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "hindered", errno.EDQUOT),
        (OSError(errno.EIO, "Input/output error"), "hindered", errno.EIO),
        (MemoryError(), "hindered", errno.ENOMEM),
        (FileNotFoundError(errno.ENOENT, "No such file"), "fault", None),
        (RuntimeError("a defect"), "fault", None),
    ],
    ids=lambda value: str(value),
)
def test_what_the_system_lacks_is_told_from_defects(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    event: str,
    number: int | None,
) -> None:
    def fail(*_: object) -> None:
        raise raised

    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    lines = io.StringIO()
    monkeypatch.setattr("worker.engine.render_clip", fail)
    renderer = Renderer(lines, 1)
    renderer._stops["1"] = threading.Event()

    renderer._render({"id": "1", **request(take, template, tmp_path / "1.mp4")})
    renderer.serve(io.StringIO())

    last = json.loads(lines.getvalue().splitlines()[-1])
    assert last["event"] == event
    assert last.get("errno") == number
    assert type(raised).__name__ in last["trace"]


async def test_what_an_order_asks_goes_into_the_clip_and_sounds_differ_by_what_is_asked(
    tmp_path: Path,
) -> None:
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    label = {"producer": "Example-Ltd", "produce_id": "b1-3"}
    asked = {"label": label, "sound": {"loudness": False}, "background": {"blur": True}}
    kept = []
    async with open_link() as link:
        for name, options in (("usual", {}), ("asked", asked)):
            order = request(take, template, tmp_path / f"{name}.mp4") | {"options": options}
            rendered = await link.render(order, quietly, asyncio.Event())
            kept.append(rendered.result["background_kept"])

    assert kept == [False, True]  # there is nothing to replace behind a wall
    read = read_container(tmp_path / "asked.mp4").label
    assert read is not None
    assert (read["ContentProducer"], read["ProduceID"]) == ("Example-Ltd", "b1-3")
    made = sorted(path.name for path in take.glob("sound-*.m4a"))
    assert made == ["sound-loudness.m4a", "sound-untreated.m4a"]


async def test_a_finished_clip_is_checked_and_one_without_a_face_has_nothing_against_it(
    tmp_path: Path,
) -> None:
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    async with open_link() as link:
        rendered = await link.render(
            request(take, template, tmp_path / "1.mp4"), quietly, asyncio.Event()
        )
        figures = await link.checked(rendered, asyncio.Event())

    assert figures is not None
    assert figures.pop("outside_psnr_db") > 35
    assert figures == {
        "frames": 15,
        "fps": 25.0,
        "duration_s": 0.6,
        "av_offset_s": 0.0,
        "mouth": dict.fromkeys(
            ("tracking_r", "lag_frames", "silence_opening", "opening_ratio", "texture_ratio")
        ),
        "flags": [],
    }


def test_a_check_that_raises_is_told_with_its_trace(tmp_path: Path) -> None:
    class Unable:
        def measure(self, *_: object) -> None:
            raise RuntimeError("a defect")

    lines = io.StringIO()
    renderer = Renderer(lines, 1)
    renderer._stops["a"] = threading.Event()

    renderer._check("a", Unable(), tmp_path / "clip.mp4")
    renderer.serve(io.StringIO())

    told = json.loads(lines.getvalue())
    assert "RuntimeError: a defect" in told.pop("trace")
    assert told == {"event": "checked", "id": "a", "figures": None}


def test_a_check_that_is_asked_to_stop_is_no_fault(tmp_path: Path) -> None:
    class Stoppable:
        def measure(self, clip: Path, mesh: object, progress: Progress) -> None:
            progress("check", 1, 2)

    lines = io.StringIO()
    renderer = Renderer(lines, 1)
    renderer._stops["a"] = threading.Event()
    renderer._stops["a"].set()

    renderer._check("a", Stoppable(), tmp_path / "clip.mp4")
    renderer.serve(io.StringIO())

    assert json.loads(lines.getvalue()) == {"event": "checked", "id": "a", "figures": None}


class Making:
    """Something that takes until it is told to end."""

    def __init__(self) -> None:
        self.begun, self.ends = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.ends.wait(PATIENCE_S)
        return "made"


def stopped() -> None:
    raise Stopped


def test_while_one_template_is_prepared_others_go_on_and_who_waits_for_it_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.engine.LOOK_EVERY_S", 0.01, raising=False)
    kept, slow = _Kept(2), Making()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(kept.get, "a", slow)
        assert slow.begun.wait(PATIENCE_S)
        try:
            other = threads.submit(kept.get, "b", lambda: "at once")
            assert other.result(PATIENCE_S) == "at once"
            waiting = threads.submit(kept.get, "a", lambda: "anew", stopped)
            with pytest.raises(Stopped):
                waiting.result(PATIENCE_S)
        finally:
            slow.ends.set()

        assert first.result(PATIENCE_S) == "made"
        assert kept.get("a", lambda: "anew") == "made"


def test_what_somebody_gave_up_to_make_is_made_by_who_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.engine.LOOK_EVERY_S", 0.01, raising=False)
    kept, slow, waits = _Kept(2), Making(), threading.Event()

    def given_up() -> str:
        slow()
        raise Stopped

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.get, "a", given_up)
        assert slow.begun.wait(PATIENCE_S)
        second = threads.submit(kept.get, "a", lambda: "anew", waits.set)
        try:
            assert waits.wait(PATIENCE_S)
        finally:
            slow.ends.set()

        with pytest.raises(Stopped):
            first.result(PATIENCE_S)
        assert second.result(PATIENCE_S) == "anew"


def test_clips_render_while_a_take_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    class Slow:
        loads, device, notes = 1, "cpu", ()

        def __init__(self, weights: Path, device: str) -> None:
            pass

        def transcribe(self, samples: Samples, heard_until: object) -> Said:
            goes_on.wait(PATIENCE_S)
            return Said("en", ())

    monkeypatch.setattr("worker.listening.Scribe", Slow)
    for name in whisper.FILES:
        (tmp_path / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "models" / name).touch()
    write_samples(tmp_path / "samples", np.ones(16_000, np.float32))
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    lines = io.StringIO()

    def last_lines() -> list[str]:
        told = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
        return [event for event in told if event in {"done", "heard"}]

    def until(wanted: list[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while last_lines() != wanted and time.monotonic() < deadline:
            time.sleep(0.02)

    def requests() -> Iterator[str]:
        yield json.dumps({"do": "hear", "id": "1", "samples": str(tmp_path / "samples")})
        yield json.dumps({"do": "render", "id": "2", **request(take, template, tmp_path / "c.mp4")})
        until(["done"])
        goes_on.set()
        until(["done", "heard"])

    Renderer(lines, 1, Shelf(tmp_path / "models")).serve(requests())  # type: ignore[arg-type]

    assert last_lines() == ["done", "heard"]


async def test_a_clip_that_is_asked_to_stop_leaves_nothing_and_the_engine_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.engine_link._ASK_S", PATIENCE_S)  # a slow one is no deaf one
    take, template = make_take(tmp_path / "take", 120), make_template(tmp_path / "template")
    out, stop = tmp_path / "out" / "clip.mp4", asyncio.Event()
    out.parent.mkdir()

    def when_it_renders(stage: str, done: int, total: int) -> None:
        if stage == "render" and done:
            stop.set()

    async with open_link() as link:
        await link.started.wait()
        pid = link.pid
        with pytest.raises(RenderStopped):
            await link.render(request(take, template, out), when_it_renders, stop)
        after = link.pid

    assert list(out.parent.iterdir()) == []
    assert pid == after


async def test_an_engine_that_is_not_installed_comes_with_advice(tmp_path: Path) -> None:
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    async with open_link() as link:
        with pytest.raises(EngineMissing, match="chorus models pull musetalk"):
            await link.render(
                request(take, template, tmp_path / "1.mp4", "musetalk"), quietly, asyncio.Event()
            )


async def test_an_engine_that_is_not_ready_in_time_is_ended_and_started_again() -> None:
    never = "import time; time.sleep(600)"
    link = EngineLink([sys.executable, "-c", never], quiet_s=30, start_s=0.5)
    lives: set[int | None] = set()

    running = asyncio.create_task(link.run())
    async with asyncio.timeout(PATIENCE_S):
        while len(lives - {None}) < 2:
            lives.add(link.pid)
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert link.started.is_set()


async def test_the_engine_ends_when_nobody_speaks_to_it_any_more() -> None:
    process = await asyncio.create_subprocess_exec(
        *ENGINE, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    ready: dict[str, Any] = json.loads(await process.stdout.readline())

    process.stdin.close()

    held = {"loads": 1, "device": "", "window_frames": 0, "memory_bytes": 0, "notes": []}
    assert ready == {
        "event": "ready",
        "engines": ["viseme"],
        "unavailable": {},
        "residents": {"viseme": held},
    }
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0


async def test_weights_that_nobody_checked_are_those_of_the_engine_that_is_kept_warm(
    tmp_path: Path,
) -> None:
    own, models = tmp_path / "own", tmp_path / "models"
    own.mkdir()
    take, template = make_take(tmp_path / "take", 0.6), make_template(tmp_path / "template")
    places = ["--models", str(models), "--unverified", str(own)]
    process = await asyncio.create_subprocess_exec(
        *(*ENGINE, "--engine", "musetalk", *places),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None

    warm: dict[str, Any] = json.loads(await process.stdout.readline())
    asked = request(take, template, tmp_path / "1.mp4", "latentsync")
    process.stdin.write(json.dumps({"do": "render", "id": "1", **asked}).encode() + b"\n")
    other: dict[str, Any] = {"event": "progress"}
    while other["event"] == "progress":
        other = json.loads(await process.stdout.readline())
    process.stdin.close()
    await process.wait()

    assert f"{own} does not look like the weights 'musetalk'" in warm["unavailable"]["musetalk"]
    assert "chorus models pull latentsync-1.5" in other["advice"]
