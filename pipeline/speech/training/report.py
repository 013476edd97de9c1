"""How well the mouth is heard: figures per voice and language against phones that are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.activity import Flags, spans
from pipeline.speech.training.examples import contacts, labels_of
from pipeline.speech.training.synthesis import Spoken
from pipeline.types import MouthCurve

_NEAR: Final = 2
"""Frames by which a contact that was found may miss the one that was made: half a frame of video."""
_TOUCHING: Final = 0.5

HEAD: Final = (
    "| voice | opening r | closed lips: recall | precision | lip at teeth: recall | precision |",
    "| --- | --- | --- | --- | --- | --- |",
)


@dataclass(frozen=True)
class Score:
    """What a voice's sentences came to."""

    opening_r: float
    """Mean correlation of the curve's opening with what the phones ask for."""
    closed: tuple[float, float]
    """Recall and precision of lip contacts (b, p, m), each contact once."""
    bitten: tuple[float, float]
    """The same of the lower lip at the teeth (f, v); NaN where the sentences have none, or none was found."""

    def row(self, name: str) -> str:
        """Write one line of the table."""
        figures = (self.opening_r, *self.closed, *self.bitten)
        told = ("–" if np.isnan(value) else f"{value:.2f}" for value in figures)
        return f"| {name} | " + " | ".join(told) + " |"


def score(said: Sequence[Spoken], listen: Callable[[Spoken], MouthCurve]) -> Score:
    """Listen to sentences and compare with what was said.

    Args:
        said: The sentences, with their phones.
        listen: What is examined: the mouth curve of a sentence.
    """
    correlations: list[float] = []
    counts = np.zeros((2, 4))
    for sentence in said:
        curve = listen(sentence)
        frames = len(curve.opening)
        asked = labels_of(sentence.phones, frames)[:, 0]
        correlations.append(float(np.corrcoef(curve.opening, asked)[0, 1]))
        made = contacts(sentence.phones, frames, released=False)
        for row, found in enumerate((curve.closure, curve.teeth)):
            counts[row] += _matches(found >= _TOUCHING, made[:, row] >= _TOUCHING)
    closed, bitten = (_rates(row) for row in counts)
    return Score(float(np.mean(correlations)), closed, bitten)


def mean_score(scores: Sequence[Score]) -> Score:
    """Average over voices, each counting the same."""

    def mean(values: Sequence[float]) -> float:
        known = [value for value in values if not np.isnan(value)]
        return float(np.mean(known)) if known else np.nan

    return Score(
        mean([s.opening_r for s in scores]),
        (mean([s.closed[0] for s in scores]), mean([s.closed[1] for s in scores])),
        (mean([s.bitten[0] for s in scores]), mean([s.bitten[1] for s in scores])),
    )


def _matches(found: Flags, made: Flags) -> NDArray[np.float64]:
    """Count contacts: made and found, made, found and made, found."""
    first, second = spans(found), spans(made)
    return np.array([_met(second, first), len(second), _met(first, second), len(first)], float)


def _met(these: list[tuple[int, int]], those: list[tuple[int, int]]) -> int:
    return sum(any(a < d + _NEAR and c < b + _NEAR for c, d in those) for a, b in these)


def _rates(counts: NDArray[np.float64]) -> tuple[float, float]:
    met, made, right, found = counts.tolist()
    return met / made if made else np.nan, right / found if found else np.nan
