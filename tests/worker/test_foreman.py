"""The foreman: work done by a fake engine and fake children, through a real Redis and a real store."""

import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.fakes.engine import FLAGGED
from tests.worker.foreman_things import PATIENCE_S, TAKE, Workplace, open_workplace, over
from tests.worker.ledger_things import drawn, order, take, teller
from worker.asked import LabelRules
from worker.contract import keys
from worker.contract.codes import Code, Flag, RemarkCode
from worker.contract.ports import (
    ObjectMissing,
    ObjectStore,
    StoreForbids,
    StoreRefused,
    StoreUnavailable,
)
from worker.contract.records import (
    BatchRecord,
    BatchState,
    ClipState,
    OrderedBackground,
    OrderOptions,
    Reason,
    SentPicture,
    TakeRecord,
    TakeState,
)

MOMENTS = ("queued", "started", "ended")


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


def begun(batch: BatchRecord) -> bool:
    """Whether a Clip is being rendered, or was: what is soon over may be so before anybody looks."""
    return any(clip.total for clip in batch.clips)


async def archive_of(store: ObjectStore, batch: BatchRecord, part: int = 1) -> zipfile.ZipFile:
    archive = batch.archives[part - 1]
    chunks = [chunk async for chunk in store.open_range(archive.key, 0, archive.size_bytes)]
    return zipfile.ZipFile(io.BytesIO(b"".join(chunks)))


async def test_three_videos_come_back_in_one_archive_with_a_manifest(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok 1", "ok 2", "ok 3"))

    with await archive_of(place.store, batch) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        broken = archive.testzip()
    assert batch.state is BatchState.DELIVERED
    assert names == [
        "output_001_m1-0.mp4",
        "output_002_m1-1.mp4",
        "output_003_m1-2.mp4",
        "manifest.json",
    ]
    assert broken is None
    assert manifest["take"]["file"] == "voice.ogg"
    assert manifest["take"]["analyses"] == 1
    assert [clip["template_file"] for clip in manifest["clips"]] == [
        f"m1-{number}.mp4" for number in range(3)
    ]
    assert list((place.folder / "work" / "scratch").iterdir()) == []


async def test_the_manifest_names_everything_about_each_clip_and_its_recording(
    place: Workplace,
) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "flagged", "reject"))

    with await archive_of(place.store, batch) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    made, failed = manifest["clips"]
    assert manifest["take"] == {
        "id": take(TAKE).id,
        "sha256": take(TAKE).id,
        "file": "voice.ogg",
        "seconds": 1.0,
        "analyses": 1,
        "remarks": [],
    }
    assert made["order"] == failed["order"] == manifest["code"] == batch.code
    assert (made["template"], made["template_file"], made["take_file"]) == (
        "m1-0", "m1-0.mp4", "voice.ogg",
    )  # fmt: skip
    assert (made["state"], made["reason"]) == ("done", None)
    assert (failed["state"], failed["reason"]["code"]) == ("failed", "no_face")
    assert made["sha256"] == batch.clips[0].result.sha256
    assert (made["duration_s"], made["engine"]) == (1.0, "viseme")
    assert {name: made[name] for name in FLAGGED} == FLAGGED
    assert set(made) == {
        "order", "number", "name", "archive", "template", "template_file", "take_file", "state", "reason",
        "queued_at", "started_at", "ended_at", "size_bytes", "sha256", "frames", "fps",
        "duration_s", "engine", "seconds", "av_offset_s", "mouth", "outside_psnr_db", "flags",
        "background_kept",
    }  # fmt: skip
    moments = [datetime.fromisoformat(made[f"{what}_at"]) for what in MOMENTS]
    assert moments[0] == batch.created_at
    assert moments == sorted(moments)
    assert failed["started_at"] is None  # its template was refused before
    assert failed["ended_at"] is not None


async def test_the_report_is_written_so_that_every_editor_shows_it(place: Workplace) -> None:
    def report(batch: BatchRecord, heard: TakeRecord | None, _: object) -> str:
        return f"任务 {batch.code}\n{heard.name if heard else '–'}\n"

    async with place.working(report=report):
        batch = await place.ended(await place.order("m1", "ok"))

    with await archive_of(place.store, batch) as archive:
        written = archive.read("report.txt")
    assert archive.namelist() == ["output_001_m1-0.mp4", "manifest.json", "report.txt"]
    assert written == b"\xef\xbb\xbf" + f"任务 {batch.code}\r\nvoice.ogg\r\n".encode()


