"""Cues: which lines are shown when.

A run of words without a long pause is cut where the whole of it costs least: sentences end cues, clauses would rather, articles
never; a cue has two lines at most, can be read in its time, and is neither shorter than a glance nor longer than patience.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import add
from typing import Final

from pipeline.captions.breaks import badness
from pipeline.captions.scripts import (
    CHINESE,
    Script,
    ends_sentence,
    joined,
    script_of,
    spaced,
    width,
)
from pipeline.captions.units import Unit, units_of
from pipeline.types import Word

SHORTEST_S: Final = 0.8
LONGEST_S: Final = 6.0
GAP_S: Final = 0.08
"""Between two cues at least, so that the change is seen: two frames."""
_PAUSE_S: Final = 0.8
"""A longer pause ends a cue."""
_CLOSED_S: Final = 0.4
"""A gap shorter than this would flicker: the cue stays until the next one comes."""
_EARLY_S: Final = 0.3
"""A cue too short by itself may come so much before its words."""

_EACH: Final = 1.0
_APART: Final = 2.0
"""What is poor between two lines is worse between two cues."""
_ACROSS_SENTENCE: Final = 30.0
_TOO_SHORT: Final = 40.0
_TOO_FAST: Final = 6.0
_SECOND_LINE: Final = 0.3
_SECOND_LINE_ZH: Final = 1.5
"""Chinese cues have one line where that is enough."""
_UNEVEN: Final = 1.0


@dataclass(frozen=True)
class Cue:
    """One or two lines, shown together."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def cues(
    words: Sequence[Word],
    language: str = "",
    duration_s: float | None = None,
    room: float | None = None,
) -> Sequence[Cue]:
    """Make captions of words.

    Args:
        words: In order of time.
        language: ISO 639-1; empty: told by the script the words are written in.
        duration_s: Of the Take: no cue stays beyond it.
        room: What a line may hold at most, as ``scripts.width`` measures it; None: what its script is used to. A single
            word may be broader.
    """
    script = script_of("".join(word.text for word in words), language)
    units = units_of([word for word in words if word.text.strip()], script)
    groups = [group for run in _runs(units) for group in _Run(run, script, room).groups()]
    return _timed(groups, script, duration_s)


