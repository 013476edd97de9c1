"""Progress and Outcomes: told once, in one message, whatever breaks."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import bot.bot
import bot.outcomes
from bot.pace import Stopwatch
from bot.ports import ChatError, ChatUnreachable, PlatformDown, Throttled
from tests.bot.stage import ANN, LI, NO_FACE, TEXTS, Stage
from worker.contract.codes import Code, Flag
from worker.contract.ports import StoreUnavailable
from worker.contract.records import (
    BatchRecord,
    BatchState,
    Chat,
    ClipRecord,
    ClipState,
    Order,
    Reason,
    Utterance,
)


async def order(stage: Stage, text: str = "1 2 go", chat: Chat | None = None) -> BatchRecord:
    """A recording that is heard and an order of it; the bot runs."""
    known = {batch.id for batch in await stage.ledger.history(stage.chat.chat(), None, 0, 99)}
    stage.chat.receive_file(ANN, f"voice {len(known)}".encode(), "news.ogg")
    await stage.hear()
    await stage.chat.wait_for_settled(stage.chat.receive(ANN, text))
    return await stage.wait_for_batch(lambda batch: batch.id not in known)


def outcomes(stage: Stage, batch: BatchRecord) -> list[str]:
    return [
        m.text for m in stage.chat.shown.values() if m.key == f"outcome:{batch.id}:{batch.round}"
    ]


async def test_an_outcome_is_told_once_across_restarts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.running():
        batch = await order(stage, "1 go")
    await stage.render()
    await stage.pack()

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:  # killed after the chat took it, before the ledger knows
        patched.setattr(stage.ledger, "close_batch", never)
        async with stage.running():
            await stage.chat.wait_for_text("is ready: 1 video")
            async with asyncio.timeout(60):
                while await stage.memory.load("told", batch.id, "1") is None:
                    await asyncio.sleep(0.01)
    async with stage.running():
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)
        await stage.told()

    assert ended.state is BatchState.DELIVERED
    assert len(outcomes(stage, batch)) == 1


async def test_an_outcome_waits_for_a_platform_that_throttles_or_is_down(stage: Stage) -> None:
    async with stage.running():
        batch = await order(stage, "1 go")
        await stage.render()
        stage.chat.unreachable["desk"] = PlatformDown("gone fishing")
        await stage.pack()
        await stage.chat.wait_for(lambda chat: chat.attempts > len(chat.shown))
        assert outcomes(stage, batch) == []
        stage.chat.trouble = [Throttled(0.05), Throttled(0.05)]
        stage.chat.unreachable.clear()
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)

    assert ended.state is BatchState.DELIVERED
    assert len(outcomes(stage, batch)) == 1


async def test_a_chat_that_refuses_for_good_closes_its_batch(stage: Stage) -> None:
    async with stage.running():
        await order(stage, "1 go")
        stage.chat.unreachable["desk"] = ChatUnreachable("blocked")
        await stage.render()
        await stage.pack()
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)
        await stage.told()

    assert ended.state is BatchState.DELIVERED


async def test_a_chat_that_is_away_holds_up_no_other(stage: Stage) -> None:
    away = stage.chat.chat("away")
    async with stage.running():
        mine = await order(stage, "1 go")
        await stage.ledger.open_batch(
            mine.order.model_copy(update={"key": "elsewhere", "chat": away})
        )
        stage.chat.unreachable["away"] = PlatformDown("away")
        for _ in range(2):
            await stage.render()
        for _ in range(2):
            await stage.pack()
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.DELIVERED)

    assert len(outcomes(stage, mine)) == 1


async def test_an_outcome_waits_for_a_store_that_cannot_sign(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign, failures = stage.store.sign, [StoreUnavailable("away")] * 2

    async def sometimes(key: str, lifetime_s: int, filename: str) -> str:
        if failures:
            raise failures.pop()
        return await sign(key, lifetime_s, filename)

    monkeypatch.setattr(stage.store, "sign", sometimes)
    async with stage.running():
        batch = await order(stage, "1 go")
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text("is ready: 1 video")

    assert (failures, len(outcomes(stage, batch))) == ([], 1)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again soon."""
    monkeypatch.setattr(bot.bot, "_OUTCOME_PAUSES_S", (0.05, 0.05))
    monkeypatch.setattr(bot.bot, "_PLAIN_AGAIN_S", 0.05)


