"""What the AI bot's door needs of the way it is connected: long connection or callback address."""

import asyncio
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from adapters.chats.wecom.cards import Card
from bot.ports import Chat


class BotLine(Protocol):
    """Hears, keeps what it heard in the inbox, and says things."""

    here: asyncio.Event
    """Set while what is heard comes to this front end, and with it the files."""
    sends_files: bool
    speaks_first: bool
    """Whether something may be said though nobody just wrote."""

    def routes(self) -> list[web.RouteDef]:
        """What the web door has to hand on."""
        ...

    async def run(self) -> None:
        """Hold the connection, if there is one, until cancelled."""
        ...

    async def say(self, said: dict[str, Any]) -> str:
        """Say something, by whichever front end can; the message's id. Raises as ``ChatAdapter.post``.

        Args:
            said: With ``op``: ``text``, ``card``, ``answer`` (both, answering a message; its id is empty where that is not
                possible), ``media`` or ``grow``, and what belongs to it.
        """
        ...

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Hand a file over to be sent; its media id. Raises ChatErrors."""
        ...


class LineMouth:
    """Says things over a line: see ``Mouth``."""

    def __init__(self, line: BotLine) -> None:
        self._line = line

    async def send_text(self, chat: Chat, text: str, key: str) -> str:
        """One text that is short enough."""
        return await self._line.say({"op": "text", "text": text, **_where(chat, key)})

    async def send_card(self, chat: Chat, card: Card, key: str) -> str:
        """One card."""
        return await self._line.say({"op": "card", "card": card.body, **_where(chat, key)})

    async def send_answer(self, chat: Chat, text: str, card: Card, key: str) -> str:
        """Text and card in one answer that may grow; empty if there is nothing fresh to answer."""
        said = {"op": "answer", "text": text, "card": card.body}
        return await self._line.say({**said, **_where(chat, key)})

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Hand a file over; its media id."""
        return await self._line.upload(kind, file, name)

    async def send_media(self, chat: Chat, kind: str, media_id: str, name: str, key: str) -> str:
        """Send what was handed over."""
        del name  # it was handed over with it
        said = {"op": "media", "kind": kind, "media_id": media_id, **_where(chat, key)}
        return await self._line.say(said)


def _where(chat: Chat, key: str) -> dict[str, Any]:
    return {"chat": chat.id, "private": chat.private, "key": key}
