"""What the mouth costs: a warm Clip against the same frames decoded and encoded untouched, in interleaved pairs."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pipeline.engines.port import (
    LipSync,
    Patch,
    Performance,
    Prepared,
    Speech,
    Window,
    unwatched,
)
from pipeline.render import render_clip
from pipeline.types import Planes, Progress


@dataclass(frozen=True)
class RenderBench:
    """Medians over the pairs; seconds of wall time."""

    ratio: float
    """Clip ÷ untouched, the median of the pairs' ratios."""
    realtime: float
    """Seconds of Clip made in one second."""
    clip_s: float
    untouched_s: float
    lanes: dict[str, float]
    """Busy seconds of each lane of the Clip (``decode``, ``render``, ``encode``)."""
    pairs: int


class _Untouched:
    """An engine that leaves every frame as it is, so that decode, hand-over, threads and encode are the same."""

    name: ClassVar[str] = "untouched"

    def __init__(self, engine: LipSync) -> None:
        self._engine = engine

    def prepare(self, performance: Performance, progress: Progress = unwatched) -> Prepared:
        return self._engine.prepare(performance, progress)

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        return self._engine.windows(prepared, speech, sources)

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[Patch]]:
        return [
            [
                Patch(frame, source)
                for frame, source in zip(window.frames, window.sources, strict=True)
            ]
            for window in windows
        ]

    def compose(self, planes: Planes, patch: Patch) -> Planes:  # noqa: ARG002 - the port's signature
        return planes


def bench_render(
    engine: LipSync,
    prepared: Prepared,
    speech: Speech,
    folder: Path,
    progress: Progress,
    pairs: int = 5,
) -> RenderBench:
    """Render a Clip and write the same frames untouched, in turn, ``pairs`` times after one warm-up of each.

    Args:
        engine: The engine to measure.
        prepared: A Template, prepared by it.
        speech: The Take.
        folder: For the files written; they are removed.
        progress: Called with stage ``"pairs"``.
        pairs: Counted pairs; odd, so that the median is one of them.
    """
    untouched = _Untouched(engine)
    clip_runs, bare_runs, lanes, duration_s = [], [], [], 0.0
    for pair in range(pairs + 1):
        clip_s, busy, duration_s = _timed(engine, prepared, speech, folder)
        bare_s, _, _ = _timed(untouched, prepared, speech, folder)
        progress("pairs", pair, pairs)
        if pair:  # the first pair warms caches and code paths
            clip_runs.append(clip_s)
            bare_runs.append(bare_s)
            lanes.append(busy)
    ratios = [clip / bare for clip, bare in zip(clip_runs, bare_runs, strict=True)]
    clip_s = statistics.median(clip_runs)
    return RenderBench(
        ratio=statistics.median(ratios),
        realtime=duration_s / clip_s,
        clip_s=clip_s,
        untouched_s=statistics.median(bare_runs),
        lanes={lane: statistics.median(busy[lane] for busy in lanes) for lane in lanes[0]},
        pairs=pairs,
    )


def _timed(
    engine: LipSync, prepared: Prepared, speech: Speech, folder: Path
) -> tuple[float, dict[str, float], float]:
    out = folder / "bench.mp4"
    started = time.perf_counter()
    facts = render_clip(engine, prepared, speech, out, lambda _stage, _done, _total: None)
    elapsed_s = time.perf_counter() - started
    out.unlink()
    return elapsed_s, facts.seconds, facts.duration_s
