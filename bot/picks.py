"""Typed picks: ``1 3``, ``1-3``, ``all``, names, ``-2`` to take one out, ``go`` to start."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.commands import plain
from worker.contract.records import TemplateRecord

GO: Final = frozenset({"go", "start", "开始", "确定"})
YES: Final = frozenset({"yes", "y", "ok", "是", "确定", "好", "好的"})
NO: Final = frozenset({"no", "n", "否", "不", "取消", "不要"})
_ALL: Final = frozenset({"all", "全部", "所有"})
_FILLERS: Final = frozenset({"and", "&", "+", "和", "与", "号", "please", "请"})
_BORDERS: Final = re.compile(r"[,;、。\n]+")
_GLUED: Final = re.compile(r"(开始|确定|全部|所有|和|号)")
_RANGE: Final = re.compile(r"#?(\d{1,6})(?:\s*(?:-|~|–|—|到|至)\s*#?(\d{1,6}))?")
_LOOSE_RANGE: Final = re.compile(r"(?<=\d)\s+([-~–—到至])\s+(?=\d)")  # "1 -2" drops 2
_LONGEST: Final = 200  # words; nobody types more picks, and matching names is quadratic


@dataclass
class Picks:
    """What typed text means as picks."""

    add: list[str] = field(default_factory=list)
    """Ids of Templates, each once, in the order named."""
    drop: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    """Names of Templates that were named more than once."""
    unknown: list[str] = field(default_factory=list)
    """Words that are neither a number of the list nor a name."""
    go: bool = False

    @property
    def meant(self) -> bool:
        """Whether anything in the text was about picking."""
        return bool(self.add or self.drop or self.go)


class _Reading:
    """One text being read against the list that was shown."""

    def __init__(self, listed: Sequence[TemplateRecord]) -> None:
        self.listed = listed
        self.by_name = {plain(template.name).casefold(): template for template in listed}
        self.picks = Picks()

    def take(self, template: TemplateRecord) -> None:
        if template.id not in self.picks.add:
            self.picks.add.append(template.id)
        elif template.name not in self.picks.twice:
            self.picks.twice.append(template.name)

    def word(self, word: str) -> None:
        folded = word.casefold()
        if folded in _FILLERS or not folded:
            return
        if folded in GO:
            self.picks.go = True
        elif folded in _ALL:
            self.picks.add += [t.id for t in self.listed if t.id not in self.picks.add]
        elif span := _RANGE.fullmatch(folded):
            self.numbers(word, int(span[1]), int(span[2] or span[1]))
        elif folded.startswith("-") and self._drop(folded[1:]):
            pass
        elif len(pieces := [p for p in _GLUED.split(word) if p]) > 1:
            for piece in pieces:
                self.word(piece)
        else:
            self.picks.unknown.append(word)

    def numbers(self, word: str, first: int, last: int) -> None:
        first, last = min(first, last), max(first, last)
        if first < 1 or last > len(self.listed):
            self.picks.unknown.append(word)
            return
        for number in range(first, last + 1):
            self.take(self.listed[number - 1])

    def _drop(self, word: str) -> bool:
        template = self.by_name.get(word)
        if template is None and word.isdecimal() and 1 <= int(word) <= len(self.listed):
            template = self.listed[int(word) - 1]
        if template is not None:
            self.picks.drop.append(template.id)
        return template is not None


def read_picks(text: str, listed: Sequence[TemplateRecord]) -> Picks:
    """Read typed text against the list that was shown; names may hold spaces, the longest that fits wins."""
    reading = _Reading(listed)
    for segment in _BORDERS.split(_LOOSE_RANGE.sub(r"\1", plain(text))):
        words = segment.split()[:_LONGEST]
        while words:
            for length in range(len(words), 0, -1):
                template = reading.by_name.get(" ".join(words[:length]).casefold())
                if template is not None:
                    reading.take(template)
                    break
            else:
                length = 1
                reading.word(words[0])
            words = words[length:]
    return reading.picks
