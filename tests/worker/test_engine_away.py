"""A worker whose engine does not start, or went away for good, keeps nobody waiting, and says so."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import worker.overview
from tests.fakes.foreman import ENGINE
from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from worker.contract.records import BatchRecord, BatchState, ClipState
from worker.foreman import Foreman
from worker.overview import Overlook, stuck

BROKEN = [
    *(sys.executable, "-c"),
    "import sys; print('loading', file=sys.stderr); sys.exit('no kernel image for this device')",
]


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


async def until_it_tells(foreman: Foreman, words: str = "") -> str:
    """Wait until the reason why there is no engine holds these words; returns it."""
    async with asyncio.timeout(PATIENCE_S):
        while not (told := foreman.engine_trouble) or words not in told:
            await asyncio.sleep(0.02)
    return told


async def leases(place: Workplace, kind: str = "clip") -> list[str]:
    seen = await Overlook(place.ledger).look()
    return [lease.item for lease in seen.leases if lease.kind == kind]


async def is_stuck(place: Workplace, batch: BatchRecord) -> bool:
    found = await place.ledger.batch(batch.id)
    assert found is not None
    return stuck(found, await Overlook(place.ledger).look(movement=True))


@pytest.mark.parametrize("command", [["/bin/false"], ["/nowhere/engine"]], ids=["false", "nowhere"])
async def test_a_worker_whose_engine_never_starts_leaves_all_clips_to_another(
    place: Workplace, command: list[str]
) -> None:
    async with place.working(engine_command=command, slots=4), place.working():
        batch = await place.order("m1", *(f"sleep 0.{number}" for number in range(1, 6)))
        ended = await place.ended(batch)

    assert ended.state is BatchState.DELIVERED
    assert [clip.attempts for clip in ended.clips] == [1] * 5


async def test_where_no_engine_starts_nothing_is_drawn_and_the_operator_is_told_why(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker.overview, "STILL_S", 1.0)
    async with place.working(engine_command=BROKEN) as foreman:
        batch = await place.order("m1", "ok")
        await place.until(batch, lambda seen: seen.state is BatchState.QUEUED)
        trouble = await until_it_tells(foreman, "no kernel image")
        async with asyncio.timeout(PATIENCE_S):
            while not await is_stuck(place, batch):
                await asyncio.sleep(0.05)
        drawn = await leases(place)
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger._client.hvals("chorus:seats") != ["0"]:
                await asyncio.sleep(0.05)
        waiting = await place.ledger.batch(batch.id)

    assert drawn == []
    assert waiting is not None
    assert waiting.clips[0].state is ClipState.WAITING
    assert waiting.clips[0].attempts == 0
    assert trouble == "it ended with 1: no kernel image for this device"
    told = [record.message for record in caplog.records if "does not start" in record.message]
    assert any("loading\nno kernel image for this device" in text for text in told)
    assert len(told) == 2  # what it wrote is read from its second start on


def device(folder: Path) -> tuple[list[str], Path]:
    """An engine that starts while its device is there."""
    there = folder / "device"
    there.touch()
    script = 'test -e "$0" || { echo "no device" >&2; exit 3; }; exec "$@"'
    return ["/bin/sh", "-c", script, str(there), *ENGINE], there


def lose(foreman: Foreman, there: Path) -> None:
    there.unlink()
    assert foreman.engine_pid is not None
    os.killpg(foreman.engine_pid, signal.SIGKILL)


@pytest.mark.slow
async def test_clips_aboard_of_an_engine_that_is_gone_are_made_by_another_worker(
    place: Workplace, tmp_path: Path
) -> None:
    command, there = device(tmp_path)
    async with place.working(engine_command=command, slots=2) as foreman:
        batch = await place.order("m1", "endless once", "endless once too")
        await place.until(batch, lambda seen: all(clip.done > 0 for clip in seen.clips))
        lose(foreman, there)
        async with place.working():
            ended = await place.ended(batch)
        await until_it_tells(foreman, "no device")

    assert ended.state is BatchState.DELIVERED
    assert [clip.attempts for clip in ended.clips] == [2, 2]


async def test_alone_a_worker_keeps_the_clips_aboard_for_when_its_engine_is_back(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.overview, "STILL_S", 1.0)
    command, there = device(tmp_path)
    async with place.working(engine_command=command) as foreman:
        batch = await place.order("m1", "endless once", "ok")
        await place.until(batch, lambda seen: seen.clips[0].done > 0)
        lose(foreman, there)
        await until_it_tells(foreman, "no device")
        async with asyncio.timeout(PATIENCE_S):
            while not await is_stuck(place, batch):
                await asyncio.sleep(0.05)
        held = await leases(place)
        there.touch()
        ended = await place.ended(batch)

    assert held == [f"clip:{batch.id}:1"]
    assert ended.state is BatchState.DELIVERED
    assert [clip.attempts for clip in ended.clips] == [1, 1]
    assert foreman.engine_trouble == ""


@pytest.mark.slow
async def test_a_clip_that_kills_every_engine_is_not_handed_on_for_ever(
    place: Workplace, tmp_path: Path
) -> None:
    commands = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        command, there = device(tmp_path / name)
        commands.append((command, there))
    async with contextlib.AsyncExitStack() as stack:
        for command, there in commands:
            slow = ["/bin/sh", "-c", 'test -e "$0.up" && sleep 5; touch "$0.up"; exec "$@"']
            await stack.enter_async_context(
                place.working(engine_command=[*slow, str(there), *command])
            )
        batch = await place.order("m1", "crash", "sleep 0.1", "sleep 0.2")
        ended = await place.ended(batch, within_s=90)

    assert [clip.state for clip in ended.clips] == [
        ClipState.FAILED,
        ClipState.DONE,
        ClipState.DONE,
    ]


async def test_what_waits_for_the_store_stays_with_the_worker_whose_engine_is_gone(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, put_file = asyncio.Event(), place.store.put_file

    async def away(key: str, path: Path, content_type: str = "") -> None:
        if key.startswith("clips/"):
            await back.wait()
        await put_file(key, path, content_type)

    monkeypatch.setattr(place.store, "put_file", away)
    command, there = device(tmp_path)
    async with place.working(engine_command=command) as foreman:
        batch = await place.order("m1", "ok")
        await place.until(batch, lambda seen: seen.clips[0].state is ClipState.STORING)
        lose(foreman, there)
        async with place.working():
            await until_it_tells(foreman, "no device")
            back.set()
            ended = await place.ended(batch)

    assert ended.state is BatchState.DELIVERED
    assert ended.clips[0].attempts == 1
