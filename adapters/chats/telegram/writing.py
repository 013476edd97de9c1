"""How the bot's plain text looks in Telegram: escaped HTML, Links behind the words they belong to."""

import html
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

LONGEST: Final = 4096
"""UTF-16 code units of a message, as people see it."""
CAPTION: Final = 1024
"""Likewise, below a picture."""
_DOWNLOADS: Final = "/d/"
"""Where the web door hands out what it signed."""
_LONGEST_NAME: Final = 64
"""Letters; the bot shortens names to fewer, and what a store signs is longer."""
_LINK: Final = re.compile(r"(?P<words>.*?\S)\s*[:：]\s*(?P<url>https?://\S+)")


def to_html(text: str, *, in_sight: bool = False) -> str:
    """Plain text as HTML; a line that ends in a Link becomes the Link, because a signed URL fills half a screen.

    With ``in_sight`` the URL stays: what Telegram takes on no button it may take behind no words either, and drop it.
    """
    if in_sight:
        return html.escape(text, quote=False)
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    found = _LINK.fullmatch(line)
    if found is None or not _is_ours(found["url"]):
        return html.escape(line, quote=False)
    url, words = html.escape(found["url"]), html.escape(found["words"], quote=False)
    return f'<a href="{url}">{words}</a>'


def _is_ours(url: str) -> bool:
    """Whether it is a Link that we signed: a name that people gave may look like a URL as well, and has to be seen."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if "." not in (parts.hostname or ""):
        return False  # Telegram drops a link without a dot in its host
    return _DOWNLOADS in parts.path or len(url) > _LONGEST_NAME


def pieces(text: str) -> list[str]:
    """Cut a text into messages, at line ends; a longer line anywhere."""
    found: list[str] = []
    piece = ""
    for line in text.split("\n"):
        longer = f"{piece}\n{line}" if piece else line
        if _units(longer) <= LONGEST:
            piece = longer
            continue
        if piece:
            found.append(piece)
        *full, piece = _chunks(line)
        found += full
    return [*found, piece]


def shortened(text: str, longest: int = LONGEST) -> str:
    """As much of a text as one message takes, or a caption."""
    if _units(text) <= longest:
        return text
    kept = text.encode("utf-16-le")[: 2 * (longest - 1)].decode("utf-16-le", "ignore")
    lines, _, last = kept.rpartition("\n")
    return f"{lines if len(lines) > len(last) else kept}…"


def extended(text: str, lines: Sequence[str], longest: int = LONGEST) -> str:
    """A text with further lines below it, as many as one message takes, or a caption."""
    for line in lines:
        longer = f"{text}\n{line}"
        if _units(longer) <= longest:
            text = longer
    return text


def _chunks(line: str) -> list[str]:
    """Each character is at most two units."""
    if _units(line) <= LONGEST:
        return [line]
    size = LONGEST // 2
    return [line[start : start + size] for start in range(0, len(line), size)]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
