"""However much waits, /status costs Redis a few questions, most of them asked at once."""

from typing import Any

import pytest
import redis.asyncio
from redis.asyncio.client import Pipeline

from bot.dialogue import converse
from tests.bot.stage import ANN, Stage
from tests.worker.ledger_things import order, stock

NAMES = ("anchor", "boy", "chef", "dad", "elf")


async def test_status_asks_redis_few_questions_however_many_orders_wait_and_videos_are_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stock(stage.ledger, *NAMES)
    desk, chat = stage.bot()._desks[0], stage.chat.chat()
    for number in range(60):
        placed = order(f"m{number}", *NAMES, chat=chat, person=ANN)
        newest = number >= 57  # those are told, and made first
        await stage.ledger.open_batch(placed.model_copy(update={"urgent": newest}))
    for _ in range(12):
        await stage.render()
    asked: list[str] = []
    execute = redis.asyncio.Redis.execute_command

    async def counted(client: "redis.asyncio.Redis", *words: Any, **options: Any) -> Any:
        asked.append(words[0])
        return await execute(client, *words, **options)

    await converse(desk, stage.chat.receive(ANN, "/status"))  # signs what is new
    execute_all = Pipeline.execute

    async def counted_together(pipe: Pipeline, *words: Any, **options: Any) -> Any:
        asked.append("several")
        return await execute_all(pipe, *words, **options)

    monkeypatch.setattr(redis.asyncio.Redis, "execute_command", counted)
    monkeypatch.setattr(Pipeline, "execute", counted_together)
    await converse(desk, stage.chat.receive(ANN, "/status"))

    answer = list(stage.chat.shown.values())[-1]
    assert answer.text.count("✓") == 12
    assert len(asked) <= 12, asked
