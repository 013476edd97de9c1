"""One Clip, from the frames of a Template and the mouth movements of a Take to a finished file.

::

    decode (thread)    ->
    generate (thread)  ->  compose (caller)  ->  encode (thread)

Four lanes joined by short queues: OpenCV, the codecs and a GPU's work release Python's lock, so the lanes overlap, and memory
stays flat however long the Take is. What a GPU is asked for is a Window or two ahead of what is composed, so that it never waits.
"""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeVar

from pipeline.backdrop.replacing import can_replace, read_replaced
from pipeline.engines.port import Patch, Performance, Prepared, Renders, Speech, Window
from pipeline.finish import Finish
from pipeline.label.embedded import EmbeddedLabel
from pipeline.media import ClipWriter
from pipeline.options import DEFAULTS, Background, ClipOptions
from pipeline.playing import play_order
from pipeline.types import Planes, Progress, VideoFacts

T = TypeVar("T")

_QUEUED_FRAMES: Final = 12
"""Frames that may wait between two lanes: half a second, 37 MB of 1080p at most in each queue."""
_WINDOWS_AHEAD: Final = 2
"""Windows that are generated before they are composed."""
_LOOK_EVERY_S: Final = 0.1
"""How often a lane that waits looks whether another one has ended."""


@dataclass(frozen=True)
class ClipFacts:
    """What was rendered."""

    frames: int
    fps: Fraction
    duration_s: float
    seconds: dict[str, float]
    """Busy time of each lane (``decode``, ``generate``, ``render``, which is composing, and ``encode``), and ``total``, the
    time that passed. A lane that waits for a GPU counts as busy."""
    background_kept: bool = False
    """Whether another background was asked for, and the Template has no screen that would allow it."""


def render_clip(
    engine: Renders,
    prepared: Prepared,
    speech: Speech,
    out: Path,
    progress: Progress,
    options: ClipOptions = DEFAULTS,
) -> ClipFacts:
    """Render one Clip.

    Args:
        engine: Makes the Patches and puts them into the frames.
        prepared: The Template, as this engine prepared it.
        speech: The Take.
        out: The Clip; written under another name and renamed at the end.
        progress: Called with stage ``"render"`` after every Window; may raise ``Stopped``.
        options: What else is asked of it.

    Returns:
        Facts of the Clip, which has exactly the frames that the engine's Windows name.

    Raises:
        Stopped: ``progress`` raised it. As with any other error, no file is left behind.
        UnreadableFile: The Template no longer decodes.
        OSError: The Clip cannot be written.
        LabelLost: It was written, and its AI label cannot be read back.
        ValueError: The options hold what no AI label may hold, or a background that cannot be read.
    """
    started = time.perf_counter()
    facts = prepared.performance.facts
    sources = play_order(prepared.performance, speech.duration_s, options.playing)
    finish = Finish(prepared, speech, options, sources)
    label = EmbeddedLabel(options.label.producer, options.label.produce_id)
    windows = list(engine.windows(prepared, speech, sources))
    frames = len(sources)
    lanes = _Lanes()
    with ThreadPoolExecutor(3, thread_name_prefix="clip") as threads:
        decoding = threads.submit(_decode, lanes, prepared.performance, windows, options.background)
        generating = threads.submit(_generate, lanes, engine, windows)
        encoding = threads.submit(_encode, lanes, out, facts, frames, speech.sound, label)
        try:
            rendered_s = _compose(lanes, engine, finish, windows, frames, progress)
            encoded_s = encoding.result()
            decoded_s = decoding.result()
            generated_s = generating.result()
        except BaseException as error:
            lanes.end()
            if encoding.exception() is None:
                out.unlink(
                    missing_ok=True
                )  # stopped after the last frame: it was written meanwhile
            if isinstance(error, _OtherLaneEnded):
                raise _reason(decoding, generating, encoding) from None
            raise
    return ClipFacts(
        frames=frames,
        fps=facts.fps,
        duration_s=float(frames / facts.fps),
        seconds={
            "decode": round(decoded_s, 3),
            "generate": round(generated_s, 3),
            "render": round(rendered_s, 3),
            "encode": round(encoded_s, 3),
            "total": round(time.perf_counter() - started, 3),
        },
        background_kept=options.background is not None and not can_replace(prepared.performance),
    )


