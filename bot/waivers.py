"""Orders without the visible label: who took the duty to label upon themselves, recorded and kept for six months.

The records lie in the store under a prefix of their own (``keys.WAIVERS``): one for each acceptance, and one for each
Batch that was ordered so. What is older than six months goes when a new one is written.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.desk import Turn
from bot.permissions import may_waive
from worker.contract import keys
from worker.contract.operations import note
from worker.contract.ports import ObjectStore
from worker.contract.records import BatchRecord, Record

_KEPT: Final = timedelta(days=183)
"""Six months (GB 45438-2025, and the measures it belongs to, article 9)."""
_TIME: Final = "%Y%m%dT%H%M%SZ"


class Acceptance(Record):
    """Somebody took the duty to label upon themselves."""

    what: Literal["acceptance"] = "acceptance"
    platform: str
    account: str
    chat: str
    person: str
    person_name: str
    language: str
    text: str
    """What they accepted, as they read it."""
    accepted_at: datetime
    until: datetime


class WaivedBatch(Record):
    """A Batch that was ordered without the visible label."""

    what: Literal["batch"] = "batch"
    batch: str
    code: str
    ordered_at: datetime
    templates: tuple[str, ...]
    take: str
    acceptance: Acceptance | None
    """The one it was ordered under; None if only the order itself is known any more."""


async def acceptance_of(turn: Turn) -> Acceptance | None:
    """The acceptance under which this person may order here without the visible label; None if there is none that counts."""
    if not may_waive(turn.desk.policy, turn.chat, turn.person):
        return None
    kept = await turn.desk.memory.load(*_name(turn))
    if kept is None:
        return None
    accepted = Acceptance.model_validate_json(kept)
    return accepted if accepted.until > turn.desk.clock() else None


async def covers(turn: Turn, batch: BatchRecord) -> bool:
    """Whether this person may have a Batch made again: one without the visible label only who ordered it, while the duty is theirs."""
    if batch.order.options.label:
        return True
    return batch.order.person.id == turn.person.id and await acceptance_of(turn) is not None


async def accept(turn: Turn, text: str) -> Acceptance:
    """Record that this person accepted what ``text`` says. Raises StoreUnavailable, MemoryUnavailable."""
    now = turn.desk.clock()
    accepted = Acceptance(
        platform=turn.chat.platform,
        account=turn.chat.account,
        chat=turn.chat.id,
        person=turn.person.id,
        person_name=turn.person.name,
        language=turn.language,
        text=text,
        accepted_at=now,
        until=now + _KEPT,
    )
    which = hashlib.sha256(turn.receipt.encode()).hexdigest()[:16]
    await _write(turn.desk.store, now, now, f"acceptance-{which}", accepted)
    await turn.desk.memory.keep(
        *_name(turn), value=accepted.model_dump_json(), ttl_s=int(_KEPT.total_seconds())
    )
    return accepted


async def record_batch(turn: Turn, batch: BatchRecord) -> None:
    """Record a Batch that has no visible label; the same one again changes nothing. Raises StoreUnavailable."""
    waived = WaivedBatch(
        batch=batch.id,
        code=batch.code,
        ordered_at=batch.created_at,
        templates=tuple(clip.template_name for clip in batch.clips),
        take=batch.order.take_name,
        acceptance=await acceptance_of(turn),
    )
    now = turn.desk.clock()
    await _write(turn.desk.store, now, batch.created_at, f"batch-{batch.id}", waived)


async def _write(
    store: ObjectStore, now: datetime, at: datetime, what: str, record: Record
) -> None:
    key = keys.waiver(at.strftime(_TIME), what)
    await store.put_bytes(key, record.model_dump_json().encode())
    note(f"waiver.{what}", at=key)
    oldest = keys.waiver((now - _KEPT).strftime(_TIME), "")
    # Read to the end before the first is deleted: a store need not bear both at once.
    outlived = [facts.key async for facts in store.list(keys.WAIVERS) if facts.key < oldest]
    for each in outlived:
        await store.delete(each)


def _name(turn: Turn) -> tuple[str, ...]:
    return ("waiver", turn.chat.mailbox, turn.chat.id, turn.person.id)
