"""What the mouth costs: a warm Clip against the same frames decoded and encoded untouched, in interleaved pairs."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.engines.port import Patch, Prepared, Renders, Speech, Window
from pipeline.options import Playing
from pipeline.playing import play_order
from pipeline.render import ClipFacts, render_clip
from pipeline.types import Planes, Progress

_WINDOWS_AHEAD: Final = 2
"""As a Clip that is rendered has it."""


@dataclass(frozen=True)
class RenderBench:
    """Medians over the pairs; seconds of wall time."""

    ratio: float
    """Clip ÷ untouched, the median of the pairs' ratios."""
    realtime: float
    """Seconds of Clip made in one second."""
    clip_s: float
    """Until the last of those that are rendered at a time is done."""
    untouched_s: float
    lanes: dict[str, float]
    """Busy seconds of each lane of a Clip (``decode``, ``render``, ``encode``)."""
    pairs: int
    clips: int = 1
    """Rendered at a time."""
    frames: int = 0
    """Of all of them."""
    models_s: float = 0.0
    """Their Windows through the engine alone, of each Clip two ahead of what is waited for: no decoding, composing and encoding."""

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
    clips: int = 1,
    watch: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> RenderBench:
    """Render a Clip, or several at a time, and write the same frames untouched, in turn, ``pairs`` times after one warm-up of each.

    Args:
        engine: The engine to measure.
        prepared: A Template, prepared by it.
        speech: The Take.
        folder: For the files written; they are removed.
        progress: Called with stage ``"pairs"``.
        pairs: Counted pairs; odd, so that the median is one of them.
        clips: Rendered at a time, each in a thread, by the one engine.
        watch: Entered while Clips are rendered that count.
    """
    untouched = _Untouched(engine)
    clip_runs, bare_runs, models_runs, lanes = [], [], [], []
    frames, duration_s = 0, 0.0
    for pair in range(pairs + 1):
        with watch() if pair else nullcontext():
            clip_s, made = _timed(engine, prepared, speech, folder, clips)
        bare_s, _ = _timed(untouched, prepared, speech, folder, clips)
        models_s = _generated(engine, prepared, speech, clips)
        frames = sum(clip.frames for clip in made)
        duration_s = sum(clip.duration_s for clip in made)
        progress("pairs", pair, pairs)
        if pair:  # the first pair warms caches and code paths
            clip_runs.append(clip_s)
            bare_runs.append(bare_s)
            models_runs.append(models_s)
            lanes += [clip.seconds for clip in made]
    ratios = [clip / bare for clip, bare in zip(clip_runs, bare_runs, strict=True)]
    clip_s = statistics.median(clip_runs)
    return RenderBench(
        ratio=statistics.median(ratios),
        realtime=duration_s / clip_s,
        clip_s=clip_s,
        untouched_s=statistics.median(bare_runs),
        lanes={lane: statistics.median(busy[lane] for busy in lanes) for lane in lanes[0]},
        pairs=pairs,
        clips=clips,
        frames=frames,
        models_s=statistics.median(models_runs),
    )


def _generated(engine: Renders, prepared: Prepared, speech: Speech, clips: int) -> float:
    """Run the Windows of some Clips through the engine; give the seconds until the last picture is there."""
    facts = prepared.performance.facts
    sources = play_order(prepared.performance, speech.duration_s, Playing.BOUNCE)
    cut = [list(engine.windows(prepared, speech, sources)) for _ in range(clips)]

    def one(windows: Sequence[Window]) -> None:
        grey = np.full((facts.height_px * 3 // 2, facts.width_px), 128, np.uint8)
        ahead: deque[Patch] = deque()
        for window in windows:
            ahead.append(engine.generate([window])[0][-1])
            if len(ahead) > _WINDOWS_AHEAD:
                engine.compose(grey, ahead.popleft())  # waits for the device
        for patch in ahead:
            engine.compose(grey, patch)

    started = time.perf_counter()
    with ThreadPoolExecutor(clips) as threads:
        list(threads.map(one, cut))
    return time.perf_counter() - started


def _timed(
    engine: Renders, prepared: Prepared, speech: Speech, folder: Path, clips: int
) -> tuple[float, list[ClipFacts]]:
    """Render some Clips at a time; give the seconds until the last is done, and what they are."""

    def one(number: int) -> ClipFacts:
        out = folder / f"bench-{number}.mp4"
        return render_clip(engine, prepared, speech, out, lambda _stage, _done, _total: None)

    started = time.perf_counter()
    with ThreadPoolExecutor(clips) as threads:
        made = list(threads.map(one, range(clips)))
    elapsed_s = time.perf_counter() - started
    for number in range(clips):
        (folder / f"bench-{number}.mp4").unlink()
    return elapsed_s, made
