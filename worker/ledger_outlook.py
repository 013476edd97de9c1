"""The ledger's side of ``worker/outlook.py``: who stands where, and what Clips took, read from Redis."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from worker.contract import keys
from worker.contract.records import Outlook, TemplateRecord, TemplateState
from worker.ledger_records import pairs, template_of
from worker.ledger_scripts import Scripts, redis_errors_as_ours
from worker.outlook import Queue, Rates, Seat, left_s, work_of

LOOKED_AT: Final = 32
"""Clips of others that are weighed one by one; further ones count as their mean."""
_TEMPLATES_KEPT: Final = 1000

_Told = Sequence[str]
"""own, engine, Template, length in ms, ms since it was drawn, frames done, frames in all: as ``outlook.lua`` has it."""


class Outlooks:
    """Tells what Batches have before them."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._templates: dict[str, TemplateRecord] = {}
        """Those that are ready: what counts here never changes any more."""

    async def of(self, batch_id: str) -> Outlook:
        """Who comes first, and how long it will still take. Raises LedgerUnavailable."""
        return await self.read(await self._scripts.run("outlook", batch_id, LOOKED_AT))

    async def read(self, answer: Sequence[Any]) -> Outlook:
        """What the script answers of a Batch. Raises LedgerUnavailable."""
        ahead, *more = answer
        if not more:
            return Outlook(ahead=ahead)
        seats, further, outside, told, sums = more
        known = zip(sums[::2], sums[1::2], strict=True)
        rates = {engine: Rates(pairs(flat)) for engine, flat in known if flat}
        if not rates:
            return Outlook(ahead=ahead)
        templates = await self._known({clip[2] for clip in told})
        clips = [_seat(clip, templates) for clip in told]
        return Outlook(ahead=ahead, left_s=left_s(Queue(seats, clips, further, outside), rates))

    async def _known(self, ids: set[str]) -> Mapping[str, TemplateRecord]:
        missing = sorted(ids - self._templates.keys())
        if missing:
            with redis_errors_as_ours():
                async with self._scripts.client.pipeline(transaction=False) as pipe:
                    for template_id in missing:
                        pipe.hgetall(keys.redis("template", template_id))
                    hashes = await pipe.execute()
            found = [template_of(fields) for fields in hashes if fields]
            if len(self._templates) > _TEMPLATES_KEPT:
                self._templates.clear()
            self._templates |= {t.id: t for t in found if t.state is TemplateState.READY}
        return self._templates


def _seat(told: _Told, templates: Mapping[str, TemplateRecord]) -> Seat:
    own, engine, template_id, clip_ms, elapsed_ms, done, total = told
    return Seat(
        own=own == "1",
        work=work_of(engine, templates.get(template_id), int(clip_ms) / 1000),
        elapsed_s=int(elapsed_ms) / 1000 if elapsed_ms else None,
        share=min(int(done) / int(total), 1.0) if int(total) else 0.0,
    )
