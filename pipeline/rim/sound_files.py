"""Sound files of ours: the recording as it is kept (FLAC), and what Clips carry (AAC in MP4). Each appears whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
from av.audio.format import AudioFormat
from av.audio.stream import AudioStream
from av.container import OutputContainer

from pipeline.rim.opening import writing
from pipeline.rim.sound import Block, at_rate, frame_of, open_sound

CLIP_RATE_HZ: Final = 48_000
BIT_RATE: Final = 256_000
"""AAC bits a second, for two channels."""


@dataclass(frozen=True)
class _Form:
    """How sound is written."""

    container: str
    codec: str
    sample_format: str
    bit_rate: int | None = None
    options: dict[str, str] = field(default_factory=dict)


_FLAC: Final = _Form("flac", "flac", "s32", options={"compression_level": "2"})
"""24 bits. Higher levels save a tenth of the bytes."""
_AAC: Final = _Form(
    *("mp4", "aac", "fltp", BIT_RATE),
    options={"aac_coder": "fast", "aac_ms": "0", "aac_is": "0", "aac_pns": "0", "aac_tns": "0"},
)
"""What is heard differs from what went in by 45 dB less, and each channel is coded by itself. The encoder's usual search takes
three to five times as long for the same at these rates (25 to 45 times real time), and has moments of less than 20 dB; noise
that it would make up again instead of keeping it is not asked for."""


def write_recording(blocks: Iterator[Block], out: Path, channels: int) -> None:
    """Write (channels, n) samples at ``CLIP_RATE_HZ`` so that nothing of them is lost but what is beyond full scale."""
    with _writer(out, _FLAC, "mono" if channels == 1 else "stereo") as write:
        for block in blocks:
            write(block)


def write_clip_sound(blocks: Iterator[Block], out: Path) -> None:
    """Encode (1 or 2, n) samples at ``CLIP_RATE_HZ`` as AAC-LC, two channels."""
    with _writer(out, _AAC, "stereo") as write:
        for block in blocks:
            write(np.repeat(block, 2, axis=0) if len(block) == 1 else block)


def encode_sound(source: Path, out: Path) -> None:
    """Decode a recording and encode it as the sound of Clips, as loud as it is.

    Raises:
        InputRejected: As ``open_sound``.
    """
    with open_sound(source, source.name) as sound:
        write_clip_sound(at_rate(sound, CLIP_RATE_HZ), out)


@contextmanager
def _writer(out: Path, form: _Form, layout: str) -> Iterator[Callable[[Block], None]]:
    """Give a function that encodes the next block; at the end of the block the file gets its name."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        with writing():
            container = av.open(str(partial), "w", format=form.container)
        with closing(_Encoder(container, form, layout)) as encoder:
            yield encoder.write
            encoder.finish()
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


class _Encoder:
    def __init__(self, container: OutputContainer, form: _Form, layout: str) -> None:
        self._container = container
        with writing():
            added = container.add_stream(form.codec, CLIP_RATE_HZ, options=form.options)
            self._stream = cast(AudioStream, added)
            self._stream.layout = layout
            self._stream.codec_context.format = AudioFormat(form.sample_format)
            if form.bit_rate is not None:
                self._stream.bit_rate = form.bit_rate
        self._position = 0

    def write(self, block: Block) -> None:
        """Encode (channels, n) samples; the encoder's own sample format is made of them on the way."""
        frame = frame_of(block, CLIP_RATE_HZ, self._position)
        self._position += block.shape[1]
        with writing():
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        with writing():
            self._container.mux(self._stream.encode(None))
            self._container.close()

    def close(self) -> None:
        with writing():
            self._container.close()
