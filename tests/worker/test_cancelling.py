"""Cancelled at any stage, an order ends within two seconds and keeps what is done."""

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace, over
from worker.contract.ports import ArchiveEntry, StoreUnavailable
from worker.contract.records import BatchRecord, BatchState, ClipState, TakeState
from worker.ledger_scripts import Queue

pytestmark = pytest.mark.alone
LIMIT_S = 2.0


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


async def cancelled(place: Workplace, batch: BatchRecord) -> tuple[BatchRecord, float]:
    """How it ended, and after how many seconds."""
    started = time.monotonic()
    await place.ledger.cancel(batch.id)
    ended = await place.until(batch, over)
    return ended, time.monotonic() - started


def states(batch: BatchRecord) -> list[ClipState]:
    return [clip.state for clip in batch.clips]


async def test_while_the_recording_is_listened_to(place: Workplace) -> None:
    async with place.working():
        batch = await place.order("m1", "ok", recording=b"slow")
        await place.until(batch, lambda seen: seen.state is BatchState.PREPARING)
        ended, took_s = await cancelled(place, batch)
        following = await place.ended(await place.order("m2", "ok"))
        take = await place.ledger.take(batch.order.take_id)

    assert ended.state is BatchState.CANCELLED
    assert took_s < LIMIT_S
    assert following.state is BatchState.DELIVERED
    assert take is not None
    assert take.state is TakeState.ANALYSING  # whoever sent it may still order with it


async def test_while_a_template_is_prepared(place: Workplace) -> None:
    async with place.working():
        batch = await place.order("m1", "ok", "slow")
        await place.until(batch, lambda seen: seen.done == 1)
        ended, took_s = await cancelled(place, batch)
        closed = await place.ended(batch)

    assert states(ended) == [ClipState.DONE, ClipState.CANCELLED]
    assert took_s < LIMIT_S
    assert closed.state is BatchState.CANCELLED
    assert len(closed.archives) == 1


async def test_while_one_is_rendered_and_others_wait(place: Workplace) -> None:
    async with place.working():
        batch = await place.order("m1", "ok", "sleep 30", "sleep 30")
        await place.until(
            batch, lambda seen: seen.done == 1 and ClipState.RENDERING in states(seen)
        )
        ended, took_s = await cancelled(place, batch)
        closed = await place.ended(batch)

    assert states(ended) == [ClipState.DONE, ClipState.CANCELLED, ClipState.CANCELLED]
    assert took_s < LIMIT_S
    assert names_in(await place.store.get_bytes(closed.archives[0].key)) == ["output_001"]


async def test_while_a_clip_waits_for_a_store_that_is_away(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file = place.store.put_file

    async def away(key: str, path: Path, content_type: str = "") -> None:
        if key.startswith("clips/"):
            raise StoreUnavailable("the store is away")
        await put_file(key, path, content_type)

    monkeypatch.setattr(place.store, "put_file", away)
    async with place.working():
        batch = await place.order("m1", "ok")
        await place.until(batch, lambda seen: ClipState.STORING in states(seen))
        ended, took_s = await cancelled(place, batch)

    assert ended.state is BatchState.CANCELLED
    assert states(ended) == [ClipState.CANCELLED]
    assert took_s < LIMIT_S


async def test_while_the_disk_has_no_room_for_more_that_a_store_does_not_take(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file = place.store.put_file

    async def away(key: str, path: Path, content_type: str = "") -> None:
        if key.startswith("clips/"):
            raise StoreUnavailable("the store is away")
        await put_file(key, path, content_type)

    async def asked_for_a_second_time() -> None:
        while len(tickets) < 2:
            await asyncio.sleep(0.02)

    monkeypatch.setattr(place.store, "put_file", away)
    async with place.working(unstored=1) as foreman:
        tickets: list[str] = []
        serve = foreman._draw_and_do

        async def counted(queue: Queue, ticket: str, *more: Any) -> None:
            tickets.extend([ticket] if queue == "clips" else [])
            await serve(queue, ticket, *more)

        monkeypatch.setattr(foreman, "_draw_and_do", counted)
        full = await place.order("m1", "ok")
        await place.until(full, lambda seen: ClipState.STORING in states(seen))
        batch = await place.order("m2", "ok", "ok")
        async with asyncio.timeout(PATIENCE_S):
            await asked_for_a_second_time()
            # What it asked for may have been there before: its Template is still being prepared then.
            while (elsewhere := await place.ledger.desk.draw("clips", "another")) is None:
                await asyncio.sleep(0.02)
        await place.ledger.desk.give_back(elsewhere)
        ended, took_s = await cancelled(place, batch)

    assert (elsewhere.subject, elsewhere.number) == (batch.id, 1)
    assert states(ended) == [ClipState.CANCELLED] * 2
    assert took_s < LIMIT_S


async def test_while_it_is_packed_what_is_done_still_comes(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_archive, go_on = place.store.put_archive, asyncio.Event()

    async def slowly(
        key: str, entries: Sequence[ArchiveEntry], modified_at: datetime, *more: object
    ) -> int:
        await go_on.wait()
        return await put_archive(key, entries, modified_at)

    monkeypatch.setattr(place.store, "put_archive", slowly)
    async with place.working():
        batch = await place.order("m1", "ok", "ok 2")
        await place.until(batch, lambda seen: seen.state is BatchState.PACKING)
        await place.ledger.cancel(batch.id)
        go_on.set()
        closed = await place.ended(batch)

    assert closed.state is BatchState.CANCELLED
    assert states(closed) == [ClipState.DONE, ClipState.DONE]
    assert len(closed.archives) == 1


def names_in(archive: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [name[:10] for name in opened.namelist() if name.endswith(".mp4")]
