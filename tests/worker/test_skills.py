"""Engines that not every worker can run: a Clip goes to one that can, and fails only where there is none."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.worker.foreman_things import open_workplace, over
from tests.worker.ledger_things import BEN, ROOM, open_ledger, order, stock
from worker.contract.codes import Code
from worker.contract.records import BatchRecord, Chat, ClipState
from worker.desk import STARTING, NothingForUs
from worker.ledger import RedisLedger
from worker.skills import Skills

UNABLE = [sys.executable, "-m", "tests.fakes.engine", "unable"]


@pytest.fixture
async def ledger(redis_url: str):
    async with open_ledger(redis_url) as ledger:
        yield ledger


async def ordered(
    ledger: RedisLedger, key: str, engine: str, clips: int, chat: Chat
) -> BatchRecord:
    placed = order(key, *["one"] * clips, chat=chat, person=BEN)
    return await ledger.open_batch(placed.model_copy(update={"engine": engine}))


async def draws(ledger: RedisLedger, worker: str, most: int) -> list[str]:
    """The Batches of what a worker draws, and 'others' where only others' work waits."""
    found: list[str] = []
    while len(found) < most:
        try:
            lease = await ledger.desk.draw("clips", worker)
        except NothingForUs:
            return [*found, "others"]
        if lease is None:
            break
        found.append(lease.subject)
    return found


async def test_a_worker_draws_no_clip_of_an_engine_that_it_does_not_name(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.desk.beat("small", engines=("viseme",))
    await ledger.desk.beat("large", engines=("latentsync", "viseme"))
    fine = await ordered(ledger, "m1", "latentsync", 4, ROOM)
    plain = await ordered(ledger, "m2", "viseme", 2, ROOM)
    other = await ordered(ledger, "m3", "viseme", 2, Chat(platform="telegram", account="t", id="x"))

    small = await draws(ledger, "small", 9)
    tickets = await ledger._client.zcard("chorus:queue:clips")
    large = await draws(ledger, "large", 9)

    assert sorted(small) == sorted([plain.id, other.id] * 2 + ["others"])
    assert tickets > 0
    assert large == [fine.id] * 4


async def test_who_was_passed_over_is_made_up_for_by_those_who_can(ledger: RedisLedger) -> None:
    await stock(ledger, "one")
    await ledger.desk.beat("small", engines=("viseme",))
    await ledger.desk.beat("large", engines=("latentsync", "viseme"))
    fine = await ordered(ledger, "m1", "latentsync", 20, ROOM)
    plain = await ordered(
        ledger, "m2", "viseme", 20, Chat(platform="telegram", account="t", id="x")
    )
    turns = []
    for _ in range(10):
        turns += await draws(ledger, "small", 1) + await draws(ledger, "large", 1)

    assert (turns.count(fine.id), turns.count(plain.id)) == (10, 10)


async def test_an_engine_that_nobody_names_is_drawn_by_whoever_can_say_so_once_all_have_started(
    ledger: RedisLedger,
) -> None:
    await stock(ledger, "one")
    await ledger.desk.beat("small", engines=("viseme",))
    await ledger.desk.beat("broken", engines=())
    await ledger.desk.beat("starts", engines=(STARTING,))
    fine = await ordered(ledger, "m1", "latentsync", 1, ROOM)

    early = [await draws(ledger, worker, 1) for worker in ("small", "broken", "starts")]
    await ledger.desk.beat("starts", engines=("viseme",))
    late = [await draws(ledger, worker, 1) for worker in ("broken", "starts")]

    assert early == [["others"]] * 3
    assert late == [["others"], [fine.id]]


async def test_clips_of_an_engine_that_is_away_wait_for_it_and_are_not_failed_by_others(
    ledger: RedisLedger,
) -> None:
    seats = 1
    link = SimpleNamespace(started=asyncio.Event(), engines=("latentsync",))
    link.started.set()
    large = Skills(ledger.desk, link, "large", lambda: seats)  # type: ignore[arg-type]
    await stock(ledger, "one")
    await ledger.desk.beat("small", engines=("viseme",))
    await large.tell()
    fine = await ordered(ledger, "m1", "latentsync", 1, ROOM)
    seats = 0
    await large.tell()

    away = [await draws(ledger, worker, 1) for worker in ("small", "large")]
    seats = 1
    await large.tell()

    assert away == [["others"]] * 2
    assert await draws(ledger, "large", 1) == [fine.id]


async def test_clips_whose_engine_cannot_run_at_one_worker_are_all_made_by_the_other(
    redis_url: str, tmp_path: Path
) -> None:
    async with (
        open_workplace(redis_url, tmp_path) as place,
        place.working(engine_command=UNABLE),
        place.working(),
    ):
        batch = await place.until(await place.order("m1", *["sleep 0.2"] * 12), over)

    assert [clip.state for clip in batch.clips] == [ClipState.DONE] * 12
    assert {clip.attempts for clip in batch.clips} == {1}


async def test_clips_whose_engine_can_run_nowhere_fail_and_say_so(
    redis_url: str, tmp_path: Path
) -> None:
    async with (
        open_workplace(redis_url, tmp_path) as place,
        place.working(engine_command=UNABLE),
        place.working(engine_command=UNABLE),
    ):
        batch = await place.until(await place.order("m1", *["ok"] * 4), over)

    reasons = [clip.reason.code for clip in batch.clips if clip.reason]
    assert reasons == [Code.ENGINE_UNAVAILABLE] * 4
