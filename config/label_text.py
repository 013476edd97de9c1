"""What the visible AI label may read. No font is asked: the front end reads the settings, too, and starts light."""

import unicodedata
from typing import Final

_MOST_CHARACTERS: Final = 60
"""Some six lines of a label on an upright picture; more of them would cover the presenter."""
_DRAWN: Final = (
    *("LATIN ", "GREEK ", "CYRILLIC ", "ARABIC ", "HEBREW ", "CJK ", "HIRAGANA ", "KATAKANA"),
    *("HANGUL ", "BOPOMOFO ", "FULLWIDTH ", "HALFWIDTH ", "IDEOGRAPHIC "),
)
"""Beginnings of the Unicode names of letters that the font has (``pipeline.lettering``); of some scripts not all."""
_LAST_PLAIN_SYMBOL: Final = "\xff"
"""Symbols up to here are ©, ® and the like; beyond them the font has next to none."""


def why_no_label(text: str) -> str:
    """Why a text is no label that people could read; empty if it is one."""
    if not (text.strip() and text.isprintable()):
        return "it is empty or holds what cannot be shown; leave it out for the usual text"
    if len(text) > _MOST_CHARACTERS:
        return f"it has {len(text)} characters; a label may have up to {_MOST_CHARACTERS}"
    for letter in unicodedata.normalize("NFC", text):
        if not _can_be_drawn(letter):
            return (
                f"{letter!r} cannot be drawn; letters may be Latin, Greek, Cyrillic, Arabic, Hebrew, "
                "Chinese, Japanese or Korean, and emoji are not possible"
            )
    if not any(letter.isalnum() for letter in text):
        return "it has no letter; leave it out for the usual text"
    return ""


def _can_be_drawn(letter: str) -> bool:
    category = unicodedata.category(letter)
    if category.startswith("L"):
        return unicodedata.name(letter, "").startswith(_DRAWN)
    return category != "So" or letter <= _LAST_PLAIN_SYMBOL
