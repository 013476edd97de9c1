"""How loud the Take is, every 10 ms and in the parts of the spectrum that tell mouth positions apart."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import CURVE_RATE_HZ, Samples

Levels = NDArray[np.float32]
"""One value every 10 ms, (n,), in decibels."""

RATE_HZ: Final = 16_000
"""Everything about speech is measured on sound at this rate."""

HOP: Final = RATE_HZ // CURVE_RATE_HZ
_WINDOW: Final = 400
"""25 ms: long enough to hold two periods of a low voice, short enough for the closure of a stop (50 ms and more)."""
_FFT: Final = 512
_BLOCK: Final = 4096
"""Frames transformed at a time (41 s), so that memory does not grow with the Take's length beyond its own samples."""

FLOOR_DB: Final = -100.0
"""What digital silence measures; below the rounding noise of 16 bit sound."""
_SILENT_DB: Final = FLOOR_DB + 0.01
"""At or below it a gain changes nothing: there is no sound."""

_SPEAKING_LEVEL_DB: Final = -16.0
"""Level of vowels that detector and recogniser are used to."""
_HIGHEST_LEVEL_DB: Final = -8.0
"""Hum and rumble below the voice count here too."""
_LOUD_FRAMES: Final = (30, 300)
"""At least and at most this much of a recording is taken for loud: more than a slammed door, and no silence."""
_MOST_GAIN_DB: Final = 45.0
"""More would make speech of the noise of a silent room."""

_BANDS_HZ: Final[dict[str, tuple[float, float]]] = {
    "murmur": (80.0, 350.0),
    "jaw": (450.0, 1100.0),
    "voice": (300.0, 3000.0),
    "hiss": (3400.0, 7600.0),
}


@dataclass(frozen=True)
class Bands:
    """Energy of the sound in parts of its spectrum: parallel arrays, entry i measured around i / 100 s.

    Decibels relative to a sine of full scale, never below ``FLOOR_DB``.
    """

    murmur: Levels
    """80-350 Hz: voicing. What is left when the lips are closed and the nose is open (m), and of i and u."""
    jaw: Levels
    """450-1100 Hz: the first formant is here when the jaw is low (a, o), below it when it is high."""
    voice: Levels
    """300-3000 Hz: what every channel, the telephone included, carries of vowels."""
    hiss: Levels
    """3400-7600 Hz: noise of s, sh, f. Empty on the telephone."""
    total: Levels
    """80-7600 Hz."""

    def louder(self, gain_db: float) -> "Bands":
        """Tell what would be measured of the same sound with this gain; digital silence stays it."""
        return Bands(
            **{field.name: _raised(getattr(self, field.name), gain_db) for field in fields(self)}
        )


def measure(samples: Samples, frames: int) -> Bands:
    """Measure the energy in each band around i / 100 s, for i from 0 to ``frames`` - 1.

    Args:
        samples: (n,) mono, 16 kHz. Shorter than ``frames`` asks for: silence follows.
        frames: How many values each array shall have, at least 1.
    """
    frequencies = np.fft.rfftfreq(_FFT, 1 / RATE_HZ)
    edges = {**_BANDS_HZ, "total": (80.0, 7600.0)}
    picks = np.stack([(frequencies >= low) & (frequencies < high) for low, high in edges.values()])
    levels = np.concatenate(
        [_decibels(power @ picks.T.astype(np.float32)) for power in power_spectra(samples, frames)]
    )
    return Bands(**{name: levels[:, column] for column, name in enumerate(edges)})


def gain_to_speaking_level_db(bands: Bands) -> float:
    """Choose the gain that brings the voice to speaking level without driving anything else into clipping."""
    to_level_db = _SPEAKING_LEVEL_DB - _loud_db(bands.voice)
    return min(to_level_db, _HIGHEST_LEVEL_DB - _loud_db(bands.total), _MOST_GAIN_DB)


def _loud_db(level_db: Levels) -> float:
    """Measure how loud it is where it is loud: in a twentieth of the Take, but at most three seconds."""
    frames = len(level_db)
    loudest = min(max(frames // 20, _LOUD_FRAMES[0]), _LOUD_FRAMES[1], frames)
    return float(np.sort(level_db)[-loudest])


def smoothed(values: NDArray[np.float32], sigma_s: float) -> NDArray[np.float32]:
    """Average with a Gaussian of the given width; the first and last value are held beyond the ends."""
    reach = max(1, round(3 * sigma_s * CURVE_RATE_HZ))
    positions = np.arange(-reach, reach + 1) / CURVE_RATE_HZ
    kernel = np.exp(-0.5 * (positions / sigma_s) ** 2)
    held = np.pad(values.astype(np.float64), reach, mode="edge")
    return np.convolve(held, kernel / kernel.sum(), mode="valid").astype(np.float32)


def power_spectra(samples: Samples, frames: int) -> Iterator[NDArray[np.float32]]:
    """Yield the power spectra in blocks of (frames, bins); 1.0 is the power of a full-scale sine."""
    taper = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    scale = np.float32(4.0 / (_FFT * np.sum(taper**2)))  # Parseval, one-sided
    half = _WINDOW // 2
    for first in range(0, frames, _BLOCK):
        count = min(_BLOCK, frames - first)
        start, stop = first * HOP - half, (first + count - 1) * HOP + half
        inside = samples[max(0, start) : max(0, min(stop, len(samples)))]
        padded = np.zeros(stop - start, np.float32)
        offset = max(0, -start)
        padded[offset : offset + len(inside)] = inside
        windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
        spectra = np.fft.rfft(windows * taper, _FFT)
        yield (np.abs(spectra) ** 2).astype(np.float32) * scale


def _decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    level_db = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return np.asarray(np.maximum(level_db, FLOOR_DB), np.float32)


def _raised(level_db: Levels, gain_db: float) -> Levels:
    raised = np.where(level_db > _SILENT_DB, level_db + gain_db, FLOOR_DB)
    return np.asarray(np.maximum(raised, FLOOR_DB), np.float32)
