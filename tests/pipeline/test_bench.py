"""What the bench of rendering tells."""

from pathlib import Path

import pytest

from pipeline.bench import bench_render
from pipeline.engines.viseme.engine import VisemeEngine
from tests.pipeline.neural.things import make_performance, make_speech


def test_rates_are_told_of_the_whole_clip_and_of_the_engine_alone(tmp_path: Path):
    engine = VisemeEngine()
    prepared = engine.prepare(make_performance(tmp_path, 6))

    told = bench_render(
        engine, prepared, make_speech(tmp_path, 0.4), tmp_path, lambda _s, _d, _t: None, pairs=1
    )

    assert told.frames == 10
    assert told.frames_per_s == pytest.approx(10 / told.clip_s)
    assert told.models_frames_per_s > told.frames_per_s
    assert list(tmp_path.glob("bench*")) == []
