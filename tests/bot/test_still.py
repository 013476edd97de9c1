"""Platforms where most messages stay as they were said, and where voice notes come without their sound."""

from dataclasses import replace

from tests.bot.stage import ANN, LI, Stage
from tests.fakes.chat import ROOMY

STILL = replace(ROOMY, answers_only=True, rings=True)
PAGED = replace(ROOMY, can_revise=False, choices=8, caption_length=900)
"""Two Templates on a page."""


async def test_who_presses_start_is_told_once_that_it_begins(stage: Stage) -> None:
    """What answers a press could never be brought up to date; a bar in it would stand still at nothing."""
    chat = stage.chat
    chat.limits = STILL
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, "1 2 go", fresh=False))
        await stage.render()
        await chat.wait_for_text("I will write again when it is done")

    assert not [text for text in chat.texts if "▱" in text or "▰" in text]


async def test_who_types_go_sees_the_bar_grow(stage: Stage) -> None:
    chat = stage.chat
    chat.limits = STILL
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, "1 2 go"))
        bar = await chat.wait_for_text("0/2")
        await stage.render()
        await chat.wait_for_text("1/2")

    assert bar.earlier


async def test_pages_are_turned_by_typing_and_picks_of_all_pages_count(stage: Stage) -> None:
    chat = stage.chat
    chat.limits = PAGED
    await stage.add_templates("mira", "jonas")
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        assert await stage.ledger.desk.finish_lineup(await stage.draw("takes"))  # never drawn
        await stage.hear()
        first = await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, "1 more"))
        second = chat.newest
        await chat.wait_for_settled(chat.receive(ANN, "更多"))
        third = chat.newest
        await chat.wait_for_settled(chat.receive(ANN, "back"))
        again = chat.newest
        await chat.wait_for_settled(chat.receive(ANN, "5 go"))
        accepted = chat.newest

    assert all(chat.texts)
    assert "1. anchor" in first.text
    assert "3. idle" not in first.text
    assert "These are 1 to 2 of 5; type “more” or “back”" in first.text
    assert second.text.startswith("Picked 1: anchor\nPick templates:\n3. idle")
    assert [choice.label for choice in second.choices if choice.section == "controls"][:2] == [
        "‹ 1–2",
        "5–5 ›",
    ]
    assert "5. mira" in third.text
    assert "3. idle" in again.text
    assert "2 videos" in accepted.text


async def test_a_page_is_turned_by_its_button_into_a_new_message(stage: Stage) -> None:
    chat = stage.chat
    chat.limits = PAGED
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/templates"))
        first = chat.newest
        later = next(choice for choice in first.choices if choice.label.endswith("›"))
        await chat.wait_for_settled(chat.receive(ANN, choice=later.token))

    assert "2. host" in first.text
    assert "3. idle" in chat.newest.text
    assert chat.newest is not first


async def test_how_a_recording_is_sent_is_told_as_it_works_there(stage: Stage) -> None:
    chat = stage.chat
    chat.limits = replace(ROOMY, voice_notes=False)
    group = chat.chat("team", private=False)
    async with stage.running():
        for where in (chat.chat(), group):
            await chat.wait_for_settled(chat.receive(LI, "/help", chat=where))
            await chat.wait_for_settled(chat.receive(LI, "/new", chat=where))
            await chat.wait_for_settled(chat.receive(LI, "1", chat=where))
            await chat.wait_for_settled(chat.receive(LI, "/help recording", chat=where))

    alone, team = chat.texts[:4], chat.texts[4:]
    assert all("m4a" in text or "音频文件" in text for text in alone)
    assert all("引用" in text for text in team)
    assert not any("/dub" in text or "发送语音" in text for text in chat.texts)


async def test_where_voice_notes_are_quoted_in_groups_it_is_told_so_there_only(
    stage: Stage,
) -> None:
    chat = stage.chat
    chat.limits = replace(ROOMY, quoted_in_groups=True, hears_all=False)
    async with stage.running():
        for where in (chat.chat(), chat.chat("team", private=False)):
            await chat.wait_for_settled(chat.receive(LI, "你好", chat=where))

    assert ["引用" in text for text in chat.texts] == [False, True]


async def test_who_speaks_to_us_in_a_group_is_never_left_without_an_answer(stage: Stage) -> None:
    chat = stage.chat
    chat.limits = replace(ROOMY, voice_notes=False, hears_all=False)
    group = chat.chat("team", private=False)
    async with stage.running():
        await chat.wait_for_settled(chat.receive(LI, "你好", chat=group))

    assert chat.texts[0].startswith("引用一个说话的录音文件并 @我")


async def test_a_press_that_its_offer_cannot_show_is_answered(stage: Stage) -> None:
    chat = stage.chat
    chat.limits = STILL
    async with stage.running():
        chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        offer = await chat.wait_for_text("Pick templates")
        await chat.wait_for_settled(chat.receive(ANN, "1 2"))
        offer.gone = True  # as if nothing of it could be changed
        await chat.wait_for_settled(chat.receive(ANN, choice="empty", fresh=False))

    assert chat.newest.text.startswith("Nothing is picked.")
