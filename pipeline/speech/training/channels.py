"""What happens to a voice on its way: other throats, rooms, noise, microphones, and above all codecs."""

from typing import Final

import numpy as np

from pipeline.media import through_codec
from pipeline.speech.loudness import RATE_HZ
from pipeline.types import Samples

_AMR_MODES: Final = (4750, 5900, 7400, 10_200, 12_200)
_DECAYS_S: Final = (0.12, 0.6)
"""Time in which a room's echo falls by 60 dB: from a furnished office to a bare meeting room."""


def throat(samples: Samples, factor: float) -> Samples:
    """Play faster (above 1.0) or slower: pitch, formants and tempo change together, as between a child and a giant.

    Returns:
        (round(n / factor),): labels shrink by the same factor.
    """
    count = round(len(samples) / factor)
    positions = np.linspace(0, len(samples) - 1, count)
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def channel(samples: Samples, generator: np.random.Generator) -> Samples:
    """Send a voice through a room, noise, a microphone and a codec, each drawn at random or left out; same length."""
    heard = samples / max(float(np.abs(samples).max()), 1e-6) * generator.uniform(0.1, 0.9)
    if generator.random() < 0.4:
        heard = _room(heard, generator)
    if generator.random() < 0.6:
        heard = _microphone(heard, generator)
    if generator.random() < 0.6:
        heard = _noise(heard, generator)
    heard = np.clip(heard, -1, 1).astype(np.float32)
    choice = generator.random()
    if choice < 0.40:
        heard = through_codec(
            heard, RATE_HZ, "opus", int(generator.choice([10, 12, 16, 24, 32])) * 1000
        )
    elif choice < 0.65:
        heard = through_codec(heard, RATE_HZ, "amr", int(generator.choice(_AMR_MODES)))
    elif choice < 0.75:
        heard = through_codec(heard, RATE_HZ, "aac", int(generator.choice([32, 64])) * 1000)
    elif choice < 0.80:
        heard = through_codec(heard, RATE_HZ, "alaw", 64_000)
    return heard


def _room(samples: Samples, generator: np.random.Generator) -> Samples:
    """Add the echo of a room: noise that decays exponentially (Polack 1988), behind the direct sound."""
    decay_s = generator.uniform(*_DECAYS_S)
    seconds = np.arange(round(decay_s * RATE_HZ)) / RATE_HZ
    echo = generator.standard_normal(len(seconds)) * 10 ** (-3 * seconds / decay_s)
    echo[: round(generator.uniform(0.001, 0.008) * RATE_HZ)] = 0
    echo *= 10 ** (generator.uniform(-12, 3) / 20) / max(float(np.sqrt(np.sum(echo**2))), 1e-9)
    echo[0] = 1.0
    size = 1 << (len(samples) + len(echo)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(echo, size)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(samples)], np.float32)


def _microphone(samples: Samples, generator: np.random.Generator) -> Samples:
    """Colour the sound: a smooth random gain over the octaves, up to some 12 dB."""
    spectrum = np.fft.rfft(samples)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), 50) / 50)
    knots = generator.normal(0, 5, 9)
    gain_db = np.interp(octaves, np.arange(9), knots)
    return np.asarray(np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(samples)), np.float32)


def _noise(samples: Samples, generator: np.random.Generator) -> Samples:
    """Add noise whose power falls with frequency, 8 to 40 dB below the voice; sometimes mains hum with it."""
    count = len(samples)
    spectrum = np.fft.rfft(generator.standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE_HZ), 40)
    noise = np.fft.irfft(spectrum / hertz ** generator.uniform(0, 1.2), count)
    if generator.random() < 0.2:
        seconds = np.arange(count) / RATE_HZ
        level = float(np.std(noise))
        noise += level * sum(np.sin(2 * np.pi * 50 * k * seconds) / k for k in range(1, 6))
    wanted = float(np.std(samples)) * 10 ** (-generator.uniform(8, 40) / 20)
    return np.asarray(samples + noise * wanted / max(float(np.std(noise)), 1e-9), np.float32)
