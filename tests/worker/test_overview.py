"""What operators see of everything, and which Batches are stuck."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
import redis as redis_client
from click.testing import CliRunner
from pydantic import SecretStr

from config.card import card_maker
from config.cli.check import workers_at_work
from config.cli.status import look, status
from config.metrics import Metrics
from config.settings import Settings
from config.wiring import wires
from tests.worker.ledger_things import open_ledger, order, stock
from worker.contract.records import BatchState
from worker.ledger import RedisLedger
from worker.overview import STILL_S, Overlook, Overview, stuck

LONG = timedelta(seconds=STILL_S + 5)


@pytest.fixture
async def ledger(redis_url: str):
    async with open_ledger(redis_url) as opened:
        yield opened


async def later(ledger: RedisLedger, redis_url: str, **changes: object) -> Overview:
    """What would be seen a good minute later, had nothing happened since."""
    seen = await Overlook(ledger).look(movement=True)
    facts = {**seen.__dict__, "at": seen.at + LONG, "moved": frozenset(), **changes}
    return Overview(**facts)


async def test_work_is_counted_by_kind_with_who_has_it(ledger: RedisLedger) -> None:
    await stock(ledger, "anchor", "host")
    await ledger.open_batch(order("m1", "anchor", "host"))
    lease = await ledger.desk.draw("clips", "worker-1")

    seen = await Overlook(ledger).look(movement=True)

    assert lease is not None
    assert (seen.waiting["clip"], seen.running["clip"]) == (1, 1)
    [held] = seen.leases
    assert (held.item, held.worker, held.attempt, held.live) == (lease.item, "worker-1", 1, True)
    assert held.since is not None


async def test_a_batch_that_nothing_happens_with_is_stuck_though_it_should(
    ledger: RedisLedger, redis_url: str
) -> None:
    await stock(ledger, "anchor")
    batch = await ledger.open_batch(order("m1", "anchor"))

    assert stuck(batch, await later(ledger, redis_url))
    assert not stuck(batch, await Overlook(ledger).look(movement=True))


async def test_a_batch_is_not_stuck_while_others_before_it_are_served(
    ledger: RedisLedger, redis_url: str
) -> None:
    await stock(ledger, "anchor")
    first = await ledger.open_batch(order("m1", "anchor"))
    waiting = await ledger.open_batch(order("m2", "anchor"))
    assert await ledger.desk.draw("clips", "w") is not None

    seen = await later(ledger, redis_url)

    assert not stuck(waiting, seen)
    assert not stuck(first, seen)


async def test_a_batch_with_a_fact_lately_is_not_stuck(ledger: RedisLedger, redis_url: str) -> None:
    await stock(ledger, "anchor")
    batch = await ledger.open_batch(order("m1", "anchor"))

    assert not stuck(batch, await later(ledger, redis_url, moved=frozenset({batch.id})))


async def test_a_batch_whose_end_nobody_tells_is_stuck_and_an_ended_one_never(
    ledger: RedisLedger, redis_url: str
) -> None:
    await stock(ledger)
    batch = await ledger.open_batch(order("m1", "nobody"))  # its Template is gone
    assert batch.state is BatchState.READY

    assert stuck(batch, await later(ledger, redis_url))
    told = await ledger.close_batch(batch.id, 1)
    assert told is not None
    assert not stuck(told, await later(ledger, redis_url))


async def test_what_may_have_moved_unseen_is_not_called_stuck(
    ledger: RedisLedger, redis_url: str
) -> None:
    await stock(ledger, "anchor")
    batch = await ledger.open_batch(order("m1", "anchor"))

    assert not stuck(batch, await later(ledger, redis_url, moved=None))


@pytest.fixture
def outside(redis_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_REDIS_URL", redis_url)
    monkeypatch.setenv("CHORUS_DATA_DIR", str(tmp_path))


@pytest.mark.usefixtures("outside")
def test_the_status_of_a_deployment_without_worker_says_what_to_start() -> None:
    told = CliRunner().invoke(status, ["--once"])

    assert told.exit_code == 0
    assert "no worker" in told.output
    assert "chorus worker" in told.output


@pytest.mark.usefixtures("outside")
def test_the_status_as_json_is_one_object(redis_url: str) -> None:
    with redis_client.Redis.from_url(redis_url) as client:
        client.flushall()

    told = json.loads(CliRunner().invoke(status, ["--json"]).output.splitlines()[-1])

    assert told["redis"]["up"]
    assert told["store"] == {"kind": "local", "up": True}
    assert (told["batches"], told["stuck"], told["processes"]) == ([], [], [])
    assert told["waiting"]["clip"] == 0


@pytest.mark.usefixtures("outside")
async def test_a_worker_without_an_engine_is_told_with_the_reason(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.roster._SILENT_MS", 600_000)  # nobody shows the card again
    settings = Settings(data_dir=tmp_path, redis_url=SecretStr(redis_url), _env_file=None)
    why = "it ended with 1: no kernel image"
    trouble = ["", why]
    async with wires(settings) as hand:
        card = card_maker(settings, "worker", name="w", slots=2, trouble=lambda: trouble[0])
        found = []
        for _ in range(2):  # first all is well
            await hand.roster._show(card())
            seen = await look(hand, settings)
            found.append(workers_at_work(await hand.roster.cards()))
            figures = await Metrics(hand.ledger, hand.roster).text()
            trouble.reverse()
        told = await asyncio.to_thread(CliRunner().invoke, status, ["--once"])

    assert [each["engine_trouble"] for each in seen["processes"]] == [why]
    assert f"no engine: {why}" in " ".join(told.output.split())
    assert [each.ok for each in found] == [True, False]
    assert why in found[1].detail
    assert b"chorus_workers 1.0" in figures
    assert b"chorus_workers_ready 0.0" in figures