class FarStore:
    """A store that has nothing on this machine; tells what Archives are packed of."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self.near: list[list[bytes]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def local_path(self, key: str) -> None:
        return None

    async def put_archive(self, key, entries, modified_at, near, noted):  # type: ignore[no-untyped-def]
        self.near.append([path.read_bytes() for path in near.values()])
        return await self._inner.put_archive(key, entries, modified_at)


MOST_BYTES = 20_000


async def test_what_is_too_large_for_one_archive_comes_in_several_that_open_by_themselves(
    place: Workplace,
) -> None:
    def report(batch: BatchRecord, heard: TakeRecord | None, archives: Mapping[str, str]) -> str:
        return "\n".join(f"{name}: {archive}" for name, archive in archives.items())

    async with place.working(most_archive_bytes=MOST_BYTES, report=report):
        ordered = await place.order("m1", *["large"] * 5, recording=b"words")
        batch = await place.ended(ordered)
        await place.ledger.retry(batch.id)

    count = len(batch.archives)
    names, written = [], set()
    for part in range(1, count + 1):
        with await archive_of(place.store, batch, part) as archive:
            assert archive.testzip() is None
            names.append(archive.namelist())
            written.add((archive.read("manifest.json"), archive.read("report.txt")))
    beside = ["captions.srt", "captions.vtt", "manifest.json", "report.txt"]
    videos = [[name for name in each if name.endswith(".mp4")] for each in names]
    assert count > 1
    assert batch.state is BatchState.DELIVERED
    assert [name for each in videos for name in each] == [
        f"output_{n:03d}_m1-{n - 1}.mp4" for n in range(1, 6)
    ]
    assert all(each[-4:] == beside for each in names)
    assert all(archive.size_bytes <= MOST_BYTES for archive in batch.archives)
    assert [archive.name.rpartition("_")[2] for archive in batch.archives] == [
        f"part{part}of{count}.zip" for part in range(1, count + 1)
    ]
    assert [archive.key for archive in batch.archives] == [
        f"archives/{batch.id}/1-{part}.zip" for part in range(1, count + 1)
    ]
    [(manifest, told)] = written
    where = {clip["name"]: clip["archive"] for clip in json.loads(manifest)["clips"]}
    assert where == {
        name: archive.name
        for archive, inside in zip(batch.archives, videos, strict=True)
        for name in inside
    }
    assert all(f"{name}: {archive}" in told.decode() for name, archive in where.items())


@pytest.mark.parametrize(("wish", "count"), [("one", 1), ("none", 0)])
async def test_who_wants_one_archive_or_none_gets_that_whatever_its_size(
    place: Workplace, wish: str, count: int
) -> None:
    options = OrderOptions(zip=wish)  # type: ignore[arg-type]
    async with place.working(most_archive_bytes=MOST_BYTES):
        batch = await place.ended(await place.order("m1", *["large"] * 5, options=options))
        await until_recorded(place, batch)

    assert (batch.state, len(batch.archives)) == (BatchState.DELIVERED, count)
    if count:
        assert batch.archives[0].size_bytes > MOST_BYTES
        with await archive_of(place.store, batch) as archive:
            assert len(archive.namelist()) == 6


class SlowStore:
    """A store in which Archives take as long as the test wants."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self.goes_on = asyncio.Event()
        self.under_way = self.most = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def put_archive(self, key, entries, modified_at, near, noted):  # type: ignore[no-untyped-def]
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        noted(100)
        try:
            await self.goes_on.wait()
            return await self._inner.put_archive(key, entries, modified_at, near)
        finally:
            self.under_way -= 1


class RefusingStore:
    """A store that takes no Archive, the first so many times."""

    def __init__(self, inner: ObjectStore, times: int) -> None:
        self._inner = inner
        self.left = times

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def put_archive(self, *asked):  # type: ignore[no-untyped-def]
        self.left -= 1
        if self.left >= 0:
            raise StoreRefused("the store answers EntityTooLarge to UploadPart")
        return await self._inner.put_archive(*asked)


@pytest.mark.parametrize(("times", "state"), [(2, BatchState.DELIVERED), (1000, BatchState.FAILED)])
async def test_an_archive_that_the_store_refuses_for_good_is_an_incident_and_the_videos_stay(
    place: Workplace, times: int, state: BatchState, caplog: pytest.LogCaptureFixture
) -> None:
    inner, place.store = place.store, RefusingStore(place.store, times)  # type: ignore[assignment]
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "ok"))

    assert "EntityTooLarge" in caplog.text
    assert batch.state is state
    assert (batch.reason is not None and batch.reason.code is Code.INCIDENT) == (times > 2)
    assert [clip.state for clip in batch.clips] == [ClipState.DONE] * 2
    for clip in batch.clips:
        assert clip.result is not None
        assert (await inner.stat(clip.result.key)).size_bytes == clip.result.size_bytes


