"""A few frames of a Clip of our own, at the price of few: those that no anchor needs are not even decoded."""

from collections.abc import Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.errors import UnreadableFile
from pipeline.rim.clock import place
from pipeline.rim.opening import decode_packet, open_media, packets, picture_stream
from pipeline.rim.planes import Converter
from pipeline.types import Planes, VideoFacts

_WORTH_A_JUMP: Final = 250
"""Frames that are sooner passed over than jumped over: one distance of key frames."""


def glance(
    path: Path, facts: VideoFacts, frames: Sequence[int]
) -> Generator[tuple[int, Planes], None, None]:
    """Read some frames of a Clip that ``ClipWriter`` wrote.

    An anchor is shown later than all frames that are decoded before it, and our encoder builds anchors upon anchors alone:
    what is shown between two of them is left out, which is two frames of three, and more than half of the work.

    Args:
        path: The Clip.
        facts: Its size and rate; what it was to have, if it is not known what it has.
        frames: Positions, rising, of anchors.

    Yields:
        (position, frame) in order, each frame a new array of its own; positions that no anchor of the file has are
        left out.

    Raises:
        UnreadableFile: It is no video.
    """
    converter = Converter(facts)
    with open_media(path, path.name, ours=True) as container:
        stream = picture_stream(container)
        if stream is None:
            raise UnreadableFile(name=path.name)
        # One thread: the caller looks at one frame in another while the next one is decoded.
        stream.codec_context.thread_type = ThreadType.SLICE
        stream.codec_context.skip_frame = "BIDIR"
        for stretch in _stretches(frames):
            if stretch[0] > _WORTH_A_JUMP:
                _jump(container, stream, stretch[0], facts.fps)
            for position, frame in _wanted(container, stream, stretch, facts.fps):
                yield position, converter.convert(frame)


def _stretches(frames: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut positions where it is worth to jump."""
    first = 0
    for place_in_list in range(1, len(frames) + 1):
        at_end = place_in_list == len(frames)
        if at_end or frames[place_in_list] - frames[place_in_list - 1] > _WORTH_A_JUMP:
            yield frames[first:place_in_list]
            first = place_in_list


def _jump(container: InputContainer, stream: VideoStream, frame: int, fps: Fraction) -> None:
    """Go to the key frame at or before a frame."""
    time_base = stream.time_base or Fraction(1)
    start = stream.start_time or 0
    container.seek(start + round(frame / fps / time_base), stream=stream, backward=True)


def _wanted(
    container: InputContainer, stream: VideoStream, frames: Sequence[int], fps: Fraction
) -> Iterator[tuple[int, VideoFrame]]:
    """Decode from where the container stands until all frames have come."""
    missing, last = set(frames), frames[-1]
    for packet in packets(container, stream):
        for frame in decode_packet(packet):
            position = _position(frame, stream, fps)
            if position in missing:
                missing.discard(position)
                yield position, frame
            if position >= last:  # anchors come in order: what is missing now does not come
                return


def _position(frame: VideoFrame, stream: VideoStream, fps: Fraction) -> int:
    """Tell where in the Clip a frame is shown; -1 if it does not say."""
    if frame.pts is None or stream.time_base is None:
        return -1
    return place(float((frame.pts - (stream.start_time or 0)) * stream.time_base), fps)
