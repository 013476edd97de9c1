"""One look at everything: what waits, who works on what, which Batches run and which are stuck. For operators."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from worker.contract.records import BatchRecord, BatchState, ClipState
from worker.ledger import RedisLedger
from worker.ledger_scripts import QUEUES

STILL_S: Final = 60.0
"""A Batch without a fact and without a live lease for so long is stuck, unless it only waits its turn."""
_KINDS: Final = ("clip", "take", "lineup", "template", "archive", "record")


@dataclass(frozen=True)
class Leased:
    """One piece of work in somebody's hands."""

    item: str
    worker: str
    since: datetime | None
    attempt: int
    live: bool
    """False: its lease lapsed; it is taken over within a second."""
    idle: bool = False
    """Whether its worker has no engine now."""

    @property
    def kind(self) -> str:
        """What is being done."""
        return self.item.partition(":")[0]

    @property
    def batch_id(self) -> str | None:
        """Whose Batch it belongs to; None for a Take, Template or Lineup."""
        kind, _, rest = self.item.partition(":")
        return rest.partition(":")[0] if kind in {"clip", "archive", "record"} else None


@dataclass(frozen=True)
class Overview:
    """What one moment looks like."""

    at: datetime
    waiting: Mapping[str, int]
    """How many wait, of each kind."""
    oldest_s: Mapping[str, float]
    """For how long the oldest of each queue waits; 0.0 if none does."""
    leases: Sequence[Leased]
    moved: frozenset[str] | None
    """Batches that had a fact in the last STILL_S; None: it was not asked, or there were too many to tell."""

    @property
    def running(self) -> Mapping[str, int]:
        """How much is in somebody's hands, of each kind."""
        counted = Counter(lease.kind for lease in self.leases)
        return {kind: counted[kind] for kind in _KINDS}


class Overlook:
    """Takes looks."""

    def __init__(self, ledger: RedisLedger) -> None:
        """Of this ledger."""
        self._ledger = ledger

    async def look(self, *, movement: bool = False) -> Overview:
        """All but the Batches; with ``movement`` also which of those had a fact lately. Raises LedgerUnavailable."""
        asked_ms = round(STILL_S * 1000) if movement else 0
        queues, leases, moved, now_ms, cut = await self._ledger.scripts.run(
            "overview", asked_ms, *QUEUES
        )
        now = int(now_ms)
        waiting = Counter(dict.fromkeys(_KINDS, 0))
        oldest_s = {}
        for queue, kinds, oldest_ms in queues:
            waiting.update(
                {kind: int(count) for kind, count in zip(kinds[::2], kinds[1::2], strict=True)}
            )
            oldest_s[queue] = max(now - int(float(oldest_ms)), 0) / 1000 if oldest_ms else 0.0
        return Overview(
            at=_moment(now),
            waiting=dict(waiting),
            oldest_s=oldest_s,
            leases=[
                Leased(
                    item=item,
                    worker=worker,
                    since=_moment(int(drawn_ms)) if drawn_ms else None,
                    attempt=int(attempt),
                    live=int(float(until_ms)) >= now,
                    idle=seats == "0",
                )
                for item, until_ms, worker, drawn_ms, attempt, seats in leases
            ],
            moved=frozenset(moved) if movement and not int(cut) else None,
        )

    async def running(self) -> Sequence[BatchRecord]:
        """Batches about which something is still to be done or told, oldest first. Raises LedgerUnavailable."""
        return sorted(await self._ledger.running(), key=lambda batch: batch.id)


def stuck(batch: BatchRecord, seen: Overview) -> bool:
    """Whether nothing happens with a Batch though something should; never because it is merely old, or waits its turn."""
    if seen.moved is None or batch.id in seen.moved or not batch.state.active:
        return False
    if (seen.at - _last_change(batch)).total_seconds() < STILL_S:
        return False
    needed = {batch.order.take_id, *(clip.template_id for clip in batch.clips)}
    for lease in seen.leases:
        subject = lease.item.split(":")[1]
        if _moves(lease, batch) and (lease.batch_id == batch.id or subject in needed):
            return False
    return not _waits_its_turn(batch, seen)


def _moves(lease: Leased, batch: BatchRecord) -> bool:
    """Whether somebody works on it; a Clip of the Batch that is rendered, or another's, needs an engine for that."""
    if not lease.live or not lease.idle or lease.kind != "clip":
        return lease.live
    if lease.batch_id != batch.id:
        return False
    return batch.clips[int(lease.item.split(":")[2]) - 1].state is ClipState.STORING


def _last_change(batch: BatchRecord) -> datetime:
    moments = [batch.created_at, batch.finished_at]
    for clip in batch.clips:
        moments += [clip.queued_at, clip.started_at, clip.ended_at]
    return max(moment for moment in moments if moment is not None)


def _waits_its_turn(batch: BatchRecord, seen: Overview) -> bool:
    """Whether others are being served where it waits."""
    match batch.state:
        case BatchState.QUEUED | BatchState.RENDERING:
            kinds = {"clip"}
        case BatchState.PREPARING:
            kinds = {"take", "template"}
        case BatchState.PACKING:
            kinds = {"archive"}
        case _:
            return False  # it is done, and waits to be told
    return any(_moves(lease, batch) and lease.kind in kinds for lease in seen.leases)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