class PickyStore:
    """A store that will not have the video of the first Clip; or nothing at all, so many times."""

    def __init__(
        self, inner: ObjectStore, refusal: StoreUnavailable, times: int | None = None
    ) -> None:
        self._inner = inner
        self._refusal = refusal
        self.left = times

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def put_file(self, key, path, content_type=""):  # type: ignore[no-untyped-def]
        self._look(key, refused="/001-" in key)
        return await self._inner.put_file(key, path, content_type)

    async def put_bytes(self, key, content, content_type=""):  # type: ignore[no-untyped-def]
        self._look(key, refused=False)
        return await self._inner.put_bytes(key, content, content_type)

    def _look(self, key: str, *, refused: bool) -> None:
        if self.left is None:
            if refused:
                raise self._refusal
        elif self.left and key.startswith("clips/"):
            self.left -= 1
            raise self._refusal


TOO_LARGE = StoreRefused("the store answers EntityTooLarge to UploadPart (bucket b)")
FORBIDDEN = StoreForbids("the store refuses us (bucket b): check the access key, and its rights")


@pytest.mark.parametrize("refusal", [TOO_LARGE, FORBIDDEN])
async def test_a_video_that_the_store_will_not_have_fails_with_an_incident_and_the_others_come(
    place: Workplace, refusal: StoreUnavailable, caplog: pytest.LogCaptureFixture
) -> None:
    place.store = PickyStore(place.store, refusal)  # type: ignore[assignment]
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "ok"))

    assert batch.state is BatchState.PARTIAL
    assert [clip.state for clip in batch.clips] == [ClipState.FAILED, ClipState.DONE]
    reason = batch.clips[0].reason
    assert reason is not None
    assert reason.code is Code.INCIDENT
    assert f"incident {reason.incident}" in caplog.text
    assert str(refusal) in caplog.text
    with zipfile.ZipFile(io.BytesIO(await place.store.get_bytes(batch.archives[0].key))) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        names = archive.namelist()
    assert [clip["state"] for clip in manifest["clips"]] == ["failed", "done"]
    assert manifest["clips"][0]["reason"]["incident"] == reason.incident
    assert names == ["output_002_m1-1.mp4", "manifest.json"]
    assert [facts.key async for facts in place.store.list(f"clips/{batch.id}/001")] == []


async def test_while_rights_are_wrong_for_everything_videos_wait(place: Workplace) -> None:
    store = PickyStore(place.store, FORBIDDEN, times=9)
    place.store = store  # type: ignore[assignment]
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok"))

    assert batch.state is BatchState.DELIVERED
    assert store.left == 0


@pytest.mark.parametrize("packers", [1, 2])
async def test_no_more_archives_are_packed_at_once_than_the_operator_allows(
    place: Workplace, packers: int
) -> None:
    slow = SlowStore(place.store)
    place.store = slow  # type: ignore[assignment]
    async with place.working(packers=packers):
        batches = [await place.order(f"m{number}", "ok") for number in range(4)]
        for batch in batches:
            await place.until(batch, lambda seen: seen.state is BatchState.PACKING)
        async with asyncio.timeout(PATIENCE_S):
            while slow.under_way < packers:
                await asyncio.sleep(0.01)
        places = [(await place.ledger.outlook(batch.id)).ahead for batch in batches]
        first = places.index(0)
        begun = await place.until(batches[first], lambda seen: seen.packed_bytes > 0)
        others = await place.ended(await place.order("m9", "reject"))  # meanwhile others are served
        slow.goes_on.set()
        ended = [await place.ended(batch) for batch in batches]

    assert slow.most == packers
    assert sorted(places) == ([0, 1, 2, 3] if packers == 1 else [0, 0, 2, 3])
    assert (begun.packed_bytes, begun.archive_size_bytes) == (100, ended[first].archive_size_bytes)
    assert others.state is BatchState.FAILED
    assert [batch.state for batch in ended] == [BatchState.DELIVERED] * 4


async def test_an_archive_far_away_is_packed_of_clips_that_are_still_on_this_disk(
    place: Workplace,
) -> None:
    far, near_by = FarStore(place.store), place.store
    place.store = far  # type: ignore[assignment]

    async with place.working():
        batch = await place.ended(await place.order("a", "ok", "ok"))

    clips = [await near_by.get_bytes(clip.result.key) for clip in batch.clips if clip.result]
    assert far.near == [clips]
    assert list((place.folder / "work" / "cache").glob("clip-*")) == []


