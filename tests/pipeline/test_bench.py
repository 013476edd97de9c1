"""What the bench of rendering tells."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.bench import bench_render
from pipeline.engines.gathering import Gathering
from pipeline.engines.viseme.engine import VisemeEngine
from tests.pipeline.neural.things import make_performance, make_speech


def quietly(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


class Costly(VisemeEngine):
    """Each call takes time: of a clock that does not go on by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def windows(self, *given: Any) -> Any:
        self.now_s += 1.0
        return super().windows(*given)

    def generate(self, windows: Any) -> Any:
        self.now_s += 0.5
        return super().generate(windows)

    def compose(self, planes: Any, patch: Any) -> Any:
        planes = super().compose(planes, patch)
        self.now_s += 0.25
        return planes


def test_rates_are_told_of_the_whole_clip_and_of_the_engine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    engine = Costly()
    prepared = engine.prepare(make_performance(tmp_path, 6))
    clock = SimpleNamespace(perf_counter=lambda: engine.now_s)
    monkeypatch.setattr("pipeline.bench.time", clock)

    told = bench_render(engine, prepared, make_speech(tmp_path, 0.4), tmp_path, quietly, pairs=1)

    assert told.frames == 10
    # One window of ten frames is cut and made, and each of them composed; or it is made, and the last composed.
    assert (told.clip_s, told.models_s) == (1.0 + 0.5 + 10 * 0.25, 0.5 + 0.25)
    assert told.ratio == told.clip_s / 1.0  # untouched frames are cut alone
    assert told.frames_per_s == pytest.approx(10 / told.clip_s)
    assert told.models_frames_per_s == pytest.approx(10 / told.models_s)
    assert list(tmp_path.glob("bench*")) == []


class Told(VisemeEngine):
    """Tells what it is asked for; the Clips that ask at a time wait for each other before their first picture."""

    def __init__(self, clips: int) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.together = threading.Barrier(clips)

    def windows(self, *given: Any) -> Any:
        return [
            type(window)(window.prepared, window.speech, [frame], [source])
            for window in super().windows(*given)
            for frame, source in zip(window.frames, window.sources, strict=True)
        ]

    def generate(self, windows: Any) -> Any:
        self.asked += [f"generate {window.frames[0]}" for window in windows]
        return super().generate(windows)

    def compose(self, planes: Any, patch: Any) -> Any:
        if patch.frame == 0:
            self.together.wait(60)
        self.asked.append(f"picture {patch.frame}")
        return super().compose(planes, patch)


def test_the_engine_alone_is_asked_for_two_windows_more_before_one_is_waited_for(tmp_path: Path):
    engine = Told(1)
    prepared = engine.prepare(make_performance(tmp_path, 4))

    bench_render(engine, prepared, make_speech(tmp_path, 0.16), tmp_path, quietly, pairs=1)

    alone = engine.asked[-8:]
    assert alone == [
        "generate 0", "generate 1", "generate 2", "picture 0",
        "generate 3", "picture 1", "picture 2", "picture 3",
    ]  # fmt: skip


def test_several_clips_are_rendered_at_a_time_and_counted_together(tmp_path: Path):
    engine = Told(3)
    prepared = engine.prepare(make_performance(tmp_path, 6))
    watched: list[str] = []

    @contextmanager
    def watch() -> Iterator[None]:
        watched.append("begun")
        yield
        watched.append("ended")

    told = bench_render(
        Gathering(engine), prepared, make_speech(tmp_path, 0.4), tmp_path, quietly, pairs=1, clips=3, watch=watch
    )  # fmt: skip

    assert told.frames == 30
    assert told.clips == 3
    assert told.frames_per_s == pytest.approx(30 / told.clip_s)
    assert told.realtime == pytest.approx(3 * 0.4 / told.clip_s)
    assert (
        sum(each == "generate 9" for each in engine.asked) == 3 * 2 * 2
    )  # whole and alone, warm-up and counted
    assert watched == ["begun", "ended"]  # what is counted, whole Clips alone
    assert list(tmp_path.glob("bench*")) == []
