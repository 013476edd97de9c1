"""What the tests of the Telegram adapter stand on."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from adapters.chats.telegram.adapter import TelegramChat
from bot.memory import RedisMemory
from tests.adapters.telegram_things import THEIR_FAST, Reader, make_chat, running
from tests.fakes.telegram.server import FakeTelegram


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    """Telegram, in a world where time runs faster for rates."""
    async with FakeTelegram(rates=THEIR_FAST) as fake:
        yield fake


@pytest.fixture
async def memory(redis_url: str) -> AsyncIterator[RedisMemory]:
    """What the bot and the adapters remember, empty."""
    kept = RedisMemory(redis_url)
    yield kept
    await kept.close()


@pytest.fixture
async def front_end(
    telegram: FakeTelegram, memory: RedisMemory
) -> AsyncIterator[Callable[..., TelegramChat]]:
    """Makes adapters, each as a front end of its own; they need not run to speak."""
    made: list[TelegramChat] = []

    def make(**options: Any) -> TelegramChat:
        made.append(make_chat(telegram, memory, **options))
        return made[-1]

    yield make
    for chat in made:
        for request in (chat._bot.request, chat._bot._request[0]):
            await request.shutdown()


@pytest.fixture
async def chat(front_end: Callable[..., TelegramChat]) -> TelegramChat:
    """An adapter that is not running yet."""
    return front_end()


@pytest.fixture
async def reader(chat: TelegramChat) -> AsyncIterator[Reader]:
    """What a running adapter hands on."""
    async with running(chat) as reading:
        yield reading
