"""The janitor: removes what is kept no longer, never of a Batch that runs nor while somebody downloads it, or did so just now.

What belongs together goes together: a Batch's Clips and Archives, a Take with all that was computed of it. Its age is that
of its newest object; a Take that is sent again is young again. Templates, consents, records and waivers are none of the janitor's business.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from worker.contract import keys
from worker.contract.ports import ObjectFacts, ObjectStore
from worker.contract.records import BatchRecord
from worker.ledger import RedisLedger

log = logging.getLogger(__name__)

_FRESH: Final = timedelta(hours=1)
"""What is younger stays even where the quota is exceeded: somebody is about to order, or to download."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

Kind = Literal["batch", "take", "picture", "lineup"]
_KINDS: Final[dict[str, Kind]] = {
    "clips": "batch",
    "archives": "batch",
    "takes": "take",
    "pictures": "picture",
    "lineups": "lineup",
}


@dataclass(frozen=True)
class Keeping:
    """What the operator decided about keeping things."""

    days: int
    """Takes, Clips, Archives and sent pictures are kept so long."""
    most_bytes: int | None = None
    """What the store may hold; the oldest go first. None: whatever fits."""


@dataclass
class Holding:
    """Objects that go together."""

    kind: Kind
    id: str
    keys: list[str] = field(default_factory=list)
    size_bytes: int = 0
    """On the disk: an Archive that is not written takes no room."""
    used_at: datetime = _LONG_AGO

    def add(self, facts: ObjectFacts, size_bytes: int) -> None:
        """One more object."""
        self.keys.append(facts.key)
        self.size_bytes += size_bytes
        self.used_at = max(self.used_at, facts.modified_at)


class Janitor:
    """Sweeps one store; any number of processes may do so at once."""

    def __init__(
        self,
        ledger: RedisLedger,
        store: ObjectStore,
        keeping: Keeping,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._keeping = keeping
        self._clock = clock

    async def sweep(self) -> None:
        """Remove what is too old, then what is too much; nothing while orders may be missing that need it.

        Raises StoreUnavailable, LedgerUnavailable.
        """
        if await self._ledger.is_blank():
            return
        now = self._clock()
        oldest = now - timedelta(days=self._keeping.days)
        holdings, total_bytes = await self._look()
        left = []
        for holding in holdings:
            if await self._outlived(holding, oldest) and await self._remove(
                holding, "it was kept long enough"
            ):
                total_bytes -= holding.size_bytes
            else:
                left.append(holding)
        await self._make_room(left, total_bytes, now)
        await self._note_what_expired_elsewhere({each.id for each in holdings}, oldest)
        await self._store.clear_unfinished()

    async def _look(self) -> tuple[list[Holding], int]:
        """What there is, the oldest first, and the bytes of the whole store (if there is a quota)."""
        found: dict[tuple[Kind, str], Holding] = {}
        total_bytes = 0
        async for facts in self._listed():
            size_bytes = facts.size_bytes
            if facts.key.startswith(keys.ARCHIVES) and await asyncio.to_thread(
                self._store.is_virtual, facts.key
            ):
                size_bytes = 0
            total_bytes += size_bytes
            prefix, _, rest = facts.key.partition("/")
            kind = _KINDS.get(prefix)
            if kind is not None:
                id_ = rest.partition("/")[0]
                found.setdefault((kind, id_), Holding(kind, id_)).add(facts, size_bytes)
        return sorted(found.values(), key=lambda each: each.used_at), total_bytes

    async def _listed(self) -> AsyncIterator[ObjectFacts]:
        prefixes = _KINDS if self._keeping.most_bytes is None else [""]
        for prefix in prefixes:
            async for facts in self._store.list(f"{prefix}/" if prefix else ""):
                yield facts

    async def _make_room(self, left: Iterable[Holding], total_bytes: int, now: datetime) -> None:
        most_bytes = self._keeping.most_bytes
        if most_bytes is None:
            return
        for holding in left:
            if total_bytes <= most_bytes:
                return
            old_enough = await self._outlived(holding, now - _FRESH)
            if old_enough and await self._remove(holding, "the store is full"):
                total_bytes -= holding.size_bytes
        if total_bytes > most_bytes:
            log.warning(
                "the store holds %.1f MB, %.1f MB more than it should, and all of it is in use",
                total_bytes / 1e6,
                (total_bytes - most_bytes) / 1e6,
            )

    async def _outlived(self, holding: Holding, border: datetime) -> bool:
        """Whether it was used before the border only; a Take is used also when it is sent again."""
        if holding.used_at >= border:
            return False
        sent_at = await self._ledger.take_used_at(holding.id) if holding.kind == "take" else None
        return sent_at is None or sent_at < border

    async def _remove(self, holding: Holding, why: str) -> bool:
        """Remove what goes together, unless it is in use; the ledger knows before the first object goes."""
        if await self._ledger.holds_any(holding.keys) or await self._runs(holding):
            return False
        if await self._ledger.is_blank():  # asked last: it may have become so meanwhile
            return False
        if holding.kind == "batch" and not await self._ledger.desk.expire_batch(holding.id):
            return False
        if holding.kind == "take":
            await self._ledger.desk.forget_take(holding.id)
        for key in holding.keys:
            await self._store.delete(key)
        log.info(
            "%s %s was removed, %d objects of %.1f MB: %s",
            holding.kind,
            holding.id,
            len(holding.keys),
            holding.size_bytes / 1e6,
            why,
        )
        return True

    async def _runs(self, holding: Holding) -> bool:
        """Whether a Batch that is not told yet needs it: asked right before it goes."""
        if holding.kind == "lineup":
            return False
        return any(_needs(batch, holding) for batch in await self._ledger.running())

    async def _note_what_expired_elsewhere(self, seen: set[str], oldest: datetime) -> None:
        """Batches whose objects the store's own lifecycle removed: people are told the same."""
        async for facts in self._store.list(keys.BATCHES):
            batch_id = facts.key.removeprefix(keys.BATCHES).removesuffix(".json")
            if facts.modified_at < oldest and batch_id not in seen:
                batch = await self._ledger.batch(batch_id)
                if batch is not None and batch.done and not batch.expired_at:
                    await self._ledger.desk.expire_batch(batch_id)


def _needs(batch: BatchRecord, holding: Holding) -> bool:
    order = batch.order
    picture = order.options.picture
    wanted = {
        "batch": batch.id,
        "take": order.take_id,
        "picture": picture.sha256 if picture else None,
    }
    return wanted.get(holding.kind) == holding.id
