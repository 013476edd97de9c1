"""Child processes: none is left that nobody waited for."""

import asyncio
import contextlib

from worker.children import reaped


async def test_a_killed_process_is_waited_for_however_often_that_is_cancelled() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60")
    waiting = asyncio.create_task(reaped(process))
    for _ in range(3):
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.sleep(0)
    ended_before = waiting.done()

    process.kill()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting

    assert not ended_before
    assert waiting.cancelled()
    assert process.returncode == -9
