"""Speech of two kinds: what a known sentence asks of the mouth, and a babble made without any outside program."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.training.synthesis import Spoken
from pipeline.types import Samples

_VOWEL_OPENINGS: Final = {
    "a": 1.0, "ɑ": 1.0, "æ": 0.85, "ɐ": 0.85, "ʌ": 0.75, "ɒ": 0.8, "ɔ": 0.65, "ɛ": 0.65, "œ": 0.6,
    "o": 0.5, "e": 0.5, "ə": 0.5, "ɜ": 0.5, "ɤ": 0.5, "ø": 0.45, "ɵ": 0.45, "ɚ": 0.45, "ɝ": 0.45,
    "ɪ": 0.42, "ʊ": 0.32, "ʏ": 0.3, "i": 0.3, "ɨ": 0.3, "u": 0.22, "y": 0.22,
}  # fmt: skip
"""By the height of the vowel in the IPA chart."""
_CONSONANT_OPENINGS: Final = {
    **dict.fromkeys("mbp", 0.0), **dict.fromkeys("fv", 0.1), **dict.fromkeys("szɕ", 0.15),
    **dict.fromkeys("tdnlðθɾʃʒw", 0.22), **dict.fromkeys("kɡgŋxçχj", 0.32), "ɹ": 0.35, "h": 0.45,
}  # fmt: skip


def opening_of(said: Spoken) -> NDArray[np.float32]:
    """Draw how far the mouth should be open, in steps, one value every 10 ms; pauses are 0.0."""
    drawn = np.zeros(math.ceil(said.duration_s * 100) + 1, np.float32)
    for phone in said.phones:
        steps = _openings(phone.name)
        edges = np.linspace(phone.start_s, phone.end_s, len(steps) + 1) * 100
        bounds = edges.round().astype(int)
        for value, begin, stop in zip(steps, bounds[:-1], bounds[1:], strict=True):
            drawn[begin:stop] = value
    return drawn


def _openings(name: str) -> list[float]:
    """List the openings a phoneme goes through: one, or one for each vowel of a diphthong."""
    if not name:
        return [0.0]
    if name[0] in _CONSONANT_OPENINGS:
        return [_CONSONANT_OPENINGS[name[0]]]
    return [_VOWEL_OPENINGS[letter] for letter in name if letter in _VOWEL_OPENINGS] or [0.4]


@dataclass(frozen=True)
class Sound:
    """One sound of ``babble``: first three formants in Hz, how long, how loud; no formants for a closure."""

    formants_hz: tuple[float, ...]
    length_s: float
    level: float = 1.0


AH: Final = Sound((750.0, 1250.0, 2500.0), 0.18)
EE: Final = Sound((290.0, 2250.0, 2950.0), 0.16, 0.6)
OO: Final = Sound((320.0, 800.0, 2300.0), 0.16, 0.6)
SHUT: Final = Sound((), 0.07)


def babble(sounds: Sequence[Sound], pitch_hz: float = 118.0) -> Samples:
    """Make voiced sounds in a row, without any outside program: a buzz through three moving resonances.

    Near enough to a voice for the voice detector; the pitch sinks and wavers as in a spoken phrase.
    """
    rate_hz = 16_000
    counts = [round(sound.length_s * rate_hz) for sound in sounds]
    total = sum(counts)
    seconds = np.arange(total) / rate_hz
    waver = 1 + 0.06 * np.sin(2 * np.pi * 2.3 * seconds) - 0.12 * seconds / max(seconds[-1], 1)
    phase = np.cumsum(pitch_hz * waver / rate_hz)
    frames = np.repeat(np.arange(len(sounds)), counts)
    formants = np.array([sound.formants_hz or AH.formants_hz for sound in sounds])
    levels = np.array([sound.level if sound.formants_hz else 0.0 for sound in sounds])
    blur = np.hanning(640) / np.hanning(640).sum()
    tracks = np.stack([_blurred(formants[frames, column], blur) for column in range(3)])
    loud = _blurred(levels[frames], blur)
    voice = np.zeros(total)
    for harmonic in range(1, 34):
        hertz = harmonic * pitch_hz * waver
        gain = sum(
            1 / (1 + ((hertz - track) / width) ** 2)
            for track, width in zip(tracks, (70.0, 90.0, 130.0), strict=True)
        )
        voice += gain / harmonic**0.7 * np.sin(2 * np.pi * harmonic * phase)
    voice *= loud
    return (0.3 * voice / np.abs(voice).max()).astype(np.float32)


def _blurred(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    held = np.pad(values.astype(float), len(kernel) // 2, mode="edge")
    return np.convolve(held, kernel, mode="valid")[: len(values)]
