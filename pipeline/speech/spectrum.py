"""What the acoustic model hears: mel spectra, evened out over time, so that microphone, room and distance matter little."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.loudness import RATE_HZ, power_spectra, smoothed
from pipeline.types import Samples

Spectra = NDArray[np.float32]
"""(n, BANDS), one row every 10 ms."""

BANDS: Final = 40
_LOWEST_HZ: Final = 70.0
_HIGHEST_HZ: Final = 7600.0
_SILENT: Final = 1e-12
_DEEPEST_DB: Final = 65.0
"""Below the loud moments by more than this nothing is told apart: a floor that moves with the volume."""
_LOUD_RANGE_DB: Final = 28.0
"""What is less than this below the loud moments counts as speech when the usual spectrum is measured."""
_USUAL_S: Final = 4.0
"""Sigma of the time over which a voice's usual spectrum is measured."""
_SCALE_DB: Final = 18.0
_LIMIT: Final = 3.5


def spectra(samples: Samples, frames: int) -> Spectra:
    """Measure the mel spectrum around i / 100 s relative to what is usual for this voice and room.

    The mean spectrum of the loud moments near in time is taken out (cepstral mean normalisation, in the mel domain; Atal,
    JASA 55, 1974), so that the channel's own colour goes with it.

    Args:
        samples: (n,) mono, 16 kHz.
        frames: How many rows.

    Returns:
        (frames, ``BANDS``), about -3.5 to 3.5; 1.0 is 18 dB.
    """
    weights = _mel_weights()
    power = np.concatenate([block @ weights for block in power_spectra(samples, frames)])
    level_db = (10 * np.log10(np.maximum(power, _SILENT))).astype(np.float32)
    loudness_db = level_db.max(axis=1)
    top_db = float(np.percentile(loudness_db, 95))
    level_db = np.maximum(level_db, np.float32(top_db - _DEEPEST_DB))
    loud = loudness_db > top_db - _LOUD_RANGE_DB
    relative = (level_db - _usual(level_db, loud)) / _SCALE_DB
    return np.asarray(np.clip(relative, -_LIMIT, _LIMIT), np.float32)


def _usual(level_db: Spectra, loud: NDArray[np.bool_]) -> Spectra:
    """Average the loud moments around each moment; far from any, the mean of all of them."""
    overall = level_db[loud].mean(axis=0)
    weight = smoothed(loud.astype(np.float32), _USUAL_S)[:, None] + np.float32(0.02)
    excess = np.where(loud[:, None], level_db - overall, 0.0)
    drift = np.stack([smoothed(column, _USUAL_S) for column in excess.T.astype(np.float32)], axis=1)
    return np.asarray(overall + drift / weight, np.float32)


def _mel_weights() -> NDArray[np.float32]:
    """Draw overlapping triangles, evenly spaced in mel (O'Shaughnessy 1987): (bins, ``BANDS``)."""
    bins_hz = np.fft.rfftfreq(512, 1 / RATE_HZ)
    edges_mel = np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - low) / (middle - low)
    falling = (high - bins_hz[:, None]) / (high - middle)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(weights / np.maximum(weights.sum(axis=0), 1e-9), np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
