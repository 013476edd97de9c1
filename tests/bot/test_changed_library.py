"""Templates come and go while a list is open: numbers mean the list as it was shown, names and “all” the library as it is."""

from dataclasses import replace

from tests.bot.stage import ANN, LI, Stage
from tests.bot.test_dialogue import ask, finish, send_voice
from tests.bot.test_offers import labels, numbers, offered, press
from tests.fakes.chat import ROOMY
from worker.contract.records import BatchRecord, TemplateState


async def names_of_the_batch(stage: Stage, clips: int) -> list[str]:
    def whole(batch: BatchRecord) -> bool:
        return len(batch.clips) == clips

    return [clip.template_name for clip in (await stage.wait_for_batch(whole)).clips]


async def test_a_number_keeps_its_meaning_when_one_before_it_is_removed(stage: Stage) -> None:
    async with stage.running():
        await offered(stage)
        await stage.ledger.remove_template("t-anchor")
        await ask(stage, "2 go")

        assert await names_of_the_batch(stage, 1) == ["host"]


async def test_a_number_whose_template_is_removed_is_answered_and_starts_nothing(
    stage: Stage,
) -> None:
    async with stage.running():
        await send_voice(stage)
        await send_voice(stage, b"another voice", LI)
        await stage.ledger.remove_template("t-anchor")
        alone, ranged = await ask(stage, "1 go"), await ask(stage, "1-2 go")
        chinese = await ask(stage, "1 开始", LI)

    gone = (
        "Number 1 is no longer in the library; the other numbers mean what they meant. "
        "/templates lists what there is.\n"
    )
    assert alone.startswith(f"{gone}Nothing is picked")
    assert ranged.startswith(f"{gone}Picked 1: host")
    assert chinese.startswith("1 号模板已从模板库中移除，其他编号不变。发送“模板”可查看全部。\n")
    assert await stage.ledger.history(stage.chat.chat(), None, 0, 1) == []


async def test_people_in_a_group_who_order_a_number_that_is_gone_are_told(stage: Stage) -> None:
    group = stage.chat.chat("team", private=False)
    async with stage.running():
        await ask(stage, "/templates", chat=group)
        await stage.ledger.remove_template("t-anchor")
        said = await ask(stage, "1 go", chat=group, addressed=False)

    assert said.startswith("Number 1 is no longer in the library")


async def test_what_was_picked_and_removed_can_be_taken_out_by_its_number(stage: Stage) -> None:
    async with stage.running():
        await offered(stage)
        await ask(stage, "1 2")
        await stage.ledger.remove_template("t-anchor")

        assert (await ask(stage, "-1")).startswith("Picked 1: host")


async def test_an_open_offer_keeps_its_numbers_when_a_template_is_removed(stage: Stage) -> None:
    stage.chat.limits = replace(ROOMY, choices=8)  # pages of two
    await stage.add_templates("kid", "lady")
    async with stage.running():
        offer = await offered(stage)
        await stage.ledger.remove_template("t-anchor")
        await press(stage, offer, "2 host")
        assert labels(offer)[:3] == ["✓2 host", "3 idle", "4–5 ›"]
        assert numbers(offer) == ["2", "3"]
        await press(stage, offer, "4–5 ›")
        assert labels(offer)[:3] == ["4 kid", "5 lady", "‹ 2–3"]
        await ask(stage, "4 go")

        assert await names_of_the_batch(stage, 2) == ["host", "kid"]


async def test_a_template_added_since_the_list_was_shown_is_known_by_name_and_by_all(
    stage: Stage,
) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")
        await finish(stage, 1)
        await stage.add_templates("kid")
        stage.chat.receive_file(ANN, b"another voice", "b.ogg")
        await stage.chat.wait_for_text("“b.ogg”")
        named, everything = await ask(stage, "kid"), await ask(stage, "all")

    assert named.startswith("Picked 1: kid")
    assert "Picked 4: kid, anchor, host, idle" in everything


async def test_all_is_not_what_was_picked_from_before_the_library_grew(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "all")
        await stage.add_templates("kid")

        assert "Picked 4: anchor, host, idle, kid" in await ask(stage, "all")


async def test_a_number_behind_the_end_of_the_list_is_not_what_was_added_since(
    stage: Stage,
) -> None:
    async with stage.running():
        await offered(stage)
        await stage.add_templates("kid", state=TemplateState.PREPARING)

        assert (await ask(stage, "4")).startswith("There is no template “4”")
