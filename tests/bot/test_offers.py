"""The choices below the list: pages, all, none, the same as the last time."""

import re
from dataclasses import replace

from tests.bot.stage import ANN, Stage
from tests.fakes.chat import ROOMY, FakeChat, Shown

SMALL = replace(ROOMY, choices=9)
"""Room for three Templates beside the controls."""


async def offered(stage: Stage) -> Shown:
    """The offer after a recording."""
    stage.chat.receive_file(ANN, b"voice", "a.ogg")
    await stage.hear()
    offer = await stage.chat.wait_for_text("Pick templates")
    await stage.told()
    return offer


async def press(stage: Stage, offer: Shown, label: str) -> None:
    """Press the first button on which this stands."""
    token = next(choice.token for choice in offer.choices if label in choice.label)
    await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice=token))


def labels(offer: Shown) -> list[str]:
    return [f"✓{c.label}" if c.picked else c.label for c in offer.choices]


def numbers(offer: Shown) -> list[str]:
    return re.findall(r"^(\d+)\.", offer.text, re.MULTILINE)


async def test_many_templates_come_in_pages_and_picks_stay_while_turning_them(stage: Stage) -> None:
    stage.chat.limits = SMALL
    await stage.add_templates("kid", "lady", "man", "nun")  # anchor, host, idle are there
    async with stage.running():
        offer = await offered(stage)
        assert labels(offer) == ["1 anchor", "2 host", "3 idle", "4–6 ›", "All"]
        await press(stage, offer, "2 host")
        await press(stage, offer, "4–6 ›")
        assert labels(offer) == ["4 kid", "5 lady", "6 man", "‹ 1–3", "7–7 ›", "All", "Pick anew", "Start", "Cancel"]  # fmt: skip
        assert numbers(offer) == ["4", "5", "6"]
        await press(stage, offer, "5 lady")
        await press(stage, offer, "7–7 ›")
        await press(stage, offer, "7 nun")
        assert numbers(offer) == ["7"]
        await press(stage, offer, "Start")
        await stage.wait_for_batch(lambda batch: len(batch.clips) == 3)

    names = [clip.template_name for clip in (await stage.newest()).clips]
    assert names == ["host", "lady", "nun"]


async def test_all_and_none(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "All")
        assert labels(offer) == ["✓1 anchor", "✓2 host", "✓3 idle", "Pick anew", "Start", "Cancel"]
        await press(stage, offer, "Pick anew")
        assert labels(offer) == ["1 anchor", "2 host", "3 idle", "All"]


async def test_all_is_not_offered_where_it_would_be_too_many(stage: Stage) -> None:
    stage.allow(max_clips_per_batch=2)
    async with stage.running():
        assert "All" not in labels(await offered(stage))


async def test_the_same_as_the_last_time_is_one_press(stage: Stage) -> None:
    async with stage.running():
        first = await offered(stage)
        await press(stage, first, "3 idle")
        await press(stage, first, "1 anchor")
        await press(stage, first, "Start")
        await stage.wait_for_batch(lambda batch: len(batch.clips) == 2)
        stage.chat.receive_file(ANN, b"another voice", "b.ogg")
        await stage.hear()
        offer = await stage.chat.wait_for_text("“b.ogg”: ")
        await press(stage, offer, "2 host")
        await press(stage, offer, "As the last time")

    assert labels(offer) == [
        "✓1 anchor",
        "2 host",
        "✓3 idle",
        "All",
        "Pick anew",
        "Start",
        "Cancel",
    ]


async def test_an_offer_that_was_ordered_with_its_button_loses_its_buttons(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "1 anchor")
        await press(stage, offer, "Start")
        await stage.chat.wait_for(lambda _: not offer.choices)

    assert offer.text == "Ordered, with “a.ogg”.\nPicked 1: anchor"


async def test_what_is_typed_ticks_the_open_offer_as_a_press_does(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 3"))
        typed = labels(offer)
        await press(stage, offer, "2 host")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "-1"))

    assert typed == ["✓1 anchor", "2 host", "✓3 idle", "All", "Pick anew", "Start", "Cancel"]
    assert labels(offer) == [
        "1 anchor",
        "✓2 host",
        "✓3 idle",
        "All",
        "Pick anew",
        "Start",
        "Cancel",
    ]
    assert "2 templates picked." in offer.text
    assert stage.chat.texts[-2].startswith("Picked 2: anchor, idle")  # it is answered all the same
    assert stage.chat.texts[-1].startswith("Picked 2: idle, host")


async def test_a_preset_that_is_typed_ticks_the_open_offer(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "2 host")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/preset save News"))
        await press(stage, offer, "Pick anew")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/preset News"))

    assert "✓2 host" in labels(offer)


