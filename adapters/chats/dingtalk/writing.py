"""How the bot's plain text looks in DingTalk's markdown, and how it is cut.

DingTalk knows headings, quotes, bold, italics, links, pictures and lists; a line ends with two spaces. Whatever people or
files are called must draw nothing.
"""

import re
from typing import Final

TEXT: Final = 3800
"""Letters of one message; DingTalk takes about 5000."""
TITLE: Final = 60
"""Letters of what stands in the list of chats."""
_LINK: Final = re.compile(r"(?P<words>.*?\S)\s*[:：]\s*(?P<url>https?://\S+)")
_URL: Final = re.compile(r"https?://\S+")
_DRAWING: Final = str.maketrans({"*": "＊", "`": "＇", "[": "［", "]": "］", "<": "＜", ">": "＞"})
_EDGE: Final = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
"""Underscores at the edge of a word, which mark it; those inside of file names do not."""
_HEAD: Final = re.compile(r"^(\s*)([#+-]+)(?=\s)")
_WIDE: Final = str.maketrans({"#": "＃", "+": "＋", "-": "－"})
_SHOWN: Final = 48
"""Letters of an address that stand there where it has no name."""
_BREAK: Final = "  \n"


def to_markdown(text: str) -> str:
    """Plain text as DingTalk's markdown; a line that ends in a Link becomes the Link."""
    return _BREAK.join(_marked(line) or " " for line in text.split("\n"))


def title_of(text: str) -> str:
    """What stands in the list of chats and on a locked phone: the first line, without Links."""
    line = _URL.sub("", text.partition("\n")[0]).strip(" :：")
    if not line:
        return "Chorus"
    return line if len(line) <= TITLE else f"{line[: TITLE - 1]}…"


def pieces(text: str, limit: int = TEXT) -> list[str]:
    """Cut a text into messages that still fit as markdown: at line ends, a longer line before its Link, or anywhere."""
    found: list[str] = []
    piece = ""
    for line in [part for whole in text.split("\n") for part in _parts(whole, limit)]:
        longer = f"{piece}\n{line}" if piece else line
        if len(to_markdown(longer)) <= limit:
            piece = longer
            continue
        if piece:
            found.append(piece)
        piece = line
    return [*found, piece]


def _marked(line: str) -> str:
    found = _LINK.fullmatch(line)
    if found is not None:
        return f"[{_plain(found['words'])}]({_address(found['url'])})"
    # An address stays as it is; what stands around it draws nothing.
    drawn = [_plain(part) for part in _URL.split(line)]
    addresses = [*(_link(url) for url in _URL.findall(line)), ""]
    plain = "".join(part + url for part, url in zip(drawn, addresses, strict=True))
    # What would begin a heading or a list begins nothing; numbers are lists, and read the same.
    return _HEAD.sub(lambda head: head[1] + head[2].translate(_WIDE), plain)


def _plain(words: str) -> str:
    return _EDGE.sub(lambda edge: "＿" * len(edge[0]), words.translate(_DRAWING))


def _link(url: str) -> str:
    shown = url if len(url) <= _SHOWN else f"{url[: _SHOWN - 1]}…"
    return f"[{shown.translate(_DRAWING)}]({_address(url)})"


def _address(url: str) -> str:
    """Brackets would end it."""
    return url.replace("(", "%28").replace(")", "%29")


def _parts(line: str, limit: int) -> list[str]:
    if len(to_markdown(line)) <= limit:
        return [line]
    found = _LINK.fullmatch(line)
    if found is not None and len(_link(found["url"])) <= limit:
        return [*_parts(found["words"], limit), found["url"]]
    parts, half = [], limit // 2  # marking at most doubles a letter
    while line:
        parts.append(line[:half])
        line = line[half:]
    return parts
