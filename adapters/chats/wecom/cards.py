"""Choices as template cards.

WeCom's cards show little text and take few buttons: what does not fit is said in front of the card. Numbered choices become
boxes to tick with one button to start, the fields of a form lists that are sent back together, everything else buttons, or
where there are too many a list of which one is picked.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.chats.wecom.presses import EARLIER, LATER, Meant, Press
from bot.ports import Choice

TITLE: Final = 26
"""Letters of a title that people see; the rest is cut."""
SUBTITLE: Final = 112
OPTION: Final = 11
BUTTON: Final = 10
JUMP: Final = 13
JUMPS: Final = 3
BUTTONS: Final = 6
OPTIONS: Final = 20
SELECTS: Final = 3
VALUES: Final = 10
"""Of one select."""
SELECT: Final = 13
"""Letters of its title."""
_NUMBERED: Final = re.compile(r"(\d+) (?=\S)")
_QUESTION: Final = "choice"
_PAIR: Final = re.compile(r"[^:：]+(?P<value>(?:: |：)\S+)")
_LEAST_NAME: Final = 3
"""Letters of a name that is shortened for its value, with the dots."""
_BRACKETS: Final = re.compile(r"\s*[（(][^（）()]*[）)]")
_TITLE_ENDS: Final = re.compile(r"[：:。]\s*")
_SENTENCE: Final = re.compile(r"(?<=[。？！])|(?<=[.?!]) ")
_ALL: Final = "全部"


@dataclass(frozen=True)
class Card:
    """One on its way."""

    task_id: str
    body: dict[str, Any]
    meant: Meant
    left: str
    """What has to be said in front of it."""


@dataclass(frozen=True)
class Words:
    """What stands on a card beside the choices."""

    pick: str
    start: str
    confirm: str
    choose: str
    """The title where the text is said in front of the card."""
    more: str
    """What stands before the numbers of another page."""


def make_card(
    text: str, choices: Sequence[Choice], words: Words, *, person: str | None, name: str = ""
) -> Card:
    """The card for some choices, one at least; of Templates only the ticked ones are asked for, the rest is typed."""
    task_id = f"chorus_{secrets.token_hex(12)}"
    numbered = [choice for choice in choices if _NUMBERED.match(choice.label)]
    further = [(choice, word) for choice in choices if (word := _word(choice))] if numbered else []
    numbered = numbered[: OPTIONS - len(further)]
    form = any(choice.field for choice in choices)
    if form:
        body, left = _form(text, choices, words)
    elif numbered:
        body, left = _ticks([*numbered, *(choice for choice, _ in further)], words), text
    elif len(choices) <= BUTTONS:
        body, left = _buttons(text, choices, words)
    else:
        body, left = _list(text, choices[:OPTIONS], words), text
    body = {**body, "task_id": task_id}
    meant = Meant(
        person=person,
        name=name,
        tokens={f"o{place}": choice.token for place, choice in enumerate(numbered or choices)},
        numbers={f"o{place}": _number(choice) for place, choice in enumerate(numbered)},
        words={f"o{place}": word for place, (_, word) in enumerate(further, len(numbered))},
        ticked=tuple(
            f"o{place}" for place, choice in enumerate(numbered or choices) if choice.picked
        ),
        selects=form,
        stays=all(choice.stays for choice in choices),
        body=body,
    )
    return Card(task_id, body, meant, left)


def filled_in(choices: Sequence[Choice]) -> bool:
    """Whether their card has boxes to tick or lists to choose from."""
    return any(choice.field or _NUMBERED.match(choice.label) for choice in choices)


def closed(meant: Meant, press: Press, done: str) -> dict[str, Any]:
    """The card as it looks once it was pressed: what was ticked or selected stays to be seen, and nothing can be pressed again.

    Of one that stays only the button is marked.
    """
    body = dict(meant.body)
    if "checkbox" in body:
        options = [
            {**option, "is_checked": option["id"] in press.options}
            for option in body["checkbox"]["option_list"]
        ]
        body["checkbox"] = {**body["checkbox"], "disable": True, "option_list": options}
        body["submit_button"] = {**body["submit_button"], "text": done}
    elif "select_list" in body:
        body["select_list"] = [_shut(select, press.options) for select in body["select_list"]]
        body["submit_button"] = {**body["submit_button"], "text": done}
    else:
        buttons = [_marked(button, press.button) for button in body.get("button_list", [])]
        left = [button for button in buttons if meant.stays or button["key"] == press.button]
        body["button_list"] = left or buttons
    return body


def _marked(button: Mapping[str, Any], pressed: str) -> dict[str, Any]:
    text = _cut(f"✓{button['text']}", BUTTON) if button["key"] == pressed else button["text"]
    return {**button, "text": text}


def _shut(select: Mapping[str, Any], chosen: Sequence[str]) -> dict[str, Any]:
    ids = [option["id"] for option in select["option_list"] if option["id"] in chosen]
    return {**select, "disable": True, "selected_id": [*ids, select["selected_id"]][0]}


def notice_card(
    title: str, lines: Sequence[str], links: Mapping[str, str]
) -> tuple[dict[str, Any], bool]:
    """A card that only tells, with Links by their labels, and whether all of it stands there.

    The first Link opens by a touch of the card. Of a title that is too long the beginning stands there, and all of it below.
    """
    jumps = [{"type": 1, "title": _jump(label), "url": url} for label, url in links.items()]
    if len(title) > TITLE:
        first, *others = _TITLE_ENDS.split(title, maxsplit=1)
        title, lines = (
            (first, [*others, *lines]) if len(first) <= TITLE else (title, [title, *lines])
        )
    below = "\n".join(lines)
    card = {
        "card_type": "text_notice",
        "main_title": {"title": _cut(title, TITLE)},
        "sub_title_text": _cut(below, SUBTITLE),
        "jump_list": jumps[:JUMPS],
        "card_action": {"type": 1, "url": jumps[0]["url"]},
    }
    return card, len(below) <= SUBTITLE and len(jumps) <= JUMPS


def _jump(label: str) -> str:
    """A short label: sizes and lengths in brackets go first."""
    return _cut(label if len(label) <= JUMP else _BRACKETS.sub("", label), JUMP)


def _ticks(choices: Sequence[Choice], words: Words) -> dict[str, Any]:
    labelled = [
        replace(choice, label=f"{words.more} {choice.label}")
        if _word(choice) in {LATER, EARLIER}
        else choice
        for choice in choices
    ]
    return _vote(words.pick, labelled, 1, words.start, ticked=True)


def _form(text: str, choices: Sequence[Choice], words: Words) -> tuple[dict[str, Any], str]:
    """A list for each field; a text of one line stands on the card."""
    first, _, rest = text.partition("\n")
    title = first if len(first) <= TITLE else words.choose
    names = list(dict.fromkeys(choice.field for choice in choices))[:SELECTS]
    body = {
        "card_type": "multiple_interaction",
        "main_title": {"title": title},
        "select_list": [_select(number, name, choices) for number, name in enumerate(names)],
        "submit_button": {"text": _cut(words.confirm, BUTTON), "key": "submit"},
    }
    return body, text if rest or title != first else ""


def _select(number: int, name: str, choices: Sequence[Choice]) -> dict[str, Any]:
    values = [(place, each) for place, each in enumerate(choices) if each.field == name][:VALUES]
    picked = next((place for place, value in values if value.picked), values[0][0])
    return {
        "question_key": f"{_QUESTION}{number}",
        "title": _cut(name, SELECT),
        "selected_id": f"o{picked}",
        "option_list": [
            {"id": f"o{place}", "text": _cut(value.label, OPTION)} for place, value in values
        ],
    }


def _list(text: str, choices: Sequence[Choice], words: Words) -> dict[str, Any]:
    first = text.partition("\n")[0]
    title = first if len(first) <= TITLE else words.choose
    return _vote(title, choices, 0, words.confirm, ticked=False)


def _word(choice: Choice) -> str:
    """How it would be typed, if it can be ticked beside numbers; empty if not."""
    if choice.section != "controls":
        return ""
    if choice.label.startswith("‹"):
        return EARLIER
    if choice.label.endswith("›"):
        return LATER
    return _ALL if choice.token == "all" else ""  # noqa: S105 - a choice


def _vote(
    title: str, choices: Sequence[Choice], mode: int, button: str, *, ticked: bool
) -> dict[str, Any]:
    options = [
        {
            "id": f"o{place}",
            "text": _cut(choice.label, OPTION),
            "is_checked": choice.picked and ticked,
        }
        for place, choice in enumerate(choices)
    ]
    return {
        "card_type": "vote_interaction",
        "main_title": {"title": _cut(title.rstrip(":："), TITLE)},
        "checkbox": {"question_key": _QUESTION, "mode": mode, "option_list": options},
        "submit_button": {"text": _cut(button, BUTTON), "key": "submit"},
    }


def _buttons(text: str, choices: Sequence[Choice], words: Words) -> tuple[dict[str, Any], str]:
    """A short text stands on the card; a long one is said in front of it."""
    first, _, rest = text.partition("\n")
    if len(first) > TITLE:  # a title ends with its sentence
        first, *others = _SENTENCE.split(first, maxsplit=1)
        rest = "\n".join([*others, *([rest] if rest else [])])
    fits = len(first) <= TITLE and len(rest) <= SUBTITLE
    begins = first if fits else _TITLE_ENDS.split(text, maxsplit=1)[0].partition("\n")[0]
    title = begins if len(begins) <= TITLE else words.choose
    body: dict[str, Any] = {
        "card_type": "button_interaction",
        "main_title": {"title": title},
        "button_list": [
            {"text": _cut(_label(choice), BUTTON), "style": 1, "key": f"o{place}"}
            for place, choice in enumerate(choices)
        ],
    }
    if fits and rest:
        body["sub_title_text"] = rest
    return body, "" if fits else text


def _label(choice: Choice) -> str:
    return f"✓{choice.label}" if choice.picked else choice.label


def _number(choice: Choice) -> str:
    found = _NUMBERED.match(choice.label)
    return found[1] if found else ""


def _cut(text: str, length: int) -> str:
    """As much as people see; of a name with a value (``background: blur``) the value stays whole."""
    pair = _PAIR.fullmatch(text)
    if pair is not None and len(text) > length >= len(pair["value"]) + _LEAST_NAME:
        return f"{text[: length - len(pair['value']) - 1]}…{pair['value']}"
    line = " ".join(text.split()) if length != SUBTITLE else text
    return line if len(line) <= length else f"{line[: length - 1]}…"
