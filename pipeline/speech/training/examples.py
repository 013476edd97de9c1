"""What the model learns from: the evidence of a sentence beside what the mouth does in it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech import coarticulation, loudness
from pipeline.speech.acoustic import Evidence, evidence
from pipeline.speech.loudness import RATE_HZ, smoothed
from pipeline.speech.phones import Phone, hear
from pipeline.speech.spectrum import spectra
from pipeline.speech.training.channels import channel, throat
from pipeline.speech.training.synthesis import Spoken
from pipeline.speech.visemes import visemes_of
from pipeline.types import CURVE_RATE_HZ, Samples

Labels = NDArray[np.float32]
"""(n, 5): opening, width, rounding, closure, teeth; one row every 10 ms."""

LABELS: Final = ("opening", "width", "rounding", "closure", "teeth")
_STOP_SHARE: Final = 0.8
"""Of a p or b the last fifth is the burst, with the lips already apart."""
_MOVE_S: Final = 0.02
_PAUSE_S: Final = (0.1, 0.6)
"""Silence put before and after a sentence."""


@dataclass(frozen=True)
class Example:
    """One sentence, as heard through one channel."""

    evidence: Evidence
    labels: Labels


def contacts(phones: tuple[Phone, ...], frames: int, *, released: bool) -> Labels:
    """Mark the frames in which lips or lip and teeth touch.

    Args:
        phones: What is said.
        frames: How many rows.
        released: Whether the burst at the end of a stop is left out.

    Returns:
        (frames, 2), 0.0 or 1.0: closure, teeth.
    """
    marks = np.zeros((frames, 2), np.float32)
    for phone in phones:
        visemes = visemes_of(phone.name)
        edges = np.linspace(phone.start_s, phone.end_s, len(visemes) + 1)
        for viseme, start, end in zip(visemes, edges[:-1], edges[1:], strict=True):
            stop = released and phone.name.startswith(("p", "b"))
            last = start + (end - start) * (_STOP_SHARE if stop else 1.0)
            rows = slice(round(start * CURVE_RATE_HZ), round(last * CURVE_RATE_HZ))
            marks[rows, 0] += viseme.closure >= 0.5
            marks[rows, 1] += viseme.teeth >= 0.5
    return np.minimum(marks, 1)


def labels_of(phones: tuple[Phone, ...], frames: int) -> Labels:
    """Tell what a mouth does that says these phones (dominance functions: ``coarticulation``)."""
    spoken = [phone for phone in phones if visemes_of(phone.name)]
    targets = coarticulation.blend(spoken, frames)
    said = np.zeros(frames, np.float32)
    for phone in spoken:
        said[round(phone.start_s * CURVE_RATE_HZ) : round(phone.end_s * CURVE_RATE_HZ)] = 1
    touch = contacts(phones, frames, released=True)
    shut = smoothed(touch[:, 0], 0.008)
    free = (1 - shut) * (1 - 0.7 * smoothed(touch[:, 1], 0.008))
    opening = smoothed(targets.opening * said * free, _MOVE_S)
    wide = smoothed(targets.width * said, _MOVE_S)
    rounded = smoothed(targets.rounding * said, _MOVE_S)
    return np.stack([opening, wide, rounded, touch[:, 0], touch[:, 1]], axis=1)


def example(said: Spoken, generator: np.random.Generator) -> Example:
    """Make an example of a sentence: another throat, pauses around it, a channel."""
    factor = float(np.exp(generator.normal(0, 0.10)))
    samples = throat(said.samples, factor)
    lead, tail = (round(generator.uniform(*_PAUSE_S) * RATE_HZ) for _ in range(2))
    samples = channel(np.pad(samples, (lead, tail)), generator)
    lead_s = lead / RATE_HZ
    phones = tuple(
        replace(p, start_s=p.start_s / factor + lead_s, end_s=p.end_s / factor + lead_s)
        for p in said.phones
    )
    return _seen(samples, phones)


def _seen(samples: Samples, phones: tuple[Phone, ...]) -> Example:
    """Put the evidence of (n,) samples at 16 kHz beside the labels of what is said in them."""
    frames = len(samples) * CURVE_RATE_HZ // RATE_HZ + 1
    level = loudness.gain_to_speaking_level_db(loudness.measure(samples, frames))
    even = (samples * np.float32(10 ** (level / 20))).astype(np.float32)
    recognised = hear(even, [(0.0, len(even) / RATE_HZ)])
    return Example(evidence(spectra(even, frames), recognised), labels_of(phones, frames))
