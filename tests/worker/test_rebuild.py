"""After FLUSHALL: what the store remembers comes back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.worker.foreman_things import Workplace, open_workplace
from tests.worker.ledger_things import ANNA, BEN, HALL
from worker.contract import keys
from worker.contract.records import BatchRecord, BatchState, TemplateState
from worker.rebuild import Rebuilt, rebuild


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


async def ended(place: Workplace, key: str, *videos: str) -> BatchRecord:
    """An order that was told, and whose record says so in the store."""
    async with place.working():
        batch = await place.ended(await place.order(key, *videos))
        wanted = f'"state":"{batch.state}"'.encode()
        async with asyncio.timeout(10):
            while wanted not in await recorded(place, batch):
                await asyncio.sleep(0.02)
    found = await place.ledger.batch(batch.id)
    assert found is not None
    return found


async def recorded(place: Workplace, batch: BatchRecord) -> bytes:
    names = [facts.key async for facts in place.store.list(keys.BATCHES)]
    key = keys.batch(batch.id)
    return await place.store.get_bytes(key) if key in names else b""


async def flush(place: Workplace) -> None:
    await place.ledger._client.flushall()


async def test_history_codes_and_archives_come_back_as_they_were(place: Workplace) -> None:
    good = await ended(place, "a", "ok", "ok")
    mixed = await ended(place, "b", "ok", "reject no_face")
    await flush(place)

    rebuilt = await rebuild(place.ledger, place.store)

    assert await place.ledger.history(HALL, ANNA, 0, 9) == [mixed, good]
    assert await place.ledger.history(HALL, BEN, 0, 9) == []
    assert await place.ledger.batch_by_code(good.code) == good
    assert await place.ledger.running() == []
    assert await place.outcomes() == 0
    assert (rebuilt.takes, rebuilt.batches) == (1, 2)


async def test_the_next_foreman_brings_everything_back_and_orders_go_on(place: Workplace) -> None:
    before = await ended(place, "a", "ok")
    await flush(place)

    async with place.working():
        async with asyncio.timeout(20):
            while not await ready(place):
                await asyncio.sleep(0.02)
        again = await place.ledger.open_batch(before.order.model_copy(update={"key": "new"}))
        again = await place.ended(again)

    take = await place.ledger.take(before.order.take_id)
    assert await place.ledger.batch(before.id) == before
    assert again.state is BatchState.DELIVERED
    assert take is not None
    assert take.analyses == 1


async def ready(place: Workplace) -> bool:
    found = await place.ledger.templates()
    blank = await place.ledger.is_blank()
    return bool(found) and not blank and all(t.state is TemplateState.READY for t in found)


async def test_what_is_known_is_left_alone_and_twice_is_once(place: Workplace) -> None:
    batch = await ended(place, "a", "ok")
    await place.ledger.desk.expire_batch(batch.id)

    known = await rebuild(place.ledger, place.store)
    kept = await place.ledger.batch(batch.id)
    await flush(place)
    await rebuild(place.ledger, place.store)
    second = await rebuild(place.ledger, place.store)

    assert kept is not None
    assert kept.state is BatchState.EXPIRED
    assert known == second == Rebuilt(templates=0, takes=0, batches=0)


async def test_the_same_message_is_not_ordered_again(place: Workplace) -> None:
    batch = await ended(place, "a", "ok")
    await flush(place)
    await rebuild(place.ledger, place.store)

    again = await place.ledger.open_batch(batch.order)

    assert again.id == batch.id


async def test_a_record_that_is_none_costs_only_itself(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    batch = await ended(place, "a", "ok")
    await place.put(keys.batch("broken"), b"{")
    await flush(place)

    await rebuild(place.ledger, place.store)

    assert await place.ledger.batch(batch.id) == batch
    assert "batches/broken.json is no record" in caplog.text
