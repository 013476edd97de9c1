"""Sound: decoded to its end and kept in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from numpy.typing import NDArray

from pipeline import amr
from pipeline.errors import (
    NoSound,
    NotARecording,
    UnreadableFile,
    UnsupportedCodec,
)
from pipeline.rim.kinds import is_silk, read_head, recognise
from pipeline.rim.opening import (
    codec_of,
    decode_sound,
    open_media,
    picture_stream,
    sound_stream,
)
from pipeline.rim.promises import promised_s
from pipeline.types import Samples

_JITTER_S: Final = 0.04
"""Time stamps may be off by this much (Matroska rounds to milliseconds, some recorders to a packet)."""
_LONGEST_HOLE_S: Final = 60.0
"""A larger step of the time stamps is a broken time stamp, not a pause."""

_COUNTED: Final = frozenset({"aac", "ac3", "mp3"})
"""Containers without time stamps: FFmpeg counts packets, by the rate of the first one."""

_CANCELLED: Final = 0.1
"""Two channels cancel if their mix has less than this share of the louder one's power; of one alone it has a quarter."""

_LOUDEST: Final = 8.0
"""18 dB above full scale: recordings in floating point may go beyond it a little, not without end."""

Block = NDArray[np.float32]
"""(channels, n) samples that follow on the block before without a gap."""


@dataclass(frozen=True)
class Sound:
    """An opened recording, as it came."""

    codec: str
    rate_hz: int
    source_channels: int
    declared_s: float
    """Length as the header says; 0.0 if it does not. Headers lie: for messages only."""
    blocks: Iterator[Block]
    promised_s: float | None = None
    """Likewise, where a recording that is shorter was broken off; None where headers of its kind often lie or say nothing."""

    @property
    def channels(self) -> int:
        """Of the blocks: more than two are mixed to two."""
        return min(self.source_channels, 2)


def read_sound(path: Path, rate_hz: int) -> Samples:
    """Decode a recording to its end, mono, for analysis.

    Args:
        path: A recording or a video with sound, in any container we read.
        rate_hz: The rate wanted.

    Returns:
        (n,) -1.0 to 1.0; n is the length of the recording times the rate, rounded. Two channels are mixed; where they
        cancel each other out (a microphone wired the wrong way round), the louder one is taken.

    Raises:
        InputRejected: As ``open_sound``.
    """
    return np.concatenate([np.zeros(0, np.float32), *mono_blocks(path, rate_hz)])


def mono_blocks(path: Path, rate_hz: int) -> Iterator[Samples]:
    """Yield what ``read_sound`` gives, piece after piece: nobody need hold all of it.

    Two channels are decoded twice: only at the end is known whether they cancel each other out.
    """
    louder = None
    with open_sound(path, path.name) as sound:
        if sound.channels == 2:
            louder = _louder_of_cancelled(sound, rate_hz)
    with open_sound(path, path.name) as sound:
        for block in at_rate(sound, rate_hz):
            mixed = block.mean(axis=0) if louder is None else block[louder]
            yield np.clip(mixed, -1.0, 1.0)


def _louder_of_cancelled(sound: Sound, rate_hz: int) -> int | None:
    """Tell the louder one of two channels that cancel each other out; None if they do not."""
    power, powers = 0.0, np.zeros(2)
    for block in at_rate(sound, rate_hz):
        mixed = block.mean(axis=0)
        power += float(np.dot(mixed, mixed))
        powers += [float(np.dot(channel, channel)) for channel in block]
    return int(np.argmax(powers)) if power < _CANCELLED * max(powers) else None


def at_rate(sound: Sound, rate_hz: int) -> Iterator[Block]:
    """Yield an opened recording at another rate, one channel or two.

    Raises:
        UnsupportedCodec: FFmpeg knows no way to mix its channels, nine for example, or to change its rate.
    """
    layout = "mono" if sound.channels == 1 else "stereo"
    return _convertible(_resample(sound.blocks, sound.rate_hz, rate_hz, layout), sound)


