"""Choices as an interactive card. Its template (``config/dingtalk-card.json``) has a text, a row of buttons and a remark."""

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from bot.ports import Choice

CHOICES: Final = 30
"""Most buttons of one card."""
_LABEL: Final = 24
_DONE: Final = "3"
"""The state in which such a card shows all of its parts."""
CONTENT, BUTTONS, REMARK, STATE = "content", "btns", "remark", "flowStatus"
"""Variables of the template that all see alike; all of them are strings."""
NOTICE: Final = "notice"
"""One that each person sees for themselves."""


def params(markdown: str, choices: Sequence[Choice]) -> dict[str, str]:
    """What a card shows."""
    return {
        CONTENT: markdown,
        BUTTONS: json.dumps([_button(choice) for choice in choices], ensure_ascii=False),
        REMARK: "",
        STATE: _DONE,
    }


def tokens(choices: Sequence[Choice]) -> dict[str, str]:
    """What its buttons mean, by their ids."""
    return {button_id(choice.token): choice.token for choice in choices if choice.token}


def looks(shown: dict[str, str]) -> str:
    """A digest of everything people see."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:32]


def button_id(token: str) -> str:
    """The same for the same choice, however often the card changes."""
    return f"c{hashlib.sha256(token.encode()).hexdigest()[:16]}"


def _button(choice: Choice) -> dict[str, object]:
    label = f"✓{choice.label}" if choice.picked else choice.label
    text = label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
    chosen = choice.picked or choice.section == "start"
    id_ = button_id(choice.token)
    return {
        "text": text,
        "color": "blue" if chosen else "gray",
        "status": "normal",
        "event": {
            "type": "sendCardRequest",
            "params": {"actionId": id_, "params": {"choice": id_}},
        },
    }
