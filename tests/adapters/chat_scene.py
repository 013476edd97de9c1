"""Chorus around one chat platform, whole: bot, ledger, store, foreman and Redis; a null engine."""

import asyncio
import contextlib
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import redis.asyncio

from adapters.stores.local import LocalStore
from adapters.web.door import Door, make_door
from bot.bot import Bot
from bot.memory import RedisMemory
from bot.policy import BotPolicy
from bot.ports import ChatAdapter
from tests.adapters.reading import TEXTS
from tests.fakes.foreman import CHILD, ENGINE
from tests.worker.ledger_things import template
from worker.contract import keys
from worker.contract.records import BatchRecord, Chat
from worker.contract.tokens import TokenCodec
from worker.foreman import Foreman
from worker.ledger import RedisLedger

PUBLIC = "https://chorus.example"


async def all_well() -> dict[str, bool]:
    return {"redis": True}


@dataclass
class ChatScene:
    """Everything around the conversations."""

    url: str
    folder: Path
    ledger: RedisLedger
    store: LocalStore
    codec: TokenCodec
    policy: BotPolicy
    door: Door
    memories: list[RedisMemory] = field(default_factory=list)

    def memory(self) -> RedisMemory:
        """Of one more front end."""
        self.memories.append(RedisMemory(self.url))
        return self.memories[-1]

    @contextlib.asynccontextmanager
    async def front_end(self, *adapters: ChatAdapter) -> AsyncIterator[Bot]:
        """A front end at work."""
        bot = Bot(
            adapters=adapters,
            ledger=self.ledger,
            store=self.store,
            memory=self.memory(),
            texts=TEXTS,
            policy=self.policy,
        )
        task = asyncio.create_task(bot.run())
        try:
            yield bot
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @contextlib.asynccontextmanager
    async def foreman(self) -> AsyncIterator[Foreman]:
        """A worker with the null engine."""
        foreman = Foreman(
            redis_url=self.url,
            ledger=self.ledger,
            store=self.store,
            folder=self.folder / "work",
            engine_command=ENGINE,
            child_command=CHILD,
        )
        task = asyncio.create_task(foreman.run())
        try:
            await asyncio.wait_for(foreman.ready.wait(), 120)
            yield foreman
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def stock(self, **videos: str) -> None:
        """Put templates into the library; what stands in each tells the null engine what to do."""
        for name, what in videos.items():
            await self.store.put_bytes(keys.template(f"t-{name}", "source"), what.encode())
            await self.ledger.add_template(template(name, what.encode()))

    async def ordered(self, chat: Chat) -> Sequence[BatchRecord]:
        """All that was ordered in a chat, the newest first."""
        return await self.ledger.history(chat, None, 0, 100)

    async def download(self, url: str) -> dict[str, bytes]:
        """Download an Archive through its Link, and open it."""
        assert url.startswith(PUBLIC)
        local = url.replace(PUBLIC, self.door.url, 1)
        async with aiohttp.ClientSession() as session, session.get(local) as answer:
            assert answer.status == 200
            content = await answer.read()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}


@contextlib.asynccontextmanager
async def open_parts(
    url: str, folder: Path, allow: Sequence[str] = ()
) -> AsyncIterator[tuple[str, Path, RedisLedger, LocalStore, TokenCodec, BotPolicy, Door]]:
    """What a scene is made of, in its order; a bot there waits for the picture of a page however long it is drawn."""
    client = redis.asyncio.Redis.from_url(url, decode_responses=True)
    codec = TokenCodec(b"a secret of tests only, long enough")
    store = LocalStore(folder / "store", codec, PUBLIC)
    scratch = folder / "scratch"
    scratch.mkdir()
    policy = BotPolicy(scratch=scratch, allow=tuple(allow))
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("bot.lineups._WAIT_S", 60.0)
            async with Door(make_door(store, codec, ready=all_well), "127.0.0.1", 0) as door:
                yield url, folder, RedisLedger(client), store, codec, policy, door
    finally:
        await store.close()
        await client.aclose()