def _convertible(blocks: Iterator[Block], sound: Sound) -> Iterator[Block]:
    """Pass blocks on. Where they are written, an error of FFmpeg would count as the disk's."""
    try:
        yield from blocks
    except FFmpegError as error:
        named = f"{sound.codec}, {sound.source_channels} channels at {sound.rate_hz} Hz"
        raise UnsupportedCodec(codec=named, second=0.0) from error


@contextmanager
def open_sound(path: Path, name: str) -> Iterator[Sound]:
    """Open a recording, or a video for its sound, in any container we read.

    Raises:
        EmptyFile, UnreadableFile, NotARecording, NoSound, UnsupportedCodec: What the file is instead.
    """
    head = read_head(path, name)
    kind = amr.recognise(head)
    if kind is not None:
        with path.open("rb") as file:
            decoded = _amr_blocks(amr.read_frames(file, kind), kind)
            yield Sound(kind.codec, kind.rate_hz, 1, 0.0, _something(decoded, name))
        return
    if is_silk(head):
        raise UnsupportedCodec(codec="SILK", second=0.0)
    found = recognise(head)
    if found is not None:
        raise NotARecording(name=name, found=found)
    with open_media(path, name) as container:
        yield _contained_sound(container, name, head)


def _something(blocks: Iterator[Block], name: str) -> Iterator[Block]:
    """Pass blocks on; a recording without a single sample is unreadable."""
    samples = 0
    for block in blocks:
        samples += block.shape[1]
        yield block
    if not samples:
        raise UnreadableFile(name=name)


def _contained_sound(container: InputContainer, name: str, head: bytes) -> Sound:
    stream = sound_stream(container)
    if stream is None:
        raise _instead_of_sound(container, name)
    if stream.codec_context is None:
        raise UnsupportedCodec(codec=codec_of(container, stream), second=0.0)
    frames = decode_sound(container, stream)
    first = next(frames, None)
    if first is None:
        raise UnreadableFile(name=name)
    rate_hz = first.sample_rate
    channels = len(first.layout.channels)
    declared_s = float((container.duration or 0) / av.time_base)
    # A sound track may begin later than the picture; without a picture, what comes first is the beginning.
    begin_s = (container.start_time or 0) / av.time_base if picture_stream(container) else None
    timed = _in_time(first, frames, begin_s, counted=container.format.name in _COUNTED)
    decoded = _blocks(timed, rate_hz, "mono" if channels == 1 else "stereo")
    blocks: Iterator[Block] = map(_audible, decoded)
    end_s = _track_end_s(container, stream, begin_s)
    if end_s is not None:
        blocks = _without_padding(blocks, round(end_s * rate_hz))
    blocks = _something(blocks, name)
    has_picture = picture_stream(container) is not None
    promise_s = promised_s(container, stream, head, has_picture=has_picture)
    return Sound(stream.codec_context.name, rate_hz, channels, declared_s, blocks, promise_s)


def _track_end_s(
    container: InputContainer, stream: AudioStream, begin_s: float | None
) -> float | None:
    """Tell where an MP4 says its sound ends, from where we begin; None if it does not."""
    if "mp4" not in container.format.name or not stream.duration or not stream.time_base:
        return None
    first_s = float((stream.start_time or 0) * stream.time_base)
    late_s = 0.0 if begin_s is None else first_s - begin_s
    return late_s + float(stream.duration * stream.time_base)


def _audible(block: Block) -> Block:
    """Keep what floating point may hold from the encoder: what is no number becomes silence, the endless is cut off."""
    if block.min(initial=0) >= -_LOUDEST and block.max(initial=0) <= _LOUDEST:  # false for NaN
        return block
    numbers = np.nan_to_num(block, nan=0.0, posinf=_LOUDEST, neginf=-_LOUDEST)
    return np.clip(numbers, -_LOUDEST, _LOUDEST)


def _without_padding(blocks: Iterator[Block], end: int) -> Iterator[Block]:
    """Cut the last packet where the sound ends: AAC fills it up, and only the container knows."""
    position = 0
    held: Block | None = None
    for block in blocks:
        if held is not None:
            yield held
        position += block.shape[1]
        held = block
    if held is not None:
        padding = position - end
        yield held[:, :-padding] if 0 < padding < held.shape[1] else held


