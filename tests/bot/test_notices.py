"""Where every new message rings, what comes of a recording takes the place of the word that it came."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ports import Media
from tests.bot.stage import ANN, NO_FACE, Stage
from tests.bot.test_offers import labels, press
from tests.fakes.chat import ROOMY, FakeChat
from worker.contract.records import TakeState

RINGING = replace(ROOMY, rings=True)


@pytest.fixture(autouse=True)
def rings(stage: Stage) -> None:
    stage.chat.limits = RINGING


def with_caption(stage: Stage, caption: str) -> None:
    """A recording that comes with words below it."""
    inbound = stage.chat.receive_file(ANN, b"voice", "a.ogg")
    stage.chat._inbox.get_nowait()
    stage.chat._inbox.put_nowait(replace(inbound, text=caption))


async def test_picks_below_a_recording_make_one_message_and_the_result(stage: Stage) -> None:
    async with stage.running():
        with_caption(stage, "1 go")
        await stage.chat.wait_for_text("I start as soon as I have listened")
        await stage.hear()
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text("is ready: 1 video")
        await stage.wait_for_batch(lambda batch: not batch.state.active)

    progress, result = stage.chat.shown.values()
    assert "1/1 · done" in progress.text
    assert progress.earlier[:2] == [
        "Got “a.ogg”, listening …",
        "Picked 1: anchor\nI start as soon as I have listened to the recording.",
    ]
    assert result.text.startswith((await stage.newest()).code)


class SlowToHandOut(FakeChat):
    """Hands files out when the test says so."""

    def __init__(self) -> None:
        super().__init__(replace(RINGING, file_size_bytes=2_000_000_000))
        self.handed_out = asyncio.Event()

    async def fetch(self, media: Media, path: Path) -> None:
        await self.handed_out.wait()
        await super().fetch(media, path)


async def test_while_a_large_file_is_fetched_people_read_that_it_takes_a_while(
    stage: Stage,
) -> None:
    stage.chat = chat = SlowToHandOut()
    chat.files["large"] = b"film"
    async with stage.running():
        chat.receive(ANN, media=Media("large", "film.mp4", 1_200_000_000, "video"))
        waiting = await chat.wait_for_text("Fetching “film.mp4” (1.2 GB), that may take some min")
        chat.handed_out.set()
        await chat.wait_for_text("Got “film.mp4”, listening …")
        await stage.hear()
        await chat.wait_for_text("Pick templates")

    assert len(chat.shown) == 1
    assert waiting.earlier[0].startswith("Fetching")


async def test_of_a_small_file_nothing_is_said_before_it_is_there(stage: Stage) -> None:
    stage.chat = chat = SlowToHandOut()
    chat.files["small"] = b"voice"
    async with stage.running():
        chat.receive(ANN, media=Media("small", "a.ogg", 20_000_000, "voice"))
        chat.handed_out.set()
        said = await chat.wait_for_text("listening")

    assert said.earlier == []


async def test_the_offer_takes_the_place_of_listening_and_only_the_asker_may_press(
    stage: Stage,
) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        offer = await stage.chat.wait_for_text("Pick templates")
        await press(stage, offer, "1 anchor")
        ticked = labels(offer)
        await press(stage, offer, "Start")
        await stage.chat.wait_for(lambda _: not offer.choices)

    assert ticked[0] == "✓1 anchor"
    assert offer.person == ANN
    assert offer.text.startswith("Ordered, with")
    assert len(stage.chat.shown) == 2  # the offer, and the progress


async def test_remarks_about_a_recording_stay_a_message_of_their_own(stage: Stage) -> None:
    remarks = [{"code": "noisy", "facts": {}}]
    async with stage.running():
        with_caption(stage, "1 go")
        await stage.chat.wait_for_text("I start as soon as I have listened")
        await stage.hear(remarks=remarks)
        await stage.chat.wait_for_text("much noise")
        await stage.wait_for_batch(lambda batch: batch.progress_message is not None)

    assert len(stage.chat.shown) == 2


async def test_a_refusal_takes_the_place_of_listening(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.reject(NO_FACE)
        await stage.chat.wait_for_text("I found no face")

    assert len(stage.chat.shown) == 1


async def test_a_notice_that_was_deleted_is_followed_by_a_new_message(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        lease = await stage.draw("takes")
        notice = await stage.chat.wait_for_text("listening")
        notice.gone = True
        told = {"speech_s": 7.4, "duration_s": 7.9}
        assert await stage.ledger.desk.settle_take(lease, TakeState.READY, told, None)
        offer = await stage.chat.wait_for_text("Pick templates")

    assert offer is not notice
    assert notice.text.endswith("listening …")


async def test_who_waited_long_hears_the_answer_ring(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        lease = await stage.draw("takes")
        stage.now += timedelta(seconds=30)
        told = {"speech_s": 7.4, "duration_s": 7.9}
        assert await stage.ledger.desk.settle_take(lease, TakeState.READY, told, None)
        await stage.chat.wait_for_text("Pick templates")

    notice, offer = stage.chat.shown.values()
    assert notice.text.endswith("listening …")
    assert offer.choices


async def test_a_second_recording_has_a_notice_of_its_own(stage: Stage) -> None:
    async with stage.running():
        for content in (b"one", b"two"):
            stage.chat.receive_file(ANN, content, f"{content.decode()}.ogg")
            await stage.hear()
            await stage.chat.wait_for_text(f"“{content.decode()}.ogg”: 7.4 s")

    assert len(stage.chat.shown) == 2


async def test_go_typed_later_shows_progress_below_and_closes_the_offer(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await stage.chat.wait_for_text("Pick templates")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 go"))

    offer, progress = stage.chat.shown.values()
    assert "Pick templates" in offer.earlier[-1]
    assert (offer.text, offer.choices) == ("Ordered, with “a.ogg”.\nPicked 1: anchor", ())
    assert "0/1" in progress.text
