"""Rendering: frames in equal frames out, errors of any lane end all, a stopped Clip leaves nothing."""

import threading
import wave
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.engines.port import (
    Patch,
    Performance,
    Prepared,
    Renders,
    Speech,
    Window,
)
from pipeline.engines.registry import open_engine
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.errors import Stopped, UnreadableFile
from pipeline.faces.geometry import mouth_openings
from pipeline.faces.track import track_faces
from pipeline.media import ClipWriter, encode_sound, probe_video, read_frames
from pipeline.render import render_clip
from pipeline.speech.curve import resample
from pipeline.types import FULL_OPENING, MouthCurve, Track, VideoFacts
from tests.presenters import video_facts

WIDTH_PX, HEIGHT_PX = 64, 48


class MarkingEngine:
    """Writes each frame's place in the Clip into its brightness; fails or counts when told to."""

    def __init__(self, fail_at: int = -1) -> None:
        self.fail_at = fail_at
        self.sources: list[int] = []

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        return VisemeEngine().windows(prepared, speech, sources)

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[Patch]]:
        return [
            [Patch(f, s) for f, s in zip(window.frames, window.sources, strict=True)]
            for window in windows
        ]

    def compose(self, planes: np.ndarray, patch: Patch) -> np.ndarray:
        if patch.frame == self.fail_at:
            raise RuntimeError("the engine broke")
        self.sources.append(int(np.median(planes[:HEIGHT_PX])) // 10 - 3)
        planes[:HEIGHT_PX] = 30 + patch.frame * 2
        return planes


_: type[Renders] = MarkingEngine


def silent(stage: str, done: int, total: int) -> None:
    """Progress nobody looks at."""


def still(seconds: float, opening: float = 0.0) -> MouthCurve:
    samples = round(seconds * 100)
    zeros = np.zeros(samples, np.float32)
    return MouthCurve(zeros + opening, zeros, zeros, zeros, zeros, zeros + 1)


def sound_of(folder: Path, seconds: float) -> Path:
    source = folder / "take.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.zeros(round(seconds * 16000), "<i2").tobytes())
    encode_sound(source, folder / "sound.m4a")
    return folder / "sound.m4a"


@pytest.fixture
def performance(tmp_path: Path) -> Performance:
    """A Template of 8 frames; frame i is as bright as 30 + 10 i."""
    facts = VideoFacts("h264", WIDTH_PX, HEIGHT_PX, Fraction(25), 8, 0.32, has_sound=False)
    with ClipWriter(tmp_path / "template.mp4", facts, 8, None, label=None) as writer:
        for frame in range(8):
            planes = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
            planes[:HEIGHT_PX] = 34 + 10 * frame
            writer.write(planes)
    track = Track(np.full((8, 468, 2), np.nan, np.float32), np.zeros(8, np.float32))
    return Performance(tmp_path / "template.mp4", facts, track)


@pytest.fixture
def speech(tmp_path: Path) -> Speech:
    return Speech(sound_of(tmp_path, 2.0), 2.0, still(2.0))


def no_lane_is_left() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name.startswith("clip")]


def test_every_frame_of_the_clip_is_made_from_its_source_and_written_once(
    performance: Performance, speech: Speech, tmp_path: Path
):
    engine, told = MarkingEngine(), []

    made = render_clip(
        engine,
        Prepared(performance),
        speech,
        tmp_path / "clip.mp4",
        lambda stage, done, total: told.append((stage, done, total)),
    )

    clip = probe_video(made_path := tmp_path / "clip.mp4", "clip.mp4")
    marks = [float(np.median(p[:HEIGHT_PX])) for p in read_frames(made_path, clip)]
    assert (made.frames, clip.frames, made.duration_s, clip.has_sound) == (50, 50, 2.0, True)
    assert engine.sources[:16] == [0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1, 0, 1]
    assert np.allclose(marks, 30 + 2 * np.arange(50), atol=2)
    assert told == [("render", 0, 50), ("render", 25, 50), ("render", 50, 50)]
    assert set(made.seconds) == {"decode", "generate", "render", "encode", "total"}


