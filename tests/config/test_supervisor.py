import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from config.supervisor import Part, PartFailed, Supervisor

MODULE = "tests.config.fake_part"
PATIENCE_S = 60.0


@contextlib.asynccontextmanager
async def running(supervisor):
    task = asyncio.create_task(supervisor.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await supervisor.ready()
            yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def other_pid(part: Part, old: int) -> int:
    while part.pid in (None, old):
        await asyncio.sleep(0)
    assert part.pid is not None
    return part.pid


async def test_what_the_ready_line_said_is_known():
    part = Part("bot", MODULE)

    async with running(Supervisor([part])):
        said = part.said

    assert said == {"event": "ready", "door": "here"}


async def test_a_killed_part_is_started_again():
    part = Part("bot", MODULE)

    async with running(Supervisor([part])):
        first = part.pid
        os.kill(first, signal.SIGKILL)
        second = await other_pid(part, first)

    assert second != first
    assert part.starts == 2


async def test_who_is_asked_twice_at_the_same_moment_hears_it_twice():
    part = Part("worker", MODULE, ["--drains"], stop_s=10 * PATIENCE_S)
    supervisor = Supervisor([part])
    task = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(supervisor.ready(), PATIENCE_S)
    assert part.pid is not None
    process = psutil.Process(part.pid)

    async with asyncio.timeout(PATIENCE_S):
        process.suspend()  # it takes neither before both are there
        while process.status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0)
        task.cancel()
        while not is_due(process.pid, signal.SIGTERM):
            await asyncio.sleep(0)
    supervisor.hurry()
    process.resume()

    ended, _ = await asyncio.wait([task], timeout=PATIENCE_S)
    assert ended == {task}


def is_due(pid: int, number: signal.Signals) -> bool:
    """Whether a signal was sent to a process that has not taken it yet (proc(5))."""
    told = Path(f"/proc/{pid}/status").read_text()
    sent = next(line for line in told.splitlines() if line.startswith("ShdPnd:"))
    return bool(int(sent.split()[1], 16) >> (number - 1) & 1)


async def test_leaving_stops_every_part():
    parts = [Part("bot", MODULE), Part("worker", MODULE)]

    async with running(Supervisor(parts)):
        pids = [part.pid for part in parts]

    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_part_that_never_comes_up_ends_everything_with_its_last_words(tmp_path):
    part = Part("bot", MODULE, ["--fail"], log_file=tmp_path / "bot.log")

    with pytest.raises(PartFailed, match="the key does not fit"):
        await Supervisor([part, Part("worker", MODULE)]).run()


SUPERVISE = f"""
import asyncio
from config.supervisor import Part, Supervisor
part = Part("bot", {MODULE!r})
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(Supervisor([part]).run())
        await part.ready.wait()
        print(part.pid, flush=True)
asyncio.run(main())
"""


@pytest.mark.alone
def test_parts_end_within_two_seconds_of_a_sigkill_of_their_parent():
    parent = subprocess.Popen([sys.executable, "-c", SUPERVISE], stdout=subprocess.PIPE, text=True)
    part = psutil.Process(int(parent.stdout.readline()))

    parent.kill()
    parent.communicate()

    gone, _ = psutil.wait_procs([part], timeout=2)
    assert gone == [part]


GRANDCHILD = """
import os, subprocess, sys
from worker.children import die_with_parent
os.nice(7)
subprocess.run([sys.executable, "-c", "print(open('/proc/self/autogroup').read())"], start_new_session=True,
    preexec_fn=die_with_parent())
"""


AUTOGROUP = Path("/proc/self/autogroup")


def of_session(pid: int) -> str:
    return Path(f"/proc/{pid}/autogroup").read_text()


def of_a_grandchild() -> str:
    """How a session weighs that was begun by a process that stands back."""
    command = [sys.executable, "-c", GRANDCHILD]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="the kernel has no autogroups")
async def test_who_stands_back_does_so_as_a_session_and_with_all_its_children():
    part = Part("worker", MODULE, niceness=10)

    async with running(Supervisor([part])):
        niceness = psutil.Process(part.pid).nice()
        session = of_session(part.pid)

    assert niceness == os.nice(0) + 10
    assert session.endswith(f"nice {niceness}\n")
    assert f"nice {os.nice(0) + 7}" in of_a_grandchild()
