"""Cues: which lines are shown when."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.types import Word


@dataclass(frozen=True)
class Cue:
    """One or two lines, shown together."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def cues(words: Sequence[Word], language: str = "") -> Sequence[Cue]:
    """Make captions of words.

    Args:
        words: In order of time.
        language: ISO 639-1; empty: told by the script the words are written in.
    """
    del language
    return [Cue(word.start_s, word.end_s, (word.text,)) for word in words]
