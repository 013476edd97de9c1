"""Recordings that are hard to bring to one loudness: (channels, n) samples at 48 kHz."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.media import through_codec
from tests.corpora.speech import AH, EE, OO, SHUT, babble

Sound = NDArray[np.float32]

RATE_HZ: Final = 48_000
_SYLLABLES: Final = (AH, SHUT, EE, SHUT, OO, AH, SHUT, EE)


def voice(phrases: int = 4) -> Sound:
    """A babble with pauses, (1, n); its loudest sample is 0.3."""
    pause = np.zeros(4800, np.float32)
    said = [np.concatenate([babble(_SYLLABLES, 110.0 + 7 * at), pause]) for at in range(phrases)]
    slow = np.concatenate(said)
    places = np.arange(3 * len(slow)) / 3
    return np.interp(places, np.arange(len(slow)), slow).astype(np.float32)[None]


def _clicks() -> Sound:
    sound = 0.05 * voice()
    sound[0, 7000::21_000] = 0.9
    return sound


def _telephone() -> Sound:
    return through_codec(voice()[0], RATE_HZ, "amr", 12_200)[None]


def _music() -> Sound:
    said = voice()
    seconds = np.arange(said.shape[1]) / RATE_HZ
    chord = sum(np.sin(2 * np.pi * hertz * seconds) for hertz in (196.0, 246.9, 293.7, 392.0))
    return said + (0.03 * np.asarray(chord) * (1 + np.sin(4 * seconds))).astype(np.float32)


def _around(sound: Sound, seconds: float) -> Sound:
    silence = np.zeros((len(sound), round(seconds * RATE_HZ)), np.float32)
    return np.concatenate([silence, sound, silence], axis=1)


KINDS: Final[dict[str, Callable[[], Sound]]] = {
    "quiet": lambda: 0.004 * voice(),
    "hardly there": lambda: 0.0015 * voice(),
    "loud": lambda: 3.3 * voice(),
    "clipped": lambda: np.clip(20 * voice(), -1, 1),
    "clicks": _clicks,
    "telephone": _telephone,
    "music under it": _music,
    "stereo": lambda: np.concatenate([voice(), 0.5 * np.roll(voice(), 40)]),
    "one side": lambda: np.concatenate([voice(), np.zeros_like(voice())]),
    "opposite sides": lambda: np.concatenate([voice(), -voice()]),
    "half a second": lambda: voice(1)[:, 2400:26_400],
    "a constant in it": lambda: 0.3 + 0.2 * voice(),
    "silence around": lambda: _around(voice(2), 15.0),
}
