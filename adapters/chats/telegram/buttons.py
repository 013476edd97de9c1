"""Keyboards: choices as buttons, and what a pressed one means.

Telegram gives a button 64 bytes, and anybody in a group may press it, or send any bytes at all. So a button holds an
unguessable name of its keyboard and a digest of its token; what they mean and for whom stands in the Memory. The digest,
and not the place in the keyboard: who presses while the keyboard changes must get what was on the button.
"""

import base64
import hashlib
import itertools
import secrets
from collections.abc import Sequence
from typing import Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.ports import Choice

_LABEL: Final = 40
_SHORT_LABEL: Final = 14
"""So long a label leaves room for two more beside it."""
_IN_A_ROW: Final = 3
_MOST: Final = 100


def new_name() -> str:
    """An unguessable name for a keyboard: 12 characters."""
    return secrets.token_urlsafe(9)


def short(token: str) -> str:
    """A token's name on a button: 8 characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:6]).decode()


def keyboard(name: str, choices: Sequence[Choice]) -> InlineKeyboardMarkup | None:
    """Rows of buttons, each section from a row of its own; None without choices."""
    if not choices:
        return None
    rows: list[list[InlineKeyboardButton]] = []
    for _, section in itertools.groupby(choices[:_MOST], lambda choice: choice.section):
        rows += _rows([_button(name, choice) for choice in section])
    return InlineKeyboardMarkup(rows)


def _rows(buttons: list[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """As many side by side as their labels allow."""
    widest = max(len(button.text) for button in buttons)
    width = _IN_A_ROW if widest <= _SHORT_LABEL else 2 if widest <= 2 * _SHORT_LABEL else 1
    return [buttons[start : start + width] for start in range(0, len(buttons), width)]


def pressed(data: str) -> tuple[str, str] | None:
    """(name of the keyboard, short name of the token) of a button; None for bytes that are none of ours."""
    name, colon, token = data.partition(":")
    return (name, token) if colon else None


def _button(name: str, choice: Choice) -> InlineKeyboardButton:
    label = choice.label if len(choice.label) <= _LABEL else f"{choice.label[: _LABEL - 1]}…"
    if choice.url is not None:
        return InlineKeyboardButton(label, url=choice.url)
    label = f"✓ {label}" if choice.picked else label
    return InlineKeyboardButton(label, callback_data=f"{name}:{short(choice.token)}")
