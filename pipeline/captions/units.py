"""Units: what is never torn apart, with its times; made of words as a recogniser gives them, however it cuts them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pipeline.captions.scripts import (
    CLAUSE_ENDS,
    CLOSING,
    OPENING,
    SENTENCE_ENDS,
    Script,
    kind_of,
    width,
)
from pipeline.types import Word

_SHORTEST_S: Final = 0.01
_MARKS: Final = "".join(sorted((CLOSING & (SENTENCE_ENDS | CLAUSE_ENDS)) - frozenset(".,:'’—–")))
_INNER: Final = re.compile(
    rf"(?<=[{re.escape(_MARKS)}])(?![{re.escape(''.join(sorted(CLOSING)))}])"
)
"""Behind punctuation inside of what a recogniser takes for one word; points and commas may stand in a number."""


@dataclass(frozen=True)
class Unit:
    """A word, or a part of one, that stays on one line."""

    text: str
    start_s: float
    end_s: float
    opens: bool = True
    """False where it goes on with what a recogniser took for one word: a poor place to break."""


def units_of(words: Sequence[Word], script: Script) -> list[Unit]:
    """Cut words into units, in order of time.

    Words with spaces in them are several; closing marks stay with what is before them, opening ones with what follows; long
    rows of Chinese, Japanese or Thai letters are cut, with times in proportion.
    """
    units: list[Unit] = []
    opening: Unit | None = None
    for unit in _in_time(part for word in words for part in _parts(word, script)):
        if all(letter in OPENING for letter in unit.text):
            opening = unit if opening is None else _together(opening, unit)
            continue
        if units and opening is None and unit.text[0] in CLOSING:
            units[-1] = _together(units[-1], unit)
            continue
        units.append(unit if opening is None else _together(opening, unit))
        opening = None
    return units if opening is None else [*units, opening]


def _parts(word: Word, script: Script) -> Iterator[Unit]:
    texts = [piece for spaced_text in word.text.split() for piece in _pieces(spaced_text, script)]
    total = sum(len(text) for text, _ in texts)
    second = word.start_s
    for text, opens in texts:
        end_s = second + (word.end_s - word.start_s) * len(text) / total
        yield Unit(text, second, end_s, opens)
        second = end_s


def _pieces(text: str, script: Script) -> Iterator[tuple[str, bool]]:
    """Cut behind inner punctuation, and long rows; tell of each piece whether it begins something."""
    for clause in _INNER.split(text):
        if width(clause, script) <= script.line_width / 2 or not _may_be_cut(clause):
            yield clause, True
            continue
        row, first = "", True
        for letter in clause:
            # Letters that take spaces are words of their own, and stay whole.
            whole = row and kind_of(row[-1]) == kind_of(letter) == "other"
            if row and not whole and letter not in CLOSING and row[-1] not in OPENING:
                yield row, first
                row, first = "", False
            row += letter
        yield row, first


def _may_be_cut(text: str) -> bool:
    return any(kind_of(letter) in {"han", "kana", "unspaced"} for letter in text)


def _in_time(units: Iterator[Unit]) -> Iterator[Unit]:
    """Let no unit begin before the one before it, nor end before it begins."""
    latest_s = 0.0
    for unit in units:
        start_s = max(unit.start_s, latest_s)
        yield replace(unit, start_s=start_s, end_s=max(unit.end_s, start_s + _SHORTEST_S))
        latest_s = start_s


def _together(first: Unit, second: Unit) -> Unit:
    return replace(first, text=first.text + second.text, end_s=max(first.end_s, second.end_s))
