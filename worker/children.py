"""Child processes that never outlive us.

A child asks the kernel for a signal when its parent ends (``PR_SET_PDEATHSIG``, prctl(2)), so that even a
SIGKILLed parent leaves nothing behind. The signal fires when the *thread* that spawned the child ends:
spawn from the main thread.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)  # opened here: after fork() nothing may be loaded


def die_with_parent(signal_number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A ``preexec_fn`` that has the child sent ``signal_number`` when this process ends.

    Only Linux has this; elsewhere the child is left as it is.
    """
    parent = os.getpid()

    def in_child() -> None:
        if sys.platform != "linux":
            return
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(0)

    return in_child
