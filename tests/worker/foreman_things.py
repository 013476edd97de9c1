"""A foreman with a fake engine, a real Redis and a real store, and what tests do with them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis.asyncio

from tests.fakes.foreman import CHILD, ENGINE, fake_store
from tests.worker.ledger_things import open_ledger, order, take, template
from worker.contract import keys
from worker.contract.ports import ObjectStore
from worker.contract.records import BatchRecord, BatchState, OrderOptions, Utterance
from worker.engine_link import EngineLink
from worker.foreman import Foreman
from worker.ledger import RedisLedger

TAKE = b"voice"
PATIENCE_S = 60.0
"""For what comes by itself: much longer than it takes, for nobody waits for a limit that is not reached."""


@dataclass
class Workplace:
    """Where tests order and watch."""

    url: str
    folder: Path
    ledger: RedisLedger
    store: ObjectStore

    async def order(
        self,
        key: str,
        *videos: str,
        recording: bytes = TAKE,
        teller: Utterance | None = None,
        options: OrderOptions | None = None,
    ) -> BatchRecord:
        """Order a Clip for each video, which is text that says what happens with it."""
        record = take(recording)
        await self.put(keys.take(record.id, "source"), recording)
        await self.ledger.open_take(record, teller)
        for number, video in enumerate(videos):
            name = f"{key}-{number}"
            await self.put(keys.template(f"t-{name}", "source"), video.encode())
            added = template(name, video.encode())
            await self.put(
                keys.template(added.id, "template.json"), added.model_dump_json().encode()
            )
            await self.ledger.add_template(added)
        names = [f"{key}-{number}" for number in range(len(videos))]
        asked = order(key, *names, of=record).model_copy(
            update={"options": options or OrderOptions()}
        )
        return await self.ledger.open_batch(asked)

    async def put(self, key: str, content: bytes) -> None:
        await self.store.put_bytes(key, content)

    async def until(
        self, batch: BatchRecord, true: Callable[[BatchRecord], bool], within_s: float = PATIENCE_S
    ) -> BatchRecord:
        """Wait until something holds for a Batch."""
        seen = batch
        try:
            async with asyncio.timeout(within_s):
                while True:
                    found = await self.ledger.batch(batch.id)
                    assert found is not None
                    seen = found
                    if true(seen):
                        return seen
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"it never came true: {seen!r}") from None

    async def ended(self, batch: BatchRecord, within_s: float = PATIENCE_S) -> BatchRecord:
        """Wait for the end of a Batch and close it, as the bot does."""
        await self.until(batch, over, within_s)
        current = await self.ledger.batch(batch.id)
        assert current is not None
        closed = await self.ledger.close_batch(batch.id, current.round)
        assert closed is not None
        return closed

    async def outcomes(self) -> int:
        """Utterances waiting to be told."""
        return int(await self.ledger._client.xlen("chorus:outbox:console:test"))

    def foreman(self, **options: Any) -> Foreman:
        return Foreman(
            redis_url=self.url,
            ledger=self.ledger,
            store=self.store,
            folder=self.folder / "work",
            **{"engine_command": ENGINE, "child_command": CHILD, **options},
        )

    @contextlib.asynccontextmanager
    async def working(self, **options: Any) -> AsyncIterator[Foreman]:
        """A foreman at work, in this process."""
        foreman = self.foreman(**options)
        task = asyncio.create_task(foreman.run())
        try:
            await asyncio.wait_for(foreman.ready.wait(), PATIENCE_S)
            yield foreman
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def over(batch: BatchRecord) -> bool:
    """Whether all its work has ended."""
    return batch.state is BatchState.READY or not batch.state.active


@contextlib.asynccontextmanager
async def open_workplace(
    url: str, folder: Path, client: "redis.asyncio.Redis | None" = None
) -> AsyncIterator[Workplace]:
    """``client``: to the same Redis, of the caller's own making."""
    store = fake_store(folder)
    opened = open_ledger(url) if client is None else contextlib.nullcontext(RedisLedger(client))
    async with opened as ledger:
        try:
            yield Workplace(url, folder, ledger, store)
        finally:
            await store.close()


@contextlib.asynccontextmanager
async def running_link(link: EngineLink) -> AsyncIterator[EngineLink]:
    """A link without a foreman, and its engine process, which ends with it."""
    running = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
