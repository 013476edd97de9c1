"""Faults that pass are tried again, with pauses and not for ever; what killed an engine costs nobody else a Clip."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace, over
from tests.worker.ledger_things import drawn, order, stock
from worker.contract.codes import Code
from worker.contract.records import BatchState, ClipState
from worker.desk import Verdict
from worker.guard import Guard
from worker.holdings import Held


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


def full_disk(place: Workplace, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """What Clips are made of finds no room so often."""
    get_file, met = place.store.get_file, list[str]()

    async def full(key: str, path: Path) -> None:
        if key.endswith("speech.npz") and len(met) < times:
            met.append(key)
            raise OSError(errno.ENOSPC, "No space left on device")
        await get_file(key, path)

    monkeypatch.setattr(place.store, "get_file", full)
    return met


async def test_a_clip_that_found_the_disk_full_is_made_later_while_others_go_on(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = full_disk(place, monkeypatch, times=1)
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok"))

    assert batch.state is BatchState.DELIVERED
    assert batch.clips[0].attempts == 2
    assert len(met) == 1


async def test_a_disk_that_fills_while_the_engine_writes_is_waited_for(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.working() as foreman:
        engine = foreman.engine_pid
        batch = await place.ended(await place.order("m1", "full 0.5", "ok"))
        same_engine = foreman.engine_pid == engine

    assert batch.state is BatchState.DELIVERED
    assert [clip.attempts for clip in batch.clips] == [2, 1]
    assert same_engine
    assert "is tried again in 1 s: [Errno 28] No space left on device" in caplog.text


async def test_a_disk_that_stays_full_under_the_engine_is_an_incident_with_the_engines_trace(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "full 99"))

    assert batch.state is BatchState.FAILED
    assert batch.clips[0].reason is not None
    assert batch.clips[0].reason.code is Code.INCIDENT
    assert batch.clips[0].attempts == 3
    assert "its trace" in caplog.text


@pytest.mark.parametrize("noticed", [True, False])
async def test_what_fails_for_want_of_disk_after_its_lease_was_lost_is_no_incident(
    place: Workplace, caplog: pytest.LogCaptureFixture, *, noticed: bool
) -> None:
    await stock(place.ledger, "one")
    await place.ledger.open_batch(order("m1", "one"))
    held = Held(await drawn(place.ledger))

    async def stall() -> None:
        await place.ledger.desk.give_back(held.lease)
        await drawn(place.ledger)
        if noticed:
            held.end(Verdict.LOST)
        raise FileNotFoundError("the scratch folder is gone")

    with caplog.at_level("INFO"):
        await Guard(place.ledger.desk).do(held, stall())

    assert "incident" not in caplog.text


async def test_a_disk_that_stays_full_is_an_incident_in_the_end(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = full_disk(place, monkeypatch, times=99)
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok"))

    assert batch.state is BatchState.FAILED
    assert batch.clips[0].reason is not None
    assert batch.clips[0].reason.code is Code.INCIDENT
    assert batch.clips[0].reason.incident
    assert len(met) == 3


async def test_a_clip_that_waits_for_another_try_can_be_cancelled(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(place, monkeypatch, times=99)
    monkeypatch.setattr("worker.guard._PUT_OFF_S", 10 * PATIENCE_S)  # until it is cancelled
    async with place.working():
        batch = await place.order("m1", "ok")
        await place.until(
            batch,
            lambda seen: seen.clips[0].attempts == 1 and seen.clips[0].state is ClipState.WAITING,
        )
        await place.ledger.cancel(batch.id)
        ended = await place.until(batch, lambda seen: not seen.state.active)

    assert ended.state is BatchState.CANCELLED
    assert await place.ledger._client.zcard("chorus:later") == 0


async def test_of_four_clips_aboard_an_engine_only_the_one_that_kills_it_fails(
    place: Workplace,
) -> None:
    async with place.working(slots=4):
        batch = await place.ended(
            await place.order("m1", "sleep 1", "crash", "sleep 1.1", "sleep 1.2")
        )

    failed = [clip for clip in batch.clips if clip.state is ClipState.FAILED]
    assert [clip.number for clip in failed] == [2]
    assert failed[0].reason is not None
    assert failed[0].reason.incident
    assert batch.done == 3


async def test_a_clip_whose_worker_died_is_made_while_no_other_is_aboard(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos = ["sleep 0.4", "sleep 0.5", "sleep 0.6"]
    async with place.working():
        await place.ended(await place.order("m0", *videos))
    names = [f"m0-{number}" for number in range(3)]
    batch = await place.ledger.open_batch(order("m1", *names))
    lease = await drawn(place.ledger)
    await place.ledger._client.zadd("chorus:leases", {lease.item: 1})
    monkeypatch.setenv("RENDERED", str(tmp_path / "rendered"))
    async with place.working(slots=3):
        ended = await place.ended(batch)

    assert ended.done == 3
    came_and_left = (tmp_path / "rendered").read_text().splitlines()
    assert len(came_and_left) == 6
    lone = came_and_left.index(f"on {videos[lease.number - 1]}")
    before = came_and_left[:lone]
    assert came_and_left[lone + 1] == f"off {videos[lease.number - 1]}"
    assert [line[:3] for line in before].count("on ") == [line[:3] for line in before].count("off")


@pytest.mark.alone
async def test_a_clip_that_waits_to_be_made_alone_can_be_cancelled(place: Workplace) -> None:
    async with place.working(slots=2) as foreman:
        long = await place.order("m1", "endless once")
        await place.until(long, lambda seen: seen.clips[0].total > 0)
        batch = await place.order("m2", "fault")
        await place.until(batch, lambda seen: seen.clips[0].done > 0)
        async with asyncio.timeout(PATIENCE_S):
            while not foreman._link._alone:  # it has failed and waits for the seat of the other
                await asyncio.sleep(0.01)
        started = time.monotonic()
        await place.ledger.cancel(batch.id)
        ended = await place.until(batch, over)
        took_s = time.monotonic() - started
        other = await place.ledger.batch(long.id)
        await place.ledger.cancel(long.id)

    assert ended.state is BatchState.CANCELLED
    assert took_s < 2
    assert other is not None
    assert other.clips[0].state is ClipState.RENDERING
