"""What each message is answered with."""

import asyncio
import os
import time

import pytest

from adapters.stores.disk import beside
from bot.incoming import clear_scratch
from bot.ports import ChatError, Inbound, Media, MediaGone, MediaTooLarge, Person
from bot.ports import PlatformDown as PlatformAway
from tests.bot.stage import ANN, LI, Stage
from tests.fakes.chat import ROOMY, FakeChat, Shown
from worker.contract.codes import Code
from worker.contract.records import BatchState, Reason, TemplateState


async def ask(stage: Stage, text: str, person: Person = ANN, **more: object) -> str:
    """Say something and read the answer."""
    inbound = stage.chat.receive(person, text, **more)  # type: ignore[arg-type]
    return await answer_to(stage, inbound)


async def answer_to(stage: Stage, inbound: Inbound) -> str:
    await stage.chat.wait_for_settled(inbound)
    said = [m.text for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")]
    return "\n".join(said)


async def send_voice(stage: Stage, content: bytes = b"voice", person: Person = ANN) -> None:
    """A recording, heard and answered with the offer."""
    count = len(stage.chat.shown)
    stage.chat.receive_file(person, content, "news.ogg")
    await stage.hear()
    await stage.chat.wait_for(lambda chat: len(chat.shown) == count + 2)
    await stage.told()


async def finish(stage: Stage, clips: int) -> None:
    for _ in range(clips):
        await stage.render()
    await stage.pack()
    await stage.wait_for_batch(lambda batch: not batch.state.active)


def forget_chat(stage: Stage, platform: str) -> FakeChat:
    stage.chat = FakeChat(platform=platform)
    return stage.chat


async def test_who_is_not_admitted_reads_once_what_an_operator_adds(stage: Stage) -> None:
    chat = forget_chat(stage, "telegram")
    async with stage.running():
        first = await ask(stage, "hello")
        second = await ask(stage, "hello?")
        voice = chat.receive_file(ANN, b"voice", "news.ogg")
        third = await answer_to(stage, voice)

    assert first == (
        "Hello! I may not work in this chat yet. Please ask whoever operates Chorus to add this "
        "entry to CHORUS_ALLOW: telegram:user:ann – or to type /allow here."
    )
    assert (second, third) == ("", "")
    assert not list(stage.policy.scratch.iterdir())
    assert [f async for f in stage.store.list("takes/")] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"allow": ("telegram:user:ann",)},
        {"allow": ("telegram:chat:desk",)},
        {"admins": ("telegram:user:ann",)},
    ],
)
async def test_who_stands_among_the_entries_is_admitted(
    stage: Stage, changes: dict[str, tuple[str, ...]]
) -> None:
    forget_chat(stage, "telegram")
    stage.allow(**changes)
    async with stage.running():
        assert "/new" in await ask(stage, "/help")


async def test_an_entry_of_another_platform_or_kind_admits_nobody(stage: Stage) -> None:
    forget_chat(stage, "telegram")
    stage.allow(allow=("wecom:user:ann", "telegram:chat:ann", "telegram:user:desk"))
    async with stage.running():
        assert "may not work" in await ask(stage, "/help")


async def test_a_group_is_named_by_its_chat_and_not_disturbed(stage: Stage) -> None:
    chat = forget_chat(stage, "telegram")
    group = chat.chat("-100", private=False)
    async with stage.running():
        assert await ask(stage, "lunch?", chat=group) == ""
        assert "telegram:chat:-100" in await ask(stage, "/help", chat=group)

    stage.allow(allow=("telegram:chat:-100",))
    async with stage.running():
        assert await ask(stage, "shall we have lunch?", chat=group) == ""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "“news.ogg” is empty: it has 0 bytes. Please send it again."),
        (MediaGone(), "“news.ogg” could not be fetched"),
        (MediaTooLarge(), "The file has 10 MB; up to 10 MB can be received here."),
        (MediaTooLarge("", 5), "The file has 0 MB; up to 0 MB"),
        (b"x" * 10_000_001, "The file has 10 MB; up to 10 MB can be received here."),
    ],
)
async def test_a_file_that_is_no_use_is_refused_at_the_door(
    stage: Stage, content: bytes, sentence: str
) -> None:
    async with stage.running():
        said = await answer_to(stage, stage.chat.receive_file(ANN, content, "news.ogg"))

    assert said.startswith(sentence)
    assert not list(stage.policy.scratch.iterdir())
    assert [f async for f in stage.store.list("takes/")] == []


