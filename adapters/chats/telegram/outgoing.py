"""Sending and changing messages: what becomes of the bot's text, and what to do when Telegram does not take it so.

A key is remembered with the message it became, so saying it again is harmless. What cannot be known is a message whose
answer was lost on the way: Telegram has no name for a request, and a bot cannot look its messages up. Then it is sent
again: people may read it twice, but a result is never lost.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from telegram import InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, TelegramError
from telegram.ext import ExtBot

from adapters.chats.telegram import buttons, writing
from adapters.chats.telegram.errors import is_unchanged, lacks_link, lacks_topic, ours
from adapters.chats.telegram.moves import Moves, find_message, name_message
from adapters.chats.telegram.notes import Buttons, Notes, Shown, looks, owner
from adapters.chats.telegram.rates import Kind
from bot.ports import Chat, ChatUnreachable, Choice, MessageRef, Person, PlatformDown

_LOG = logging.getLogger(__name__)

_PLAIN: Final[dict[str, Any]] = {
    "parse_mode": ParseMode.HTML,
    "link_preview_options": LinkPreviewOptions(is_disabled=True),  # a preview would fetch the Link
}


@dataclass(frozen=True)
class _Letter:
    """One message on its way."""

    chat: str
    """Where it goes now."""
    thread: int | None
    text: str
    name: str
    """Of its keyboard."""
    choices: tuple[Choice, ...]
    reply_to: int | None
    kind: Kind = "message"
    file: tuple[Path, str] | None = None
    """What is sent instead of a text, and what it is called."""

    @property
    def markup(self) -> InlineKeyboardMarkup | None:
        return buttons.keyboard(self.name, self.choices)

    @property
    def looks(self) -> str:
        """A digest of what people see."""
        shown = [f"{choice.label}|{choice.picked}|{choice.url}" for choice in self.choices]
        return looks(self.text, *shown)


class Outgoing:
    """Everything we say."""

    def __init__(self, bot: ExtBot[Kind], notes: Notes, moves: Moves) -> None:
        self._bot = bot
        self._notes = notes
        self._moves = moves
        self._sending: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def say(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        reply_to: str | None,
        person: Person | None,
    ) -> MessageRef:
        """Send a text, in several messages if it is long; the last one has the choices and is returned.

        Raises ChatUnreachable, Throttled, PlatformDown, MemoryUnavailable.
        """
        *heads, tail = writing.pieces(text)
        for number, head in enumerate(heads, 1):
            await self._send(chat, head, (), f"{key}#{number}", reply_to, None)
        return await self._send(chat, tail, tuple(choices), key, reply_to, person)

    async def change(
        self, message: MessageRef, text: str, choices: Sequence[Choice], *, patient: bool
    ) -> None:
        """Let a message of ours look otherwise; nothing is sent if it does already. Raises as ``say``."""
        chat = message.chat
        shown = await self._notes.shown(chat, message.id)
        letter = _Letter(
            chat=await self._moves.now(chat.id),
            thread=None,
            text=writing.shortened(text),
            name=(shown and shown.buttons) or buttons.new_name(),
            choices=tuple(choices),
            reply_to=None,
            kind="revision" if patient else "message",
        )
        if shown is not None and shown.looks == letter.looks:
            return
        if choices:
            await self._teach(letter, owner(None, chat))
        try:
            await self._edit(message, letter)
        except PlatformDown:  # it may look either way now
            await self._notes.note_shown(chat, message.id, Shown(looks="", buttons=letter.name))
            raise
        await self._note(chat, message.id, letter)

    async def send_file(
        self, chat: Chat, path: Path, name: str, key: str, reply_to: str | None
    ) -> MessageRef:
        """Send a file as a document. Raises as ``say``."""
        return await self._send(chat, "", (), key, reply_to, None, (path, name))

    async def _send(
        self,
        chat: Chat,
        text: str,
        choices: tuple[Choice, ...],
        key: str,
        reply_to: str | None,
        person: Person | None,
        file: tuple[Path, str] | None = None,
    ) -> MessageRef:
        lock = self._sending.setdefault(key, asyncio.Lock())
        async with lock:  # two hands may say the same at once
            return await self._send_once(chat, text, choices, key, reply_to, person, file)

    async def _send_once(
        self,
        chat: Chat,
        text: str,
        choices: tuple[Choice, ...],
        key: str,
        reply_to: str | None,
        person: Person | None,
        file: tuple[Path, str] | None,
    ) -> MessageRef:
        if (sent := await self._notes.sent(key)) is not None:
            return MessageRef(chat=chat, id=sent)
        actual = await self._moves.now(chat.id)
        letter = _Letter(
            chat=actual,
            thread=int(chat.thread) if chat.thread and actual == chat.id else None,
            text=text,
            name=buttons.new_name(),
            choices=choices,
            reply_to=_reply(chat, actual, reply_to),
            file=file,
        )
        if choices:
            await self._teach(letter, owner(person, chat))
        letter, number = await self._deliver(letter)
        message_id = name_message(chat.id, letter.chat, number)
        await self._notes.note_sent(key, message_id)
        await self._note(chat, message_id, letter)
        return MessageRef(chat=chat, id=message_id)

    async def _deliver(self, letter: _Letter) -> tuple[_Letter, int]:
        """Send it, changed as far as Telegram demands; (as it went, its number)."""
        with ours():
            while True:
                try:
                    sent = await self._post(letter)
                except (BadRequest, ChatMigrated) as error:
                    letter = await self._remedy(letter, error)
                else:
                    return letter, sent.message_id

    async def _post(self, letter: _Letter) -> Message:
        place: dict[str, Any] = {
            "message_thread_id": letter.thread,
            "reply_parameters": _reply_parameters(letter.reply_to),
            "rate_limit_args": letter.kind,
        }
        if letter.file is not None:
            path, name = letter.file
            with await asyncio.to_thread(path.open, "rb") as content:
                return await self._bot.send_document(
                    letter.chat,
                    content,
                    filename=name,
                    disable_content_type_detection=True,  # a document stays what it is
                    **place,
                )
        return await self._bot.send_message(
            letter.chat,
            writing.to_html(letter.text),
            reply_markup=letter.markup,
            **place,
            **_PLAIN,
        )

    async def _remedy(self, letter: _Letter, error: TelegramError) -> _Letter:
        """The same message as Telegram would take it; raises the error if there is no such."""
        if isinstance(error, ChatMigrated):
            new = str(error.new_chat_id)
            await self._moves.note(letter.chat, new)
            return replace(letter, chat=new, thread=None, reply_to=None)
        if isinstance(error, BadRequest) and lacks_topic(error) and letter.thread is not None:
            _LOG.info("A topic is closed or gone; what is said goes into the general one")
            return replace(letter, thread=None, reply_to=None)
        links = [choice for choice in letter.choices if choice.url]
        if isinstance(error, BadRequest) and lacks_link(error) and links:
            lines = [f"{choice.label}: {choice.url}" for choice in links]
            rest = tuple(choice for choice in letter.choices if not choice.url)
            return replace(letter, text="\n".join([letter.text, *lines]), choices=rest)
        raise error

    async def _edit(self, message: MessageRef, letter: _Letter) -> None:
        place = find_message(message.chat.id, message.id)
        if place is None:
            raise ChatUnreachable("no message of ours has this id")
        if letter.chat != place[0]:
            await self._edit_moved(message, letter)
            return
        try:
            with ours():
                await self._edit_at(place[1], letter)
        except ChatUnreachable as error:
            if not isinstance(error.__cause__, ChatMigrated):
                raise
            new = str(error.__cause__.new_chat_id)
            await self._moves.note(letter.chat, new)
            await self._edit_moved(message, replace(letter, chat=new))

    async def _edit_moved(self, message: MessageRef, letter: _Letter) -> None:
        """Messages stay behind when a group moves; another one goes on in its place."""
        chat = message.chat
        instead = await self._moves.instead(chat.id, message.id)
        if instead is not None:
            with ours():
                await self._edit_at(int(instead), letter)
            return
        _, number = await self._deliver(letter)
        await self._moves.note_instead(chat.id, message.id, str(number))

    async def _edit_at(self, number: int, letter: _Letter) -> None:
        try:
            await self._bot.edit_message_text(
                writing.to_html(letter.text),
                letter.chat,
                number,
                reply_markup=letter.markup,
                rate_limit_args=letter.kind,
                **_PLAIN,
            )
        except BadRequest as error:
            if not is_unchanged(error):  # an edit whose answer was lost had been carried out
                raise

    async def _teach(self, letter: _Letter, mine: Buttons) -> None:
        """Keep what the buttons mean before anybody can press them."""
        known = await self._notes.buttons(letter.name) or mine
        tokens = {buttons.short(c.token): c.token for c in letter.choices if c.url is None}
        if not tokens.items() <= known.tokens.items():
            taught = known.model_copy(update={"tokens": known.tokens | tokens})
            await self._notes.note_buttons(letter.name, taught)

    async def _note(self, chat: Chat, message_id: str, letter: _Letter) -> None:
        shown = Shown(looks=letter.looks, buttons=letter.name)
        await self._notes.note_shown(chat, message_id, shown)


def _reply(chat: Chat, actual: str, reply_to: str | None) -> int | None:
    """The number of the message to answer, if it is in the chat where we are now."""
    place = find_message(chat.id, reply_to) if reply_to else None
    return place[1] if place is not None and place[0] == actual else None


def _reply_parameters(reply_to: int | None) -> ReplyParameters | None:
    """People may have deleted what we answer."""
    if reply_to is None:
        return None
    return ReplyParameters(reply_to, allow_sending_without_reply=True)
