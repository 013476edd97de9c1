"""After Redis lost its memory: templates, recordings, history and running orders come back from the records in the store.

What the ledger knows is never touched, so it may be done at any time, and again. Links need nothing more: they are
signed anew with ``/zip``, and old ones are read with the same secret.

An order that ran goes on: what is finished of it lies in the store, the rest is rendered. Its record was written when it
was opened, so how far it was is asked of the store. It goes on in a new round, whose Archive has a key of its own.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from pydantic import ValidationError

from worker.attempts import finished_attempt
from worker.contract import keys
from worker.contract.ports import ObjectFacts, ObjectMissing, ObjectStore
from worker.contract.records import (
    BatchRecord,
    BatchState,
    ClipRecord,
    ClipState,
    Record,
    TakeRecord,
    TakeState,
    TemplateRecord,
)
from worker.ledger import RedisLedger

log = logging.getLogger(__name__)

Kind = TypeVar("Kind", bound=Record)

_TAKE: Final = "/take.json"
_TEMPLATE: Final = "/template.json"

_AT_ONCE: Final = 16
"""Records read at once: each is small, and may be far away."""

_STALE: Final = timedelta(days=1)
"""A result that was to be told so long ago was told, or nobody waits for it any more."""


@dataclass(frozen=True)
class Rebuilt:
    """How many of each came back."""

    templates: int
    takes: int
    batches: int


async def rebuild(
    ledger: RedisLedger,
    store: ObjectStore,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Rebuilt:
    """Bring back what the ledger does not know. Raises StoreUnavailable, LedgerUnavailable."""
    takes = batches = 0
    templates = await _templates(ledger, store)
    async for take, _ in _records(store, "takes/", _TAKE, TakeRecord):
        if take.state is TakeState.READY:
            takes += await ledger.restore_take(take)
    async for batch, facts in _records(store, keys.BATCHES, ".json", BatchRecord):
        batches += await _batch(ledger, store, batch, clock() - facts.modified_at)
    rebuilt = Rebuilt(templates, takes, batches)
    log.info("back from the store: %s", rebuilt)
    return rebuilt


async def _batch(
    ledger: RedisLedger, store: ObjectStore, batch: BatchRecord, age: timedelta
) -> bool:
    """Bring one Batch back, as what it is by now; False if it is known."""
    if await ledger.batch(batch.id) is not None:
        return False
    if (
        batch.state is BatchState.READY
    ):  # told a moment before, or about to be: nothing shall be lost
        batch = _ended(batch) if age > _STALE else batch
    elif batch.state.active:
        await _take_of(ledger, store, batch)
        batch = await _going_on(store, batch)
    return await ledger.restore_batch(batch)


async def _take_of(ledger: RedisLedger, store: ObjectStore, batch: BatchRecord) -> None:
    """The recording of an order that goes on is listened to once more, if nothing of it was kept but itself."""
    order = batch.order
    if await ledger.take(order.take_id) is not None:
        return
    try:
        source = await store.stat(keys.take(order.take_id, "source"))
    except ObjectMissing:
        return  # then its Clips fail, and people are told why
    await ledger.open_take(
        TakeRecord(
            id=order.take_id,
            name=order.take_name,
            size_bytes=source.size_bytes,
            created_at=source.modified_at,
        )
    )


async def _going_on(store: ObjectStore, batch: BatchRecord) -> BatchRecord:
    """A Batch that ran, with what is finished of it; what is not waits, or ends if somebody had cancelled it."""
    clips = [await _clip(store, batch, clip) for clip in batch.clips]
    return batch.model_copy(
        update={
            "state": BatchState.RENDERING,  # for want of work it is packed, or told, at once
            "clips": tuple(clips),
            "round": batch.round + 1,
            "archive_key": None,
            "archive_size_bytes": 0,
            "archive_name": None,
            "more_archives": (),
            "packed_bytes": 0,
            "reason": None,
        }
    )


async def _clip(store: ObjectStore, batch: BatchRecord, clip: ClipRecord) -> ClipRecord:
    if not clip.state.open:
        return clip
    changes: dict[str, object] = {"done": 0, "total": 0, "attempts": 0, "started_at": None}
    found = await finished_attempt(store, batch.id, clip.number)
    if found is None:
        changes["state"] = ClipState.CANCELLED if batch.cancelled else ClipState.WAITING
    else:
        result, ended_at = found
        frames = {"done": result.frames, "total": result.frames}
        changes |= {"state": ClipState.DONE, "result": result, "ended_at": ended_at, **frames}
    return clip.model_copy(update=changes)


async def _templates(ledger: RedisLedger, store: ObjectStore) -> int:
    """They are prepared once more, which takes no decoding: what was computed of them lies in the store."""
    found = [each async for each, _ in _records(store, "templates/", _TEMPLATE, TemplateRecord)]
    count = 0
    for template in sorted(found, key=lambda each: each.created_at):
        if await ledger.template(template.id) is None:
            await ledger.add_template(template)
            count += 1
    return count


async def _records(
    store: ObjectStore, prefix: str, ending: str, kind: type[Kind]
) -> AsyncIterator[tuple[Kind, ObjectFacts]]:
    """All records of a kind, the newest first where names tell: who waits for an order shall not wait for history."""
    found = [facts async for facts in store.list(prefix) if facts.key.endswith(ending)]
    found.reverse()
    for begin in range(0, len(found), _AT_ONCE):
        some = found[begin : begin + _AT_ONCE]
        read = await asyncio.gather(*(_record(store, facts.key, kind) for facts in some))
        for record, facts in zip(read, some, strict=True):
            if record is not None:
                yield record, facts


async def _record(store: ObjectStore, key: str, kind: type[Kind]) -> Kind | None:
    """One that cannot be read is logged and left out."""
    try:
        return kind.model_validate_json(await store.get_bytes(key))
    except ObjectMissing:
        return None  # removed meanwhile
    except ValidationError as error:
        log.warning("%s is no record: %s", key, error)
        return None


def _ended(batch: BatchRecord) -> BatchRecord:
    """A Batch whose Outcome counts as told."""
    state = BatchState.DELIVERED if batch.done == len(batch.clips) else BatchState.PARTIAL
    return batch.model_copy(update={"state": state})
