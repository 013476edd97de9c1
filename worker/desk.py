"""The foremen's side of the ledger: drawing work with a lease, renewing it, and ending it.

Every call names the lease's fence: a worker that stalled and lost its lease can change nothing.
"""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from arq.constants import in_progress_key_prefix

from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.records import (
    Archive,
    ClipResult,
    ClipState,
    Reason,
    TakeState,
    TemplateRecord,
    TemplateState,
)
from worker.ledger_records import written_archives
from worker.ledger_scripts import Queue, Scripts, redis_errors_as_ours
from worker.outlook import work_of

LEASE_S: Final = 5.0
"""A lease nobody renewed for so long is lost; with a sweep every second a killed worker's Clip waits 6 s and a little."""
_MOST_ATTEMPTS: Final = 3
"""An item of which workers died this often is given up."""
_MOST_GIVEN_UP: Final = 8  # in one sweep; the next one takes the rest
_FOREMAN_SILENT_S: Final = 6.0
_OTHERS: Final = "others"
STARTING: Final = "?"
"""What a foreman names in place of its engines while its engine process starts."""
_HELD_S: Final = 300
"""What a worker holds is forgotten when it says nothing for so long."""


def new_incident() -> str:
    """A short id that people can read out and the log can be searched for."""
    return secrets.token_hex(4)


class NothingForUs(Exception):
    """Something waits, but only what needs an engine that this worker does not name."""


class Verdict(StrEnum):
    """What a renewal says."""

    OK = "ok"
    STOP = "stop"
    """Nobody wants the result any more."""
    LOST = "lost"
    """Somebody else has the item, or it is gone."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one item, until it lapses."""

    item: str
    """``clip:<batch>:<number>``, ``take:<sha256>``, ``template:<id>``, ``lineup:<id>``, ``archive:<batch>:<round>``, ``record:<batch>``."""
    fence: str
    """Its name: ``<number>-<nonce>``; the numbers of one server rise."""
    attempt: int
    """1 the first time."""
    deaths: int = 0
    """Workers that died of it, as far as is known."""
    put_off: int = 0
    """How often it was."""

    @property
    def suspect(self) -> bool:
        """Whether it might take others with it."""
        return self.deaths > 0 or self.put_off > 0

    @property
    def kind(self) -> str:
        """What is to be done."""
        return self.item.partition(":")[0]

    @property
    def subject(self) -> str:
        """The Batch's, Take's or Template's id."""
        return self.item.split(":")[1]

    @property
    def number(self) -> int:
        """The Clip's number, or the round of the Archive."""
        return int(self.item.split(":")[2])


@dataclass(frozen=True)
class Sweep:
    """What a sweep found."""

    taken_over: Sequence[str]
    """Items whose lease lapsed; they wait again."""
    given_up: Mapping[str, str]
    """Items of which workers died too often, with the incident each one failed with."""
    tickets: int
    """Missing tickets that were added."""


