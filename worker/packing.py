"""Archive work: the Clips that are done, under names people can use, with a manifest that says what became of the rest."""

import contextlib
import functools
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from worker.contract import keys
from worker.contract.names import archive_name, clip_name
from worker.contract.ports import ArchiveEntry, ObjectMissing
from worker.contract.records import BatchRecord, BatchState, ClipRecord, ClipState, TakeRecord
from worker.holdings import Held
from worker.workshop import Workshop

_CAPTIONS: Final = (".srt", ".vtt")


class Packing:
    """Makes Archives."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def archive(self, held: Held) -> None:
        """Make the Archive of one round of a Batch and settle it. Raises NoLongerWanted, LookupError."""
        ledger, batch_id = self._shop.ledger, held.lease.subject
        batch = await held.persist(lambda: ledger.batch(batch_id))
        if batch is None or batch.round != held.lease.number:
            raise LookupError(f"no Batch in that round: {held.lease.item}")
        take = await held.persist(lambda: ledger.take(batch.order.take_id))
        key = keys.archive(batch_id, batch.round)
        size_bytes = await self._put(held, key, batch, take)
        name = archive_name(batch.code, batch.created_at)
        # The record stands in the store before anybody is told.
        ended = batch.model_copy(
            update={
                "state": BatchState.READY,
                "archive_key": key,
                "archive_size_bytes": size_bytes,
                "archive_name": name,
            }
        )
        await self._put_record(held, ended)
        await held.persist(lambda: ledger.desk.finish_archive(held.lease, key, size_bytes, name))

    async def record(self, held: Held) -> None:
        """Put the record of a Batch that ended into the store. Raises NoLongerWanted."""
        ledger, batch_id = self._shop.ledger, held.lease.subject
        batch = await held.persist(lambda: ledger.batch(batch_id))
        if batch is not None:
            await self._put_record(held, batch)
        await held.persist(lambda: ledger.desk.finish_record(held.lease))

    async def _put_record(self, held: Held, batch: BatchRecord) -> None:
        key, written = keys.batch(batch.id), batch.model_dump_json().encode()
        await held.persist(lambda: self._shop.store.put_bytes(key, written))

    async def _put(self, held: Held, key: str, batch: BatchRecord, take: TakeRecord | None) -> int:
        """Store the Archive of what is there; returns its size."""
        store, missing = self._shop.store, set[int]()
        for clip in batch.clips:
            if clip.result is not None and not await self._exists(held, clip.result.key):
                missing.add(clip.number)
        captions = await self._captions(held, batch, take)
        entries = entries_of(batch, take, missing, captions)
        clips = [entry.key for entry in entries if entry.key is not None]
        near = self._shop.cache.clips(clips)
        size_bytes = await held.persist(
            lambda: store.put_archive(key, entries, batch.created_at, near)
        )
        await self._shop.cache.drop_clips(clips)
        return size_bytes

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

    async def _exists(self, held: Held, key: str) -> bool:
        try:
            await held.persist(lambda: self._shop.store.stat(key))
        except ObjectMissing:
            return False
        return True


def entries_of(
    batch: BatchRecord,
    take: TakeRecord | None,
    missing: set[int],
    captions: Mapping[str, bytes] | None = None,
) -> list[ArchiveEntry]:
    """What the Archive holds: the Clips that are done, then captions, then the manifest.

    Args:
        batch: With its Clips.
        take: The recording; None if the ledger no longer knows it.
        missing: Numbers of Clips whose object is no longer in the store.
        captions: Files of captions, by name.
    """
    captions = captions or {}
    entries = [
        ArchiveEntry(
            clip_name(clip.number, clip.template_name),
            clip.result.size_bytes,
            clip.result.crc32,
            key=clip.result.key,
        )
        for clip in batch.clips
        if clip.state is ClipState.DONE and clip.result and clip.number not in missing
    ]
    manifest = manifest_of(batch, take, missing, list(captions))
    content = json.dumps(manifest, ensure_ascii=False, indent=2).encode()
    written = {**captions, "manifest.json": content}
    return entries + [
        ArchiveEntry(name, len(content), zlib.crc32(content), content=content)
        for name, content in written.items()
    ]


def manifest_of(
    batch: BatchRecord,
    take: TakeRecord | None,
    missing: set[int],
    captions: Sequence[str] = (),
) -> dict[str, Any]:
    """What was asked, and what became of every Clip, with the names the files came under."""
    order = batch.order
    return {
        "batch": batch.id,
        "code": batch.code,
        "round": batch.round,
        "ordered_at": batch.created_at.isoformat(),
        "take": {
            "id": order.take_id,
            "file": order.take_name,
            "seconds": take.duration_s if take else None,
            "analyses": take.analyses if take else None,
            "remarks": [each.model_dump(mode="json") for each in take.remarks] if take else None,
        },
        "engine": order.engine,
        "options": order.options.model_dump(mode="json"),
        "captions": list(captions),
        "clips": [_clip_in_manifest(clip, clip.number in missing) for clip in batch.clips],
    }


def _clip_in_manifest(clip: ClipRecord, missing: bool) -> dict[str, Any]:  # noqa: FBT001 - private
    result = clip.result
    there = clip.state is ClipState.DONE and not missing
    told: dict[str, Any] = {
        "number": clip.number,
        "name": clip_name(clip.number, clip.template_name) if there else None,
        "template": clip.template_name,
        "template_file": clip.template_file,
        "state": "missing" if missing else clip.state,
        "reason": clip.reason.model_dump(mode="json", exclude_none=True) if clip.reason else None,
    }
    if result and there:
        told |= result.model_dump(mode="json", exclude={"key", "crc32"})
    return told