@pytest.mark.parametrize(
    ("code", "facts", "english", "chinese"),
    [
        (Code.UNREADABLE, {"name": "a.ogg"}, "“a.ogg” holds neither", "“a.ogg”里没有可以播放"),
        (Code.NOT_A_RECORDING, {"name": "a.ogg", "found": "text"}, "not a recording but a text", "而是文本文件"),
        (Code.NO_SOUND, {"name": "a.mp4"}, "“a.mp4” is a video without sound.", "视频“a.mp4”没有声音。"),
        (Code.NO_SPEECH, {"seconds": 12.34}, "nobody speak in the 12.3 s", "12.3 秒的录音里没有听到人声"),
        (Code.TAKE_TOO_SHORT, {"seconds": 0.3, "limit_s": 0.5}, "only 0.3 s; it takes at least 0.5 s", "只有 0.3 秒，至少需要 0.5 秒"),
        (Code.TAKE_TOO_LONG, {"seconds": 7200.0, "limit_s": 600.0}, "7,200 s long; up to 600 s", "最长支持 600 秒"),
    ],
)  # fmt: skip
async def test_a_recording_that_was_rejected_is_answered_in_the_persons_language(
    stage: Stage, code: Code, facts: dict[str, str | float], english: str, chinese: str
) -> None:
    chat = stage.chat
    async with stage.running():
        for person, part in ((ANN, english), (LI, chinese)):
            chat.receive_file(person, code.encode() + person.id.encode(), "a.ogg")
            await stage.reject(Reason(code=code, facts=facts))
            await chat.wait_for_text(part)
        picks = await ask(stage, "1")

    assert picks.endswith("Now send me the recording.")  # the useless one is forgotten


async def test_an_incident_with_a_recording_names_its_id_and_sending_again_tries_again(
    stage: Stage,
) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.reject(Reason(code=Code.INCIDENT, incident="ab12"))
        await stage.chat.wait_for_text("(incident ab12)")
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_text("Pick templates")


