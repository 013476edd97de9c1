"""Saying something in DingTalk, each key once.

An address that answers a message is the best way while it lives: it costs nothing and can mention who asked. Later the robot
writes of its own accord. Where there is a card template, what has choices is a card, which can be changed later.
"""

import asyncio
import contextlib
import logging
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, Final

from adapters.chats.alone import Alone
from adapters.chats.dingtalk import cards
from adapters.chats.dingtalk.account import Account
from adapters.chats.dingtalk.api import Api
from adapters.chats.dingtalk.client import Client
from adapters.chats.dingtalk.decoding import Sender, Session
from adapters.chats.dingtalk.errors import Blocked, SessionOver
from adapters.chats.dingtalk.notes import Meant, Notes
from adapters.chats.dingtalk.rates import SharedRates
from adapters.chats.dingtalk.writing import pieces, title_of, to_markdown
from adapters.chats.once import Once
from adapters.chats.says import Says
from adapters.chats.troubles import SettingsWrong, TokenStale
from bot.ports import (
    Chat,
    ChatError,
    ChatUnreachable,
    Choice,
    MediaGone,
    MessageRef,
    Person,
    Picture,
    PlatformDown,
    Throttled,
)

_LOG = logging.getLogger(__name__)

_CARD: Final = "card:"
_RESULT: Final = "outcome:"
"""How the keys of results begin: they stay readable where cards are not."""
_FOREIGN: Final = "$:"
"""How the ids of people begin who belong to another corporation; the robot cannot write to them by itself."""


