"""Figures: what each process counts, and times, until they are added up in Redis for all processes together.

Standard library only, so that every room may count. Labels are closed lists: never a person, a chat or a Batch.
"""

import bisect
import math
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

Stage = Literal["take", "template", "render", "encode", "store", "pack", "delivery"]

STAGES: Final[tuple[Stage, ...]] = (
    "take",
    "template",
    "render",
    "encode",
    "store",
    "pack",
    "delivery",
)
BOUNDS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Upper bounds of the histograms' buckets; what takes longer is counted as well."""

_RATIO: Final = 1.1
"""Of the bounds of what a median is taken of: it is right within a twentieth."""

Spread = Literal["waited", "rendered"]
Count = Literal[
    "orders", "clips", "failures", "posts", "throttles", "refused_callbacks", "downloads", "loads"
]


class Figures:
    """What was counted and not yet taken; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def count(self, what: Count, label: str = "", by: int = 1) -> None:
        """Count something, under at most one label."""
        with self._lock:
            self._counted[f"{what} {label}".strip()] += by

    def time(self, stage: Stage, seconds: float) -> None:
        """Note how long a stage took."""
        bucket = bisect.bisect_left(BOUNDS_S, seconds)
        with self._lock:
            self._counted[f"stage {stage} {bucket}"] += 1
            name = f"seconds {stage}"
            self._seconds[name] = self._seconds.get(name, 0.0) + max(seconds, 0.0)

    def spread(self, what: Spread, seconds: float) -> None:
        """Note a duration whose median people ask for."""
        with self._lock:
            self._counted[f"{what} {round(math.log(max(seconds, 0.01), _RATIO))}"] += 1

    def take(self) -> Mapping[str, float]:
        """What came since the last time, by name; it is the caller's now."""
        with self._lock:
            taken = {**self._counted, **self._seconds}
            self._counted.clear()
            self._seconds.clear()
        return taken

    def put_back(self, taken: Mapping[str, float]) -> None:
        """It could not be added up; another time."""
        with self._lock:
            for name, value in taken.items():
                if name.startswith("seconds "):
                    self._seconds[name] = self._seconds.get(name, 0.0) + value
                else:
                    self._counted[name] += round(value)


def median_s(counted: Mapping[str, float], what: Spread) -> float | None:
    """The median of what was noted, in seconds; None if nothing was."""
    named = [name.split(" ") for name in counted if name.startswith(f"{what} ")]
    buckets = sorted((int(bucket), counted[f"{what} {bucket}"]) for _, bucket in named)
    left = sum(count for _, count in buckets) / 2
    for bucket, count in buckets:
        left -= count
        if left <= 0:
            return float(_RATIO**bucket)
    return None


FIGURES: Final = Figures()
"""Those of this process."""
