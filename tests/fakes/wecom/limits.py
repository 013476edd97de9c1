"""What WeCom takes and what it does not; what it would cut or drop without a word is a breach."""

import re
from collections.abc import Callable
from typing import Any, Final

TEXT_BYTES: Final = 2048
MARKDOWN_BYTES: Final = 4096
STREAM_BYTES: Final = 20_480
_FILES: Final = {"image": 10 << 20, "video": 10 << 20, "file": 20 << 20, "voice": 2 << 20}
_LEAST: Final = 5
_TASK_ID: Final = re.compile(r"[0-9A-Za-z_@-]{1,128}")
_INTERACTIVE: Final = {"button_interaction", "vote_interaction", "multiple_interaction"}
_FIELDS: Final = {
    "text_notice": {
        "sub_title_text",
        "jump_list",
        "card_action",
        "horizontal_content_list",
        "emphasis_content",
        "quote_area",
    },
    "button_interaction": {
        "sub_title_text",
        "button_list",
        "task_id",
        "horizontal_content_list",
        "quote_area",
        "button_selection",
    },
    "vote_interaction": {"checkbox", "submit_button", "task_id"},
    "multiple_interaction": {"select_list", "submit_button", "task_id"},
}
_SELECT: Final = {"question_key", "title", "disable", "selected_id", "option_list"}


class Broken(Exception):
    """A limit is broken."""


def check_size(text: Any, limit: int, what: str) -> str:
    """Text of so many bytes at most, and of one at least."""
    if not isinstance(text, str) or not text.strip():
        raise Broken(f"{what} is empty")
    if len(text.encode()) > limit:
        raise Broken(f"{what} has {len(text.encode())} bytes of {limit}")
    return text


def check_card(card: Any, *, update: bool = False) -> dict[str, Any]:
    """A template card, of the kinds that are known here; only one that changes another may be shut."""
    if not isinstance(card, dict) or card.get("card_type") not in _FIELDS:
        raise Broken(f"no such card: {card!r:.80}")
    kind = str(card["card_type"])
    unknown = (
        set(card) - _FIELDS[kind] - {"card_type", "main_title", "source", "action_menu", "feedback"}
    )
    if unknown:
        raise Broken(f"a {kind} has no {', '.join(sorted(unknown))}")
    _letters(card.get("main_title", {}).get("title"), 26, "title", needed=True)
    _letters(card.get("main_title", {}).get("desc"), 30, "desc")
    _letters(card.get("sub_title_text"), 112, "sub_title_text")
    if kind in _INTERACTIVE and not _TASK_ID.fullmatch(str(card.get("task_id", ""))):
        raise Broken(f"task_id {card.get('task_id')!r}")
    _PARTS[kind](card)
    if not update and any(part.get("disable") for part in _asking(card)):
        raise Broken(f"a new {kind} cannot be filled in")
    return card


def shut(card: dict[str, Any]) -> str:
    """What stands on the button of a card that nobody can press any more; empty if there is more than that one."""
    buttons = [
        *card.get("button_list", []),
        *([card["submit_button"]] if "submit_button" in card else []),
    ]
    return str(buttons[0]["text"]) if len(buttons) == 1 else ""


def _asking(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [*card.get("select_list", []), card.get("checkbox", {})]


def _notice(card: dict[str, Any]) -> None:
    action = card.get("card_action", {})
    if action.get("type") != 1 or not str(action.get("url", "")).startswith("http"):
        raise Broken("a text_notice needs a card_action")
    jumps = card.get("jump_list", [])
    _count(jumps, 0, 3, "jump_list")
    for jump in jumps:
        _letters(jump.get("title"), 13, "jump", needed=True)


def _buttons(card: dict[str, Any]) -> None:
    buttons = card.get("button_list", [])
    _count(buttons, 1, 6, "button_list")
    for button in buttons:
        _letters(button.get("text"), 10, "button", needed=True)
        check_size(button.get("key"), 1024, "button key")
        if button.get("style") not in {1, 2, 3, 4}:
            raise Broken(f"button style {button.get('style')!r}")


def _vote(card: dict[str, Any]) -> None:
    box = card.get("checkbox", {})
    if box.get("mode") not in {0, 1} or not box.get("question_key"):
        raise Broken("a checkbox needs mode and question_key")
    _options(box.get("option_list", []), 20)
    _submit(card)


def _selects(card: dict[str, Any]) -> None:
    selects = card.get("select_list", [])
    _count(selects, 1, 3, "select_list")
    keys = [select.get("question_key") for select in selects]
    if len(set(keys)) < len(keys):
        raise Broken("two selects have one question_key")
    for select in selects:
        if unknown := set(select) - _SELECT:
            raise Broken(f"a select has no {', '.join(sorted(unknown))}")
        check_size(select.get("question_key"), 1024, "question_key")
        _letters(select.get("title"), 13, "select title")
        options = select.get("option_list", [])
        _options(options, 10)
        selected = select.get("selected_id")
        if selected is not None and selected not in {option["id"] for option in options}:
            raise Broken(f"selected_id {selected!r} is no option")
    _submit(card)


def _options(options: list[dict[str, Any]], most: int) -> None:
    _count(options, 1, most, "option_list")
    if len({option.get("id") for option in options}) < len(options):
        raise Broken("two options have one id")
    for option in options:
        check_size(option.get("id"), 128, "option id")
        _letters(option.get("text"), 11, "option", needed=True)


def _submit(card: dict[str, Any]) -> None:
    button = card.get("submit_button", {})
    _letters(button.get("text"), 10, "submit_button", needed=True)
    check_size(button.get("key"), 1024, "submit_button key")


def check_file(kind: str, name: str, content: bytes) -> None:
    """A file that is handed over to be sent."""
    most = _FILES.get(kind)
    if most is None or not name:
        raise Broken(f"no such file: {kind!r} {name!r}")
    if not _LEAST < len(content) <= most:
        raise Broken(f"{name}: {len(content)} bytes of {most}")
    if kind == "image" and content[:2] != b"\xff\xd8" and content[:4] != b"\x89PNG":
        raise Broken(f"{name} is no JPEG and no PNG")
    if kind == "video" and not name.endswith(".mp4"):
        raise Broken(f"{name} is no MP4")


def check_menu(menu: Any) -> dict[str, Any]:
    """What stands below the chat."""
    buttons = menu.get("button", []) if isinstance(menu, dict) else []
    _count(buttons, 1, 3, "button")
    for button in buttons:
        check_size(button.get("name"), 16, "menu name")
        subs = button.get("sub_button")
        if subs is not None:
            _count(subs, 1, 5, "sub_button")
        for each in subs or [button]:
            check_size(each.get("name"), 16, "menu name")
            check_size(each.get("key"), 128, "menu key")
            if each.get("type") != "click":
                raise Broken(f"menu type {each.get('type')!r}")
    return dict(menu)


def _letters(text: Any, most: int, what: str, *, needed: bool = False) -> None:
    if text is None and not needed:
        return
    if not isinstance(text, str) or (needed and not text.strip()) or len(text) > most:
        raise Broken(f"{what} {text!r} is empty or longer than {most}")


def _count(found: Any, least: int, most: int, what: str) -> None:
    if not isinstance(found, list) or not least <= len(found) <= most:
        raise Broken(f"{what} does not have {least} to {most}")


_PARTS: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
    "text_notice": _notice,
    "button_interaction": _buttons,
    "vote_interaction": _vote,
    "multiple_interaction": _selects,
}
