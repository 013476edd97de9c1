"""A platform that lets us speak only now and then: what is said again must not be done again."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.desk import Turn
from bot.orders import placed_before
from bot.ports import Media, MessageRef, Throttled
from tests.bot.stage import ANN, Stage
from tests.fakes.chat import ROOMY, FakeChat, Shown
from worker.contract.records import BatchState, Order


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


async def test_two_hands_that_place_one_order_at_once_announce_it_once(stage: Stage) -> None:
    [desk] = stage.bot()._desks
    placed = Order(
        key="a", chat=stage.chat.chat(), person=ANN, take_id="t", take_name="news.ogg",
        template_ids=("t-anchor",),
    )  # fmt: skip
    turns = [Turn(desk, stage.chat.chat(), ANN, "en", receipt) for receipt in ("a", "b")]
    for turn in turns:
        await stage.memory.keep("order", turn.receipt, value=placed.model_dump_json())

    found = await asyncio.gather(*(placed_before(turn) for turn in turns))

    assert found == [True, True]
    assert sum("1 video" in text for text in stage.chat.texts) == 1


class Hushed(FakeChat):
    """Revises nothing while it is hushed."""

    hushed = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refusals, self.refused_often = 0, asyncio.Event()

    async def revise(self, message: MessageRef, *args: Any, **more: Any) -> None:
        if self.hushed:
            self.refusals += 1
            if self.refusals > 20:
                self.refused_often.set()
            raise Throttled(0.05)
        await super().revise(message, *args, **more)


async def test_a_last_word_that_was_throttled_follows_the_result(stage: Stage) -> None:
    chat = stage.chat = Hushed()
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, "1 go"))
        chat.hushed = True
        await stage.render()
        await stage.pack()
        await chat.wait_for_text("is ready")
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        progress = next(m for m in chat.shown.values() if "/cancel" in m.text)
        chat.hushed = False
        await chat.wait_for(lambda _: "1/1 · done" in progress.text)

    assert progress.choices == ()


async def test_a_last_word_that_was_throttled_is_said_by_the_next_bot_if_need_be(
    stage: Stage,
) -> None:
    chat = stage.chat = Hushed()
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, "1 go"))
        chat.hushed = True
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
    chat.hushed = False
    async with stage.running():
        shown = await chat.wait_for_text("1/1 · done")

    assert shown.choices == ()
    assert sum("is ready" in text for text in chat.texts) == 1


class Slow(FakeChat):
    """Takes its time with one text."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self.part = part
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def _show(self, shown: Shown) -> MessageRef:
        if self.part in shown.text:
            self.asked.set()
            await self.go_on.wait()
        return await super()._show(shown)


async def test_an_order_that_is_told_after_its_result_does_not_look_as_if_it_still_waited(
    stage: Stage,
) -> None:
    chat = stage.chat = Slow("0/1")
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        sent = chat.receive(ANN, "1 go")
        await chat.asked.wait()
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        chat.go_on.set()
        await chat.wait_for_settled(sent)

    [progress] = [message for message in chat.shown.values() if "▰" in message.text]
    assert "1/1 · done" in progress.text
    assert progress.choices == ()


async def test_an_ordered_offer_loses_its_buttons_however_long_that_is_refused(
    stage: Stage,
) -> None:
    chat = stage.chat = Hushed()
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        offer = await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, choice="pick:t-anchor"))
        chat.hushed = True
        pressed = chat.receive(ANN, choice="go")
        await chat.refused_often.wait()
        chat.hushed = False
        await chat.wait_for_settled(pressed)

    assert offer.choices == ()
    assert sum("0/1" in text for text in chat.texts) == 1


async def test_who_ordered_is_not_told_of_a_fault_because_an_offer_keeps_its_buttons(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.offering._CLOSING_S", 0.2)
    monkeypatch.setattr("bot.bot._ANSWER_LIMIT_S", 0.6)
    chat = stage.chat = Hushed()
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        chat.hushed = True
        await chat.wait_for_settled(chat.receive(ANN, "1 go"))

    assert sum("0/1" in text for text in chat.texts) == 1
    assert not any("incident" in text.casefold() for text in chat.texts)


async def test_an_offer_that_was_ordered_while_we_were_throttled_loses_its_buttons(
    stage: Stage,
) -> None:
    chat = stage.chat = Throttling("0/1")
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        offer = await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, choice="pick:t-anchor"))
        pressed = chat.receive(ANN, choice="go")
        await chat.refused.wait()
        chat.open = True
        await chat.wait_for_settled(pressed)

    assert offer.choices == ()
    assert sum("0/1" in text for text in chat.texts) == 1


async def test_progress_takes_the_place_of_listening_even_if_that_was_throttled_at_first(
    stage: Stage,
) -> None:
    chat = stage.chat = Hushed(replace(ROOMY, rings=True))
    chat.files["f"] = b"voice"
    async with stage.running():
        chat.receive(ANN, "1 go", media=Media("f", "a.ogg", 5, "voice"))
        await chat.wait_for_text("I start as soon as")
        chat.hushed = True
        await stage.hear()
        await stage.draw("clips")  # ordered, but not told yet
        chat.hushed = False
        await chat.wait_for_text("0/1")

    assert len(chat.shown) == 1


async def test_picks_whose_answer_was_throttled_are_not_said_to_be_named_twice(
    stage: Stage,
) -> None:
    chat = stage.chat = Throttling("Picked 2")
    async with stage.running():
        sent = chat.receive(ANN, "1 3")
        await chat.refused.wait()
        chat.open = True
        await chat.wait_for_settled(sent)

    assert chat.texts == ["Picked 2: anchor, idle\nNow send me the recording."]
