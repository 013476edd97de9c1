"""A generated voice: a script of sounds with durations, moved smoothly from one to the next, spoken by ``tract``.

It says "Welcome to Chorus. One recording, many presenters." Formant targets are in the neighbourhood of those that
Klatt (1980, see ``tract``) gives for a male speaker of American English.
"""

import wave
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.samples.tract import FRAME, RATE_HZ, Setting, sound
from pipeline.types import Samples

TEXT: Final = "Welcome to Chorus. One recording, many presenters."

_FRAME_S: Final = FRAME / RATE_HZ
_PEAK: Final = 0.7
_ROOM: Final = 2e-4
"""Noise of a quiet room, so that a pause is not digital silence."""
_GLIDE_S: Final = 0.075
"""How long formants take from one sound to the next."""
_ATTACK_S: Final = 0.024
"""How long voice and noise take to come and go."""
_SEED: Final = 5


@dataclass(frozen=True)
class _Sound:
    """Targets of one speech sound: formants in Hz, amplitudes with 1.0 a loud vowel's."""

    formants_hz: tuple[float, float, float]
    voice: float = 0.0
    breath: float = 0.0
    hiss: float = 0.0
    hiss_hz: float = 4800.0
    hiss_width_hz: float = 1500.0
    wide: float = 1.0
    """Factor on the bandwidths: nasal and lateral sounds are damped."""


def _vowel(f1: float, f2: float, f3: float, loud: float = 1.0) -> _Sound:
    return _Sound((f1, f2, f3), voice=loud)


_SOUNDS: Final = {
    "_": _Sound((500, 1500, 2500)),
    "iy": _vowel(300, 2100, 2950, 0.9),
    "ih": _vowel(410, 1800, 2570),
    "ix": _vowel(430, 1650, 2520, 0.8),
    "eh": _vowel(550, 1720, 2500),
    "ax": _vowel(530, 1280, 2480, 0.85),
    "ah": _vowel(640, 1200, 2550),
    "ao": _vowel(560, 860, 2500),
    "uw": _vowel(340, 1080, 2250, 0.9),
    "er": _vowel(470, 1280, 1560, 0.95),
    "w": _vowel(290, 620, 2200, 0.55),
    "l": replace(_vowel(330, 1050, 2850, 0.55), wide=1.4),
    "r": _vowel(330, 1080, 1420, 0.60),
    "m": replace(_vowel(260, 1050, 2200, 0.62), wide=2.4),
    "n": replace(_vowel(260, 1600, 2600, 0.62), wide=2.4),
    "ng": replace(_vowel(270, 1980, 2700, 0.62), wide=2.4),
    # Stops: the closure (with a murmur where voiced), the burst, the breath until the voice sets in.
    "p-": _Sound((350, 900, 2150)),
    "p!": _Sound((380, 1000, 2200), breath=0.5, hiss=8.0, hiss_hz=900, hiss_width_hz=500),
    "ph": _Sound((420, 1150, 2000), breath=1.6),
    "t-": _Sound((300, 1700, 2650)),
    "t!": _Sound((320, 1700, 2650), hiss=2.0, hiss_hz=4200, hiss_width_hz=1400),
    "th": _Sound((380, 1500, 2500), breath=1.3, hiss=0.4, hiss_hz=4200),
    "k-": _Sound((300, 1150, 2200)),
    "k!": _Sound((320, 1150, 2200), hiss=7.0, hiss_hz=1450, hiss_width_hz=260),
    "kh": _Sound((420, 1000, 2300), breath=1.7, hiss=0.5, hiss_hz=1300, hiss_width_hz=450),
    "d-": _Sound((220, 1650, 2650), voice=0.14, wide=2.0),
    "d!": _Sound((280, 1650, 2650), voice=0.35, hiss=1.0, hiss_hz=3900),
    "s": _Sound((330, 1500, 2550), hiss=0.85, hiss_hz=5200, hiss_width_hz=1600),
    "z": _Sound((300, 1500, 2550), voice=0.30, hiss=0.42, hiss_hz=5200, hiss_width_hz=1600),
}

