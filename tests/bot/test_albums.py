"""Several recordings sent together: one is taken, and the others are not forgotten without a word."""

from bot.ports import ChatError, Media, MediaGone, Person
from tests.bot.stage import ANN, LI, Stage
from worker.contract.records import BatchState


def album(
    stage: Stage, person: Person, caption: str = "", content: bytes | ChatError = b"voice"
) -> None:
    """Three recordings with one caption, as an adapter hands them on."""
    stage.chat.files["a"] = content
    others = tuple(Media(name, f"{name}.mp3", 5, "audio") for name in "bc")
    media = Media("a", "a.mp3", 5, "audio", beside=others)
    stage.chat.receive(person, caption, media=media)


async def test_who_sends_three_at_once_reads_which_one_is_taken_also_after_it_was_heard(
    stage: Stage,
) -> None:
    async with stage.running():
        album(stage, ANN, "1 go")
        await stage.hear()
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)

    assert stage.chat.texts[0] == (
        "One order takes one recording: I take “a.mp3”. Please send the others again, one at a time: b.mp3, c.mp3"
    )
    assert sum("b.mp3" in text for text in stage.chat.texts) == 1


async def test_it_is_said_in_chinese_and_also_where_the_one_taken_is_no_use(stage: Stage) -> None:
    async with stage.running():
        album(stage, LI, content=MediaGone())
        await stage.chat.wait_for_text("没能取到“a.mp3”")

    assert (
        stage.chat.texts[0] == "每次只用一段录音，这次用“a.mp3”。其余的请逐段重新发送：b.mp3、c.mp3"
    )


async def test_one_recording_is_taken_without_a_word_about_others(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.mp3")
        await stage.hear()
        await stage.chat.wait_for_text("Pick templates")

    assert not any("others" in text for text in stage.chat.texts)