async def test_the_same_recording_is_stored_and_analysed_once(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        stage.chat.receive_file(LI, b"voice", "same.ogg")
        await stage.chat.wait_for_text("“same.ogg”：共 7.9 秒")

    kept = [facts.key async for facts in stage.store.list("takes/")]
    assert len([key for key in kept if key.endswith("/source")]) == 1


async def test_picks_may_come_before_the_recording(stage: Stage) -> None:
    async with stage.running():
        assert await ask(stage, "2, idle") == "Picked 2: host, idle\nNow send me the recording."
        await send_voice(stage)
        offer = stage.chat.texts[-1]
        assert "2. host · 12 s ✓" in offer
        assert "2 templates picked. Type “go”" in offer
        assert "▱▱▱▱▱▱▱▱▱▱ 0/2" in await ask(stage, "go")


async def test_an_order_before_the_recording_starts_by_itself(stage: Stage) -> None:
    async with stage.running():
        said = await ask(stage, "1 3 go")
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_text("0/2")

    assert said == "Picked 2: anchor, idle\nI start as soon as you send the recording."
    batch = await stage.newest()
    assert [clip.template_name for clip in batch.clips] == ["anchor", "idle"]


async def test_what_a_platform_heard_itself_is_repeated_in_a_line(stage: Stage) -> None:
    stage.chat.files["f"] = b"voice"
    said = f"hello\nthere {'very ' * 40}long"
    media = Media("f", "a.ogg", 5, "voice", words=said)
    async with stage.running():
        answer = await answer_to(stage, stage.chat.receive(ANN, media=media))

    first, heard = answer.split("\n")[:2]
    assert first == "Got “a.ogg”, listening …"
    assert heard.startswith("It says: “hello there very")
    assert heard.endswith("…”")
    assert len(heard) < 100


async def test_an_order_while_listening_starts_by_itself(stage: Stage) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.chat.wait_for_text("listening")
        said = await ask(stage, "all go")
        await stage.hear()
        await stage.chat.wait_for_text("0/3")

    assert said.endswith("I start as soon as I have listened to the recording.")


async def test_a_caption_may_hold_the_order(stage: Stage) -> None:
    async with stage.running():
        stage.chat.files["f"] = b"voice"
        stage.chat.receive(ANN, "2 go", media=Media("f", "news.ogg", 5, "voice"))
        await stage.hear()
        await stage.chat.wait_for_text("0/1")


async def test_bad_picks_are_named_and_nothing_is_ordered(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        unknown = await ask(stage, "1 9 bob go")
        twice = await ask(stage, "2 host")
        again = await ask(stage, "2")
        alone = await ask(stage, "bob")

    assert unknown.startswith(
        "There is no template “9”. /templates shows all of them.\n"
        "There is no template “bob”. /templates shows all of them.\n"
        "Picked 1: anchor"
    )
    assert twice.startswith(
        "“host” was named twice; it counts once. Each template gives one video."
    )
    assert again.startswith("“host” was named twice")
    assert alone == "There is no template “bob”. /templates shows all of them."
    assert await stage.ledger.history(stage.chat.chat(), None, 0, 9) == []


async def test_more_templates_than_allowed_are_refused_and_the_draft_stays(stage: Stage) -> None:
    stage.allow(max_clips_per_batch=2)
    async with stage.running():
        await ask(stage, "1")
        refused = await ask(stage, "all go")
        after = await ask(stage, "2")

    assert refused.startswith("That would be 3 templates; one order may have up to 2.")
    assert after.startswith("Picked 2: anchor, host")


async def test_a_group_may_have_smaller_orders_than_a_person_alone(stage: Stage) -> None:
    stage.allow(max_clips_per_chat_batch=1)
    group = stage.chat.chat("team", private=False)
    async with stage.running():
        alone = await ask(stage, "all")
        sent = stage.chat.receive(ANN, "1 2 go", chat=group)
        await stage.chat.wait_for_settled(sent)

    assert alone.startswith("Picked 3: anchor, host")
    assert "That would be 2 templates; one order may have up to 1." in stage.chat.texts[-1]


async def test_numbers_mean_what_was_shown_whatever_was_added_since(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/templates")
        await stage.add_templates("aaron")
        assert (await ask(stage, "1")).startswith("Picked 1: anchor")


async def test_a_template_that_was_removed_is_named_when_ordering(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 2")
        await stage.ledger.remove_template("t-host")
        said = await ask(stage, "go")

    assert said.startswith("The template “host” was removed from the library.")
    assert len((await stage.newest()).clips) == 1


async def test_buttons_pick_drop_and_start_and_the_offer_changes_in_place(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        offer: Shown = list(stage.chat.shown.values())[-1]
        pick = offer.choices[2].token
        for _ in range(2):  # pressed twice: the same as once
            await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice=pick))
        assert [c.picked for c in offer.choices if not c.section] == [False, False, True]
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice=offer.choices[2].token))
        assert [c.picked for c in offer.choices if not c.section] == [False, False, False]
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice=pick))
        await ask(stage, "", choice="go")

    assert [clip.template_name for clip in (await stage.newest()).clips] == ["idle"]


def token_of(offer: Shown, label: str) -> str:
    return next(choice.token for choice in offer.choices if choice.label == label)


