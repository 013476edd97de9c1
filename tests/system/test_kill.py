"""kill -9 of any process while a Clip is being made: it is restarted, the Batch ends, and is told once."""

import contextlib
import os
import signal

import psutil
import pytest

from tests.system.conversation import presenter, recording, scene, stock
from worker.contract.records import BatchState, ClipState


def part(name):
    def pid(system):
        return next(part.pid for part in system.supervisor.parts if part.name == name)

    return pid


def engine(system):
    for child in psutil.Process(part("worker")(system)).children():
        with contextlib.suppress(psutil.Error):  # a disposable one that has just ended
            if "config.engine" in child.cmdline():
                return child.pid
    raise LookupError("no engine runs")


def keeper(system):
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "config.redis_keeper" in command and str(system.settings.data_dir) in command:
            return process.pid
    raise LookupError("no keeper runs")


def server(system):
    return psutil.Process(keeper(system)).children()[0].pid


@pytest.mark.slow
@pytest.mark.parametrize(
    "victim",
    [
        pytest.param(engine, id="engine"),
        pytest.param(part("worker"), id="foreman"),
        pytest.param(part("front end"), id="bot"),
        pytest.param(keeper, id="keeper of Redis"),
        pytest.param(server, id="Redis"),
    ],
)
async def test_a_batch_survives_the_kill_of(victim, tmp_path):
    async with scene(tmp_path / "data") as here:
        await stock(here.hand, presenter(tmp_path))
        await here.hand_in(recording(tmp_path, repeats=2))
        await here.ask("1 go")
        await here.batch_that(
            lambda batch: batch.clips[0].state is ClipState.RENDERING and batch.clips[0].done > 0
        )

        os.kill(victim(here.system), signal.SIGKILL)
        batch = await here.ended()
        told = here.told_with_links()

    assert batch.state is BatchState.DELIVERED
    assert [clip.state for clip in batch.clips] == [ClipState.DONE]
    assert len(told) == 1
