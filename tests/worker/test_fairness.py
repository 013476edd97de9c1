"""Who is served next: by weight, urgent ones first, and Templates that a worker has at hand without anybody else noticing."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.worker.foreman_things import PATIENCE_S, open_workplace
from tests.worker.ledger_things import (
    ANNA,
    BEN,
    ROOM,
    drawn,
    open_ledger,
    order,
    stock,
    take,
    template,
)
from worker.contract import keys
from worker.contract.records import BatchRecord, Chat, ClipState, Order, Person
from worker.ledger import RedisLedger


@pytest.fixture
async def ledger(redis_url: str):
    async with open_ledger(redis_url) as ledger:
        yield ledger


def urgent(placed: Order) -> Order:
    return placed.model_copy(update={"urgent": True})


async def served(ledger: RedisLedger, count: int) -> list[str]:
    """Whose Clips are drawn next, by Batch."""
    return [(await drawn(ledger)).subject for _ in range(count)]


async def test_a_chat_of_weight_three_is_served_three_times_as_often(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    names = ["one"] * 40
    heavy = await ledger.open_batch(order("m1", *names).model_copy(update={"weight": 3.0}))
    light = await ledger.open_batch(order("m2", *names, chat=ROOM, person=BEN))

    counts = Counter(await served(ledger, 40))

    assert 29 <= counts[heavy.id] <= 31
    assert counts[light.id] == 40 - counts[heavy.id]


def chat(name: str) -> Chat:
    return Chat(platform="telegram", account="t", id=name)


def person(name: str) -> Person:
    return Person(id=name)


async def crowd(ledger: RedisLedger, key: str, clips: int) -> dict[str, str]:
    """Ten people of one group order; who, by Batch."""
    ordered = {}
    for number in range(10):
        who = person(f"{key}{number}")
        placed = order(f"{key}{number}", *["one"] * clips, chat=chat("group"), person=who)
        ordered[(await ledger.open_batch(placed)).id] = who.id
    return ordered


async def test_a_group_of_ten_and_one_alone_are_served_alike_and_so_are_the_ten(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    group = await crowd(ledger, "p", 40)
    alone = await ledger.open_batch(order("alone", *["one"] * 40, chat=chat("alone")))

    turns = await served(ledger, 60)

    by_person = Counter(group[batch] for batch in turns if batch != alone.id)
    assert turns.count(alone.id) == 30
    assert by_person == dict.fromkeys(group.values(), 3)


async def test_who_stays_when_a_crowd_has_gone_no_longer_pays_for_it(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    await crowd(ledger, "p", 1)
    stays = await ledger.open_batch(
        order("stays", *["one"] * 40, chat=chat("group"), person=person("p0"))
    )
    alone = await ledger.open_batch(order("alone", *["one"] * 40, chat=chat("alone")))
    await served(ledger, 22)  # the crowd is served

    counts = Counter(await served(ledger, 20))

    assert counts == {stays.id: 10, alone.id: 10}


async def test_nobody_saves_up_turns_by_waiting_for_nothing(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    busy = await ledger.open_batch(order("m1", *["one"] * 40))
    early = await ledger.open_batch(order("m2", "one", chat=ROOM, person=BEN))
    first = await served(ledger, 20)

    late = await ledger.open_batch(order("m3", *["one"] * 10, chat=ROOM, person=BEN))

    assert first.count(early.id) == 1
    assert Counter(await served(ledger, 10)) == {busy.id: 5, late.id: 5}


async def test_a_clip_that_is_handed_back_costs_its_chat_no_further_turn(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    unlucky = await ledger.open_batch(order("m1", *["one"] * 30))
    other = await ledger.open_batch(order("m2", *["one"] * 30, chat=ROOM, person=BEN))
    for _ in range(10):
        lease = await drawn(ledger)
        if lease.subject == unlucky.id:
            await ledger.desk.give_back(lease)

    counts = Counter(await served(ledger, 20))

    assert counts[other.id] <= 10
    assert counts[unlucky.id] <= 11  # nor does it bring one


async def test_an_urgent_order_goes_before_all_that_wait_and_the_others_go_on_as_they_stood(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    many = await ledger.open_batch(order("m1", *["one"] * 6))
    other = await ledger.open_batch(order("m2", *["one"] * 6, chat=ROOM, person=BEN))
    before = await served(ledger, 2)

    hurried = await ledger.open_batch(urgent(order("m3", "one", "one", chat=ROOM, person=ANNA)))
    after = await served(ledger, 6)

    assert sorted(before) == sorted([many.id, other.id])
    assert after[:2] == [hurried.id, hurried.id]
    assert Counter(after[2:]) == {many.id: 2, other.id: 2}


async def test_urgent_orders_of_two_chats_take_turns(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    first = await ledger.open_batch(urgent(order("m1", *["one"] * 9)))
    second = await ledger.open_batch(urgent(order("m2", "one", chat=ROOM, person=BEN)))

    assert (await served(ledger, 2)).count(second.id) == 1
    assert await served(ledger, 8) == [first.id] * 8


async def test_an_urgent_clip_that_is_handed_back_is_the_next_again(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m1", *["one"] * 5))
    hurried = await ledger.open_batch(urgent(order("m2", "one", chat=ROOM, person=BEN)))

    lease = await drawn(ledger)
    await ledger.desk.give_back(lease)

    assert lease.subject == hurried.id
    assert (await drawn(ledger)).item == lease.item


async def test_who_cancels_is_not_behind_as_if_what_was_cancelled_had_been_served(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m0", *["one"] * 60, chat=ROOM, person=BEN))
    many = await ledger.open_batch(order("m1", *["one"] * 50))
    await served(ledger, 4)

    await ledger.cancel(many.id)
    again = await ledger.open_batch(order("m2", *["one"] * 5))

    assert (await served(ledger, 10)).count(again.id) == 5


async def test_what_waits_behind_cancelled_clips_of_the_same_person_moves_up(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m0", *["one"] * 60, chat=ROOM, person=BEN))
    many = await ledger.open_batch(order("m1", *["one"] * 50))
    kept = await ledger.open_batch(order("m2", *["one"] * 5))
    await served(ledger, 4)

    await ledger.cancel(many.id)

    assert (await served(ledger, 10)).count(kept.id) == 5


async def test_who_stays_in_a_chat_no_longer_pays_for_the_company_of_who_cancelled(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(order("m0", *["one"] * 60, chat=ROOM, person=BEN))
    many = await ledger.open_batch(order("m1", *["one"] * 50))
    beside = await ledger.open_batch(order("m2", *["one"] * 20, person=BEN))
    await served(ledger, 4)

    await ledger.cancel(many.id)

    assert 9 <= (await served(ledger, 20)).count(beside.id) <= 11


async def test_nobody_gains_turns_by_ordering_and_cancelling(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    other = await ledger.open_batch(order("m0", *["one"] * 60, chat=ROOM, person=BEN))
    turns = []
    for time in range(10):
        mine = await ledger.open_batch(order(f"m{time + 1}", *["one"] * 3))
        turns += await served(ledger, 2)
        await ledger.cancel(mine.id)

    assert 9 <= turns.count(other.id) <= 11


async def test_an_urgent_order_that_was_cancelled_does_not_weigh_on_the_next_urgent_one(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.open_batch(urgent(order("m0", *["one"] * 20, chat=ROOM, person=BEN)))
    many = await ledger.open_batch(urgent(order("m1", *["one"] * 20)))
    await served(ledger, 4)

    await ledger.cancel(many.id)
    again = await ledger.open_batch(urgent(order("m2", *["one"] * 5)))

    assert (await served(ledger, 10)).count(again.id) == 5


async def test_a_worker_draws_a_clip_whose_template_it_has_and_no_other_chat_waits_longer_for_it(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one", "two", "three")
    mine = await ledger.open_batch(order("m1", "one", "two", "three", "two"))
    theirs = await ledger.open_batch(order("m2", *["one"] * 4, chat=ROOM, person=BEN))
    await ledger.desk.note_held("w", ["t-two"])

    leases = [await drawn(ledger) for _ in range(8)]

    turns = [lease.subject for lease in leases]
    clips = [lease.number for lease in leases if lease.subject == mine.id]
    assert all({mine.id, theirs.id} == set(turns[at : at + 2]) for at in (0, 2, 4, 6))
    assert clips[:2] == [2, 4]
    assert sorted(clips) == [1, 2, 3, 4]


async def test_a_clip_that_was_passed_over_often_is_drawn_by_whoever_comes(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "rare", "common")
    await ledger.open_batch(order("m1", "rare", *["common"] * 30))
    await ledger.desk.note_held("w", ["t-common"])

    numbers = [(await drawn(ledger)).number for _ in range(12)]

    assert numbers.index(1) == 8


async def test_workers_draw_what_they_have_at_hand_however_many_chats_wait(
    ledger: RedisLedger,
) -> None:
    names = [f"t{number}" for number in range(10)]
    await stock(ledger, *names)
    for worker, held in (("w0", names[:5]), ("w1", names[5:])):
        await ledger.desk.note_held(worker, [f"t-{name}" for name in held])
    batches = [
        await ledger.open_batch(order(f"m{number}", *names, chat=chat(f"c{number}")))
        for number in range(20)
    ]
    at_hand, turns = 0, []
    for number in range(200):
        lease = await ledger.desk.draw("clips", f"w{number % 2}")
        assert lease is not None
        turns.append(lease.subject)
        at_hand += (lease.number > 5) == (number % 2 == 1)

    assert at_hand >= 195
    for at in range(0, 200, 20):  # each chat once before any comes again
        assert sorted(turns[at : at + 20]) == sorted(batch.id for batch in batches)


async def test_what_an_older_version_left_waiting_is_served_in_the_order_it_had(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    client = ledger._client
    mine = await ledger.open_batch(order("m1", *["one"] * 3))
    theirs = await ledger.open_batch(order("m2", *["one"] * 3, chat=ROOM, person=BEN))
    waiting = await client.zrange("chorus:work:clips", 0, -1)
    for pattern in ("work:clips", "lanes:*", "turns:*", "starts:*", "waits:*", "line:*"):
        for name in await client.keys(f"chorus:{pattern}"):
            await client.delete(name)
    for item in waiting:
        await client.hdel(f"chorus:item:{item}", "place")
        turn = int(item.rpartition(":")[2]) + 0.5 * (theirs.id in item)
        await client.zadd("chorus:waiting:clips", {item: turn})
    await client.zadd("chorus:waiting:clips", {"clip:gone:1": 0})
    await client.set("chorus:served:clips", 7)

    await ledger.desk.sweep()
    new = await ledger.open_batch(order("m3", "one", chat=chat("new")))
    turns = await served(ledger, 7)

    assert await client.keys("chorus:waiting:clips") + await client.keys("chorus:served:*") == []
    assert sorted(turns[:3]) == sorted([mine.id, theirs.id, new.id])
    assert Counter(turns) == {mine.id: 3, theirs.id: 3, new.id: 1}
    assert await ledger.desk.draw("clips", "w") is None


async def test_what_a_front_end_of_an_older_version_cancels_is_not_drawn(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    batch = await ledger.open_batch(order("m1", *["one"] * 3))
    for number in (1, 3):
        await ledger._client.hset(f"chorus:clip:{batch.id}:{number}", "state", "cancelled")
        await ledger._client.delete(f"chorus:item:clip:{batch.id}:{number}")

    assert (await drawn(ledger)).number == 2
    assert await ledger.desk.draw("clips", "w") is None
    assert await ledger._client.zcard("chorus:work:clips") == 0


async def test_fifty_clips_of_one_chat_do_not_keep_another_waiting(
    redis_url: str, tmp_path: Path
) -> None:
    async with open_workplace(redis_url, tmp_path) as place:
        video = b"sleep 0.1"
        await place.put(keys.take(take().id, "source"), b"voice")
        await place.put(keys.template("t-one", "source"), video)
        await place.ledger.open_take(take())
        await place.ledger.add_template(template("one", video))
        many = await place.ledger.open_batch(order("m1", *["one"] * 50))
        async with place.working():
            await place.until(many, lambda batch: batch.done >= 2)
            single = await place.ledger.open_batch(order("m2", "one", chat=ROOM, person=BEN))
            before = await found(place.ledger, many)
            ended = await place.until(single, lambda batch: batch.done == 1)
            after = await found(place.ledger, many)

    begun_at = ended.clips[0].started_at
    starts = [clip.started_at for clip in after.clips if clip.started_at is not None]
    assert begun_at is not None
    assert sum(start < begun_at for start in starts) <= begun(before) + 1  # however late we look
    assert after.clips[0].state is ClipState.DONE


def begun(batch: BatchRecord) -> int:
    return sum(clip.state is not ClipState.WAITING for clip in batch.clips)


async def found(ledger: RedisLedger, batch: BatchRecord) -> BatchRecord:
    record = await ledger.batch(batch.id)
    assert record is not None
    return record


async def test_a_worker_tells_which_templates_lie_on_its_disk(
    redis_url: str, tmp_path: Path
) -> None:
    async with open_workplace(redis_url, tmp_path) as place, place.working() as foreman:
        await place.ended(await place.order("m1", "ok 1", "ok 2"))
        held: set[str] = set()
        async with asyncio.timeout(PATIENCE_S):
            while len(held) < 2:  # it may have looked when the first lay there, and looks again
                held = await place.ledger._client.smembers(f"chorus:held:{foreman.name}")
                await asyncio.sleep(0.05)

    assert held == {"t-m1-0", "t-m1-1"}