async def ended_but_untold(stage: Stage) -> BatchRecord:
    """A Batch of two Clips that waits for its Outcome; the bot runs."""
    batch = await order(stage)
    stage.chat.limits = replace(stage.chat.limits, link_buttons=True)
    for _ in range(2):
        await stage.render()
    await stage.pack()
    return batch


@pytest.mark.usefixtures("hasty")
async def test_an_outcome_that_is_refused_for_unknown_reasons_is_tried_again(stage: Stage) -> None:
    async with stage.running():
        stage.chat.refused_choices = [ChatError("something new")] * 2
        batch = await ended_but_untold(stage)
        await stage.wait_for_batch(lambda batch: not batch.state.active)

    [said] = outcomes(stage, batch)
    assert said.startswith(f"{batch.code} is ready")
    assert not any("went wrong" in text for text in stage.chat.texts)


@pytest.mark.usefixtures("hasty")
async def test_an_outcome_that_is_never_taken_comes_as_plain_text_with_its_incident_and_links(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.running():
        stage.chat.refused_choices = [ChatError("something new")] * 99
        batch = await ended_but_untold(stage)
        said = await stage.chat.wait_for_text("Something went wrong on our side (incident ")
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)
        await stage.told()

    incident = said.text.split("incident ")[1][:8]
    assert (outcomes(stage, batch), ended.state) == ([], BatchState.DELIVERED)
    assert f"incident {incident}" in caplog.text
    assert batch.code in said.text
    labels = [line.split(": http://door.test/d/")[0] for line in said.text.split("\n")]
    assert [label.split(" ")[0] for label in labels if label in said.text][-4:-1] == [
        "ZIP", "1.", "2.",
    ]  # fmt: skip
    assert said.text.count("http://door.test/d/") == 3
    assert sum("went wrong" in text for text in stage.chat.texts) == 1


@pytest.mark.usefixtures("hasty")
async def test_a_batch_of_which_nothing_could_be_told_stays_open_until_it_can(stage: Stage) -> None:
    async with stage.running():
        batch = await order(stage)
        stage.chat.unreachable["desk"] = ChatError("something new")
        for _ in range(2):
            await stage.render()
        await stage.pack()
        tried = stage.chat.attempts
        await stage.chat.wait_for(lambda chat: chat.attempts > tried + 8)
        waiting = await stage.newest()
        stage.chat.unreachable.clear()
        await stage.chat.wait_for_text("Something went wrong on our side (incident ")
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)

    assert waiting.id == batch.id
    assert (waiting.state, ended.state) == (BatchState.READY, BatchState.DELIVERED)


@pytest.mark.usefixtures("hasty")
async def test_an_outcome_that_cannot_be_written_closes_its_batch_and_names_the_incident(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(bot.outcomes, "_head", broken)
    async with stage.running():
        await order(stage, "1 go")
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text("Something went wrong on our side (incident ")
        await stage.told()
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)

    assert ended.state is BatchState.DELIVERED


async def test_nothing_but_failures_are_told_with_their_reasons(stage: Stage) -> None:
    async with stage.running():
        batch = await order(stage)
        await stage.ledger.desk.fail(await stage.draw("clips"), NO_FACE)
        reason = Reason(code=Code.INCIDENT, incident="ab12")
        await stage.ledger.desk.fail(await stage.draw("clips"), reason)
        await stage.chat.wait_for_text("no video could be made")
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)

    [said] = outcomes(stage, batch)
    assert ended.state is BatchState.FAILED
    assert "✗ 1. anchor: I found no face at second 2.0 (frame 50)." in said
    assert "✗ 2. host: Something went wrong on our side (incident ab12)." in said
    assert "http" not in said
    assert said.endswith(f"/retry {batch.code} tries the failed ones again.")


async def test_a_video_whose_file_is_gone_is_named_and_not_linked(stage: Stage) -> None:
    async with stage.running():
        batch = await order(stage)
        await stage.render()
        await stage.render()
        packing = await stage.draw("archives")
        assert await stage.ledger.desk.lose_clip(packing, 1, Reason(code=Code.CLIP_GONE))
        await stage.pack(packing)
        await stage.wait_for_batch(lambda batch: not batch.state.active)

    [said] = outcomes(stage, batch)
    head, archive, second, gone, again, _ = said.split("\n")
    assert head == f"{batch.code}: 1 of 2 videos from “news.ogg” is ready."
    assert "ZIP" in archive
    assert second.startswith("✓ 2. host (7.9 s): http")
    assert gone == (
        "✗ 1. anchor: The video was made, but its file is gone. Please have it made again."
    )
    assert again == f"/retry {batch.code} tries the failed ones again."


