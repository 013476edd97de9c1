"""A platform that lets us speak only now and then: what is said again must not be done again."""

import asyncio

from bot.ports import Media, MessageRef, Throttled
from tests.bot.stage import ANN, Stage
from tests.fakes.chat import FakeChat, Shown
from worker.contract.records import BatchState


class Throttling(FakeChat):
    """Refuses one text until it is let go."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self.part = part
        self.refused = asyncio.Event()
        self.open = False

    async def _show(self, shown: Shown) -> MessageRef:
        if self.part in shown.text and not self.open:
            self.refused.set()
            raise Throttled(0.05)
        return await super()._show(shown)


async def test_an_order_that_was_started_while_its_answer_was_throttled_is_one_order(
    stage: Stage,
) -> None:
    chat = stage.chat = Throttling("I start as soon as")
    chat.files["f"] = b"voice"
    async with stage.running():
        sent = chat.receive(ANN, "1 go", media=Media("f", "a.ogg", 5, "voice"))
        await chat.refused.wait()  # "go" is known, but could not be answered
        await stage.hear()
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        chat.open = True
        await chat.wait_for_settled(sent)

    assert len(await stage.ledger.history(chat.chat(), ANN, 0, 10)) == 1
    assert sum("▰" in text for text in chat.texts) == 1
    assert sum("is ready" in text for text in chat.texts) == 1
    assert await stage.memory.load("draft", "console:fake", "desk", "", "ann") is not None
