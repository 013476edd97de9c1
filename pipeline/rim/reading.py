"""Reading a video at its constant rate, forward or in any order, in flat memory."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from av.error import FFmpegError
from av.video.frame import VideoFrame

from pipeline.errors import UnreadableFile
from pipeline.rim.clock import Clock, place
from pipeline.rim.pictures import decode_pictures
from pipeline.rim.planes import Converter
from pipeline.rim.video import open_video
from pipeline.types import Pixels, Planes, VideoFacts

BACKWARD_BYTES: Final = 128 * 2**20
"""Memory for frames that are kept to be read backward."""
_WORTH_A_JUMP: Final = 250
"""Frames that are sooner decoded and left out than looked up: about one distance of key frames."""

Picture = TypeVar("Picture")


def read_frames(path: Path, facts: VideoFacts) -> Iterator[Planes]:
    """Read a video at its constant rate, from the first frame to the last.

    Args:
        path: A video that ``probe_video`` read.
        facts: What it told.

    Yields:
        ``facts.frames`` frames, each a new array of its own.

    Raises:
        UnreadableFile: It no longer decodes.
    """
    with _Cursor(path, facts) as cursor:
        for frame in range(facts.frames):
            yield cursor.read(frame)


def read_source_order(path: Path, facts: VideoFacts, sources: Iterator[int]) -> Iterator[Planes]:
    """Read frames of a video in the order named, in flat memory.

    Meant for long runs forward and backward (``source_order``): a run forward is one decode; a run backward decodes
    again from the key frame before, and keeps no more than ``BACKWARD_BYTES``.

    Args:
        path: A video that ``probe_video`` read.
        facts: What it told.
        sources: Positions from 0 to ``facts.frames`` - 1, in any order.

    Yields:
        One frame for each position, each a new array of its own.

    Raises:
        UnreadableFile: It no longer decodes.
    """
    with _Cursor(path, facts) as cursor:
        yield from _in_order(sources, facts, cursor.read)


def read_with_alpha(
    path: Path, facts: VideoFacts, sources: Iterator[int]
) -> Iterator[tuple[Planes, Pixels]]:
    """Read frames of a video that is transparent in places, as ``read_source_order`` does, but not on white.

    Yields:
        For each position the colours, not multiplied with the transparency, and the transparency: (h, w), 0 where
        nothing is seen to 255; new arrays of their own.
    """
    with _Cursor(path, facts) as cursor:
        yield from _in_order(sources, facts, cursor.read_with_alpha)


def _in_order(
    sources: Iterator[int], facts: VideoFacts, read: Callable[[int], Picture]
) -> Iterator[Picture]:
    bytes_each = facts.width_px * facts.height_px * (5 if facts.alpha else 3) // 2
    for run in _runs(sources, max(BACKWARD_BYTES // bytes_each, 2)):
        if run[0] <= run[-1]:
            yield from (read(source) for source in run)
        else:
            kept = [read(source) for source in reversed(run)]
            while kept:
                yield kept.pop()


def source_order(template_frames: int, clip_frames: int) -> Iterator[int]:
    """Tell which Template frame each frame of a Clip is made from.

    A Template shorter than the Clip plays forward and backward; the frame where it turns is shown once.
    """
    if template_frames < 1:
        raise ValueError("a Template has at least one frame")
    period = max(2 * template_frames - 2, 1)
    for frame in range(clip_frames):
        place_in_period = frame % period
        yield min(place_in_period, period - place_in_period) if template_frames > 1 else 0


def _runs(sources: Iterator[int], longest: int) -> Iterator[Sequence[int]]:
    """Cut positions into runs that go up by one, or down by one, at most ``longest`` positions each."""
    run: list[int] = []
    for source in sources:
        step = source - run[-1] if run else 0
        fits = not run or (abs(step) == 1 and (len(run) == 1 or step == run[1] - run[0]))
        if not fits or len(run) == longest:
            yield run
            run = []
        run.append(source)
    if run:
        yield run


class _Cursor:
    """A place in an opened video."""

    def __init__(self, path: Path, facts: VideoFacts) -> None:
        self._path = path
        self._facts = facts
        self._converter = Converter(facts)
        self._stack = ExitStack()
        self._shown: tuple[int, VideoFrame]
        self._ahead: tuple[int, VideoFrame] | None

    def __enter__(self) -> "_Cursor":
        self._restart()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def read(self, frame: int) -> Planes:
        """Read the frame at a place of the constant rate; one after the other is fastest."""
        self._go_to(frame)
        return self._converter.convert(self._shown[1])

    def read_with_alpha(self, frame: int) -> tuple[Planes, Pixels]:
        """Likewise, with its transparency."""
        self._go_to(frame)
        return self._converter.convert_with_alpha(self._shown[1])

    def _go_to(self, frame: int) -> None:
        if not self._reaches(frame):
            self._jump(frame)
        while self._ahead is not None and self._ahead[0] <= frame:
            self._shown = self._ahead
            self._ahead = next(self._placed, None)

    def _reaches(self, frame: int) -> bool:
        """Whether going on leads there, and without a detour: however long what is shown stays, it is no detour."""
        if frame < self._shown[0]:
            return False
        return self._ahead is None or frame < self._ahead[0] + _WORTH_A_JUMP

    def _jump(self, frame: int) -> None:
        """Go to the key frame before; to the beginning where time stamps or the file's index are not to be trusted."""
        for margin_s in (0.0, 3.0) if self._clock.steady else ():
            if self._seek(max(float((frame - 0.5) / self._facts.fps) - margin_s, 0.0)) and (
                self._shown[0] <= frame
            ):
                return
        self._restart()

    def _seek(self, time_s: float) -> bool:
        offset = math.floor(
            (time_s + (self._clock.zero_s or 0.0)) / float(self._stream.time_base or 1)
        )
        try:
            self._container.seek(offset, stream=self._stream, backward=True)
        except FFmpegError:
            return False
        self._clock.move_to(-math.inf)
        return self._start()

    def _restart(self) -> None:
        self._stack.close()
        opened = open_video(self._path, self._path.name, None)
        self._container, self._stream = self._stack.enter_context(opened)
        self._clock = Clock()
        if not self._start():
            raise UnreadableFile(name=self._path.name)

    def _start(self) -> bool:
        """Begin to decode at the place where the file stands; False if nothing comes."""
        self._placed = self._places()
        shown = next(self._placed, None)
        if shown is None:
            return False
        self._shown = shown
        self._ahead = next(self._placed, None)
        return True

    def _places(self) -> Iterator[tuple[int, VideoFrame]]:
        alpha = self._facts.alpha
        for frame in decode_pictures(self._container, self._stream, alpha=alpha):
            yield place(self._clock.read(frame), self._facts.fps), frame
