"""From the inbox to the bot: what a message or a press means, with its file, or an answer where it is no use."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from yarl import URL

from adapters.chats.dingtalk.account import Account
from adapters.chats.dingtalk.decoding import (
    Meaning,
    Place,
    Said,
    Sender,
    Source,
    Unheard,
    lane_of,
    read_message,
    session_of,
)
from adapters.chats.dingtalk.delivery import Delivery
from adapters.chats.dingtalk.errors import PermissionMissing
from adapters.chats.dingtalk.files import named, sounds
from adapters.chats.dingtalk.notes import Notes
from adapters.chats.dingtalk.presses import press_lane, read_press
from adapters.chats.dingtalk.speaking import Speaking
from adapters.chats.reading import Reading
from adapters.chats.says import Says
from adapters.chats.spool import Spool
from bot.ports import Chat, Choice, Inbound, Media, MediaGone, MediaTooLarge, Memory

_OWN: Final = re.compile(r"(?:[a-z0-9-]+\.)+dingtalk\.com")
"""DingTalk's own hosts."""
_HTTPS: Final = 443


class Incoming:
    """Reads the inbox of one robot."""

    def __init__(
        self,
        memory: Memory,
        mailbox: str,
        account: Account,
        notes: Notes,
        spool: Spool,
        speaking: Speaking,
        delivery: Delivery,
        say: Says,
        calm: Callable[[str, str], Awaitable[None]],
        again_s: float,
    ) -> None:
        """Prepare.

        Args:
            memory: Where the inbox is.
            mailbox: Whose.
            account: Which robot.
            notes: How people are answered, what cards mean, what was seen.
            spool: Fetches files.
            speaking: Answers what is no use.
            delivery: Groups that get results.
            say: The catalogue.
            calm: Called with a card and its looks when a press on it is dealt with.
            again_s: Pause after an outage.
        """
        self._account = account
        self._notes = notes
        self._spool = spool
        self._speaking = speaking
        self._delivery = delivery
        self._say = say
        self._calm = calm
        self._pressing: dict[str, tuple[str, str]] = {}
        """Cards with their looks, by the entries of the presses that the bot deals with."""
        self._reading = Reading(memory, mailbox, self._read, again_s, _lane)

    async def messages(self) -> AsyncGenerator[Inbound, None]:
        """Yield what concerns us."""
        async with contextlib.aclosing(self._reading.messages()) as found:
            async for inbound in found:
                yield inbound

    async def settled(self, entry: str) -> None:
        """The bot is done with it."""
        if (pressed := self._pressing.pop(entry, None)) is not None:
            await self._calm(*pressed)

    async def _read(self, entry: str, key: str, raw: str) -> Inbound | None:
        found = json.loads(raw)
        if "press" in found:
            return await self._pressed(entry, key, found["press"])
        data = found["message"]
        meaning = read_message(data)
        if meaning is None:
            return None
        await self._note(data, meaning)
        if isinstance(meaning, Unheard):
            return await self._unheard(entry, key, meaning)
        place, text = meaning.place, meaning.text
        person = await self._notes.person(meaning.sender)
        private = place.private and meaning.source is None
        if private and await self._delivery.concerns(self._chat(place), person, text):
            answer = await self._delivery.answer(person, text)
            await self._answer(place, meaning.sender, answer.text, answer.choices, f"{key}:deliver")
            return None
        return await self._said(entry, key, meaning)

    async def _note(self, data: Mapping[str, Any], meaning: Meaning) -> None:
        """How it can be answered, and who wants to be."""
        place, sender = meaning.place, meaning.sender
        session = session_of(data)
        if session is not None and self._trusted(session.url):
            await self._notes.note_session(place.chat, session)
        await self._notes.note_name(sender)
        if not place.private:
            await self._notes.note_asker(meaning.message_id, sender)
            await self._notes.note_group(sender.id, place.chat, place.title)

    def _trusted(self, url: str) -> bool:
        """Only DingTalk gets what we say: over HTTP a message might name any address.

        It is read as who connects to it reads it.
        """
        try:
            found = URL(url)
            if found.origin() == URL(self._account.oapi_base).origin():
                return True
            host, port = found.host or "", found.port
        except ValueError:
            return False
        return found.scheme == "https" and port == _HTTPS and _OWN.fullmatch(host) is not None

    async def _unheard(self, entry: str, key: str, unheard: Unheard) -> Inbound | None:
        """Of what old clients quote only the name comes: we may have seen it ourselves."""
        known = await self._notes.file(unheard.quoted) if unheard.quoted else None
        if known is not None:
            said = Said(unheard.place, unheard.sender, unheard.text, known, unheard.message_id)
            return await self._said(entry, key, said)
        what = (
            "dingtalk-unquoted"
            if unheard.quoted or not unheard.place.private
            else "dingtalk-unheard"
        )
        text = self._say(await self._notes.language(unheard.sender.id), what)
        await self._answer(
            unheard.place, unheard.sender, text, (), f"{key}:how", unheard.message_id
        )
        return None

    async def _said(self, entry: str, key: str, said: Said) -> Inbound | None:
        media: Media | None = None
        if (source := said.source) is not None:
            await self._notes.note_file(source.holder or said.message_id, source)
            try:
                media = await self._media(source)
            except PermissionMissing as error:  # the log has it as well
                await self._spool.drop(source.code)
                language = await self._notes.language(said.sender.id)
                scopes = ", ".join(error.scopes) or "?"
                text = self._say(language, "dingtalk-permission", scopes=scopes)
                await self._answer(
                    said.place, said.sender, text, (), f"{key}:permission", said.message_id
                )
                return None
        return Inbound(
            key=key,
            entry=entry,
            chat=self._chat(said.place),
            person=await self._notes.person(said.sender),
            text=said.text,
            media=media,
            message_id=said.message_id,
            in_line=True,
        )

    async def _media(self, source: Source) -> Media:
        name, size_bytes, kind = source.name, None, source.kind
        with contextlib.suppress(MediaGone, MediaTooLarge):  # the bot says so, when it fetches
            spooled = await self._spool.take(source.code)
            size_bytes = spooled.size_bytes
            with contextlib.suppress(FileNotFoundError):
                name = await asyncio.to_thread(named, name, spooled.path)
                if kind == "document" and await asyncio.to_thread(sounds, spooled.path):
                    kind = "audio"
        return Media(source.ref(), name, size_bytes, kind, words=source.words)

    async def _pressed(self, entry: str, key: str, data: Mapping[str, Any]) -> Inbound | None:
        """A card: hand on what it means; whether it may be pressed was looked at when it was."""
        press = read_press(data)
        meant = await self._notes.card(press.card) if press is not None else None
        token = meant.tokens.get(press.button) if meant and press else None
        if press is None or meant is None or token is None:
            return None
        person = await self._notes.known(press.person)
        if await self._delivery.concerns(meant.chat, person, choice=token):
            answer = await self._delivery.choose(person, token)
            await self._speaking.say(meant.chat, answer.text, (), f"{key}:deliver", None)
            await self._calm(press.card, meant.looks)
            return None
        self._pressing[entry] = (press.card, meant.looks)
        return Inbound(
            key=key, entry=entry, chat=meant.chat, person=person, choice=token, in_line=True
        )

    async def _answer(
        self,
        place: Place,
        sender: Sender,
        text: str,
        choices: Sequence[Choice],
        key: str,
        reply_to: str | None = None,
    ) -> None:
        person = await self._notes.person(sender)
        await self._speaking.say(self._chat(place), text, choices, key, reply_to, person)

    def _chat(self, place: Place) -> Chat:
        return Chat(
            platform="dingtalk",
            account=self._account.robot_code,
            id=place.chat,
            private=place.private,
        )


def _lane(raw: str) -> str:
    """Who has to wait does not keep others waiting."""
    found = json.loads(raw)
    return press_lane(found["press"]) if "press" in found else lane_of(found["message"])
