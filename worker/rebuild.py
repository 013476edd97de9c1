"""After Redis lost its memory: templates, recordings and history come back from the records in the store.

What the ledger knows is never touched, so it may be done at any time, and again. Links need nothing more: they are
signed anew with ``/zip``, and old ones are read with the same secret.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError

from worker.contract import keys
from worker.contract.ports import ObjectMissing, ObjectStore
from worker.contract.records import (
    BatchRecord,
    BatchState,
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


@dataclass(frozen=True)
class Rebuilt:
    """How many of each came back."""

    templates: int
    takes: int
    batches: int


async def rebuild(ledger: RedisLedger, store: ObjectStore) -> Rebuilt:
    """Bring back what the ledger does not know. Raises StoreUnavailable, LedgerUnavailable."""
    takes = batches = 0
    templates = await _templates(ledger, store)
    async for take in _records(store, "takes/", _TAKE, TakeRecord):
        if take.state is TakeState.READY:
            takes += await ledger.restore_take(take)
    async for batch in _records(store, keys.BATCHES, ".json", BatchRecord):
        batches += await ledger.restore_batch(_ended(batch))
    rebuilt = Rebuilt(templates, takes, batches)
    log.info("back from the store: %s", rebuilt)
    return rebuilt


async def _templates(ledger: RedisLedger, store: ObjectStore) -> int:
    """They are prepared once more, which takes no decoding: what was computed of them lies in the store."""
    found = [each async for each in _records(store, "templates/", _TEMPLATE, TemplateRecord)]
    count = 0
    for template in sorted(found, key=lambda each: each.created_at):
        if await ledger.template(template.id) is None:
            await ledger.add_template(template)
            count += 1
    return count


async def _records(
    store: ObjectStore, prefix: str, ending: str, kind: type[Kind]
) -> AsyncIterator[Kind]:
    """All records of a kind; one that cannot be read is logged and left out."""
    names = [facts.key async for facts in store.list(prefix) if facts.key.endswith(ending)]
    for key in names:
        try:
            yield kind.model_validate_json(await store.get_bytes(key))
        except ObjectMissing:
            continue  # removed meanwhile
        except ValidationError as error:
            log.warning("%s is no record: %s", key, error)


def _ended(batch: BatchRecord) -> BatchRecord:
    """A Batch whose Outcome may or may not have been told: it counts as told, since nobody is told twice."""
    if not batch.state.active:
        return batch
    state = BatchState.DELIVERED if batch.done == len(batch.clips) else BatchState.PARTIAL
    clips = tuple(
        clip.model_copy(update={"state": ClipState.CANCELLED}) if clip.state.open else clip
        for clip in batch.clips
    )
    return batch.model_copy(update={"state": state, "clips": clips})
