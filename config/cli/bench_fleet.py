"""What a bench of the queue works with: Takes and Templates without pictures, orders, and workers of their own processes."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from config.cli.bench_worker import RENDERS, bench_store
from config.paths import log_folder
from config.settings import Settings
from config.supervisor import Part, Supervisor
from config.system import WORKER_NICENESS
from worker.contract import keys
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    Order,
    Person,
    TakeRecord,
    TakeState,
    TemplateRecord,
    TemplateState,
)
from worker.ledger import RedisLedger

_FPS: Final = 25.0
_LOOK_S: Final = 0.02
_STOP_S: Final = 10.0


@dataclass(frozen=True)
class Fleet:
    """Ledger, store and folder of a bench."""

    settings: Settings
    redis_url: str
    ledger: RedisLedger

    @property
    def folder(self) -> Path:
        """Shared by all workers."""
        return self.settings.data_dir

    async def stock_take(self, length_s: float, content: bytes | None = None) -> TakeRecord:
        """A recording of that length, analysed; nothing of it can be heard. ``content`` is what it came as."""
        store, said = bench_store(self.folder), f"{length_s:g}".encode()
        id_ = hashlib.sha256(content or b"take" + said).hexdigest()
        for name in ("source", "sound.flac", "speech.npz", "words.json"):
            await store.put_bytes(keys.take(id_, name), said)
        record = TakeRecord(
            id=id_, name="bench.ogg", size_bytes=len(said), created_at=datetime.now(UTC)
        )
        await self.ledger.open_take(record)
        lease = await self.ledger.desk.draw("takes", "bench")
        assert lease is not None  # noqa: S101 - just opened, and no worker runs
        facts = {"duration_s": length_s, "speech_s": length_s, "words": 0, "remarks": []}
        await self.ledger.desk.settle_take(lease, TakeState.READY, facts, None)
        return record.model_copy(update={"duration_s": length_s})

    async def stock_template(
        self, number: int, width_px: int = 1280, height_px: int = 720, length_s: float = 10.0
    ) -> TemplateRecord:
        """A video of that size, prepared; nothing of it can be seen."""
        store, size = bench_store(self.folder), f"{width_px * height_px / 1e6:g}".encode()
        sha256 = hashlib.sha256(f"template {number}".encode()).hexdigest()
        record = TemplateRecord(
            id=f"bench-{number}",
            name=f"bench {number}",
            file_name=f"bench-{number}.mp4",
            sha256=sha256,
            size_bytes=len(size),
            created_at=datetime.now(UTC),
        )
        await store.put_bytes(keys.template(record.id, "source"), size)
        await store.put_bytes(keys.prepared(sha256, "template.json"), b"{}")
        await self.ledger.add_template(record)
        lease = await self.ledger.desk.draw("templates", "bench")
        assert lease is not None  # noqa: S101 - just opened, and no worker runs
        facts = {
            "width_px": width_px,
            "height_px": height_px,
            "fps": _FPS,
            "frames": round(length_s * _FPS),
            "duration_s": length_s,
        }
        await self.ledger.desk.settle_template(lease, TemplateState.READY, facts, None)
        return record

    async def order(
        self,
        key: str,
        chat: Chat,
        take: TakeRecord,
        templates: Sequence[TemplateRecord],
        person: Person | None = None,
    ) -> BatchRecord:
        """An order in a chat; of its only person, unless another is named."""
        return await self.ledger.open_batch(
            Order(
                key=f"bench:{key}",
                chat=chat,
                person=person or Person(id=chat.id),
                take_id=take.id,
                take_name=take.name,
                template_ids=tuple(template.id for template in templates),
                clip_s=take.duration_s,
            )
        )

    async def made(self, batches: Sequence[BatchRecord]) -> None:
        """Wait until nothing of them is left to make."""
        for batch in batches:
            while not await self._over(batch.id):  # noqa: ASYNC110 - it ends in other processes
                await asyncio.sleep(_LOOK_S)

    async def _over(self, batch_id: str) -> bool:
        batch = await self.ledger.batch(batch_id)
        return batch is None or batch.state is BatchState.READY or not batch.state.active

    def renders(self) -> list[str]:
        """A name for every time that a Clip was rendered."""
        log = self.folder / RENDERS
        return log.read_text().splitlines() if log.exists() else []

    @contextlib.asynccontextmanager
    async def workers(self, count: int, *cost: float) -> AsyncIterator[Sequence[Part]]:
        """So many workers, whose Clips cost that: seconds, and seconds for each megapixel. Raises PartFailed."""
        arguments = [str(self.folder), *(f"{each:g}" for each in cost)]
        environment = {
            "CHORUS_REDIS_URL": self.redis_url,
            "CHORUS_DATA_DIR": str(self.settings.data_dir),
        }
        supervisor = Supervisor(
            [
                Part(
                    f"bench worker {number}",
                    "config.cli.bench_worker",
                    arguments,
                    environment,
                    log_folder(self.settings) / f"bench-worker-{number}.log",
                    stop_s=_STOP_S,
                    niceness=WORKER_NICENESS,
                )
                for number in range(1, count + 1)
            ]
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(supervisor.run())
            await supervisor.ready()
            try:
                yield supervisor.parts
            finally:
                running.cancel()
