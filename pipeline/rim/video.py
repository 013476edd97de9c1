"""Video: decoded to its end, and read at a constant rate, forward or in any order, in flat memory."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

from av import time_base
from av.codec.context import ThreadType
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline import amr
from pipeline.errors import (
    NotAVideo,
    PictureNotVideo,
    UnreadableFile,
    UnsupportedCodec,
    VideoTooLarge,
    VideoTooLong,
)
from pipeline.rim.clock import Clock, constant_rate, place
from pipeline.rim.kinds import is_silk, read_head, recognise
from pipeline.rim.opening import codec_of, open_media, picture_stream, sound_stream
from pipeline.rim.pictures import decode_pictures
from pipeline.rim.planes import (
    Converter,
    colours,
    displayed_size,
    is_transparent,
    may_be_transparent,
)
from pipeline.types import Pixels, Planes, VideoFacts

BACKWARD_BYTES: Final = 128 * 2**20
"""Memory for frames that are kept to be read backward."""
Picture = TypeVar("Picture")
_WORTH_A_JUMP: Final = 250
"""Frames that are sooner decoded and left out than looked up: about one distance of key frames."""


@dataclass(frozen=True)
class VideoLimits:
    """The largest video that is taken."""

    limit_px: int = 4096 * 2304
    """Width times height."""
    limit_s: float = 600.0
    clip_short_px: int = 1080
    """The shorter side a Clip may have; larger videos are scaled as they are read."""
    clip_long_px: int = 1920
    """Likewise the longer one."""


def probe_video(
    path: Path,
    name: str | None = None,
    limits: VideoLimits | None = None,
    seen: Callable[[int, int], None] | None = None,
) -> VideoFacts:
    """Decode a video to its end and tell what it is.

    Args:
        path: The video.
        name: The name it came with, for messages.
        limits: The size is checked by the header before anything is decoded, the length by what decodes.
        seen: Called after every frame with the frames decoded and those declared (0 if unknown).

    Raises:
        EmptyFile, UnreadableFile, NotAVideo, PictureNotVideo, UnsupportedCodec, VideoTooLarge, VideoTooLong: What the
            file is instead.
    """
    name = name or path.name
    with _open_video(path, name, limits) as (container, stream):
        frames = decode_pictures(container, stream, alpha=True)
        first = next(frames, None)
        if first is None:
            raise UnreadableFile(name=name)
        matrix, primaries, transfer = colours(first)
        upright = displayed_size(first, stream.sample_aspect_ratio)
        width_px, height_px = _clip_size(*upright, limits or VideoLimits())
        watched = _Watched(chain([first], frames), stream.frames, seen)
        times_s = _times(iter(watched), limits)
        codec = stream.codec_context.name
        declared, has_sound = stream.average_rate, sound_stream(container) is not None
        declared_s = _declared_s(container, stream)
    if len(times_s) < 2:
        raise PictureNotVideo(name=name)
    fps = constant_rate(times_s, declared)
    count = _count(times_s, fps)
    return VideoFacts(
        codec=codec,
        width_px=width_px,
        height_px=height_px,
        fps=fps,
        frames=count,
        duration_s=float(count / fps),
        has_sound=has_sound,
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        alpha=watched.transparent,
        declared_s=declared_s,
    )


def _count(times_s: Sequence[float], fps: Fraction) -> int:
    """Tell how many frames there are at the constant rate: where frames are left out, no more than the time has room for."""
    mean_s = times_s[-1] / (len(times_s) - 1)
    room = round((times_s[-1] + mean_s) * fps)
    return max(min(place(times_s[-1], fps) + 1, room), 1)


def _clip_size(width_px: int, height_px: int, limits: VideoLimits) -> tuple[int, int]:
    """Tell the size a Clip has: the video's, scaled down where it is too large; even."""
    short, long = sorted((width_px, height_px))
    scale = min(limits.clip_short_px / short, limits.clip_long_px / long, 1.0)
    if scale == 1.0:
        return width_px, height_px
    return max(round(width_px * scale / 2) * 2, 2), max(round(height_px * scale / 2) * 2, 2)


def _declared_s(container: InputContainer, stream: VideoStream) -> float:
    """Read from the header how long the picture is, or all of the file; 0.0 if it does not say."""
    lengths = [_tagged_s(stream.metadata.get("DURATION", ""))]
    if container.format.name == "avi" and stream.average_rate:
        # FFmpeg makes an AVI's length fit to the file's, but keeps the number of frames that the header has.
        lengths.append(float(stream.frames / stream.average_rate))
    elif stream.duration and stream.time_base:
        lengths.append(float(stream.duration * stream.time_base))
    if container.duration and not any(lengths):
        lengths.append(container.duration / time_base)
    return round(min((length for length in lengths if length > 0), default=0.0), 3)


def _tagged_s(text: str) -> float:
    """Read a length as Matroska writes it: 00:01:02.345000000; 0.0 if it is none."""
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return 0.0


class _Watched:
    """Frames on their way, and whether any of them was transparent somewhere."""

    def __init__(
        self,
        frames: Iterator[VideoFrame],
        declared: int,
        seen: Callable[[int, int], None] | None,
    ) -> None:
        self.transparent = False
        self._frames = frames
        self._declared = declared
        self._seen = seen

    def __iter__(self) -> Iterator[VideoFrame]:
        for number, frame in enumerate(self._frames, 1):
            if self._seen is not None:
                self._seen(number, self._declared)
            if not self.transparent and may_be_transparent(frame):
                self.transparent = is_transparent(frame)
            yield frame


def _times(frames: Iterator[VideoFrame], limits: VideoLimits | None) -> list[float]:
    clock = Clock()
    times_s: list[float] = []
    for frame in frames:
        times_s.append(clock.read(frame))
        if limits is not None and times_s[-1] > limits.limit_s:
            raise VideoTooLong(seconds=round(times_s[-1], 1), limit_s=limits.limit_s)
    return times_s


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
        """Whether going on leads there, and without a detour."""
        return self._shown[0] <= frame < self._shown[0] + _WORTH_A_JUMP

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
        opened = _open_video(self._path, self._path.name, None)
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


@contextmanager
def _open_video(
    path: Path, name: str, limits: VideoLimits | None
) -> Iterator[tuple[InputContainer, VideoStream]]:
    head = read_head(path, name)
    found = "sound" if amr.recognise(head) or is_silk(head) else recognise(head)
    if found == "picture":
        raise PictureNotVideo(name=name)
    if found is not None:
        raise NotAVideo(name=name, found=found)
    with open_media(path, name) as container:
        stream = picture_stream(container)
        if stream is None:
            if sound_stream(container) is not None:
                raise NotAVideo(name=name, found="sound")
            raise UnreadableFile(name=name)
        if stream.codec_context is None:
            raise UnsupportedCodec(codec=codec_of(container, stream), second=0.0)
        if limits is not None:
            _check_size(stream, limits)
        stream.codec_context.thread_type = ThreadType.AUTO
        yield container, stream


def _check_size(stream: VideoStream, limits: VideoLimits) -> None:
    """Refuse by the header, before the first picture is decoded, and let the decoder refuse what the header hid."""
    context = stream.codec_context
    if context.width * context.height > limits.limit_px:
        raise VideoTooLarge(
            width_px=context.width, height_px=context.height, limit_px=limits.limit_px
        )
    context.options = {"max_pixels": str(limits.limit_px)}
