"""In a group: whom an answer is for, and which message holds the recording."""

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