async def test_the_start_of_an_earlier_recording_does_not_start_with_a_newer_one(
    stage: Stage,
) -> None:
    async with stage.running():
        await send_voice(stage)
        earlier: Shown = list(stage.chat.shown.values())[-1]
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, choice="pick:t-host"))
        start = token_of(earlier, "Start")
        stage.chat.receive_file(ANN, b"another voice", "b.ogg")
        await stage.hear()
        newer = await stage.chat.wait_for_text("“b.ogg”: ")
        await stage.chat.wait_for(lambda _: earlier.choices == ())
        said = await ask(stage, "", choice=start)
        orders = await stage.ledger.history(stage.chat.chat(), None, 0, 9)
        await ask(stage, "", choice=token_of(newer, "Start"))

    assert earlier.text == "Another recording came: “b.ogg”."
    assert said.startswith("That was offered for an earlier recording. Type “go” to start with “b.")
    assert orders == []
    assert (await stage.newest()).order.take_name == "b.ogg"


async def test_a_platform_without_buttons_and_revisions_gets_few_plain_messages(
    stage: Stage,
) -> None:
    stage.chat.limits = type(ROOMY)(
        text_length=200, can_revise=False, revise_every_s=9, choices=0, file_size_bytes=1000
    )
    async with stage.running():
        await send_voice(stage)
        accepted = await ask(stage, "1 2 go")
        await finish(stage, 2)

    assert accepted.startswith("Order ")
    assert "I will write again when it is done" in accepted
    assert all(
        message.choices == () and not message.earlier for message in stage.chat.shown.values()
    )
    assert any("is ready: 2 videos" in text for text in stage.chat.texts)


async def test_the_same_message_twice_is_one_order(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        first = stage.chat.receive(ANN, "1 go")
        await stage.chat.wait_for_settled(first)
        copy = stage.chat.receive(ANN, "1 go", key=first.key)
        await stage.chat.wait_for_settled(copy)

    assert len(await stage.ledger.history(stage.chat.chat(), None, 0, 9)) == 1


async def test_a_crash_between_order_and_settling_makes_one_batch(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
    stage.chat.unreachable["desk"] = PlatformAway()
    async with stage.running():
        order = stage.chat.receive(ANN, "1 3 go")
        batch = await stage.wait_for_batch(lambda batch: len(batch.clips) == 2)
    assert order.entry not in stage.chat.settled

    stage.chat.unreachable.clear()
    async with stage.running():  # the inbox gives it again
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "1 3 go", key=order.key))
        await stage.chat.wait_for_text(batch.code)

    assert len(await stage.ledger.history(stage.chat.chat(), None, 0, 9)) == 1


async def test_a_fault_is_logged_and_answered_with_its_id_and_the_bot_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.running():
        said = await ask(stage, "", media=Media("nowhere", "x.ogg", 5, "voice"))
        assert "/new" in await ask(stage, "/help")

    incident = said.split("incident ")[1][:8]
    assert said.startswith("Something went wrong on our side")
    assert f"incident {incident}" in caplog.text
    assert "KeyError" in caplog.text


async def test_where_a_platform_refuses_whatever_is_said_the_bot_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """For a reason that nobody foresaw: then an incident cannot be told either."""
    async with stage.running():
        stage.chat.unreachable["desk"] = ChatError("something new")
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/help"))
        stage.chat.unreachable.clear()
        assert "/new" in await ask(stage, "/help")

    assert "something new" in caplog.text


async def test_commands_in_both_languages(stage: Stage) -> None:
    async with stage.running():
        assert (
            await ask(stage, "/stauts")
        ) == "I do not know the command /stauts. Did you mean /status?"
        assert (await ask(stage, "/xyzzy")).endswith("/help lists those there are.")
        assert (await ask(stage, "/模", LI)) == "没有 /模 这个命令。您是不是想用 模板？"
        assert (await ask(stage, "模板", LI)).startswith("共 3 个模板：\n1. anchor · 12 秒")
        assert (await ask(stage, "/status")).startswith("Nothing is running.")
        assert (await ask(stage, "/history")).startswith("Nothing was ordered")
        assert (await ask(stage, "/cancel")).startswith("Nothing is running")
        assert (
            await ask(stage, "/zip k7q2")
        ) == "There is no order k7q2 in this chat. /history lists yours."
        assert (await ask(stage, "what is this?")).startswith("Send me a recording")
        assert (await ask(stage, "go")).startswith("There is nothing to start yet.")
        assert (await ask(stage, "/clear")).startswith("There is nothing to delete")


