"""What Prometheus reads at ``/metrics``: the queue as it is, and what all processes counted together.

Front ends and workers add their figures up in Redis (``worker/roster.py``), so one address shows all machines, workers need no
port of their own, and nothing goes back when a process dies. Several front ends show the same figures: ask one of them, or
take ``max`` over them. Labels are closed lists; no person, chat or Batch stands in them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override

from worker.contract.figures import BOUNDS_S, STAGES
from worker.contract.ports import LedgerUnavailable
from worker.ledger import RedisLedger
from worker.overview import Overlook, Overview
from worker.roster import Card, Roster

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_ANSWER_S: Final = 4.0
"""Less than whoever scrapes waits: a Redis that hangs is to be seen as one that is away."""

_COUNTS: Final = {
    "clips": ("chorus_clips", "Clips that ended, by how.", "state"),
    "failures": (
        "chorus_failures",
        "What failed or was rejected, by the code of its reason.",
        "code",
    ),
    "posts": ("chorus_posts", "Messages sent and revised, by platform.", "platform"),
    "throttles": (
        "chorus_throttles",
        "Messages that had to wait for a platform's rate limit.",
        "platform",
    ),
    "refused_callbacks": (
        "chorus_refused_callbacks",
        "Callbacks refused as forged, replayed or broken.",
        "platform",
    ),
    "loads": (
        "chorus_model_loads",
        "Times the models of an engine, or of whisper, were loaded: once for each worker, unless an engine had to make room or weights changed.",
        "engine",
    ),
    "downloads": ("chorus_downloads", "Requests for Links, by what became of them.", "result"),
}


@dataclass(frozen=True)
class Reading:
    """What there is to show at one moment; without Redis only that it is away."""

    overview: Overview | None = None
    cards: Sequence[Card] = ()
    figures: Mapping[str, float] | None = None


class Metrics:
    """Reads and writes what Prometheus asks for."""

    def __init__(self, ledger: RedisLedger, roster: Roster) -> None:
        """Of the same Redis."""
        self._overlook = Overlook(ledger)
        self._roster = roster
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    async def text(self) -> bytes:
        """In Prometheus' own format; while Redis is away it says so, and what this process knows of itself."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                reading = Reading(
                    await self._overlook.look(),
                    await self._roster.cards(),
                    await self._roster.figures(),
                )
        except (LedgerUnavailable, TimeoutError):
            reading = Reading()
        registry = CollectorRegistry()
        registry.register(_Shown(reading))
        return generate_latest(registry) + generate_latest(self._process)


class _Shown(Collector):
    """A Reading as metrics."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @override
    def collect(self) -> Iterable[Metric]:
        overview = self._reading.overview
        yield _gauge(
            "chorus_redis_up", "Whether Redis answers.", [((), float(overview is not None))]
        )
        if overview is None:
            return
        yield from _queues(overview)
        yield from _machines(self._reading.cards)
        yield from _counted(self._reading.figures or {})


def _queues(seen: Overview) -> Iterator[Metric]:
    name, help_ = (
        "chorus_waiting",
        "Work that waits, by kind; waiting Clips are the depth of the queue.",
    )
    yield _gauge(name, help_, [((kind,), n) for kind, n in seen.waiting.items()], "kind")
    name, help_ = "chorus_running", "Work in somebody's hands, by kind."
    yield _gauge(name, help_, [((kind,), n) for kind, n in seen.running.items()], "kind")
    name, help_ = (
        "chorus_oldest_waiting_seconds",
        "For how long the oldest waits, by queue; 0 if none does.",
    )
    yield _gauge(name, help_, [((queue,), s) for queue, s in seen.oldest_s.items()], "queue")


def _machines(cards: Sequence[Card]) -> Iterator[Metric]:
    roles = {role: sum(card.role == role for card in cards) for role in ("worker", "front end")}
    yield _gauge("chorus_workers", "Workers alive.", [((), roles["worker"])])
    yield _gauge("chorus_front_ends", "Front ends alive.", [((), roles["front end"])])
    ready = sum(card.role == "worker" and not card.engine_trouble for card in cards)
    yield _gauge(
        "chorus_workers_ready", "Workers alive whose engine is there, or starts.", [((), ready)]
    )
    disk, gpu_used, gpu_total = {}, {}, {}
    for card in cards:  # several on one host share its disk
        disk[(card.host, card.role)] = float(card.disk_free_bytes)
        if card.gpu_used_bytes is not None and card.gpu_total_bytes is not None:
            gpu_used[(card.host, card.device)] = float(card.gpu_used_bytes)
            gpu_total[(card.host, card.device)] = float(card.gpu_total_bytes)
    yield _gauge("chorus_disk_free_bytes", "Free where DATA_DIR is.", disk.items(), "host", "role")
    yield _gauge(
        "chorus_gpu_memory_used_bytes", "GPU memory in use.", gpu_used.items(), "host", "device"
    )
    yield _gauge(
        "chorus_gpu_memory_total_bytes", "GPU memory there is.", gpu_total.items(), "host", "device"
    )


def _counted(figures: Mapping[str, float]) -> Iterator[Metric]:
    labelled: dict[str, dict[str, float]] = defaultdict(dict)
    for written, value in figures.items():
        what, _, label = written.partition(" ")
        labelled[what][label] = value
    for what, (name, help_, label) in _COUNTS.items():
        family = CounterMetricFamily(name, help_, labels=[label])
        for value_of_label, value in sorted(labelled[what].items()):
            family.add_metric([value_of_label], value)
        yield family
    stages = HistogramMetricFamily("chorus_stage_seconds", "What a stage took.", labels=["stage"])
    for stage in STAGES:
        total, buckets = 0.0, []
        for number, bound in enumerate((*BOUNDS_S, float("inf"))):
            total += labelled["stage"].get(f"{stage} {number}", 0.0)
            buckets.append((floatToGoString(bound), total))  # type: ignore[no-untyped-call]
        stages.add_metric([stage], buckets, labelled["seconds"].get(stage, 0.0))
    yield stages


def _gauge(
    name: str, help_: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str
) -> Metric:
    family = GaugeMetricFamily(name, help_, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family