async def test_every_batch_that_ended_is_recorded_in_the_store(place: Workplace) -> None:
    async with place.working():
        good = await place.ended(await place.order("m1", "ok"))
        bad = await place.ended(await place.order("m2", "reject"))
        await until_recorded(place, good)
        await until_recorded(place, bad)


async def until_recorded(place: Workplace, batch: BatchRecord) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(ObjectMissing):
                written = await place.store.get_bytes(keys.batch(batch.id))
                if BatchRecord.model_validate_json(written) == batch:
                    return
            await asyncio.sleep(0.02)


async def test_five_orders_of_one_recording_analyse_it_once(place: Workplace) -> None:
    async with place.working():
        orders = [place.order(f"m{number}", f"ok {number}") for number in range(5)]
        batches = await asyncio.gather(*orders)
        ended = [await place.ended(batch) for batch in batches]

    record = await place.ledger.take(take(TAKE).id)
    assert [batch.state for batch in ended] == [BatchState.DELIVERED] * 5
    assert record is not None
    assert (record.state, record.analyses) == (TakeState.READY, 1)


async def test_nobody_waits_for_templates_that_others_have_prepared(place: Workplace) -> None:
    async with place.working():
        await place.ended(await place.order("m1", "ok"))
        await place.order("m2", "slow 1", "slow 2", "slow 3")
        record = take(b"another voice")
        await place.put(keys.take(record.id, "source"), b"another voice")
        await place.ledger.open_take(record)

        batch = await place.ended(await place.ledger.open_batch(order("m3", "m1-0", of=record)))

    assert batch.state is BatchState.DELIVERED


async def test_the_same_video_again_is_prepared_without_decoding(place: Workplace) -> None:
    async with place.working():
        await place.ended(await place.order("m1", "ok"))
    async with place.working(child_limit_s=0.0):  # a child would fail
        batch = await place.ended(await place.order("m2", "ok"))

    assert batch.state is BatchState.DELIVERED


async def test_features_of_a_template_are_stored_for_other_workers(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok"))

    template = await place.ledger.template(batch.clips[0].template_id)
    assert template is not None
    assert await place.store.get_bytes(keys.prepared(template.sha256, "fake.npz")) == b"features"


UNMEASURED = {
    "av_offset_s": None,
    "mouth": dict.fromkeys(FLAGGED["mouth"]),
    "outside_psnr_db": None,
    "flags": None,
}


async def test_what_the_check_found_stands_in_the_manifest(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "flagged", "ok"))

    with await archive_of(place.store, batch) as archive:
        clips = json.loads(archive.read("manifest.json"))["clips"]
    assert batch.state is BatchState.DELIVERED
    assert {name: clips[0][name] for name in FLAGGED} == FLAGGED
    assert {name: clips[1][name] for name in UNMEASURED} == UNMEASURED
    assert (clips[1]["frames"], clips[1]["fps"]) == (25, 25.0)


@pytest.mark.parametrize("mishap", ["unchecked", "crash checking", "hang checking"])
async def test_a_check_that_fails_fails_no_clip(place: Workplace, mishap: str) -> None:
    async with place.working(quiet_s=0.8) as foreman:
        batch = await place.ended(await place.order("m1", mishap))
        foreman._link._quiet_s = PATIENCE_S  # who is but slow from now on does not hang
        after = await place.ended(await place.order("m2", "flagged"))

    assert (batch.state, after.state) == (BatchState.DELIVERED, BatchState.DELIVERED)
    assert batch.clips[0].result.flags is None
    assert after.clips[0].result.flags == (Flag.TRACKING, Flag.SILENCE)


async def test_a_clip_is_checked_while_it_is_uploaded_and_the_next_one_renders(
    place: Workplace,
) -> None:
    async with place.working():
        batch = await place.order("m1", "hang checking", "ok")
        await place.until(batch, lambda batch: states(batch) == [ClipState.STORING, ClipState.DONE])
        async with asyncio.timeout(PATIENCE_S):
            while not (
                found := [facts async for facts in place.store.list(f"clips/{batch.id}/001-")]
            ):
                await asyncio.sleep(0.02)
        seen = await place.ledger.batch(batch.id)

    assert [facts.size_bytes > 0 for facts in found] == [True]
    assert seen is not None
    assert states(seen) == [ClipState.STORING, ClipState.DONE]  # it is being checked all the time


def states(batch: BatchRecord) -> list[ClipState]:
    return [clip.state for clip in batch.clips]


