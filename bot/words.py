"""Small things said in many places: times, sizes, bars, file names."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from bot.texts.catalogue import Language, Texts

_BAR: Final = 10
_NAME_SHOWN: Final = 40
_JOINERS: Final = "\u200c\u200d"
"""They hold an emoji together, and the words of Persian and Hindi."""
LARGE_BYTES: Final = 200_000_000
"""What is smaller downloads within a minute or so, and nobody need think of its size."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(texts: Texts, language: Language, seconds: float) -> str:
    """A time for people: ``7.9 s``, ``1 min 20 s``, ``2 h 5 min``; whole seconds are said without a fraction."""
    if seconds < 10 and isinstance(seconds, float):
        return texts.say(language, "duration-seconds", seconds=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < _MINUTE:
        return texts.say(language, "duration-seconds", seconds=str(whole))
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return texts.say(language, "duration-minutes", minutes=minutes, seconds=rest)
    hours, rest = divmod(whole, _HOUR)
    return texts.say(language, "duration-hours", hours=hours, minutes=rest // _MINUTE)


def lifetime(texts: Texts, language: Language, seconds: int) -> str:
    """How long something lasts, in the largest unit that says it exactly enough: ``24 hours``, ``7 days``."""
    if seconds >= 2 * _DAY:
        return texts.say(language, "lifetime-days", days=seconds // _DAY)
    if seconds >= _HOUR:
        return texts.say(language, "lifetime-hours", hours=seconds // _HOUR)
    return texts.say(language, "lifetime-minutes", minutes=seconds // _MINUTE)


def listing(language: Language, names: Sequence[str]) -> str:
    """Names one after the other."""
    return ("、" if language == "zh" else ", ").join(names)


def size(size_bytes: int) -> str:
    """A size for people, in the units of file managers: ``12.3 MB``."""
    if size_bytes < 1_000_000:
        return f"{max(size_bytes / 1000, 0.1):.1f} KB"
    if size_bytes < 1_000_000_000:
        return f"{size_bytes / 1e6:.1f} MB"
    return f"{size_bytes / 1e9:.2f} GB"


def about(size_bytes: int) -> str:
    """A size as exact as a guess may be: ``1.2 GB``, ``350 MB``."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{round(size_bytes / 1e7) * 10} MB"


def parts(size_bytes: int, most_bytes: int) -> int:
    """How many files of a size at most so many bytes take, or more."""
    return -(-size_bytes // most_bytes)


def size_limit(size_bytes: int) -> str:
    """A limit for people: ``2 GB``, ``1.5 MB``."""
    number, unit = (size_bytes / 1e9, "GB") if size_bytes >= 1e9 else (size_bytes / 1e6, "MB")
    return f"{number:g} {unit}"


def bar(share: float) -> str:
    """A bar of ten fields for a share of 0.0 to 1.0; full only when nothing is missing."""
    filled = min(max(int(share * _BAR), 0), _BAR)
    return "▰" * filled + "▱" * (_BAR - filled)


def shown_name(name: str) -> str:
    """A name from outside, on one line and not too long: what people sent must not draw our messages."""
    line = "".join(
        letter if unicodedata.category(letter)[0] not in "CZ" or letter in _JOINERS else " "
        for letter in name
    )
    line = " ".join(line.split())
    if len(line) <= _NAME_SHOWN:
        return line
    return f"{line[: _NAME_SHOWN - 13]}…{line[-12:]}"  # the end has the suffix