class Speaking:
    """Sends texts, cards, pictures and files."""

    def __init__(
        self,
        api: Api,
        client: Client,
        notes: Notes,
        rates: SharedRates,
        account: Account,
        say: Says,
        alone: Alone,
    ) -> None:
        self._api = api
        self._client = client
        self._notes = notes
        self._rates = rates
        self._account = account
        self._say = say
        self._alone = alone
        self._once = Once(notes)

    async def say(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        reply_to: str | None,
        person: Person | None = None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Say something; the last message is returned.

        Raises ChatUnreachable, Throttled, PlatformDown.
        """
        if not (choices and self._account.has_cards and not _foreign(chat)):
            if picture is not None and await self._show(chat, picture, f"{key}#picture"):
                text = picture.caption
            return await self._texts(chat, text, key, reply_to)
        if key.startswith(_RESULT):
            said = await self._texts(chat, text, f"{key}#text", reply_to)
            also = self._say(await self._language(chat, person), "dingtalk-also")
            with contextlib.suppress(SettingsWrong, ChatUnreachable):  # the result is there
                return await self._offer(chat, also, choices, key, None, person, None)
            return said
        try:
            return await self._offer(chat, text, choices, key, reply_to, person, picture)
        except (SettingsWrong, ChatUnreachable) as error:
            _LOG.warning("A card cannot be shown, its choices are typed: %s", error)
            return await self._texts(chat, text, f"{key}#typed", reply_to)

    async def change(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice],
        person: Person | None,
        picture: Picture | None,
    ) -> None:
        """Change a card; nothing is sent if it looks like this already. Raises as ``say``."""
        if not message.id.startswith(_CARD):
            raise ChatUnreachable("DingTalk lets nobody change this message")
        name = message.id.removeprefix(_CARD)
        shown = cards.params(await self._markdown(text, picture), choices)
        async with self._alone.with_(name):
            await self._change(message.chat, name, shown, choices, person)

    async def _change(
        self,
        chat: Chat,
        name: str,
        shown: dict[str, str],
        choices: Sequence[Choice],
        person: Person | None,
    ) -> None:
        meant = await self._notes.card(name)
        if meant is None:
            raise ChatUnreachable("nobody knows this card any more")
        looks = cards.looks(shown)
        if looks == meant.looks:
            return
        update: dict[str, Any] = {"tokens": {**meant.tokens, **cards.tokens(choices)}}
        if not meant.tokens and person is not None and not chat.private:
            update |= {"person": person.id, "name": person.name}
        meant = meant.model_copy(update=update)
        await self._notes.note_card(name, meant)
        try:
            await self._client.change_card(name, shown)
        except (PlatformDown, Throttled):
            raise
        except ChatError as error:
            raise ChatUnreachable(f"this card is gone: {error}") from error
        await self._notes.note_card(name, meant.model_copy(update={"looks": looks}))

    async def send_file(self, chat: Chat, path: Path, name: str, key: str) -> MessageRef:
        """Send a file."""

        async def send() -> str:
            media_id = await self._client.upload("file", path, name)
            kind = PurePath(name).suffix.removeprefix(".") or "zip"
            param = {"mediaId": media_id, "fileName": name, "fileType": kind}
            return await self._client.send(_ours(chat), "sampleFile", param)

        return MessageRef(chat=chat, id=await self._once(key, send))

    async def _show(self, chat: Chat, picture: Picture, key: str) -> bool:
        """Send a picture; False if it cannot be shown."""
        if _foreign(chat):
            return False
        try:
            media_id = await self._handed_over(picture)

            async def send() -> str:
                return await self._client.send(chat, "sampleImageMsg", {"photoURL": media_id})

            await self._once(key, send)
        except ChatError as error:
            if isinstance(error, PlatformDown | Throttled) and not isinstance(error, SettingsWrong):
                raise
            _LOG.info("A picture is not shown: %s", error)
            return False
        return True

    async def _handed_over(self, picture: Picture) -> str:
        """DingTalk keeps what was handed over once."""
        known = await self._notes.media(picture.key)
        if known is not None:
            return known
        content = await picture.read()
        with tempfile.TemporaryDirectory(prefix="chorus-") as folder:
            path = Path(folder) / "picture.jpg"
            await asyncio.to_thread(path.write_bytes, content)
            media_id = await self._client.upload("image", path, path.name)
        await self._notes.note_media(picture.key, media_id)
        return media_id

    async def _texts(self, chat: Chat, text: str, key: str, reply_to: str | None) -> MessageRef:
        *heads, tail = pieces(text)
        for number, head in enumerate(heads, 1):
            await self._text(chat, head, f"{key}#{number}", reply_to)
        return MessageRef(chat=chat, id=await self._text(chat, tail, key, reply_to))

    async def _text(self, chat: Chat, text: str, key: str, reply_to: str | None) -> str:
        return await self._once(key, lambda: self._send(chat, text, reply_to))

    async def _send(self, chat: Chat, text: str, reply_to: str | None) -> str:
        """In answer to somebody while that is possible, else of our own accord."""
        session = await self._notes.session(chat.id)
        if session is not None and await self._answer(chat, session, text, reply_to):
            return f"session:{secrets.token_hex(8)}"
        asker = await self._asker(chat, reply_to)
        said = f"{asker.name}：\n{text}" if asker is not None else text  # nobody can be mentioned
        param = {"title": title_of(text), "text": to_markdown(said)}
        return await self._client.send(_ours(chat), "sampleMarkdown", param)

    async def _answer(self, chat: Chat, session: Session, text: str, reply_to: str | None) -> bool:
        """Mentions who asked; False if the address takes nothing any more."""
        asker = await self._asker(chat, reply_to)
        markdown = to_markdown(text)
        body: dict[str, Any] = {"msgtype": "markdown"}
        if asker is not None and asker.staff:  # the name has to stand in the text to be seen
            body["at"] = {"atUserIds": [asker.staff], "isAtAll": False}
            markdown = f"@{asker.staff} {markdown}"
        body["markdown"] = {"title": title_of(text), "text": markdown}
        await self._rates.room(chat.id)
        try:
            await self._api.post_to(session.url, body)
        except Blocked:
            raise await self._rates.blocked(chat.id) from None
        # It asks for no token and knows no settings: whoever is refused for them has an address that is over.
        except (SessionOver, TokenStale, SettingsWrong) as error:
            _LOG.debug("%s", error)
            await self._notes.forget_session(chat.id, session)
            return False
        except (PlatformDown, Throttled):
            raise
        except ChatError as error:
            _LOG.info("An answer is not taken where it belongs: %s", error)
            return False
        return True

    async def _offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        reply_to: str | None,
        person: Person | None,
        picture: Picture | None,
    ) -> MessageRef:
        async def send() -> str:
            shown = cards.params(await self._markdown(text, picture), choices)
            name = f"chorus-{secrets.token_hex(12)}"
            only = person if person is not None and not chat.private else None
            meant = Meant(
                chat=chat,
                person=chat.id if chat.private else only.id if only else None,
                name=only.name if only else "",
                tokens=cards.tokens(choices),
                looks=cards.looks(shown),
            )
            await self._notes.note_card(name, meant)
            asker = await self._asker(chat, reply_to)
            mention = {asker.staff: asker.name} if asker is not None and asker.staff else {}
            try:
                await self._client.show_card(chat, name, shown, mention)
            except (PlatformDown, Throttled, ChatUnreachable):
                raise
            except ChatError as error:
                raise ChatUnreachable(f"no card of this template is shown: {error}") from error
            return f"{_CARD}{name}"

        return MessageRef(chat=chat, id=await self._once(key, send))

    async def _markdown(self, text: str, picture: Picture | None) -> str:
        """With the picture above it, and what stands below it in the place of the text, if there is one."""
        if picture is None:
            return to_markdown(text)
        try:
            media_id = await self._handed_over(picture)
        except (MediaGone, SettingsWrong) as error:
            _LOG.info("A picture is not shown: %s", error)
            return to_markdown(text)
        return f"![]({media_id})\n\n{to_markdown(picture.caption)}"

    async def _asker(self, chat: Chat, reply_to: str | None) -> Sender | None:
        """In a group people see by that whom we mean."""
        if chat.private or not reply_to:
            return None
        return await self._notes.asker(reply_to)

    async def _language(self, chat: Chat, person: Person | None) -> Any:
        return await self._notes.language(person.id if person is not None else chat.id)


def _foreign(chat: Chat) -> bool:
    return chat.private and chat.id.startswith(_FOREIGN)


def _ours(chat: Chat) -> Chat:
    """A chat in which the robot may write by itself. Raises ChatUnreachable."""
    if _foreign(chat):
        raise ChatUnreachable("people of another corporation can only be answered")
    return chat
