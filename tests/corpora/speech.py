"""Labelled speech: sentences spoken by eSpeak NG, with the exact time of every phoneme."""

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Samples

_RETRIEVAL: Final = 1
_PHONEME_EVENTS: Final = 1 | 2
_UTF8: Final = 1
_EVENT_PHONEME: Final = 7
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


@dataclass(frozen=True)
class Spoken:
    """A sentence as sound, and what is said when."""

    samples: Samples
    """(n,) mono at 16 kHz."""
    phonemes: tuple[tuple[float, str], ...]
    """(start in seconds, IPA), in order; an empty name is a pause."""

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / 16_000


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL("libespeak-ng.so.1")
    rate_hz = library.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS)
    return library, rate_hz


def speak(text: str, voice: str, words_per_minute: int = 165) -> Spoken:
    """Let eSpeak NG say a text; ``voice`` as in ``espeak-ng -v`` ("cmn-latn-pinyin" takes pinyin)."""
    library, rate_hz = _library()
    blocks: list[np.ndarray] = []
    phonemes: list[tuple[float, str]] = []

    def collect(wav: "ctypes._Pointer[ctypes.c_short]", count: int, address: int) -> int:
        if wav and count:
            blocks.append(np.ctypeslib.as_array(wav, (count,)).copy())
        events = ctypes.cast(address, ctypes.POINTER(_Event))
        index = 0
        while events[index].type:
            if events[index].type == _EVENT_PHONEME:
                name = bytes(events[index].id.string).split(b"\0")[0].decode()
                phonemes.append((events[index].audio_position / 1000, name))
            index += 1
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise LookupError(voice)
    library.espeak_SetParameter(1, words_per_minute, 0)
    spelled = text.encode() + b"\0"
    library.espeak_Synth(spelled, len(spelled), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    sound = np.concatenate(blocks).astype(np.float64) / 32768
    return Spoken(_resampled(sound, rate_hz), tuple(phonemes))


def _resampled(sound: np.ndarray, rate_hz: int) -> Samples:
    """Bring a sentence to 16 kHz through its spectrum."""
    count = len(sound) * 16_000 // rate_hz
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return (np.fft.irfft(spectrum, count) * count / len(sound)).astype(np.float32)


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
    ends = [start for start, _ in said.phonemes[1:]] + [said.duration_s]
    for (start, name), end in zip(said.phonemes, ends, strict=True):
        first, last = round(start * 100), round(end * 100)
        steps = _openings(name)
        edges = np.linspace(first, last, len(steps) + 1).round().astype(int)
        for value, begin, stop in zip(steps, edges[:-1], edges[1:], strict=True):
            drawn[begin:stop] = value
    return drawn


def _openings(name: str) -> list[float]:
    """List the openings a phoneme goes through: one, or one for each vowel of a diphthong."""
    if not name or name.startswith("("):
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
