"""Help: an overview and topics, in one message that changes."""

from dataclasses import replace

import pytest

from bot.guide import TOPICS
from tests.bot.stage import ANN, LI, Stage
from tests.bot.test_dialogue import ask
from tests.bot.test_offers import labels, press
from tests.fakes.chat import ROOMY


async def test_topics_take_each_other_s_place_in_one_message(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/help")
        shown = await stage.chat.wait_for_text("Send a recording, pick")
        overview = labels(shown)
        await press(stage, shown, "Privacy")
        privacy, others = shown.text, labels(shown)
        await press(stage, shown, "The result")
        await press(stage, shown, "Overview")

    assert overview == ["Recordings", "Templates", "Options", "The result", "Privacy"]
    assert others == ["Recordings", "Templates", "Options", "The result", "Overview"]
    assert privacy.startswith("Privacy\n")
    assert shown.text.startswith("Send a recording, pick")
    assert len(stage.chat.shown) == 1


@pytest.mark.parametrize("topic", TOPICS)
async def test_a_topic_can_be_typed_in_both_languages(stage: Stage, topic: str) -> None:
    async with stage.running():
        english = await ask(stage, f"/help {topic}")
        chinese = await ask(stage, f"帮助{TOPICS[topic]}", LI)

    assert english.split("\n")[0].casefold().removeprefix("the ").startswith(topic[:6])
    assert chinese.split("\n")[0] == TOPICS[topic]


async def test_topics_tell_the_limits_of_this_place(stage: Stage) -> None:
    async with stage.running():
        assert "up to 10 min and 10.0 MB" in await ask(stage, "/help recording")
        assert "Up to 50 in one order" in await ask(stage, "/help templates")
        assert "24 hours" in await ask(stage, "/help result")


async def test_a_topic_nobody_knows_is_the_overview(stage: Stage) -> None:
    async with stage.running():
        assert (await ask(stage, "/help weather")).startswith("Send a recording, pick")


async def test_a_message_that_is_gone_or_forgotten_is_posted_anew(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/help")
        (shown,) = stage.chat.shown.values()
        shown.gone = True
        again = await ask(stage, "", choice="help:options")
        await ask(stage, "/new")
        forgotten = await ask(stage, "", choice="help:privacy")

    assert again.startswith("Options")
    assert forgotten.startswith("Privacy")


async def test_without_buttons_the_overview_says_what_can_be_typed(stage: Stage) -> None:
    stage.chat.limits = replace(ROOMY, choices=0)
    async with stage.running():
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/help"))

    (shown,) = stage.chat.shown.values()
    assert shown.choices == ()
    assert shown.text.endswith("More: /help recording, templates, options, result or privacy")
