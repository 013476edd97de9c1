"""Small recordings and videos, made by PyAV for the tests.

Every frame of a video tells its number: a bar code of 10 blocks in the luma, readable after lossy coding.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

BITS = 10
BLACK, WHITE = 40, 200


def chirp(seconds: float, rate_hz: int = 48_000) -> NDArray[np.float32]:
    """A tone that rises and pulses, so that any shift in time shows. (n,) mono."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    pulse = 0.5 + 0.5 * np.sin(2 * np.pi * 3.1 * t)
    return (0.4 * pulse * np.sin(2 * np.pi * (200 + 150 * t) * t)).astype(np.float32)


def write_sound(
    path: Path,
    samples: NDArray[np.float32],
    codec: str,
    *,
    rate_hz: int = 48_000,
    container: str | None = None,
    layout: str = "mono",
) -> Path:
    """Write sound: ``samples`` (n,) mono or (channels, n)."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate_hz)
        stream.layout = layout
        _encode_sound(out, stream, np.atleast_2d(samples), rate_hz)
    return path


def _encode_sound(
    out, stream, samples: NDArray[np.float32], rate_hz: int, late_s: float = 0.0
) -> None:
    layout = stream.layout.name
    for start in range(0, samples.shape[1], 960):
        block = np.ascontiguousarray(samples[:, start : start + 960])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), start
        frame.pts += round(late_s * rate_hz)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def numbered(number: int, width: int = 160, height: int = 96) -> NDArray[np.uint8]:
    """A frame that shows its number, I420; the top half bright or dark by bits, the bottom half grey."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    block = width // BITS
    for bit in range(BITS):
        shade = WHITE if number >> bit & 1 else BLACK
        planes[: height // 2, bit * block : (bit + 1) * block] = shade
    return planes


def number_of(planes: NDArray[np.uint8]) -> int:
    """Read the number of a frame."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    block = width // BITS
    rows = planes[height // 8 : height * 3 // 8]
    lights = [rows[:, bit * block + 2 : (bit + 1) * block - 2].mean() for bit in range(BITS)]
    return sum(1 << bit for bit, light in enumerate(lights) if light > (BLACK + WHITE) / 2)


def write_video(
    path: Path,
    numbers: Iterable[int],
    *,
    fps: Fraction | int = 25,
    times_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    container: str | None = None,
    size: tuple[int, int] = (160, 96),
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_codec: str = "aac",
    sound_late_s: float = 0.0,
) -> Path:
    """Write a video of numbered frames, at a constant rate or at the times given."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, Fraction(fps), options=options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000) if times_ms else 1 / Fraction(fps)
        if sound is not None:
            heard = out.add_stream(sound_codec, 48_000)
            heard.layout = "mono"
        for position, number in enumerate(numbers):
            even = (size[0] + 1 & ~1, size[1] + 1 & ~1)
            frame = av.VideoFrame.from_ndarray(numbered(number, *even), format="yuv420p")
            if pix_fmt != "yuv420p" or even != size:
                frame = frame.reformat(width=size[0], height=size[1], format=pix_fmt)
            frame.pts = times_ms[position] if times_ms else position
            frame.time_base = stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            _encode_sound(out, heard, np.atleast_2d(sound), 48_000, sound_late_s)
    return path


def retag(path: Path, metadata: dict[str, str], flags: str = "+use_metadata_tags") -> Path:
    """Copy a video with other metadata, as other programs do; it keeps its name."""
    older = path.rename(path.with_name(f"untagged-{path.name}"))
    options = {"movflags": flags}
    with av.open(str(older)) as source, av.open(str(path), "w", container_options=options) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        out.metadata.update(metadata)
        for packet in source.demux():
            if packet.pts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    older.unlink()
    return path


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Change the display matrix (a, b, c, d) in the track header of an MP4 with one video track."""
    content = bytearray(path.read_bytes())
    # tkhd version 0: box type, 4 bytes of flags, 20 of times and id, 8 reserved, 8 of layer, group, volume
    start = content.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    for place, value in zip((0, 1, 3, 4), matrix, strict=True):
        at = start + 4 * place
        content[at : at + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    return path


def lag_s(heard: NDArray[np.float32], played: NDArray[np.float32], rate_hz: int) -> float:
    """How much later ``played`` comes than ``heard``, in seconds (cross-correlation)."""
    size = 2 * max(len(heard), len(played))
    product = np.fft.rfft(heard, size).conj() * np.fft.rfft(played, size)
    peak = int(np.argmax(np.fft.irfft(product)))
    return (peak if peak < size // 2 else peak - size) / rate_hz
