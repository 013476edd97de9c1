"""The choices below the list: pages, all, none, the same as the last time."""

import re
from dataclasses import replace

from tests.bot.stage import ANN, Stage
from tests.fakes.chat import ROOMY, Shown

SMALL = replace(ROOMY, choices=9)
"""Room for three Templates beside the controls."""


async def offered(stage: Stage) -> Shown:
    """The offer after a recording."""
    stage.chat.receive_file(ANN, b"voice", "a.ogg")
    await stage.hear()
    return await stage.chat.wait_for_text("Pick templates")


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
        assert labels(offer) == ["4 kid", "5 lady", "6 man", "‹ 1–3", "7–7 ›", "All", "Pick anew", "Start"]  # fmt: skip
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
        assert labels(offer) == ["✓1 anchor", "✓2 host", "✓3 idle", "Pick anew", "Start"]
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
        stage.chat.shown.clear()
        stage.chat.receive_file(ANN, b"another voice", "b.ogg")
        await stage.hear()
        offer = await stage.chat.wait_for_text("Pick templates")
        await press(stage, offer, "2 host")
        await press(stage, offer, "As the last time")

    assert labels(offer) == ["✓1 anchor", "2 host", "✓3 idle", "All", "Pick anew", "Start"]


async def test_an_offer_that_was_ordered_with_its_button_loses_its_buttons(stage: Stage) -> None:
    async with stage.running():
        offer = await offered(stage)
        await press(stage, offer, "1 anchor")
        await press(stage, offer, "Start")
        await stage.chat.wait_for(lambda _: not offer.choices)

    assert offer.text == "Ordered, with “a.ogg”.\nPicked 1: anchor"
