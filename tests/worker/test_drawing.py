"""What is drawn just when a foreman is to end is handed back at once: nobody waits until its lease lapses."""

import asyncio
from pathlib import Path

import pytest

from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from worker.contract.records import BatchRecord, ClipState
from worker.desk import Lease


class SlowAnswers:
    """Redis draws a Clip, and the foreman hears of it later."""

    def __init__(self, place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        self._draw = place.ledger.desk.draw
        monkeypatch.setattr(place.ledger.desk, "draw", self)

    async def __call__(self, queue: str, *facts: str) -> Lease | None:
        lease = await self._draw(queue, *facts)  # type: ignore[arg-type]
        if lease is not None and lease.kind == "clip":
            self.asked.set()
            await self.go_on.wait()
        return lease


async def drawn_again(place: Workplace, batch: BatchRecord) -> int | None:
    """Of which attempt it is, should somebody else draw it now; None if nothing waits."""
    found = await place.ledger.batch(batch.id)
    assert found is not None
    assert found.clips[0].state is ClipState.WAITING
    lease = await place.ledger.desk.draw("clips", "another")
    return lease and lease.attempt


async def test_a_clip_that_is_drawn_while_the_foreman_drains_is_handed_back(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_workplace(redis_url, tmp_path) as place:
        slow = SlowAnswers(place, monkeypatch)
        async with place.working() as foreman:
            batch = await place.order("m1", "endless once")
            await asyncio.wait_for(slow.asked.wait(), PATIENCE_S)
            draining = asyncio.create_task(foreman.drain(10 * PATIENCE_S))
            await asyncio.sleep(0)  # the drain has begun
            slow.go_on.set()
            await asyncio.wait_for(draining, PATIENCE_S)  # not so long as for a Clip that is kept
            attempt = await drawn_again(place, batch)

    assert attempt == 1


async def test_a_clip_that_is_drawn_while_the_foreman_is_stopped_is_handed_back(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_workplace(redis_url, tmp_path) as place:
        slow = SlowAnswers(place, monkeypatch)
        # It waits for the answer, which comes late.
        monkeypatch.setattr("worker.foreman.LAST_WORD_S", PATIENCE_S)
        async with place.working():
            batch = await place.order("m1", "endless once")
            await asyncio.wait_for(slow.asked.wait(), PATIENCE_S)
            asyncio.get_running_loop().call_later(0.1, slow.go_on.set)
        attempt = await drawn_again(place, batch)

    assert attempt == 1