async def test_a_clip_that_is_cancelled_while_it_is_checked_is_not_waited_for_and_no_longer_checked(
    place: Workplace,
) -> None:
    async with place.working():
        batch = await place.order("m1", "hang checking")
        await place.until(batch, lambda batch: batch.clips[0].state is ClipState.STORING)
        await place.ledger.cancel(batch.id)
        ended = await place.until(batch, over)
        async with asyncio.timeout(PATIENCE_S):
            while not list(place.folder.rglob("unwanted")):
                await asyncio.sleep(0.02)

    assert ended.state is BatchState.CANCELLED


async def test_one_bad_video_of_three_costs_only_its_clip(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "reject", "fine"))

    with await archive_of(place.store, batch) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert batch.state is BatchState.PARTIAL
    assert batch.clips[1].reason == Reason(code=Code.NO_FACE, facts={"frame": 0, "second": 0})
    assert names == ["output_001_m1-0.mp4", "output_003_m1-2.mp4", "manifest.json"]
    assert manifest["clips"][1]["reason"]["code"] == "no_face"


async def test_a_recording_that_kills_its_child_is_unreadable(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", recording=b"die"))

    assert batch.state is BatchState.FAILED
    assert batch.clips[0].reason == Reason(code=Code.UNREADABLE, facts={"name": "voice.ogg"})


async def test_a_child_that_somebody_killed_says_nothing_of_its_material(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "die once", recording=b"die once"))

    assert batch.state is BatchState.DELIVERED


async def test_a_fault_of_the_child_is_an_incident_and_can_be_retried(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", recording=b"fail"))
        await place.put(keys.take(take(b"fail").id, "source"), b"fine now")
        await place.ledger.retry(batch.id)
        again = await place.ended(batch)

    reason = batch.clips[0].reason
    assert reason is not None
    assert reason.code is Code.INCIDENT
    assert reason.incident
    assert (again.state, again.round) == (BatchState.DELIVERED, 2)


async def test_an_engine_killed_mid_clip_is_replaced_and_the_clip_done(place: Workplace) -> None:
    async with place.working() as foreman:
        batch = await place.order("m1", "endless once")
        await place.until(batch, begun)
        before = foreman.engine_pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        ended = await place.ended(batch)
        after = foreman.engine_pid

    assert ended.state is BatchState.DELIVERED
    assert after not in {None, before}


@pytest.mark.parametrize("poison", ["crash", "fault", "hang"])
async def test_a_poisonous_clip_fails_alone_with_an_incident(
    place: Workplace, poison: str, caplog: pytest.LogCaptureFixture
) -> None:
    quiet_s = 1.5 if poison == "hang" else PATIENCE_S  # else who is but slow does not hang
    async with place.working(slots=3, quiet_s=quiet_s):
        batch = await place.ended(await place.order("m1", "sleep 0.3", poison, "sleep 0.4"))

    reason = batch.clips[1].reason
    assert batch.state is BatchState.PARTIAL
    assert [clip.state for clip in batch.clips] == [
        ClipState.DONE,
        ClipState.FAILED,
        ClipState.DONE,
    ]
    assert reason is not None
    assert reason.code is Code.INCIDENT
    assert f"incident {reason.incident}" in caplog.text


async def test_an_engine_that_raised_is_replaced_before_the_second_try(place: Workplace) -> None:
    async with place.working() as foreman:
        before = foreman.engine_pid
        await place.ended(await place.order("m1", "fault"))
        after = foreman.engine_pid

    assert before != after


async def test_a_clip_stored_by_a_worker_that_died_is_not_rendered_again(place: Workplace) -> None:
    async with place.working():
        earlier = await place.ended(await place.order("m1", "ok"))
    made = earlier.clips[0].result
    assert made is not None
    batch = await place.ledger.open_batch(order("m2", "m1-0"))
    lease = await drawn(place.ledger)
    key = keys.clip(batch.id, 1, lease.fence)
    copy = made.model_copy(update={"key": key, "engine": "the dead one's"})
    await place.put(copy.key, await place.store.get_bytes(made.key))
    await place.put(keys.clip_result(copy.key), copy.model_dump_json().encode())
    await place.ledger._client.zadd("chorus:leases", {lease.item: 1})

    async with place.working():
        ended = await place.ended(batch)

    assert ended.state is BatchState.DELIVERED
    assert ended.clips[0].result == copy


async def test_a_clip_whose_engine_crashes_once_succeeds_the_second_time(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "crash once"))

    assert batch.state is BatchState.DELIVERED


