"""After FLUSHALL: what the store remembers comes back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from tests.worker.ledger_things import ANNA, BEN, HALL, take
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.records import (
    BatchRecord,
    BatchState,
    ClipState,
    MessageRef,
    TemplateState,
)
from worker.desk import Verdict
from worker.rebuild import Rebuilt, rebuild


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


async def ended(place: Workplace, key: str, *videos: str, **options: Any) -> BatchRecord:
    """An order that was told, and whose record says so in the store."""
    async with place.working(**options):
        batch = await place.ended(await place.order(key, *videos))
        wanted = f'"state":"{batch.state}"'.encode()
        async with asyncio.timeout(PATIENCE_S):
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


async def test_all_parts_of_an_archive_come_back(place: Workplace) -> None:
    batch = await ended(place, "a", *["large"] * 5, most_archive_bytes=20_000)
    await flush(place)

    await rebuild(place.ledger, place.store)

    again = await place.ledger.batch(batch.id)
    assert again == batch
    assert len(batch.archives) > 1


async def test_the_next_foreman_brings_everything_back_and_orders_go_on(place: Workplace) -> None:
    before = await ended(place, "a", "ok")
    await flush(place)

    async with place.working():
        async with asyncio.timeout(PATIENCE_S):
            while not await ready(place):
                await asyncio.sleep(0.02)
        again = await place.ledger.open_batch(before.order.model_copy(update={"key": "new"}))
        again = await place.ended(again)

    take = await place.ledger.take(before.order.take_id)
    assert await place.ledger.batch(before.id) == before
    assert again.state is BatchState.DELIVERED
    assert take is not None
    assert take.analyses == 1


async def test_a_stumble_does_not_keep_it_from_being_rebuilt_for_good(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    stumbles = [ValueError("a record nobody thought of")]

    async def stumbling(*arguments: Any) -> Rebuilt:
        if stumbles:
            raise stumbles.pop()
        return await rebuild(*arguments)

    monkeypatch.setattr("worker.foreman.rebuild", stumbling)
    monkeypatch.setattr("worker.foreman._STUMBLED_S", 0.05, raising=False)
    async with place.working(), asyncio.timeout(PATIENCE_S):
        while await place.ledger.is_blank():
            await asyncio.sleep(0.02)


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


async def until_recorded(place: Workplace, batch: BatchRecord, *words: str) -> None:
    """Wait until the record in the store holds these words."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            written = await recorded(place, batch)
            if all(word.encode() in written for word in words):
                return
            await asyncio.sleep(0.02)


async def under_way(place: Workplace, key: str, *videos: str) -> BatchRecord:
    """An order with one Clip done and one in work, when everything of the foreman's is gone."""
    async with place.working(slots=2):  # so that no matter which of their Templates is ready first
        batch = await place.order(key, *videos)
        await until_recorded(place, batch, '"state":')
        return await place.until(batch, lambda batch: batch.done == 1 and batch.clips[1].total > 0)


async def test_an_order_that_ran_goes_on_with_what_is_finished_of_it_and_is_told_once(
    place: Workplace,
) -> None:
    batch = await under_way(place, "a", "ok", "endless once")
    await flush(place)

    async with place.working():
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger.batch(batch.id) is None:
                await asyncio.sleep(0.02)
        again = await place.ended(batch)

    assert again.state is BatchState.DELIVERED
    assert again.code == batch.code
    assert again.clips[0].result == batch.clips[0].result
    assert await place.outcomes() == 1
    assert (await place.store.stat(again.archives[0].key)).size_bytes > 0


async def test_a_foreman_notices_by_itself_that_redis_lost_its_memory_under_it(
    place: Workplace,
) -> None:
    async with place.working():
        batch = await place.order("a", "ok", "endless once")
        await until_recorded(place, batch, '"state":')
        await place.until(batch, lambda batch: batch.done == 1 and batch.clips[1].total > 0)
        await flush(place)
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger.batch(batch.id) is None:
                await asyncio.sleep(0.02)
        again = await place.ended(batch)

    assert again.state is BatchState.DELIVERED
    assert await place.outcomes() == 1


