"""The janitor: what goes after its time, what goes when the disk is full, and what never goes."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.stores.local import LocalStore
from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from tests.worker.ledger_things import take
from worker.cache import Cache
from worker.contract import keys
from worker.contract.ports import LedgerUnavailable, ObjectFacts, ObjectMissing
from worker.contract.records import (
    BatchRecord,
    BatchState,
    OrderedBackground,
    OrderOptions,
    SentPicture,
)
from worker.contract.tokens import TokenCodec
from worker.janitor import Janitor, Keeping

WEEK = Keeping(days=7)
CODEC = TokenCodec(b"0123456789abcdef")
RECORDING = keys.take(take().id, "source")


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        await opened.ledger.note_rebuilt()
        yield opened


def after(place: Workplace, keeping: Keeping = WEEK, **passed: float) -> Janitor:
    """A janitor in the future."""
    now = datetime.now(UTC) + timedelta(**passed)
    return Janitor(place.ledger, place.store, keeping, clock=lambda: now)


async def objects(place: Workplace, *prefixes: str) -> list[str]:
    return [facts.key for prefix in prefixes or ("",) async for facts in place.store.list(prefix)]


async def delivered(
    place: Workplace,
    key: str,
    *videos: str,
    options: OrderOptions | None = None,
    **working: Any,
) -> BatchRecord:
    async with place.working(**working):
        batch = await place.ended(await place.order(key, *(videos or ["ok"]), options=options))
        async with asyncio.timeout(PATIENCE_S):
            while keys.batch(batch.id) not in await objects(place, keys.BATCHES):
                await asyncio.sleep(0.02)
    assert batch.state is BatchState.DELIVERED
    return batch


async def let_go(place: Workplace, key: str) -> None:
    """The time is over for which a door holds an object."""
    assert await place.ledger._client.expire(keys.redis("download", key), 0)


async def test_a_week_later_recording_videos_and_archive_are_gone_and_the_order_says_when(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    batch = await delivered(place, "a")
    await place.put(keys.picture("p"), b"picture")
    await place.put(keys.lineup("l"), b"lineup")
    await place.put(keys.waiver("20200101T000000Z", "batch-x"), b"{}")
    before = await objects(place, "templates/", "prepared/", "waivers/", "batches/")

    await after(place, days=6.9).sweep()
    kept = await objects(place, "takes/", "clips/", "archives/", "pictures/", "lineups/")
    with caplog.at_level(logging.INFO):
        await after(place, days=7.1).sweep()

    expired = await place.ledger.batch(batch.id)
    assert len(kept) >= 8
    assert await objects(place, "takes/", "clips/", "archives/", "pictures/", "lineups/") == []
    assert await objects(place, "templates/", "prepared/", "waivers/", "batches/") == before
    assert expired is not None
    assert expired.state is BatchState.EXPIRED
    assert expired.expired_at is not None
    assert f"batch {batch.id} was removed, 3 objects" in caplog.text
    assert await place.ledger.take(batch.order.take_id) is None


async def test_what_expired_is_not_set_going_again_and_is_recorded(place: Workplace) -> None:
    batch = await delivered(place, "a")
    await after(place, days=8).sweep()

    again = await place.ledger.retry(batch.id)
    async with place.working(), asyncio.timeout(PATIENCE_S):
        while b"expired" not in await place.store.get_bytes(keys.batch(batch.id)):
            await asyncio.sleep(0.02)

    assert again is None


async def test_nothing_of_a_batch_that_runs_goes_however_old(place: Workplace) -> None:
    picture = SentPicture(sha256="p", name="sky.png")
    options = OrderOptions(background=OrderedBackground(picture=picture))
    batch = await place.order("a", "ok", options=options)
    await place.put(keys.clip(batch.id, 1, "1"), b"clip")
    await place.put(keys.picture("p"), b"picture")
    await place.put(keys.picture("q"), b"nobody's")
    before = await objects(place)

    await after(place, Keeping(days=7, most_bytes=1), days=100).sweep()

    assert set(before) - set(await objects(place)) == {keys.picture("q")}


async def test_nothing_goes_before_the_orders_that_may_need_it_are_back(place: Workplace) -> None:
    batch = await place.order("a", "ok")
    await place.put(keys.clip(batch.id, 1, "1"), b"clip")
    before = await objects(place)
    await place.ledger._client.flushall()

    await after(place, Keeping(days=7, most_bytes=1), days=100).sweep()
    blank = await objects(place)
    await place.ledger.note_rebuilt()
    await after(place, Keeping(days=7, most_bytes=1), days=100).sweep()

    assert blank == before
    assert set(before) - set(await objects(place)) == {RECORDING, keys.clip(batch.id, 1, "1")}


async def test_what_redis_forgets_while_the_janitor_looks_stays(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.order("a", "ok")
    before = await objects(place)
    running = place.ledger.running

    async def too_late() -> Sequence[BatchRecord]:
        await place.ledger._client.flushall()
        return await running()

    monkeypatch.setattr(place.ledger, "running", too_late)
    await after(place, days=100).sweep()

    assert await objects(place) == before


async def test_nothing_goes_while_it_is_downloaded_through_whatever_machine(
    place: Workplace,
) -> None:
    batch = await delivered(place, "a")
    assert batch.archive_key is not None
    await place.ledger.hold(batch.archive_key, 3600)
    before = await objects(place, "clips/", "archives/")

    await after(place, days=8).sweep()
    during = await objects(place, "clips/", "archives/")
    await let_go(place, batch.archive_key)
    await after(place, days=8).sweep()

    assert during == before
    assert await objects(place, "clips/", "archives/") == []


async def test_nothing_goes_while_nobody_can_say_whether_it_is_downloaded(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    await delivered(place, "a")
    before = await objects(place)

    async def away(_: Collection[str]) -> bool:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(place.ledger, "holds_any", away)
    with pytest.raises(LedgerUnavailable):
        await after(place, days=8).sweep()

    assert await objects(place) == before


async def test_what_is_downloaded_is_held_for_the_time_that_was_told_and_nothing_else(
    place: Workplace,
) -> None:
    await place.ledger.hold("clips/b/001-1.mp4", 3600)

    assert await place.ledger.holds_any(["clips/b/002-1.mp4", "clips/b/001-1.mp4"])
    assert not await place.ledger.holds_any(["clips/b/002-1.mp4"])
    assert not await place.ledger.holds_any([])
    held_s = await place.ledger._client.ttl(keys.redis("download", "clips/b/001-1.mp4"))
    assert 3000 < held_s <= 3600
    await let_go(place, "clips/b/001-1.mp4")
    assert not await place.ledger.holds_any(["clips/b/001-1.mp4"])


async def test_of_several_archives_none_goes_while_one_is_downloaded_and_then_all(
    place: Workplace,
) -> None:
    batch = await delivered(place, "a", *["large"] * 5, most_archive_bytes=20_000)
    assert len(batch.archives) > 1
    await place.ledger.hold(batch.archives[-1].key, 3600)

    await after(place, days=8).sweep()
    during = await objects(place, "archives/")
    await let_go(place, batch.archives[-1].key)
    await after(place, days=8).sweep()

    assert during == [archive.key for archive in batch.archives]
    assert await objects(place, "clips/", "archives/") == []


async def test_an_order_without_an_archive_is_told_as_expired_when_the_bucket_removed_its_videos(
    place: Workplace,
) -> None:
    batch = await delivered(place, "a", options=OrderOptions(zip="none"))
    for key in await objects(place, "clips/"):
        await place.store.delete(key)

    await after(place, days=8).sweep()

    expired = await place.ledger.batch(batch.id)
    assert expired is not None
    assert expired.state is BatchState.EXPIRED


async def test_the_oldest_go_first_when_the_store_is_full(place: Workplace) -> None:
    for age, name in enumerate(("new", "older", "oldest")):
        await place.put(keys.picture(name), bytes(1000))
        then = time.time() - 7200 - age * 3600
        path = place.store.local_path(keys.picture(name))
        assert path is not None
        os.utime(path, (then, then))
    await place.put(keys.template("t", "source"), bytes(1000))

    await after(place, Keeping(days=7, most_bytes=3500)).sweep()

    assert await objects(place) == [
        keys.picture("new"),
        keys.picture("older"),
        keys.template("t", "source"),
    ]


async def test_what_is_an_hour_young_stays_though_the_store_is_full_and_that_is_said(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    await place.put(keys.picture("new"), bytes(1_000_000))

    await after(place, Keeping(days=7, most_bytes=100_000)).sweep()

    assert await objects(place) == [keys.picture("new")]
    assert "0.9 MB more than it should" in caplog.text


async def test_an_archive_that_is_not_written_counts_for_nothing(place: Workplace) -> None:
    batch = await delivered(place, "a")
    sizes = {
        facts.key: facts.size_bytes
        async for facts in place.store.list("")
        if not facts.key.startswith(keys.ARCHIVES)
    }

    await after(place, Keeping(days=7, most_bytes=sum(sizes.values())), hours=2).sweep()

    assert batch.archive_key in await objects(place)


async def test_what_the_bucket_itself_removed_is_told_as_expired(place: Workplace) -> None:
    batch = await delivered(place, "a")
    for key in await objects(place, "clips/", "archives/", "takes/"):
        await place.store.delete(key)

    await after(place, days=6).sweep()
    before = await place.ledger.batch(batch.id)
    await after(place, days=8).sweep()
    afterwards = await place.ledger.batch(batch.id)

    assert before is not None
    assert afterwards is not None
    assert (before.state, afterwards.state) == (BatchState.DELIVERED, BatchState.EXPIRED)


async def test_a_sweep_that_died_in_the_middle_is_ended_by_the_next(place: Workplace) -> None:
    batch = await delivered(place, "a")

    class DiesAtOnce(LocalStore):
        async def delete(self, key: str) -> None:
            raise RuntimeError("killed")

    dying = DiesAtOnce(place.folder / "store", CODEC, "")
    later = datetime.now(UTC) + timedelta(days=8)
    with contextlib.suppress(RuntimeError):
        await Janitor(place.ledger, dying, WEEK, clock=lambda: later).sweep()
    await after(place, days=8).sweep()

    expired = await place.ledger.batch(batch.id)
    assert expired is not None
    assert expired.state is BatchState.EXPIRED
    assert await objects(place, "clips/", "archives/", "takes/") == []


async def test_a_recording_that_is_sent_again_after_its_time_is_analysed_again(
    place: Workplace,
) -> None:
    await delivered(place, "a")
    await after(place, days=8).sweep()

    again = await delivered(place, "b")

    heard = await place.ledger.take(again.order.take_id)
    assert heard is not None
    assert heard.analyses == 1


async def test_a_recording_that_was_sent_again_is_kept_anew(place: Workplace) -> None:
    await delivered(place, "a")
    then = time.time() - 8 * 86_400
    for key in await objects(place, "takes/"):
        path = place.store.local_path(key)
        assert path is not None
        os.utime(path, (then, then))
    before = await objects(place, "takes/")

    await place.ledger.open_take(take())
    await after(place).sweep()
    kept = await objects(place, "takes/")
    await after(place, days=7.1).sweep()

    assert kept == before
    assert await objects(place, "takes/") == []


async def test_drafts_of_processes_that_died_are_cleared_away(place: Workplace) -> None:
    draft = place.folder / "store" / ".unfinished" / "abandoned"
    draft.write_bytes(b"half")
    then = time.time() - 90_000
    os.utime(draft, (then, then))

    await after(place).sweep()

    assert not draft.exists()


async def test_the_cache_forgets_what_nobody_used_for_the_time_things_are_kept(
    place: Workplace,
) -> None:
    for name in ("sound.flac", "speech.npz", "words.json"):
        await place.put(keys.take("a", name), b"x")
        await place.put(keys.take("b", name), b"x")
    cache = Cache(place.folder / "cache", place.store, 10**6)
    with ExitStack() as using:
        old, young = [await cache.take(take_id, using) for take_id in "ab"]
    then = time.time() - 8 * 86_400
    os.utime(old, (then, then))

    await cache.forget_unused(7 * 86_400)

    assert (old.exists(), young.exists()) == (False, True)


async def test_a_foreman_is_the_janitor_too(place: Workplace) -> None:
    await place.put(keys.picture("p"), b"picture")
    path = place.store.local_path(keys.picture("p"))
    assert path is not None
    then = time.time() - 8 * 86_400
    os.utime(path, (then, then))

    async with place.working(keeping=WEEK), asyncio.timeout(PATIENCE_S):
        while path.exists():
            await asyncio.sleep(0.02)

    with pytest.raises(ObjectMissing):
        await place.store.stat(keys.picture("p"))


async def test_a_foreman_drops_clips_that_were_deleted_whoever_packed_them(
    place: Workplace,
) -> None:
    made = place.folder / "made.mp4"
    made.write_bytes(b"video")

    async with place.working(keeping=WEEK) as foreman:
        cache = foreman._shop.cache
        await cache.keep_clip("clips/b/001-1.mp4", made)
    async with place.working(keeping=WEEK) as foreman, asyncio.timeout(PATIENCE_S):
        while foreman._shop.cache.clips(["clips/b/001-1.mp4"]):
            await asyncio.sleep(0.02)


async def test_one_of_all_foremen_is_the_janitor(place: Workplace) -> None:
    desk = place.ledger.desk

    asked = [await desk.first_to_tidy(worker, 60) for worker in ("a", "b", "a")]

    assert asked == [True, False, False]


async def test_a_janitor_that_stumbles_stops_no_foreman(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(LocalStore):
        async def list(self, prefix: str) -> AsyncIterator[ObjectFacts]:
            if prefix == "pictures/":
                raise ValueError("what no key may be")
            async for facts in super().list(prefix):
                yield facts

    place.store = Broken(place.folder / "store", CODEC, "")
    async with place.working(keeping=WEEK):
        async with asyncio.timeout(PATIENCE_S):
            while "the janitor stumbled" not in caplog.text:
                await asyncio.sleep(0.02)
        batch = await place.ended(await place.order("a", "ok"))

    assert batch.state is BatchState.DELIVERED
