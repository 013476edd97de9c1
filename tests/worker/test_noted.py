"""What goes over the desk is noted: an operation for each turn a piece of work takes, with its order's code bound to whoever does it."""

import logging
from collections.abc import Iterator

import pytest
from structlog.contextvars import clear_contextvars, get_contextvars

from tests.worker.ledger_things import open_ledger, order, result, stock
from worker.contract.codes import Code
from worker.contract.figures import FIGURES
from worker.contract.operations import LOGGER
from worker.contract.records import BatchRecord, Reason
from worker.desk import Lease
from worker.noted_ledger import NotedLedger


@pytest.fixture
def noted() -> Iterator[list[str]]:
    """Names of operations, in their order."""
    names: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            names.append(record.getMessage())

    listener = Listener()
    logging.getLogger(LOGGER).addHandler(listener)
    clear_contextvars()  # whatever else was bound in this process
    yield names
    logging.getLogger(LOGGER).removeHandler(listener)
    clear_contextvars()


@pytest.fixture
async def ledger(redis_url: str):
    async with open_ledger(redis_url) as plain:
        await stock(plain, "anchor")
        yield NotedLedger(plain._client)


async def drawn(ledger: NotedLedger) -> tuple[BatchRecord, Lease]:
    batch = await ledger.open_batch(order("m1", "anchor"))
    lease = await ledger.desk.draw("clips", "w")
    assert lease is not None
    return batch, lease


async def test_who_draws_a_clip_speaks_of_its_order_from_then_on(
    ledger: NotedLedger, noted: list[str]
) -> None:
    batch, _ = await drawn(ledger)

    assert get_contextvars() == {"batch": batch.code, "clip": 1}
    assert noted == ["order.opened", "clip.started"]


async def test_each_end_of_a_clip_is_noted_once(ledger: NotedLedger, noted: list[str]) -> None:
    _, lease = await drawn(ledger)
    assert await ledger.desk.give_back(lease)
    again = await ledger.desk.draw("clips", "w")
    assert again is not None
    assert await ledger.desk.put_off(again, 0.0, 3)
    await ledger.desk.sweep()
    last = await ledger.desk.draw("clips", "w")
    assert last is not None
    assert await ledger.desk.finish_clip(last, result())
    await ledger.desk.finish_clip(last, result())

    assert [name for name in noted if name.startswith("clip.")] == [
        "clip.started",
        "clip.given_back",
        "clip.started",
        "clip.put_off",
        "clip.started",
        "clip.done",
    ]


async def test_an_outcome_that_is_closed_twice_is_told_once(
    ledger: NotedLedger, noted: list[str]
) -> None:
    first, lease = await drawn(ledger)
    reason = Reason(code=Code.INCIDENT, incident="12ab34cd")
    assert await ledger.desk.fail(lease, reason)
    await ledger.close_batch(first.id, 1)
    await ledger.close_batch(first.id, 1)

    assert noted == ["order.opened", "clip.started", "clip.failed", "order.told"]


async def test_clips_that_are_cancelled_are_counted_whether_they_waited_or_were_being_made(
    ledger: NotedLedger,
) -> None:
    batch = await ledger.open_batch(order("m1", *["anchor"] * 5))
    lease = await ledger.desk.draw("clips", "w")
    assert lease is not None
    FIGURES.take()

    await ledger.cancel(batch.id)
    waiting = FIGURES.take()["clips cancelled"]
    await ledger.cancel(batch.id)
    assert await ledger.desk.cancel_clip(lease)

    assert waiting == 4
    assert FIGURES.take()["clips cancelled"] == 1


async def test_what_is_over_is_not_kept_in_mind(ledger: NotedLedger) -> None:
    _, clip = await drawn(ledger)
    assert await ledger.desk.finish_clip(clip, result())
    archive = await ledger.desk.draw("archives", "w")
    assert archive is not None
    assert await ledger.desk.finish_without_archive(archive)
    while (record := await ledger.desk.draw("records", "w")) is not None:
        assert await ledger.desk.finish_record(record)

    assert ledger.desk._drawn == {}
