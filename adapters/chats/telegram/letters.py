"""One message on its way, and what people would see of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from telegram import InlineKeyboardMarkup, ReplyParameters

from adapters.chats.telegram import buttons, writing
from adapters.chats.telegram.moves import find_message
from adapters.chats.telegram.notes import looks
from adapters.chats.telegram.rates import Kind
from bot.ports import Chat, Choice, Picture


@dataclass(frozen=True)
class Letter:
    """One message on its way."""

    chat: str
    """Where it goes now."""
    thread: int | None
    text: str
    """What is said where there is no picture."""
    name: str
    """Of its keyboard."""
    choices: tuple[Choice, ...]
    reply_to: int | None
    kind: Kind = "message"
    file: tuple[Path, str] | None = None
    """What is sent instead of a text, and what it is called."""
    picture: Picture | None = None
    """What is shown above the caption."""
    above: str | None = None
    """The key of the picture that the message shows already."""
    linkless: bool = False
    """Telegram takes no buttons with these Links, so they stand in the text."""

    @property
    def markup(self) -> InlineKeyboardMarkup | None:
        """Its keyboard."""
        return buttons.keyboard(self.name, self.choices)

    @property
    def html(self) -> str:
        """What is written, as Telegram takes it."""
        return writing.to_html(self._words, in_sight=self.linkless)

    @property
    def _words(self) -> str:
        if self.picture is not None:
            return writing.shortened(self.picture.caption, writing.CAPTION)
        return writing.shortened(self.text, writing.CAPTION) if self.above else self.text

    @property
    def shows(self) -> str | None:
        """The key of the picture people see."""
        return self.picture.key if self.picture is not None else self.above

    @property
    def has_links(self) -> bool:
        """Whether a button opens a Link."""
        return any(choice.url for choice in self.choices)

    def with_links_written(self) -> "Letter":
        """The same with its Links in the text, as many as one message has room for, and no buttons for them."""
        lines = link_lines(self.choices)
        rest = tuple(choice for choice in self.choices if not choice.url)
        text = writing.extended(
            self.text, lines, writing.CAPTION if self.above else writing.LONGEST
        )
        picture = self.picture
        if picture is not None:
            caption = writing.extended(picture.caption, lines, writing.CAPTION)
            picture = replace(picture, caption=caption)
        return replace(self, text=text, choices=rest, picture=picture, linkless=True)

    @property
    def looks(self) -> str:
        """A digest of what people see."""
        shown = [f"{choice.label}|{choice.picked}|{choice.url}" for choice in self.choices]
        return looks(self.shows or "", self._words, *shown)


def link_lines(choices: Sequence[Choice]) -> list[str]:
    """Links as they stand in a text."""
    return [f"{choice.label}: {choice.url}" for choice in choices if choice.url]


def number_to_answer(chat: Chat, actual: str, reply_to: str | None) -> int | None:
    """The number of the message to answer, if it is in the chat where we are now."""
    place = find_message(chat.id, reply_to) if reply_to else None
    return place[1] if place is not None and place[0] == actual else None


def reply_parameters(reply_to: int | None) -> ReplyParameters | None:
    """People may have deleted what we answer."""
    if reply_to is None:
        return None
    return ReplyParameters(reply_to, allow_sending_without_reply=True)
