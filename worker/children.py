"""Child processes that never outlive us.

A child asks the kernel for a signal when its parent ends (``PR_SET_PDEATHSIG``, prctl(2)), so that even a
SIGKILLed parent leaves nothing behind. The signal fires when the *thread* that spawned the child ends:
spawn from the main thread.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)  # opened here: after fork() nothing may be loaded


def die_with_parent(signal_number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A ``preexec_fn`` that has the child sent ``signal_number`` when this process ends.

    If we stand back for others (nice(2)), so does the child. Only Linux has this; elsewhere the child is left as it is.
    """
    parent = os.getpid()

    def in_child() -> None:
        if sys.platform != "linux":
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(0)
        stand_back_as_a_session()

    return in_child


def stand_back_as_a_session() -> None:
    """Have the kernel weigh a new session by its niceness: it divides processors among sessions first (sched(7), autogroup)."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness <= 0:
        return
    try:
        autogroup = os.open("/proc/self/autogroup", os.O_WRONLY)
    except OSError:  # a kernel without it
        return
    with contextlib.suppress(OSError):
        os.write(autogroup, str(niceness).encode())
    os.close(autogroup)


async def reaped(process: Process) -> int:
    """Wait for a process that was killed; returns its exit code. Whoever cancels us meanwhile waits as well.

    It takes but a moment, and a process nobody waited for would trouble the loop that started it.
    """
    waiting = asyncio.ensure_future(process.wait())
    cancelled = False
    while not waiting.done():
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return waiting.result()
