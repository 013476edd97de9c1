"""Redis loses everything under a bot that runs: what people ordered goes on, and they can go on talking."""

from tests.bot.stage import ANN, Stage
from worker.contract import keys
from worker.contract.records import BatchState, TemplateState
from worker.rebuild import rebuild


async def lose_memory(stage: Stage) -> None:
    """FLUSHALL, and what a foreman does then, with the records that foremen had written."""
    for template in await stage.ledger.templates():
        written = template.model_dump_json().encode()
        await stage.store.put_bytes(keys.template(template.id, "template.json"), written)
    batch = await stage.newest()
    take = await stage.ledger.take(batch.order.take_id)
    assert take is not None
    await stage.store.put_bytes(keys.take(take.id, "take.json"), take.model_dump_json().encode())
    await stage.store.put_bytes(keys.batch(batch.id), batch.model_dump_json().encode())
    await stage.ledger._client.flushall()
    await rebuild(stage.ledger, stage.store)


async def prepare_templates(stage: Stage) -> None:
    for _ in range(3):
        lease = await stage.draw("templates")
        told = {"duration_s": 12.0, "fps": 25.0, "frames": 300}
        assert await stage.ledger.desk.settle_template(lease, TemplateState.READY, told, None)


async def test_an_order_that_ran_ends_in_the_same_chat_once_and_the_bar_goes_on(
    stage: Stage,
) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 2 go"))
        before = await stage.wait_for_batch(lambda batch: batch.progress_message is not None)
        shown = len(stage.chat.shown)
        await lose_memory(stage)
        await prepare_templates(stage)
        await stage.render()
        await stage.render()
        await stage.pack()
        after = await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/history"))

    texts = [message.text for message in stage.chat.shown.values()]
    told = [text for text in texts[shown:] if text.startswith(f"{before.code} is ready")]
    assert after.id == before.id
    assert len(told) == 1
    assert before.progress_message is not None
    assert "2/2" in stage.chat.shown[before.progress_message.id].text
    assert before.code in texts[-1]


async def test_people_can_order_after_the_loss_as_before(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 go"))
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        await lose_memory(stage)
        await prepare_templates(stage)
        stage.chat.receive_file(ANN, b"another voice", "second.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 go"))
        await stage.render()
        await stage.pack()
        batch = await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)

    assert batch.order.take_name == "second.ogg"
