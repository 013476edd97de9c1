"""A Take's sound as its Clips carry it: trimmed, denoised and brought to one loudness, as its order asks.

Loudness is made by one gain, and a limiter for the peaks. What counts is what is heard of the encoded file, so that is
measured, and where it is off it is made again.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.media import (
    CLIP_RATE_HZ,
    Block,
    Levels,
    measure_blocks,
    measure_sound,
    read_recording,
    write_clip_sound,
    write_recording,
)
from pipeline.options import SoundOptions
from pipeline.sound.limiter import limited
from pipeline.sound.noise import learn_noise, without_noise
from pipeline.sound.silence import Span
from pipeline.types import Progress

LOUDNESS_LUFS: Final = -16.0
TRUE_PEAK_DB: Final = -1.5
_HEADROOM_DB: Final = 0.35
"""The codec changes peaks by about so much."""
_NEAR_LU: Final = 0.1
"""So near the loudness shall be before it is encoded, since the limiter takes some away."""
_GOOD_LU: Final = 0.3
"""And so near behind it."""
_ROUNDS: Final = 3
_MOST_GAIN_DB: Final = 70.0
"""Nothing is heard of silence, however loud it is made."""

Sound = Callable[[], Iterator[Block]]
"""Gives (channels, any number) samples at ``CLIP_RATE_HZ``, from the beginning each time."""


@dataclass(frozen=True)
class Recording:
    """A recording that was kept, and what is known of it."""

    path: Path
    duration_s: float
    quiet: NDArray[np.bool_]
    """(n,) for every 10 ms whether nobody speaks."""
    offsets: tuple[float, ...]
    """The constant in each channel."""
    levels: Levels


def treat(
    recording: Recording, span: Span, options: SoundOptions, out: Path, progress: Progress
) -> None:
    """Make the sound of Clips.

    Args:
        recording: What it is made of.
        span: The part of it that is wanted.
        options: What is done to it; ``trim`` is in the span already.
        out: AAC in MP4, exactly as long as the span. Written whole or not at all.
        progress: Called with stage ``sound``, seconds done of seconds in all; may raise ``Stopped``.
    """

    def wanted() -> Iterator[Block]:
        return read_recording(recording.path, _sample(span.begin_s), _sample(span.end_s))

    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as draft:
        sound, made = wanted, Path(draft, out.name)
        whole = span == Span(0.0, recording.duration_s)
        levels = recording.levels if whole else None
        if options.denoise:
            sound, levels = _denoised(recording, wanted, Path(draft, "denoised.flac")), None
        watched = _watched(sound, span.length_s, progress)
        if options.loudness:
            _master(watched, levels or measure_blocks(sound()), recording.offsets, made)
        else:
            write_clip_sound(watched(), made)
        made.replace(out)


def _sample(second: float) -> int:
    return round(second * CLIP_RATE_HZ)


def _watched(sound: Sound, length_s: float, progress: Progress) -> Sound:
    def passing() -> Iterator[Block]:
        samples = told = 0
        for block in sound():
            samples += block.shape[1]
            if samples - told >= CLIP_RATE_HZ:
                told = samples
                progress("sound", samples // CLIP_RATE_HZ, round(length_s))
            yield block

    return passing


def _denoised(recording: Recording, sound: Sound, draft: Path) -> Sound:
    """Turn the noise down, once for all rounds."""
    everything = read_recording(recording.path, 0, _sample(recording.duration_s))
    noise = learn_noise(everything, recording.quiet)
    if noise is None:
        return sound
    write_recording(without_noise(sound(), noise), draft, len(recording.offsets))
    return lambda: read_recording(draft, 0, _sample(recording.duration_s))


def _master(sound: Sound, levels: Levels, offsets: tuple[float, ...], made: Path) -> None:
    """Encode a sound so that it is heard as loud as it should be."""
    ceiling_db = TRUE_PEAK_DB - _HEADROOM_DB
    gain_db = min(LOUDNESS_LUFS - levels.loudness_lufs, _MOST_GAIN_DB)
    for _ in range(_ROUNDS):
        if levels.true_peak_db + gain_db <= ceiling_db:
            break
        off_lu = (
            LOUDNESS_LUFS
            - measure_blocks(_levelled(sound, offsets, gain_db, ceiling_db)).loudness_lufs
        )
        gain_db = min(gain_db + off_lu, _MOST_GAIN_DB)
        if abs(off_lu) <= _NEAR_LU:
            break
    for _ in range(_ROUNDS):
        write_clip_sound(_levelled(sound, offsets, gain_db, ceiling_db), made)
        heard = measure_sound(made, len(offsets))
        off_lu = LOUDNESS_LUFS - heard.loudness_lufs
        over_db = heard.true_peak_db - TRUE_PEAK_DB
        if abs(off_lu) <= _GOOD_LU and over_db <= 0:
            break
        gain_db = min(gain_db + off_lu, _MOST_GAIN_DB)
        ceiling_db -= max(over_db + _HEADROOM_DB / 2, 0.0)


def _levelled(
    sound: Sound, offsets: tuple[float, ...], gain_db: float, ceiling_db: float
) -> Iterator[Block]:
    gain = np.float32(_amplitude(gain_db))
    constant = np.array(offsets, np.float32)[:, None]
    louder = ((block - constant) * gain for block in sound())
    return limited(louder, _amplitude(ceiling_db))


def _amplitude(level_db: float) -> float:
    return float(10 ** (level_db / 20))