async def test_an_order_that_was_cancelled_before_the_loss_ends_as_cancelled(
    place: Workplace,
) -> None:
    batch = await under_way(place, "a", "ok", "sleep 30")
    async with place.working():
        await place.ledger.cancel(batch.id)
        await until_recorded(place, batch, '"cancelled":true')
    await flush(place)

    async with place.working():
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger.batch(batch.id) is None:
                await asyncio.sleep(0.02)
        again = await place.ended(batch)

    assert again.state is BatchState.CANCELLED
    assert [clip.state for clip in again.clips] == [ClipState.DONE, ClipState.CANCELLED]
    assert await place.outcomes() == 1


async def test_an_order_whose_failed_video_was_being_made_again_goes_on(place: Workplace) -> None:
    before = await ended(place, "a", "ok", "crash")
    [failing] = [each for each in await place.ledger.templates() if each.name == "a-1"]
    cached = place.folder / "work" / "cache" / f"template-{failing.sha256}" / "source"
    cached.write_text("hang")  # so that it is still being made when everything is lost
    async with place.working():
        await place.ledger.retry(before.id)
        await until_recorded(place, before, '"round":2')
    await flush(place)

    await rebuild(place.ledger, place.store)

    batch = await place.ledger.batch(before.id)
    assert batch is not None
    assert batch.state.active
    assert batch.round == 3
    assert batch.clips[0].state is ClipState.DONE


async def test_a_result_that_waited_for_the_chat_is_told_after_the_loss(place: Workplace) -> None:
    async with place.working():
        batch = await place.order("a", "ok")
        await place.until(batch, lambda batch: batch.state is BatchState.READY)
        await until_recorded(place, batch, '"state":"ready"')
    await flush(place)

    await rebuild(place.ledger, place.store)

    again = await place.ledger.batch(batch.id)
    assert again is not None
    assert again.state is BatchState.READY
    assert again.archives
    assert await place.outcomes() == 1


async def test_a_result_of_days_ago_counts_as_told(place: Workplace) -> None:
    async with place.working():
        batch = await place.order("a", "ok")
        await place.until(batch, lambda batch: batch.state is BatchState.READY)
        await until_recorded(place, batch, '"state":"ready"')
    await flush(place)

    later = datetime.now(UTC) + timedelta(days=2)
    await rebuild(place.ledger, place.store, clock=lambda: later)

    again = await place.ledger.batch(batch.id)
    assert again is not None
    assert again.state is BatchState.DELIVERED
    assert await place.outcomes() == 0


async def test_an_order_whose_recording_is_gone_from_the_store_is_told_so(place: Workplace) -> None:
    batch = await under_way(place, "a", "ok", "sleep 30")
    for name in [facts.key async for facts in place.store.list("takes/")]:
        await place.store.delete(name)
    await flush(place)

    async with place.working():
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger.batch(batch.id) is None:
                await asyncio.sleep(0.02)
        again = await place.ended(batch)

    assert again.state is BatchState.PARTIAL
    assert again.clips[1].reason is not None
    assert again.clips[1].reason.code is Code.TAKE_GONE
    assert await place.outcomes() == 1


async def test_the_message_with_the_bar_is_revised_after_the_loss_too(place: Workplace) -> None:
    batch = await under_way(place, "a", "ok", "sleep 30")
    bar = MessageRef(chat=HALL, id="17")
    await place.ledger.note_progress_message(batch.id, bar)
    async with place.working():
        await until_recorded(place, batch, '"id":"17"')
    await flush(place)

    await rebuild(place.ledger, place.store)

    again = await place.ledger.batch(batch.id)
    assert again is not None
    assert again.progress_message == bar


async def test_leases_of_before_the_loss_are_nobodys_afterwards(place: Workplace) -> None:
    batch = await place.order("a", "ok")
    before = await place.ledger.desk.draw("takes", "old")
    await flush(place)
    await place.ledger.open_take(take(b"voice"))
    after = await place.ledger.desk.draw("takes", "new")

    assert before is not None
    assert after is not None
    assert before.item == after.item == f"take:{batch.order.take_id}"
    assert await place.ledger.desk.renew([before]) == [Verdict.LOST]