async def test_what_the_engine_rejects_is_not_tried_again(place: Workplace) -> None:
    async with place.working() as foreman:
        before = foreman.engine_pid
        batch = await place.ended(await place.order("m1", "missing"))
        after = foreman.engine_pid

    assert batch.clips[0].reason == Reason(
        code=Code.ENGINE_UNAVAILABLE, facts={"engine": "viseme", "advice": "install it"}
    )
    assert before == after


@pytest.mark.parametrize(("video", "within_s"), [("sleep 30", 1.5), ("stubborn", 2.2)])
@pytest.mark.alone
async def test_a_cancelled_clip_ends_soon_and_the_next_one_renders(
    place: Workplace, video: str, within_s: float
) -> None:
    async with place.working():
        batch = await place.order("m1", video, video)
        await place.until(batch, begun)
        started = time.monotonic()
        await place.ledger.cancel(batch.id)
        ended = await place.until(batch, over)
        took_s = time.monotonic() - started
        following = await place.ended(await place.order("m2", "ok"))

    assert ended.state is BatchState.CANCELLED
    assert took_s < within_s
    assert following.state is BatchState.DELIVERED
    assert await place.outcomes() == 1


@pytest.mark.alone
async def test_a_killed_foreman_costs_its_clip_ten_seconds_at_most(place: Workplace) -> None:
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.foreman", place.url, str(place.folder), "2")
    )
    try:
        batch = await place.order("m1", "ok", "endless once")
        await place.until(batch, lambda seen: seen.done == 1 and seen.clips[1].done > 0)
        children = psutil.Process(other.pid).children(recursive=True)
        async with place.working():
            other.kill()
            started = time.monotonic()
            _, orphans = await asyncio.to_thread(psutil.wait_procs, children, 2)
            ended = await place.ended(batch)
            took_s = time.monotonic() - started
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()

    assert ended.state is BatchState.DELIVERED
    assert [clip.attempts for clip in ended.clips] == [1, 2]
    assert children
    assert orphans == []
    assert took_s < 10
    assert await place.outcomes() == 1


async def test_a_foreman_told_to_end_hands_its_clip_back_at_once(place: Workplace) -> None:
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.foreman", place.url, str(place.folder)
    )
    try:
        batch = await place.order("m1", "endless once")
        await place.until(batch, begun)
        other.terminate()
        code = await asyncio.wait_for(other.wait(), PATIENCE_S)
    finally:
        if other.returncode is None:
            other.kill()
            await other.wait()

    handed_back = await place.ledger.batch(batch.id)
    assert code == 0
    assert handed_back is not None
    assert handed_back.clips[0].state is ClipState.WAITING
    assert (await place.ledger.outlook(batch.id)).ahead == 0
    assert await place.ledger.workers() == 0
    assert not list((place.folder / "work" / "scratch").iterdir())


async def test_what_failed_is_rendered_again_and_only_that(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "crash"))
        done_before = batch.clips[0].result
        assert done_before is not None
        folder = place.folder / "work" / "cache" / f"template-{await sha_of(place, batch, 1)}"
        (folder / "source").write_text("ok")  # it was the machine's fault: now it works
        await place.ledger.retry(batch.id)
        again = await place.ended(batch)

    assert batch.state is BatchState.PARTIAL
    assert again.state is BatchState.DELIVERED
    assert again.archive_key == keys.archive(batch.id, 2)
    assert again.clips[0].result == done_before


async def sha_of(place: Workplace, batch: BatchRecord, index: int) -> str:
    template = await place.ledger.template(batch.clips[index].template_id)
    assert template is not None
    return template.sha256


