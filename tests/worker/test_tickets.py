"""arq tickets: what may befall them harms no work."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import TimeoutError as RedisSlow

from tests.fakes.tcp_wire import TcpWire
from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from worker.arq_client import open_arq
from worker.contract import keys
from worker.contract.records import BatchState
from worker.ledger_scripts import QUEUES, TICKET_JOB
from worker.ticket_office import TicketOffice


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        yield opened


async def test_a_ticket_is_json_and_names_no_work(place: Workplace) -> None:
    client = place.ledger._client
    await place.order("m1", "ok")

    tickets = await client.zrange(keys.redis("queue", "takes"), 0, -1)
    job = json.loads(await client.get(f"arq:job:{tickets[0]}"))

    assert (job["f"], job["a"], job["k"]) == (TICKET_JOB, [], {})


async def test_a_worker_leaves_neither_results_nor_tickets_behind(place: Workplace) -> None:
    async with place.working():
        batch = await place.ended(await place.order("m1", "ok", "ok"))
        left = await until_no_arq_keys(place)

    assert batch.state is BatchState.DELIVERED
    assert left == []


async def until_no_arq_keys(place: Workplace) -> list[str]:
    """What arq still keeps when it has had a moment to clear up."""
    found: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while found := await place.ledger._client.keys("arq:*"):
                await asyncio.sleep(0.02)
    return found


async def test_the_ticket_of_a_killed_worker_is_cleared_away_with_its_lease(
    place: Workplace,
) -> None:
    client, desk = place.ledger._client, place.ledger.desk
    await place.order("m1", "ok")
    await desk.sweep()
    ticket = (await client.zrange(keys.redis("queue", "takes"), 0, 0))[0]
    await client.set(f"arq:in-progress:{ticket}", "1")
    lease = await desk.draw("takes", "killed", ticket)
    assert lease is not None
    await client.zadd(keys.redis("leases"), {lease.item: 1})

    await desk.sweep()

    assert await client.exists(f"arq:in-progress:{ticket}") == 0
    assert await client.zscore(keys.redis("queue", "takes"), ticket) is None


@pytest.mark.parametrize("trap", ["unknown function", "expired", "tried too often"])
async def test_a_spoilt_ticket_does_not_end_the_worker(place: Workplace, trap: str) -> None:
    client, queue = place.ledger._client, keys.redis("queue", "clips")
    function = "no_such_job" if trap == "unknown function" else TICKET_JOB
    job = {"t": None, "f": function, "a": [], "k": {}, "et": 1_700_000_000_000}
    if trap != "expired":
        await client.set("arq:job:spoilt", json.dumps(job))
    if trap == "tried too often":
        await client.set("arq:retry:spoilt", 9)
    await client.zadd(queue, {"spoilt": 1})

    async with place.working():
        batch = await place.ended(await place.order("m1", "ok"))
        left = await until_no_arq_keys(place)

    assert batch.state is BatchState.DELIVERED
    assert left == []


async def test_cancelling_a_ticket_leaves_its_work_alone(redis_url: str, tmp_path: Path) -> None:
    started, done = asyncio.Event(), asyncio.Event()
    work: list[asyncio.Task[None]] = []

    async def slow() -> None:
        started.set()
        await asyncio.sleep(0.1)
        done.set()

    async def serve(queue: str, ticket: str) -> None:
        work.append(asyncio.create_task(slow()))
        await asyncio.shield(work[0])

    office = TicketOffice(redis_url, "clips", "test", 1, 0.01, serve)
    running = asyncio.create_task(office.run())
    async with open_workplace(redis_url, tmp_path) as place:
        await place.ledger._scripts._issue("clips", 1)
        await asyncio.wait_for(started.wait(), PATIENCE_S)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    await asyncio.wait_for(done.wait(), PATIENCE_S)
    assert not work[0].cancelled()


class _SlowPool(ConnectionPool):
    """Gives no connection while its gate is closed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gate = asyncio.Event()
        self.gate.set()
        self.given: list[AbstractConnection] = []
        self.waiting = 0

    async def get_connection(self, *args: Any, **options: Any) -> AbstractConnection:
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        self.given.append(await super().get_connection(*args, **options))
        return self.given[-1]


@pytest.mark.parametrize(
    ("gate_s", "ending_s"), [(0.05, 60.0), (None, 0.1)], ids=["a moment later", "never"]
)
async def test_no_connection_stays_where_a_ticket_is_just_ending_when_the_foreman_does(
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gate_s: float | None,
    ending_s: float,
) -> None:
    monkeypatch.setattr("worker.ticket_office._ENDING_S", ending_s)
    pools: list[_SlowPool] = []
    ending = asyncio.Event()

    def open_pool(url: str) -> ConnectionPool:
        pools.append(_SlowPool.from_url(url))
        return pools[-1]

    async def serve(queue: str, ticket: str) -> None:
        pools[0].gate.clear()
        ending.set()

    office = TicketOffice(redis_url, "clips", "test", 1, 0.01, serve, open_pool)
    running = asyncio.create_task(office.run())
    async with open_workplace(redis_url, tmp_path) as place:
        await place.ledger._scripts._issue("clips", 1)
        await asyncio.wait_for(ending.wait(), PATIENCE_S)
        await _until(
            lambda: pools[0].waiting > 0
        )  # who ends the ticket; nobody looks for more meanwhile
        running.cancel()
        if gate_s is not None:
            asyncio.get_running_loop().call_later(gate_s, pools[0].gate.set)
        await asyncio.gather(running, return_exceptions=True)
        left = await until_no_arq_keys(place) if gate_s else []

    pools[0].gate.set()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
    assert not any(connection.is_connected for connection in pools[0].given)
    assert left == []


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0)


async def test_lost_tickets_are_replaced_and_the_work_goes_on(place: Workplace) -> None:
    batch = await place.order("m1", "ok", "ok")
    await place.ledger._client.delete(*(keys.redis("queue", queue) for queue in QUEUES))

    async with place.working():
        ended = await place.ended(batch)

    assert ended.state is BatchState.DELIVERED


@pytest.mark.parametrize("answer_s", [None, 0.1], ids=["cancelled", "no answer"])
async def test_a_pipeline_that_ends_while_it_lets_go_of_what_it_watched_keeps_no_connection(
    redis_url: str, answer_s: float | None
) -> None:
    async with TcpWire(redis_url.removeprefix("unix://")) as wire:
        pool = ConnectionPool.from_url(wire.url)
        arq = open_arq(pool)
        pipe = arq.pipeline(transaction=True)
        await pipe.watch("anything")
        assert pipe.connection is not None
        pipe.connection.socket_timeout = (
            answer_s  # from now on: until here it answers, however slowly
        )
        wire.half_open()  # it never hears that this is to be forgotten
        with pytest.raises((asyncio.TimeoutError, RedisSlow)):
            async with asyncio.timeout(PATIENCE_S if answer_s else 0.1), pipe:
                pass
        wire.mend()

        assert pipe.connection is None
        assert await arq.ping()
        await pool.aclose()
