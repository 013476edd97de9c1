"""Orders whose videos are no longer kept."""

from tests.bot.stage import ANN, Stage
from worker.contract.records import BatchState


async def test_status_and_history_say_when_an_order_expired(stage: Stage) -> None:
    chat = stage.chat

    async def ask(text: str) -> str:
        count = len(chat.shown)
        await chat.wait_for_settled(chat.receive(ANN, text))
        await chat.wait_for(lambda chat: len(chat.shown) > count)
        return chat.texts[-1]

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

    assert status == (
        f"{batch.code} · “news.ogg”: expired on {day}, its videos are no longer kept. "
        "Send the recording again to have them made anew."
    )
    assert history.splitlines()[1].endswith(f"1/1 · expired on {day}")
