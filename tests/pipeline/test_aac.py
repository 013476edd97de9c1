"""Packets of AAC are taken apart and put together again, and decoders hear what they should."""

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.media import write_clip_sound
from pipeline.rim import aac
from tests.corpora.loudness import RATE_HZ, voice
from tests.judges import need, probe


def coded(sound: np.ndarray) -> Iterator[bytes]:
    """Packets of (channels, n) samples."""
    layout = "mono" if len(sound) == 1 else "stereo"
    encoder = av.CodecContext.create("aac", "w")
    encoder.rate, encoder.layout, encoder.format = RATE_HZ, layout, av.AudioFormat("fltp")
    encoder.options = {"flags": "bitexact", "aac_coder": "fast", "aac_pns": "0"}
    encoder.time_base = Fraction(1, RATE_HZ)
    frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, encoder.time_base
    for given in (frame, None):
        yield from map(bytes, encoder.encode(given))


def heard(packets: list[bytes], layout: str) -> np.ndarray:
    # AudioSpecificConfig: AAC-LC, 48 kHz, so many channels.
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = bytes([0x11, 0x88 if layout == "mono" else 0x90])
    frames = [f for packet in packets for f in decoder.decode(av.Packet(packet))]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def test_one_channel_stands_for_both_and_is_the_same_to_the_last_bit():
    packets = list(coded(voice(1)))

    both = heard([aac.twice(packet) for packet in packets], "stereo")

    assert np.array_equal(both[0], both[1])
    assert np.array_equal(both[:1], heard(packets, "mono"))


@pytest.mark.parametrize("more", [1, 2, 14, 15, 16, 268, 269, 270, 1000])
def test_filling_makes_a_packet_longer_and_nothing_is_heard_of_it(more: int):
    packets = list(coded(voice(1)))[:12]

    longer = [aac.filled(packet, more) for packet in packets]

    assert np.array_equal(heard(longer, "mono"), heard(packets, "mono"))
    for packet, filled in zip(packets, longer, strict=True):
        assert more <= len(filled) - len(packet) <= more + 8


def test_what_is_no_packet_of_one_channel_is_told():
    pair = list(coded(np.repeat(voice(1), 2, axis=0)))[3]

    with pytest.raises(ValueError, match="one channel"):
        aac.twice(pair)
    with pytest.raises(ValueError, match="end mark"):
        aac.twice(bytes(8))


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_gets_128_kbit_and_another_decoder_has_nothing_against_it(
    tmp_path: Path, channels: int
):
    path = tmp_path / "sound.m4a"

    write_clip_sound(iter([np.zeros((channels, 5 * RATE_HZ), np.float32)]), path)

    line = [need("ffmpeg"), "-v", "error", "-xerror", "-err_detect", "explode", "-i", str(path)]
    said = subprocess.run([*line, "-f", "null", "-"], capture_output=True, text=True, check=True)
    assert said.stderr == ""
    assert int(probe(path, entries="stream=bit_rate")["bit_rate"]) >= 128_000
