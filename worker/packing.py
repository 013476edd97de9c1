"""Archive work: the Clips that are done, with a manifest that says what became of the rest."""

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from worker.contract import keys
from worker.contract.archives import MOST_BYTES
from worker.contract.codes import Code
from worker.contract.names import archive_name
from worker.contract.ports import ArchiveEntry, ObjectMissing
from worker.contract.records import (
    Archive,
    BatchRecord,
    BatchState,
    ClipRecord,
    ClipState,
    Reason,
    TakeRecord,
)
from worker.contract.virtual_zip import VirtualZip
from worker.holdings import Held
from worker.manifest import (
    MANIFEST,
    REPORT,
    Report,
    clips_of,
    manifest_bytes,
    manifest_of,
    parts_of,
    report_bytes,
    written_of,
)
from worker.patience import NoLongerWanted
from worker.refusals import RefusedForGood, stored
from worker.reporting import Note, reported
from worker.workshop import Workshop

log = logging.getLogger(__name__)

_CAPTIONS: Final = (".srt", ".vtt")
_TELL_EVERY_S: Final = 0.5
_LOOKS: Final = 5
"""So often the Clips of an Archive are looked for, should one vanish between looking and packing."""


class Packing:
    """Makes Archives."""

    def __init__(
        self, shop: Workshop, report: Report | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        """Nothing is packed yet.

        Args:
            shop: What is at hand.
            report: Writes the report; None: there is none.
            most_bytes: Of one Archive; what is larger comes in parts, unless the order wants it otherwise.
        """
        self._shop = shop
        self._report = report
        self._most_bytes = most_bytes

    async def archive(self, held: Held) -> None:
        """Make the Archive of one round of a Batch and settle it. Raises NoLongerWanted, LookupError, RefusedForGood."""
        desk = self._shop.ledger.desk
        batch, archives = await self._put(held)
        if not archives:
            await self._put_record(held, batch.model_copy(update={"state": BatchState.READY}))
            await held.persist(lambda: desk.finish_without_archive(held.lease))
            return
        first, *more = archives
        # The record stands in the store before anybody is told.
        ended = batch.model_copy(
            update={
                "state": BatchState.READY,
                "archive_key": first.key,
                "archive_size_bytes": first.size_bytes,
                "archive_name": first.name,
                "more_archives": tuple(more),
            }
        )
        await self._put_record(held, ended)
        await held.persist(
            lambda: desk.finish_archive(held.lease, first.key, first.size_bytes, first.name, more)
        )

    async def record(self, held: Held) -> None:
        """Put the record of a Batch into the store, as it is now. Raises NoLongerWanted."""
        ledger, batch_id = self._shop.ledger, held.lease.subject
        batch = await held.persist(lambda: ledger.batch(batch_id))
        if batch is not None:
            await self._put_record(held, batch)
            if await held.persist(lambda: ledger.batch(batch_id)) is None:  # deleted meanwhile
                await held.persist(lambda: self._shop.store.delete(keys.batch(batch_id)))
        await held.persist(lambda: ledger.desk.finish_record(held.lease))

    async def _put_record(self, held: Held, batch: BatchRecord) -> None:
        """What is not taken costs people nothing, as long as Redis keeps its memory."""
        key, written = keys.batch(batch.id), batch.model_dump_json().encode()
        store = self._shop.store
        try:
            await stored(held, store, key, lambda: store.put_bytes(key, written))
        except RefusedForGood as refused:
            log.error("should Redis lose its memory, this order would be lost: %s", refused)  # noqa: TRY400

    async def _put(self, held: Held) -> tuple[BatchRecord, Sequence[Archive]]:
        """Store the Archive of what is there, in parts where it is too large; the Batch as it was packed, and the parts."""
        for _ in range(_LOOKS - 1):
            batch = await self._packable(held)
            try:
                return batch, await self._put_all(held, batch)
            except ObjectMissing as gone:  # since we looked
                log.warning("%s is packed anew: %s", held.lease.item, gone)
        batch = await self._packable(held)
        return batch, await self._put_all(held, batch)

    async def _put_all(self, held: Held, batch: BatchRecord) -> Sequence[Archive]:
        clip_keys = [entry.key for entry in clips_of(batch) if entry.key is not None]
        archives: list[Archive] = []
        if clip_keys and batch.order.options.zip != "none":  # a manifest alone is of no use
            parts = await self._parts(held, batch)
            async with self._told(held, parts, batch) as share:
                for entries in parts:
                    archives.append(await self._put_part(held, batch, entries, archives, share))
        await self._shop.cache.drop_clips(clip_keys)
        return archives

    async def _put_part(
        self,
        held: Held,
        batch: BatchRecord,
        entries: Sequence[ArchiveEntry],
        earlier: Sequence[Archive],
        share: "_Share",
    ) -> Archive:
        """Store one ZIP, behind those that are stored."""
        store, part = self._shop.store, len(earlier) + 1
        key = keys.archive(batch.id, batch.round, part if share.parts > 1 else None)
        near = self._shop.cache.clips([entry.key for entry in entries if entry.key is not None])
        before = sum(archive.size_bytes for archive in earlier)

        async def put() -> int:
            noted = share.begin(before)
            return await store.put_archive(key, entries, batch.created_at, near, noted)

        size_bytes = await stored(held, store, key, put)
        name = archive_name(batch.code, batch.created_at, part, share.parts)
        return Archive(key=key, name=name, size_bytes=size_bytes)

    async def _parts(self, held: Held, batch: BatchRecord) -> list[list[ArchiveEntry]]:
        """What each ZIP holds: mostly there is one."""
        take = await held.persist(lambda: self._shop.ledger.take(batch.order.take_id))
        captions = await self._captions(held, batch, take)
        clips, beside = clips_of(batch), self._beside(batch, take, captions, {})
        if batch.order.options.zip == "one":
            return [[*clips, *beside]]
        shared = parts_of(clips, beside, self._most_bytes)
        if len(shared) == 1:
            return [[*clips, *beside]]
        archives = {
            entry.name: archive_name(batch.code, batch.created_at, part, len(shared))
            for part, entries in enumerate(shared, 1)
            for entry in entries
        }
        # The same in each: whoever unpacks them into one folder finds one of each.
        beside = self._beside(batch, take, captions, archives)
        return [[*entries, *beside] for entries in shared]

    def _beside(
        self,
        batch: BatchRecord,
        take: TakeRecord | None,
        captions: Mapping[str, bytes],
        archives: Mapping[str, str],
    ) -> list[ArchiveEntry]:
        """What stands beside the Clips: captions, the manifest, the report."""
        manifest = manifest_of(batch, take, list(captions), archives)
        written = {**captions, MANIFEST: manifest_bytes(manifest)}
        if self._report is not None:
            written[REPORT] = report_bytes(self._report(batch, take, archives))
        return written_of(written)

    @contextlib.asynccontextmanager
    async def _told(
        self, held: Held, parts: Sequence[Sequence[ArchiveEntry]], batch: BatchRecord
    ) -> AsyncIterator["_Share"]:
        """While the Archive is being made, the ledger hears how far it is."""
        sizes = [VirtualZip(entries, batch.created_at).size_bytes for entries in parts]
        tell = functools.partial(self._shop.ledger.desk.report_archive, held.lease)
        async with reported(tell, _TELL_EVERY_S) as note:
            yield _Share(note, sum(sizes), len(parts))

    async def _packable(self, held: Held) -> BatchRecord:
        """The Batch, whose Clips that are done lie in the store: those that are gone from there have failed."""
        batch = await self._batch(held)
        looked = await asyncio.gather(*(self._lies_there(held, clip) for clip in batch.clips))
        lost = [
            clip
            for clip, there in zip(batch.clips, looked, strict=True)
            if clip.state is ClipState.DONE and not there
        ]
        for clip in lost:
            await self._lose(held, clip)
        return await self._batch(held) if lost else batch

    async def _batch(self, held: Held) -> BatchRecord:
        batch = await held.persist(lambda: self._shop.ledger.batch(held.lease.subject))
        if batch is None or batch.round != held.lease.number:
            raise LookupError(f"no Batch in that round: {held.lease.item}")
        return batch

    async def _lies_there(self, held: Held, clip: ClipRecord) -> bool:
        result = clip.result
        if result is None:
            return False
        try:
            facts = await held.persist(lambda: self._shop.store.stat(result.key))
        except ObjectMissing:
            return False
        return facts.size_bytes == result.size_bytes

    async def _lose(self, held: Held, clip: ClipRecord) -> None:
        """People are told that a Clip is gone, and can have it made again."""
        log.error("%s: clip %d is gone from the store", held.lease.item, clip.number)
        reason = Reason(code=Code.CLIP_GONE)
        # Else a worker that takes over the next attempt at it would believe that it is stored.
        if clip.result is not None:
            result_key = keys.clip_result(clip.result.key)
            await held.persist(lambda: self._shop.store.delete(result_key))
        desk = self._shop.ledger.desk
        if not await held.persist(lambda: desk.lose_clip(held.lease, clip.number, reason)):
            raise NoLongerWanted

    async def _captions(
        self, held: Held, batch: BatchRecord, take: TakeRecord | None
    ) -> dict[str, bytes]:
        """The files of captions, by their names in the Archive; none where the Take has no words or nobody wants them."""
        if take is None or not batch.order.options.captioned(take):
            return {}
        made = "captions-trimmed" if batch.order.options.trim else "captions"
        found = {}
        for suffix in _CAPTIONS:
            key = keys.take(take.id, f"{made}{suffix}")
            with contextlib.suppress(ObjectMissing):
                read = functools.partial(self._shop.store.get_bytes, key)
                found[f"captions{suffix}"] = await held.persist(read)
        return found


class _Share:
    """Notes how much of the Archives of a Batch lies in the store."""

    def __init__(self, note: Note, size_bytes: int, parts: int) -> None:
        self.parts = parts
        self._note = note
        self._size_bytes = size_bytes
        self._done_bytes = 0

    def begin(self, before_bytes: int) -> Callable[[int], None]:
        """A new part, or it anew; what is returned hears of its bytes as they come to lie in the store."""
        self._done_bytes = before_bytes
        return self._more

    def _more(self, size_bytes: int) -> None:
        self._done_bytes += size_bytes
        self._note(self._done_bytes, self._size_bytes)
