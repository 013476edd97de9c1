"""Who waits is told of a delay, each by themselves."""

import asyncio

import pytest

from bot.delays import Delays
from bot.ports import ChatError, MemoryUnavailable
from tests.bot.stage import Stage
from tests.worker.ledger_things import order, stock


async def test_a_chat_that_refuses_in_an_unknown_way_keeps_nobody_else_from_hearing_of_a_delay(
    stage: Stage,
) -> None:
    await stock(stage.ledger, "anchor")
    for name in ("desk", "hall"):
        await stage.ledger.open_batch(order(name, "anchor", chat=stage.chat.chat(name)))
    stage.chat.unreachable = {"desk": ChatError("something new")}
    delays = Delays(stage.bot()._desks[0], "me")

    await delays._tell_all()
    await delays._tell_all()

    shown = list(stage.chat.shown.values())
    assert [message.chat.id for message in shown] == ["hall"]
    assert "longer" in shown[0].text


LONG_S = 0.2
BEAT_S = LONG_S / 4
"""So often it is looked."""


class Pulse:
    """A memory that can be away, and the clock of who feels for it: from beat to beat no more time passes than should."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        self._felt_often = 0
        self._keep = stage.memory.keep
        self._felt = asyncio.Condition()
        monkeypatch.setattr(stage.memory, "keep", self.keep)

    async def keep(self, *name: str, value: str, ttl_s: int) -> None:
        if name == ("pulse", "me"):
            async with self._felt:
                self._felt_often += 1
                self._felt.notify_all()
        if self.away:
            raise MemoryUnavailable("away")
        await self._keep(*name, value=value, ttl_s=ttl_s)

    def clock(self) -> float:
        return BEAT_S * self._felt_often

    async def beats(self, count: int) -> None:
        until = self._felt_often + count
        async with asyncio.timeout(60), self._felt:
            await self._felt.wait_for(lambda: self._felt_often >= until)


async def watch(stage: Stage, pulse: Pulse) -> None:
    await Delays(stage.bot()._desks[0], "me", LONG_S, pulse.clock).run()


async def test_who_waits_is_told_of_a_delay_also_if_redis_came_back_empty_once_orders_are_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stock(stage.ledger, "anchor")
    batch = await stage.ledger.open_batch(order("m1", "anchor", chat=stage.chat.chat("hall")))
    pulse = Pulse(stage, monkeypatch)
    watching = asyncio.create_task(watch(stage, pulse))
    await pulse.beats(2)

    pulse.away = True
    await pulse.beats(6)
    await stage.ledger._client.flushall()
    pulse.away = False
    await pulse.beats(3)
    before = list(stage.chat.shown)
    await stock(stage.ledger, "anchor")
    await stage.ledger.restore_batch(batch)
    await stage.ledger.note_rebuilt()
    await stage.chat.wait_for(lambda chat: bool(chat.shown))
    await pulse.beats(3)
    watching.cancel()

    told = list(stage.chat.shown.values())
    assert before == []
    assert len(told) == 1
    assert "longer" in told[0].text


async def test_where_nothing_was_ever_remembered_nobody_is_late(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.ledger._client.flushall()
    pulse = Pulse(stage, monkeypatch)
    watching = asyncio.create_task(watch(stage, pulse))
    await pulse.beats(6)
    await stock(stage.ledger, "anchor")
    await stage.ledger.open_batch(order("m1", "anchor", chat=stage.chat.chat("hall")))
    await stage.ledger.note_rebuilt()
    await pulse.beats(4)
    watching.cancel()

    assert stage.chat.shown == {}
