"""Of what is aboard of workers that die again and again, only what they die of is given up."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.worker.foreman_things import Workplace, open_workplace, over
from tests.worker.ledger_things import drawn, open_ledger, order, stock
from worker.contract.codes import Code
from worker.contract.records import BatchRecord, ClipState
from worker.desk import Lease, Sweep
from worker.ledger import RedisLedger


@pytest.fixture
async def ledger(redis_url: str) -> AsyncIterator[RedisLedger]:
    async with open_ledger(redis_url) as opened:
        await opened.desk.sweep()  # the first one gives each lease another term
        yield opened


async def ordered(ledger: RedisLedger, *names: str) -> BatchRecord:
    await stock(ledger, *names)
    return await ledger.open_batch(order("m1", *names))


async def die(ledger: RedisLedger, leases: Sequence[Lease]) -> Sweep:
    """A worker with all this aboard is killed, and that is noticed."""
    await ledger._client.zadd("chorus:leases", {lease.item: 1 for lease in leases})
    return await ledger.desk.sweep()


async def failed(ledger: RedisLedger, batch: BatchRecord) -> list[int]:
    found = await ledger.batch(batch.id)
    assert found is not None
    return [clip.number for clip in found.clips if clip.state is ClipState.FAILED]


async def test_clips_that_only_waited_for_their_turn_aboard_are_not_given_up(
    ledger: RedisLedger,
) -> None:
    batch = await ordered(ledger, "poison", "b", "c", "d")
    for _ in range(3):
        leases = [await drawn(ledger) for _ in range(4)]
        assert await ledger.desk.begin(next(each for each in leases if each.number == 1))
        await die(ledger, leases)

    assert await failed(ledger, batch) == [1]
    assert [(await drawn(ledger)).suspect for _ in range(3)] == [False] * 3


async def test_clips_that_were_rendered_beside_one_that_kills_get_through_one_by_one(
    ledger: RedisLedger,
) -> None:
    batch = await ordered(ledger, "poison", "b", "c", "d")
    leases = [await drawn(ledger) for _ in range(4)]
    for lease in leases:
        await ledger.desk.begin(lease)
    await die(ledger, leases)
    for _ in range(2):
        leases = [await drawn(ledger) for _ in range(4)]
        assert all(lease.suspect for lease in leases)
        await ledger.desk.begin(next(each for each in leases if each.number == 1))
        await die(ledger, leases)

    assert await failed(ledger, batch) == [1]


@pytest.mark.parametrize("beside", [True, False], ids=["beside another", "alone"])
async def test_a_clip_that_is_rendered_and_waits_for_the_store_is_never_suspected(
    ledger: RedisLedger, *, beside: bool
) -> None:
    batch = await ordered(ledger, *(("a", "b") if beside else ("a",)))
    for _ in range(5):
        leases = [await drawn(ledger) for _ in batch.clips]
        for lease in leases:
            await ledger.desk.begin(lease)
            await ledger.desk.report(lease, ClipState.STORING, 25, 25)
        await die(ledger, leases)

    assert await failed(ledger, batch) == []


async def test_a_clip_alone_aboard_is_what_its_worker_dies_of(ledger: RedisLedger) -> None:
    batch = await ordered(ledger, "poison")
    ends = [await die(ledger, [await drawn(ledger)]) for _ in range(3)]

    assert [len(each.given_up) for each in ends] == [0, 0, 1]
    assert await failed(ledger, batch) == [1]


async def test_what_is_aboard_of_ten_workers_that_die_is_given_up_whatever_it_did(
    ledger: RedisLedger,
) -> None:
    batch = await ordered(ledger, "a", "b")
    for _ in range(9):
        await die(ledger, [await drawn(ledger) for _ in range(2)])
    before = await failed(ledger, batch)
    await die(ledger, [await drawn(ledger) for _ in range(2)])

    assert before == []
    assert await failed(ledger, batch) == [1, 2]


async def test_a_begun_clip_that_is_handed_back_is_not_suspected(ledger: RedisLedger) -> None:
    await ordered(ledger, "a", "b")
    for _ in range(2):
        leases = [await drawn(ledger) for _ in range(2)]
        for lease in leases:
            await ledger.desk.begin(lease)
            await ledger.desk.give_back(lease)

    assert not (await drawn(ledger)).suspect


async def test_who_lost_the_lease_cannot_begin(ledger: RedisLedger) -> None:
    await ordered(ledger, "a")
    lease = await drawn(ledger)
    await die(ledger, [lease])

    assert not await ledger.desk.begin(lease)


async def test_dead_workers_cost_a_clip_none_of_its_tries_after_a_full_disk(
    ledger: RedisLedger,
) -> None:
    await ordered(ledger, "a", "b")
    for _ in range(3):
        await die(ledger, [await drawn(ledger) for _ in range(2)])
    clip = await drawn(ledger)
    tries = []
    for _ in range(3):
        tries.append((clip.put_off, await ledger.desk.put_off(clip, 0.0, 3)))
        await ledger.desk.sweep()
        if tries[-1][1]:
            clip = next(lease for lease in [await drawn(ledger)] if lease.item == clip.item)

    assert tries == [(0, True), (1, True), (2, False)]
    assert clip.suspect


async def test_the_record_of_an_order_is_never_given_up(ledger: RedisLedger) -> None:
    await ordered(ledger, "a")
    ends = [await die(ledger, [await drawn(ledger, "records")]) for _ in range(12)]
    record = await drawn(ledger, "records")
    for _ in range(5):
        assert await ledger.desk.put_off(record, 0.0, 3)
        await ledger.desk.sweep()
        record = await drawn(ledger, "records")

    assert [each.taken_over for each in ends] == [[record.item]] * 12


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


@pytest.mark.slow
async def test_a_clip_that_kills_its_worker_again_and_again_fails_alone(place: Workplace) -> None:
    videos = ["sleep 0.5", "kill worker", "sleep 0.6", "sleep 0.7", "sleep 0.8", "sleep 0.9"]
    batch = await place.order("m1", *videos)
    kills = 0
    async with asyncio.timeout(300):
        while not over(found := await place.until(batch, lambda _: True)):
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.fakes.foreman", place.url, str(place.folder), "4")
            )
            try:
                while worker.returncode is None and not over(found):
                    found = await place.until(batch, lambda _: True)
                    await asyncio.sleep(0.05)
            finally:
                kills += worker.returncode == -signal.SIGKILL
                if worker.returncode is None:
                    worker.kill()
                await worker.wait()

    reasons = {clip.number: clip.reason.code for clip in found.clips if clip.reason}
    assert reasons == {2: Code.INCIDENT}
    assert found.done == 5
    assert kills == 3
