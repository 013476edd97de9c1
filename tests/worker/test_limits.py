"""What may be ordered at a time and in a day: counted in the step that opens the order."""

import asyncio

import pytest

from tests.worker.ledger_things import (
    BEN,
    ROOM,
    drawn,
    open_ledger,
    order,
    result,
    stock,
)
from worker.contract.codes import Code
from worker.contract.ports import LimitReached
from worker.contract.records import Allowance, BatchRecord, Order, Reason
from worker.ledger import RedisLedger

TODAY, TOMORROW = "2026-11-20", "2026-11-21"


@pytest.fixture
async def ledger(redis_url: str):
    async with open_ledger(redis_url) as ledger:
        await stock(ledger, "one")
        yield ledger


def allowed(day: str = TODAY, **limits: float) -> Allowance:
    return Allowance.model_validate({"day": day, "zone": "UTC+08:00", **limits})


def minutes(placed: Order, each: float) -> Order:
    return placed.model_copy(update={"clip_s": each * 60})


async def refusal(ledger: RedisLedger, placed: Order, allowance: Allowance) -> Reason:
    with pytest.raises(LimitReached) as refused:
        await ledger.open_batch(placed, allowance)
    return refused.value.reason


async def end(ledger: RedisLedger, batch: BatchRecord) -> None:
    """Render and pack what waits of it."""
    for _ in batch.clips:
        await ledger.desk.finish_clip(await drawn(ledger), result())
    lease = await drawn(ledger, "archives")
    await ledger.desk.finish_archive(lease, "archives/x/1.zip", 9, "x.zip")


async def test_a_person_has_so_many_orders_at_a_time_in_all_chats_together(
    ledger: RedisLedger,
) -> None:
    two = allowed(batches_per_person=2)
    first = await ledger.open_batch(order("m1", "one"), two)
    await ledger.open_batch(order("m2", "one", chat=ROOM), two)

    refused = await refusal(ledger, order("m3", "one"), two)
    others = await ledger.open_batch(order("m4", "one", person=BEN), two)
    await end(ledger, first)
    again = await ledger.open_batch(order("m3", "one"), two)

    assert refused == Reason(
        code=Code.PERSON_BATCHES, facts={"used": 2.0, "asked": 1.0, "limit": 2.0}
    )
    assert others.order.person == BEN
    assert again.order.key == "m3"


async def test_a_chat_has_so_many_orders_at_a_time_of_all_its_people(ledger: RedisLedger) -> None:
    one = allowed(batches_per_chat=1)
    cancelled = await ledger.open_batch(order("m1", "one"), one)

    refused = await refusal(ledger, order("m2", "one", person=BEN), one)
    await ledger.cancel(cancelled.id)
    await ledger.open_batch(order("m2", "one", person=BEN), one)

    assert refused.code is Code.CHAT_BATCHES


async def test_minutes_count_for_the_day_they_were_ordered_on(ledger: RedisLedger) -> None:
    ten = {"minutes_per_person": 10.0}
    await ledger.open_batch(minutes(order("m1", "one", "one"), 4), allowed(**ten))

    refused = await refusal(ledger, minutes(order("m2", "one"), 2.5), allowed(**ten))
    await ledger.open_batch(minutes(order("m3", "one"), 2), allowed(**ten))
    await ledger.open_batch(minutes(order("m4", "one"), 10), allowed(TOMORROW, **ten))

    facts = {"used": 8.0, "asked": 2.5, "limit": 10.0, "zone": "UTC+08:00"}
    assert refused == Reason(code=Code.PERSON_MINUTES, facts=facts)


async def test_people_of_a_chat_share_its_minutes(ledger: RedisLedger) -> None:
    five = allowed(minutes_per_chat=5.0)
    await ledger.open_batch(minutes(order("m1", "one"), 4), five)

    refused = await refusal(ledger, minutes(order("m2", "one", person=BEN), 2), five)
    elsewhere = minutes(order("m3", "one", chat=ROOM, person=BEN), 4)

    assert refused.code is Code.CHAT_MINUTES
    assert (await ledger.open_batch(elsewhere, five)).order.chat == ROOM


