"""Lineups: drawn once, of what there is, and gone when nobody asks for them any more."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.worker.foreman_things import PATIENCE_S, Workplace, open_workplace
from tests.worker.ledger_things import ANNA, BEN, HALL, drawn, template
from worker.contract import keys
from worker.contract.ports import ObjectMissing
from worker.contract.records import Lineup, LineupCell

POSTERS = {"anchor": b"a face", "host": b"another"}


def lineup(*names: str) -> Lineup:
    cells = [
        LineupCell(number=number, name=name, sha256=template(name).sha256)
        for number, name in enumerate(names, 1)
    ]
    return Lineup(cells=(*cells, LineupCell(number=len(names) + 1, name="late", sha256=None)))


@pytest.fixture
async def place(redis_url: str, tmp_path: Path) -> AsyncIterator[Workplace]:
    async with open_workplace(redis_url, tmp_path) as opened:
        for name, poster in POSTERS.items():
            sha256 = template(name).sha256
            await opened.put(keys.prepared(sha256, "poster.jpg"), poster)
            facts = {"poster_face": [0.5, 0.3]} if name == "anchor" else {}
            await opened.put(keys.prepared(sha256, "template.json"), json.dumps(facts).encode())
        yield opened


async def picture(place: Workplace, asked: Lineup) -> bytes:
    """What was drawn, once it is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await place.store.get_bytes(keys.lineup(asked.id))
            except ObjectMissing:
                await asyncio.sleep(0.02)


async def test_a_lineup_is_drawn_of_the_posters_there_are(place: Workplace) -> None:
    asked = lineup("anchor", "host", "nobody-has-prepared-it")
    async with place.working():
        await place.ledger.open_lineup(asked, HALL, ANNA)
        made = await picture(place, asked)

    plan = json.loads(made[made.index(b"IEND") + 8 :])
    assert [(c["number"], c["name"], c["poster"], c["face"]) for c in plan] == [
        (1, "anchor", "1.jpg", [0.5, 0.3]),
        (2, "host", "2.jpg", None),
        (3, "nobody-has-prepared-it", None, None),
        (4, "late", None, None),
    ]


async def test_the_same_cells_are_the_same_picture_and_any_other_is_another() -> None:
    assert lineup("anchor", "host").id == lineup("anchor", "host").id
    assert len({lineup(*names).id for names in (["a", "b"], ["b", "a"], ["a"], ["a", "bb"])}) == 4


async def test_two_people_who_ask_at_once_have_it_drawn_once(place: Workplace) -> None:
    asked = lineup("anchor")
    for person in (ANNA, BEN):
        await place.ledger.open_lineup(asked, HALL, person)

    lease = await drawn(place.ledger, "takes")

    assert lease.item == f"lineup:{asked.id}"
    assert await place.ledger.desk.draw("takes", "w") is None


async def test_what_is_there_is_not_drawn_again_and_leaves_the_queue(place: Workplace) -> None:
    asked = lineup("anchor")
    await place.put(keys.lineup(asked.id), b"drawn before")
    async with place.working():
        await place.ledger.open_lineup(asked, HALL, ANNA)
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger._client.exists(f"chorus:item:lineup:{asked.id}"):
                await asyncio.sleep(0.02)

    assert await place.store.get_bytes(keys.lineup(asked.id)) == b"drawn before"


async def test_a_lineup_nobody_asked_for_in_a_month_is_removed_by_the_next_one(
    place: Workplace,
) -> None:
    old, young, asked = lineup("anchor"), lineup("host"), lineup("host", "anchor")
    for each in (old, young):
        await place.put(keys.lineup(each.id), b"drawn before")
    stored = place.store.local_path(keys.lineup(old.id))
    assert stored is not None
    os.utime(stored, (time.time() - 31 * 86_400,) * 2)
    async with place.working():
        await place.ledger.open_lineup(asked, HALL, ANNA)
        await picture(place, asked)
        async with asyncio.timeout(PATIENCE_S):
            while len(kept := [f.key async for f in place.store.list(keys.LINEUPS)]) > 2:
                await asyncio.sleep(0.02)

    assert sorted(kept) == sorted([keys.lineup(young.id), keys.lineup(asked.id)])


async def test_a_plan_nobody_remembers_is_let_go(place: Workplace) -> None:
    asked = lineup("anchor")
    await place.ledger.open_lineup(asked, HALL, ANNA)
    await place.ledger._client.delete(f"chorus:lineup:{asked.id}")
    async with place.working():
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger._client.exists(f"chorus:item:lineup:{asked.id}"):
                await asyncio.sleep(0.02)

    assert [f async for f in place.store.list(keys.LINEUPS)] == []


async def test_a_child_that_fails_fails_the_lineup_and_not_the_foreman(place: Workplace) -> None:
    asked, fine = lineup("anchor"), lineup("host")
    broken = ["false"]
    async with place.working(child_command=broken):
        await place.ledger.open_lineup(asked, HALL, ANNA)
        async with asyncio.timeout(PATIENCE_S):
            while await place.ledger._client.exists(f"chorus:item:lineup:{asked.id}"):
                await asyncio.sleep(0.02)
    async with place.working():
        await place.ledger.open_lineup(fine, HALL, ANNA)
        assert await picture(place, fine)
