"""What of captions depends on the script they are written in: how wide letters are, where spaces stand, what a line may hold."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

OPENING: Final = frozenset("（「『《〈【〔｛“‘([{¿¡")
"""No line ends with one of these."""
CLOSING: Final = frozenset(
    "。，！？、；：」』）》〉】〕｝”’…‥—–·.,!?;:)]}%％‰℃°"
    "ー々ゝゞヽヾぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
"""No line begins with one of these (JIS X 4051; for Chinese W3C's clreq, 3.1.4)."""
SENTENCE_ENDS: Final = frozenset("。！？.!?…．｡")
CLAUSE_ENDS: Final = frozenset("，、；：,;:—–")
_QUOTES: Final = "」』）》〉】〕｝”’)]}\"'"
"""What may follow the end of a sentence and belongs to it."""


@dataclass(frozen=True)
class Script:
    """A way of writing."""

    name: str
    line_width: float
    """What a line may hold, in full-width characters or, where all letters are narrow, in letters."""
    wide: float
    narrow: float
    """Widths of a full-width character and of any other one."""
    per_second: float
    """How much of that width is read in a second."""


LATIN: Final = Script("latin", 42, 2.0, 1.0, 17)
"""42 letters and 17 letters a second: what broadcasters and the big video platforms ask for."""
CHINESE: Final = Script("chinese", 16, 1.0, 0.5, 9)
JAPANESE: Final = Script("japanese", 16, 1.0, 0.5, 9)
KOREAN: Final = Script("korean", 16, 1.0, 0.5, 9)


def script_of(text: str, language: str = "") -> Script:
    """Tell how a text is written; the language (ISO 639-1) decides only where Japanese is written in Chinese characters alone."""
    kinds = [kind_of(letter) for letter in text if letter.isalnum()]
    if not kinds:
        return LATIN
    asian = [kind for kind in kinds if kind in {"han", "kana", "hangul"}]
    if len(asian) < 0.3 * len(kinds):
        return LATIN
    if asian.count("hangul") > len(asian) / 2:
        return KOREAN
    return JAPANESE if "kana" in asian or language == "ja" else CHINESE


def kind_of(letter: str) -> str:
    """Tell what kind of letter this is: ``han``, ``kana``, ``hangul``, ``unspaced`` (Thai and its neighbours) or ``other``."""
    point = ord(letter)
    if 0x4E00 <= point <= 0x9FFF or 0x3400 <= point <= 0x4DBF or 0x20000 <= point <= 0x3FFFF:
        return "han"
    if 0x3040 <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF or 0xFF66 <= point <= 0xFF9F:
        return "kana"
    if 0xAC00 <= point <= 0xD7AF or 0x1100 <= point <= 0x11FF or 0x3130 <= point <= 0x318F:
        return "hangul"
    if 0x0E00 <= point <= 0x0EFF or 0x1000 <= point <= 0x109F or 0x1780 <= point <= 0x17FF:
        return "unspaced"
    return "other"


def width(text: str, script: Script) -> float:
    """Measure a text; marks that stand above or below a letter have no width."""
    return sum(
        script.wide if unicodedata.east_asian_width(letter) in "WF" else script.narrow
        for letter in text
        if not unicodedata.combining(letter)
    )


def spaced(before: str, behind: str) -> bool:
    """Whether a space stands between two words."""
    left, right = before[-1:], behind[:1]
    if not left or not right or right in CLOSING or left in OPENING:
        return False
    return _takes_spaces(left) and _takes_spaces(right)


def _takes_spaces(letter: str) -> bool:
    full_width = unicodedata.east_asian_width(letter) in "WF"
    kind = kind_of(letter)
    return kind == "hangul" or (kind == "other" and not full_width)


def joined(texts: Iterable[str]) -> str:
    """Put words together as they are written."""
    line = ""
    for text in texts:
        line += f" {text}" if spaced(line, text) else text
    return line


def ends_sentence(text: str) -> bool:
    """Whether a word is the last one of a sentence."""
    bare = text.rstrip(_QUOTES)
    if not bare or bare[-1] not in SENTENCE_ENDS:
        return False
    return bare.casefold() not in _ABBREVIATIONS and not _is_initial(bare)


def ends_clause(text: str) -> bool:
    """Whether a pause of meaning follows a word."""
    return text.rstrip(_QUOTES)[-1:] in CLAUSE_ENDS


def _is_initial(text: str) -> bool:
    """Whether it is like ``J.`` of J. Smith, ``3.`` of 3. Mai, ``e.g.`` or ``z.B.``."""
    parts = text[:-1].split(".") if text.endswith(".") else [""]
    return all(part.isalnum() and (len(part) == 1 or part.isdigit()) for part in parts)


_ABBREVIATIONS: Final = frozenset(
    {
        "mr.",
        "mrs.",
        "ms.",
        "dr.",
        "prof.",
        "st.",
        "no.",
        "vs.",
        "inc.",
        "ltd.",
        "co.",
        "jr.",
        "sr.",
        "approx.",
    }
    | {"nr.", "bzw.", "ca.", "hr.", "fr.", "sra.", "mme.", "mlle.", "pp."}
)
"""A point behind these ends no sentence."""