async def test_a_flagged_clip_is_sent_with_a_reason_to_look_at_it_first(stage: Stage) -> None:
    async with stage.running():
        batch = await order(stage)
        await stage.render(flags=(Flag.TRACKING, Flag.SILENCE))
        shown = await stage.chat.wait_for_text("⚠ 1. anchor · done, but the mouth may not follow")
        await stage.render()
        await stage.pack()
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, f"/zip {batch.code}"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, f"/status {batch.code}"))

    [said] = outcomes(stage, batch)
    head, _, first, second, _ = said.split("\n")
    assert ended.state is BatchState.DELIVERED
    assert "✓ 1." not in shown.text
    assert head == f"{batch.code} is ready: 2 videos from “news.ogg”."
    assert first.startswith(
        "⚠ 1. anchor (7.9 s): the mouth may not follow the words well, "
        "have a look before you send it on: http"
    )
    assert second.startswith("✓ 2. host (7.9 s): http")
    [*_, again, status] = stage.chat.texts
    assert "⚠ 1. anchor (7.9 s): the mouth may not follow the words well" in again
    assert "⚠ 1. anchor · done, but the mouth may not follow the words well" in status


@pytest.mark.parametrize("flag", list(Flag))
async def test_every_flag_is_said_in_chinese_too(stage: Stage, flag: Flag) -> None:
    async with stage.running():
        stage.chat.receive_file(LI, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_settled(stage.chat.receive(LI, "1 开始"))
        await stage.render(flags=(flag,))
        await stage.pack()
        said = await stage.chat.wait_for_text("完成了")

    [line] = [line for line in said.text.split("\n") if line.startswith("⚠")]
    assert TEXTS.remark("zh", [flag]) in line
    assert "，转发前请先看一下： http" in line


async def test_in_a_long_list_flagged_clips_are_named_and_done_ones_linked(stage: Stage) -> None:
    stage.allow(max_clips_per_batch=20)
    await stage.add_templates(*(f"t{number:02d}" for number in range(12)))
    async with stage.running():
        await order(stage, "all go")
        await stage.render()
        await stage.render(flags=(Flag.OUTSIDE,))
        shown = await stage.chat.wait_for_text("done, but")

    lines = shown.text.split("\n")
    [flagged] = [line for line in lines if "⚠" in line]
    said, link, _ = flagged.partition(": http://door.test/d/")
    assert said == "⚠ 2. host · done, but something besides the mouth may have changed"
    assert link
    [done] = [line for line in lines if line.startswith("✓")]
    assert done.startswith("✓ 1. anchor · done: http://door.test/d/")
    assert "… 2 done (/zip " in shown.text


async def test_while_the_zip_is_packed_people_see_their_place_then_how_far_it_is(
    stage: Stage,
) -> None:
    async with stage.running():
        first = await order(stage, "1 go")
        await stage.render()
        second = await order(stage, "2 go")
        await stage.render()
        place = await stage.chat.wait_for_text("1/1 · 1 ZIP before this one")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, f"/status {second.code}"))
        status = stage.chat.texts[-1]
        lease = await stage.draw("archives")
        assert await stage.ledger.desk.report_archive(lease, 43_000_000, 100_000_000)
        shown = await stage.chat.wait_for_text("1/1 · packing the ZIP, 43 %")
        await stage.pack(lease)
        await stage.pack()
        await stage.told()

    assert second.code in place.earlier[0]
    assert "1 ZIP before this one" in status
    assert first.code in shown.earlier[0]
    assert "1/1 · done" in shown.text


async def test_a_cancelled_batch_brings_what_was_done(stage: Stage) -> None:
    async with stage.running():
        batch = await order(stage, "all go")
        await stage.render()
        lease = await stage.draw("clips")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/cancel"))
        await stage.chat.wait_for_text("stopping …")
        await stage.ledger.desk.cancel_clip(lease)
        await stage.pack()
        await stage.chat.wait_for_text("1 of 3 videos from “news.ogg” was done already")
        ended = await stage.wait_for_batch(lambda batch: not batch.state.active)

    assert ended.state is BatchState.CANCELLED
    assert len(outcomes(stage, batch)) == 1


