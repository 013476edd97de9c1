"""What people see files called: Clips and Archives when they are downloaded, and Clips inside Archives."""

import re
import unicodedata
from datetime import datetime
from typing import Final

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\s]+')
"""What Windows refuses in a name, and white space, which breaks links and shells."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs"})
"""Kinds of letters that show as nothing, turn the others round, or are none: controls, marks of direction, halves."""
_JOINERS: Final = "\u200c\u200d"
"""They hold an emoji together, and the words of Persian and Hindi."""
_LONGEST_NAME: Final = 60
_NOT_PLAIN: Final = re.compile(r"[^\w.-]", re.ASCII)


def clip_name(number: int, template_name: str) -> str:
    """Name of a Clip's file: the number makes it unique, the Template's name makes it readable."""
    letters = unicodedata.normalize("NFC", template_name)
    seen = "".join(letter if _is_seen(letter) else " " for letter in letters)
    safe = _UNSAFE.sub("_", seen)[:_LONGEST_NAME].strip("._ ")
    return f"output_{number:03d}_{safe or 'template'}.mp4"


def _is_seen(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in _UNSEEN


def plain_name(name: str) -> str:
    """A shorter one, where each letter of other alphabets counts for many: as far as it is plain, with its ending."""
    stem, dot, ending = name.rpartition(".")
    return _NOT_PLAIN.split(stem, maxsplit=1)[0].rstrip("_.-") + dot + ending


def archive_name(code: str, created_at: datetime, part: int = 1, parts: int = 1) -> str:
    """Name of an Archive's file: code and time of ordering, by the clock of this machine, and which part it is."""
    which = f"_part{part}of{parts}" if parts > 1 else ""
    return f"chorus_{code}_{created_at.astimezone():%Y%m%d_%H%M%S}{which}.zip"
