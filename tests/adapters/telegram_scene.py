"""Chorus on Telegram, whole: the fake server, and everything around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis.asyncio

from adapters.chats.telegram.adapter import TelegramChat
from adapters.chats.telegram.rates import Rates
from bot.bot import Bot
from tests.adapters.chat_scene import ChatScene, open_parts
from tests.adapters.telegram_things import FAST, QUICK, make_chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.world import Message, Person, Room
from worker.contract.records import BatchRecord, Chat


@dataclass(kw_only=True)
class Scene(ChatScene):
    """Everything around the conversations."""

    telegram: FakeTelegram
    rates: Rates = FAST
    """How fast the front ends speak."""

    def chat(self, **options: object) -> TelegramChat:
        """The adapter of one more front end."""
        return make_chat(self.telegram, self.memory(), self.rates, QUICK, **options)  # type: ignore[arg-type]

    @contextlib.asynccontextmanager
    async def bot(self, chat: TelegramChat | None = None) -> AsyncIterator[Bot]:
        """A front end at work."""
        async with self.front_end(chat or self.chat()) as bot:
            yield bot
            await self.telegram.wait_for_answers()

    async def batches(self, room: Room) -> Sequence[BatchRecord]:
        """All that was ordered in a chat, the newest first."""
        return await self.ordered(Chat(platform="telegram", account="4242", id=str(room.id)))

    async def nothing_left_to_do(self, limit_s: float = 60) -> None:
        """Wait until every message is answered and everything is told."""
        platform = self.telegram.platform
        await self.telegram.wait_until(lambda: not platform.pending, limit_s)
        client = redis.asyncio.Redis.from_url(self.url, decode_responses=True)
        async with client, asyncio.timeout(limit_s):
            for name in (
                "chorus:memory:inbox:telegram%3A4242",
                "chorus:memory:inbox:telegram%3A4242%3Afiles",
                "chorus:outbox:telegram:4242",
            ):
                while await client.xlen(name):
                    await asyncio.sleep(0.05)

    async def result(self, room: Room, limit_s: float = 120) -> Message:
        """The newest message that tells of a ZIP."""
        return await self.telegram.wait_for_text(room, "The links work", limit_s)


@contextlib.asynccontextmanager
async def open_scene(telegram: FakeTelegram, url: str, folder: Path) -> AsyncIterator[Scene]:
    async with open_parts(url, folder) as parts:
        scene = Scene(*parts, telegram=telegram)
        try:
            yield scene
        finally:
            for memory in scene.memories:
                await memory.close()


def admitted(*who: Person | Room) -> tuple[str, ...]:
    """Entries for CHORUS_ALLOW."""
    return tuple(
        f"telegram:{'chat' if isinstance(each, Room) and each.is_group else 'user'}:{each.id}"
        for each in who
    )
