"""What the bench of rendering tells."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.bench import bench_render
from pipeline.engines.gathering import Gathering
from pipeline.engines.viseme.engine import VisemeEngine
from tests.pipeline.neural.things import make_performance, make_speech


def quietly(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def test_rates_are_told_of_the_whole_clip_and_of_the_engine_alone(tmp_path: Path):
    engine = VisemeEngine()
    prepared = engine.prepare(make_performance(tmp_path, 6))

    told = bench_render(engine, prepared, make_speech(tmp_path, 0.4), tmp_path, quietly, pairs=1)

    assert told.frames == 10
    assert told.frames_per_s == pytest.approx(10 / told.clip_s)
    assert told.models_frames_per_s > told.frames_per_s
    assert list(tmp_path.glob("bench*")) == []


class Told(VisemeEngine):
    """Tells what it is asked for, and how many Clips ask at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.threads: set[int] = set()

    def windows(self, *given: Any) -> Any:
        return [
            type(window)(window.prepared, window.speech, [frame], [source])
            for window in super().windows(*given)
            for frame, source in zip(window.frames, window.sources, strict=True)
        ]

    def generate(self, windows: Any) -> Any:
        self.threads.add(threading.get_ident())
        self.asked += [f"generate {window.frames[0]}" for window in windows]
        return super().generate(windows)

    def compose(self, planes: Any, patch: Any) -> Any:
        self.asked.append(f"picture {patch.frame}")
        return super().compose(planes, patch)


def test_the_engine_alone_is_asked_for_two_windows_more_before_one_is_waited_for(tmp_path: Path):
    engine = Told()
    prepared = engine.prepare(make_performance(tmp_path, 4))

    bench_render(engine, prepared, make_speech(tmp_path, 0.16), tmp_path, quietly, pairs=1)

    alone = engine.asked[-8:]
    assert alone == [
        "generate 0", "generate 1", "generate 2", "picture 0",
        "generate 3", "picture 1", "picture 2", "picture 3",
    ]  # fmt: skip


def test_several_clips_are_rendered_at_a_time_and_counted_together(tmp_path: Path):
    engine = Told()
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
    assert len(engine.threads) > 1
    assert watched == ["begun", "ended"]  # what is counted, whole Clips alone
    assert list(tmp_path.glob("bench*")) == []
