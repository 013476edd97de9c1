"""Links are given to what the store still has, and what it lost is named."""

from pathlib import Path

import pytest

from adapters.stores.local import LocalStore
from bot.ports import Person
from tests.bot.stage import ANN, LI, Stage
from worker.contract import keys
from worker.contract.records import BatchRecord, BatchState, TakeState
from worker.contract.tokens import TokenCodec


async def ask(stage: Stage, text: str, person: Person = ANN) -> str:
    inbound = stage.chat.receive(person, text)
    await stage.chat.wait_for_settled(inbound)
    return [m.text for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")][-1]


async def delivered(stage: Stage, person: Person = ANN) -> BatchRecord:
    stage.chat.receive_file(person, b"voice", "news.ogg")
    await stage.hear()
    await stage.chat.wait_for_settled(stage.chat.receive(person, "1 2 go"))
    await stage.render()
    await stage.render()
    await stage.pack()
    return await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)


async def lose_first_clip(stage: Stage, batch: BatchRecord) -> None:
    made = batch.clips[0].result
    assert made is not None
    await stage.store.delete(made.key)


@pytest.fixture
def written(stage: Stage, tmp_path: Path) -> Stage:
    """A stage whose store writes Archives, so that they outlive their Clips."""
    codec = TokenCodec(b"a secret of tests only, long enough")
    stage.store = LocalStore(
        tmp_path / "written", codec, "http://door.test", virtual_archives=False
    )
    return stage


async def test_a_video_the_store_lost_is_named_and_the_zip_that_holds_it_linked(
    written: Stage,
) -> None:
    async with written.running():
        batch = await delivered(written)
        await lose_first_clip(written, batch)
        _, archive, first, second, *_ = (await ask(written, f"/zip {batch.code}")).split("\n")

    assert archive.startswith("All as a ZIP")
    assert "http://door.test/d/" in archive
    assert first == "✗ 1. anchor: The video was made, but its file is gone."
    assert second.startswith("✓ 2. host")
    assert "http://door.test/d/" in second


async def test_a_zip_made_of_a_video_the_store_lost_is_not_linked_but_the_other_video_is(
    stage: Stage,
) -> None:
    async with stage.running():
        batch = await delivered(stage, LI)
        await lose_first_clip(stage, batch)
        said = await ask(stage, f"/zip {batch.code}", LI)

    _, archive, first, second, *_ = said.split("\n")
    assert archive == "✗ 打包下载：压缩包已不存在。"
    assert first.startswith("✗ 1. anchor")
    assert "http" not in first
    assert "http://door.test/d/" in second


@pytest.mark.parametrize("lost", [("source", *keys.TAKE_MADE), ("source",), ("speech.npz",)])
async def test_a_recording_that_the_bucket_let_go_is_listened_to_anew_when_it_is_sent_again(
    stage: Stage, lost: tuple[str, ...]
) -> None:
    async with stage.running():
        batch = await delivered(stage)
        take_id = batch.order.take_id
        for name in lost:
            await stage.store.delete(keys.take(take_id, name))
        await stage.chat.wait_for_settled(stage.chat.receive_file(ANN, b"voice", "news.ogg"))
        sent = await stage.ledger.take(take_id)
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "2 go"))
        lease = await stage.draw("clips")
        kept = {facts.key async for facts in stage.store.list(keys.take(take_id, ""))}

    assert sent is not None
    assert sent.state is TakeState.ANALYSING
    assert lease.subject != batch.id
    assert kept == {keys.take(take_id, name) for name in ("source", *keys.TAKE_MADE)}


async def test_a_recording_that_is_all_there_is_listened_to_once(stage: Stage) -> None:
    async with stage.running():
        batch = await delivered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive_file(ANN, b"voice", "news.ogg"))
        sent = await stage.ledger.take(batch.order.take_id)

    assert sent is not None
    assert sent.state is TakeState.READY
