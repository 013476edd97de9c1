"""The ledger: who ordered what and how far it is, in Redis. With its scripts the only code that touches those keys.

What the bot and the commands use stands here; what the foremen use is the ``desk`` (``worker/desk.py``).

::

    chorus:take:<sha256>          hash: the record; state, analyses, facts, reason
    chorus:take:<sha256>:tellers  set: utterances due when it is settled
    chorus:take:<sha256>:batches  set: Batches that wait for it (for Templates likewise)
    chorus:template:<id>          hash; chorus:templates maps names to ids
    chorus:lineup:<id>            what a picture of Templates shall show
    chorus:batch:<id>             hash; chorus:clip:<id>:<number> one for each Clip
    chorus:code:<CODE>, chorus:order:<key>   the Batch's id
    chorus:history:<chat>[:<person>], chorus:active:<mailbox>   Batches by the time they were ordered
    chorus:item:<item>            hash: a work item in play, its flow and its lease
    chorus:work:<queue>           what waits: clips, takes, archives, templates, records; chorus:lanes, :turns, :line,
                                  :starts, :waits, :weights say in which order (``scripts/prelude.lua``), :places counts
    chorus:leases, chorus:fence   when leases lapse; the number of the last one
    chorus:later                  what is tried again, by the time it is
    chorus:open                   set: Clips that are not made yet
    chorus:running:person:<m>, :chat:<c>          sets: Batches at work
    chorus:spent:person:<m>:<day>, :chat:<c>:<day>   ms of video ordered on a day
    chorus:rates:<engine>         hash: what its last Clips took
    chorus:foremen, :seats, :engines, :held:<worker>   who lives, how much each renders at a time, its engines, Templates on its disk
    chorus:facts, chorus:outbox:<mailbox>    streams
    chorus:download:<object>      somebody downloads it through the door, or did so just now
    chorus:rebuilt                what the store remembers was looked through
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, cast

import redis.asyncio

from worker import ledger_streams
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import Ledger
from worker.contract.records import (
    Allowance,
    BatchRecord,
    BatchState,
    Chat,
    Fact,
    Lineup,
    MessageRef,
    Order,
    Outlook,
    Person,
    Reason,
    TakeRecord,
    TemplateRecord,
    TemplateState,
    UnderWay,
    Utterance,
)
from worker.desk import Desk
from worker.ledger_limits import NO_LIMITS, limit_reached, limits_of
from worker.ledger_outlook import LOOKED_AT, Outlooks
from worker.ledger_records import (
    batch_of,
    fields_of_clip,
    fields_of_order,
    name_of_chat,
    name_of_person,
    optional_fields,
    pairs,
    take_of,
    template_of,
)
from worker.ledger_scripts import Scripts, redis_errors_as_ours
from worker.roster import Roster

_CODE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Nothing that is taken for something else: no 0 and O, no 1, I and L."""
_SHORT_CODES, _LONG_CODES = 6, 6
"""Candidates of 4 letters, then of 5: with 10 000 Batches alive the last short one is reached once in 10^10."""

_BATCHES: Final = keys.redis("batch", "*")
_SCANNED: Final = 1000
"""Keys looked at in one step, so that others are served between."""

_LINEUP_S: Final = 86_400
"""So long a worker may take to draw one."""


