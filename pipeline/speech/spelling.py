"""Which lip contacts a written word asks for, in the scripts of the people who write to us.

English is looked up (CMUdict, which PocketSphinx brings), Chinese is read as pinyin (``pypinyin``), Korean syllables are taken apart as
the Unicode Standard composes them; other alphabets spell b, p, m, f and v well enough to be read letter by letter.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import pypinyin
from pocketsphinx import get_model_path

Kind = Literal["closure", "teeth"]


@dataclass(frozen=True)
class Contact:
    """A contact somewhere in a word."""

    kind: Kind
    place: float
    """0.0-1.0 of the word's length."""


_CLOSED: Final = frozenset(
    "bpmбпмμπمبपफबभमまみむめもばびぶべぼぱぴぷぺぽマミムメモバビブベボパピプペポᄆᄇᄈᄑᆷᆸᇁ"
)
_BITTEN: Final = frozenset("fvфвφβفव")
_OWN_WAYS: Final[dict[str, dict[str, Kind]]] = {
    "es": {"v": "closure"},
    **{language: {"w": "teeth"} for language in ("de", "nl", "pl", "cs")},
}
"""Letters that a language says in its own way."""


def contacts_of(word: str, language: str) -> tuple[Contact, ...] | None:
    """List a word's lip contacts in order.

    Args:
        word: As written; punctuation around it does not matter.
        language: ISO 639-1, as Whisper names it.

    Returns:
        None where the writing does not tell how it is said (numbers, Japanese kanji, scripts we cannot read).
    """
    letters = "".join(
        c for c in unicodedata.normalize("NFKC", word).lower() if c.isalpha() or c.isnumeric()
    )
    if not letters or any(c.isnumeric() and not _is_han(c) for c in letters):
        return None
    if any(_is_han(c) for c in letters):
        return _chinese(letters) if language in {"zh", "yue"} else None
    if language == "en" and letters in _english():
        return _spread([_of_arpabet(phone) for phone in _english()[letters]])
    return _spread(list(_of_letters(_taken_apart(letters), language)))


def _taken_apart(letters: str) -> str:
    """Part marks from letters and Korean syllables into sounds; kana keep theirs, which tell ba from ha."""
    return "".join(
        letter if "ぁ" <= letter <= "ヿ" else unicodedata.normalize("NFD", letter)
        for letter in letters
    )


def _is_han(letter: str) -> bool:
    return "一" <= letter <= "鿿"


def _chinese(letters: str) -> tuple[Contact, ...]:
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
