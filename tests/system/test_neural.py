"""MuseTalk and LatentSync through the command and through the real engine process, from a folder of official-format random weights."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("diffusers", reason="the extra 'neural' is not installed")
pytest.importorskip("soxr", reason="the extra 'neural' is not installed")

from config.nvml import gpus
from pipeline.measure.container import read_container
from pipeline.measure.streams import read_streams
from pipeline.media import VideoLimits
from pipeline.samples.library import LOOKS, write_voice
from pipeline.takes import TakeLimits, analyse_take
from pipeline.templates import prepare_template
from tests.corpora.checkpoints import write_latentsync, write_musetalk
from tests.presenters import bring_presenter
from tests.worker.foreman_things import running_link
from worker.contract.figures import FIGURES
from worker.engine_link import EngineLink

pytestmark = pytest.mark.slow


def quietly(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, a presenter of two seconds and two recordings."""
    folder = tmp_path_factory.mktemp("neural")
    write_musetalk(folder / "weights")
    write_latentsync(folder / "latentsync")
    bring_presenter(LOOKS[0], folder / "anna.mp4", 2.0)
    write_voice(folder / "long.wav")
    _cut(folder / "long.wav", folder / "voice.wav", seconds=1.3)
    _cut(folder / "long.wav", folder / "word.wav", seconds=0.6)
    return folder


@contextlib.asynccontextmanager
async def engine(name: str, weights: Path, slots: int = 1) -> AsyncIterator[EngineLink]:
    """The real engine process with one neural engine, on the processor."""
    command = [
        sys.executable, "-m", "worker.engine", "--engine", name, "--slots", str(slots), "--device", "cpu",
        "--unverified", str(weights), "--steps", "1", "--guidance", "1",
    ]  # fmt: skip
    link = EngineLink(command, quiet_s=120)
    async with running_link(link):
        yield link


def order(place: Path, name: str, out: Path) -> dict[str, Any]:
    """A Clip of the folders ``take`` and ``template``, which are made from ``voice.wav`` where they do not stand yet."""
    take, template = place / "take", place / "template"
    if not take.exists():
        take.mkdir()
        analyse_take(place / "voice.wav", "voice.wav", take, TakeLimits(), quietly)
    if not template.exists():
        template.mkdir()
        prepare_template(place / "anna.mp4", "anna.mp4", template, VideoLimits(), quietly)
    return {
        "engine": name,
        "take": str(take),
        "template": str(template),
        "video": str(place / "anna.mp4"),
        "out": str(out),
        "options": {},
    }


