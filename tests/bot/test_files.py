"""Clips and the ZIP as files in the chat, on request."""

import asyncio
import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path

from bot.ports import Chat, ChatError, Inbound, Media, MediaTooLarge, MessageRef, Person
from tests.bot.stage import ANN, LI, NO_FACE, Stage
from tests.bot.test_dialogue import answer_to
from tests.fakes.chat import ROOMY, FakeChat, Shown
from worker.contract.records import BatchState


async def result_of_two(stage: Stage, send_bytes: int, *, link_buttons: bool = True) -> Shown:
    """The Outcome of a Batch of two Clips: ``clip:…/1`` and ``clip:…/2`` are their bytes."""
    stage.chat.limits = replace(ROOMY, link_buttons=link_buttons, send_bytes=send_bytes)
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
        await press(stage, shown)

    first, second = stage.chat.texts[-2:]
    assert first.startswith("[output_001_anchor.mp4: ")
    assert second.startswith("[output_002_host.mp4: ")
    assert list(stage.policy.scratch.iterdir()) == []


async def asked_again(stage: Stage) -> Shown:
    """The answer to /zip."""
    await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/zip"))
    return stage.chat.newest


def buttons(shown: Shown) -> list[str]:
    return [choice.label for choice in shown.choices if not choice.url]


async def test_the_zip_comes_as_a_file_under_its_name_once_and_opens(stage: Stage) -> None:
    stage.chat = chat = KeepingChat()
    async with stage.running():
        await result_of_two(stage, send_bytes=1000)
        code = (await stage.newest()).code
        shown = await asked_again(stage)
        zipped = [each.label for each in shown.choices].index("ZIP as a file")
        await press(stage, shown, choice=zipped)
        again = await answer_to(stage, await press(stage, shown, choice=zipped))
        await press(stage, shown)

    [(name, content)] = [each for each in chat.sent if each[0].endswith(".zip")]
    assert name == f"chorus_{code}_20261120_140000.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["output_001_anchor.mp4", "output_002_host.mp4"]
    assert again.startswith(f"The files of {code} are in this chat already")
    assert len(chat.sent) == 3  # the videos were not among the files that were asked for before
    assert list(stage.policy.scratch.iterdir()) == []


async def test_where_a_button_leads_to_the_zip_it_is_a_file_for_who_asks_only(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        again = await asked_again(stage)

    assert buttons(shown) == ["As files"]
    assert buttons(again) == ["ZIP as a file", "As files"]


async def test_where_links_stand_in_the_text_the_result_offers_the_zip_as_a_file(
    stage: Stage,
) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000, link_buttons=False)

    assert buttons(shown) == ["ZIP as a file", "As files"]


async def test_a_zip_that_is_too_large_is_not_offered_as_a_file(stage: Stage) -> None:
    async with stage.running():
        await result_of_two(stage, send_bytes=100)
        again = await asked_again(stage)

    assert buttons(again) == ["As files"]


async def test_a_zip_whose_videos_are_gone_is_named(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000, link_buttons=False)
        batch = await stage.newest()
        assert batch.clips[1].result is not None
        await stage.store.delete(batch.clips[1].result.key)
        said = await answer_to(stage, await press(stage, shown, choice=0))

    assert said.startswith(f"Not sent as files: chorus_{batch.code}_")


async def test_the_zip_is_asked_for_by_typing_as_well(stage: Stage) -> None:
    async with stage.running():
        await result_of_two(stage, send_bytes=1000)
        for typed in ("/zip file", "下载文件"):
            await stage.chat.wait_for_settled(stage.chat.receive(ANN, typed))
            await all_sent(stage)

    assert re.match(r"\[chorus_.*\.zip: ", stage.chat.texts[-2])
    assert "further up" in stage.chat.texts[-1]


async def test_a_zip_that_is_too_large_is_not_sent_for_typing_either(stage: Stage) -> None:
    async with stage.running():
        await result_of_two(stage, send_bytes=10)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/zip file"))

    assert "nothing that can be sent as a file" in stage.chat.texts[-1]


async def test_where_nothing_can_be_pressed_it_is_told_how_the_zip_is_asked_for(
    stage: Stage,
) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        stage.chat.limits = replace(stage.chat.limits, choices=0)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/zip"))

    assert "To get the ZIP itself, type /zip" not in shown.text
    assert "To get the ZIP itself, type /zip" in stage.chat.texts[-1]


