"""Redis goes away and comes back: nothing is lost, nothing told twice. With arq's traps that show only then."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio

from tests.fakes.ports import free_port
from tests.fakes.redis_server import Server
from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from tests.worker.test_foreman import begun
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import BatchState, ClipState
from worker.desk import Lease
from worker.ledger_scripts import QUEUES
from worker.reporting import reported


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    running = Server(tmp_path_factory.mktemp("r"))
    await running.start()
    yield running
    running.stop()


@pytest.fixture
async def place(server: Server, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(server.url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("how", ["kill", "terminate"])
async def test_a_batch_survives_a_restart_of_redis_and_is_told_once(
    place: Workplace, server: Server, how: str
) -> None:
    async with place.working(slots=3):  # with a free slot arq polls, and ends with the server
        batch = await place.order("m1", "sleep 1", "sleep 1.1")
        # Both: a draw whose answer is lost is asked for anew only for as long as a restart usually takes.
        await place.until(batch, lambda seen: all(clip.total for clip in seen.clips))
        server.stop(how)
        await server.start()
        ended = await place.ended(batch)

    assert ended.state is BatchState.DELIVERED
    assert [clip.attempts for clip in ended.clips] == [1, 1]
    assert await place.outcomes() == 1


async def test_listeners_go_on_after_a_restart_of_redis(place: Workplace, server: Server) -> None:
    facts, box = place.ledger.facts(), place.ledger.outbox("console:test", "me")
    heard, told = asyncio.create_task(anext(facts)), asyncio.create_task(anext(box))
    await asyncio.wait_for(_until_listening(place), PATIENCE_S)
    server.stop()
    await server.start()

    async with place.working():
        batch = await place.order("m1", "ok")

        fact = await asyncio.wait_for(heard, PATIENCE_S)
        _, utterance = await asyncio.wait_for(told, PATIENCE_S)
    assert fact.batch_id == batch.id
    assert utterance.subject == batch.id
    await facts.aclose()  # type: ignore[attr-defined]
    await box.aclose()  # type: ignore[attr-defined]


async def _until_listening(place: Workplace) -> None:
    while (await place.ledger._client.info("clients"))["blocked_clients"] < 2:
        await asyncio.sleep(0.01)


async def test_a_redis_without_memory_is_an_outage_and_not_a_crash(
    place: Workplace, server: Server
) -> None:
    server.stop()
    await server.start("--maxmemory", "1", "--maxmemory-policy", "noeviction")

    with pytest.raises(LedgerUnavailable):
        await place.order("m1", "ok")


async def test_a_redis_whose_disk_is_full_is_an_outage_that_ends(
    place: Workplace, server: Server
) -> None:
    server.stop()
    await server.start(file_bytes=0)
    async with place.working() as foreman:
        with pytest.raises(LedgerUnavailable):
            await order_on_and_on(place)
        box = place.ledger.outbox("console:test", "me")
        told = asyncio.create_task(anext(box))
        await asyncio.wait([told], timeout=1.5)  # leases, beats and sweeps meet it too
        server.stop("kill")
        await server.start()

        batch = await place.ended(await place.order("after", "ok"))
        _, utterance = await asyncio.wait_for(told, PATIENCE_S)

    assert foreman.ready.is_set()
    assert batch.state is BatchState.DELIVERED
    assert utterance.subject == batch.id
    await box.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("stale", ["yes", "no"])
async def test_listeners_go_on_when_their_server_is_made_a_replica_and_master_again(
    place: Workplace, server: Server, stale: str
) -> None:
    facts, box = place.ledger.facts(), place.ledger.outbox("console:test", "me")
    heard, told = asyncio.create_task(anext(facts)), asyncio.create_task(anext(box))
    await asyncio.wait_for(_until_listening(place), PATIENCE_S)
    async with redis.asyncio.Redis.from_url(server.url) as admin:
        await admin.config_set("replica-serve-stale-data", stale)
        await admin.replicaof("127.0.0.1", str(free_port()))  # type: ignore[no-untyped-call]
        await asyncio.wait([heard, told], timeout=1.5)  # nobody is there
        await admin.replicaof("NO", "ONE")  # type: ignore[no-untyped-call]

    async with place.working():
        batch = await place.order("m1", "ok")

        fact = await asyncio.wait_for(heard, PATIENCE_S)
        _, utterance = await asyncio.wait_for(told, PATIENCE_S)
    assert fact.batch_id == batch.id
    assert utterance.subject == batch.id
    await facts.aclose()  # type: ignore[attr-defined]
    await box.aclose()  # type: ignore[attr-defined]


async def test_a_worker_goes_on_when_the_replica_that_its_redis_must_have_is_back(
    place: Workplace, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        redis.asyncio.Redis.from_url(server.url) as admin,
        place.working() as foreman,
    ):
        batch = await place.order("m1", "sleep 1")
        await place.until(batch, begun)
        await admin.config_set("min-replicas-to-write", "1")
        with pytest.raises(LedgerUnavailable):
            await place.order("m2", "ok")
        await asyncio.sleep(2.5)  # the outage itself: leases, beats and sweeps meet it too
        await admin.config_set("min-replicas-to-write", "0")
        ended = await place.ended(batch)

    told = [record.message for record in caplog.records if "arq's worker" in record.message]
    assert foreman.ready.is_set()
    assert ended.state is BatchState.DELIVERED
    assert len(told) <= len(QUEUES)  # each once


async def test_a_worker_whose_redis_takes_nothing_any_more_ends_in_order(
    place: Workplace, server: Server
) -> None:
    async with redis.asyncio.Redis.from_url(server.url) as admin:
        async with place.working():
            batch = await place.order("m1", "sleep 60")
            await place.until(batch, begun)
            await admin.config_set("min-replicas-to-write", "1")
        await admin.config_set("min-replicas-to-write", "0")


async def order_on_and_on(place: Workplace) -> None:
    for number in range(100):
        await place.order(f"m{number}", "ok")
        await asyncio.sleep(0.01)


async def test_a_report_that_swallows_its_cancellation_keeps_no_clip_from_being_stored(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = place.ledger.desk.report

    async def deaf(lease: Lease, state: ClipState, done: int, total: int) -> bool:
        if state is not ClipState.RENDERING:
            return await report(lease, state, done, total)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10 * PATIENCE_S)
        return True

    monkeypatch.setattr(place.ledger.desk, "report", deaf)
    async with place.working():
        ended = await place.ended(await place.order("m1", "ok"))

    assert ended.state is BatchState.DELIVERED


async def test_what_is_told_in_vain_keeps_no_work_for_ever() -> None:
    telling = asyncio.Event()

    async def deaf(_done: int, _total: int) -> None:
        telling.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10 * PATIENCE_S)

    async with asyncio.timeout(PATIENCE_S), reported(deaf, 0.01) as note:
        note(500, 900)
        await telling.wait()
