"""Chorus on Telegram, whole: the fake server, the real library, bot, ledger, store, foreman and Redis; a null engine."""

import asyncio
import contextlib
import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import redis.asyncio

from adapters.chats.telegram.adapter import TelegramChat
from adapters.chats.telegram.rates import Rates
from adapters.stores.local import LocalStore
from adapters.web.door import Door, make_door
from bot.bot import Bot
from bot.memory import RedisMemory
from bot.policy import BotPolicy
from bot.texts.catalogue import Texts
from tests.adapters.telegram_things import FAST, QUICK, make_chat
from tests.fakes.foreman import CHILD, ENGINE
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.world import Message, Person, Room
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
class Scene:
    """Everything around the conversations."""

    telegram: FakeTelegram
    url: str
    folder: Path
    ledger: RedisLedger
    store: LocalStore
    codec: TokenCodec
    policy: BotPolicy
    door: Door
    memories: list[RedisMemory] = field(default_factory=list)
    rates: Rates = FAST
    """How fast the front ends speak."""

    def chat(self, **options: object) -> TelegramChat:
        """The adapter of one more front end."""
        self.memories.append(RedisMemory(self.url))
        return make_chat(self.telegram, self.memories[-1], self.rates, QUICK, **options)  # type: ignore[arg-type]

    @contextlib.asynccontextmanager
    async def bot(self, chat: TelegramChat | None = None) -> AsyncIterator[Bot]:
        """A front end at work."""
        chat = chat or self.chat()
        bot = Bot(
            adapters=[chat],
            ledger=self.ledger,
            store=self.store,
            memory=self.memories[-1],
            texts=Texts(),
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
            await asyncio.wait_for(foreman.ready.wait(), 20)
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

    async def batches(self, room: Room) -> Sequence[BatchRecord]:
        """All that was ordered in a chat, the newest first."""
        chat = Chat(platform="telegram", account="4242", id=str(room.id))
        return await self.ledger.history(chat, None, 0, 100)

    async def nothing_left_to_do(self, limit_s: float = 60) -> None:
        """Wait until every message is answered and everything is told."""
        client = redis.asyncio.Redis.from_url(self.url, decode_responses=True)
        async with client, asyncio.timeout(limit_s):
            for name in (
                "chorus:memory:inbox:telegram%3A4242",
                "chorus:memory:inbox:telegram%3A4242%3Afiles",
                "chorus:outbox:telegram:4242",
            ):
                while await client.xlen(name):
                    await asyncio.sleep(0.05)

    async def result(self, room: Room, limit_s: float = 30) -> Message:
        """The newest message that tells of a ZIP."""
        return await self.telegram.wait_for_text(room, "The links work", limit_s)

    async def unzip(self, url: str) -> dict[str, bytes]:
        """Download an Archive through its Link and open it."""
        assert url.startswith(PUBLIC)
        local = url.replace(PUBLIC, self.door.url, 1)
        async with aiohttp.ClientSession() as session, session.get(local) as answer:
            assert answer.status == 200
            content = await answer.read()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}


@contextlib.asynccontextmanager
async def open_scene(telegram: FakeTelegram, url: str, folder: Path) -> AsyncIterator[Scene]:
    client = redis.asyncio.Redis.from_url(url, decode_responses=True)
    codec = TokenCodec(b"a secret of tests only, long enough")
    store = LocalStore(folder / "store", codec, PUBLIC)
    scratch = folder / "scratch"
    scratch.mkdir()
    async with Door(make_door(store, codec, ready=all_well), "127.0.0.1", 0) as door:
        scene = Scene(
            telegram,
            url,
            folder,
            RedisLedger(client),
            store,
            codec,
            BotPolicy(scratch=scratch),
            door,
        )
        try:
            yield scene
        finally:
            for memory in scene.memories:
                await memory.close()
            await store.close()
            await client.aclose()


def admitted(*who: Person | Room) -> tuple[str, ...]:
    """Entries for CHORUS_ALLOW."""
    return tuple(
        f"telegram:{'chat' if isinstance(each, Room) and each.is_group else 'user'}:{each.id}"
        for each in who
    )
