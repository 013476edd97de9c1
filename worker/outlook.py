"""When a Batch will be done: what its Clips cost, as measured on the last ones of their engine, and who is served before.

Plain functions over plain data; the ledger's ``outlook`` script tells who stands where, ``learn`` in its prelude what was measured.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from worker.contract.records import TemplateRecord

_MOST_PIXELS: Final = 1080 * 1920
"""Larger Templates are scaled down."""
_UNKNOWN_PIXELS, _UNKNOWN_FPS, _UNKNOWN_S = 1280 * 720, 25.0, 10.0
"""Of a Template that is still being prepared."""
_TRUST_AFTER: Final = 0.3
"""So many Clips are believed to cost what they have pixels; more than that decides what else there is to it."""
_FARTHEST: Final = 4.0
"""A fit that strays farther than this factor from the plain rate extrapolates into the blue."""
_SAYS_LITTLE: Final = 0.05
"""Share of a Clip from which its own pace counts."""


@dataclass(frozen=True)
class Work:
    """What one Clip asks of an engine."""

    engine: str
    megapixels: float
    """Rendered in all its frames."""
    template_s: float
    """Length of its Template."""


@dataclass(frozen=True)
class Seat:
    """A Clip on its way: drawn, or waiting in the order of the index."""

    own: bool
    """Whether it is of the Batch that is asked about."""
    work: Work
    elapsed_s: float | None
    """Since it was drawn; None while it waits."""
    share: float = 0.0
    """How much of it is rendered, 0.0-1.0."""


@dataclass(frozen=True)
class Queue:
    """Who is served before the last Clip of a Batch."""

    seats: int
    """Clips that all workers render at a time."""
    clips: Sequence[Seat]
    """Those that are drawn, then those that wait."""
    further: int = 0
    """Clips of others that stand before too, not looked at one by one."""
    outside: int = 0
    """Clips of the Batch that wait for their Take or Template."""


def work_of(engine: str, template: TemplateRecord | None, clip_s: float) -> Work:
    """What a Clip of so many seconds asks for; ``template`` is None when it is gone."""
    pixels = min(template.width_px * template.height_px, _MOST_PIXELS) if template else 0
    fps, template_s = (template.fps, template.duration_s) if template else (0.0, 0.0)
    megapixels = (pixels or _UNKNOWN_PIXELS) * (fps or _UNKNOWN_FPS) * clip_s / 1e6
    return Work(engine, megapixels, template_s or _UNKNOWN_S)


class Rates:
    """What Clips of one engine cost: seconds = a + b · megapixels + c · seconds of the Template, fitted to the last ones.

    A few Clips say only what a megapixel costs; the more there are, the more the rest is believed (ridge regression towards
    that plain rate). Older Clips fade, so that a fleet that became faster is soon known as such.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        """``fields``: the sums that ``learn`` keeps; there must be some."""
        sums = {name: float(value) for name, value in fields.items()}
        self._clips = sums["x11"]
        self.stored_s = sums["stored"] / self._clips
        """From the last frame until the Clip lies in the store."""
        self._mean_s = sums["y1"] / self._clips
        self._per_megapixel_s = sums["y2"] / sums["x22"] if sums["x22"] else 0.0
        self._correction = self._fitted(sums)

    def seconds(self, work: Work) -> float:
        """What a Clip will hold its seat for."""
        if not self._per_megapixel_s:
            return self._mean_s
        plain = self._per_megapixel_s * work.megapixels
        row = (1.0, work.megapixels, work.template_s)
        fitted = plain + sum(c * x for c, x in zip(self._correction, row, strict=True))
        return min(max(fitted, plain / _FARTHEST), max(plain, self._mean_s) * _FARTHEST)

    def _fitted(self, sums: Mapping[str, float]) -> tuple[float, ...]:
        """By how much the three coefficients differ from the plain rate."""
        size = [(sums[f"x{i}{i}"] / self._clips) ** 0.5 or 1.0 for i in (1, 2, 3)]
        rows = []
        for i in range(3):
            cross = [sums[f"x{min(i, j) + 1}{max(i, j) + 1}"] / self._clips for j in range(3)]
            row = [cross[j] / size[i] / size[j] for j in range(3)]
            row[i] += _TRUST_AFTER / self._clips
            left = sums[f"y{i + 1}"] / self._clips - self._per_megapixel_s * cross[1]
            rows.append([*row, left / size[i]])
        return tuple(value / size[i] for i, value in enumerate(_solved(rows)))


def left_s(queue: Queue, rates: Mapping[str, Rates]) -> float | None:
    """Seconds until the last Clip of the Batch lies in the store, if nobody else orders meanwhile; None while nothing is known.

    The seats are filled as the workers fill them: whoever is free first takes the next Clip.
    """
    known = [clip for clip in queue.clips if clip.work.engine in rates]
    if not rates or len(known) < len(queue.clips) or queue.outside or not queue.clips:
        return None
    drawn = [clip for clip in known if clip.elapsed_s is not None]
    waiting = [clip for clip in known if clip.elapsed_s is None]
    free_s = [_rest_s(clip, rates[clip.work.engine]) for clip in drawn]
    stored_s = [rates[clip.work.engine].stored_s for clip in known if clip.own]
    last_s = max((rest for clip, rest in zip(drawn, free_s, strict=True) if clip.own), default=0.0)
    if waiting and not queue.seats:
        return None  # nobody works
    free_s += [0.0] * (queue.seats - len(free_s))
    heapq.heapify(free_s)
    costs = [rates[clip.work.engine].seconds(clip.work) for clip in waiting]
    if queue.further and costs:
        hidden_s = queue.further * sum(costs) / len(costs) / len(free_s)
        free_s = [free + hidden_s for free in free_s]
    for clip, cost in zip(waiting, costs, strict=True):
        ends_s = heapq.heappop(free_s) + cost
        heapq.heappush(free_s, ends_s)
        last_s = max(last_s, ends_s) if clip.own else last_s
    return last_s + max(stored_s, default=0.0)


def _rest_s(clip: Seat, rates: Rates) -> float:
    """What a drawn Clip still needs: by the rate, and the further it is, the more by its own pace."""
    elapsed_s, share = clip.elapsed_s or 0.0, clip.share
    by_rate = max(rates.seconds(clip.work) - elapsed_s, rates.seconds(clip.work) * (1 - share) / 8)
    if share < _SAYS_LITTLE:
        return by_rate
    by_pace = elapsed_s * (1 - share) / share
    return by_rate * (1 - share) + by_pace * share


def _solved(rows: list[list[float]]) -> list[float]:
    """The solution of a small symmetric positive definite system, each row with its right side behind it."""
    count = len(rows)
    for pivot in range(count):
        for row in rows[pivot + 1 :]:
            factor = row[pivot] / rows[pivot][pivot]
            for column in range(pivot, count + 1):
                row[column] -= factor * rows[pivot][column]
    solution = [0.0] * count
    for at in reversed(range(count)):
        known = sum(rows[at][k] * solution[k] for k in range(at + 1, count))
        solution[at] = (rows[at][count] - known) / rows[at][at]
    return solution
