"""The ledger as the processes have it: what people order, cancel and delete, and what they were told, is noted.

Who opens or looks into a Batch for somebody speaks of it from then on: log lines of the task carry its code. Signatures of the
ledger are passed through as they are.
"""

import time
from datetime import UTC, datetime
from typing import Any

import redis.asyncio
from structlog.contextvars import bind_contextvars
from typing_extensions import override

from worker.contract.figures import FIGURES
from worker.contract.operations import note
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    ClipState,
    Order,
    Person,
    TemplateRecord,
)
from worker.ledger import RedisLedger
from worker.noted_desk import NotedDesk

_SKEW_S = 2.0
"""What clocks of two machines may differ without an order being taken for one that was made before."""


class NotedLedger(RedisLedger):
    """A ledger that says what is asked of it."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        super().__init__(client)
        self.desk = NotedDesk(self._scripts)

    @override
    async def open_batch(self, order: Order, *args: Any, **options: Any) -> BatchRecord:
        began = datetime.now(UTC).timestamp() - _SKEW_S
        batch = await super().open_batch(order, *args, **options)
        bind_contextvars(batch=batch.code)
        if batch.created_at.timestamp() >= began:  # else it is the same order again
            FIGURES.count("orders", order.chat.platform)
            who = _who(order.chat, order.person)
            facts: dict[str, Any] = {"clips": len(batch.clips), "engine": order.engine}
            note("order.opened", batch_id=batch.id, batch=batch.code, **who, **facts)
        return batch

    @override
    async def add_template(self, template: TemplateRecord) -> TemplateRecord:
        added = await super().add_template(template)
        note("template.added", template=added.id, size_bytes=added.size_bytes)
        return added

    @override
    async def remove_template(self, template_id: str) -> None:
        await super().remove_template(template_id)
        note("template.removed", template=template_id)

    @override
    async def cancel(self, batch_id: str) -> BatchRecord | None:
        batch = await super().cancel(batch_id)
        if batch is not None:
            note("order.cancelled", batch_id=batch.id, batch=batch.code, done=batch.done)
        return batch

    @override
    async def _take_out(self, batch_id: str) -> int:
        count = await super()._take_out(batch_id)
        if count:  # those that are rendered are counted where they stop
            FIGURES.count("clips", "cancelled", count)
        return count

    @override
    async def retry(self, batch_id: str, *args: Any, **options: Any) -> BatchRecord | None:
        batch = await super().retry(batch_id, *args, **options)
        if batch is not None:
            note("order.reopened", batch_id=batch.id, batch=batch.code, round=batch.round)
        return batch

    @override
    async def forget_batch(self, batch_id: str) -> None:
        batch = await self.batch(batch_id)
        await super().forget_batch(batch_id)
        if batch is not None:
            note("order.deleted", batch_id=batch.id, batch=batch.code, state=batch.state)

    @override
    async def close_batch(self, batch_id: str, round_: int) -> BatchRecord | None:
        before = await self.batch(batch_id)
        batch = await super().close_batch(batch_id, round_)
        if batch is None or before is None or before.state is not BatchState.READY:
            return batch
        if not batch.state.active and batch.finished_at is not None:
            ready_s = batch.finished_at.timestamp()
            FIGURES.time("delivery", time.time() - ready_s)
            _count_undrawn(batch)
            facts = {"state": batch.state, "done": batch.done, "clips": len(batch.clips)}
            ordered_s = round(time.time() - batch.created_at.timestamp(), 3)
            note(
                "order.told",
                batch_id=batch.id,
                began_s=ready_s,
                batch=batch.code,
                since_order_s=ordered_s,
                **facts,
            )
        return batch


def _count_undrawn(batch: BatchRecord) -> None:
    """Clips that failed before any worker drew them, for their Take's or Template's sake; the others were counted then."""
    for clip in batch.clips:
        if clip.state is ClipState.FAILED and clip.started_at is None and clip.reason is not None:
            FIGURES.count("clips", "failed")
            FIGURES.count("failures", clip.reason.code)


def _who(chat: Chat, person: Person) -> dict[str, Any]:
    """As the settings write it; no names."""
    return {
        "chat": f"{chat.platform}:chat:{chat.id}",
        "person": f"{chat.platform}:user:{person.id}",
    }
