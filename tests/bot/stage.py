"""A bot with a chat in memory, on a real Redis, ledger and local store; the tests play the foreman."""

import asyncio
import contextlib
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import redis.asyncio

from adapters.stores.local import LocalStore
from bot.bot import Bot
from bot.memory import RedisMemory
from bot.policy import BotPolicy
from bot.ports import ChatAdapter, Person
from bot.texts.catalogue import Texts
from tests.fakes.chat import FakeChat
from worker.contract import keys
from worker.contract.codes import Code, Flag
from worker.contract.ports import ArchiveEntry
from worker.contract.records import (
    BatchRecord,
    ClipResult,
    ClipState,
    Reason,
    TakeState,
    TemplateRecord,
    TemplateState,
)
from worker.contract.tokens import TokenCodec
from worker.desk import Lease
from worker.ledger import RedisLedger
from worker.ledger_scripts import Queue

ANN = Person(id="ann", name="Ann", language="en")
LI = Person(id="li", name="李", language="zh")
NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
TEXTS = Texts()
NO_FACE = Reason(code=Code.NO_FACE, facts={"frame": 50.0, "second": 2.0})


@dataclass
class Stage:
    """Everything around one bot."""

    chat: FakeChat
    ledger: RedisLedger
    store: LocalStore
    memory: RedisMemory
    policy: BotPolicy
    now: datetime = NOW

    def bot(self, *more: ChatAdapter) -> Bot:
        return Bot(
            adapters=[self.chat, *more],
            ledger=self.ledger,
            store=self.store,
            memory=self.memory,
            texts=TEXTS,
            policy=self.policy,
            clock=lambda: self.now,
        )

    @contextlib.asynccontextmanager
    async def running(self, *more: ChatAdapter) -> AsyncIterator[None]:
        task = asyncio.create_task(self.bot(*more).run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def allow(self, **changes: object) -> None:
        self.policy = replace(self.policy, **changes)  # type: ignore[arg-type]

    async def add_templates(
        self, *names: str, state: TemplateState = TemplateState.READY, **facts: object
    ) -> None:
        for name in names:
            await self.ledger.add_template(
                TemplateRecord(
                    id=f"t-{name}",
                    name=name,
                    file_name=f"{name}.mp4",
                    sha256=hashlib.sha256(name.encode()).hexdigest(),
                    size_bytes=9,
                    created_at=NOW,
                )
            )
            if state is TemplateState.PREPARING:
                continue
            lease = await self.draw("templates")
            reason = NO_FACE if state is TemplateState.REJECTED else None
            told = {"duration_s": 12.0, "fps": 25.0, "frames": 300, **facts}
            assert await self.ledger.desk.settle_template(lease, state, told, reason)

    async def draw(self, queue: Queue) -> Lease:
        """The next work item, once there is one."""
        async with asyncio.timeout(60):
            while True:
                lease = await self.ledger.desk.draw(queue, "w")
                if lease is None:
                    await asyncio.sleep(0.01)
                elif lease.kind == "record":  # of a Batch that ended; nothing of the bot's
                    assert await self.ledger.desk.finish_record(lease)
                else:
                    return lease

    async def hear(self, speech_s: float = 7.4, duration_s: float = 7.9, **facts: object) -> None:
        """Analyse the recording that waits."""
        lease = await self.draw("takes")
        assert lease.kind == "take"
        for name in keys.TAKE_MADE:
            await self.store.put_bytes(keys.take(lease.subject, name), b"made")
        told = {"speech_s": speech_s, "duration_s": duration_s, **facts}
        assert await self.ledger.desk.settle_take(lease, TakeState.READY, told, None)

    async def reject(self, reason: Reason) -> None:
        """Refuse the recording that waits."""
        lease = await self.draw("takes")
        state = TakeState.FAILED if reason.incident else TakeState.REJECTED
        assert await self.ledger.desk.settle_take(lease, state, {}, reason)

    async def render(
        self, lease: Lease | None = None, flags: tuple[Flag, ...] = (), **found: object
    ) -> None:
        """Finish one Clip, with what its check has against it."""
        lease = lease or await self.draw("clips")
        content = lease.item.encode()
        key = keys.clip(lease.subject, lease.number, lease.fence)
        await self.store.put_bytes(key, content)
        result = ClipResult(
            key=key,
            size_bytes=len(content),
            crc32=zlib.crc32(content),
            sha256=hashlib.sha256(content).hexdigest(),
            frames=198,
            fps=25.0,
            duration_s=7.92,
            engine="viseme",
            flags=flags,
            **found,  # type: ignore[arg-type]
        )
        assert await self.ledger.desk.finish_clip(lease, result)

    async def report(self, lease: Lease, done: int, total: int = 198) -> None:
        assert await self.ledger.desk.report(lease, ClipState.RENDERING, done, total)

    async def pack(self, lease: Lease | None = None) -> None:
        """Pack an Archive, the one that waits."""
        lease = lease or await self.draw("archives")
        assert lease.kind == "archive"
        batch = await self.ledger.batch(lease.subject)
        assert batch is not None
        entries = [
            ArchiveEntry(
                name=f"output_{clip.number:03d}_{clip.template_name}.mp4",
                size_bytes=clip.result.size_bytes,
                crc32=clip.result.crc32,
                key=clip.result.key,
            )
            for clip in batch.clips
            if clip.result
        ]
        key = keys.archive(batch.id, lease.number)
        size = await self.store.put_archive(key, entries, NOW)
        name = f"chorus_{batch.code}_20261120_140000.zip"
        assert await self.ledger.desk.finish_archive(lease, key, size, name)

    async def newest(self, person: Person = ANN) -> BatchRecord:
        """The Batch ordered last."""
        batches = await self.ledger.history(self.chat.chat(), person, 0, 1)
        return batches[0]

    async def told(self) -> None:
        """Wait until nothing is left to tell.

        What is told stands in the chat before the bot has noted it: an offer is open a moment later, and an order over.
        """
        async with asyncio.timeout(60):
            while await self.ledger._client.xlen(keys.redis("outbox", self.chat.mailbox)):
                await asyncio.sleep(0.01)

    async def wait_for_batch(self, seen: Callable[[BatchRecord], bool]) -> BatchRecord:
        """Wait until the newest Batch of the desk looks like this."""
        async with asyncio.timeout(60):
            while True:
                batches = await self.ledger.history(self.chat.chat(), None, 0, 1)
                if batches and seen(batches[0]):
                    return batches[0]
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def open_stage(
    redis_url: str, folder: Path, chat: FakeChat | None = None
) -> AsyncIterator[Stage]:
    client = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
    memory = RedisMemory(redis_url)
    scratch = folder / "scratch"
    scratch.mkdir()
    codec = TokenCodec(b"a secret of tests only, long enough")
    store = LocalStore(folder / "store", codec, "http://door.test", clock=lambda: NOW)
    ledger = RedisLedger(client)
    await ledger.note_rebuilt()  # as a foreman does that finds an empty store
    try:
        yield Stage(chat or FakeChat(), ledger, store, memory, BotPolicy(scratch=scratch))
    finally:
        await memory.close()
        await client.aclose()
