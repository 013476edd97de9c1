"""What the way through a phone does to a voice: encode and decode at once, in memory."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from pipeline.types import Samples

_CODECS: Final[dict[str, tuple[str, str, str, int]]] = {
    "opus": ("libopus", "libopus", "s16", 48_000),
    "amr": ("libopencore_amrnb", "amrnb", "s16", 8_000),
    "mp3": ("libmp3lame", "mp3float", "s16p", 44_100),
    "aac": ("aac", "aac", "fltp", 44_100),
    "alaw": ("pcm_alaw", "pcm_alaw", "s16", 8_000),
}
"""Name: encoder, decoder, sample format, rate."""
CODECS: Final = tuple(_CODECS)
_FARTHEST_S: Final = 0.1
"""No codec here delays by more."""


def through_codec(samples: Samples, rate_hz: int, codec: str, bit_rate: int) -> Samples:
    """Send sound through a codec and bring it back in time.

    Args:
        samples: (n,) mono.
        rate_hz: Their rate.
        codec: One of ``CODECS``.
        bit_rate: Bits a second; ``alaw`` has no choice, AMR takes one of its eight modes (4750-12200).

    Returns:
        (n,) at the same rate; the codec's delay is taken out (by correlation with what went in).

    Raises:
        KeyError: Unknown codec.
        av.error.FFmpegError: The codec does not take this bit rate.
    """
    encoder_name, decoder_name, sample_format, codec_rate_hz = _CODECS[codec]
    encoder = cast(AudioCodecContext, av.codec.CodecContext.create(encoder_name, "w"))
    encoder.rate, encoder.layout = codec_rate_hz, "mono"
    encoder.format = AudioFormat(sample_format)
    if codec != "alaw":
        encoder.bit_rate = bit_rate
    encoder.time_base = Fraction(1, codec_rate_hz)
    encoder.open()
    decoder = cast(AudioCodecContext, av.codec.CodecContext.create(decoder_name, "r"))
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    decoder.rate, decoder.layout = codec_rate_hz, "mono"
    frames = _resampled(
        [_frame(samples, rate_hz)], sample_format, codec_rate_hz, encoder.frame_size
    )
    packets = [packet for frame in [*frames, None] for packet in encoder.encode(frame)]
    decoded = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    back = _resampled(decoded, "flt", rate_hz, None)
    return _in_time(np.concatenate([f.to_ndarray().reshape(-1) for f in back]), samples, rate_hz)


def _frame(samples: Samples, rate_hz: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.rate = rate_hz
    return frame


def _resampled(
    frames: Iterable[AudioFrame], sample_format: str, rate_hz: int, size: int | None
) -> list[AudioFrame]:
    resampler = AudioResampler(sample_format, "mono", rate_hz, size or None)
    result: list[AudioFrame] = []
    for frame in frames:
        frame.pts = None
        result += resampler.resample(frame)
    result += resampler.resample(None)
    for frame in result:
        frame.pts = None
    return result


def _in_time(decoded: Samples, original: Samples, rate_hz: int) -> Samples:
    """Cut the delay away: where the correlation with the original is highest."""
    count, reach = len(original), round(_FARTHEST_S * rate_hz)
    size = 1 << (count + len(decoded)).bit_length()
    spectrum = np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(original, size))
    delay = int(np.argmax(np.abs(np.fft.irfft(spectrum, size)[:reach])))
    kept = np.zeros(count, np.float32)
    part = decoded[delay : delay + count]
    kept[: len(part)] = part
    return kept