async def test_an_offer_that_was_ordered_by_typing_loses_its_buttons(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 3 go"))

    assert (offer.text, offer.choices) == ("Ordered, with “a.ogg”.\nPicked 2: anchor, idle", ())


async def test_picks_are_taken_although_the_offer_was_deleted(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        offer.gone = True
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 3"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "go"))
        batch = await stage.newest()

    assert [clip.template_name for clip in batch.clips] == ["anchor", "idle"]


def starting(stage: Stage) -> list[str]:
    """What stands in the messages on which a button still starts."""
    return [
        message.text
        for message in stage.chat.shown.values()
        if any(choice.label == "Start" for choice in message.choices)
    ]


async def test_what_was_picked_by_typing_cannot_be_started_once_it_is_ordered(stage: Stage) -> None:
    async with stage.running():
        await offered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1"))
        first = await stage.chat.wait_for_text("Picked 1")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "3"))
        second = await stage.chat.wait_for_text("Picked 2")
        open_ = starting(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "go"))
        await stage.wait_for_batch(lambda batch: len(batch.clips) == 2)
        left = starting(stage)

    assert len(open_) == 2  # the offer, and the newest answer
    assert first.choices == second.choices == ()
    assert left == []
    assert second.text == "Picked 2: anchor, idle\nType “go” to start with “a.ogg”."
    assert first.text.startswith("Picked 1: anchor")


async def test_what_was_picked_by_typing_can_be_started_as_long_as_it_is_refused(
    stage: Stage,
) -> None:
    stage.chat = FakeChat(platform="telegram")  # where not everybody is an administrator
    stage.allow(allow=("telegram:chat:desk",), batches_per_person=1)
    async with stage.running():
        await offered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "3 go"))
        stage.chat.receive_file(ANN, b"another voice", "b.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 2"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "go"))
        await stage.chat.wait_for_text("only 1 at a time is possible")

    assert any(text.startswith("Picked 2") for text in starting(stage))


GIVEN_UP = "Nothing was ordered, and your picks are gone. Send a recording whenever you like."


async def test_an_order_that_is_being_made_is_given_up_with_a_button(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "1 anchor")
        said = len(stage.chat.shown)
        await press(stage, offer, "Cancel")
        closed = (offer.text, offer.choices)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "go"))

    assert closed == (GIVEN_UP, ())
    assert len(stage.chat.shown) == said + 1
    assert stage.chat.newest.text.startswith("There is nothing to start yet.")


async def test_an_offer_that_is_gone_is_given_up_in_words(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "1 anchor")
        offer.gone = True
        await press(stage, offer, "Cancel")

    assert stage.chat.newest.text == GIVEN_UP


async def test_what_was_picked_by_typing_is_given_up_with_a_button_as_well(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 3"))
        tally = stage.chat.newest
        assert labels(tally) == ["Start", "Pick anew", "Cancel"]
        await press(stage, tally, "Cancel")

    assert (offer.text, offer.choices, tally.choices) == (GIVEN_UP, (), ())


async def test_cancel_is_typed_for_it_while_nothing_runs(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/cancel"))
        given_up = stage.chat.newest.text
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/cancel"))
        idle = stage.chat.newest.text

    assert given_up == offer.text == GIVEN_UP
    assert idle.startswith("Nothing is running.")


async def test_a_recording_that_is_listened_to_is_given_up_as_well(stage: Stage) -> None:
    stage.chat.limits = replace(ROOMY, rings=True)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.chat.wait_for_text("listening")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/cancel"))
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/status"))

    assert stage.chat.texts[:2] == [GIVEN_UP, GIVEN_UP]
    assert stage.chat.texts[2].startswith("Nothing is running.")


async def test_cancel_stops_what_runs_first(stage: Stage) -> None:
    async with stage.running():
        await press(stage, offer := await offered(stage), "1 anchor")
        await press(stage, offer, "Start")
        batch = await stage.wait_for_batch(lambda batch: batch.state.active)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "2"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/cancel"))
        stopped = stage.chat.newest.text
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/cancel"))

    assert stopped == f"{batch.code} is cancelled."
    assert stage.chat.newest.text == GIVEN_UP


async def test_the_cancel_of_an_earlier_recording_leaves_the_new_one(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "1 anchor")
        [cancel] = [choice.token for choice in offer.choices if choice.label == "Cancel"]
        stage.chat.receive_file(ANN, b"another voice", "b.ogg")
        await stage.hear()
        second = await stage.chat.wait_for_text("“b.ogg”: ")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice=cancel))

    assert "/cancel" in stage.chat.newest.text
    assert "✓1 anchor" in labels(second)


async def test_where_there_are_few_buttons_cancel_is_typed(stage: Stage) -> None:
    stage.chat.limits = replace(ROOMY, choices=5)
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "1 anchor")

    assert labels(offer)[-1] == "Start"
