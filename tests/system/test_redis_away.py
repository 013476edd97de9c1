"""The network to Redis is cut, or goes dead without a word, in the middle of a Batch: bot and worker go on by themselves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.memory import RedisMemory
from bot.ports import Media
from config.redis_client import Connections, connect
from tests.bot.stage import ANN, LI, Stage, open_stage
from tests.fakes.redis_server import Server
from tests.fakes.tcp_wire import TcpWire
from tests.worker.foreman_things import CHILD, ENGINE
from tests.worker.ledger_things import template
from worker.contract import keys
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import BatchRecord, BatchState, Person
from worker.foreman import Foreman
from worker.noted_ledger import NotedLedger

LIMIT_S = 120.0


@dataclass
class Place:
    """A bot and a worker that reach their Redis over a wire."""

    stage: Stage
    wire: TcpWire
    server: Server
    folder: Path

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        client = connect(self.wire.url, Connections())
        foreman = Foreman(
            redis_url=self.wire.url,
            ledger=NotedLedger(client),
            store=self.stage.store,
            folder=self.folder / "work",
            engine_command=ENGINE,
            child_command=CHILD,
            open_pool=Connections(),
        )
        work = asyncio.create_task(foreman.run())
        try:
            async with self.stage.running():
                await asyncio.wait_for(foreman.ready.wait(), LIMIT_S)
                yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await client.aclose()

    async def order(self, person: Person = ANN) -> BatchRecord:
        """A Batch of two Clips, the first of which is being made when this returns."""
        chat = self.stage.chat
        chat.files["f"] = b"voice"
        chat.receive(person, "1 2 go", media=Media("f", "news.ogg", 5, "voice"))
        return await self.batch_that(lambda b: b.clips[0].done > 0)

    async def batch_that(self, is_so: Callable[[BatchRecord], bool]) -> BatchRecord:
        """The newest Batch, once something is so and the network is there to tell."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                with contextlib.suppress(LedgerUnavailable):
                    found = await self.stage.ledger.history(self.stage.chat.chat(), None, 0, 1)
                    if found and is_so(found[0]):
                        return found[0]
                await asyncio.sleep(0.01)

    async def ended(self) -> BatchRecord:
        """The newest Batch, whose second Clip may be made from now on."""
        (self.folder / "go on").touch()
        return await self.batch_that(lambda batch: not batch.state.active)


@pytest.fixture
async def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    server = Server(tmp_path_factory.mktemp("r"))
    await server.start()
    async with TcpWire(str(server.socket)) as wire, open_stage(server.url, tmp_path) as stage:
        memory, client = RedisMemory(wire.url, Connections()), connect(wire.url, Connections())
        beside = stage.memory, stage.ledger
        stage.memory, stage.ledger = memory, NotedLedger(client)
        for name, what in (("anchor", "sleep 3"), ("host", f"until {tmp_path / 'go on'}")):
            video = what.encode()
            await stage.store.put_bytes(keys.template(f"t-{name}", "source"), video)
            await stage.ledger.add_template(template(name, video))
        yield Place(stage, wire, server, tmp_path)
        stage.memory, stage.ledger = beside  # which the stage closes
        await memory.close()
        await client.aclose()
    server.stop()


LONGER = {"en": "takes longer", "zh": "需要更长时间"}
READY = {"en": "is ready", "zh": "完成了："}


async def went_on(place: Place, away_s: float, how: str, language: str = "en") -> None:
    getattr(place.wire, how)()
    await asyncio.sleep(away_s)  # the outage itself
    place.wire.mend()
    await place.stage.chat.wait_for_text(LONGER[language], LIMIT_S)
    ended = await place.ended()
    assert ended.state is BatchState.DELIVERED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "person"), [("cut", ANN), ("half_open", LI)], ids=["cut-en", "half_open-zh"]
)
async def test_a_network_that_is_away_for_a_while_loses_no_order_and_tells_each_thing_once(
    place: Place, how: str, person: Person
) -> None:
    async with place.working():
        await place.order(person)
        await went_on(place, 15, how, person.language)
        texts = place.stage.chat.texts

    assert sum(LONGER[person.language] in text for text in texts) == 1, texts
    assert sum(READY[person.language] in text for text in texts) == 1, texts


@pytest.mark.soak
@pytest.mark.parametrize("how", ["cut", "half_open"])
async def test_a_network_that_is_away_for_a_minute_loses_no_order(place: Place, how: str) -> None:
    async with place.working():
        await place.order()
        await went_on(place, 60, how)
        texts = place.stage.chat.texts

    assert sum(LONGER["en"] in text for text in texts) == 1
    assert sum(READY["en"] in text for text in texts) == 1


async def test_a_connection_that_is_cut_for_a_moment_is_not_worth_a_word(place: Place) -> None:
    async with place.working():
        await place.order()
        place.wire.cut()
        await asyncio.sleep(0.5)  # the outage itself
        place.wire.mend()
        await asyncio.sleep(3)  # meanwhile the bot looks whether it has been away for long
        await place.ended()
        texts = place.stage.chat.texts

    assert not any(LONGER["en"] in text for text in texts)
    assert sum(READY["en"] in text for text in texts) == 1


@pytest.mark.slow
async def test_a_redis_without_memory_takes_no_order_and_loses_none(place: Place) -> None:
    admin = connect(place.server.url, Connections())
    async with place.working():
        await place.order()
        await admin.config_set("maxmemory", "1")
        await asyncio.sleep(12)  # the outage itself
        await admin.config_set("maxmemory", "0")
        await place.stage.chat.wait_for_text(LONGER["en"], LIMIT_S)
        ended = await place.ended()
        texts = place.stage.chat.texts
    await admin.aclose()

    assert ended.state is BatchState.DELIVERED
    assert sum(LONGER["en"] in text for text in texts) == 1
    assert sum(READY["en"] in text for text in texts) == 1
