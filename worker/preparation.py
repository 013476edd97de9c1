"""Take and Template work: bytes from outside go through a disposable child, once, and what it made into the store."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from worker.child import Child, Refused
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import ObjectMissing
from worker.contract.records import (
    Reason,
    TakeRecord,
    TakeState,
    TemplateRecord,
    TemplateState,
)
from worker.decoding import Hear, decode
from worker.hearing import Hearing
from worker.holdings import Held
from worker.patience import NoLongerWanted
from worker.refusals import stored
from worker.workshop import Workshop, refusal

Limits = Mapping[str, Mapping[str, float]]
"""For ``take`` and ``template`` what ``pipeline.sandbox`` takes as limits."""

log = logging.getLogger(__name__)

_POSTER: Final = "poster.jpg"
_FACTS: Final = "template.json"
"""Stored last: where it is, the preparation is whole."""
_CONTENT_TYPES: Final = {
    ".json": "application/json",
    ".jpg": "image/jpeg",
    ".flac": "audio/flac",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
}


class Preparation:
    """Analyses Takes and prepares Templates; all methods may raise NoLongerWanted, Impossible, RefusedForGood and ChildFailed."""

    def __init__(self, shop: Workshop, child: Child, limits: Limits, hearing: Hearing) -> None:
        self._shop = shop
        self._child = child
        self._limits = limits
        self._hearing = hearing
        self._words_failed = ""
        """Why the last Take had no words, though weights are installed: told once, not with each Take."""

    async def take(self, held: Held) -> None:
        """Analyse one Take and settle it."""
        desk, id_ = self._shop.ledger.desk, held.lease.subject
        take = await held.persist(lambda: self._shop.ledger.take(id_))
        if take is None:
            raise LookupError(f"no record of {held.lease.item}")
        with self._shop.own_folder() as folder:
            gone = refusal(Code.TAKE_GONE, name=take.name)
            source = await self._fetch(held, keys.take(id_, "source"), folder, gone)
            try:
                hear = await self._hearing.of(held)
                told = await self._decode(held, "take", source, take.name, hear)
            except Refused as refused:
                reason = Reason(code=Code(refused.code), facts=refused.facts)
                await held.persist(
                    lambda: desk.settle_take(held.lease, TakeState.REJECTED, {}, reason)
                )
                return
            await self._store(held, source.with_name("made"), lambda name: keys.take(id_, name))
        self._tell_of_words(told.get("words_failed", ""))
        facts = _facts_of_take(told)
        changes = {"state": TakeState.READY, "analyses": take.analyses + 1, "reason": None}
        record = TakeRecord.model_validate({**take.model_dump(), **changes, **facts})
        await self._put_json(held, keys.take(id_, "take.json"), record.model_dump_json())
        await held.persist(lambda: desk.settle_take(held.lease, TakeState.READY, facts, None))

    def _tell_of_words(self, failed: str) -> None:
        if failed and failed != self._words_failed:
            log.warning("Takes go without words: %s", failed)
        elif self._words_failed and not failed:
            log.info("nothing keeps Takes from their words any more")
        self._words_failed = failed

    async def template(self, held: Held) -> None:
        """Prepare one Template and settle it; the same video is never prepared twice."""
        desk, id_ = self._shop.ledger.desk, held.lease.subject
        template = await held.persist(lambda: self._shop.ledger.template(id_))
        if template is None:
            raise NoLongerWanted
        started = time.monotonic()
        try:
            told = await self._known(held, template) or await self._prepare(held, template)
        except Refused as refused:
            reason = Reason(code=Code(refused.code), facts=refused.facts)
            await held.persist(
                lambda: desk.settle_template(held.lease, TemplateState.REJECTED, {}, reason)
            )
            return
        facts = _facts_of_template(told, time.monotonic() - started)
        await self._copy_poster(held, template)
        changes = {"state": TemplateState.READY, "reason": None, **facts}
        record = TemplateRecord.model_validate({**template.model_dump(), **changes})
        await self._put_json(held, keys.template(id_, _FACTS), record.model_dump_json())
        await held.persist(
            lambda: desk.settle_template(held.lease, TemplateState.READY, facts, None)
        )

    async def _known(self, held: Held, template: TemplateRecord) -> dict[str, Any] | None:
        """What an earlier preparation of the same video told."""
        key = keys.prepared(template.sha256, _FACTS)
        try:
            told: dict[str, Any] = json.loads(
                await held.persist(lambda: self._shop.store.get_bytes(key))
            )
        except ObjectMissing:
            return None
        return told

    async def _prepare(self, held: Held, template: TemplateRecord) -> dict[str, Any]:
        with self._shop.own_folder() as folder:
            gone = refusal(Code.TEMPLATE_GONE, name=template.name)
            key = keys.template(template.id, "source")
            source = await self._fetch(held, key, folder, gone)
            told = await self._decode(held, "template", source, template.file_name)
            made = source.with_name("made")
            await self._store(held, made, lambda name: keys.prepared(template.sha256, name))
        return told

    async def _fetch(self, held: Held, key: str, folder: Path, gone: Exception) -> Path:
        path = folder / "source"
        try:
            await held.persist(lambda: self._shop.store.get_file(key, path))
        except ObjectMissing:
            raise gone from None
        return path

    async def _decode(
        self, held: Held, do: str, source: Path, name: str, hear: Hear | None = None
    ) -> dict[str, Any]:
        """Have the child look at the source; what it makes stands in ``made`` beside it."""
        limits, made = self._limits.get(do), source.with_name("made")
        return await decode(self._child, held, do, source, name, made, limits, hear)

    async def _store(self, held: Held, folder: Path, key: Callable[[str], str]) -> None:
        """Store what the child made."""
        names = await asyncio.to_thread(os.listdir, folder)
        for name in sorted(names, key=lambda name: (name == _FACTS, name)):
            await self._put_file(held, key(name), folder / name)

    async def _put_file(self, held: Held, key: str, path: Path) -> None:
        kind = _CONTENT_TYPES.get(path.suffix, "application/octet-stream")
        store = self._shop.store
        await stored(held, store, key, lambda: store.put_file(key, path, kind))

    async def _copy_poster(self, held: Held, template: TemplateRecord) -> None:
        store = self._shop.store
        source, target = (
            keys.prepared(template.sha256, _POSTER),
            keys.template(template.id, _POSTER),
        )
        poster = await held.persist(lambda: store.get_bytes(source))
        await stored(held, store, target, lambda: store.put_bytes(target, poster, "image/jpeg"))

    async def _put_json(self, held: Held, key: str, written: str) -> None:
        store = self._shop.store
        await stored(held, store, key, lambda: store.put_bytes(key, written.encode()))


def _facts_of_take(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a TakeRecord, out of what the child told."""
    return {
        "duration_s": float(told["duration_s"]),
        "speech_s": float(told["speech_s"]),
        "words": told["words"],
        "remarks": told["remarks"],
    }


def _facts_of_template(told: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The fields of a TemplateRecord, out of what the child told; one of an earlier version told less."""
    video = told["facts"]
    return {
        "width_px": video["width_px"],
        "height_px": video["height_px"],
        "fps": round(float(Fraction(video["fps"])), 3),
        "frames": video["frames"],
        "duration_s": video["duration_s"],
        "face_share": told["face_share"],
        "screen": told.get("screen"),
        "remarks": told.get("remarks", []),
        "seconds": round(seconds, 3),
    }
