"""Whether it is faster to have the store copy bytes, or to send them once more from this disk: as measured so far."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

_REMEMBERED_BYTES: Final = 1 << 30
"""What was measured before as many bytes counts half: networks and stores change."""
_CLEARLY: Final = 0.8
"""Copying has to be faster by so much: the heads of Clips are sent all the same, in parts that are smaller than others."""


class Rates:
    """How long parts took, sent and copied; threads may measure at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sent = self._copied = (0, 0.0)

    @contextlib.contextmanager
    def sending(self, size_bytes: int) -> Iterator[None]:
        """Measure one part that is sent; one that fails counts for nothing."""
        begun = self._clock()
        yield
        with self._lock:
            self._sent = _with(self._sent, size_bytes, self._clock() - begun)

    @contextlib.contextmanager
    def copying(self, size_bytes: int) -> Iterator[None]:
        """Likewise, one that the store copies."""
        begun = self._clock()
        yield
        with self._lock:
            self._copied = _with(self._copied, size_bytes, self._clock() - begun)

    @property
    def copying_pays(self) -> bool:
        """Whether copying takes clearly less time for a byte; true until both are known: it spares the network."""
        with self._lock:
            (sent_bytes, sent_s), (copied_bytes, copied_s) = self._sent, self._copied
        if not sent_bytes or not copied_bytes:
            return True
        return copied_s / copied_bytes < _CLEARLY * sent_s / sent_bytes


def _with(known: tuple[int, float], size_bytes: int, seconds: float) -> tuple[int, float]:
    total = (known[0] + size_bytes, known[1] + seconds)
    return total if total[0] < _REMEMBERED_BYTES else (total[0] // 2, total[1] / 2)