class Desk:
    """Hands out work. Any call may raise LedgerUnavailable, and may be repeated."""

    def __init__(self, scripts: Scripts, lease_s: float = LEASE_S) -> None:
        self._scripts = scripts
        self._lease_ms = round(lease_s * 1000)

    async def draw(self, queue: Queue, worker: str, ticket: str = "") -> Lease | None:
        """The next item with its lease, in one step; None if nothing waits.

        A Clip is drawn by those who name its engine when they beat, by anybody if no foreman alive does, and by those who say
        nothing of their engines. ``ticket`` is arq's job id: it is cleared away should this worker die.

        Raises:
            NothingForUs: As it says; the ticket is there again for others.
        """
        drawn = await self._scripts.run(
            "draw", queue, worker, ticket, self._lease_ms, secrets.token_hex(8)
        )
        if drawn == _OTHERS:
            raise NothingForUs
        return Lease(drawn[0], drawn[1], *(int(word) for word in drawn[2:])) if drawn else None

    async def begin(self, lease: Lease) -> bool:
        """Say that a Clip is rendered from now on, so that it is suspected should the worker die; False if the lease is lost."""
        return bool(await self._scripts.run("begin", lease.item, lease.fence))

    async def renew(self, leases: Sequence[Lease]) -> Sequence[Verdict]:
        """Keep leases for another term; one Verdict each."""
        if not leases:
            return []
        named = [word for lease in leases for word in (lease.item, lease.fence)]
        return [Verdict(word) for word in await self._scripts.run("renew", self._lease_ms, *named)]

    async def report(self, lease: Lease, state: ClipState, done: int, total: int) -> bool:
        """Say how far a Clip is; False if the lease is lost."""
        return bool(await self._scripts.run("report", lease.item, lease.fence, state, done, total))

    async def report_archive(self, lease: Lease, done_bytes: int, size_bytes: int) -> bool:
        """Say how much of an Archive lies in the store; False if the lease is lost."""
        return bool(
            await self._scripts.run("report", lease.item, lease.fence, "", done_bytes, size_bytes)
        )

    async def finish_clip(
        self, lease: Lease, result: ClipResult, template: TemplateRecord | None = None
    ) -> bool:
        """The Clip lies in the store. False if the lease is lost: then it counts for nothing.

        With its ``template`` given, what it took counts for how long others will.
        """
        more: tuple[str, ...] = ()
        if template is not None:
            work = work_of(result.engine, template, result.duration_s)
            more = (work.engine, repr(work.megapixels), repr(work.template_s))
        return await self._finish(lease, ClipState.DONE, result.model_dump_json(), None, *more)

    async def cancel_clip(self, lease: Lease) -> bool:
        """The Clip was stopped because its Batch was cancelled."""
        return await self._finish(lease, ClipState.CANCELLED, "", None)

    async def settle_take(
        self, lease: Lease, state: TakeState, facts: Mapping[str, Any], reason: Reason | None
    ) -> bool:
        """A Take is READY with its facts, or REJECTED for a reason."""
        return await self._finish(lease, state, json.dumps(facts), reason)

    async def settle_template(
        self, lease: Lease, state: TemplateState, facts: Mapping[str, Any], reason: Reason | None
    ) -> bool:
        """A Template is READY with its facts, or REJECTED for a reason."""
        return await self._finish(lease, state, json.dumps(facts), reason)

    async def finish_archive(
        self, lease: Lease, key: str, size_bytes: int, name: str, more: Sequence[Archive] = ()
    ) -> bool:
        """The Archive lies in the store, with ``more`` parts behind the first."""
        facts = f"{key} {size_bytes} {name}\n{written_archives(more)}"
        return await self._finish(lease, "done", facts, None)

    async def finish_without_archive(self, lease: Lease) -> bool:
        """None was wanted."""
        return await self._finish(lease, "done", "", None)

    async def lose_clip(self, lease: Lease, number: int, reason: Reason) -> bool:
        """A Clip that was done is no longer in the store, as the holder of its Archive's lease found; False if that is lost."""
        written = reason.model_dump_json()
        return bool(await self._scripts.run("lose_clip", lease.item, lease.fence, number, written))

    async def finish_record(self, lease: Lease) -> bool:
        """The record of a Batch lies in the store; should the Batch have changed meanwhile, another is due."""
        return await self._finish(lease, "done", "", None)

    async def finish_lineup(self, lease: Lease) -> bool:
        """The picture lies in the store, or nobody wants it any more."""
        return await self._finish(lease, "done", "", None)

    async def fail(self, lease: Lease, reason: Reason) -> bool:
        """The item cannot be done. A Clip, Take or Template fails; without Archive the Batch does."""
        return await self._finish(lease, "failed", "", reason)

    async def put_off(self, lease: Lease, pause_s: float, tries: int) -> bool:
        """Have somebody try again after a pause; False if it was tried so often already, unless it is a record, or the lease is lost."""
        pause_ms = round(pause_s * 1000)
        return bool(await self._scripts.run("put_off", lease.item, lease.fence, pause_ms, tries))

    async def give_back(self, lease: Lease) -> bool:
        """Let another worker have it; this attempt does not count."""
        return bool(await self._scripts.run("give_back", lease.item, lease.fence))

    async def forget_take(self, take_id: str) -> None:
        """What was computed of a Take is gone from the store: have it analysed again when it is next sent."""
        await self._scripts.run("forget_take", take_id)

    async def expire_batch(self, batch_id: str) -> bool:
        """The objects of an ended Batch are about to be removed; False if they must stay because it runs (again)."""
        return bool(await self._scripts.run("expire_batch", batch_id))

    async def sweep(self) -> Sweep:
        """Take over what lapsed, give up what kills workers, and add missing tickets."""
        incidents = [new_incident() for _ in range(_MOST_GIVEN_UP)]
        reasons = [Reason(code=Code.INCIDENT, incident=one).model_dump_json() for one in incidents]
        taken_over, given_up = await self._scripts.run(
            "sweep", self._lease_ms, _MOST_ATTEMPTS, in_progress_key_prefix, *reasons
        )
        tickets = await self._scripts.add_missing_tickets()
        return Sweep(taken_over, dict(zip(given_up, incidents, strict=False)), tickets)

    async def first_to_sweep(self, worker: str, every_s: float) -> bool:
        """Whether this foreman sweeps the ledger now; one among all does, every ``every_s``."""
        return await self._first("sweeper", worker, every_s)

    async def first_to_tidy(self, worker: str, every_s: float) -> bool:
        """Whether this foreman is the janitor now; one among all is, every ``every_s``."""
        return await self._first("janitor", worker, every_s)

    async def _first(self, office: str, worker: str, every_s: float) -> bool:
        with redis_errors_as_ours():
            return bool(
                await self._scripts.client.set(
                    keys.redis(office), worker, nx=True, px=round(every_s * 1000)
                )
            )

    async def beat(
        self, worker: str, seats: int = 1, engines: Sequence[str] | None = None
    ) -> Collection[str]:
        """Say that this foreman lives, how many Clips it renders at a time, and which engines it can run.

        ``engines`` None: nothing is said of them. Returns what any foreman alive names, STARTING included.
        """
        silent_ms = round(_FOREMAN_SILENT_S * 1000)
        named = () if engines is None else (",".join(engines),)
        told: list[str] = await self._scripts.run("beat", worker, silent_ms, seats, *named)
        return {engine for each in told for engine in each.split(",") if engine}

    async def leave(self, worker: str) -> None:
        """Say that this foreman ends."""
        await self._scripts.run("leave", worker)

    async def note_held(self, worker: str, template_ids: Collection[str]) -> None:
        """These Templates lie on this foreman's disk, and no others: it gets Clips of them rather than others."""
        name = keys.redis("held", worker)
        with redis_errors_as_ours():
            async with self._scripts.client.pipeline(transaction=True) as pipe:
                pipe.delete(name)
                if template_ids:
                    pipe.sadd(name, *template_ids)
                    pipe.expire(name, _HELD_S)
                await pipe.execute()

    async def workers(self) -> int:
        """Foremen alive."""
        return len(await self._alive())

    async def seats_elsewhere(self, worker: str) -> int:
        """Clips that all other foremen alive render at a time."""
        told = await self._scripts.read_hash(keys.redis("seats"))
        return sum(int(seats) for name, seats in told.items() if name != worker)

    async def engines(self) -> tuple[str, ...]:
        """Those that every foreman alive can run, once its engine has started: no order depends on one of them."""
        alive = await self._alive()
        told = [engines.split(",") for engines in alive if engines not in {"", STARTING}]
        return tuple(each for each in told[0] if all(each in more for more in told)) if told else ()

    async def _alive(self) -> list[str]:
        """What each foreman alive said of its engines; empty if it has none or tells nothing."""
        found: list[str] = await self._scripts.run("beat", "", round(_FOREMAN_SILENT_S * 1000), 0)
        return found

    async def _finish(
        self, lease: Lease, state: str, facts: str, reason: Reason | None, *more: str
    ) -> bool:
        written = reason.model_dump_json() if reason else ""
        return bool(
            await self._scripts.run("finish", lease.item, lease.fence, state, facts, written, *more)
        )
