"""What a card was sent with, and what a press on it means."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

LATER, EARLIER = "更多", "返回"
"""What may be ticked to turn the page, as it would be typed."""
_START: Final = "开始"
"""What the bot knows as the word to start, in every language."""


class Meant(BaseModel):
    """What a card was sent with."""

    model_config = ConfigDict(frozen=True)

    person: str | None = None
    """The only one who may press; None: anybody."""
    name: str = ""
    tokens: dict[str, str] = {}
    """By the id of a button or an option."""
    numbers: dict[str, str] = {}
    """Of what may be ticked, by the id of its option; then the button starts."""
    words: dict[str, str] = {}
    """What else may be ticked, as it would be typed, by the id of its option."""
    ticked: tuple[str, ...] = ()
    """Ids of what was ticked, or selected, when it was sent."""
    selects: bool = False
    """Whether it is a form."""
    stays: bool = False
    """Whether it can be pressed again, and otherwise."""
    body: dict[str, Any] = {}
    """As it was sent."""


@dataclass(frozen=True)
class Press:
    """Somebody pressed a card."""

    person: str
    task_id: str
    button: str
    """The key of the button."""
    options: tuple[str, ...]
    """Ids of what was ticked, or selected."""


def typed(meant: Meant, press: Press) -> str | None:
    """What the press would be if it were typed: numbers, and the word to start or turn the page; None where a choice is meant."""
    if not meant.numbers:
        return None
    dropped = [f"-{meant.numbers[id_]}" for id_ in meant.ticked if id_ not in press.options]
    ticked = [meant.numbers[id_] for id_ in press.options if id_ in meant.numbers]
    said = [meant.words[id_] for id_ in press.options if id_ in meant.words]
    turned = LATER in said or EARLIER in said
    return " ".join([*dropped, *ticked, *said, *([] if turned else [_START])])


def form_of(meant: Meant, press: Press) -> tuple[str, ...] | None:
    """What was selected otherwise than it was shown; None where it is no form."""
    if not meant.selects:
        return None
    return tuple(
        meant.tokens[id_]
        for id_ in dict.fromkeys(press.options)
        if id_ in meant.tokens and id_ not in meant.ticked
    )


def token_of(meant: Meant, press: Press) -> str | None:
    """The choice that was picked."""
    known = [id_ for id_ in (*press.options, press.button) if id_ in meant.tokens]
    return meant.tokens[known[0]] if known else None
