"""Sending and changing messages: what becomes of the bot's text, and what to do when Telegram does not take it so.

A key is remembered with the message it became, so saying it again is harmless. What cannot be known is a message whose
answer was lost on the way: Telegram has no name for a request, and a bot cannot look its messages up. Then it is sent
again: people may read it twice, but a result is never lost. Only of files, which are slow, there are two copies at most.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from telegram import InputMediaPhoto, LinkPreviewOptions, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, TelegramError
from telegram.ext import ExtBot

from adapters.chats.alone import Alone
from adapters.chats.telegram import buttons, writing
from adapters.chats.telegram.errors import (
    is_of_other_kind,
    is_unchanged,
    is_unexplained,
    lacks_link,
    lacks_picture,
    lacks_topic,
    leaves_doubt,
    ours,
)
from adapters.chats.telegram.letters import Letter, link_lines, number_to_answer, reply_parameters
from adapters.chats.telegram.moves import Moves, find_message, name_message
from adapters.chats.telegram.notes import Buttons, Notes, Shown, owner
from adapters.chats.telegram.photos import Photos
from adapters.chats.telegram.rates import Kind
from bot.ports import (
    Chat,
    ChatUnreachable,
    Choice,
    MediaGone,
    MessageRef,
    Person,
    Picture,
    PlatformDown,
)

_LOG = logging.getLogger(__name__)

_PLAIN: Final[dict[str, Any]] = {
    "parse_mode": ParseMode.HTML,
    "link_preview_options": LinkPreviewOptions(is_disabled=True),  # a preview would fetch the Link
}
_PHOTO: Final = "templates.jpg"
_UNKNOWN: Final = "unknown"
"""The key of a picture, or the id of a message, of which nobody knows which one it is."""
_FILE_TRIES: Final = 2


class _LinksRefused(Exception):
    """Telegram takes no buttons with these Links."""


class Outgoing:
    """Everything we say."""

    def __init__(self, bot: ExtBot[Kind], notes: Notes, moves: Moves, alone: Alone) -> None:
        self._bot = bot
        self._notes = notes
        self._moves = moves
        self._photos = Photos(notes)
        self._alone = alone

    async def say(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        reply_to: str | None,
        person: Person | None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Send a text, in several messages if it is long; the last one has the choices and is returned.

        A picture is sent instead, if Telegram takes it. Links that it takes on no buttons stand below the text.
        Raises ChatUnreachable, Throttled, PlatformDown, MemoryUnavailable.
        """
        if picture is not None:
            text = writing.shortened(text)
        try:
            return await self._say(chat, text, choices, key, reply_to, person, picture=picture)
        except _LinksRefused:
            # What of the text alone went ahead begins this one, too, and is not sent again.
            text = "\n".join([text, *link_lines(choices)])
            rest = [choice for choice in choices if not choice.url]
            return await self._say(chat, text, rest, key, reply_to, person, linkless=True)

    async def _say(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        reply_to: str | None,
        person: Person | None,
        *,
        picture: Picture | None = None,
        linkless: bool = False,
    ) -> MessageRef:
        *heads, tail = writing.pieces(text)
        for number, head in enumerate(heads, 1):
            await self._send(chat, head, (), f"{key}#{number}", reply_to, None, linkless=linkless)
        return await self._send(
            chat,
            tail,
            tuple(choices),
            key,
            reply_to,
            person,
            picture=picture,
            linkless=linkless,
        )

    async def change(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice],
        *,
        person: Person | None = None,
        picture: Picture | None = None,
        patient: bool = False,
    ) -> None:
        """Let a message of ours look otherwise; nothing is sent if it does already. Raises as ``say``."""
        async with self._alone.with_(
            f"{message.chat.id}/{message.id}"
        ):  # two hands may show the same at once
            await self._change(message, text, choices, person, picture, patient=patient)

    async def _change(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice],
        person: Person | None,
        picture: Picture | None,
        *,
        patient: bool,
    ) -> None:
        chat = message.chat
        shown = await self._notes.shown(chat, message.id)
        letter = Letter(
            chat=await self._moves.now(chat.id),
            thread=None,
            text=writing.shortened(text),
            name=(shown and shown.buttons) or buttons.new_name(),
            choices=tuple(choices),
            reply_to=None,
            kind="revision" if patient else "message",
            picture=None if shown is not None and shown.refused else picture,
            above=None if shown is None else shown.picture,
        )
        if shown is not None and shown.linkless:
            letter = letter.with_links_written()
        if shown is not None and shown.looks == letter.looks:
            return
        if choices:
            await self._teach(letter, owner(person, chat))
        try:
            edited = await self._edit(message, letter)
        except PlatformDown:  # it may look either way now
            unsure = Shown(
                looks="", buttons=letter.name, picture=letter.above, linkless=letter.linkless
            )
            await self._notes.note_shown(chat, message.id, unsure)
            raise
        await self._note(chat, message.id, edited, letter)

    async def send_file(
        self, chat: Chat, path: Path, name: str, key: str, reply_to: str | None
    ) -> MessageRef:
        """Send a file as a document. Raises as ``say``.

        Twice without an answer counts as sent: a chat full of copies is worse than a file that has to be asked for again.
        Once Telegram has gone silent, it is asked something else first, so that the second time is no part of an outage.
        """
        if doubts := await self._notes.doubts(key):
            with ours():
                await self._bot.get_me()
        if doubts >= _FILE_TRIES:
            _LOG.warning("A file was sent %d times without an answer; it is not again", doubts)
            return MessageRef(chat=chat, id=_UNKNOWN)
        try:
            return await self._send(chat, "", (), key, reply_to, None, file=(path, name))
        except PlatformDown as error:
            if leaves_doubt(error.__cause__):
                await self._notes.note_doubts(key, doubts + 1)
            raise

    async def _send(
        self,
        chat: Chat,
        text: str,
        choices: tuple[Choice, ...],
        key: str,
        reply_to: str | None,
        person: Person | None,
        *,
        file: tuple[Path, str] | None = None,
        picture: Picture | None = None,
        linkless: bool = False,
    ) -> MessageRef:
        async with self._alone.with_(key):  # two hands may say the same at once
            if (sent := await self._notes.sent(key)) is not None:
                return MessageRef(chat=chat, id=sent)
            actual = await self._moves.now(chat.id)
            letter = Letter(
                chat=actual,
                thread=int(chat.thread) if chat.thread else None,
                text=text,
                name=buttons.new_name(),
                choices=choices,
                reply_to=number_to_answer(chat, actual, reply_to),
                file=file,
                picture=picture,
                linkless=linkless,
            )
            return await self._send_once(chat, letter, key, person)

    async def _send_once(
        self, chat: Chat, letter: Letter, key: str, person: Person | None
    ) -> MessageRef:
        if letter.choices:
            await self._teach(letter, owner(person, chat))
        meant, (letter, number) = letter, await self._deliver(letter)
        message_id = name_message(chat.id, letter.chat, number)
        await self._notes.note_sent(key, message_id)
        await self._note(chat, message_id, letter, meant)
        return MessageRef(chat=chat, id=message_id)

    async def _deliver(self, letter: Letter) -> tuple[Letter, int]:
        """Send it, changed as far as Telegram demands; (as it went, its number). Raises _LinksRefused."""
        with ours():
            while True:
                try:
                    sent = await self._post(letter)
                except MediaGone:
                    letter = replace(letter, picture=None)
                except (BadRequest, ChatMigrated) as error:
                    letter = await self._remedy(letter, error)
                else:
                    return letter, sent.message_id

    async def _post(self, letter: Letter) -> Message:
        place: dict[str, Any] = {
            "message_thread_id": letter.thread,
            "reply_parameters": reply_parameters(letter.reply_to),
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
        if letter.picture is not None:
            sent = await self._bot.send_photo(
                letter.chat,
                await self._photos.find(letter.picture),
                filename=_PHOTO,
                caption=letter.html,
                parse_mode=ParseMode.HTML,
                reply_markup=letter.markup,
                **place,
            )
            await self._photos.note(letter.picture, sent)
            return sent
        return await self._bot.send_message(
            letter.chat, letter.html, reply_markup=letter.markup, **place, **_PLAIN
        )

    async def _remedy(self, letter: Letter, error: TelegramError) -> Letter:
        """The same message as Telegram would take it; raises the error if there is no such."""
        if isinstance(error, ChatMigrated):
            new = str(error.new_chat_id)
            await self._moves.note(letter.chat, new)
            return replace(letter, chat=new, thread=None, reply_to=None)
        if isinstance(error, BadRequest) and lacks_topic(error) and letter.thread is not None:
            _LOG.info("A topic is closed or gone; what is said goes into the general one")
            return replace(letter, thread=None, reply_to=None)
        if isinstance(error, BadRequest) and _is_for_links(letter, error):
            raise _LinksRefused from error
        picture = letter.picture
        if picture is not None and isinstance(error, BadRequest) and lacks_picture(error):
            if await self._photos.forget(picture):
                return letter
            _LOG.info("Telegram takes no picture here, so the text is sent: %s", error)
            return replace(letter, picture=None)
        raise error

    async def _edit(self, message: MessageRef, letter: Letter) -> Letter:
        """Change a message; returns it as it went."""
        place = find_message(message.chat.id, message.id)
        if place is None:
            raise ChatUnreachable("no message of ours has this id")
        if letter.chat != place[0]:
            return await self._edit_moved(message, letter)
        try:
            with ours():
                return await self._edit_at(place[1], letter)
        except ChatUnreachable as error:
            if not isinstance(error.__cause__, ChatMigrated):
                raise
            new = str(error.__cause__.new_chat_id)
            await self._moves.note(letter.chat, new)
            return await self._edit_moved(message, replace(letter, chat=new))

    async def _edit_moved(self, message: MessageRef, letter: Letter) -> Letter:
        """Messages stay behind when a group moves; another one goes on in its place."""
        chat = message.chat
        instead = await self._moves.instead(chat.id, message.id)
        if instead is not None:
            with ours():
                return await self._edit_at(int(instead), letter)
        letter = replace(letter, above=None)
        try:
            letter, number = await self._deliver(letter)
        except _LinksRefused:
            letter, number = await self._deliver(letter.with_links_written())
        await self._moves.note_instead(chat.id, message.id, str(number))
        return letter

    async def _edit_at(self, number: int, letter: Letter) -> Letter:
        """Change it, in another way as far as Telegram demands; returns it as it went."""
        turned = False
        while True:
            try:
                await self._edit_once(number, letter)
            except MediaGone:
                letter = replace(letter, picture=None)
            except BadRequest as error:
                if is_unchanged(error):  # an edit whose answer was lost had been carried out
                    return letter
                if _is_for_links(letter, error):
                    letter = letter.with_links_written()
                elif letter.picture is not None and letter.shows != letter.above:
                    letter = await self._other_picture(letter, error)
                elif is_of_other_kind(error) and not turned:
                    turned, above = True, None if letter.above else _UNKNOWN
                    letter = replace(letter, picture=None, above=above)
                else:
                    raise
            else:
                return letter

    async def _other_picture(self, letter: Letter, error: BadRequest) -> Letter:
        """The same change as Telegram may take it, if it was the picture that it refused."""
        assert letter.picture is not None  # noqa: S101 - the caller looked
        if not (lacks_picture(error) or is_of_other_kind(error)):
            raise error
        if await self._photos.forget(letter.picture):
            return letter
        _LOG.info("Telegram does not change this picture, so only the text is: %s", error)
        return replace(letter, picture=None)

    async def _edit_once(self, number: int, letter: Letter) -> None:
        place: dict[str, Any] = {
            "chat_id": letter.chat,
            "message_id": number,
            "reply_markup": letter.markup,
            "rate_limit_args": letter.kind,
        }
        if letter.picture is not None and letter.shows != letter.above:
            photo = await self._photos.find(letter.picture)
            media = InputMediaPhoto(
                photo, caption=letter.html, parse_mode=ParseMode.HTML, filename=_PHOTO
            )
            changed = await self._bot.edit_message_media(media, **place)
            if isinstance(changed, Message):
                await self._photos.note(letter.picture, changed)
        elif letter.shows is not None:
            await self._bot.edit_message_caption(
                caption=letter.html, parse_mode=ParseMode.HTML, **place
            )
        else:
            await self._bot.edit_message_text(letter.html, **place, **_PLAIN)

    async def _teach(self, letter: Letter, mine: Buttons) -> None:
        """Keep what the buttons mean before anybody can press them."""
        known = await self._notes.buttons(letter.name) or mine
        tokens = {buttons.short(c.token): c.token for c in letter.choices if c.url is None}
        if not tokens.items() <= known.tokens.items():
            taught = known.model_copy(update={"tokens": known.tokens | tokens})
            await self._notes.note_buttons(letter.name, taught)

    async def _note(self, chat: Chat, message_id: str, went: Letter, meant: Letter) -> None:
        shown = Shown(
            looks=went.looks,
            buttons=went.name,
            picture=went.shows,
            refused=meant.picture is not None and went.picture is None,
            linkless=went.linkless,
        )
        await self._notes.note_shown(chat, message_id, shown)


def _is_for_links(letter: Letter, error: BadRequest) -> bool:
    """Whether a message was refused for the Links on its buttons, as far as anybody can tell."""
    return letter.has_links and (lacks_link(error) or is_unexplained(error))