async def test_a_restarted_bot_goes_on_in_the_same_message(stage: Stage) -> None:
    async with stage.running():
        await order(stage, "1 go")
    lease = await stage.draw("clips")
    await stage.report(lease, 99)
    async with stage.running():
        shown = await stage.chat.wait_for_text("rendering 50 %")
        await stage.render(lease)
        await stage.pack()
        await stage.chat.wait_for_text("1/1 · done")

    assert "1/1 · done" in shown.text
    assert sum("news.ogg” · 1 video" in text for text in stage.chat.texts) == 1


async def test_the_progress_message_is_revised_no_faster_than_the_platform_allows(
    stage: Stage,
) -> None:
    limits = stage.chat.limits
    stage.chat.limits = type(limits)(**{**vars(limits), "revise_every_s": 0.25})
    async with stage.running():
        began = asyncio.get_running_loop().time()
        await order(stage, "1 go")
        lease = await stage.draw("clips")
        for done in range(1, 60):
            await stage.report(lease, done)
            await asyncio.sleep(0.01)
        shown = await stage.chat.wait_for_text("rendering 29 %")
        took_s = asyncio.get_running_loop().time() - began

    assert len(shown.earlier) <= took_s / 0.25 + 1


async def test_an_outcome_of_a_deleted_batch_is_dropped(stage: Stage) -> None:
    lost = Utterance(kind="outcome", chat=stage.chat.chat(), person=ANN, subject="gone", round=1)
    stream = f"chorus:outbox:{stage.chat.mailbox}"
    await stage.ledger._client.xadd(stream, {"utterance": lost.model_dump_json(), "round": 1})
    async with stage.running():
        await stage.told()

    assert stage.chat.texts == []


def test_the_time_left_is_measured() -> None:
    clip = ClipRecord(number=1, template_id="t", template_name="t", template_file="t.mp4")
    rendering = clip.model_copy(update={"state": ClipState.RENDERING})
    chat = Chat(platform="console", account="a", id="c")
    placed = Order(key="k", chat=chat, person=ANN, take_id="t", take_name="t", template_ids=("t",))
    batch = BatchRecord(
        id="b", code="C", order=placed, state=BatchState.RENDERING,
        created_at=datetime(2026, 1, 1, tzinfo=UTC), clips=(rendering,),
    )  # fmt: skip
    watch = Stopwatch()

    watch.look(batch, 0.0, 100.0)
    assert watch.left_s(100.0) is None
    watch.look(batch, 0.1, 102.0)
    assert watch.left_s(102.0) is None  # too early to tell
    watch.look(batch, 0.25, 105.0)
    assert watch.left_s(105.0) == pytest.approx(15.0)
    assert watch.left_s(110.0) == pytest.approx(10.0)
    watch.look(batch, 0.0, 111.0)  # a new round, or its Archive
    assert watch.left_s(111.0) is None
    watch.look(batch, 0.5, 121.0)
    assert watch.left_s(121.0) == pytest.approx(10.0)


async def test_who_waited_too_long_for_the_store_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(bot.bot, "_ANSWER_LIMIT_S", 0.1)
    monkeypatch.setattr(stage.store, "put_file", away)
    async with stage.running():
        sent = stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.chat.wait_for_settled(sent)

    assert stage.chat.texts[0].startswith("Something went wrong on our side (incident ")
    assert not list(stage.policy.scratch.iterdir())


async def test_nobody_is_given_up_while_not_even_that_can_be_said(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.bot, "_ANSWER_LIMIT_S", 0.1)
    tried = stage.chat.attempts
    async with stage.running():
        stage.chat.unreachable["desk"] = Throttled(0.1)
        sent = stage.chat.receive(ANN, "/help")
        await stage.chat.wait_for(lambda chat: chat.attempts > tried + 12)
        assert sent.entry not in stage.chat.settled
        stage.chat.unreachable.clear()
        await stage.chat.wait_for_settled(sent)

    assert not any("went wrong" in text for text in stage.chat.texts)
    assert stage.chat.texts
