"""Saying something once: what both doors that talk with people do alike."""

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Final, Literal, Protocol

from adapters.chats.once import Once
from adapters.chats.says import Says
from adapters.chats.wecom.cards import Card, Words, make_card
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.writing import pieces
from bot.ports import Chat, Choice, MediaGone, MessageRef, Person, Picture

FILE_BYTES: Final = 20_000_000
"""Largest file that WeCom sends."""
VIDEO_BYTES: Final = 10_000_000
"""Largest one that it plays."""
CAPTION: Final = 500
"""Letters below a picture: a message of their own."""
_LANGUAGE: Final[Literal["zh"]] = "zh"
"""Of those of whom nothing is known."""


class Mouth(Protocol):
    """How a door sends one message; each returns its id. Raise as ``ChatAdapter.post``."""

    async def send_text(self, chat: Chat, text: str, key: str) -> str:
        """A text that is short enough."""
        ...

    async def send_card(self, chat: Chat, card: Card, key: str) -> str:
        """A card."""
        ...

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Hand a file over; its media id."""
        ...

    async def send_media(self, chat: Chat, kind: str, media_id: str, name: str, key: str) -> str:
        """Send what was handed over. Raises MediaGone if that is too long ago."""
        ...

    async def send_answer(self, chat: Chat, text: str, card: Card, key: str) -> str:
        """Text and card as one message that answers another one; empty where that is not possible."""
        ...


class Speaking:
    """Sends texts and cards, each key once."""

    def __init__(self, mouth: Mouth, notes: Notes, say: Says, text_bytes: int) -> None:
        self._mouth = mouth
        self._notes = notes
        self._say = say
        self._text_bytes = text_bytes
        self._once = Once(notes)

    async def say(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        person: Person | None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Send a text, in several messages if it is long, and a card for the choices; the last one is returned.

        A picture goes first, and what stands below it takes the place of the text.
        """
        if picture is not None and await self._show(chat, picture, f"{key}#picture"):
            text = picture.caption
        if choices:
            card = self._card(chat, text, choices, person)
            sent = await self._once(key, lambda: self._offer(chat, text, card, key))
        else:
            sent = await self._texts(chat, text, key)
        return MessageRef(chat=chat, id=sent)

    async def send_file(self, chat: Chat, path: Path, name: str, key: str) -> MessageRef:
        """Send a file: one that plays as a video where it is not too large for that."""
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        plays = PurePath(name).suffix == ".mp4" and size_bytes <= VIDEO_BYTES
        kind = "video" if plays else "file"

        async def send() -> str:
            media_id = await self._mouth.upload(kind, path, name)
            return await self._mouth.send_media(chat, kind, media_id, name, key)

        return MessageRef(chat=chat, id=await self._once(key, send))

    async def _show(self, chat: Chat, picture: Picture, key: str) -> bool:
        """Send a picture; False if it is gone. WeCom keeps what was handed over once, for three days."""
        try:
            media_id = await self._notes.media(picture.key)
            if media_id is not None:
                with contextlib.suppress(MediaGone):
                    await self._once(key, lambda: self._send_image(chat, media_id, key))
                    return True
            handed_over = await self._handed_over(picture)
            await self._once(key, lambda: self._send_image(chat, handed_over, key))
        except MediaGone:
            return False
        return True

    async def _send_image(self, chat: Chat, media_id: str, key: str) -> str:
        return await self._mouth.send_media(chat, "image", media_id, "", key)

    async def _handed_over(self, picture: Picture) -> str:
        content = await picture.read()
        with tempfile.TemporaryDirectory(prefix="chorus-") as folder:
            path = Path(folder) / "picture.jpg"
            await asyncio.to_thread(path.write_bytes, content)
            media_id = await self._mouth.upload("image", path, path.name)
        await self._notes.note_media(picture.key, media_id)
        return media_id

    async def _texts(self, chat: Chat, text: str, key: str) -> str:
        *heads, tail = pieces(text, self._text_bytes)
        for number, head in enumerate(heads, 1):
            await self._text(chat, head, f"{key}#{number}")
        return await self._text(chat, tail, key)

    async def _text(self, chat: Chat, text: str, key: str) -> str:
        return await self._once(key, lambda: self._mouth.send_text(chat, text, key))

    async def _offer(self, chat: Chat, text: str, card: Card, key: str) -> str:
        """In one message where the platform has such, else what does not stand on the card in front of it."""
        # Text and card as one: what the text says need not stand on the card.
        body = {name: part for name, part in card.body.items() if name != "sub_title_text"}
        meant = card.meant.model_copy(update={"body": body})
        await self._notes.note_card(chat, card.task_id, meant)
        if answer := await self._mouth.send_answer(chat, text, replace(card, body=body), key):
            return answer
        await self._notes.note_card(chat, card.task_id, card.meant)
        if card.left:
            await self._texts(chat, card.left, f"{key}#text")
        return await self._mouth.send_card(chat, card, key)

    async def show_card(self, chat: Chat, text: str, card: Card, key: str) -> None:
        """Show a card of ours as it is, with a text beside or before it."""

        async def show() -> str:
            await self._notes.note_card(chat, card.task_id, card.meant)
            if answer := await self._mouth.send_answer(chat, text, card, key):
                return answer
            await self._texts(chat, text, f"{key}#text")
            return await self._mouth.send_card(chat, card, key)

        await self._once(key, show)

    def _card(
        self, chat: Chat, text: str, choices: Sequence[Choice], person: Person | None
    ) -> Card:
        language = person.language if person is not None else _LANGUAGE
        words = Words(
            pick=self._say(language, "pick-templates"),
            start=self._say(language, "button-start"),
            confirm=self._say(language, "wecom-confirm"),
            choose=self._say(language, "wecom-choose"),
            more=self._say(language, "wecom-more"),
        )
        only = person if person is not None and not chat.private else None
        return make_card(
            text,
            choices,
            words,
            person=only.id if only else None,
            name=only.name if only else "",
        )