async def test_where_no_videos_can_be_sent_only_the_zip_is_offered(stage: Stage) -> None:
    async with stage.running():
        await result_of_two(stage, send_bytes=1000)
        stage.chat.limits = replace(stage.chat.limits, sends_videos=False)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/zip"))

    assert stage.chat.newest.choices[-1].token.startswith("zipfile:")


async def test_a_clip_that_is_no_longer_kept_is_named(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        batch = await stage.newest()
        assert batch.clips[1].result is not None
        await stage.store.delete(batch.clips[1].result.key)
        await press(stage, shown)

    assert stage.chat.texts[-1].startswith("Not sent as files: 2. host.")


class NarrowChat(FakeChat):
    """Refuses some files."""

    def __init__(self, **refused: ChatError) -> None:
        super().__init__()
        self.refused = refused

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        for part, error in self.refused.items():
            if part in name:
                raise error
        return await super().send_file(chat, path, name, key=key, reply_to=reply_to)


async def test_a_clip_that_turns_out_too_large_is_named_and_the_others_come(stage: Stage) -> None:
    stage.chat = NarrowChat(anchor=MediaTooLarge("anchor", 10))
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        code = (await stage.newest()).code
        said = await answer_to(stage, await press(stage, shown))

    assert said.startswith("Not sent as files: 1. anchor.")
    assert f"/zip {code} makes links" in said
    assert len(files(stage)) == 1


async def test_after_a_fault_others_need_not_wait_to_ask_again(stage: Stage) -> None:
    stage.chat = chat = NarrowChat(anchor=ChatError("something new"))
    async with stage.running():
        shown = await result_in_group(stage)
        incident = await answer_to(stage, await press(stage, shown))
        chat.refused.clear()
        await press(stage, shown, BEN)

    assert incident.startswith("Something went wrong on our side (incident ")
    assert len(files(stage)) == 1


async def test_files_of_somebody_else_s_private_order_are_not_sent(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        before = len(stage.chat.shown)
        await press(stage, shown, LI)

    assert len(stage.chat.shown) == before


BEN = Person(id="ben", name="Ben", language="en")


class SlowChat(FakeChat):
    """Takes files when the test says so, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.sending = asyncio.Event()
        self.may_send = asyncio.Event()
        self.slow = ""
        """What stands in the name of those that have to wait."""

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        for number, shown in self.shown.items():
            if shown.key == key:  # as a platform's adapter knows
                return MessageRef(chat=chat, id=number)
        if self.slow in name:
            self.sending.set()
            await self.may_send.wait()
        return await super().send_file(chat, path, name, key=key, reply_to=reply_to)


class KeepingChat(FakeChat):
    """Keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, bytes]] = []

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        self.sent.append((name, await asyncio.to_thread(path.read_bytes)))
        return await super().send_file(chat, path, name, key=key, reply_to=reply_to)


def files(stage: Stage) -> list[str]:
    return [text for text in stage.chat.texts if text.startswith("[output")]


async def press(
    stage: Stage, shown: Shown, person: Person = ANN, *, choice: int = -1, wait: bool = True
) -> Inbound:
    """Ask for the files, and wait until they are there."""
    asked = stage.chat.receive(person, choice=shown.choices[choice].token, chat=shown.chat)
    await stage.chat.wait_for_settled(asked)
    if wait:
        await all_sent(stage)
    return asked


async def all_sent(stage: Stage) -> None:
    """Wait until nothing is left to send."""
    async with asyncio.timeout(60):
        while await stage.memory._redis.xlen("chorus:memory:inbox:console%3Afake%3Afiles"):
            await asyncio.sleep(0.01)


async def result_in_group(stage: Stage) -> Shown:
    """The Outcome of a Batch of one Clip, which everybody in a group sees."""
    stage.chat.limits = replace(ROOMY, link_buttons=True, send_bytes=1000)
    group = stage.chat.chat("team", private=False)
    stage.chat.files["f"] = b"voice"
    stage.chat.receive(ANN, "1 go", media=Media("f", "a.ogg", 5, "voice"), chat=group)
    await stage.hear()
    await stage.render()
    await stage.pack()
    return await stage.chat.wait_for_text("is ready")


