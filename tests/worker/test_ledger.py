"""The ledger, on a real Redis."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.worker.ledger_things import (
    ANNA,
    BEN,
    HALL,
    ROOM,
    drawn,
    open_ledger,
    order,
    result,
    stock,
    take,
    teller,
    template,
)
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.records import (
    BatchState,
    ClipState,
    MessageRef,
    Reason,
    TakeState,
    TemplateState,
)
from worker.desk import Lease, Verdict
from worker.ledger import RedisLedger

PATIENCE_S = 60.0
NO_FACE = Reason(code=Code.NO_FACE, facts={"frame": 3, "second": 0.1})


@pytest.fixture
async def ledger(redis_url: str) -> AsyncIterator[RedisLedger]:
    async with open_ledger(redis_url) as opened:
        yield opened


async def outbox(ledger: RedisLedger) -> int:
    return int(await ledger._client.xlen(f"chorus:outbox:{HALL.mailbox}"))


async def finish_everything(ledger: RedisLedger) -> None:
    while lease := await ledger.desk.draw("clips", "w"):
        assert await ledger.desk.finish_clip(lease, result())
    while lease := await ledger.desk.draw("archives", "w"):
        assert await ledger.desk.finish_archive(lease, f"archives/{lease.number}.zip", 9, "a b.zip")


async def test_a_batch_of_ready_things_is_delivered_and_told_once(ledger: RedisLedger) -> None:
    await stock(ledger, "one", "two")

    batch = await ledger.open_batch(order("m1", "one", "two"))
    await finish_everything(ledger)
    closed = await ledger.close_batch(batch.id, 1)
    again = await ledger.close_batch(batch.id, 1)

    assert batch.state is BatchState.QUEUED
    assert closed is not None
    assert closed.state is BatchState.DELIVERED
    assert (closed.archive_size_bytes, closed.archive_name) == (9, "a b.zip")
    assert again == closed
    assert closed.finished_at is not None
    assert await ledger.active_batches(HALL.mailbox) == []
    assert await outbox(ledger) == 1


async def test_the_same_order_is_the_same_batch(ledger: RedisLedger) -> None:
    await stock(ledger, "one")

    first, second = await asyncio.gather(*(ledger.open_batch(order("m1", "one")) for _ in "ab"))

    assert first == second
    assert await ledger.batch_by_code(first.code.lower()) == first
    assert await ledger.history(HALL, ANNA, 0, 10) == [first]


async def test_clips_wait_until_take_and_template_are_ready(ledger: RedisLedger) -> None:
    await ledger.open_take(take(), teller())
    await ledger.add_template(template("one"))
    batch = await ledger.open_batch(order("m1", "one"))

    nothing = await ledger.desk.draw("clips", "w")
    await stock(ledger)
    lease = await drawn(ledger)

    assert batch.state is BatchState.PREPARING
    assert nothing is None
    assert lease.item == f"clip:{batch.id}:1"
    assert await outbox(ledger) == 1


async def test_a_bad_template_fails_only_its_clip_and_a_bad_take_all(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    await ledger.add_template(template("bad"))
    batch = await ledger.open_batch(order("m1", "one", "bad", "gone"))
    await ledger.desk.settle_template(
        await drawn(ledger, "templates"), TemplateState.REJECTED, {}, NO_FACE
    )
    await finish_everything(ledger)
    await ledger.open_take(take(b"noise"))
    doomed = await ledger.open_batch(order("m2", "one", of=take(b"noise")))
    silent = Reason(code=Code.NO_SPEECH, facts={"seconds": 2.0})
    await ledger.desk.settle_take(await drawn(ledger, "takes"), TakeState.REJECTED, {}, silent)

    partial = await ledger.close_batch(batch.id, 1)
    failed = await ledger.close_batch(doomed.id, 1)

    assert partial is not None
    assert partial.state is BatchState.PARTIAL
    assert [clip.state for clip in partial.clips] == [
        ClipState.DONE,
        ClipState.FAILED,
        ClipState.FAILED,
    ]
    assert partial.clips[1].reason == NO_FACE
    assert partial.clips[2].reason == Reason(code=Code.TEMPLATE_GONE, facts={"name": "t-gone"})
    assert failed is not None
    assert failed.state is BatchState.FAILED
    assert failed.clips[0].reason == silent
    assert await outbox(ledger) == 2


async def test_one_clip_of_a_second_chat_is_served_next(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    many = await ledger.open_batch(order("m1", *["one"] * 50))
    for _ in range(3):
        await drawn(ledger)
    single = await ledger.open_batch(order("m2", "one", chat=ROOM, person=BEN))

    place = (await ledger.outlook(single.id)).ahead
    following = await drawn(ledger)

    assert place == 0
    assert following.subject == single.id
    assert (await ledger.outlook(many.id)).ahead == 0


async def test_persons_in_one_chat_take_turns_and_chats_share_alike(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    anna = await ledger.open_batch(order("m1", *["one"] * 6))
    ben = await ledger.open_batch(order("m2", *["one"] * 6, person=BEN))
    other = await ledger.open_batch(order("m3", *["one"] * 6, chat=ROOM, person=BEN))

    served = [(await drawn(ledger)).subject for _ in range(9)]

    assert served.count(anna.id) >= 2
    assert served.count(ben.id) >= 2
    assert served.count(other.id) >= 3


async def test_who_comes_late_is_not_paid_for_the_time_before(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", *["one"] * 40))
    for _ in range(20):
        await drawn(ledger)
    late = await ledger.open_batch(order("m2", *["one"] * 10, chat=ROOM, person=BEN))

    served = [(await drawn(ledger)).subject for _ in range(8)]

    assert served.count(late.id) in {4, 5}


async def test_many_drawers_never_get_the_same_clip(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", *["one"] * 40))

    leases = await asyncio.gather(*(ledger.desk.draw("clips", f"w{n}") for n in range(60)))

    items = [lease.item for lease in leases if lease]
    assert len(items) == len(set(items)) == 40


async def test_a_worker_that_lost_its_lease_changes_nothing(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one"))
    stalled = await drawn(ledger)
    await ledger.desk.sweep()  # the first one only learns which server this is
    await ledger._client.zadd("chorus:leases", {stalled.item: 1})
    sweep = await ledger.desk.sweep()
    heir = await drawn(ledger)

    changed = [
        await ledger.desk.finish_clip(stalled, result()),
        await ledger.desk.fail(stalled, NO_FACE),
        await ledger.desk.report(stalled, ClipState.RENDERING, 1, 2),
        await ledger.desk.give_back(stalled),
    ]

    assert sweep.taken_over == [stalled.item]
    assert changed == [False] * 4
    assert await ledger.desk.renew([stalled, heir]) == [Verdict.LOST, Verdict.OK]
    assert (heir.item, heir.attempt) == (stalled.item, 2)
    record = await ledger.batch(batch.id)
    assert record is not None
    assert record.clips[0].state is ClipState.RENDERING


async def test_a_lease_of_a_master_that_was_replaced_is_none_of_the_new_one(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one"))
    counted = await ledger._client.get("chorus:fence")
    lost = await drawn(ledger)  # of which the replica that is master now has not heard
    await ledger.desk.give_back(lost)
    await ledger._client.set("chorus:fence", counted)

    heir = await drawn(ledger)

    assert heir.fence.partition("-")[0] == lost.fence.partition("-")[0]
    assert keys.clip(batch.id, 1, heir.fence) != keys.clip(batch.id, 1, lost.fence)
    assert await ledger.desk.renew([lost, heir]) == [Verdict.LOST, Verdict.OK]
    assert not await ledger.desk.finish_clip(lost, result())
    assert await ledger.desk.finish_clip(heir, result())


async def test_leases_that_lapsed_while_redis_was_down_get_one_more_term(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", "one"))
    await ledger.desk.sweep()
    lease = await drawn(ledger)
    await ledger._client.zadd("chorus:leases", {lease.item: 1})
    await ledger._client.set("chorus:run", "the server before")

    sweep = await ledger.desk.sweep()

    assert sweep.taken_over == []
    assert await ledger.desk.renew([lease]) == [Verdict.OK]


async def test_leases_that_lapsed_while_nobody_reached_redis_get_one_more_term(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", "one"))
    await ledger.desk.sweep()
    lease = await drawn(ledger)
    await ledger._client.zadd("chorus:leases", {lease.item: 1})
    await ledger._client.set("chorus:swept", int(time.time() * 1000) - 60_000)

    after, lapsed = (
        await ledger.desk.sweep(),
        await ledger._client.zscore("chorus:leases", lease.item),
    )
    await ledger._client.zadd("chorus:leases", {lease.item: 1})
    then = await ledger.desk.sweep()

    assert (after.taken_over, then.taken_over) == ([], [lease.item])
    assert lapsed > time.time() * 1000


async def test_a_call_that_is_sent_twice_counts_once(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one", "one"))
    run, said = ledger._scripts.run, teller().model_dump_json()

    draws = [await run("draw", "clips", "w", "", 5000, "nonce 1") for _ in "ab"]
    for _ in "ab":
        await run("open_take", take().id, "", "", "", HALL.mailbox, said, "nonce 2")
    await ledger.cancel(batch.id)
    await ledger.desk.cancel_clip(Lease(*draws[0][:2], 1))
    retries = [await run("retry", batch.id, "nonce 3") for _ in "ab"]

    record = await ledger.batch(batch.id)
    assert draws[0] == draws[1]
    assert await outbox(ledger) == 1
    assert retries == [1, 1]
    assert record is not None
    assert record.round == 2


async def test_an_item_whose_workers_always_die_is_given_up_with_an_incident(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one"))
    await ledger.desk.sweep()
    for _ in range(3):
        lease = await drawn(ledger)
        await ledger._client.zadd("chorus:leases", {lease.item: 1})
        sweep = await ledger.desk.sweep()

    record = await ledger.batch(batch.id)

    assert record is not None
    assert record.state is BatchState.READY
    assert record.clips[0].reason == Reason(
        code=Code.INCIDENT, incident=sweep.given_up[f"clip:{batch.id}:1"]
    )


async def test_cancelling_keeps_what_is_done_and_stops_what_runs(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one", "one", "one"))
    await ledger.desk.finish_clip(await drawn(ledger), result())
    running = await drawn(ledger)

    cancelled = await ledger.cancel(batch.id)
    verdict = await ledger.desk.renew([running])
    await ledger.desk.cancel_clip(running)
    await finish_everything(ledger)
    closed = await ledger.close_batch(batch.id, 1)

    assert cancelled is not None
    assert [clip.state for clip in cancelled.clips] == [
        ClipState.DONE,
        ClipState.RENDERING,
        ClipState.CANCELLED,
    ]
    assert verdict == [Verdict.STOP]
    assert closed is not None
    assert closed.state is BatchState.CANCELLED
    assert closed.archive_key is not None
    assert await outbox(ledger) == 1


async def test_a_batch_cancelled_before_anything_is_done_ends_at_once_untold(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one", "one"))

    cancelled = await ledger.cancel(batch.id)

    assert cancelled is not None
    assert cancelled.state is BatchState.CANCELLED
    assert await ledger.desk.draw("clips", "w") is None
    assert await outbox(ledger) == 0
    assert await ledger.active_batches(HALL.mailbox) == []


async def test_retry_renders_only_what_failed_in_a_new_round(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one", "one"))
    await ledger.desk.finish_clip(await drawn(ledger), result())
    await ledger.desk.fail(await drawn(ledger), Reason(code=Code.INCIDENT, incident="ab"))
    await finish_everything(ledger)
    early = await ledger.retry(batch.id)
    await ledger.close_batch(batch.id, 1)

    again = await ledger.retry(batch.id)
    lease = await drawn(ledger)
    await ledger.desk.finish_clip(lease, result())
    await finish_everything(ledger)
    closed = await ledger.close_batch(batch.id, 2)

    assert early is None
    assert again is not None
    assert (again.round, again.archive_key) == (2, None)
    assert lease.item == f"clip:{batch.id}:2"
    assert closed is not None
    assert closed.state is BatchState.DELIVERED
    assert closed.archive_key == "archives/2.zip"
    assert await ledger.retry(batch.id) is None
    assert await outbox(ledger) == 2


async def test_a_clip_knows_when_it_was_ordered_taken_and_ended_and_forgets_it_when_retried(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one"))
    lease = await drawn(ledger)
    taken = await ledger.batch(batch.id)
    await ledger.desk.fail(lease, Reason(code=Code.INCIDENT, incident="ab"))
    ended = await ledger.close_batch(batch.id, 1)
    again = await ledger.retry(batch.id)

    assert taken
    assert ended
    assert again
    [ordered], [rendering], [failed], [waiting] = (
        each.clips for each in (batch, taken, ended, again)
    )
    assert (ordered.queued_at, ordered.started_at, ordered.ended_at) == (
        batch.created_at, None, None,
    )  # fmt: skip
    assert rendering.started_at is not None
    assert rendering.ended_at is None
    assert (failed.queued_at, failed.started_at) == (batch.created_at, rendering.started_at)
    assert failed.ended_at is not None
    assert failed.ended_at >= rendering.started_at >= batch.created_at
    assert waiting.queued_at is not None
    assert waiting.queued_at >= failed.ended_at
    assert (waiting.started_at, waiting.ended_at) == (None, None)


async def test_a_take_is_analysed_once_however_often_it_is_sent(ledger: RedisLedger) -> None:
    await ledger.open_take(take(), teller())
    await ledger.open_take(take(), teller(ROOM, BEN))
    lease = await drawn(ledger, "takes")
    await ledger.desk.settle_take(lease, TakeState.READY, {"duration_s": 2.0}, None)

    late = await ledger.open_take(take(), teller())

    assert (late.state, late.analyses, late.duration_s) == (TakeState.READY, 1, 2.0)
    assert await ledger.desk.draw("takes", "w") is None
    assert await outbox(ledger) == 3


async def test_a_failed_take_is_analysed_again(ledger: RedisLedger) -> None:
    await ledger.open_take(take())
    incident = Reason(code=Code.INCIDENT, incident="ab")
    await ledger.desk.fail(await drawn(ledger, "takes"), incident)

    failed = await ledger.take(take().id)
    again = await ledger.open_take(take())

    assert failed is not None
    assert (failed.state, failed.reason, failed.analyses) == (TakeState.FAILED, incident, 0)
    assert (again.state, again.reason) == (TakeState.ANALYSING, None)
    assert (await drawn(ledger, "takes")).kind == "take"


async def test_names_of_templates_are_unique_whatever_their_case(ledger: RedisLedger) -> None:
    first = await ledger.add_template(template("Anna"))
    other = template("anna").model_copy(update={"id": "t-2"})
    second = await ledger.add_template(other)
    await ledger.remove_template(first.id)
    third = await ledger.add_template(template("ANNA").model_copy(update={"id": "t-3"}))

    assert (first.name, second.name, third.name) == ("Anna", "anna 2", "ANNA")
    assert [record.name for record in await ledger.templates()] == ["ANNA", "anna 2"]
    assert await ledger.add_template(other) == second


async def test_removing_a_template_fails_clips_that_waited_for_it(ledger: RedisLedger) -> None:
    await ledger.add_template(template("one"))
    await ledger.open_take(take())
    batch = await ledger.open_batch(order("m1", "one"))

    await ledger.remove_template("t-one")

    record = await ledger.batch(batch.id)
    assert record is not None
    assert record.clips[0].reason == Reason(code=Code.TEMPLATE_GONE, facts={"name": "one"})
    assert (await drawn(ledger, "takes")).kind == "take"


async def test_work_given_back_is_the_next_to_be_drawn_and_counts_as_no_attempt(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", "one", "one", "one"))
    await drawn(ledger)
    second = await drawn(ledger)

    await ledger.desk.give_back(second)

    again = await drawn(ledger)
    assert (again.item, again.attempt) == (second.item, 1)


async def test_an_ended_batch_can_be_forgotten_an_active_one_cannot(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one"))
    await ledger.forget_batch(batch.id)
    still = await ledger.batch(batch.id)
    await ledger.cancel(batch.id)

    await ledger.forget_batch(batch.id)

    assert still is not None
    assert await ledger.batch(batch.id) is None
    assert await ledger.batch_by_code(batch.code) is None
    assert await ledger.history(HALL, None, 0, 10) == []


async def test_the_progress_message_is_remembered(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", "one"))
    message = MessageRef(chat=HALL, id="42")

    await ledger.note_progress_message(batch.id, message)

    record = await ledger.batch(batch.id)
    assert record is not None
    assert record.progress_message == message


async def test_facts_name_the_batch_something_happened_to(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    facts = ledger.facts()
    listening = asyncio.create_task(anext(facts))
    await asyncio.wait_for(_until_listening(ledger), PATIENCE_S)

    batch = await ledger.open_batch(order("m1", "one"))

    fact = await asyncio.wait_for(listening, PATIENCE_S)
    assert (fact.batch_id, fact.mailbox) == (batch.id, HALL.mailbox)
    await facts.aclose()  # type: ignore[attr-defined]


async def _until_listening(ledger: RedisLedger) -> None:
    while (await ledger._client.info("clients"))["blocked_clients"] == 0:
        await asyncio.sleep(0.01)


async def test_what_a_dead_consumer_left_untold_is_told_by_another(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.ledger_streams._SILENT_MS", 300)
    monkeypatch.setattr("worker.ledger_streams._LISTEN_MS", 50)
    await stock(ledger)
    await ledger.open_take(take(), teller())
    await ledger.open_take(take(), teller(person=BEN))
    dying = ledger.outbox(HALL.mailbox, "dying")
    entry, _ = await asyncio.wait_for(anext(dying), PATIENCE_S)
    await ledger.told(HALL.mailbox, entry)
    unfinished = await asyncio.wait_for(anext(dying), PATIENCE_S)
    await dying.aclose()  # type: ignore[attr-defined]

    heir = ledger.outbox(HALL.mailbox, "heir")
    inherited = await asyncio.wait_for(anext(heir), PATIENCE_S)
    await ledger.told(HALL.mailbox, inherited[0])

    assert inherited == unfinished
    assert await outbox(ledger) == 0
    await heir.aclose()  # type: ignore[attr-defined]


async def test_a_slow_consumer_that_lives_is_not_robbed(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.ledger_streams._CLAIMED_JUST_NOW_MS", 10)
    monkeypatch.setattr("worker.ledger_streams._LISTEN_MS", 20)
    await stock(ledger)
    await ledger.open_take(take(), teller())
    slow, other = ledger.outbox(HALL.mailbox, "slow"), ledger.outbox(HALL.mailbox, "other")
    async with asyncio.timeout(PATIENCE_S):
        await anext(slow)
        while await ledger._client.zscore(f"chorus:consumer:{HALL.mailbox}", "slow") is None:
            await asyncio.sleep(0.01)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(other), 0.5)

    await slow.aclose()  # type: ignore[attr-defined]


async def test_what_a_consumer_left_untold_comes_again_when_it_is_back(ledger: RedisLedger) -> None:
    await stock(ledger)
    await ledger.open_take(take(), teller())
    before = ledger.outbox(HALL.mailbox, "me")
    first = await asyncio.wait_for(anext(before), PATIENCE_S)
    await before.aclose()  # type: ignore[attr-defined]

    after = ledger.outbox(HALL.mailbox, "me")
    second = await asyncio.wait_for(anext(after), PATIENCE_S)

    assert second == first
    await after.aclose()  # type: ignore[attr-defined]


async def test_foremen_that_beat_are_counted(ledger: RedisLedger) -> None:
    await ledger.desk.beat("a")
    await ledger.desk.beat("b")
    two = await ledger.workers()
    await ledger.desk.leave("a")

    assert (two, await ledger.workers()) == (2, 1)


async def test_engines_are_those_that_every_foreman_alive_told(ledger: RedisLedger) -> None:
    none = await ledger.engines()
    await ledger.desk.beat("starts")
    await ledger.desk.beat("a", engines=("musetalk", "viseme"))
    one = await ledger.engines()
    await ledger.desk.beat("b", engines=("viseme",))
    both = await ledger.engines()
    await ledger.desk.leave("b")

    assert (none, one, both) == ((), ("musetalk", "viseme"), ("viseme",))
    assert await ledger.engines() == ("musetalk", "viseme")


async def test_every_waiting_clip_has_a_ticket_even_if_tickets_were_lost(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", *["one"] * 5))
    tickets = await ledger._client.zcard("chorus:queue:clips")
    await ledger._client.delete("chorus:queue:clips")

    sweep = await ledger.desk.sweep()

    assert tickets == 5
    assert sweep.tickets >= 5
    assert await ledger._client.zcard("chorus:queue:clips") == 5


async def packing(ledger: RedisLedger, key: str) -> str:
    """A Batch whose Archive waits."""
    batch = await ledger.open_batch(order(key, "one"))
    await ledger.desk.finish_clip(await drawn(ledger), result())
    return batch.id


async def test_who_waits_to_be_packed_knows_how_many_archives_come_first(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    recorded = await packing(ledger, "m0")
    await ledger.desk.finish_archive(await drawn(ledger, "archives"), "a.zip", 9, "a.zip")
    batches = [await packing(ledger, f"m{number}") for number in range(1, 5)]
    await ledger.close_batch(recorded, 1)  # its record waits too, and counts for nothing

    waiting = [(await ledger.outlook(batch)).ahead for batch in batches]
    first = await drawn(ledger, "archives")
    begun = [(await ledger.outlook(batch)).ahead for batch in batches]
    await ledger.desk.finish_archive(first, "b.zip", 9, "b.zip")
    ended = [(await ledger.outlook(batch)).ahead for batch in batches]

    assert waiting == [0, 1, 2, 3]
    assert begun == [0, 1, 2, 3]
    assert ended == [0, 0, 1, 2]


async def test_how_much_of_an_archive_is_stored_is_told_while_it_is_packed_only(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    batch_id = await packing(ledger, "m1")
    lease = await drawn(ledger, "archives")

    held = await ledger.desk.report_archive(lease, 500, 900)
    under_way = await ledger.batch(batch_id)
    stranger = await ledger.desk.report_archive(Lease(lease.item, "0", 1), 800, 900)
    await ledger.desk.finish_archive(lease, "b.zip", 900, "b.zip")
    ended = await ledger.batch(batch_id)

    assert (held, stranger) == (True, False)
    assert under_way is not None
    assert ended is not None
    assert (under_way.packed_bytes, under_way.archive_size_bytes) == (500, 900)
    assert (ended.packed_bytes, ended.archive_size_bytes) == (0, 900)


async def test_who_tells_while_redis_loses_everything_goes_on_telling(ledger: RedisLedger) -> None:
    stream = f"chorus:outbox:{HALL.mailbox}"
    for number in (1, 2):
        fields = {"utterance": teller().model_dump_json(), "round": number}
        await ledger._client.xadd(stream, fields)
    box = ledger.outbox(HALL.mailbox, "me")
    async with asyncio.timeout(PATIENCE_S), contextlib.aclosing(box):  # type: ignore[type-var]
        first = await anext(box)
        await anext(box)
        await ledger._client.flushall()
        waiting = asyncio.create_task(anext(box))
        await asyncio.sleep(0)
        await ledger._client.xadd(stream, {**fields, "round": 3})
        third = await waiting

    assert (first[1].round, third[1].round) == (1, 3)
