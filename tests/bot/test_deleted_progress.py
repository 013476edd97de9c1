"""Somebody deletes the message that shows the progress: it is said anew, once, and goes on there."""

from bot.ports import ChatUnreachable
from tests.bot.stage import ANN, Stage
from tests.bot.test_dialogue import send_voice
from tests.fakes.chat import Shown
from worker.contract.records import BatchState


def progress(stage: Stage) -> list[Shown]:
    return [shown for shown in stage.chat.shown.values() if "2 videos" in shown.text and "▱" in shown.text + "".join(shown.earlier)]  # fmt: skip


async def order_of_two(stage: Stage) -> Shown:
    await send_voice(stage)
    stage.chat.receive(ANN, "1 2 go")
    return await stage.chat.wait_for_text("0/2")


async def test_it_comes_anew_with_its_button_and_goes_on_there(stage: Stage) -> None:
    async with stage.running():
        first = await order_of_two(stage)
        code = (await stage.newest()).code
        first.gone, said = True, first.text
        await stage.render()
        await stage.chat.wait_for(lambda chat: len(progress(stage)) == 2)
        second = progress(stage)[1]
        assert [choice.label for choice in second.choices] == ["Cancel"]
        assert second.person == ANN
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text(f"{code} is ready")
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)

    assert first.text == said
    assert "2/2" in second.text
    assert second.choices == ()
    assert len(progress(stage)) == 2
    assert stage.chat.texts[-1].startswith(f"{code} is ready")


async def test_who_deletes_it_twice_is_left_alone_also_by_the_next_front_end(stage: Stage) -> None:
    async with stage.running():
        (await order_of_two(stage)).gone = True
        running = await stage.draw("clips")
        await stage.report(running, 20)
        await stage.chat.wait_for(lambda chat: len(progress(stage)) == 2)
        second = list(stage.chat.shown)[-1]
        await stage.wait_for_batch(  # it is noted that it goes on there
            lambda batch: batch.progress_message is not None and batch.progress_message.id == second
        )
        stage.chat.shown[second].gone = True
        await stage.report(running, 60)
    async with stage.running():
        await stage.render(running)
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text("is ready")

    assert len(progress(stage)) == 2


async def test_after_the_end_nothing_is_said_anew_but_the_result(stage: Stage) -> None:
    async with stage.running():
        first = await order_of_two(stage)
        await stage.render()
        await stage.chat.wait_for_text("1/2")
        await stage.render()
        packing = await stage.draw("archives")
        await stage.chat.wait_for_text("packing")
        first.gone = True
        await stage.pack(packing)
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)

    assert len(progress(stage)) == 1


async def test_a_chat_that_refuses_everything_ends_the_progress_and_nothing_else(
    stage: Stage,
) -> None:
    async with stage.running():
        await order_of_two(stage)
        stage.chat.unreachable["desk"] = ChatUnreachable("blocked")
        await stage.render()
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: not batch.state.active)

    assert len(progress(stage)) == 1