def _runs(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Part the units where somebody pauses for long."""
    run: list[Unit] = []
    for unit in units:
        if run and unit.start_s - run[-1].end_s > _PAUSE_S:
            yield run
            run = []
        run.append(unit)
    if run:
        yield run


@dataclass(frozen=True)
class _Group:
    """The units of one cue; ``place`` is the first one of the second line, 0 where one line holds them all."""

    units: Sequence[Unit]
    place: int

    @property
    def lines(self) -> tuple[str, ...]:
        parts = (self.units[: self.place], self.units[self.place :])
        return tuple(joined(unit.text for unit in part) for part in parts if part)


class _Run:
    """Units without a long pause between them, and how to cut them."""

    def __init__(self, units: Sequence[Unit], script: Script, room: float | None) -> None:
        self._units, self._script = units, script
        self._room = script.line_width if room is None else min(script.line_width, room)
        texts = [unit.text for unit in units]
        pairs = list(pairwise(units))
        # Entry i is the place before unit i.
        self._badness = [0.0, *(badness(left, right, script) for left, right in pairs), 0.0]
        self._space = [0.0, *(float(spaced(a, b)) * script.narrow for a, b in pairwise(texts))]
        self._reach: list[float] = [
            0.0,
            *accumulate(map(add, (width(t, script) for t in texts), self._space)),
        ]
        self._sentences = [0, *accumulate(int(ends_sentence(text)) for text in texts)]

    def groups(self) -> Iterator[_Group]:
        """Cut the run into cues, in the way that costs least in all."""
        # Entry i: what the best cut of the first i units costs, where its last cue begins, and that one's second line.
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        for end in range(1, len(self._units) + 1):
            cheapest = (float("inf"), end - 1, 0)
            for begin in range(end - 1, -1, -1):
                found = self._cost(begin, end)
                if found is None:
                    break
                cost, place = found
                cheapest = min(cheapest, (best[begin][0] + cost, begin, place))
            best.append(cheapest)
        cuts = []
        end = len(self._units)
        while end:
            _, begin, place = best[end]
            cuts.append(_Group(self._units[begin:end], place - begin if place else 0))
            end = begin
        yield from reversed(cuts)

    def _cost(self, begin: int, end: int) -> tuple[float, int] | None:
        """Judge the cue of units ``begin`` to ``end``, and choose its second line; None where they are too many."""
        first, last = self._units[begin], self._units[end - 1]
        layout = self._layout(begin, end)
        if layout is None or (last.end_s - first.start_s > LONGEST_S and end - begin > 1):
            return None
        cost, place = layout
        next_s = self._units[end].start_s if end < len(self._units) else last.end_s + _PAUSE_S
        before_s = self._units[begin - 1].end_s if begin else first.start_s - _PAUSE_S
        room_s = next_s - GAP_S - first.start_s
        room_s += min(max(first.start_s - before_s - GAP_S, 0.0), _EARLY_S)
        if room_s < SHORTEST_S:
            cost += _TOO_SHORT
        reading_s = self._width(begin, end) / self._script.per_second
        cost += _TOO_FAST * max(reading_s / max(room_s, 0.1) - 1.0, 0.0)
        cost += _ACROSS_SENTENCE * (self._sentences[end - 1] - self._sentences[begin])
        return cost + _EACH + _APART * self._badness[end], place

    def _layout(self, begin: int, end: int) -> tuple[float, int] | None:
        """Choose one line or two: what that costs, and the first unit of the second; None where they do not fit."""
        room = self._room
        whole = self._width(begin, end)
        if whole <= room or end - begin == 1:  # a word longer than a line stays whole
            return 0.0, 0
        if whole > 2 * room + self._script.narrow:
            return None
        second = _SECOND_LINE_ZH if self._script is CHINESE else _SECOND_LINE
        costs = []
        for place in range(begin + 1, end):
            upper, lower = self._width(begin, place), self._width(place, end)
            if upper <= room and lower <= room:
                uneven = _UNEVEN * abs(upper - lower) / room
                costs.append((second + self._badness[place] + uneven, place))
        return min(costs, default=None)

    def _width(self, begin: int, end: int) -> float:
        return self._reach[end] - self._reach[begin] - self._space[begin]


def _timed(groups: Sequence[_Group], script: Script, duration_s: float | None) -> list[Cue]:
    """Give each cue its time: as long as it is heard, and as it takes to read it where there is room."""
    made: list[Cue] = []
    for place, group in enumerate(groups):
        lines, start_s = group.lines, group.units[0].start_s
        next_s = groups[place + 1].units[0].start_s if place + 1 < len(groups) else None
        latest_s = _latest(start_s, next_s, duration_s)
        reading_s = sum(width(line, script) for line in lines) / script.per_second
        wanted_s = start_s + max(reading_s, SHORTEST_S)
        end_s = min(max(group.units[-1].end_s, wanted_s), latest_s)
        if next_s is not None and next_s - GAP_S - end_s < _CLOSED_S:
            end_s = latest_s
        if end_s - start_s < SHORTEST_S:
            earliest_s = max(made[-1].end_s + GAP_S if made else 0.0, start_s - _EARLY_S)
            start_s = min(start_s, max(end_s - SHORTEST_S, earliest_s))
        made.append(Cue(round(start_s, 3), round(end_s, 3), lines))
    return made


def _latest(start_s: float, next_s: float | None, duration_s: float | None) -> float:
    """Tell when a cue must have gone."""
    latest_s = start_s + LONGEST_S
    if next_s is not None:
        latest_s = min(latest_s, next_s - GAP_S)
    if duration_s is not None:
        latest_s = min(latest_s, max(duration_s, start_s))
    return latest_s
