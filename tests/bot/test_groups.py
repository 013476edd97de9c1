"""In a group: whom an answer is for, and which message holds the recording."""

import pytest

from bot.ports import Media
from tests.bot.stage import ANN, Stage


async def hear_in_group(stage: Stage, holder: str | None) -> list[str | None]:
    """What the bot's two answers to a recording reply to; ``holder``: the message that has it, if not the sent one."""
    chat = stage.chat
    group = chat.chat("team", private=False)
    chat.files["f"] = b"voice"
    async with stage.running():
        sent = chat.receive(ANN, media=Media("f", "a.ogg", 5, "voice", holder), chat=group)
        await stage.hear()
        await chat.wait_for_text("Pick templates")
    assert sent.message_id == "m1"
    return [shown.reply_to for shown in chat.shown.values()]


async def test_what_was_heard_answers_the_message_with_the_recording(stage: Stage) -> None:
    assert await hear_in_group(stage, None) == ["m1", "m1"]


async def test_a_command_that_points_at_a_recording_is_answered_there(stage: Stage) -> None:
    first, second = await hear_in_group(stage, "m0")

    assert first == "m1"  # who asked is told
    assert second == "m0"  # whose recording it is, everybody sees


@pytest.mark.parametrize(
    "talk",
    [
        *("good morning everyone, 1 2 3", "lunch at 12?", "sure, 2 is fine", "3", "go", "thanks"),
        *("1. buy milk", "大家好，1", "host"),
    ],
)
async def test_talk_among_people_is_no_pick(stage: Stage, talk: str) -> None:
    chat = stage.chat
    group = chat.chat("team", private=False)
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, talk, chat=group, addressed=False))

    assert chat.texts == []


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("1 3", "Picked 2: anchor, idle"),
        ("host", "Picked 1: host"),
        ("9", "There is no template “9”"),
        ("thanks, see you at 3", ""),
        ("thanks", ""),
    ],
)
async def test_who_is_ordering_need_not_address_the_bot(
    stage: Stage, typed: str, answer: str
) -> None:
    chat = stage.chat
    group = chat.chat("team", private=False)
    async with stage.running():
        chat.files["f"] = b"voice"
        chat.receive(ANN, media=Media("f", "a.ogg", 5, "voice"), chat=group)
        await stage.hear()
        await chat.wait_for_text("Pick templates")
        before = len(chat.texts)
        await chat.wait_for_settled(chat.receive(ANN, typed, chat=group, addressed=False))

    said = "".join(chat.texts[before:])
    assert said.startswith(answer)
    assert bool(said) == bool(answer)


async def test_a_whole_order_in_a_group_may_come_before_its_recording(stage: Stage) -> None:
    chat = stage.chat
    group = chat.chat("team", private=False)
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "1 3 go", chat=group, addressed=False))

    assert chat.texts[-1].startswith("Picked 2: anchor, idle")


@pytest.mark.parametrize(("holder", "caption"), [("m0", ""), ("m0", "all go"), (None, "all go")])
async def test_a_command_about_a_picture_is_answered_with_what_is_needed(
    stage: Stage, holder: str | None, caption: str
) -> None:
    chat = stage.chat
    group = chat.chat("team", private=False)
    chat.files["p"] = b"\xff\xd8\xff a photo"
    photo = Media("p", "photo-5.jpg", 10, "picture", holder)
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, caption, media=photo, chat=group))

    assert chat.texts == [
        "“photo-5.jpg” is not a recording but a picture. Please send a voice note, an audio file or a video with sound."
    ]


@pytest.mark.parametrize("caption", ["", "our new office", "all of us", "1 2"])
async def test_pictures_that_people_show_each_other_are_no_background(
    stage: Stage, caption: str
) -> None:
    chat = stage.chat
    group = chat.chat("team", private=False)
    photo = Media("p", "photo-5.jpg", 10, "picture")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, caption, media=photo, chat=group))

    assert chat.texts == []
