"""How long a Batch will still take: by what Clips took lately, and by who is served before."""

import random
import statistics

import pytest

from tests.worker.ledger_things import BEN, ROOM, drawn, open_ledger, order, result, stock, template
from worker.contract.records import BatchRecord, Chat, Person, TemplateState
from worker.ledger import RedisLedger
from worker.outlook import Queue, Rates, Seat, Work, left_s

FADING = 0.93


def measured(*clips: tuple[Work, float]) -> Rates:
    """What the ledger's sums are after these Clips and their seconds."""
    sums: dict[str, float] = {}
    for work, seconds in clips:
        x = (1.0, work.megapixels, work.template_s)
        values = {f"x{i + 1}{j + 1}": x[i] * x[j] for i in range(3) for j in range(i, 3)}
        values |= {f"y{i + 1}": x[i] * seconds for i in range(3)} | {"stored": 0.1}
        sums = {name: sums.get(name, 0.0) * FADING + value for name, value in values.items()}
    return Rates({name: repr(value) for name, value in sums.items()})


def work(megapixels: float, template_s: float = 10.0) -> Work:
    return Work("viseme", megapixels, template_s)


def test_after_one_clip_another_is_expected_to_cost_what_it_has_pixels() -> None:
    rates = measured((work(200.0), 4.0))

    assert rates.seconds(work(600.0)) == pytest.approx(12.0)


def test_after_a_few_clips_the_length_of_templates_and_a_fixed_part_are_known() -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time
    lengths = [(chance.uniform(50, 900), chance.uniform(5, 60)) for _ in range(20)]

    def cost(megapixels: float, template_s: float) -> float:
        return 1.5 + 0.01 * megapixels + 0.05 * template_s

    rates = measured(*((work(*each), cost(*each)) for each in lengths))

    errors = [abs(rates.seconds(work(*each)) / cost(*each) - 1) for each in lengths]
    assert statistics.median(errors) < 0.05


def test_a_fit_never_runs_away_from_what_was_measured() -> None:
    rates = measured((work(100.0, 10.0), 5.0), (work(101.0, 60.0), 1.0))

    assert rates.seconds(work(100.0, 600.0)) > 0.5
    assert rates.seconds(work(1.0, 1.0)) < 30.0


def seat(*, own: bool, elapsed_s: float | None = None, share: float = 0.0) -> Seat:
    return Seat(own=own, work=work(100.0), elapsed_s=elapsed_s, share=share)


def test_seats_are_filled_by_whoever_is_free_first() -> None:
    rates = {"viseme": measured((work(100.0), 10.0))}
    running = [seat(own=False, elapsed_s=4.0), seat(own=False, elapsed_s=8.0)]
    waiting = [seat(own=False), seat(own=True)]

    left = left_s(Queue(2, [*running, *waiting]), rates)

    assert left == pytest.approx(6.0 + 10.0 + 0.1)  # free after 2 s: the other's; after 6 s: ours


def test_without_workers_or_without_a_measured_clip_nothing_is_promised() -> None:
    waiting = [seat(own=True)]

    assert left_s(Queue(0, waiting), {"viseme": measured((work(100.0), 10.0))}) is None
    assert left_s(Queue(1, waiting), {}) is None
    assert left_s(Queue(1, waiting, outside=1), {"viseme": measured((work(1.0), 1.0))}) is None


@pytest.fixture
async def ledger(redis_url: str):
    async with open_ledger(redis_url) as ledger:
        yield ledger


async def test_what_a_clip_took_tells_when_those_that_wait_will_be_done(
    ledger: RedisLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stock(ledger, "one")
    await ledger.desk.beat("w", 2)
    placed = order("m1", *["one"] * 5).model_copy(update={"clip_s": 8.0})
    batch = await ledger.open_batch(placed)
    unknown = await ledger.outlook(batch.id)

    lease = await drawn(ledger)
    await ledger.desk.report(lease, "storing", 200, 200)  # type: ignore[arg-type]
    rendered = await ledger._client.hget(f"chorus:clip:{batch.id}:1", "rendered_ms")
    await ledger._client.hset(f"chorus:clip:{batch.id}:1", "started_ms", int(rendered) - 6000)
    record = template("one").model_copy(update={"state": TemplateState.READY, "duration_s": 10.0})
    done = result().model_copy(update={"duration_s": 8.0, "engine": "viseme"})
    await ledger.desk.finish_clip(lease, done, record)
    known = await ledger.outlook(batch.id)
    stored_s = float(await ledger._client.hget("chorus:rates:viseme", "stored"))
    theirs = await ledger.open_batch(
        order("m2", "one", chat=ROOM, person=BEN).model_copy(update={"clip_s": 8.0})
    )
    behind = await ledger.outlook(theirs.id)

    assert unknown.left_s is None
    assert known.ahead == 0
    assert known.left_s == pytest.approx(12.0 + stored_s)  # four Clips, two at a time
    assert behind.left_s == pytest.approx(6.0 + stored_s)  # it is served next but one


async def test_people_are_told_the_places_in_which_they_are_served(ledger: RedisLedger) -> None:
    chance = random.Random(11)  # noqa: S311 - the same each time
    await stock(ledger, "one")

    async def ordered(key: str) -> BatchRecord:
        number, who = chance.randrange(4), chance.randrange(4)
        placed = order(
            key,
            *["one"] * chance.randint(1, 9),
            chat=Chat(platform="telegram", account="t", id=f"c{number}"),
            person=Person(id=f"p{who}"),
        )
        more = {"weight": (1.0, 1.0, 2.0, 0.5)[number], "urgent": chance.random() < 0.15}
        more |= {"engine": chance.choice(["viseme", "latentsync"])}
        return await ledger.open_batch(placed.model_copy(update=more))

    batches = [await ordered(f"m{number}") for number in range(12)]
    for _ in range(20):
        await ledger.desk.finish_clip(await drawn(ledger), result())
    batches += [await ordered(f"n{number}") for number in range(12)]
    returned = [await drawn(ledger) for _ in range(2)]
    await ledger.desk.give_back(returned[0])
    await ledger.cancel(batches[7].id)
    told = {batch.id: (await ledger.outlook(batch.id)).ahead for batch in batches}
    *_, clips, _ = await ledger.scripts.run("outlook", batches[-1].id, 500)
    weighed = [clip[0] == "1" for clip in clips if not clip[4]]

    turns = []
    while lease := await ledger.desk.draw("clips", "w"):
        turns.append(lease.subject)

    assert len(turns) > 60
    assert {id_: told[id_] for id_ in turns} == {id_: turns.index(id_) for id_ in turns}
    last = len(turns) - turns[::-1].index(batches[-1].id)
    assert weighed == [id_ == batches[-1].id for id_ in turns[:last]]
