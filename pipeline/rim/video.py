"""Video: opened, and decoded to its end to learn what it is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

from av.codec.context import ThreadType
from av.container import InputContainer
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
    colours,
    displayed_size,
    is_transparent,
    may_be_transparent,
    unknown_colours,
)
from pipeline.rim.promises import promised_picture_s
from pipeline.types import VideoFacts

_ONE_FRAME: Final = 1.5
"""What is shown for no longer than so many frames is shown for one."""
_LONGEST_LAST_S: Final = 10.0
"""Nobody waits longer on purpose; files that end with a wrong number say hours."""


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
    with open_video(path, name, limits) as (container, stream):
        frames = decode_pictures(container, stream, alpha=True)
        first = next(frames, None)
        if first is None:
            raise UnreadableFile(name=name)
        if unknown := unknown_colours(first):
            named = f"{stream.codec_context.name}, {unknown}"
            raise UnsupportedCodec(codec=named, second=0.0)
        matrix, primaries, transfer = colours(first)
        upright = displayed_size(first, stream.sample_aspect_ratio)
        width_px, height_px = _clip_size(*upright, limits or VideoLimits())
        watched = _Watched(chain([first], frames), stream.frames, seen)
        times_s = _times(iter(watched), limits)
        codec = stream.codec_context.name
        declared, has_sound = stream.average_rate, sound_stream(container) is not None
        declared_s = promised_picture_s(container, stream, has_sound=has_sound)
    if len(times_s) < 2:
        raise PictureNotVideo(name=name)
    fps = constant_rate(times_s, declared)
    count = _count(times_s, fps, watched.last_s)
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


def _count(times_s: Sequence[float], fps: Fraction, last_s: float) -> int:
    """Tell how many frames there are at the constant rate: where frames are left out, no more than the time has room for.

    Args:
        times_s: When each frame is shown.
        fps: The constant rate.
        last_s: How long the last one is shown, 0.0 if nobody knows: as long as several frames, in slow animations.
    """
    if last_s * fps > _ONE_FRAME:
        return round((times_s[-1] + min(last_s, _LONGEST_LAST_S)) * fps)
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


class _Watched:
    """Frames on their way, and what is to be known of them behind the last one."""

    def __init__(
        self,
        frames: Iterator[VideoFrame],
        declared: int,
        seen: Callable[[int, int], None] | None,
    ) -> None:
        self.transparent = False
        """Whether any of them was, somewhere."""
        self.last_s = 0.0
        """How long the newest of them is shown; 0.0 if it does not say."""
        self._frames = frames
        self._declared = declared
        self._seen = seen

    def __iter__(self) -> Iterator[VideoFrame]:
        for number, frame in enumerate(self._frames, 1):
            if self._seen is not None:
                self._seen(number, self._declared)
            if not self.transparent and may_be_transparent(frame):
                self.transparent = is_transparent(frame)
            self.last_s = float((frame.duration or 0) * (frame.time_base or 0))
            yield frame


def _times(frames: Iterator[VideoFrame], limits: VideoLimits | None) -> list[float]:
    clock = Clock()
    times_s: list[float] = []
    for frame in frames:
        times_s.append(clock.read(frame))
        if limits is not None and times_s[-1] > limits.limit_s:
            raise VideoTooLong(seconds=round(times_s[-1], 1), limit_s=limits.limit_s)
    return times_s


@contextmanager
def open_video(
    path: Path, name: str, limits: VideoLimits | None
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video; refuse what is none, and by the header what is too large for the limits."""
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
