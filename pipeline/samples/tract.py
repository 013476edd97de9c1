"""A formant synthesiser: a glottal source and noise through a cascade of resonances.

After D. H. Klatt, "Software for a cascade/parallel formant synthesizer", J. Acoust. Soc. Am. 67 (1980) 971-995: the
cascade shapes voice and breath, parallel resonances shape the hiss of s and of bursts, and the source's pulse is the
polynomial of D. and L. Klatt, J. Acoust. Soc. Am. 87 (1990) 820-857. Only what a short sample needs is here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Samples

RATE_HZ: Final = 16000
FRAME: Final = 80
"""Samples for which the settings of the tract hold: 5 ms."""

_UPPER_HZ: Final = ((3400.0, 220.0), (4300.0, 300.0))
"""Fourth and fifth formant and their bandwidths; they hardly move."""
_HISS: Final = 0.085
"""Makes a hiss of 1.0 an s some 6 dB below a loud vowel."""
_OPEN: Final = 0.62
"""Share of a period during which the glottis is open."""
_FLUTTER: Final = 0.012
"""Slow unsteadiness of the pitch, which a dead steady voice lacks."""


@dataclass(frozen=True)
class Setting:
    """The tract for one frame of 5 ms; amplitudes are linear, 1.0 is a loud vowel's."""

    pitch_hz: float
    formants_hz: tuple[float, float, float]
    bandwidths_hz: tuple[float, float, float]
    voice: float
    breath: float
    hiss: float
    hiss_hz: float
    hiss_width_hz: float


def sound(settings: Sequence[Setting], rng: np.random.Generator) -> Samples:
    """Let the tract speak: ``FRAME`` samples per setting, not yet scaled."""
    noise = rng.standard_normal(len(settings) * FRAME)
    source = _source(settings, noise)
    for formant in range(3):
        poles = [(s.formants_hz[formant], s.bandwidths_hz[formant]) for s in settings]
        source = _resonate(source, poles)
    for upper in _UPPER_HZ:
        source = _resonate(source, [upper] * len(settings))
    hiss = noise * _spread([s.hiss for s in settings])
    hissed = _resonate(hiss, [(s.hiss_hz, s.hiss_width_hz) for s in settings])
    # Lips radiate the change of pressure; the pulse is already a change, the hiss is not.
    hissed = np.diff(hissed, prepend=0.0)
    return np.asarray(source + _HISS * hissed, np.float32)


def _spread(values: Sequence[float]) -> NDArray[np.float64]:
    """One value per frame becomes one per sample, on straight lines."""
    at = (np.arange(len(values)) + 0.5) * FRAME
    return np.interp(np.arange(len(values) * FRAME), at, values)


def _source(settings: Sequence[Setting], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Glottal pulses, and breath that is stronger while the glottis is open."""
    pitch = _spread([s.pitch_hz for s in settings])
    second = np.arange(len(pitch)) / RATE_HZ
    flutter = np.sin(math.tau * 12.7 * second) + np.sin(math.tau * 7.1 * second)
    pitch = pitch * (1.0 + _FLUTTER / 2.0 * (flutter + np.sin(math.tau * 4.7 * second)))
    phase = np.cumsum(pitch / RATE_HZ) % 1.0
    t = np.clip(phase / _OPEN, 0.0, 1.0)
    pulse = np.where(phase < _OPEN, 2.0 * t - 3.0 * t * t, 0.0)
    voiced = _tilted(pulse - pulse.mean()) * _spread([s.voice for s in settings])
    gate = 0.45 + 0.55 * (phase < _OPEN)
    aspiration = 0.075 * noise * gate * _spread([s.breath for s in settings])
    return np.asarray(voiced + aspiration + 0.012 * noise * np.abs(voiced), np.float64)


def _tilted(pulse: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round the corners of the pulse: a voice at ease is softer above some 2 kHz."""
    rounded = np.convolve(pulse, [0.25, 0.5, 0.25], mode="same")
    return np.asarray(0.6 * pulse + 0.4 * rounded, np.float64)


def _resonate(
    signal: NDArray[np.float64], poles: Sequence[tuple[float, float]]
) -> NDArray[np.float64]:
    """Klatt's resonator, y = A x + B y' + C y'', with one (frequency, bandwidth) per frame."""
    y1 = y2 = 0.0
    shaped: list[float] = []
    samples = signal.tolist()
    for frame, (frequency, bandwidth) in enumerate(poles):
        radius = math.exp(-math.pi * bandwidth / RATE_HZ)
        c = -radius * radius
        b = 2.0 * radius * math.cos(math.tau * frequency / RATE_HZ)
        a = 1.0 - b - c
        for x in samples[frame * FRAME : (frame + 1) * FRAME]:
            y = a * x + b * y1 + c * y2
            y1, y2 = y, y1
            shaped.append(y)
    return np.array(shaped)
