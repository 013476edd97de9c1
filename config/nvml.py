"""The GPUs of this machine, as their driver tells of them (NVML, the library below nvidia-smi); blocks shortly."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pynvml

_MIB: Final = 1 << 20


@dataclass(frozen=True)
class Gpu:
    """One GPU of this machine."""

    index: int
    uuid: str
    memory_mib: int
    title: str

    @property
    def name(self) -> str:
        """What an operator calls it."""
        return f"cuda:{self.index}"


def gpus() -> Sequence[Gpu]:
    """Those that can be used; none where there is no driver."""
    if not _has_driver():
        return ()
    try:
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return ()
    found = (_gpu(index) for index in range(count))
    return tuple(gpu for gpu in found if gpu is not None)


def gpu_memory(uuid: str) -> tuple[int, int] | None:
    """Used and total bytes of a GPU; None where it cannot be asked."""
    if not _has_driver():
        return None
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(uuid))
    except pynvml.NVMLError:
        return None
    return int(memory.used), int(memory.total)


def _gpu(index: int) -> Gpu | None:
    """None for a card that fails: it has a number, and tells nothing."""
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        uuid, title = pynvml.nvmlDeviceGetUUID(handle), pynvml.nvmlDeviceGetName(handle)
    except pynvml.NVMLError:
        return None
    return Gpu(index, str(uuid), int(memory.total) // _MIB, str(title))


@lru_cache(maxsize=1)
def _has_driver() -> bool:
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        return True
    return False