@pytest.mark.parametrize("asked_after", [1, 50])
def test_a_stopped_clip_leaves_no_file_and_no_thread(
    performance: Performance, speech: Speech, tmp_path: Path, asked_after: int
):
    before = set(tmp_path.iterdir())

    def stop(stage: str, done: int, total: int) -> None:
        if done >= asked_after:
            raise Stopped

    with pytest.raises(Stopped):
        render_clip(MarkingEngine(), Prepared(performance), speech, tmp_path / "clip.mp4", stop)

    assert set(tmp_path.iterdir()) == before
    assert no_lane_is_left()


def test_an_engine_that_breaks_ends_all_lanes_with_its_own_error(
    performance: Performance, speech: Speech, tmp_path: Path
):
    before = set(tmp_path.iterdir())

    with pytest.raises(RuntimeError, match="the engine broke"):
        render_clip(
            MarkingEngine(fail_at=30), Prepared(performance), speech, tmp_path / "c.mp4", silent
        )

    assert set(tmp_path.iterdir()) == before
    assert no_lane_is_left()


def test_a_template_that_no_longer_decodes_ends_all_lanes(
    performance: Performance, speech: Speech, tmp_path: Path
):
    performance.video.write_bytes(performance.video.read_bytes()[:600])

    with pytest.raises(UnreadableFile):
        render_clip(MarkingEngine(), Prepared(performance), speech, tmp_path / "c.mp4", silent)

    assert not (tmp_path / "c.mp4").exists()
    assert no_lane_is_left()


def test_a_clip_that_cannot_be_written_ends_all_lanes(
    performance: Performance, speech: Speech, tmp_path: Path
):
    with pytest.raises(FileNotFoundError):
        render_clip(
            MarkingEngine(), Prepared(performance), speech, tmp_path / "nowhere" / "c.mp4", silent
        )

    assert no_lane_is_left()


def spoken(seconds: float) -> MouthCurve:
    """Three syllables a second, then silence for the last third."""
    at = np.arange(round(seconds * 100)) / 100
    speech = (at < seconds * 2 / 3).astype(np.float32)
    opening = (0.8 * np.sin(np.pi * 3 * at) ** 2 * speech).astype(np.float32)
    zeros = np.zeros_like(speech)
    return MouthCurve(opening, zeros, zeros, zeros, zeros, speech)


def test_on_a_finished_video_the_mouth_follows_the_curve(samples: Path, tmp_path: Path):
    video = samples / "templates" / "man_idle_720x1080.mp4"
    whole = video_facts(video)
    facts = VideoFacts("h264", whole.width_px, whole.height_px, whole.fps, 60, 2.4, has_sound=False)
    track = track_faces(read_frames(video, facts), facts, silent)
    engine, curve = open_engine("viseme"), spoken(3.0)
    speech = Speech(sound_of(tmp_path, 3.0), 3.0, curve)

    prepared = engine.prepare(Performance(video, facts, track))
    made = render_clip(engine, prepared, speech, tmp_path / "clip.mp4", silent)

    clip = probe_video(tmp_path / "clip.mp4", "clip.mp4")
    seen = track_faces(read_frames(tmp_path / "clip.mp4", clip), clip, silent)
    measured = mouth_openings(seen.landmarks)
    asked = FULL_OPENING * np.array([s.opening for s in resample(curve, clip.fps, clip.frames)])
    peak = np.percentile(measured[:50], 95)
    assert made.frames == clip.frames == 75
    assert np.corrcoef(measured, asked)[0, 1] >= 0.92
    assert 0.7 <= peak / np.percentile(asked[:50], 95) <= 1.3
    assert np.percentile(measured[53:], 95) <= 0.1 * peak
