"""Steady noise, learned from where nobody speaks and made quieter everywhere.

Each part of the spectrum is turned down as far as it is noise (Wiener's gain), by ten decibels at most: what is left covers the
traces that more would leave behind, and a voice stays as it is.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.sound.overlap import Sound, in_parts
from pipeline.types import CURVE_RATE_HZ

_RATE_HZ: Final = 48_000
_WINDOW: Final = 2048
"""43 ms."""
_HOP: Final = _WINDOW // 4
_PART: Final = 1024 * _HOP
_MARGIN: Final = 16 * _HOP

_FLOOR: Final = 10 ** (-10 / 20)
_SURE: Final = 1.6
"""Noise varies: so many times its usual power still counts as noise."""
_AROUND: Final = (2, 1)
"""Power is averaged over so many windows and so many lines of the spectrum on each side, lest single ones twinkle."""
_AHEAD: Final = 2
"""Windows. A gain that rises does so before the sound does, and falls behind it."""
_MOST_WINDOWS: Final = 3000
"""As much noise as is listened to: 32 s."""
_LONGEST: Final = 10 * _RATE_HZ
"""Samples that are listened to in one go."""
_LEAST_WINDOWS: Final = 20
_MEDIAN: Final = 0.693
"""Median of noise power ÷ its mean."""

Profile = NDArray[np.float32]
"""(channels, lines) mean power of the noise."""
_Spectrum = NDArray[np.complex64]
"""(channels, windows, lines)."""


def learn_noise(blocks: Iterator[Sound], quiet: NDArray[np.bool_]) -> Profile | None:
    """Learn what the noise is like.

    Args:
        blocks: (channels, any number) samples at 48 kHz, from the beginning.
        quiet: (n,) for every 10 ms whether nobody speaks.

    Returns:
        None where nobody pauses long enough.
    """
    heard: list[NDArray[np.float32]] = []
    windows = 0
    for stretch in _quiet_stretches(blocks, quiet):
        heard.append(np.square(np.abs(_spectrum(stretch))))
        windows += heard[-1].shape[1]
        if windows >= _MOST_WINDOWS:
            break
    if windows < _LEAST_WINDOWS:
        return None
    return np.asarray(np.median(np.concatenate(heard, axis=1), axis=1) / _MEDIAN, np.float32)


def without_noise(blocks: Iterator[Sound], noise: Profile) -> Iterator[Sound]:
    """Turn noise down.

    Args:
        blocks: (channels, any number) samples at 48 kHz.
        noise: What was learned of it.

    Yields:
        The sound, of the same length and not shifted.
    """
    return in_parts(blocks, lambda part: _quieter(part, noise), _PART, _MARGIN)


def _quiet_stretches(blocks: Iterator[Sound], quiet: NDArray[np.bool_]) -> Iterator[Sound]:
    """Yield the parts of a sound in which nobody speaks, each longer than a window, long ones in pieces."""
    held: list[Sound] = []
    position = 0
    for block in blocks:
        moments = np.arange(position, position + block.shape[1]) // (_RATE_HZ // CURVE_RATE_HZ)
        flags = quiet[np.minimum(moments, len(quiet) - 1)]
        position += block.shape[1]
        for piece, wanted in _runs(block, flags):
            if wanted:
                held.append(piece)
            if held and (not wanted or sum(part.shape[1] for part in held) >= _LONGEST):
                yield from _long_enough(held)
                held = []
    yield from _long_enough(held)


def _runs(block: Sound, flags: NDArray[np.bool_]) -> Iterator[tuple[Sound, bool]]:
    cuts = np.flatnonzero(np.diff(flags)) + 1
    for piece, marks in zip(np.split(block, cuts, axis=1), np.split(flags, cuts), strict=True):
        if len(marks):
            yield piece, bool(marks[0])


def _long_enough(held: list[Sound]) -> Iterator[Sound]:
    if sum(piece.shape[1] for piece in held) >= _WINDOW:
        yield np.concatenate(held, axis=1)


def _quieter(sound: Sound, noise: Profile) -> Sound:
    count = sound.shape[1]
    padded = np.pad(sound, ((0, 0), (_WINDOW, _WINDOW + -count % _HOP)))
    spectrum = _spectrum(padded)
    spectrum *= _gain(np.square(np.abs(spectrum)), noise)
    return _sound(spectrum)[:, _WINDOW : _WINDOW + count]


def _gain(power: NDArray[np.float32], noise: Profile) -> NDArray[np.float32]:
    """Choose the gain, (channels, windows, lines), of each line at each moment."""
    even = _averaged(_averaged(power, 1, _AROUND[0]), 2, _AROUND[1])
    above = np.maximum(even / np.maximum(_SURE * noise[:, None], 1e-20) - 1.0, 0.0)
    gain = np.maximum(above / (1.0 + above), _FLOOR)
    led = gain.copy()
    for step in range(1, _AHEAD + 1):
        np.maximum(led[:, :-step], gain[:, step:], out=led[:, :-step])
        np.maximum(led[:, step:], gain[:, :-step], out=led[:, step:])
    return np.asarray(_averaged(led, 1, 1), np.float32)


def _averaged(values: NDArray[np.float32], axis: int, reach: int) -> NDArray[np.float32]:
    """Average each value with ``reach`` neighbours on each side along an axis."""
    width = [(0, 0)] * values.ndim
    width[axis] = (reach, reach)
    padded = np.pad(values, width, mode="edge")
    count = values.shape[axis]
    total = np.zeros_like(values)
    for shift in range(2 * reach + 1):
        total += padded.take(range(shift, shift + count), axis=axis)
    return np.asarray(total / (2 * reach + 1), np.float32)


def _spectrum(sound: Sound) -> _Spectrum:
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW, axis=1)[:, ::_HOP]
    return np.asarray(np.fft.rfft(windows * _TAPER), np.complex64)


def _sound(spectrum: _Spectrum) -> Sound:
    """Add the windows up again: (channels, (windows - 1) * hop + window)."""
    windows = np.fft.irfft(spectrum, _WINDOW).astype(np.float32) * _TAPER
    channels, count, _ = windows.shape
    total = np.zeros((channels, count + 3, _HOP), np.float32)
    for quarter in range(4):
        total[:, quarter : quarter + count] += windows[:, :, quarter * _HOP : (quarter + 1) * _HOP]
    return np.asarray(total.reshape(channels, -1) / 1.5, np.float32)


_TAPER: Final = np.asarray(np.hanning(_WINDOW + 1)[:-1], np.float32)
"""Four of them, squared, overlap to 1.5 everywhere."""
