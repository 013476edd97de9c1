"""A limiter that looks ahead: where a peak would be too high, a few milliseconds around it are turned down, and nothing else.

Peaks are those of the sound between its samples as well (true peak; ITU-R BS.1770-5, annex 2), found by interpolation.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.sound.overlap import Sound, in_parts

_RATE_HZ: Final = 48_000
_LOOK: Final = round(0.003 * _RATE_HZ)
"""Samples in which the gain goes down before a peak, and up again."""
_HOLD: Final = round(0.015 * _RATE_HZ)
"""Samples for which it stays down: longer than a low voice's period, or the gain would follow each of its pulses."""
_PART: Final = 10 * _RATE_HZ
_MARGIN: Final = 4 * _LOOK + _HOLD

_PHASES: Final = 4
"""Interpolated values for each sample, itself included."""
_TAPS: Final = 32
_NEAR: Final = 0.5
"""Between two samples of which neither reaches this share of the ceiling, the sound does not go beyond it."""
_CANDIDATES: Final = 1 << 16
"""Looked at in one go: 8 MB."""

_Gain = NDArray[np.float32]


def limited(blocks: Iterator[Sound], ceiling: float) -> Iterator[Sound]:
    """Keep the true peak of a sound below a ceiling.

    Args:
        blocks: (channels, any number) samples at 48 kHz.
        ceiling: As an amplitude.

    Yields:
        The sound, of the same length and not shifted. All channels are turned down together. Samples that are farther than
        24 ms from any peak are returned as they came.
    """
    return in_parts(blocks, lambda part: _turned_down(part, ceiling), _PART, _MARGIN)


def _turned_down(sound: Sound, ceiling: float) -> Sound:
    wanted = _wanted_gain(sound, ceiling)
    turned = np.flatnonzero(wanted < 1.0)
    if not len(turned):
        return sound
    out = sound.copy()
    for first, last in _regions(turned, sound.shape[1]):
        out[:, first:last] *= _smooth_gain(wanted[first:last])
    return out


def _wanted_gain(sound: Sound, ceiling: float) -> _Gain:
    """Tell for each sample (n,) the gain that brings it, and the curve to its neighbours, below the ceiling."""
    level = np.abs(sound).max(axis=0)
    near = level >= _NEAR * ceiling
    near[:-1] |= near[1:]
    places = np.flatnonzero(near)
    for first in range(0, len(places), _CANDIDATES):
        some = places[first : first + _CANDIDATES]
        between = np.max([_between(channel, some) for channel in sound], axis=0)
        level[some] = np.maximum(level[some], between)
        behind = np.minimum(some + 1, len(level) - 1)
        level[behind] = np.maximum(level[behind], between)
    return np.asarray(ceiling / np.maximum(level, ceiling), np.float32)


def _between(channel: NDArray[np.float32], places: NDArray[np.intp]) -> NDArray[np.float32]:
    """Tell the highest of the interpolated values behind each place, (len(places),)."""
    half = _TAPS // 2
    padded = np.pad(channel, (half - 1, half))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _TAPS)[places]
    return np.asarray(np.abs(windows @ _INTERPOLATION).max(axis=1), np.float32)


def _interpolation() -> NDArray[np.float32]:
    """Draw a windowed sinc for each phase between two samples: (taps, phases - 1)."""
    positions = np.arange(_TAPS)[:, None] - (_TAPS // 2 - 1) - np.arange(1, _PHASES) / _PHASES
    window = np.cos(np.pi * positions / (_TAPS + 2)) ** 2
    taps = np.sinc(positions) * window
    return np.asarray(taps / taps.sum(axis=0), np.float32)


_INTERPOLATION: Final = _interpolation()


def _regions(turned: NDArray[np.intp], length: int) -> Iterator[tuple[int, int]]:
    """Yield stretches that hold what is turned down, with room for the gain to come back to 1.0."""
    room = 2 * _LOOK + _HOLD + 2
    cuts = np.flatnonzero(np.diff(turned) > 2 * room) + 1
    for stretch in np.split(turned, cuts):
        yield max(int(stretch[0]) - room, 0), min(int(stretch[-1]) + room + 1, length)


def _smooth_gain(wanted: _Gain) -> _Gain:
    """Find a gain that is never more than wanted and changes smoothly, (n,).

    The least within reach is taken first; a mean over less than that reach then cannot be more than what was wanted.
    """
    padded = np.pad(wanted, (_LOOK + _HOLD, _LOOK), constant_values=1.0)
    least = _sliding_minimum(padded, 2 * _LOOK + _HOLD + 1)
    half = _LOOK // 2
    return _mean(_mean(least, half), half)


def _sliding_minimum(values: _Gain, window: int) -> _Gain:
    """Take the least of every ``window`` values in a row (van Herk 1992): (n - window + 1,)."""
    count = len(values)
    padded = np.pad(values, (0, -count % window), constant_values=1.0).reshape(-1, window)
    ahead = np.minimum.accumulate(padded, axis=1).reshape(-1)
    behind = np.minimum.accumulate(padded[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    wanted = count - window + 1
    return np.minimum(behind[:wanted], ahead[window - 1 : window - 1 + wanted])


def _mean(values: _Gain, reach: int) -> _Gain:
    """Average each value with ``reach`` others on each side; the first and the last are held beyond the ends."""
    held = np.pad(values.astype(np.float64), (reach + 1, reach), mode="edge")
    sums = np.cumsum(held)
    return np.asarray(
        (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1), np.float32
    )
