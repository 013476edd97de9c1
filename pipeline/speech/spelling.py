"""Which lip contacts a written word asks for, in the scripts of the people who write to us.

English is looked up (CMUdict, which PocketSphinx brings), Chinese is read as pinyin (``pypinyin``), Korean syllables are taken apart as
the Unicode Standard composes them; other alphabets spell b, p, m, f and v well enough to be read letter by letter.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pocketsphinx import get_model_path

Kind = Literal["closure", "teeth"]


@dataclass(frozen=True)
class Contact:
    """A contact somewhere in a word."""

    kind: Kind
    place: float
    """0.0-1.0 of the word's length."""


_CLOSED: Final = frozenset(
    "bpmбпмμπمبپपफबभमまみむめもばびぶべぼぱぴぷぺぽゔマミムメモバビブベボパピプペポヴᄆᄇᄈᄑᆷᆸᇁᆱᆵᆹ"
)
_BITTEN: Final = frozenset("fvфвφβفव")
_SCRIPTS: Final = (
    "LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI", "HIRAGANA", "KATAKANA", "HANGUL", "MODIFIER",
)  # fmt: skip
"""First words of the Unicode names of letters we can read; Chinese characters apart."""
_OWN_WAYS: Final[dict[str, dict[str, Kind]]] = {
    "es": {"v": "closure"},
    "ca": {"v": "closure"},
    **{language: {"w": "teeth"} for language in ("de", "nl", "pl", "cs")},
}
"""Letters that a language says in its own way."""
_SILENT_ENDS: Final = {
    "fr": re.compile(r"(?<=[aeiouy\u0300-\u036f])(?:mp?|mb|r?p)s?$"),  # nom, temps, plomb, corps
    "pt": re.compile(r"(?<=[aeiou\u0300-\u036f])m$"),  # bem, um
}
"""Letters at the end of a word that ask for no contact: silent, or they only make the vowel nasal."""


def contacts_of(word: str, language: str) -> tuple[Contact, ...] | None:
    """List a word's lip contacts in order.

    Args:
        word: As written; punctuation around it does not matter.
        language: ISO 639-1, as Whisper names it.

    Returns:
        None where the writing does not tell how it is said: numbers, Japanese kanji, Chinese characters read the Cantonese
        way (its words end in m and p where Mandarin's do not), scripts we cannot read.
    """
    letters = "".join(
        c for c in unicodedata.normalize("NFKC", word).lower() if c.isalpha() or c.isnumeric()
    )
    if not letters or any(c.isnumeric() and not _is_han(c) for c in letters):
        return None
    if any(_is_han(c) for c in letters):
        return _chinese(letters) if language == "zh" else None
    if not all(unicodedata.name(c, "").startswith(_SCRIPTS) for c in letters):
        return None
    if language == "en" and letters in _english():
        return _spread([_of_arpabet(phone) for phone in _english()[letters]])
    spelled = _taken_apart(letters)
    if language in _SILENT_ENDS:
        spelled = _SILENT_ENDS[language].sub(lambda end: "-" * len(end[0]), spelled)
    return _spread(list(_of_letters(spelled, language)))


def _taken_apart(letters: str) -> str:
    """Part marks from letters and Korean syllables into sounds; kana keep theirs, which tell ba from ha."""
    return "".join(
        letter if "ぁ" <= letter <= "ヿ" else unicodedata.normalize("NFD", letter)
        for letter in letters
    )


def _is_han(letter: str) -> bool:
    return "一" <= letter <= "鿿"


def _chinese(letters: str) -> tuple[Contact, ...]:
    import pypinyin  # noqa: PLC0415 - a fifth of a second of dictionaries, and only for Chinese

    initials = pypinyin.lazy_pinyin(letters, style=pypinyin.Style.INITIALS, strict=False)
    kinds: list[Kind | None] = []
    for initial in initials:  # a syllable counts two: its initial and the rest
        kinds += [_of_letter(initial[:1]), None]
    return _spread(kinds)


def _of_letters(letters: str, language: str) -> Iterator[Kind | None]:
    """Read an alphabet: doubled letters once, "ph" as f, marks not at all."""
    before = ""
    for index, letter in enumerate(letters):
        if letter == before or unicodedata.combining(letter):
            continue
        before = letter
        following = letters[index + 1 : index + 2]
        if letter == "p" and following == "h":
            yield "teeth"
        else:
            yield _OWN_WAYS.get(language, {}).get(letter) or _of_letter(letter)


def _of_letter(letter: str) -> Kind | None:
    if letter and letter in _CLOSED:
        return "closure"
    return "teeth" if letter and letter in _BITTEN else None


def _of_arpabet(phone: str) -> Kind | None:
    return {"B": "closure", "P": "closure", "M": "closure", "F": "teeth", "V": "teeth"}.get(phone)  # type: ignore[return-value] # the literals above


def _spread(kinds: list[Kind | None]) -> tuple[Contact, ...]:
    """Give every sound the same share of the word."""
    return tuple(
        Contact(kind, (index + 0.5) / len(kinds))
        for index, kind in enumerate(kinds)
        if kind is not None
    )


@cache
def _english() -> dict[str, tuple[str, ...]]:
    """Read CMUdict: the first pronunciation of each word (126,000 words, some 0.3 s)."""
    path = Path(get_model_path()) / "en-us" / "cmudict-en-us.dict"
    words: dict[str, tuple[str, ...]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        if "(" not in word:
            words["".join(c for c in word if c.isalpha())] = tuple(phones)
    return words
