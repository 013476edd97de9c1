"""Sound files of ours: the recording as it is kept (FLAC), and what Clips carry (AAC in MP4). Each appears whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from pipeline.rim import aac
from pipeline.rim.opening import writing
from pipeline.rim.sound import Block, at_rate, frame_of, open_sound

CLIP_RATE_HZ: Final = 48_000
BIT_RATE: Final = 256_000
"""AAC bits a second, for two channels."""


LEAST_BIT_RATE: Final = 130_000
"""What a file has at least, silence included."""

_AAC_OPTIONS: Final = {
    "aac_coder": "fast",
    **dict.fromkeys(("aac_ms", "aac_is", "aac_pns", "aac_tns"), "0"),
    "flags": "bitexact",
}
"""What is heard differs from what went in by 45 dB less, and each channel is coded by itself. The encoder's usual search takes
three to five times as long for the same at these rates (25 to 45 times real time), and has moments of less than 20 dB; noise
that it would make up again instead of keeping it is not asked for. It signs its first packet if it is not told to be exact."""
_SAMPLES: Final = 1024
"""In one packet."""


def write_recording(blocks: Iterator[Block], out: Path, channels: int) -> None:
    """Write (channels, n) samples at ``CLIP_RATE_HZ`` as FLAC of 24 bits: nothing is lost but what is beyond full scale."""
    with _writing_to(out, "flac") as container:
        stream = container.add_stream("flac", CLIP_RATE_HZ)
        stream.layout = "mono" if channels == 1 else "stereo"
        stream.codec_context.format = AudioFormat("s32")  # it makes them of what it gets
        for frame in _frames(blocks):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_clip_sound(blocks: Iterator[Block], out: Path) -> None:
    """Encode (1 or 2, n) samples at ``CLIP_RATE_HZ`` as AAC-LC in MP4, two channels; one is coded once and stands for both."""
    first = next(blocks)
    channels = len(first)
    with _writing_to(out, "mp4") as container:
        stream = container.add_stream("aac", CLIP_RATE_HZ, options=_AAC_OPTIONS)
        stream.bit_rate, stream.layout = BIT_RATE, "stereo"
        encoder = _encoder(channels)
        filler = _Filler()
        for frame in chain(_frames(chain([first], blocks)), [None]):
            for packet in encoder.encode(frame):
                content = bytes(packet) if channels == 2 else aac.twice(bytes(packet))
                container.mux(_like(packet, filler.filled(content), stream))


def encode_sound(source: Path, out: Path) -> None:
    """Decode a recording and encode it as the sound of Clips, as loud as it is.

    Raises:
        InputRejected: As ``open_sound``.
    """
    with open_sound(source, source.name) as sound:
        write_clip_sound(at_rate(sound, CLIP_RATE_HZ), out)


def _encoder(channels: int) -> AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    encoder.options = _AAC_OPTIONS
    encoder.rate, encoder.layout = CLIP_RATE_HZ, "mono" if channels == 1 else "stereo"
    encoder.format, encoder.time_base = AudioFormat("fltp"), Fraction(1, CLIP_RATE_HZ)
    encoder.bit_rate = BIT_RATE * channels // 2
    return encoder


class _Filler:
    """Fills packets up where the file would have too few bits for its length so far."""

    def __init__(self) -> None:
        self._due = 0.0

    def filled(self, packet: bytes) -> bytes:
        self._due += LEAST_BIT_RATE / 8 * _SAMPLES / CLIP_RATE_HZ
        if len(packet) < self._due:
            packet = aac.filled(packet, round(self._due) - len(packet))
        self._due -= len(packet)
        return packet


def _like(
    packet: "Packet[AudioStream]", content: bytes, stream: AudioStream
) -> "Packet[AudioStream]":
    made = cast("Packet[AudioStream]", Packet(content))
    made.stream, made.time_base = stream, packet.time_base
    made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
    made.is_keyframe = True
    return made


def _frames(blocks: Iterator[Block]) -> Iterator[AudioFrame]:
    position = 0
    for block in blocks:
        yield frame_of(block, CLIP_RATE_HZ, position)
        position += block.shape[1]


@contextmanager
def _writing_to(out: Path, kind: str) -> Iterator[OutputContainer]:
    """Open a container; at the end of the block the file gets its name."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        with writing(), av.open(str(partial), "w", format=kind) as container:
            yield container
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