async def test_a_clip_waits_for_a_store_that_is_away_while_the_next_renders(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = asyncio.Event()
    put_file = place.store.put_file

    async def away(key: str, path: Path, content_type: str = "") -> None:
        if key.startswith("clips/") and not back.is_set():
            raise StoreUnavailable("the store is away")
        await put_file(key, path, content_type)

    monkeypatch.setattr(place.store, "put_file", away)
    async with place.working():
        batch = await place.order("m1", "ok 1", "ok 2")
        waiting = await place.until(
            batch, lambda seen: all(clip.state is ClipState.STORING for clip in seen.clips)
        )
        back.set()
        ended = await place.ended(batch)

    assert waiting.state is BatchState.RENDERING
    assert ended.state is BatchState.DELIVERED


async def test_a_worker_that_stalled_writes_over_nothing_when_it_wakes(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file, stalled = place.store.put_file, list[str]()

    async def stall_once(key: str, path: Path, content_type: str = "") -> None:
        if key.startswith("clips/") and not stalled:
            stalled.append(key)
            await lose_lease(place, f"clip:{key.split('/')[1]}:1")
            await asyncio.Event().wait()
        await put_file(key, path, content_type)

    monkeypatch.setattr(place.store, "put_file", stall_once)
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok"))
        await place.put(stalled[0], b"what the other one had made")

    with await archive_of(place.store, batch) as archive:
        broken = archive.testzip()
    assert batch.clips[0].attempts == 2
    assert broken is None


async def lose_lease(place: Workplace, item: str) -> None:
    """Have a lease lapse and be taken over, though its holder lives, and may renew it at any moment."""
    client, name = place.ledger._client, keys.redis("item", item)
    fence = await client.hget(name, "fence")
    while await client.hget(name, "fence") == fence:
        await client.zadd("chorus:leases", {item: 1}, xx=True)
        await place.ledger.desk.sweep()


async def test_a_clip_gone_from_the_store_is_named_in_the_manifest(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "crash", "ok too"))
        made = batch.clips[0].result
        assert made is not None
        await place.store.delete(made.key)
        await place.ledger.retry(batch.id)
        again = await place.ended(batch)

    with await archive_of(place.store, again) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        names = archive.namelist()
    assert names == ["output_003_m1-2.mp4", "manifest.json"]
    assert manifest["clips"][0]["state"] == "missing"
    assert again.clips[0].reason == Reason(code=Code.CLIP_GONE)


async def test_of_an_order_whose_clips_are_all_gone_no_archive_is_made(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "crash"))
        made = batch.clips[0].result
        assert made is not None
        await place.store.delete(made.key)
        await place.ledger.retry(batch.id)
        again = await place.ended(batch)

    archives = [facts.key async for facts in place.store.list(keys.ARCHIVES)]
    assert (again.state, again.archives) == (BatchState.FAILED, ())
    assert archives == [batch.archive_key]  # of the round before
    assert again.clips[0].reason == Reason(code=Code.CLIP_GONE)


