"""A recording is decoded once and kept as it is; from then on nobody opens what came from outside."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import TakeTooLong
from pipeline.rim.meter import Levels, Meter
from pipeline.rim.sound import Block, Sound, at_rate, open_sound
from pipeline.rim.sound_files import CLIP_RATE_HZ, write_recording
from pipeline.types import SoundFacts

Heard = Callable[[float, float], None]
"""Called now and then with the seconds decoded and the seconds declared (0.0 if unknown)."""
Listener = Callable[[Block], None]
"""Gets (channels, n) samples as they will be kept."""


@dataclass(frozen=True)
class Kept:
    """What is known of a recording that was kept."""

    facts: SoundFacts
    """Of the source; its length is what decoded, holes included."""
    declared_s: float | None
    """Length as the header says; None where it says nothing that could be believed."""
    levels: Levels
    """Of what is kept."""
    offsets: tuple[float, ...]
    """Mean of each channel that is kept: some microphones add a constant."""


def keep_recording(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    limit_s: float | None = None,
    heard: Heard | None = None,
    listener: Listener | None = None,
) -> Kept:
    """Decode a recording to its end and keep it: FLAC, 48 kHz, 24 bits, one channel or two.

    Nothing is changed but the rate. Samples of more than full scale, as floating point and lossy codecs have them, find
    no room: then the whole is lowered until they do.

    Args:
        source: A recording or a video with sound, in any container we read.
        out: Written whole or not at all.
        name: The name it came with, for messages.
        limit_s: The longest recording allowed, by what decodes, whatever the header says.
        heard: Told of progress.
        listener: Listens along.

    Raises:
        EmptyFile, UnreadableFile, NotARecording, NoSound, UnsupportedCodec, TakeTooLong: What the file is instead.
    """
    name = name or source.name
    if limit_s is not None:
        _refuse_hours(source, name, limit_s)
    with open_sound(source, name) as sound:
        counted = _Counted(sound, limit_s, heard)
        passed = _Passed(sound.channels, listener)
        blocks = at_rate(replace(sound, blocks=iter(counted)), CLIP_RATE_HZ)
        write_recording(passed.passing(blocks), out, sound.channels)
    gain = min(1.0, 1.0 / max(passed.peak, 1e-9))
    if gain < 1.0:
        with open_sound(source, name) as again:
            lowered = (block * np.float32(gain) for block in at_rate(again, CLIP_RATE_HZ))
            write_recording(lowered, out, again.channels)
    length_s = counted.samples / sound.rate_hz
    return Kept(
        facts=SoundFacts(sound.codec, sound.rate_hz, sound.source_channels, length_s),
        declared_s=sound.promised_s,
        levels=passed.meter.levels().louder(20 * math.log10(gain)),
        offsets=tuple((passed.sums / max(passed.samples, 1) * gain).tolist()),
    )


def read_recording(path: Path, begin: int, end: int) -> Iterator[Block]:
    """Yield the samples ``begin`` to ``end`` of a recording that was kept, (channels, n), at ``CLIP_RATE_HZ``."""
    position = 0
    with open_sound(path, path.name) as sound:
        for block in sound.blocks:
            first, last = max(begin - position, 0), min(end - position, block.shape[1])
            if first < last:
                yield block[:, first:last]
            position += block.shape[1]
            if position >= end:
                return


def measure_sound(path: Path, channels: int) -> Levels:
    """Measure a sound file of ours; of two channels that are alike one is enough."""
    with open_sound(path, path.name) as sound:
        return measure_blocks(block[:channels] for block in sound.blocks)


def measure_blocks(blocks: Iterator[Block]) -> Levels:
    """Measure (channels, any number) samples at ``CLIP_RATE_HZ``."""
    meter: Meter | None = None
    for block in blocks:
        meter = meter or Meter(len(block), CLIP_RATE_HZ)
        meter.add(block)
    return (meter or Meter(1, CLIP_RATE_HZ)).levels()


def _refuse_hours(source: Path, name: str, limit_s: float) -> None:
    """Where the header tells of more than is allowed, see whether it is so before anything is encoded."""
    with open_sound(source, name) as sound:
        if sound.declared_s > limit_s:
            for _ in _Counted(sound, limit_s, None):
                pass


class _Passed:
    """What is measured of the blocks while they are written."""

    def __init__(self, channels: int, listener: Listener | None) -> None:
        self.peak = 0.0
        self.samples = 0
        self.sums: NDArray[np.float64] = np.zeros(channels)
        self.meter = Meter(channels, CLIP_RATE_HZ)
        self._listener = listener

    def passing(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yield the blocks, measured."""
        for block in blocks:
            self.samples += block.shape[1]
            self.sums += block.sum(axis=1, dtype=np.float64)
            self.peak = max(self.peak, float(block.max(initial=0)), -float(block.min(initial=0)))
            self.meter.add(block)
            if self._listener is not None:
                self._listener(block)
            yield block


class _Counted:
    """Passes blocks on, counts their samples, and ends at the limit."""

    def __init__(self, sound: Sound, limit_s: float | None, heard: Heard | None) -> None:
        self.samples = 0
        self._sound = sound
        self._limit_s = limit_s
        self._heard = heard

    def __iter__(self) -> Iterator[Block]:
        told_s = 0.0
        for block in self._sound.blocks:
            self.samples += block.shape[1]
            seconds = self.samples / self._sound.rate_hz
            if self._limit_s is not None and seconds > self._limit_s:
                longest_s = max(seconds, self._sound.declared_s)
                raise TakeTooLong(seconds=round(longest_s, 1), limit_s=self._limit_s)
            if self._heard is not None and seconds - told_s >= 1.0:
                told_s = seconds
                self._heard(seconds, self._sound.declared_s)
            yield block
