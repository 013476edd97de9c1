"""Clip work: what a Clip is made of comes from the cache, the engine renders it, and it is checked and stored while the next one renders."""

import functools
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from worker.asked import LabelRules, asked_of_clip
from worker.attempts import finished_attempt
from worker.cache import SOURCE
from worker.contract import keys
from worker.contract.codes import Code
from worker.contract.ports import ObjectMissing, StoreUnavailable
from worker.contract.records import BatchRecord, ClipResult, ClipState, TemplateRecord
from worker.engine_link import EngineLink
from worker.errands import EngineAway, EngineMissing, Rendered, RenderRefused, RenderStopped
from worker.holdings import Held
from worker.patience import NoLongerWanted
from worker.pictures import Pictures
from worker.refusals import stored
from worker.reporting import Note, reported
from worker.skills import Skills
from worker.workshop import Workshop, refusal

log = logging.getLogger(__name__)

_REPORT_EVERY_S: Final = 0.3


@dataclass(frozen=True)
class Made:
    """A finished Clip on this machine's disk."""

    path: Path
    result: ClipResult
    rendered: Rendered
    template: TemplateRecord


class ClipWork:
    """Renders and stores Clips; all methods may raise NoLongerWanted, Impossible, ChildFailed and EngineFailed."""

    def __init__(
        self,
        shop: Workshop,
        link: EngineLink,
        skills: Skills,
        pictures: Pictures,
        label: LabelRules,
    ) -> None:
        self._shop = shop
        self._link = link
        self._skills = skills
        self._pictures = pictures
        self._label = label

    async def render(self, held: Held) -> Made | None:
        """Render one Clip; None if an earlier attempt had stored it already, and it is settled."""
        batch_id, number = held.lease.subject, held.lease.number
        batch = await held.persist(lambda: self._shop.ledger.batch(batch_id))
        if batch is None:
            raise LookupError(f"no Batch of {held.lease.item}")
        if held.lease.attempt > 1 and await self._was_stored(held):
            return None
        clip = batch.clips[number - 1]
        template = await held.persist(lambda: self._shop.ledger.template(clip.template_id))
        if template is None:
            raise refusal(Code.TEMPLATE_GONE, name=clip.template_name)
        folder = self._shop.new_folder()
        try:
            return await self._rendered(held, batch, template, folder / "clip.mp4")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    async def store(self, held: Held, made: Made) -> None:
        """Store a rendered Clip, however long the store is away, and settle it. Raises RefusedForGood too."""
        desk, store, lease = self._shop.ledger.desk, self._shop.store, held.lease
        result = made.result
        try:
            still_ours = await held.persist(
                lambda: desk.report(lease, ClipState.STORING, result.frames, result.frames)
            )
            if not still_ours:
                raise NoLongerWanted
            await stored(
                held, store, result.key, lambda: store.put_file(result.key, made.path, "video/mp4")
            )
            result = await self._judged(held, made)
            record = keys.clip_result(result.key)
            written = result.model_dump_json().encode()
            await stored(held, store, record, lambda: store.put_bytes(record, written))
            if store.local_path(result.key) is None:  # else it is as near as can be
                await self._shop.cache.keep_clip(result.key, made.path)
            await held.persist(lambda: desk.finish_clip(lease, result, made.template))
        finally:
            self._link.end_check(made.rendered)
            shutil.rmtree(made.path.parent, ignore_errors=True)

    async def _judged(self, held: Held, made: Made) -> ClipResult:
        """The result with what the engine's check found meanwhile."""
        figures = await self._link.checked(made.rendered, held.stop)
        if held.stop.is_set():
            raise NoLongerWanted
        result = ClipResult.model_validate({**made.result.model_dump(), **(figures or {})})
        if result.flags:
            log.warning("%s is flagged: %s", held.lease.item, ", ".join(result.flags))
        return result

    async def _was_stored(self, held: Held) -> bool:
        """Settle a Clip whose worker died between storing it and saying so."""
        store, lease = self._shop.store, held.lease
        found = await held.persist(lambda: finished_attempt(store, lease.subject, lease.number))
        if found is None:
            return False
        await held.persist(lambda: self._shop.ledger.desk.finish_clip(lease, found[0]))
        return True

    async def _rendered(
        self, held: Held, batch: BatchRecord, template: TemplateRecord, out: Path
    ) -> Made:
        take_folder, template_folder = await self._ingredients(held, batch, template)
        picture = await self._picture(held, batch)
        request = {
            "engine": batch.order.engine,
            "take": str(take_folder),
            "template": str(template_folder),
            "video": str(template_folder / SOURCE),
            "out": str(out),
            "options": asked_of_clip(batch, held.lease.number, self._label, picture),
        }
        report = functools.partial(self._shop.ledger.desk.report, held.lease, ClipState.RENDERING)
        async with reported(report, _REPORT_EVERY_S) as note:
            rendered = await self._ask_engine(held, request, note)
        await self._keep_features(template, template_folder, rendered.features)
        result = ClipResult.model_validate(
            {
                "key": keys.clip(held.lease.subject, held.lease.number, held.lease.fence),
                "engine": batch.order.engine,
                **rendered.result,
            }
        )
        return Made(out, result, rendered, template)

    async def _ask_engine(self, held: Held, request: dict[str, Any], note: Note) -> Rendered:
        def progress(stage: str, done: int, total: int) -> None:
            if stage == "render":  # only rendered frames are worth telling
                note(done, total)

        async def begin() -> None:
            desk = self._shop.ledger.desk
            if not await held.persist(lambda: desk.begin(held.lease)):
                raise RenderStopped

        try:
            return await self._link.render(
                request, progress, held.stop, begin=begin, alone=held.lease.suspect
            )
        except RenderStopped:
            raise NoLongerWanted from None
        except EngineAway as away:
            log.warning("%s is handed back, there is no engine here: %s", held.lease.item, away)
            raise NoLongerWanted from None
        except RenderRefused as refused:
            raise refusal(refused.code, **refused.facts) from None
        except EngineMissing as missing:
            engine = request["engine"]
            if await held.persist(lambda: self._skills.leave_to_others(engine)):
                log.warning("engine %s is left to other workers for a while: %s", engine, missing)
                raise NoLongerWanted from None
            raise refusal(Code.ENGINE_UNAVAILABLE, engine=engine, advice=str(missing)) from None

    async def _ingredients(
        self, held: Held, batch: BatchRecord, template: TemplateRecord
    ) -> tuple[Path, Path]:
        take_id = batch.order.take_id
        try:
            take_folder = await held.persist(lambda: self._shop.cache.take(take_id, held.using))
        except ObjectMissing:
            await held.persist(lambda: self._shop.ledger.desk.forget_take(take_id))
            raise refusal(Code.TAKE_GONE, name=batch.order.take_name) from None
        try:
            template_folder = await held.persist(
                lambda: self._shop.cache.template(template, held.using)
            )
        except ObjectMissing:
            raise refusal(Code.TEMPLATE_GONE, name=template.name) from None
        return take_folder, template_folder

    async def _picture(self, held: Held, batch: BatchRecord) -> Path | None:
        """The ordered background as the engine may open it, if a picture was ordered."""
        background = batch.order.options.background
        if background is None or background.picture is None:
            return None
        return await self._pictures.background(held, background.picture)

    async def _keep_features(
        self, template: TemplateRecord, folder: Path, names: Sequence[str]
    ) -> None:
        """Put what the engine computed of the Template into the store, for other workers; they can do without."""
        for name in names:
            try:
                await self._shop.store.put_file(keys.prepared(template.sha256, name), folder / name)
            except StoreUnavailable as error:
                log.warning("features of template %s were not stored: %s", template.id, error)