class _OtherLaneEnded(Exception):
    """Another lane has ended early, so this one cannot go on; why is that lane's to say."""


class _Lanes:
    """The queues, and the sign that all lanes are to end."""

    def __init__(self) -> None:
        self.decoded: queue.Queue[Planes] = queue.Queue(_QUEUED_FRAMES)
        self.generated: queue.Queue[Sequence[Patch]] = queue.Queue(_WINDOWS_AHEAD)
        self.composed: queue.Queue[Planes] = queue.Queue(_QUEUED_FRAMES)
        self._ended = threading.Event()

    def end(self) -> None:
        """Ask every lane that waits, or will wait, to end."""
        self._ended.set()

    def put(self, into: "queue.Queue[T]", thing: T) -> None:
        """Hand something on, waiting for room."""
        while not self._ended.is_set():
            try:
                return into.put(thing, timeout=_LOOK_EVERY_S)
            except queue.Full:
                continue
        raise _OtherLaneEnded

    def take(self, source: "queue.Queue[T]") -> T:
        """Wait for the next thing."""
        while not self._ended.is_set():
            try:
                return source.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                continue
        raise _OtherLaneEnded


def _decode(
    lanes: _Lanes, performance: Performance, windows: list[Window], background: Background | None
) -> float:
    """Read the frames that the Windows name, with their background; return the seconds spent on it."""
    busy_s = 0.0
    sources = (source for window in windows for source in window.sources)
    try:
        frames = read_replaced(performance, sources, background)
        while True:
            started = time.perf_counter()
            planes = next(frames, None)
            busy_s += time.perf_counter() - started
            if planes is None:
                return busy_s
            lanes.put(lanes.decoded, planes)
    except BaseException:
        lanes.end()
        raise


def _generate(lanes: _Lanes, engine: Renders, windows: list[Window]) -> float:
    """Run the Windows through the engine; return the seconds spent on it."""
    busy_s = 0.0
    try:
        for window in windows:
            started = time.perf_counter()
            patches = engine.generate([window])[0]
            busy_s += time.perf_counter() - started
            lanes.put(lanes.generated, patches)
    except BaseException:
        lanes.end()
        raise
    return busy_s


def _compose(
    lanes: _Lanes,
    engine: Renders,
    finish: Finish,
    windows: list[Window],
    frames: int,
    progress: Progress,
) -> float:
    """Put the mouth into every frame, and finish it; return the seconds spent on it."""
    busy_s, done = 0.0, 0
    progress("render", 0, frames)
    for window in windows:
        patches = lanes.take(lanes.generated)
        for frame, patch in zip(window.frames, patches, strict=True):
            planes = lanes.take(lanes.decoded)
            started = time.perf_counter()
            planes = engine.compose(planes, patch)
            finish.draw(planes, frame)
            busy_s += time.perf_counter() - started
            lanes.put(lanes.composed, planes)
        done += len(window.frames)
        progress("render", done, frames)
    return busy_s


def _encode(
    lanes: _Lanes, out: Path, facts: VideoFacts, frames: int, sound: Path, label: EmbeddedLabel
) -> float:
    """Write every frame that comes; return the seconds spent on it."""
    busy_s = 0.0
    try:
        with ClipWriter(out, facts, frames, sound, label=label) as writer:
            for _ in range(frames):
                planes = lanes.take(lanes.composed)
                started = time.perf_counter()
                writer.write(planes)
                busy_s += time.perf_counter() - started
            started = time.perf_counter()
        return busy_s + time.perf_counter() - started
    except BaseException:
        lanes.end()
        raise


def _reason(*lanes: "Future[float]") -> BaseException:
    """Find the error that ended the lanes, once both threads are through."""
    errors = [error for lane in lanes if (error := lane.exception()) is not None]
    real = [error for error in errors if not isinstance(error, _OtherLaneEnded)]
    return (real or errors)[0]
