"""Memory of parts on their way: given back when they are gone, so that it stays flat however much is sent."""

import contextlib
import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # malloc.h of the GNU C library
_LARGE_BYTES: Final = 1 << 20


def give_back_large_blocks() -> None:
    """Have blocks from 1 MiB on lie apart, and go back to the system when they are freed; for this whole process.

    The GNU library raises that threshold by itself, up to 32 MiB, whenever such a block is freed (mallopt(3)). Then parts
    of an upload come from heaps that each thread has of its own and that only grow: packing 4 GiB took 137 MiB above idle,
    and takes 41 like this. It costs about a second of a processor for each GiB, for pages that are new every time.
    Other libraries have no such call, and no such habit.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