def _cut(source: Path, target: Path, *, seconds: float) -> None:
    with wave.open(str(source)) as read, wave.open(str(target), "wb") as written:
        written.setparams(read.getparams())
        read.setpos(read.getframerate() // 2)  # after the silence at the start
        written.writeframes(read.readframes(round(seconds * read.getframerate())))


def chorus(place: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")},
        "CHORUS_DATA_DIR": str(place / "data"),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-m", "config.cli.main", *arguments],
        capture_output=True, text=True, env=environment, timeout=600, check=False,
    )  # fmt: skip


def test_the_command_renders_a_clip_of_exact_length_from_a_folder_of_weights(place: Path):
    out = place / "clip.mp4"

    ended = chorus(
        place, "render", "--engine", "musetalk", "--unverified", str(place / "weights"), "--json",
        "--voice", str(place / "voice.wav"), "--template", str(place / "anna.mp4"), "--out", str(out),
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["engine"] == "musetalk"
    streams = read_streams(out)
    assert streams.frames == told["frames"]
    assert abs(streams.frames / told["fps"] - told["duration_s"]) < 1e-6
    assert streams.sound_end_s == pytest.approx(told["duration_s"], abs=1 / told["fps"])
    assert read_container(out).label is not None
    assert "loaded unchecked" in ended.stderr


QUICK = {"CHORUS_LATENTSYNC_STEPS": "1", "CHORUS_LATENTSYNC_GUIDANCE": "1"}
"""Random weights make no better picture in twenty steps."""


def test_latentsync_renders_a_clip_of_exact_length_from_a_folder_of_weights(place: Path):
    out = place / "latentsync.mp4"

    ended = chorus(
        place, "render", "--engine", "latentsync", "--unverified", str(place / "latentsync"), "--json",
        "--voice", str(place / "word.wav"), "--template", str(place / "anna.mp4"), "--out", str(out),
        **QUICK,
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["engine"] == "latentsync"
    streams = read_streams(out)
    assert streams.frames == told["frames"]
    assert streams.sound_end_s == pytest.approx(told["duration_s"], abs=1 / told["fps"])
    assert read_container(out).label is not None


@pytest.mark.skipif(bool(gpus()), reason="there is a GPU")
def test_a_queue_is_not_served_on_a_processor_and_that_is_said_before_anything_starts(place: Path):
    for command in (("demo", "--out", str(place / "out")), ("worker",)):
        engine = {"CHORUS_ENGINE": "latentsync"}
        weights = {"CHORUS_UNVERIFIED_WEIGHTS": str(place / "latentsync")}
        ended = chorus(place, *command, **engine, **weights)

        said = " ".join(ended.stderr.split())
        assert ended.returncode == 1, said
        assert "latentsync wants a GPU" in said
        assert "a single video is, by chorus render" in said
        assert "Starting" not in said


def test_missing_weights_are_told_with_the_command_that_brings_them(place: Path):
    ended = chorus(
        place, "render", "--engine", "musetalk", "--json",
        "--voice", str(place / "voice.wav"), "--template", str(place / "anna.mp4"),
        "--out", str(place / "none.mp4"),
    )  # fmt: skip

    assert ended.returncode == 1
    assert "chorus models pull musetalk" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    assert not (place / "none.mp4").exists()


def test_weights_that_do_not_fit_are_told_by_their_first_differences(place: Path, tmp_path: Path):
    folder = write_musetalk(tmp_path / "weights")
    config = folder / "musetalkV15" / "musetalk.json"
    config.write_text(config.read_text().replace('"in_channels": 8', '"in_channels": 9'))

    ended = chorus(
        place, "render", "--engine", "musetalk", "--unverified", str(folder),
        "--voice", str(place / "voice.wav"), "--template", str(place / "anna.mp4"),
        "--out", str(place / "none.mp4"),
    )  # fmt: skip

    assert ended.returncode == 1
    assert "conv_in.weight ([8, 8, 3, 3] instead of [8, 9, 3, 3])" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


async def test_five_clips_are_made_with_models_that_were_loaded_once(place: Path):
    FIGURES.take()
    async with engine("musetalk", place / "weights", slots=3) as link:
        orders = [order(place, "musetalk", place / f"{number}.mp4") for number in range(5)]
        made = await asyncio.gather(
            *(link.render(each, quietly, asyncio.Event()) for each in orders)
        )

    frames = {each.result["frames"] for each in made}
    assert len(frames) == 1
    assert {read_streams(place / f"{number}.mp4").frames for number in range(5)} == frames
    kept = [each.features for each in made if each.features]
    assert kept == [["musetalk-covers.npy", "musetalk-latents.npy", "musetalk.npz"]]
    assert link.residents["musetalk"]["loads"] == 1
    assert FIGURES.take()["loads musetalk"] == 1
    assert link.residents["musetalk"]["device"] == "cpu"


def _own_mib(pid: int) -> float:
    """Memory that a process holds for itself: not what it maps of files, which the kernel may drop."""
    status = Path(f"/proc/{pid}/status").read_text()
    kinds = [
        line.split() for line in status.splitlines() if line.startswith(("RssAnon", "RssShmem"))
    ]
    return sum(int(kib) for _, kib, _ in kinds) / 1024


@pytest.mark.soak
@pytest.mark.parametrize("name", ["musetalk", "latentsync"])
async def test_a_clip_of_ten_minutes_takes_no_more_memory_than_one_of_one(name: str, place: Path):
    weights = {"musetalk": place / "weights", "latentsync": place / "latentsync"}[name]
    most_mib = {}
    for seconds in (60, 599):
        folder = place / f"{name}-{seconds}"
        folder.mkdir()
        shutil.copy(place / "anna.mp4", folder)
        write_voice(folder / "said.wav", repeats=seconds // 5)
        _cut(folder / "said.wav", folder / "voice.wav", seconds=seconds)
        wanted = order(folder, name, folder / "clip.mp4")
        seen = [0.0]
        async with engine(name, weights) as link:
            making = asyncio.create_task(link.render(wanted, quietly, asyncio.Event()))
            while not making.done():
                seen.append(_own_mib(link.pid) if link.pid else 0.0)
                await asyncio.wait({making}, timeout=0.2)
            made = await making
        most_mib[seconds] = max(seen)
        assert read_streams(folder / "clip.mp4").frames == made.result["frames"]
        assert made.result["duration_s"] == pytest.approx(seconds, abs=1)

    print(name, most_mib)
    assert most_mib[599] < most_mib[60] + 32, most_mib
