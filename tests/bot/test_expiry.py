"""Orders whose videos are no longer kept."""

from datetime import timedelta

import pytest

from tests.bot.stage import ANN, Stage
from worker.contract.records import BatchState


async def test_status_and_history_say_when_an_order_expired(stage: Stage) -> None:
    chat = stage.chat

    async def ask(text: str) -> str:
        inbound = chat.receive(ANN, text)
        await chat.wait_for_settled(inbound)
        return [m.text for m in chat.shown.values() if m.key.startswith(f"{inbound.key}:")][-1]

    async with stage.running():
        chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await chat.wait_for_settled(chat.receive(ANN, "1 go"))
        await stage.render()
        await stage.pack()
        batch = await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        assert await stage.ledger.desk.expire_batch(batch.id)
        expired = await stage.ledger.batch(batch.id)
        assert expired is not None
        assert expired.expired_at is not None
        day = f"{expired.expired_at.astimezone():%Y-%m-%d}"

        status, history = await ask(f"/status {batch.code}"), await ask("/history")

    async with stage.running():
        zipped = [await ask("/zip"), await ask(f"/zip {batch.code}")]
        retried = [await ask("/retry"), await ask(f"/retry {batch.code}")]

    assert zipped == ["There is no such order in this chat. /history lists what there is.", status]
    assert retried == [
        "No order here has videos that failed. /history lists what there is.",
        status,
    ]
    assert status == (
        f"{batch.code} · “news.ogg”: expired on {day}, its videos are no longer kept. "
        "Send the recording again to have them made anew."
    )
    assert history.splitlines()[1].endswith(f"1/1 · expired on {day}")


@pytest.mark.parametrize(
    ("age_h", "said"),
    [(0, "24 hours"), (30, "18 hours"), (47.5, "30 minutes"), (49, "1 minute")],
)
async def test_links_promise_no_more_than_the_videos_are_kept(
    stage: Stage, age_h: float, said: str
) -> None:
    chat = stage.chat
    stage.allow(retention_s=2 * 86_400)
    async with stage.running():
        chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await chat.wait_for_settled(chat.receive(ANN, "1 go"))
        await stage.render()
        await stage.pack()
        batch = await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
    assert batch.finished_at is not None
    stage.now = batch.finished_at + timedelta(hours=age_h, seconds=-1)
    async with stage.running():
        inbound = chat.receive(ANN, "/zip")
        await chat.wait_for_settled(inbound)

    [shown] = [m for m in chat.shown.values() if m.key.startswith(f"{inbound.key}:")]
    assert f"The links work for {said};" in shown.text
