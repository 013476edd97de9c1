"""Clips as files in the chat, on request."""

from dataclasses import replace

from tests.bot.stage import ANN, LI, Stage
from tests.fakes.chat import ROOMY, Shown
from worker.contract.records import BatchState


async def result_of_two(stage: Stage, send_bytes: int) -> Shown:
    """The Outcome of a Batch of two Clips: ``clip:…/1`` and ``clip:…/2`` are their bytes."""
    stage.chat.limits = replace(ROOMY, link_buttons=True, send_bytes=send_bytes)
    stage.chat.receive_file(ANN, b"voice", "a.ogg")
    await stage.hear()
    await stage.chat.wait_for_text("Pick templates")
    stage.chat.receive(ANN, "1 2 go")
    await stage.render()
    await stage.render()
    await stage.pack()
    await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
    return await stage.chat.wait_for_text("is ready")


async def test_links_stand_on_buttons_where_the_platform_has_them(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=0)

    assert "http" not in shown.text
    assert [choice.label for choice in shown.choices] == ["ZIP · 0.3 KB", "1. anchor", "2. host"]
    assert all((choice.url or "").startswith("http://door.test/d/") for choice in shown.choices)


async def test_clips_come_as_files_under_their_names_in_the_archive(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        asked = stage.chat.receive(ANN, choice=shown.choices[-1].token)
        await stage.chat.wait_for_settled(asked)

    first, second = stage.chat.texts[-2:]
    assert first.startswith("[output_001_anchor.mp4: ")
    assert second.startswith("[output_002_host.mp4: ")
    assert list(stage.policy.scratch.iterdir()) == []


async def test_a_clip_that_is_no_longer_kept_is_named(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        batch = await stage.newest()
        assert batch.clips[1].result is not None
        await stage.store.delete(batch.clips[1].result.key)
        asked = stage.chat.receive(ANN, choice=shown.choices[-1].token)
        await stage.chat.wait_for_settled(asked)

    assert stage.chat.texts[-1].startswith("Not sent as files: 2. host.")


async def test_files_of_somebody_else_s_private_order_are_not_sent(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        before = len(stage.chat.shown)
        token = shown.choices[-1].token
        await stage.chat.wait_for_settled(stage.chat.receive(LI, choice=token))

    assert len(stage.chat.shown) == before