async def test_a_language_is_kept_for_the_person(stage: Stage) -> None:
    async with stage.running():
        assert await ask(stage, "/settings language zh") == "好的，以后我用中文和您交流。"
        assert (await ask(stage, "/help")).startswith("发一段录音")
        assert (await ask(stage, "设置")).startswith("设置\n语言：中文")
        assert "无法设置" in await ask(stage, "/settings colour red")
        assert await ask(stage, "设置 en") == "From now on I speak English with you."


async def test_new_empties_the_draft(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 2")
        assert (await ask(stage, "/new")).startswith("A fresh start.")
        assert (await ask(stage, "go")).startswith("There is nothing to start")


async def test_an_order_is_looked_at_cancelled_retried_and_deleted(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 2 go")
        code = (await stage.newest()).code
        assert "0/2" in await ask(stage, f"/status {code.lower()}")
        assert "is still running" in await ask(stage, f"/delete {code}")
        assert "is still running" in await ask(stage, f"/retry {code}")
        assert "is not ready yet" in await ask(stage, f"/zip {code}")
        assert await ask(stage, "取消") == f"{code} is cancelled."
        await stage.chat.wait_for_text("0/2 · cancelled")
        assert await ask(stage, f"/cancel {code}") == f"{code} is cancelled."

        said = await ask(stage, "/retry")
        assert said.startswith(f"{code}: once more for 2 videos.")
        await finish(stage, 2)
        assert (await stage.newest()).state is BatchState.DELIVERED
        assert "cannot be cancelled any more: delivered" in await ask(stage, f"/cancel {code}")
        assert "http://door.test/d/" in await ask(stage, "/zip")
        assert "2/2 · delivered" in await ask(stage, "/history")
        assert "there is nothing to try again" in await ask(stage, f"/retry {code}")

        assert "and its 2 videos for good?" in await ask(stage, "/delete")
        assert await ask(stage, "no") == "Nothing is deleted."
        await ask(stage, f"/delete {code}")
        assert await ask(stage, "Yes!") == f"{code} is deleted. The recording is deleted too."
        assert (await ask(stage, f"/zip {code}")).startswith("There is no order")

    assert [f.key async for f in stage.store.list("clips/")] == []
    assert [f.key async for f in stage.store.list("archives/")] == []


async def test_clear_asks_and_leaves_what_runs(stage: Stage) -> None:
    async with stage.running():
        for content in (b"a", b"b"):
            await send_voice(stage, content)
            await ask(stage, "1 go")
        running = await stage.newest()
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text("is ready: 1 video")
        await stage.told()
        asked = await ask(stage, "清空")
        button = next(c for m in stage.chat.shown.values() for c in m.choices if c.label == "Yes")
        done = await ask(stage, "", choice=button.token)
        stale = await ask(stage, "", choice=button.token)

    assert asked.startswith("Delete the one ended order")
    assert (done, stale[:22]) == (
        "1 order is deleted. The recording is deleted too.",
        "That question is no lo",
    )
    assert [b.id for b in await stage.ledger.history(stage.chat.chat(), None, 0, 9)] == [running.id]


async def test_orders_of_other_chats_and_people_do_not_exist(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")
        code = (await stage.newest()).code
        await finish(stage, 1)
        for command in ("zip", "status", "delete", "cancel", "retry"):
            elsewhere = stage.chat.chat("other")
            assert "There is no order" in await ask(stage, f"/{command} {code}", chat=elsewhere)
            assert f"没有编号为 {code}" in await ask(stage, f"/{command} {code}", LI)


async def test_start_tells_nobody_whether_a_code_of_another_chat_exists(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")
        code = (await stage.newest()).code
        mine = await ask(stage, f"/start {code}")
        theirs = [await ask(stage, f"/start {word}", LI) for word in (code, "ZZZZ", "")]

    assert mine.startswith(f"{code} · ")
    assert theirs[0] == theirs[1] == theirs[2]


async def test_links_to_what_the_store_lost_are_not_given(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")
        await finish(stage, 1)
        batch = await stage.newest()
        made = batch.clips[0].result
        assert made is not None
        for key in (batch.archive_key or "", made.key):
            await stage.store.delete(key)
        assert "are no longer kept" in await ask(stage, "/zip")


async def test_history_comes_in_pages(stage: Stage) -> None:
    async with stage.running():
        for number in range(9):
            await send_voice(stage, f"{number}".encode())
            await ask(stage, "1 go")
        first = await ask(stage, "/history")
        [older] = list(stage.chat.shown.values())[-1].choices
        second = await ask(stage, "/history 2")
        pressed = await ask(stage, "", choice=older.token)

    assert first.count(" · waiting") == 8
    assert first.endswith("/history 2 shows older ones.")
    assert second.count(" · waiting") == 1
    assert older.label == "Older ›"
    assert pressed == second
    assert list(stage.chat.shown.values())[-1].choices == ()


async def test_in_a_group_its_orders_are_everybodys_and_those_of_private_chats_do_not_exist(
    stage: Stage,
) -> None:
    group = stage.chat.chat("team", private=False)
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")
        mine = await stage.newest()
        await finish(stage, 1)
        placed = mine.order.model_copy(update={"key": "in the group", "chat": group})
        ours = await stage.ledger.open_batch(placed)
        await stage.render()
        await stage.pack()
        await stage.chat.wait_for_text(f"{ours.code} is ready")

        history = await ask(stage, "历史", LI, chat=group)
        links = await ask(stage, f"/zip {ours.code}", LI, chat=group)
        private = await ask(stage, f"/zip {mine.code}", chat=group)
        alone = await ask(stage, "/history")
        elsewhere = await ask(stage, f"/zip {ours.code}")

    assert ours.code in history
    assert mine.code not in history
    assert "http://door.test/d/" in links
    assert "There is no order" in private
    assert mine.code in alone
    assert ours.code not in alone
    assert "There is no order" in elsewhere


async def test_what_is_made_again_after_the_question_is_not_deleted(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 2 go")
        batch = await stage.newest()
        await stage.render()
        await stage.ledger.cancel(batch.id)
        await stage.pack()
        await stage.wait_for_batch(lambda batch: not batch.state.active)
        await ask(stage, f"/delete {batch.code}")
        await stage.ledger.retry(batch.id)
        said = await ask(stage, "yes")

    assert said == f"{batch.code} is still running. Stop it first: /cancel {batch.code}"
    assert await stage.ledger.batch(batch.id) is not None


async def test_names_from_outside_cannot_draw_our_messages(stage: Stage) -> None:
    async with stage.running():
        said = await answer_to(
            stage, stage.chat.receive_file(ANN, b"", "a\n\u202eb" + "c" * 99 + ".ogg")
        )

    assert "\n" not in said
    assert "\u202e" not in said
    assert "…cccccccc.ogg" in said


async def test_a_killed_bots_files_are_cleared_away_later(stage: Stage) -> None:
    old, young = stage.policy.scratch / "in-old", stage.policy.scratch / "in-young"
    half = beside(old)  # a file on its way out of the store
    for path in (old, young, half):
        path.touch()
    for path in (old, half):
        os.utime(path, (time.time() - 7200,) * 2)

    await asyncio.to_thread(clear_scratch, stage.policy.scratch)

    assert [p.name for p in stage.policy.scratch.iterdir()] == ["in-young"]


async def test_a_broken_template_says_so_when_it_is_picked_by_number(stage: Stage) -> None:
    await stage.add_templates("kid", state=TemplateState.REJECTED)
    await stage.add_templates("late", state=TemplateState.PREPARING)
    async with stage.running():
        listed = await ask(stage, "/templates")
        picked = await ask(stage, "4 5")

    assert "4. kid ✗ I found no face at second 2.0 (frame 50).\n5. late · preparing …" in listed
    assert picked.startswith(
        "“kid” will not work: I found no face at second 2.0 (frame 50). The others go on."
    )
