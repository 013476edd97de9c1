"""The acoustic model: from spectra and recognised phones to what the mouth does.

A small network of our own (``pipeline.speech.training``) weighs two witnesses: the mel spectrum, which it learned to read
from synthesisers, and the phones of PocketSphinx, which knows English of real people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech import coarticulation
from pipeline.speech.phones import Phone
from pipeline.speech.spectrum import BANDS, Spectra
from pipeline.speech.visemes import visemes_of
from pipeline.types import CURVE_RATE_HZ

Evidence = NDArray[np.float32]
"""(n, INPUTS): spectra, then opening, width, rounding, closure and teeth as the recognised phones ask for them."""

INPUTS: Final = BANDS + 5
WIDTH: Final = 96
DILATIONS: Final = (1, 2, 4, 8, 1, 2, 4)
"""Frames between the taps of each block: together the network hears some 0.24 s to each side."""
_REACH: Final = 2 + sum(DILATIONS)
_BLOCK: Final = 3000
"""Frames at a time, so that memory does not grow with the Take."""

_Row = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """What the model makes of a Take: (n,) each, one value every 10 ms."""

    opening: _Row
    """0.0 to about 1.0, by what is said, not how loud."""
    width: _Row
    """-1.0 to 1.0."""
    rounding: _Row
    """0.0 to 1.0."""
    closure: _Row
    """0.0-1.0: how likely the lips are pressed together."""
    teeth: _Row
    """0.0-1.0: how likely the lower lip is at the upper teeth."""


def evidence(spectra: Spectra, phones: Sequence[Phone]) -> Evidence:
    """Put both witnesses side by side: one row for every row of the spectra."""
    frames = len(spectra)
    targets = coarticulation.blend(phones, frames)
    touch = np.zeros((frames, 2), np.float32)
    for phone in phones:
        rows = slice(round(phone.start_s * CURVE_RATE_HZ), round(phone.end_s * CURVE_RATE_HZ))
        for viseme in visemes_of(phone.name):
            touch[rows] = np.maximum(touch[rows], (viseme.closure, viseme.teeth))
    asked = np.stack([targets.opening, targets.width, targets.rounding], axis=1)
    return np.concatenate([spectra, asked, touch], axis=1, dtype=np.float32)


def hear(heard: Evidence) -> Heard:
    """Tell what the mouth does, one value for every row; the same sound gives the same answer."""
    answers = [_answer(heard, first) for first in range(0, len(heard), _BLOCK)]
    columns = np.concatenate(answers).T
    return Heard(
        opening=np.clip(columns[0], 0, 1.1),
        width=np.clip(columns[1], -1, 1),
        rounding=np.clip(columns[2], 0, 1),
        closure=_probability(columns[3]),
        teeth=_probability(columns[4]),
    )


@cache
def _weights() -> dict[str, NDArray[np.float32]]:
    """Read the model that lies beside this module: (taps * inputs, outputs) matrices and (outputs,) offsets."""
    with (files("pipeline.speech") / "mouth.npz").open("rb") as file, np.load(file) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def _answer(heard: Evidence, first: int) -> NDArray[np.float32]:
    """Hear one stretch, with what lies around it: (count, 5)."""
    begin, end = max(0, first - _REACH), min(len(heard), first + _BLOCK + _REACH)
    weights = _weights()
    x = _rectified(_convolved(heard[begin:end], weights, "entry", 5, 1))  # (m, WIDTH)
    for index, dilation in enumerate(DILATIONS):
        both = _convolved(x, weights, f"blocks.{index}.convolution", 3, dilation)  # (m, 2 WIDTH)
        gated = _rectified(both[:, :WIDTH]) * _probability(both[:, WIDTH:])
        x = x + _convolved(gated, weights, f"blocks.{index}.mixing", 1, 1)
    answer = _convolved(_rectified(x), weights, "exit", 1, 1)
    return answer[first - begin : first - begin + _BLOCK]


def _convolved(
    x: NDArray[np.float32],
    weights: dict[str, NDArray[np.float32]],
    name: str,
    taps: int,
    dilation: int,
) -> NDArray[np.float32]:
    """Convolve over time: (m, inputs) to (m, outputs), zeros beyond the ends."""
    reach = taps // 2 * dilation
    padded = np.pad(x, ((reach, reach), (0, 0)))
    shifted = [padded[tap * dilation : tap * dilation + len(x)] for tap in range(taps)]
    joined = np.concatenate(shifted, axis=1)  # (m, taps * inputs)
    return np.asarray(joined @ weights[f"{name}.weight"] + weights[f"{name}.bias"], np.float32)


def _rectified(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(x, 0)


def _probability(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)
