"""Typed picks: ``1 3``, ``1-3``, ``all``, names, ``-2`` to take one out, ``more`` for the next page, ``go``, ``urgent``.

Numbers mean the list as it was shown; names and ``all`` the library as it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.commands import SYNONYMS, plain
from worker.contract.records import TemplateRecord

GO: Final = frozenset({"go", "start", "开始", "确定"})
URGENT: Final = frozenset({"urgent", "urgently", "加急", "紧急"})
YES: Final = frozenset({"yes", "y", "ok", "是", "确定", "好", "好的"})
NO: Final = frozenset({"no", "n", "否", "不", "取消", "不要"})
_ALL: Final = frozenset({"all", "全部", "所有"})
_LATER: Final = frozenset({"more", "next", "更多", "下一页"})
_EARLIER: Final = frozenset({"back", "previous", "返回", "上一页"})
_PAGES: Final = _LATER | _EARLIER
_FILLERS: Final = frozenset({"and", "&", "+", "和", "与", "号", "please", "请"})
_SAID: Final = YES | NO | _PAGES | frozenset({"none", "无", *SYNONYMS})
"""What is typed elsewhere in the conversation."""
_BORDERS: Final = re.compile(r"[,;、。\n]+")
_GLUED: Final = re.compile(r"(开始|确定|全部|所有|加急|紧急|更多|下一页|上一页|和|号)")
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
    gone: list[int] = field(default_factory=list)
    """Numbers whose Templates are no longer in the library."""
    go: bool = False
    urgent: bool = False
    turn: int = 0
    """Pages to turn: 1 to the next one, -1 back."""

    @property
    def understood(self) -> bool:
        """Whether every word of it stands for something that is there."""
        return not (self.unknown or self.gone)

    @property
    def order(self) -> bool:
        """Whether it says both with whom and to begin."""
        return self.go and bool(self.add or self.gone)

    @property
    def meant(self) -> bool:
        """Whether anything in the text was about picking; pages and urgency are meant only where nothing else is said."""
        said = bool(self.urgent or self.turn) and not self.unknown
        return bool(self.add or self.drop or self.go) or said


class _Reading:
    """One text being read."""

    def __init__(self, library: Sequence[TemplateRecord], listed: Sequence[str]) -> None:
        self.library = library
        self.listed = listed or [template.id for template in library]
        self.by_id = {template.id: template for template in library}
        self.named = {plain(template.name).casefold(): template for template in library}
        # A Template may have got its name before such names were refused.
        self.by_name = {name: each for name, each in self.named.items() if not _is_typed(name)}
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
        elif folded in URGENT:
            self.picks.urgent = True
        elif folded in _PAGES:
            self.picks.turn = 1 if folded in _LATER else -1
        elif folded in _ALL:
            self.picks.add += [t.id for t in self.library if t.id not in self.picks.add]
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
            template = self.named.get(word.casefold())
            if template is None:
                self.picks.unknown.append(word)
            else:
                self.take(template)
            return
        for number in range(first, last + 1):
            template = self.by_id.get(self.listed[number - 1])
            if template is not None:
                self.take(template)
            elif number not in self.picks.gone:
                self.picks.gone.append(number)

    def _drop(self, word: str) -> bool:
        template = self.by_name.get(word)
        if template is not None:
            self.picks.drop.append(template.id)
        elif word.isdecimal() and 1 <= int(word) <= len(self.listed):
            self.picks.drop.append(self.listed[int(word) - 1])
        else:
            return False
        return True


def means_something(name: str) -> bool:
    """Whether people who type this mean something else than a Template of this name."""
    folded = " ".join(plain(name).casefold().split())
    return folded in _SAID or _is_typed(folded)


def _is_typed(folded: str) -> bool:
    """Whether a text is nothing but words and numbers that pick."""
    words = _BORDERS.sub(" ", _LOOSE_RANGE.sub(r"\1", folded)).split()
    pieces = [piece for word in words for piece in _GLUED.split(word) if piece]
    return all(_is_pick(piece.lstrip("-#")) for piece in pieces)


def _is_pick(word: str) -> bool:
    return word in GO | URGENT | _ALL | _FILLERS | {""} or _RANGE.fullmatch(word) is not None


def read_picks(text: str, library: Sequence[TemplateRecord], listed: Sequence[str] = ()) -> Picks:
    """Read typed text; names may hold spaces, the longest that fits wins.

    Args:
        text: As typed.
        library: The Templates there are.
        listed: Ids of Templates as they were last shown; empty: they were not.
    """
    reading = _Reading(library, listed)
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