def _instead_of_sound(
    container: InputContainer, name: str
) -> NoSound | NotARecording | UnreadableFile:
    if container.format.name == "gif":
        return NotARecording(name=name, found="picture")
    if picture_stream(container) is not None:
        return NoSound(name=name)
    if container.streams.video:
        return NotARecording(name=name, found="picture")
    return UnreadableFile(name=name)


def _in_time(
    first: AudioFrame, others: Iterator[AudioFrame], begin_s: float | None, *, counted: bool
) -> Iterator[tuple[int, AudioFrame]]:
    """Yield each frame with the samples of silence, at the first frame's rate, that belong before it.

    Time stamps that are only ``counted`` are believed until the rate changes by which they are counted.
    """
    rate_hz = first.sample_rate
    zero_s = begin_s
    position = 0
    believed = True
    for frame in _chain(first, others):
        hole = 0
        believed = believed and not (counted and frame.sample_rate != rate_hz)
        time_s = frame.time if believed else None
        if time_s is not None:
            if zero_s is None:
                zero_s = time_s
            ahead_s = time_s - zero_s - position / rate_hz
            if _JITTER_S < ahead_s <= _LONGEST_HOLE_S:
                hole = round(ahead_s * rate_hz)
            elif abs(ahead_s) > _JITTER_S:
                zero_s += ahead_s  # the clock jumped: count on from here
        position += hole + round(frame.samples * rate_hz / frame.sample_rate)
        yield hole, frame


def _chain(first: AudioFrame, others: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    yield first
    yield from others


def _blocks(timed: Iterator[tuple[int, AudioFrame]], rate_hz: int, layout: str) -> Iterator[Block]:
    """Turn frames of any sample format, rate and layout into blocks of one."""
    channels = 1 if layout == "mono" else 2
    resampler, shape = None, None
    for hole, frame in timed:
        if hole:
            yield np.zeros((channels, hole), np.float32)
        if (frame.format.name, frame.layout.name, frame.sample_rate) != shape:
            # Streams may change in the middle (AAC does when its high band appears).
            if resampler is not None:
                yield from _arrays(resampler.resample(None))
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = AudioResampler(format="fltp", layout=layout, rate=rate_hz)
        frame.pts = None
        if resampler is not None:
            yield from _arrays(resampler.resample(frame))
    if resampler is not None:
        yield from _arrays(resampler.resample(None))


def _resample(
    blocks: Iterator[Block], rate_hz: int, out_rate_hz: int, layout: str
) -> Iterator[Block]:
    """Turn blocks of one rate and layout into blocks of another."""
    resampler = AudioResampler(format="fltp", layout=layout, rate=out_rate_hz)
    position = 0
    for block in blocks:
        frame = frame_of(block, rate_hz, position)
        position += block.shape[1]
        yield from _arrays(resampler.resample(frame))
    if position:
        yield from _arrays(resampler.resample(None))


def _arrays(frames: list[AudioFrame]) -> Iterator[Block]:
    for frame in frames:
        yield frame.to_ndarray().astype(np.float32, copy=False)


def frame_of(block: Block, rate_hz: int, position: int) -> AudioFrame:
    """Make FFmpeg's frame of a block whose first sample is number ``position``."""
    layout = "mono" if block.shape[0] == 1 else "stereo"
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=layout)
    frame.sample_rate = rate_hz
    frame.time_base = Fraction(1, rate_hz)
    frame.pts = position
    return frame


def _amr_blocks(frames: Iterator[bytes | None], kind: amr.AmrKind) -> Iterator[Block]:
    """Decode speech frames in order; the others, and what does not decode, are silence of the same length."""
    decoder = cast(AudioCodecContext, av.CodecContext.create(kind.codec, "r"))
    decoder.sample_rate = kind.rate_hz
    decoder.layout = "mono"
    silence = np.zeros((1, kind.frame_samples), np.float32)
    for frame in frames:
        yield silence if frame is None else _decode_amr(decoder, frame, silence)


def _decode_amr(decoder: AudioCodecContext, frame: bytes, silence: Block) -> Block:
    try:
        decoded = decoder.decode(Packet(frame))
    except FFmpegError:
        return silence
    return next(_arrays(decoded), silence)
