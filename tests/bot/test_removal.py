"""Deleting: what goes and what stays, also with a store that goes away in the middle of it."""

import asyncio
import itertools

import pytest

from bot.ports import Person
from tests.bot.stage import ANN, LI, Stage
from worker.contract import keys
from worker.contract.ports import StoreUnavailable
from worker.contract.records import BatchRecord, BatchState
from worker.rebuild import rebuild


async def ask(stage: Stage, text: str, person: Person = ANN) -> str:
    """Say something and read the answer."""
    inbound = stage.chat.receive(person, text)
    await stage.chat.wait_for_settled(inbound)
    return [m.text for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")][-1]


async def delivered(stage: Stage, voice: bytes = b"voice", person: Person = ANN) -> BatchRecord:
    """An order of one video that is over, its record in the store as a foreman writes it."""
    stage.chat.receive_file(person, voice, "news.ogg")
    await stage.hear()
    await stage.chat.wait_for_settled(stage.chat.receive(person, "1 go"))
    await stage.render()
    await stage.pack()
    batch = await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
    await stage.store.put_bytes(keys.batch(batch.id), batch.model_dump_json().encode())
    return batch


def break_deletion(stage: Stage, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """The store is away when something is deleted for the ``call``-th time, from 1."""
    delete, calls = stage.store.delete, itertools.count(1)

    async def sometimes(key: str) -> None:
        if next(calls) == call:
            raise StoreUnavailable("away")
        await delete(key)

    monkeypatch.setattr(stage.store, "delete", sometimes)


@pytest.mark.parametrize("call", range(1, 6))
async def test_an_order_deleted_through_an_outage_of_the_store_does_not_come_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    async with stage.running():
        batch = await delivered(stage)
        await ask(stage, f"/delete {batch.code}")
        break_deletion(stage, monkeypatch, call)
        said = await ask(stage, "yes")

    await stage.ledger._client.flushall()
    await rebuild(stage.ledger, stage.store)
    assert said.startswith(f"{batch.code} is deleted.")
    assert await left(stage) == []
    assert await stage.ledger.batch(batch.id) is None


@pytest.mark.parametrize("call", [2, 4, 6, 8])
async def test_clearing_two_orders_through_an_outage_counts_both(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    async with stage.running():
        batches = [await delivered(stage, voice) for voice in (b"a", b"b")]
        await ask(stage, "/clear")
        break_deletion(stage, monkeypatch, call)
        said = await ask(stage, "yes")

    assert said.startswith("2 orders are deleted.")
    assert [await stage.ledger.batch(batch.id) for batch in batches] == [None, None]


@pytest.mark.parametrize(
    ("person", "said"),
    [(ANN, " is deleted. The recording is deleted too."), (LI, " 已删除。录音也已删除。")],
)
async def test_a_deleted_order_takes_its_recording_along(
    stage: Stage, person: Person, said: str
) -> None:
    async with stage.running():
        batch = await delivered(stage, person=person)
        await ask(stage, f"/delete {batch.code}", person)
        answer = await ask(stage, "yes", person)

    await stage.ledger._client.flushall()
    await rebuild(stage.ledger, stage.store)
    assert answer == f"{batch.code}{said}"
    assert await left(stage) == []
    assert await stage.ledger.take(batch.order.take_id) is None


async def left(stage: Stage) -> list[str]:
    """What the store still has of recordings and orders."""
    found = [facts.key async for facts in stage.store.list("")]
    return [key for key in found if not key.startswith(("templates/", "prepared/"))]


async def test_a_recording_goes_with_the_last_order_that_anybody_made_of_it(stage: Stage) -> None:
    async with stage.running():
        anns = await delivered(stage)
        lis = await delivered_again(stage, LI)
        await ask(stage, f"/delete {anns.code}")
        first = await ask(stage, "yes")
        kept = await left(stage)
        await ask(stage, f"/delete {lis.code}", LI)
        last = await ask(stage, "yes", LI)

    assert first == (
        f"{anns.code} is deleted. "
        "A recording stays, because another order uses it; it goes with the last of them."
    )
    assert keys.take(anns.order.take_id, "source") in kept
    assert last == f"{lis.code} 已删除。录音也已删除。"
    assert await left(stage) == []


async def delivered_again(stage: Stage, person: Person) -> BatchRecord:
    """Somebody else sends the same recording, which is known by now, and orders."""
    stage.chat.receive_file(person, b"voice", "the same.ogg")
    await stage.chat.wait_for_settled(stage.chat.receive(person, "1 go"))
    await stage.render()
    await stage.pack()
    async with asyncio.timeout(60):
        while (batch := await stage.newest(person)).state is not BatchState.DELIVERED:
            await asyncio.sleep(0.01)
    return batch


async def test_an_order_that_expired_keeps_no_recording(stage: Stage) -> None:
    async with stage.running():
        old = await delivered(stage)
        await stage.ledger.desk.expire_batch(old.id)
        new = await delivered_again(stage, ANN)
        await ask(stage, f"/delete {new.code}")
        said = await ask(stage, "yes")

    assert said == f"{new.code} is deleted. The recording is deleted too."


async def test_a_draft_that_nobody_can_read_keeps_nobody_from_deleting(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Left by an older version, or by a hand."""
    await stage.memory.keep("draft", "telegram:x", "c", "", "p", value="{broken", ttl_s=60)
    async with stage.running():
        batch = await delivered(stage)
        await ask(stage, f"/delete {batch.code}")
        said = await ask(stage, "yes")

    assert said == f"{batch.code} is deleted. The recording is deleted too."
    assert "A draft cannot be read" in caplog.text


async def test_a_recording_that_somebody_is_about_to_order_with_stays(stage: Stage) -> None:
    async with stage.running():
        batch = await delivered(stage)
        sent = stage.chat.receive_file(LI, b"voice", "the same.ogg")
        await stage.chat.wait_for_settled(sent)
        await ask(stage, f"/delete {batch.code}")
        said = await ask(stage, "yes")
        await stage.chat.wait_for_settled(stage.chat.receive(LI, "1 go"))
        await stage.render()
        await stage.pack()
        again = await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)

    assert said == (
        f"{batch.code} is deleted. "
        "A recording stays, because somebody is about to order with it; delete that order later, and it goes."
    )
    assert again.order.person == LI


async def test_who_sends_a_recording_while_it_is_being_deleted_can_order_with_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete, sent = stage.store.delete, []

    async def meanwhile(key: str) -> None:
        if key.startswith("takes/") and not sent:
            sent.append(stage.chat.receive_file(LI, b"voice", "the same.ogg"))
            async with asyncio.timeout(60):
                while not [each async for each in stage.memory.kept("bringing")]:
                    await asyncio.sleep(0.01)
        await delete(key)

    async with stage.running():
        batch = await delivered(stage)
        monkeypatch.setattr(stage.store, "delete", meanwhile)
        await ask(stage, f"/delete {batch.code}")
        said = await ask(stage, "yes")
        await stage.hear()
        await stage.chat.wait_for_settled(sent[0])

    assert said == f"{batch.code} is deleted. The recording is deleted too."
    names = ("source", *keys.TAKE_MADE)
    assert set(await left(stage)) == {keys.take(batch.order.take_id, name) for name in names}
    assert (await stage.store.get_bytes(keys.take(batch.order.take_id, "source"))) == b"voice"


async def test_clearing_says_how_many_recordings_went_and_how_many_stay(stage: Stage) -> None:
    async with stage.running():
        for voice in (b"a", b"b", b"c"):
            await delivered(stage, voice)
        stage.chat.receive_file(LI, b"c", "the same.ogg")
        await stage.chat.wait_for_settled(stage.chat.receive(LI, "/help"))
        await ask(stage, "/clear")
        said = await ask(stage, "yes")

    assert said == (
        "3 orders are deleted. 2 recordings are deleted too. "
        "A recording stays, because somebody is about to order with it; delete that order later, and it goes."
    )


async def test_a_recording_that_is_listened_to_stays_and_that_is_what_is_said(stage: Stage) -> None:
    async with stage.running():
        batch = await delivered(stage)
        heard = await stage.ledger.take(batch.order.take_id)
        assert heard is not None
        await stage.ledger.desk.forget_take(heard.id)
        await stage.ledger.open_take(heard)
        await ask(stage, f"/delete {batch.code}")
        said = await ask(stage, "yes")

    assert said == (
        f"{batch.code} is deleted. "
        "A recording stays, because I am listening to it just now; it goes with the next order made of it, "
        "or when it has been kept long enough."
    )


async def forget(stage: Stage, batch: BatchRecord) -> None:
    """Redis lost its memory, and not all orders are back yet."""
    await stage.ledger._client.delete(f"chorus:batch:{batch.id}", "chorus:rebuilt")


@pytest.mark.parametrize(
    ("person", "said"),
    [(ANN, "Nothing can be deleted just now"), (LI, "现在暂时不能删除")],
)
async def test_nothing_is_deleted_before_all_orders_are_back_that_may_need_it(
    stage: Stage, person: Person, said: str
) -> None:
    async with stage.running():
        other = await delivered(stage, person=person)
        batch = await delivered_again(stage, person)
        await stage.store.put_bytes(keys.batch(other.id), other.model_dump_json().encode())
        await ask(stage, f"/delete {batch.code}", person)
        before = await left(stage)
        await forget(stage, other)
        refused = [
            await ask(stage, text, person) for text in ("yes", f"/delete {batch.code}", "/clear")
        ]
        after = await left(stage)
        await rebuild(stage.ledger, stage.store)
        await stage.ledger.note_rebuilt()
        await ask(stage, f"/delete {batch.code}", person)
        await ask(stage, "yes", person)

    assert all(said in each for each in refused)
    assert after == before
    assert await stage.ledger.batch(batch.id) is None
    assert keys.take(batch.order.take_id, "source") in await left(stage)


async def test_a_recording_stays_if_redis_loses_its_memory_just_when_it_is_looked_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = stage.ledger.takes_ordered

    async def too_late() -> frozenset[str]:
        await forget(stage, other)
        return await looked_up()

    async with stage.running():
        batch = await delivered(stage)
        other = await delivered_again(stage, LI)
        await ask(stage, f"/delete {batch.code}")
        monkeypatch.setattr(stage.ledger, "takes_ordered", too_late)
        said = await ask(stage, "yes")

    assert "A recording stays for now" in said
    assert keys.take(batch.order.take_id, "source") in await left(stage)


PICTURE = b"\x89PNG\r\n\x1a\nwall"


async def with_picture(
    stage: Stage, person: Person = ANN, *, voice: bytes = b"voice"
) -> BatchRecord:
    """An order that is over, whose presenter stands before a picture; the next one has none."""
    await stage.chat.wait_for_settled(stage.chat.receive_file(person, PICTURE, "wall.png"))
    batch = await delivered(stage, voice, person)
    assert batch.order.options.picture is not None
    await ask(stage, "/settings background none", person)
    return batch


async def pictures(stage: Stage) -> list[str]:
    return [facts.key async for facts in stage.store.list("pictures/")]


async def delete(stage: Stage, batch: BatchRecord, person: Person = ANN) -> None:
    await ask(stage, f"/delete {batch.code}", person)
    assert "deleted" in await ask(stage, "yes", person)


async def test_a_deleted_order_takes_the_picture_behind_its_presenter_along(stage: Stage) -> None:
    async with stage.running():
        batch = await with_picture(stage)
        await ask(stage, "/settings reset")
        before = await pictures(stage)
        await delete(stage, batch)

    assert len(before) == 1
    assert await pictures(stage) == []


async def test_a_picture_stays_while_another_order_shows_it(stage: Stage) -> None:
    async with stage.running():
        first = await with_picture(stage)
        second = await with_picture(stage, voice=b"another")
        await delete(stage, first)
        between = await pictures(stage)
        await delete(stage, second)

    assert len(between) == 1
    assert await pictures(stage) == []


async def test_a_picture_stays_while_somebody_wishes_it_for_the_next_order(stage: Stage) -> None:
    async with stage.running():
        batch = await with_picture(stage)
        await stage.chat.wait_for_settled(stage.chat.receive_file(LI, PICTURE, "mine.png"))
        await delete(stage, batch)

    assert len(await pictures(stage)) == 1


async def test_a_picture_that_is_sent_while_it_is_being_deleted_is_there_for_the_next_order(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete_, sent = stage.store.delete, []

    async def meanwhile(key: str) -> None:
        if key.startswith("pictures/") and not sent:
            sent.append(stage.chat.receive_file(LI, PICTURE, "mine.png"))
            async with asyncio.timeout(60):
                while not [each async for each in stage.memory.kept("bringing")]:
                    await asyncio.sleep(0.01)
        await delete_(key)

    async with stage.running():
        batch = await with_picture(stage)
        monkeypatch.setattr(stage.store, "delete", meanwhile)
        await delete(stage, batch)
        await stage.chat.wait_for_settled(sent[0])

    assert len(await pictures(stage)) == 1