async def test_files_are_sent_once_however_often_they_are_asked_for(stage: Stage) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        code = (await stage.newest()).code
        await press(stage, shown)
        again = await answer_to(stage, await press(stage, shown))

    assert len(files(stage)) == 2
    assert (
        again
        == f"The files of {code} are in this chat already, further up. /zip {code} gives links."
    )


async def test_in_a_group_the_second_who_asks_is_told_that_the_files_are_coming(
    stage: Stage,
) -> None:
    stage.chat = chat = SlowChat()
    async with stage.running():
        shown = await result_in_group(stage)
        await press(stage, shown, wait=False)
        await chat.sending.wait()
        second = await answer_to(stage, await press(stage, shown, BEN, wait=False))
        chat.may_send.set()
        await all_sent(stage)

    assert second.endswith("are being sent to this chat just now.")
    assert len(files(stage)) == 1


async def test_while_files_are_being_sent_whoever_asked_for_them_is_answered(stage: Stage) -> None:
    stage.chat = chat = SlowChat()
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        chat.receive(ANN, choice=shown.choices[-1].token)
        await chat.sending.wait()
        for typed in ("/status", "/cancel"):
            await chat.wait_for_settled(chat.receive(ANN, typed))
        said = chat.texts[-2:]
        chat.may_send.set()
        await all_sent(stage)

    assert [text.split(".")[0] for text in said] == ["Nothing is running"] * 2
    assert len(files(stage)) == 2


async def test_files_whose_bot_was_killed_are_sent_by_the_next_and_none_twice(stage: Stage) -> None:
    stage.chat = chat = SlowChat()
    chat.slow = "002"
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        await press(stage, shown, wait=False)
        await chat.sending.wait()
    chat.may_send.set()
    async with stage.running():
        await all_sent(stage)
        again = await answer_to(stage, await press(stage, shown))

    assert len(files(stage)) == 2
    assert "in this chat already" in again


async def test_the_press_that_asked_for_files_asks_once_however_often_it_comes(
    stage: Stage,
) -> None:
    stage.chat = chat = SlowChat()
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        pressed = await press(stage, shown, wait=False)
        await chat.sending.wait()
        said = len(chat.shown)
        copies = [chat.receive(ANN, choice=pressed.choice, key=pressed.key)]
        await chat.wait_for_settled(copies[0])
        chat.may_send.set()
        await all_sent(stage)
        copies.append(chat.receive(ANN, choice=pressed.choice, key=pressed.key))
        await chat.wait_for_settled(copies[1])
        await all_sent(stage)

    assert len(chat.shown) == said + 2
    assert len(files(stage)) == 2


async def test_a_chat_that_takes_no_files_is_told_what_to_do_and_may_ask_again(
    stage: Stage,
) -> None:
    stage.chat.no_files = True
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        code = (await stage.newest()).code
        refused = await answer_to(stage, await press(stage, shown))
        stage.chat.no_files = False
        await press(stage, shown)

    assert refused == (
        "I may not send files in this chat. Whoever administers it can allow that; then press the button again. "
        f"The links work as before, and /zip {code} gives new ones."
    )
    assert len(files(stage)) == 2


async def test_who_was_told_that_nothing_is_kept_is_not_told_later_that_it_was_sent(
    stage: Stage,
) -> None:
    async with stage.running():
        shown = await result_of_two(stage, send_bytes=1000)
        for clip in (await stage.newest()).clips:
            assert clip.result is not None
            await stage.store.delete(clip.result.key)
        first = await answer_to(stage, await press(stage, shown))
        second = await answer_to(stage, await press(stage, shown))

    assert first == second
    assert first.startswith("Not sent as files: 1. anchor, 2. host.")


async def test_after_another_try_what_is_new_comes_as_files_too(stage: Stage) -> None:
    stage.chat.limits = replace(ROOMY, link_buttons=True, send_bytes=1000)
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "a.ogg")
        await stage.hear()
        await stage.chat.wait_for_text("Pick templates")
        stage.chat.receive(ANN, "1 2 go")
        await stage.render()
        await stage.ledger.desk.fail(await stage.draw("clips"), NO_FACE)
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.PARTIAL)
        await press(stage, await stage.chat.wait_for_text("of 2 videos"))
        stage.chat.receive(ANN, "/retry")
        await stage.render()
        await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)
        await press(stage, await stage.chat.wait_for_text("is ready"))

    assert files(stage)[-1].startswith("[output_002_host.mp4: ")
