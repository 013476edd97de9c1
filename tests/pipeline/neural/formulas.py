"""Whisper's picture of sound, from its definition."""

import math

import numpy as np


def log_mel(samples: np.ndarray, length: int | None = None) -> np.ndarray:
    """A recording's picture, (80, frames), a hundred a second; with ``length`` it is filled up with silence first."""
    padded = np.zeros(length or len(samples))
    padded[: len(samples)] = samples
    framed = np.pad(padded, 200, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(framed, 400)[::160][: len(padded) // 160]
    power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    loud = np.log10(np.maximum(power @ slaney(80).T, 1e-10)).T
    return (np.maximum(loud, loud.max() - 8) + 4) / 4


def slaney(bands: int) -> np.ndarray:
    """Triangles of equal area on Slaney's mel scale, (bands, 201)."""

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * math.log(6.4) / 27))

    top = 15 + 27 * math.log(8) / math.log(6.4)
    edges = hertz(np.linspace(0, top, bands + 2))
    frequencies = np.linspace(0, 8000, 201)
    rows = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rise, fall = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        rows.append(np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low))
    return np.array(rows)
