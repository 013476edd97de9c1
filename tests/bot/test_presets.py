"""Picks that are kept under a name."""

import pytest

from bot.commands import Command, read_command
from bot.drafts import Drafts
from bot.ports import Person
from bot.stock import remove_from_library
from tests.bot.stage import ANN, LI, Stage
from tests.bot.test_dialogue import ask
from tests.bot.test_offers import labels, offered, press


async def remove(stage: Stage, name: str) -> None:
    template = next(t for t in await stage.ledger.templates() if t.name == name)
    await remove_from_library(stage.ledger, stage.store, template)


async def picked(stage: Stage, person: Person = ANN) -> list[str]:
    draft = await Drafts(stage.memory).load(stage.chat.chat(), person)
    return [draft.names[id_] for id_ in draft.picks]


async def test_picks_are_kept_picked_again_and_forgotten(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "1 3")
        saved = await ask(stage, "/preset save Morning  News")
        await ask(stage, "/new")
        again = await ask(stage, "/preset morning news")
        listed = await ask(stage, "/preset")
        removed = await ask(stage, "/preset remove MORNING NEWS")
        unknown = await ask(stage, "/preset morning news")

    assert saved.startswith("“Morning News” is kept: anchor, idle.")
    assert again == "Picked 2: anchor, idle\nNow send me the recording."
    assert listed.split("\n")[:2] == ["What you keep here:", "★ Morning News: anchor, idle"]
    assert removed == "“Morning News” is no longer kept."
    assert unknown.startswith("You keep nothing called “morning news”.")


async def test_in_chinese_without_a_slash(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "1、2", LI)
        assert "已保存预设“早间新闻”：anchor、host" in await ask(stage, "预设保存早间新闻", LI)
        await ask(stage, "新建", LI)
        assert "已选 2 个：anchor、host" in await ask(stage, "预设 早间新闻", LI)
        assert "预设“早间新闻”已删除" in await ask(stage, "预设 删除 早间新闻", LI)


async def test_a_preset_picks_these_and_no_others_and_can_start_at_once(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "2")
        await ask(stage, "/preset save b")
        await ask(stage, "1 3")
        offer = await offered(stage)
        await ask(stage, "/preset b go")
        batch = await stage.newest()

    assert offer.text
    assert [clip.template_name for clip in batch.clips] == ["host"]


async def test_what_was_ordered_can_be_kept_afterwards(stage: Stage) -> None:
    async with stage.running():
        await offered(stage)
        await ask(stage, "3 1 go")
        assert "idle, anchor" in await ask(stage, "/preset save pair")


async def test_presets_stand_in_the_offer_in_a_row_of_their_own(stage: Stage) -> None:
    async with stage.running():
        for name, picks in (("a", "1"), ("b", "2"), ("c", "3"), ("d", "all")):
            await ask(stage, "/new")
            await ask(stage, picks)
            await ask(stage, f"/preset save {name}")
        await ask(stage, "/new")
        offer = await offered(stage)
        before = labels(offer)
        await press(stage, offer, "★ c")
        after = labels(offer)
        await press(stage, offer, "★ d")

    assert before == ["1 anchor", "2 host", "3 idle", "★ d", "★ c", "★ b", "All"]
    assert {c.section for c in offer.choices if "★" in c.label} == {"presets"}
    # What was used last comes first, and a second press changes nothing.
    assert [label for label in after if "★" in label] == ["✓★ c", "★ d", "★ b"]
    assert after[:3] == ["1 anchor", "2 host", "✓3 idle"]
    assert await picked(stage) == ["anchor", "host", "idle"]


async def test_what_left_the_library_is_told_once_and_leaves_the_preset(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "1 2")
        await ask(stage, "/preset save pair")
        await remove(stage, "host")
        await ask(stage, "/new")
        first = await ask(stage, "/preset pair")
        second = await ask(stage, "/preset pair")
        await remove(stage, "anchor")
        last = await ask(stage, "/preset pair")
        none = await ask(stage, "/preset")

    assert first.split("\n")[:2] == [
        "The template “host” was removed from the library.",
        "Picked 1: anchor",
    ]
    assert second.startswith("Picked 1: anchor")
    assert last.endswith("“pair” is no longer kept.")
    assert none.startswith("You keep nothing here yet.")


async def test_presets_belong_to_one_person_in_one_chat(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "1")
        await ask(stage, "/preset save mine")
        elsewhere = await ask(stage, "/preset mine", chat=stage.chat.chat("other"))
        other = await ask(stage, "/preset mine", LI)

    assert elsewhere.startswith("You keep nothing called")
    assert other.startswith("没有叫“mine”的预设")


@pytest.mark.parametrize("text", ["/preset save", "/preset save remove", "/preset remove"])
async def test_half_a_command_is_answered_with_how(stage: Stage, text: str) -> None:
    async with stage.running():
        await ask(stage, "1")
        assert "“/preset save NAME” keeps what is picked" in await ask(stage, text)


async def test_nothing_picked_is_nothing_to_keep(stage: Stage) -> None:
    async with stage.running():
        assert (await ask(stage, "/preset save x")).startswith("Nothing is picked")


async def test_a_preset_larger_than_an_order_may_be_is_refused(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "all")
        await ask(stage, "/preset save everybody")
    stage.allow(max_clips_per_batch=2)
    async with stage.running():
        await ask(stage, "/new")
        assert "up to 2" in await ask(stage, "/preset everybody")
        assert await picked(stage) == []


async def test_no_more_than_twenty_are_kept_but_one_can_be_replaced(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "1")
        for number in range(20):
            await ask(stage, f"/preset save n{number}")
        full = await ask(stage, "/preset save one more")
        replaced = await ask(stage, "/preset save N3")

    assert "more than 20" in full
    assert "is kept: anchor" in replaced


async def test_a_button_of_a_preset_that_is_gone_says_so(stage: Stage) -> None:
    async with stage.running():
        said = await ask(stage, "", choice="preset:gone")

    assert said == "You keep nothing called “gone”."


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/preset", Command("preset")),
        ("/preset@our_bot save Morning News", Command("preset", "save Morning News")),
        ("预设", Command("preset")),
        ("预设 早间新闻", Command("preset", "早间新闻")),
        ("预设保存早间新闻", Command("preset", "保存早间新闻")),
        ("预设news", Command("preset", "news")),
        ("预设的模板呢", None),
    ],
)
def test_the_command_is_read(text: str, command: Command | None) -> None:
    assert read_command(text) == command
