"""What DingTalk takes and what it does not; what it would show wrongly without a word is a breach."""

import json
import re
from typing import Any, Final

TEXT: Final = 5000
_FILES: Final = {"image": 20_000_000, "voice": 2_000_000, "video": 20_000_000, "file": 20_000_000}
_ENDINGS: Final = {
    "image": {".jpg", ".jpeg", ".gif", ".png", ".bmp"},
    "voice": {".amr", ".mp3", ".wav"},
    "video": {".mp4"},
    "file": {".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".zip", ".pdf", ".rar"},
}
_UNKNOWN_MARKUP: Final = re.compile(r"`|~~|<[a-zA-Z/!]|^\s*\|", re.MULTILINE)
_LOST_BREAK: Final = re.compile(r"[^\s](?: ?)\n(?!\s*\n|\s*$)")
_OPEN_LINK: Final = re.compile(r"\]\((?P<url>[^)\s]*[\s(][^)]*)\)")
_PARAMS: Final = {"content", "btns", "remark", "flowStatus"}
_LABEL: Final = 30


class Broken(Exception):
    """A limit is broken."""


def check_text(text: Any, limit: int, what: str) -> str:
    """Of so many letters at most, and of one at least."""
    if not isinstance(text, str) or not text.strip():
        raise Broken(f"{what} is empty")
    if len(text) > limit:
        raise Broken(f"{what} has {len(text)} letters of {limit}")
    return text


def check_markdown(found: Any) -> str:
    """A title, and a text of which every line break is seen and nothing else is taken for markup."""
    if not isinstance(found, dict) or set(found) != {"title", "text"}:
        raise Broken(f"markdown has title and text, not {found!r:.80}")
    check_text(found["title"], 64, "title")
    text = check_text(found["text"], TEXT, "markdown")
    check_markup(text)
    return text


def check_markup(text: str) -> None:
    """The subset that DingTalk shows."""
    if (unknown := _UNKNOWN_MARKUP.search(text)) is not None:
        raise Broken(f"DingTalk does not know {unknown[0]!r} in {text!r:.200}")
    if (lost := _LOST_BREAK.search(text)) is not None:
        raise Broken(f"a line break is lost: {text[lost.start() : lost.start() + 40]!r}")
    if (link := _OPEN_LINK.search(text)) is not None:
        raise Broken(f"a link ends too early: {link[0]!r:.120}")


def check_params(found: Any) -> dict[str, str]:
    """What a card shows: strings only, of the template's variables only."""
    if not isinstance(found, dict) or not found:
        raise Broken("a card without data")
    for name, value in found.items():
        if not isinstance(value, str):
            raise Broken(f"{name} is no string")
        if name not in _PARAMS:
            raise Broken(f"the template has no {name}")
    if "content" in found:
        check_text(found["content"], TEXT, "content")
        check_markup(found["content"])
    if "btns" in found:
        _check_buttons(json.loads(found["btns"]))
    return dict(found)


def check_private(found: Any) -> dict[str, str]:
    """What one person sees of a card."""
    if not isinstance(found, dict) or set(found) != {"notice"}:
        raise Broken(f"the template has no private {found!r:.80}")
    return {name: str(value) for name, value in found.items()}


def _check_buttons(buttons: Any) -> None:
    if not isinstance(buttons, list) or len(buttons) > 40:
        raise Broken("too many buttons, or none at all")
    for button in buttons:
        check_text(button.get("text"), _LABEL, "button")
        if button.get("color") not in {"blue", "gray", "red"}:
            raise Broken(f"color {button.get('color')!r}")
        if button.get("status") not in {"normal", "disabled"}:
            raise Broken(f"status {button.get('status')!r}")
        event = button.get("event", {})
        if event.get("type") != "sendCardRequest" or not event["params"].get("actionId"):
            raise Broken(f"a button that does nothing: {button!r:.120}")


def check_file(kind: str, name: str, content: bytes) -> None:
    """A file that is handed over to be sent."""
    most = _FILES.get(kind)
    ending = f".{name.rpartition('.')[2].casefold()}"
    if most is None or ending not in _ENDINGS[kind]:
        raise Broken(f"no such file: {kind!r} {name!r}")
    if not 0 < len(content) <= most:
        raise Broken(f"{name}: {len(content)} bytes of {most}")
    if kind == "image" and content[:2] != b"\xff\xd8" and content[:4] != b"\x89PNG":
        raise Broken(f"{name} is no JPEG and no PNG")
    if ending == ".zip" and content[:2] != b"PK":
        raise Broken(f"{name} is no ZIP")


def check_mentions(text: str, at: Any, members: set[str]) -> tuple[str, ...]:
    """Whom a message mentions: people of that group only, whose id stands in the text."""
    ids = (at or {}).get("atUserIds", [])
    for id_ in ids:
        if id_ not in members:
            raise Broken(f"{id_} is not in this group")
        if f"@{id_}" not in text:
            raise Broken(f"@{id_} does not stand in the text: nobody sees the mention")
    return tuple(ids)