_SCRIPT: Final = """
_ 300  w 85 eh 100 l 75 k- 60 k! 18 kh 40 ax 75 m 85  t- 60 t! 14 th 40 uw 75
k- 65 k! 16 kh 42 ao 120 r 75 ax 80 s 150  _ 650
w 90 ah 120 n 90  r 80 ix 70 k- 60 k! 18 kh 38 ao 110 r 70 d- 45 d! 12 ix 85 ng 120  _ 260
m 95 eh 115 n 70 iy 95  p- 75 p! 12 ph 34 r 65 ix 60 z 80 eh 115 n 60 t- 45 t! 14 th 34 er 130 z 150  _ 500
"""
"""Sounds and their lengths in milliseconds."""

_PACE: Final = 1.12
"""Factor on the lengths of all sounds but pauses."""
_MELODY: Final = (
    (0.00, 116), (0.45, 132), (0.75, 116), (1.00, 112), (1.32, 126), (1.55, 104), (1.76, 86),
    (2.38, 118), (2.58, 134), (2.78, 118), (3.08, 126), (3.33, 108), (3.47, 120), (3.78, 122),
    (3.98, 134), (4.18, 116), (4.43, 114), (4.68, 128), (4.98, 102), (5.23, 82), (5.70, 76),
)  # fmt: skip
"""Pitch in Hz at seconds: a rise on each stressed syllable over a line that falls through the phrase."""


def speak() -> Samples:
    """Synthesise ``TEXT``: (n,) mono at ``RATE_HZ``; the same samples every time."""
    rng = np.random.default_rng(_SEED)
    spoken = sound(_settings(), rng)
    spoken *= _PEAK / float(np.abs(spoken).max())
    return np.asarray(spoken + _ROOM * rng.standard_normal(len(spoken)), np.float32)


def write_voice(path: Path, repeats: int = 1) -> float:
    """Write the generated recording as a WAV file (16 bit, mono), said ``repeats`` times; returns its length in seconds."""
    spoken = np.tile(speak(), repeats)
    samples = np.clip(np.round(spoken * 32767.0), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return len(samples) / RATE_HZ


def _settings() -> list[Setting]:
    """The script as one setting of the tract per frame."""
    words = _SCRIPT.split()
    steps = [
        (_SOUNDS[name], _frames(name, float(length_ms)))
        for name, length_ms in zip(words[::2], words[1::2], strict=True)
    ]
    rows = [target for target, frames in steps for _ in range(frames)]
    formants = np.array([row.formants_hz for row in rows])
    _hold_through_pauses(formants, rows)
    formants = _smooth(formants, _GLIDE_S)
    wide = _smooth(np.array([[row.wide] for row in rows]), 0.03)[:, 0]
    levels = _smooth(np.array([(row.voice, row.breath, row.hiss) for row in rows]), _ATTACK_S)
    seconds = (np.arange(len(rows)) + 0.5) * _FRAME_S
    turns = np.array(_MELODY)
    pitch = np.interp(seconds, turns[:, 0], turns[:, 1])
    return [
        Setting(
            pitch_hz=float(pitch[i]),
            formants_hz=(float(formants[i, 0]), float(formants[i, 1]), float(formants[i, 2])),
            bandwidths_hz=(60.0 * wide[i], 90.0 * wide[i], 130.0 * wide[i]),
            voice=float(levels[i, 0]),
            breath=float(levels[i, 1]),
            hiss=float(levels[i, 2]),
            hiss_hz=row.hiss_hz,
            hiss_width_hz=row.hiss_width_hz,
        )
        for i, row in enumerate(rows)
    ]


def _frames(name: str, length_ms: float) -> int:
    return round(length_ms * (1.0 if name == "_" else _PACE) / 1000.0 / _FRAME_S)


def _hold_through_pauses(formants: NDArray[np.float64], rows: list[_Sound]) -> None:
    """In a pause the tract already stands as the next sound wants it; changes ``formants`` in place."""
    rest = _SOUNDS["_"]
    for i in range(len(rows) - 2, -1, -1):
        if rows[i] is rest:
            formants[i] = formants[i + 1]


def _smooth(tracks: NDArray[np.float64], over_s: float) -> NDArray[np.float64]:
    """Turn steps into glides of about ``over_s`` seconds, column by column; the ends are held."""
    half = max(1, round(over_s / _FRAME_S / 2))
    window = np.hanning(2 * half + 3)[1:-1]
    window /= window.sum()
    padded = np.pad(tracks, ((half, half), (0, 0)), mode="edge")
    columns = [np.convolve(column, window, mode="valid") for column in padded.T]
    return np.stack(columns, axis=1)