async def test_what_is_cancelled_or_fails_costs_nobody_minutes_and_a_retry_does_again(
    ledger: RedisLedger,
) -> None:
    ten = allowed(minutes_per_person=10.0)
    batch = await ledger.open_batch(minutes(order("m1", "one", "one"), 5), ten)
    incident = Reason(code=Code.INCIDENT, incident="1")
    await ledger.desk.fail(await drawn(ledger), incident)
    await ledger.cancel(batch.id)

    full = await ledger.open_batch(minutes(order("m2", "one", "one"), 5), ten)
    with pytest.raises(LimitReached):
        await ledger.retry(batch.id, ten)
    await ledger.cancel(full.id)
    reopened = await ledger.retry(batch.id, ten)
    refused = await refusal(ledger, minutes(order("m3", "one"), 1), ten)

    assert reopened is not None
    assert refused.facts["used"] == 10.0


async def test_a_deployment_takes_no_more_than_so_many_waiting_clips(ledger: RedisLedger) -> None:
    three = allowed(queue=3)
    await ledger.open_batch(order("m1", "one", "one"), three)

    refused = await refusal(ledger, order("m2", "one", "one", chat=ROOM, person=BEN), three)
    await ledger.desk.finish_clip(await drawn(ledger), result())
    await ledger.open_batch(order("m2", "one", "one", chat=ROOM, person=BEN), three)

    assert refused.code is Code.QUEUE_FULL
    assert refused.facts["used"] == 2.0


async def test_many_orders_at_once_do_not_slip_past_a_limit_together(ledger: RedisLedger) -> None:
    three = allowed(batches_per_person=3)
    orders = [order(f"m{number}", "one") for number in range(12)]

    opened = await asyncio.gather(
        *(ledger.open_batch(placed, three) for placed in orders), return_exceptions=True
    )

    assert sum(isinstance(each, BatchRecord) for each in opened) == 3
    assert sum(isinstance(each, LimitReached) for each in opened) == 9


async def test_an_order_that_comes_again_is_the_same_one_whatever_the_limits(
    ledger: RedisLedger,
) -> None:
    one = allowed(batches_per_person=1)
    first = await ledger.open_batch(order("m1", "one"), one)

    again = await ledger.open_batch(order("m1", "one"), one)

    assert again.id == first.id


async def test_an_order_that_comes_back_from_the_store_counts_while_it_goes_on(
    ledger: RedisLedger,
) -> None:
    running = await ledger.open_batch(order("m1", "one", "one"))
    await ledger._client.flushall()
    await stock(ledger, "one")
    await ledger.restore_batch(running)

    first = await refusal(ledger, order("m2", "one"), allowed(batches_per_person=1))
    second = await refusal(ledger, order("m3", "one"), allowed(queue=2))
    await end(ledger, running)
    await ledger.open_batch(order("m4", "one"), allowed(batches_per_person=1, queue=1))

    assert first.code is Code.PERSON_BATCHES
    assert second.code is Code.QUEUE_FULL


async def test_a_video_that_is_lost_before_packing_costs_no_minutes_once(
    ledger: RedisLedger,
) -> None:
    five = allowed(minutes_per_person=5.0)
    await ledger.open_batch(minutes(order("m1", "one"), 5), five)
    await ledger.desk.finish_clip(await drawn(ledger), result())
    packing = await drawn(ledger, "archives")
    for _ in "ab":  # a call whose connection broke is sent again
        await ledger.desk.lose_clip(packing, 1, Reason(code=Code.INCIDENT, incident="1"))

    again = await ledger.open_batch(minutes(order("m2", "one"), 5), five)
    refused = await refusal(ledger, minutes(order("m3", "one"), 5), five)

    assert again.order.key == "m2"
    assert refused.facts["used"] == 5.0