class LosingStore:
    """A store that loses a Clip in the moment when its Archive is packed."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self.lost = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def put_archive(self, key, entries, modified_at, near, noted):  # type: ignore[no-untyped-def]
        if not self.lost:
            self.lost += 1
            await self._inner.delete(entries[0].key)
        return await self._inner.put_archive(key, entries, modified_at, near)


async def test_a_clip_that_vanishes_while_its_archive_is_packed_is_named_and_made_again_on_demand(
    place: Workplace,
) -> None:
    place.store = LosingStore(place.store)  # type: ignore[assignment]
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok 1", "ok 2"))
        await place.ledger.retry(batch.id)
        again = await place.ended(batch)

    with await archive_of(place.store, batch) as archive:
        names, broken = archive.namelist(), archive.testzip()
        told = json.loads(archive.read("manifest.json"))["clips"]
    assert (batch.state, broken) == (BatchState.PARTIAL, None)
    assert names == ["output_002_m1-1.mp4", "manifest.json"]
    assert [each["state"] for each in told] == ["missing", "done"]
    assert told[0]["reason"] == {"code": "clip_gone", "facts": {}}
    assert again.state is BatchState.DELIVERED
    with await archive_of(place.store, again) as archive:
        assert len(archive.namelist()) == 3


async def test_a_take_that_is_told_about_is_told_once(place: Workplace) -> None:
    async with place.working():
        batch = await place.order("m1", "ok", teller=teller())
        await place.ended(batch)
        await place.ledger.open_take(take(TAKE), teller())

    box = place.ledger.outbox("console:test", "me")
    told = [await asyncio.wait_for(anext(box), PATIENCE_S) for _ in range(3)]
    await box.aclose()  # type: ignore[attr-defined]
    assert sorted(utterance.kind for _, utterance in told) == ["outcome", "take", "take"]


WALL = SentPicture(sha256="ab" * 32, name="wall.jpg")
ON_WALL = OrderOptions(background=OrderedBackground(picture=WALL))


async def test_the_engine_is_asked_for_what_was_ordered_and_labels_in_the_name_of_the_operator(
    place: Workplace,
) -> None:
    options = OrderOptions(
        playing="loop", trim=True, background=OrderedBackground(colour="#00aaff")
    )
    async with place.working(label=LabelRules(producer="Example-Ltd", text="AI", seconds=2.0)):
        batch = await place.ended(await place.order("m1", "tell", options=options))

    with await archive_of(place.store, batch) as archive:
        asked = json.loads(archive.read("output_001_m1-0.mp4"))
        manifest = json.loads(archive.read("manifest.json"))
    assert (asked["playing"], asked["sound"]["trim"]) == ("loop", True)
    assert asked["background"]["colour"] == "#00aaff"
    assert asked["label"] == {
        "text": "AI",
        "seconds": 2.0,
        "producer": "Example-Ltd",
        "produce_id": f"{batch.id}-1",
    }
    assert manifest["options"] == options.model_dump(mode="json")


async def test_a_picture_is_decoded_in_a_child_and_handed_to_the_engine(place: Workplace) -> None:
    await place.put(keys.picture(WALL.sha256), b"pixels")
    async with place.working():
        batch = await place.ended(await place.order("m1", "tell", options=ON_WALL))

    with await archive_of(place.store, batch) as archive:
        asked = json.loads(archive.read("output_001_m1-0.mp4"))
        handed = Path(asked["background"]["picture"])
    assert await asyncio.to_thread(handed.read_text) == "picture.png of pixels"


async def test_a_picture_that_is_no_good_fails_the_clips_with_that_reason(place: Workplace) -> None:
    await place.put(keys.picture(WALL.sha256), b"reject")
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "ok 2", options=ON_WALL))

    reason = Reason(code=Code.BACKGROUND_UNREADABLE, facts={"name": "wall.jpg"})
    assert [clip.reason for clip in batch.clips] == [reason, reason]


async def test_a_picture_that_is_no_longer_kept_fails_the_clip_with_that_reason(
    place: Workplace,
) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", options=ON_WALL))

    reason = Reason(code=Code.BACKGROUND_GONE, facts={"name": "wall.jpg"})
    assert batch.clips[0].reason == reason


async def test_a_background_that_could_not_be_replaced_is_told_and_fails_nothing(
    place: Workplace,
) -> None:
    options = OrderOptions(background=OrderedBackground(blur=True))
    async with place.working():
        batch = await place.ended(await place.order("m1", "kept", "ok", options=options))

    with await archive_of(place.store, batch) as archive:
        clips = json.loads(archive.read("manifest.json"))["clips"]
    assert batch.state is BatchState.DELIVERED
    assert [clip["background_kept"] for clip in clips] == [True, False]


@pytest.mark.parametrize(
    ("options", "content"),
    [
        (OrderOptions(), "captions{} of words"),
        (OrderOptions(captions="burned"), "captions{} of words"),
        (OrderOptions(trim=True), "captions-trimmed{} of words"),
    ],
)
async def test_captions_come_with_the_archive_and_stand_in_its_manifest(
    place: Workplace, options: OrderOptions, content: str
) -> None:
    async with place.working():
        batch = await place.ended(
            await place.order("m1", "ok", recording=b"words", options=options)
        )

    with await archive_of(place.store, batch) as archive:
        names = archive.namelist()
        written = {name: archive.read(name).decode() for name in names if "captions" in name}
        manifest = json.loads(archive.read("manifest.json"))
    assert names[1:] == ["captions.srt", "captions.vtt", "manifest.json"]
    assert written == {f"captions{end}": content.format(end) for end in (".srt", ".vtt")}
    assert manifest["captions"] == ["captions.srt", "captions.vtt"]
    assert manifest["take"]["remarks"] == [{"code": "noisy", "facts": {"snr_db": 9.0}}]


@pytest.mark.parametrize(
    ("recording", "options"), [(b"words", OrderOptions(captions="off")), (TAKE, OrderOptions())]
)
async def test_no_captions_come_where_nobody_wants_them_or_no_words_are_known(
    place: Workplace, recording: bytes, options: OrderOptions
) -> None:
    async with place.working():
        batch = await place.ended(
            await place.order("m1", "ok", recording=recording, options=options)
        )

    with await archive_of(place.store, batch) as archive:
        assert archive.namelist() == ["output_001_m1-0.mp4", "manifest.json"]


async def test_what_was_heard_and_remarked_stands_in_the_record_of_the_take(
    place: Workplace,
) -> None:
    async with place.working():
        await place.ended(await place.order("m1", "ok", recording=b"words"))

    known = await place.ledger.take(take(b"words").id)
    assert known is not None
    assert known.words == 3
    assert [(each.code, each.facts) for each in known.remarks] == [
        (RemarkCode.NOISY, {"snr_db": 9.0})
    ]


async def test_a_ticket_that_comes_while_the_foreman_ends_leaves_no_work_half_begun(
    place: Workplace,
) -> None:
    begun: list[str] = []

    async def work() -> None:
        begun.append("work")

    async with place.working() as foreman:
        pass
    late = work()
    with pytest.raises(RuntimeError):  # its tasks have ended
        foreman._start(late)

    assert (begun, late.cr_frame) == (
        [],
        None,
    )  # closed, so nobody is told that it was never awaited
