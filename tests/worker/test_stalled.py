"""A worker that is stopped (SIGSTOP) and goes on later: its work was taken over, and nothing it does afterwards counts."""

import asyncio
import contextlib
import io
import os
import signal
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from worker.contract.records import BatchState


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


@contextlib.asynccontextmanager
async def another_worker(
    place: Workplace, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A foreman of its own process and with a disk of its own; only Redis and the store are shared."""
    share_store(place, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.foreman", place.url, str(folder)
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def share_store(place: Workplace, folder: Path) -> None:
    folder.mkdir()
    (folder / "store").symlink_to(place.folder / "store")


def stop(pid: int, signal_number: signal.Signals) -> None:
    """To the whole tree: a machine that stands still stands still altogether."""
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        os.kill(process.pid, signal_number)


@pytest.mark.parametrize(
    "stalled_s",
    [
        pytest.param(0.0, id="until its clip is done elsewhere"),
        pytest.param(30.0, id="for 30 s", marks=pytest.mark.slow),
    ],
)
async def test_nothing_counts_that_a_worker_does_after_it_stood_still(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stalled_s: float
) -> None:
    monkeypatch.setenv("MET", str(tmp_path))
    async with another_worker(place, tmp_path / "other") as stalled:
        batch = await place.order("m1", "endless once")
        await place.until(batch, lambda seen: seen.clips[0].done > 0)
        stop(stalled.pid, signal.SIGSTOP)
        stood = asyncio.create_task(asyncio.sleep(stalled_s))
        async with place.working():
            ended = await place.ended(batch)
            await stood
            stored = await everything(place)
            (tmp_path / "met go on").touch()  # it may render its Clip to the end
            stop(stalled.pid, signal.SIGCONT)
            following = await place.order("m2", "sleep 0.2", "sleep 0.2", "sleep 0.2", "sleep 0.2")
            following = await place.ended(following)
            await until_it_has_let_go(place, stalled.pid)
            afterwards = await place.ledger.batch(batch.id)
            archive = ended.archives[0]
            content = await place.store.get_bytes(archive.key)

    assert ended.state is BatchState.DELIVERED
    assert ended.clips[0].attempts == 2
    assert afterwards == ended
    assert following.state is BatchState.DELIVERED
    assert {key: size for key, size in (await everything(place)).items() if key in stored} == stored
    assert await place.outcomes() == 2  # one for each order
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


async def everything(place: Workplace) -> dict[str, int]:
    """All objects of the first order, with their sizes."""
    found = [facts async for facts in place.store.list("clips/")]
    return {facts.key: facts.size_bytes for facts in found}


async def until_it_has_let_go(place: Workplace, pid: int) -> None:
    """Until the worker that stood still has noticed that its Clip is somebody else's: its scratch folder is empty."""
    scratch = place.folder / "other" / "work" / "scratch"
    assert scratch.is_dir()
    async with asyncio.timeout(PATIENCE_S):
        while any(entry for folder in scratch.glob(f"{pid}-*") for entry in folder.iterdir()):
            await asyncio.sleep(0.05)
