"""How the bot's plain text looks in WeCom, and how it is cut: WeCom counts bytes, and silently drops what is beyond."""

import re
from typing import Final

TEXT_BYTES: Final = 2048
MARKDOWN_BYTES: Final = 4096
LINK_BYTES: Final = 1800
"""A longer Link is cut in two: by WeCom, or by us where it is marked."""
STREAM_BYTES: Final = 20_480
_LINK: Final = re.compile(r"(?P<words>.*?\S)\s*[:：]\s*(?P<url>https?://\S+)")
_URL: Final = re.compile(r"https?://\S+")
_DRAWING: Final = str.maketrans({"*": "＊", "`": "＇", "[": "［", "]": "］", "<": "＜", ">": "＞"})
_HEADING: Final = re.compile(r"^([#-]+)(?=\s)")


def size(text: str) -> int:
    """Bytes, as WeCom counts."""
    return len(text.encode())


def pieces(text: str, limit: int) -> list[str]:
    """Cut a text into messages at line ends; a longer line before its Link, which stays whole, or anywhere."""
    found: list[str] = []
    piece = ""
    for line in [part for whole in text.split("\n") for part in _parts(whole, limit)]:
        longer = f"{piece}\n{line}" if piece else line
        if size(longer) <= limit:
            piece = longer
            continue
        found.append(piece)
        piece = line
    return [*found, piece]


def shortened(text: str, limit: int) -> str:
    """As much of a text as one message takes."""
    if size(text) <= limit:
        return text
    return text.encode()[: limit - size("…")].decode(errors="ignore") + "…"


def to_markdown(text: str) -> str:
    """Plain text as WeCom's markdown; a line that ends in a Link becomes the Link, and names from outside draw nothing."""
    return "\n".join(_marked(line) for line in text.split("\n"))


def without_links(text: str) -> tuple[list[str], dict[str, str]]:
    """The lines without a Link, and the Links by the words in front of them."""
    lines, links = [], {}
    for line in text.split("\n"):
        found = _LINK.fullmatch(line)
        if found is None:
            lines.append(line)
        else:
            links[found["words"]] = found["url"]
    return lines, links


def _marked(line: str) -> str:
    found = _LINK.fullmatch(line)
    if found is not None:
        return f"[{found['words'].translate(_DRAWING)}]({found['url']})"
    # An address stays as it is; what stands around it draws nothing.
    drawn = [part.translate(_DRAWING) for part in _URL.split(line)]
    addresses = [*_URL.findall(line), ""]
    plain = "".join(part + url for part, url in zip(drawn, addresses, strict=True))
    return _HEADING.sub(r"\\\1", plain)


def _parts(line: str, limit: int) -> list[str]:
    if size(line) <= limit:
        return [line]
    found = _LINK.fullmatch(line)
    if found is not None and size(found["url"]) <= limit:
        return [*_parts(found["words"], limit), found["url"]]
    parts = []
    while line:
        part = line.encode()[:limit].decode(errors="ignore")
        parts.append(part)
        line = line[len(part) :]
    return parts
