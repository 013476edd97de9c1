"""How a recording is sent, where a voice note comes without its sound: a card with two steps, and a button to the right chat."""

from typing import Final, Literal

from adapters.chats.says import Says
from adapters.chats.wecom.cards import Card, Words, make_card
from bot.ports import Choice

RECORD: Final = "record"
"""The token of the button that leads to the app, where people hold and talk."""
_MORE: Final = "help:recording"
"""What the bot knows as the topic of its help."""


def how_to_card(say: Says, language: Literal["en", "zh"], *, app: bool) -> Card:
    """The card; with a button to the app where there is one."""
    choices = [Choice(RECORD, say(language, "wecom-how-app"), stays=True)] if app else []
    choices.append(Choice(_MORE, say(language, "wecom-how-more"), stays=True))
    title, steps = say(language, "wecom-how-title"), say(language, "wecom-how-steps")
    unused = Words("", "", "", title, "")
    return make_card(f"{title}\n{steps}", choices, unused, person=None)
