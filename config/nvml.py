"""The GPUs of this machine, as their driver tells of them (NVML, the library below nvidia-smi); blocks shortly."""

import contextlib
import statistics
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pynvml

_MIB: Final = 1 << 20
_LOOK_EVERY_S: Final = 0.2
"""The driver tells of the last sixth of a second, or of the last second, as the card has it."""


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


class Busy:
    """How busy a GPU is while it is watched."""

    def __init__(self, uuid: str | None, every_s: float = _LOOK_EVERY_S) -> None:
        """``uuid`` is None where there is none."""
        self._uuid = uuid
        self._every_s = every_s
        self._seen: list[int] = []

    @property
    def percent(self) -> float | None:
        """Share of the time in which it did anything; None where it cannot be asked."""
        return statistics.fmean(self._seen) if self._seen else None

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Look at it now and then until the block ends."""
        if self._uuid is None or not _has_driver():
            yield
            return
        ended = threading.Event()
        looking = threading.Thread(target=self._look, args=(self._uuid, ended), name="gpu")
        looking.start()
        try:
            yield
        finally:
            ended.set()
            looking.join()

    def _look(self, uuid: str, ended: threading.Event) -> None:
        with contextlib.suppress(pynvml.NVMLError):
            gpu = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            while not ended.wait(self._every_s):
                self._seen.append(int(pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu))


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
