"""How long a Batch will still take, measured on the Batch itself."""

from collections import deque
from typing import Final

from worker.contract.records import BatchRecord, ClipState

_SAMPLES: Final = 24
_LEAST_S: Final = 3.0
_LEAST_SHARE: Final = 0.02


class Stopwatch:
    """Watches how much of a Batch is done, and extends the line."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)

    def look(self, batch: BatchRecord, share: float, now_s: float) -> None:
        """Note a share of 0.0 to 1.0 at a moment of a steady clock; a new round begins anew."""
        if self._seen and share < self._seen[-1][1]:
            self._seen.clear()
        begun = any(clip.state is not ClipState.WAITING for clip in batch.clips)
        if begun and (not self._seen or now_s - self._seen[-1][0] >= 0.5):
            self._seen.append((now_s, share))

    def left_s(self, now_s: float) -> float | None:
        """Seconds until it is done at the pace of the last looks; None while too little was seen."""
        if len(self._seen) < 2:
            return None
        (began_s, first), (ended_s, last) = self._seen[0], self._seen[-1]
        if ended_s - began_s < _LEAST_S or last - first < _LEAST_SHARE:
            return None
        pace = (last - first) / (ended_s - began_s)
        return max((1.0 - last) / pace - (now_s - ended_s), 0.0)
