"""What the mouth costs: a warm Clip against the same frames decoded and encoded untouched, in interleaved pairs."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.engines.port import Patch, Prepared, Renders, Speech, Window
from pipeline.options import Playing
from pipeline.playing import play_order
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
    frames: int = 0
    """Of the Clip."""
    models_s: float = 0.0
    """The Clip's Windows through the engine alone, their pictures waited for: no decoding, composing and encoding."""

    @property
    def frames_per_s(self) -> float:
        """Frames of Clip made in one second, end to end."""
        return self.frames / self.clip_s

    @property
    def models_frames_per_s(self) -> float:
        """Frames that the engine alone makes in one second."""
        return self.frames / self.models_s


class _Untouched:
    """An engine that leaves every frame as it is, so that decode, hand-over, threads and encode are the same."""

    def __init__(self, engine: Renders) -> None:
        self._engine = engine

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
    engine: Renders,
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
    clip_runs, bare_runs, models_runs, lanes, duration_s = [], [], [], [], 0.0
    frames = 0
    for pair in range(pairs + 1):
        clip_s, busy, duration_s = _timed(engine, prepared, speech, folder)
        bare_s, _, _ = _timed(untouched, prepared, speech, folder)
        models_s, frames = _generated(engine, prepared, speech)
        progress("pairs", pair, pairs)
        if pair:  # the first pair warms caches and code paths
            clip_runs.append(clip_s)
            bare_runs.append(bare_s)
            models_runs.append(models_s)
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
        frames=frames,
        models_s=statistics.median(models_runs),
    )


def _generated(engine: Renders, prepared: Prepared, speech: Speech) -> tuple[float, int]:
    """Run a Clip's Windows through the engine; give the seconds until the last picture is there, and the frames."""
    facts = prepared.performance.facts
    sources = play_order(prepared.performance, speech.duration_s, Playing.BOUNCE)
    windows = list(engine.windows(prepared, speech, sources))
    grey = np.full((facts.height_px * 3 // 2, facts.width_px), 128, np.uint8)
    started = time.perf_counter()
    for window in windows:
        patches = engine.generate([window])[0]
        engine.compose(grey, patches[-1])  # waits for the device
    return time.perf_counter() - started, len(sources)


def _timed(
    engine: Renders, prepared: Prepared, speech: Speech, folder: Path
) -> tuple[float, dict[str, float], float]:
    out = folder / "bench.mp4"
    started = time.perf_counter()
    facts = render_clip(engine, prepared, speech, out, lambda _stage, _done, _total: None)
    elapsed_s = time.perf_counter() - started
    out.unlink()
    return elapsed_s, facts.seconds, facts.duration_s
