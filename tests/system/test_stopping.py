"""``chorus worker`` told to stop, once and twice, while the real engine makes a real Clip."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from bot.stock import add_to_library, sha256_of
from config.settings import Settings
from config.system import Wanted, running_system
from config.wiring import Wires, wires
from tests.system.commands import started
from tests.system.conversation import presenter, recording
from tests.worker.foreman_things import over
from worker.contract import keys
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    ClipState,
    Order,
    Person,
    TakeRecord,
)

pytestmark = pytest.mark.slow
HERE = Chat(platform="console", account="nobody", id="desk")


@contextlib.asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Wires]:
    """Redis and store, and nobody who works."""
    settings = Settings(data_dir=folder, http_port=0, _env_file=None)
    async with running_system(settings, Wanted()) as system, wires(system.settings) as hand:
        yield hand


async def ordered(hand: Wires, folder: Path, clips: int) -> BatchRecord:
    voice = recording(folder, repeats=6)
    take = TakeRecord(
        id=sha256_of(voice),
        name="welcome.wav",
        size_bytes=voice.stat().st_size,
        created_at=datetime.now(UTC),
    )
    await hand.store.put_file(keys.take(take.id, "source"), voice)
    await hand.ledger.open_take(take)
    video = presenter(folder)
    templates = [
        await add_to_library(hand.ledger, hand.store, video, f"mira {number}")
        for number in range(clips)
    ]
    return await hand.ledger.open_batch(
        Order(
            key="m1",
            chat=HERE,
            person=Person(id="ann"),
            take_id=take.id,
            take_name=take.name,
            template_ids=tuple(template.id for template in templates),
        )
    )


async def batch_that(hand: Wires, batch: BatchRecord, is_so) -> BatchRecord:
    async with asyncio.timeout(300):
        while True:
            seen = await hand.ledger.batch(batch.id)
            if is_so(seen):
                return seen
            await asyncio.sleep(0.02)


def rendering(batch: BatchRecord) -> bool:
    return any(clip.state is ClipState.RENDERING and clip.done > 0 for clip in batch.clips)


async def stopped(process: subprocess.Popen) -> tuple[int, list[psutil.Process]]:
    """Tell it to stop: its exit code, and what is left of it."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    code = await asyncio.to_thread(process.wait, 300)
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 2)
    return code, alive


async def test_once_it_finishes_the_clip_in_work_and_takes_no_other(tmp_path: Path) -> None:
    patient = {"CHORUS_DRAIN_S": "280"}
    async with machine(tmp_path / "data") as hand:
        worker = started("worker", data_dir=tmp_path / "data", settings=patient)
        with ended(worker):
            batch = await ordered(hand, tmp_path, clips=3)
            await batch_that(hand, batch, rendering)
            code, alive = await stopped(worker)
            seen = await hand.ledger.batch(batch.id)

    states = [clip.state for clip in seen.clips]
    assert code == 0
    assert alive == []
    assert ClipState.DONE in states
    assert ClipState.WAITING in states
    assert ClipState.RENDERING not in states


async def test_twice_it_stops_at_once_and_another_worker_gets_the_clip(tmp_path: Path) -> None:
    async with machine(tmp_path / "data") as hand:
        worker = started("worker", data_dir=tmp_path / "data")
        with ended(worker):
            batch = await ordered(hand, tmp_path, clips=1)
            await batch_that(hand, batch, rendering)
            worker.send_signal(signal.SIGTERM)
            line = await asyncio.to_thread(until_said, worker, "Stopping")
            asked = time.monotonic()
            code, alive = await stopped(worker)
            took_s = time.monotonic() - asked
            seen = await hand.ledger.batch(batch.id)
        other = started("worker", data_dir=tmp_path / "data")
        with ended(other):
            done = await batch_that(hand, batch, over)

    assert "once more stops at once" in line
    assert code == 0
    assert alive == []
    assert took_s < 5
    assert [clip.state for clip in seen.clips] == [ClipState.WAITING]
    assert done.state is BatchState.READY
    assert [clip.attempts for clip in done.clips] == [
        1
    ]  # what was handed back counts as no attempt


def until_said(process: subprocess.Popen, words: str) -> str:
    return next(line for line in process.stderr if words in line)


@contextlib.contextmanager
def ended(process: subprocess.Popen):
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