class RedisLedger:
    """The Ledger in a Redis server; any number of processes may share it."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        """``client`` decodes responses, and should retry while a server restarts; it stays the caller's to close."""
        self._client = client
        self._scripts = Scripts(client)
        self.desk = Desk(self._scripts)
        """Where foremen draw work."""
        self._outlooks = Outlooks(self._scripts)

    @property
    def scripts(self) -> Scripts:
        """For whoever looks at the whole (``worker/overview.py``)."""
        return self._scripts

    async def open_take(self, take: TakeRecord, teller: Utterance | None = None) -> TakeRecord:
        """Have a recording analysed, unless it is or was already; ``teller`` is told when it is settled."""
        chat = name_of_chat(teller.chat) if teller else "library"
        person = name_of_person(teller.person) if teller else ""
        fields = await self._scripts.run(
            "open_take",
            take.id,
            take.model_dump_json(),
            chat,
            person,
            teller.chat.mailbox if teller else "",
            teller.model_dump_json() if teller else "",
            secrets.token_hex(8),
        )
        return take_of(pairs(fields))

    async def take(self, take_id: str) -> TakeRecord | None:
        """None if unknown."""
        fields = await self._scripts.read_hash(keys.redis("take", take_id))
        return take_of(fields) if fields else None

    async def take_used_at(self, take_id: str) -> datetime | None:
        """When somebody last sent it; None if that is not known."""
        with redis_errors_as_ours():
            # redis-py shares its annotations between the blocking and the asyncio client
            asked = self._client.hget(keys.redis("take", take_id), "used_ms")
            used_ms = await cast("Awaitable[str | None]", asked)
        return datetime.fromtimestamp(int(used_ms) / 1000, UTC) if used_ms else None

    async def takes_ordered(self) -> frozenset[str]:
        """Ids of the Takes of all Batches there are, of anybody; those that expired need theirs no longer."""
        return frozenset([take async for take in self._each_kept("take")])

    async def pictures_ordered(self) -> frozenset[str]:
        """SHA-256 of the pictures behind the presenters of all Batches there are, likewise."""
        orders = [Order.model_validate_json(each) async for each in self._each_kept("order")]
        pictures = [order.options.picture for order in orders]
        return frozenset(picture.sha256 for picture in pictures if picture is not None)

    async def _each_kept(self, field: str) -> AsyncIterator[str]:
        """One field of all Batches there are, but those that expired."""
        with redis_errors_as_ours():
            names = [name async for name in self._client.scan_iter(_BATCHES, count=_SCANNED)]
        for begin in range(0, len(names), _SCANNED):
            with redis_errors_as_ours():
                async with self._client.pipeline(transaction=False) as pipe:
                    for name in names[begin : begin + _SCANNED]:
                        pipe.hmget(name, [field, "state"])
                    read = await pipe.execute()
            for value, state in read:
                if value and state != BatchState.EXPIRED:
                    yield value

    async def remove_take(self, take_id: str) -> bool:
        """Forget a Take that nobody uses any more; False if it is being analysed."""
        return bool(await self._scripts.run("remove_take", take_id))

    async def add_template(self, template: TemplateRecord) -> TemplateRecord:
        """Have a video prepared; a taken name gets a number behind it."""
        fields = await self._scripts.run(
            "add_template",
            template.id,
            template.model_dump_json(),
            template.name,
            template.name.casefold(),
        )
        return template_of(pairs(fields))

    async def templates(self) -> Sequence[TemplateRecord]:
        """The library, by name; without withdrawn ones."""
        ids = await self._scripts.read_hash(keys.redis("templates"))
        with redis_errors_as_ours():
            async with self._client.pipeline(transaction=False) as pipe:
                for template_id in ids.values():
                    pipe.hgetall(keys.redis("template", template_id))
                hashes = await pipe.execute()
        records = [template_of(fields) for fields in hashes if fields]
        shown = [record for record in records if record.state is not TemplateState.WITHDRAWN]
        return sorted(shown, key=lambda record: (record.name.casefold(), record.id))

    async def template(self, template_id: str) -> TemplateRecord | None:
        """None if unknown."""
        fields = await self._scripts.read_hash(keys.redis("template", template_id))
        return template_of(fields) if fields else None

    async def preparing(self, template_ids: Collection[str]) -> frozenset[str]:
        """Which of these Templates are still being prepared, in one step."""
        ids = sorted(template_ids)
        if not ids:
            return frozenset()
        with redis_errors_as_ours():
            async with self._client.pipeline(transaction=False) as pipe:
                for template_id in ids:
                    pipe.hget(keys.redis("template", template_id), "state")
                states = await pipe.execute()
        found = zip(ids, states, strict=True)
        return frozenset(id_ for id_, state in found if state == TemplateState.PREPARING)

    async def remove_template(self, template_id: str) -> None:
        """Forget a Template; Clips that waited for its preparation fail."""
        await self._scripts.run("remove_template", template_id)

    async def open_lineup(self, lineup: Lineup, chat: Chat, person: Person) -> None:
        """Have a picture of Templates drawn, unless that is under way."""
        await self._scripts.run(
            "open_lineup",
            lineup.id,
            lineup.model_dump_json(),
            _LINEUP_S,
            name_of_chat(chat),
            name_of_person(person),
        )

    async def lineup(self, lineup_id: str) -> Lineup | None:
        """What is to be drawn; None if nobody asked for long."""
        with redis_errors_as_ours():
            plan = await self._client.get(keys.redis("lineup", lineup_id))
        return Lineup.model_validate_json(plan) if plan else None

    async def open_batch(self, order: Order, allowance: Allowance | None = None) -> BatchRecord:
        """Make a Batch of an order; the same order key gives the same Batch. Raises LimitReached."""
        created_ms = time.time_ns() // 1_000_000
        clips = await asyncio.gather(*(self._ordered(id_) for id_ in order.template_ids))
        outcome = Utterance(kind="outcome", chat=order.chat, person=order.person, subject="")
        while True:
            batch_id = f"{created_ms:011x}{secrets.token_hex(4)}"
            codes = _code_candidates()
            opened: str | list[str | int] = await self._scripts.run(
                "open_batch",
                batch_id,
                order.key,
                order.model_dump_json(),
                name_of_chat(order.chat),
                name_of_person(order.person),
                order.chat.mailbox,
                outcome.model_copy(update={"subject": batch_id}).model_dump_json(),
                order.take_id,
                _gone(Code.TAKE_GONE, order.take_name),
                created_ms,
                *fields_of_order(order).values(),
                *limits_of(allowance),
                len(codes),
                *codes,
                len(clips),
                *(field for clip in clips for field in clip),
            )
            if isinstance(opened, list):
                raise limit_reached(opened, allowance or NO_LIMITS)
            if opened:
                batch = await self.batch(opened)
                assert batch is not None  # noqa: S101 - just opened, and only ended ones are forgotten
                return batch

    async def _ordered(self, template_id: str) -> tuple[str, str, str, str]:
        """Template, name, file and what is said should it be gone: the fields of a Clip."""
        template = await self.template(template_id)
        name = template.name if template else template_id
        file = template.file_name if template else ""
        return template_id, name, file, _gone(Code.TEMPLATE_GONE, name)

    async def restore_take(self, take: TakeRecord) -> bool:
        """Bring an analysed Take back that the store remembers; False if it is known."""
        written = take.model_dump_json()
        return bool(
            await self._scripts.run("restore_take", take.id, written, max(take.analyses, 1))
        )

    async def restore_batch(self, batch: BatchRecord) -> bool:
        """Bring a Batch back that the store remembers; one that is not told yet is told or goes on. False if it is known."""
        fields = [field for pair in optional_fields(batch).items() for field in pair]
        clips = [
            fields_of_clip(clip, _gone(Code.TEMPLATE_GONE, clip.template_name))
            for clip in batch.clips
        ]
        order = batch.order
        outcome = Utterance(kind="outcome", chat=order.chat, person=order.person, subject=batch.id)
        return bool(
            await self._scripts.run(
                "restore_batch",
                batch.id,
                order.key,
                order.model_dump_json(),
                name_of_chat(order.chat),
                name_of_person(order.person),
                order.chat.mailbox,
                outcome.model_dump_json(),
                order.take_id,
                _gone(Code.TAKE_GONE, order.take_name),
                round(batch.created_at.timestamp() * 1000),
                batch.code,
                batch.state,
                "1" if batch.cancelled else "",
                batch.round,
                batch.reason.model_dump_json() if batch.reason else "",
                len(fields) // 2,
                *fields,
                len(clips),
                *(field for clip in clips for field in clip),
            )
        )

    async def hold(self, key: str, for_s: int) -> None:
        """Have an object told as being downloaded, for so many seconds from now."""
        with redis_errors_as_ours():
            await self._client.set(keys.redis("download", key), "1", ex=for_s)

    async def holds_any(self, object_keys: Collection[str]) -> bool:
        """Whether one of these objects is told as being downloaded, through whatever machine."""
        if not object_keys:
            return False
        names = [keys.redis("download", key) for key in object_keys]
        with redis_errors_as_ours():
            return bool(await self._client.exists(*names))

    async def is_blank(self) -> bool:
        """Whether what the store remembers may be missing here: this Redis lost its memory, or is new, until it was looked through."""
        with redis_errors_as_ours():
            return not await self._client.exists(keys.redis("rebuilt"))

    async def note_rebuilt(self) -> None:
        """What the store remembers is here."""
        with redis_errors_as_ours():
            await self._client.set(keys.redis("rebuilt"), "1")

    async def batch(self, batch_id: str) -> BatchRecord | None:
        """None if unknown."""
        picture = await self._scripts.run("read_batch", batch_id)
        return _batch_of(batch_id, picture) if picture else None

    async def batch_by_code(self, code: str) -> BatchRecord | None:
        """Whatever the case of the letters; None if unknown."""
        with redis_errors_as_ours():
            batch_id = await self._client.get(keys.redis("code", code.strip().upper()))
        return await self.batch(batch_id) if batch_id else None

    async def history(
        self, chat: Chat, person: Person | None, offset: int, limit: int
    ) -> Sequence[BatchRecord]:
        """Batches of a chat, in all its threads (of one person if given), newest first."""
        who = (name_of_person(person),) if person else ()
        name = keys.redis("history", name_of_chat(chat), *who)
        with redis_errors_as_ours():
            ids = await self._client.zrevrange(name, offset, offset + limit - 1)
        records = [await self.batch(batch_id) for batch_id in ids]
        return [record for record in records if record is not None]

    async def under_way(
        self, chat: Chat, person: Person | None, looked: int, told: int
    ) -> UnderWay:
        """What is still to come in a chat (for one person if given), in one step."""
        who = name_of_person(person) if person else ""
        count, *found = await self._scripts.run(
            "under_way", name_of_chat(chat), who, looked, told, LOOKED_AT
        )
        newest = [
            (_batch_of(batch_id, picture), await self._outlooks.read(outlook))
            for batch_id, picture, outlook in found
        ]
        return UnderWay(count=count, newest=tuple(newest))

    async def active_batches(self, mailbox: str) -> Sequence[str]:
        """Ids of the Batches of a mailbox about which something is still to be told, oldest first."""
        with redis_errors_as_ours():
            return list(await self._client.zrange(keys.redis("active", mailbox), 0, -1))

    async def running(self) -> Sequence[BatchRecord]:
        """All Batches about which something is still to be told, of whatever mailbox."""
        ids: list[str] = []
        with redis_errors_as_ours():
            async for mailbox in self._client.scan_iter(
                match=keys.redis("active", "*"), count=1000
            ):
                ids += await self._client.zrange(mailbox, 0, -1)
        records = [await self.batch(batch_id) for batch_id in ids]
        return [record for record in records if record is not None]

    async def outlook(self, batch_id: str) -> Outlook:
        """Who comes before this Batch, and how long it will still take."""
        return await self._outlooks.of(batch_id)

    async def cancel(self, batch_id: str) -> BatchRecord | None:
        """End a Batch: waiting Clips are taken out, running ones asked to stop, done ones kept."""
        await self._take_out(batch_id)
        return await self.batch(batch_id)

    async def _take_out(self, batch_id: str) -> int:
        """Cancel a Batch; how many of its Clips waited until then."""
        return int(await self._scripts.run("cancel", batch_id))

    async def retry(self, batch_id: str, allowance: Allowance | None = None) -> BatchRecord | None:
        """Set failed and cancelled Clips of an ended Batch waiting again, in a new round; None if there are none. Raises LimitReached."""
        reopened: int | list[str | int] = await self._scripts.run(
            "retry", batch_id, secrets.token_hex(8), *limits_of(allowance)
        )
        if isinstance(reopened, list):
            raise limit_reached(reopened, allowance or NO_LIMITS)
        return await self.batch(batch_id) if reopened else None

    async def forget_batch(self, batch_id: str) -> None:
        """Remove an ended Batch; one that is still active stays."""
        await self._scripts.run("forget_batch", batch_id)

    async def note_progress_message(self, batch_id: str, message: MessageRef | None) -> None:
        """Remember which message shows the progress."""
        written = message.model_dump_json() if message else ""
        await self._scripts.run("note_message", batch_id, written)

    async def close_batch(self, batch_id: str, round_: int) -> BatchRecord | None:
        """The chat took (or finally refused) the Outcome of this round; None if the Batch is unknown."""
        await self._scripts.run("close_batch", batch_id, round_)
        return await self.batch(batch_id)

    def facts(self) -> AsyncIterator[Fact]:
        """What happens, from now on; ends only by cancellation."""
        return ledger_streams.facts(self._client)

    def outbox(self, mailbox: str, consumer: str) -> AsyncIterator[tuple[str, Utterance]]:
        """What is to be told through a mailbox; first what this or a dead consumer left unfinished."""
        return ledger_streams.Outbox(self._client, mailbox, consumer).entries()

    async def told(self, mailbox: str, entry: str) -> None:
        """The chat took it, or finally refused it."""
        await ledger_streams.told(self._client, mailbox, entry)

    async def used_bytes(self) -> int:
        """What Redis uses for all it holds."""
        with redis_errors_as_ours():
            return int((await self._client.info("memory"))["used_memory"])

    async def counted(self, since: datetime) -> Mapping[str, float]:
        """What all processes counted since the hour of a moment, at most eight days ago, by name."""
        return await Roster(self._client).counted(since)

    async def workers(self) -> int:
        """Foremen alive."""
        return await self.desk.workers()

    async def engines(self) -> tuple[str, ...]:
        """Engines that every foreman alive can run."""
        return await self.desk.engines()


_: type[Ledger] = RedisLedger


def _batch_of(batch_id: str, picture: Sequence[Sequence[str]]) -> BatchRecord:
    batch, *clips = (pairs(flat) for flat in picture)
    return batch_of(batch_id, batch, clips)


def _gone(code: Code, name: str) -> str:
    return Reason(code=code, facts={"name": name}).model_dump_json()


def _code_candidates() -> list[str]:
    lengths = [4] * _SHORT_CODES + [5] * _LONG_CODES
    return ["".join(secrets.choice(_CODE_LETTERS) for _ in range(length)) for length in lengths]
