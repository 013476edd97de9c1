"""The desk as foremen have it: what they draw and what becomes of it is noted, as operations and as figures.

Who draws an item speaks of it from then on: the log lines of its task, and of the engine's threads that work for it, carry
the Batch's code and the Clip's number. Signatures of the desk are passed through as they are.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from structlog.contextvars import bind_contextvars
from typing_extensions import override

from worker.contract import keys
from worker.contract.figures import FIGURES, Stage
from worker.contract.operations import note
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import ClipResult, ClipState, Reason
from worker.desk import Desk, Lease, Sweep, Verdict
from worker.ledger_scripts import redis_errors_as_ours

_QUIET: Final = frozenset({"record", "lineup"})
"""Kinds of work nobody asks after."""
_OF_BATCHES: Final = frozenset({"clip", "archive", "record"})
_TIMED: Final[Mapping[str, Stage]] = {"take": "take", "template": "template", "archive": "pack"}


@dataclass
class _Drawn:
    """What this process has in work."""

    code: str
    began_s: float
    storing_s: float | None = None
    """When its rendering had ended."""


class NotedDesk(Desk):
    """A desk that says what goes over it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._drawn: dict[str, _Drawn] = {}
        """By fence."""

    @override
    async def draw(self, *args: Any, **options: Any) -> Lease | None:
        lease = await super().draw(*args, **options)
        if lease is not None:
            code, queued_s = await self._facts_of(lease.item)
            self._drawn[lease.fence] = _Drawn(code, time.time())
            if queued_s is not None and lease.attempt == 1:
                FIGURES.spread("waited", time.time() - queued_s)
            bind_contextvars(**_context(lease.item, code))
            self._note(lease, "started", attempt=lease.attempt)
        return lease

    @override
    async def renew(self, *args: Any, **options: Any) -> Any:
        verdicts = await super().renew(*args, **options)
        leases = args[0] if args else options["leases"]
        for lease, verdict in zip(leases, verdicts, strict=True):
            if verdict is Verdict.LOST and lease.fence in self._drawn:
                del self._drawn[lease.fence]
                self._note(lease, "lost")
        return verdicts

    @override
    async def report(self, lease: Lease, state: ClipState, *args: Any, **options: Any) -> bool:
        drawn = self._drawn.get(lease.fence)
        if state is ClipState.STORING and drawn is not None and drawn.storing_s is None:
            drawn.storing_s = time.time()
        return await super().report(lease, state, *args, **options)

    @override
    async def finish_clip(
        self, lease: Lease, result: ClipResult, *args: Any, **options: Any
    ) -> bool:
        counts = await super().finish_clip(lease, result, *args, **options)
        if (drawn := self._drawn.pop(lease.fence, None)) and counts:
            now_s = time.time()
            FIGURES.count("clips", "done")
            FIGURES.spread("rendered", result.seconds.get("total", now_s - drawn.began_s))
            for stage in ("render", "encode"):
                if (seconds := result.seconds.get(stage)) is not None:
                    FIGURES.time(stage, seconds)
            if drawn.storing_s is not None:
                FIGURES.time("store", now_s - drawn.storing_s)
            facts = {
                "frames": result.frames,
                "engine": result.engine,
                "size_bytes": result.size_bytes,
            }
            self._note(lease, "done", drawn, rendered_s=result.seconds.get("total"), **facts)
        return counts

    @override
    async def cancel_clip(self, lease: Lease) -> bool:
        counts = await super().cancel_clip(lease)
        if (drawn := self._drawn.pop(lease.fence, None)) and counts:
            FIGURES.count("clips", "cancelled")
            self._note(lease, "cancelled", drawn)
        return counts

    @override
    async def fail(self, lease: Lease, reason: Reason) -> bool:
        counts = await super().fail(lease, reason)
        if (drawn := self._drawn.pop(lease.fence, None)) and counts:
            self._failed(lease, "failed", reason, drawn)
        return counts

    @override
    async def settle_take(
        self, lease: Lease, state: Any, facts: Any, reason: Reason | None
    ) -> bool:
        counts = await super().settle_take(lease, state, facts, reason)
        self._settled(lease, counts=counts, reason=reason)
        return counts

    @override
    async def settle_template(
        self, lease: Lease, state: Any, facts: Any, reason: Reason | None
    ) -> bool:
        counts = await super().settle_template(lease, state, facts, reason)
        self._settled(lease, counts=counts, reason=reason)
        return counts

    @override
    async def finish_archive(
        self, lease: Lease, key: str, size_bytes: int, *args: Any, **options: Any
    ) -> bool:
        counts = await super().finish_archive(lease, key, size_bytes, *args, **options)
        self._settled(lease, counts=counts, done="packed", size_bytes=size_bytes)
        return counts

    @override
    async def finish_without_archive(self, lease: Lease) -> bool:
        self._drawn.pop(lease.fence, None)
        return await super().finish_without_archive(lease)

    @override
    async def finish_record(self, lease: Lease) -> bool:
        self._drawn.pop(lease.fence, None)
        return await super().finish_record(lease)

    @override
    async def finish_lineup(self, lease: Lease) -> bool:
        self._drawn.pop(lease.fence, None)
        return await super().finish_lineup(lease)

    @override
    async def lose_clip(self, lease: Lease, number: int, reason: Reason) -> bool:
        counts = await super().lose_clip(lease, number, reason)
        if counts:
            FIGURES.count("failures", reason.code)
            code = self._drawn[lease.fence].code if lease.fence in self._drawn else ""
            note("clip.lost", batch_id=lease.subject, batch=code, clip=number, code=reason.code)
        return counts

    @override
    async def give_back(self, lease: Lease) -> bool:
        counts = await super().give_back(lease)
        if (drawn := self._drawn.pop(lease.fence, None)) and counts:
            self._note(lease, "given_back", drawn)
        return counts

    @override
    async def put_off(self, lease: Lease, *args: Any, **options: Any) -> bool:
        put_off = await super().put_off(lease, *args, **options)
        if put_off and (drawn := self._drawn.pop(lease.fence, None)):
            self._note(lease, "put_off", drawn)
        return put_off

    @override
    async def sweep(self) -> Sweep:
        swept = await super().sweep()
        for item in swept.taken_over:
            await self._swept(item, "taken_over")
        for item, incident in swept.given_up.items():
            FIGURES.count("failures", "incident")
            if item.startswith("clip:"):
                FIGURES.count("clips", "failed")
            await self._swept(item, "given_up", incident=incident)
        return swept

    async def _swept(self, item: str, ending: str, **facts: Any) -> None:
        kind, _, rest = item.partition(":")
        batch_id = rest.partition(":")[0] if kind in _OF_BATCHES else None
        note(
            f"{kind}.{ending}",
            batch_id=batch_id,
            **_context(item, (await self._facts_of(item))[0]),
            **facts,
        )

    def _settled(
        self,
        lease: Lease,
        *,
        counts: bool,
        reason: Reason | None = None,
        done: str = "ready",
        **facts: int,
    ) -> None:
        drawn = self._drawn.pop(lease.fence, None)
        if drawn is None or not counts:
            return
        FIGURES.time(_TIMED[lease.kind], time.time() - drawn.began_s)
        if reason is not None:
            self._failed(lease, "rejected", reason, drawn)
        else:
            self._note(lease, done, drawn, **facts)

    def _failed(self, lease: Lease, ending: str, reason: Reason, drawn: _Drawn) -> None:
        FIGURES.count("failures", reason.code)
        if lease.kind == "clip":
            FIGURES.count("clips", "failed")
        self._note(lease, ending, drawn, code=reason.code, incident=reason.incident)

    def _note(self, lease: Lease, ending: str, drawn: _Drawn | None = None, **facts: Any) -> None:
        if lease.kind in _QUIET:
            return
        batch_id = lease.subject if lease.kind in _OF_BATCHES else None
        began_s = drawn.began_s if drawn else None
        note(f"{lease.kind}.{ending}", batch_id=batch_id, began_s=began_s, **facts)

    async def _facts_of(self, item: str) -> tuple[str, float | None]:
        """The code people know the item's Batch by, empty if there is none or that cannot be asked now; when a Clip was ordered."""
        kind, _, rest = item.partition(":")
        if kind not in _OF_BATCHES:
            return "", None
        batch_id, _, number = rest.partition(":")
        with contextlib.suppress(LedgerUnavailable), redis_errors_as_ours():
            async with self._scripts.client.pipeline(transaction=False) as pipe:
                pipe.hget(keys.redis("batch", batch_id), "code")
                pipe.hget(keys.redis("clip", batch_id, number), "queued_ms")
                code, queued_ms = await pipe.execute()
            is_clip = kind == "clip" and queued_ms is not None
            return code or "", int(queued_ms) / 1000 if is_clip else None
        return "", None


def _context(item: str, code: str) -> dict[str, Any]:
    """What is bound to the log lines of whoever works on an item."""
    kind, _, rest = item.partition(":")
    subject, _, number = rest.partition(":")
    if kind == "clip":
        return {"batch": code, "clip": int(number)}
    if kind in _OF_BATCHES:
        return {"batch": code}
    return {kind: subject[:12]}
