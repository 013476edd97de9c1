"""The command /settings, pictures for the background, and the waiver of the visible label, as people meet them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports import Inbound, Media, Person
from tests.bot.stage import ANN, LI, NOW, Stage
from tests.fakes.chat import ROOMY, FakeChat, Shown
from worker.contract import keys
from worker.contract.records import (
    BatchState,
    ClipState,
    OrderedBackground,
    OrderOptions,
    Reason,
    SentPicture,
)

JPEG = b"\xff\xd8\xff\xe0 a picture"
NAMED = ("console:user:ann",)


async def ask(stage: Stage, text: str, person: Person = ANN, **more: object) -> str:
    inbound = stage.chat.receive(person, text, **more)  # type: ignore[arg-type]
    return await answer_to(stage, inbound)


async def answer_to(stage: Stage, inbound: Inbound) -> str:
    await stage.chat.wait_for_settled(inbound)
    said = [m.text for m in stage.chat.shown.values() if m.key.startswith(f"{inbound.key}:")]
    return "\n".join(said)


async def send_voice(
    stage: Stage, person: Person = ANN, content: bytes = b"voice", **facts: object
) -> Shown:
    """A recording, heard and answered with the offer."""
    count = len(stage.chat.shown)
    stage.chat.receive_file(person, content, "news.ogg")
    await stage.hear(**facts)  # type: ignore[arg-type]
    await stage.chat.wait_for(lambda chat: len(chat.shown) == count + 2)
    await stage.told()
    return list(stage.chat.shown.values())[-1]


async def send_picture(
    stage: Stage, content: bytes = JPEG, person: Person = ANN, kind: str = "picture"
) -> str:
    stage.chat.files["p"] = content
    media = Media("p", "wall.jpg", len(content), kind)  # type: ignore[arg-type]
    return await ask(stage, "", person, media=media)


async def waivers(stage: Stage) -> list[dict[str, object]]:
    found = [facts.key async for facts in stage.store.list(keys.WAIVERS)]
    return [json.loads(await stage.store.get_bytes(key)) for key in sorted(found)]


async def test_the_settings_show_what_can_be_set_and_how(stage: Stage) -> None:
    async with stage.running():
        english = await ask(stage, "/settings")
        chinese = await ask(stage, "设置", LI)

    assert english == (
        "Settings\n"
        "Language: English. Change it with /settings language zh (中文)\n"
        "\n"
        "For your videos from now on:\n"
        "background: as it is in the template (or blur, picture, a colour like blue or #00aaff)\n"
        "playing: a template shorter than the recording runs forward and backward (or loop, hold)\n"
        "trim: silence at the beginning and the end stays (or on)\n"
        "denoise: noise stays as it is (or on)\n"
        "loudness: brought to the usual level of −16 LUFS (or off)\n"
        "zip: one for all; above 2 GB several, each of which opens by itself (or one, none)\n"
        "label: viewers read that the video is AI-generated\n"
        "Change one like this: /settings background blue. “/settings reset” brings all of them back.\n"
        "\n"
        "Longest recording: 10 min\n"
        "Largest file: 10.0 MB\n"
        "Templates in one order: up to 50\n"
        "Links work for 24 hours at most\n"
        "Engine: viseme, the only one here"
    )
    assert chinese == (
        "设置\n"
        "语言：中文。发送“设置 en”可切换为 English\n"
        "\n"
        "以后制作的视频：\n"
        "背景：保持模板原样（可改为：模糊、图片、颜色，如 蓝色 或 #00aaff）\n"
        "播放：模板比录音短时，正放倒放来回接（可改为：循环、停住）\n"
        "修剪：保留开头和结尾的静音（可改为：开）\n"
        "降噪：保留原有的环境声（可改为：开）\n"
        "响度：调整到常用响度 −16 LUFS（可改为：关）\n"
        "打包：放在一个压缩包里，超过 2 GB 时分成几个，每个都能单独打开（可改为：不分包、不打包）\n"
        "标识：画面中标明由 AI 生成\n"
        "例如发送“设置 背景 蓝色”即可更改；发送“设置 默认”全部恢复默认。\n"
        "\n"
        "录音最长：10 分钟\n"
        "文件最大：10.0 MB\n"
        "一次最多 50 个模板\n"
        "链接有效期：最长 24 小时\n"
        "引擎：viseme（这里只有这一个）"
    )


async def test_what_is_set_is_told_before_the_start_and_ordered(stage: Stage) -> None:
    async with stage.running():
        assert await ask(stage, "/settings playing loop") == (
            "Done. playing: a template shorter than the recording starts over."
        )
        await ask(stage, "/settings background #0AF")
        await ask(stage, "/settings loudness off")
        offer = await send_voice(stage, words=20)
        await ask(stage, "/settings captions burned")
        await stage.chat.wait_for(lambda _: "captions in" in offer.text)
        picked = await ask(stage, "1")
        await ask(stage, "go")

    line = (
        "With: background #00aaff · captions in the picture · short templates start over · "
        "loudness as recorded"
    )
    assert line in offer.text.splitlines()
    assert line in picked.splitlines()
    assert (await stage.newest()).order.options == OrderOptions(
        playing="loop",
        loudness=False,
        captions="burned",
        background=OrderedBackground(colour="#00aaff"),
    )


async def test_who_sets_nothing_reads_nothing_of_it(stage: Stage) -> None:
    async with stage.running():
        offer = await send_voice(stage, words=20)
        await ask(stage, "1 go")

    assert "With" not in offer.text
    assert (await stage.newest()).order.options == OrderOptions()


async def test_a_chinese_order_is_labelled_in_chinese_and_told_in_chinese(stage: Stage) -> None:
    async with stage.running():
        offer = await send_voice(stage, LI, words=20)
        assert await ask(stage, "设置 字幕 烧录", LI) == (
            "好的。字幕：写进画面，压缩包里也有字幕文件。"
        )
        assert await ask(stage, "设置背景蓝色", LI) == (
            "好的。背景：蓝色。\n不过目前没有绿幕或透明背景的模板，暂时不会有变化。发送“设置 背景 原样”可恢复。"
        )
        await ask(stage, "1 开始", LI)

    assert "本次设置：背景蓝色 · 字幕写进画面" in offer.text.splitlines()
    options = (await stage.newest(LI)).order.options
    assert (options.language, options.captions) == ("zh", "burned")


async def test_an_order_keeps_its_options_when_they_are_changed_or_it_is_retried(
    stage: Stage,
) -> None:
    async with stage.running():
        await ask(stage, "/settings playing hold")
        await send_voice(stage)
        await ask(stage, "1 go")
        await ask(stage, "/settings playing loop")
        lease = await stage.draw("clips")
        await stage.ledger.desk.fail(lease, Reason(code="incident", incident="ab12"))
        await stage.wait_for_batch(lambda batch: batch.state is BatchState.FAILED)
        await ask(stage, "/retry")

    batch = await stage.newest()
    assert batch.clips[0].state is ClipState.WAITING
    assert batch.order.options.playing == "hold"


async def test_settings_are_a_persons_own_in_each_chat(stage: Stage) -> None:
    other = stage.chat.chat("other")
    async with stage.running():
        await ask(stage, "/settings trim on")
        for person, chat in ((LI, None), (ANN, other)):
            shown = await ask(stage, "/settings trim", person, chat=chat)
            assert "stays" in shown or "保留" in shown
        assert "is cut off" in await ask(stage, "/settings trim")


async def test_reset_brings_all_of_them_back(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/settings trim on")
        await ask(stage, "/settings denoise on")
        await ask(stage, "/settings reset")
        offer = await send_voice(stage)

    assert "With" not in offer.text


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/settings colour red", "“colour red” cannot be set. /settings shows what can."),
        (
            "/settings playing backwards",
            "“backwards” is not possible here.\n"
            "playing: a template shorter than the recording runs forward and backward (or loop, hold)",
        ),
        ("/settings denoise", "denoise: noise stays as it is (or on)"),
    ],
)
async def test_what_cannot_be_set_is_answered_with_what_can(
    stage: Stage, typed: str, answer: str
) -> None:
    async with stage.running():
        assert await ask(stage, typed) == answer


async def test_without_a_command_a_setting_is_understood_where_we_talk_alone(
    stage: Stage,
) -> None:
    group = stage.chat.chat("-100", private=False)
    async with stage.running():
        assert (await ask(stage, "降噪开", LI)).startswith("好的。降噪：减弱持续的噪声")
        assert await ask(stage, "降噪开", LI, chat=group) == ""
        assert await ask(stage, "降噪", LI) == "降噪：减弱持续的噪声（可改为：关）"


async def test_captions_are_offered_only_for_recordings_with_words(stage: Stage) -> None:
    async with stage.running():
        before = await ask(stage, "/settings captions burned")
        await send_voice(stage)
        without = await ask(stage, "/settings captions burned")
        hidden = await ask(stage, "/settings")
        await send_voice(stage, content=b"other", words=7)
        shown = await ask(stage, "/settings")
        await ask(stage, "1 go")
        after = await ask(stage, "字幕 烧录")

    assert before.startswith("Send me a recording first")
    assert without.startswith("I have no words of this recording")
    assert "captions" not in hidden
    assert "captions: as files (SRT, VTT) in the ZIP (or burned, off)" in shown
    assert after == "Done. captions: written into the picture, and as files in the ZIP."


async def test_captions_are_a_question_for_later_while_the_recording_is_listened_to(
    stage: Stage,
) -> None:
    async with stage.running():
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.chat.wait_for_text("listening")
        said = await ask(stage, "/settings captions burned")

    assert said.startswith("I am still listening to the recording.")


async def test_captions_that_cannot_be_are_told_before_the_start(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage, words=7)
        await ask(stage, "/settings captions burned")
        offer = await send_voice(stage, content=b"other")

    assert "With: no captions, because I did not understand the words" in offer.text.splitlines()


async def test_buttons_change_a_setting_in_place(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/settings")
        shown = list(stage.chat.shown.values())[-1]
        labels = [choice.label for choice in shown.choices]
        button = next(c for c in shown.choices if c.label == "playing: loop")
        said = await ask(stage, "", choice=button.token)

    assert labels == [
        "background: blur",
        "playing: loop",
        "trim: on",
        "denoise: on",
        "loudness: off",
        "zip: one",
        "中文",
    ]
    assert said == ""
    assert "playing: a template shorter than the recording starts over" in shown.text
    assert "playing: hold" in [choice.label for choice in shown.choices]


async def test_the_language_is_one_press_and_the_message_speaks_it_at_once(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "/settings")
        shown = list(stage.chat.shown.values())[-1]
        button = next(c for c in shown.choices if c.label == "中文")
        said = await ask(stage, "", choice=button.token)
        hint = await ask(stage, "/dub")

    assert said == ""
    assert shown.text.startswith("设置\n语言：中文")
    assert "English" in [choice.label for choice in shown.choices]
    assert hint.startswith("用 /dub 回复")


async def test_the_engine_is_chosen_among_those_that_every_worker_has(stage: Stage) -> None:
    await stage.ledger.desk.beat("one", engines=("viseme", "musetalk"))
    await stage.ledger.desk.beat("two", engines=("musetalk", "viseme", "latentsync"))
    async with stage.running():
        shown = await ask(stage, "/settings")
        buttons = list(stage.chat.shown.values())[-1]
        token = next(c.token for c in buttons.choices if c.label == "engine: musetalk")
        await ask(stage, "", choice=token)
        offer = await send_voice(stage)
        asked = offer.text
        await ask(stage, "1 go")
        refused = await ask(stage, "/settings engine latentsync")
        await ask(stage, "设置引擎 viseme")
        back = list(stage.chat.shown.values())[-1].text

    assert "Engine: viseme (or musetalk)" in shown
    assert "Engine: musetalk (or viseme)" in buttons.text
    assert "With: engine musetalk" in asked.splitlines()
    assert (await stage.newest()).order.engine == "musetalk"
    assert refused == "“latentsync” is not possible here.\nEngine: musetalk (or viseme)"
    assert back == "Done. Your videos are made by the engine viseme from now on."


async def test_an_engine_that_is_gone_gives_way_to_the_usual_one(stage: Stage) -> None:
    await stage.ledger.desk.beat("one", engines=("viseme", "musetalk"))
    async with stage.running():
        await ask(stage, "/settings engine musetalk")
        await stage.ledger.desk.leave("one")
        await stage.ledger.desk.beat("two", engines=("viseme",))
        offer = await send_voice(stage)
        asked = offer.text
        await ask(stage, "1 go")
        shown = await ask(stage, "/settings")

    assert "engine" not in asked
    assert (await stage.newest()).order.engine == "viseme"
    assert "Engine: viseme, the only one here" in shown


async def test_buttons_are_answered_where_messages_cannot_change(stage: Stage) -> None:
    stage.chat.limits = type(ROOMY)(
        text_length=4000, can_revise=False, revise_every_s=9, choices=2, file_size_bytes=1000
    )
    async with stage.running():
        await ask(stage, "/settings")
        shown = list(stage.chat.shown.values())[-1]
        said = await ask(stage, "", choice=shown.choices[1].token)

    assert len(shown.choices) == 2
    assert said == "Done. playing: a template shorter than the recording starts over."


async def test_a_picture_becomes_the_background_and_says_where_it_is_seen(stage: Stage) -> None:
    await stage.add_templates("mira", screen="green")
    async with stage.running():
        said = await send_picture(stage)
        await send_voice(stage)
        templates = await ask(stage, "/templates")
        await ask(stage, "4 go")

    picture = (await stage.newest()).order.options.background
    assert said == (
        "“wall.jpg” is the background from now on.\n"
        "It is seen in mira; the other templates have no green screen and stay as they are. "
        "“/settings background none” undoes it."
    )
    assert picture is not None
    assert picture.picture is not None
    assert picture.picture.name == "wall.jpg"
    assert await stage.store.get_bytes(keys.picture(picture.picture.sha256)) == JPEG
    assert "4. mira · 12 s · green screen" in templates
    assert not list(stage.policy.scratch.iterdir())


async def test_the_picture_sent_last_can_be_taken_back_and_chosen_again(stage: Stage) -> None:
    async with stage.running():
        assert (await ask(stage, "/settings background picture")).startswith("Send me the picture")
        await send_picture(stage)
        await ask(stage, "/settings background none")
        again = await ask(stage, "背景图片")

    assert again.startswith("Done. background: your picture “wall.jpg”.")


async def test_a_picture_that_is_no_longer_kept_is_told_before_anything_is_ordered(
    stage: Stage,
) -> None:
    async with stage.running():
        await send_picture(stage)
        for key in [facts.key async for facts in stage.store.list("pictures/")]:
            await stage.store.delete(key)
        await send_voice(stage)
        refused = await ask(stage, "1 go")
        await ask(stage, "/settings background none")
        ordered = await ask(stage, "go")

    assert refused.startswith("The picture “wall.jpg” for the background is no longer kept.")
    assert "0/1" in ordered


async def test_a_picture_sent_as_a_file_is_one_all_the_same(stage: Stage) -> None:
    async with stage.running():
        said = await send_picture(stage, b"RIFF\0\0\0\0WEBPVP8 ", kind="document")

    assert said.startswith("“wall.jpg” is the background from now on.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"GIF89a",
            "“wall.jpg” is no picture I can put behind a presenter. JPEG, PNG and WebP work.",
        ),
        (JPEG + bytes(30_000_000), "“wall.jpg” has 30.0 MB; a picture for the background may have"),
        (b"", "“wall.jpg” is empty"),
    ],
)
async def test_a_picture_that_is_no_use_gets_a_sentence(
    stage: Stage, content: bytes, sentence: str
) -> None:
    stage.chat.limits = replace(ROOMY, file_size_bytes=100_000_000)
    async with stage.running():
        said = await send_picture(stage, content)

    assert said.startswith(sentence)
    assert [facts async for facts in stage.store.list("pictures/")] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("logo.svg", b'<?xml version="1.0"?>\n<!-- made by an editor -->\n<svg width="10"/>'),
        ("IMG_0012.HEIC", b"\0\0\0\x24ftypheic\0\0\0\0mif1"),
        ("wall.avif", b"\0\0\0\x20ftypavif\0\0\0\0"),
        ("hello.gif", b"GIF89a"),
        ("scan.tif", b"II*\0"),
    ],
)
async def test_a_picture_of_another_kind_sent_as_a_file_is_not_taken_for_a_recording(
    stage: Stage, name: str, content: bytes
) -> None:
    stage.chat.files["p"] = content
    async with stage.running():
        said = await ask(stage, "", media=Media("p", name, len(content), "document"))

    assert said == (
        f"“{name}” is no picture I can put behind a presenter. JPEG, PNG and WebP work."
    )


async def test_a_picture_larger_than_the_platform_hands_over_is_told_as_a_picture(
    stage: Stage,
) -> None:
    photo = Media("p", "wall.jpg", 25_000_000, "picture")
    async with stage.running():
        said = await ask(stage, "", media=photo)

    assert said == (
        "“wall.jpg” has 25.0 MB; a picture for the background may have up to 10.0 MB. "
        "Please save it smaller."
    )


async def test_pictures_that_people_show_each_other_in_a_group_are_left_alone(
    stage: Stage,
) -> None:
    group = stage.chat.chat("-100", private=False)
    stage.chat.files["p"] = JPEG
    picture = Media("p", "lunch.jpg", len(JPEG), "picture")
    async with stage.running():
        before = await ask(stage, "", media=picture, chat=group)
        await ask(stage, "1", chat=group)
        while_ordering = await ask(stage, "", media=picture, chat=group)

    assert before == ""
    assert while_ordering.startswith("“lunch.jpg” is the background")


async def test_a_background_that_could_not_be_replaced_is_told_in_the_outcome(
    stage: Stage,
) -> None:
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 2 go")
        await stage.render(background_kept=True)
        await stage.render()
        await stage.pack()
        outcome = await stage.chat.wait_for_text("is ready")

    assert (
        "The background stayed as it is in 1. anchor: no green screen and no transparency was "
        "found there."
    ) in outcome.text.splitlines()


async def test_the_outcome_says_that_captions_are_in_the_zip(stage: Stage) -> None:
    async with stage.running():
        await send_voice(stage, words=3)
        await ask(stage, "1 go")
        await stage.render()
        await stage.pack()
        outcome = await stage.chat.wait_for_text("is ready")

    assert outcome.text.splitlines()[2] == "Captions (SRT, VTT) are in the ZIP."


@pytest.mark.parametrize(
    ("person", "sentences"),
    [
        (
            ANN,
            [
                "“news.ogg”: 7.4 s of speech in 7.9 s.",
                "⚠ The recording is clipped in its loudest places: speak a little further from the microphone.",
                "⚠ The file breaks off at 12.4 s of 30 s; I use what is there. Send it again for all of it.",
                "Pick templates:",
            ],
        ),
        (
            LI,
            [
                "“news.ogg”：共 7.9 秒，其中说话 7.4 秒。",
                "⚠ 录音中声音大的地方有破音，下次请离麦克风稍远一点。",
                "⚠ 文件在 12.4 秒处中断（应有 30 秒），我先用现有的部分；需要全部内容请重新发送。",
                "请选择模板：",
            ],
        ),
    ],
)
async def test_what_there_is_to_say_about_a_recording_is_said_when_it_was_heard(
    stage: Stage, person: Person, sentences: list[str]
) -> None:
    remarks = [
        {"code": "clipped", "facts": {"share": 0.02}},
        {"code": "broken_off", "facts": {"seconds": 12.4, "declared_s": 30.0}},
    ]
    async with stage.running():
        offer = await send_voice(stage, person, remarks=remarks)

    assert offer.text.splitlines()[:4] == sentences


async def test_an_order_that_starts_by_itself_says_what_there_is_to_say(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "1 go")
        stage.chat.receive_file(ANN, b"voice", "news.ogg")
        await stage.hear(remarks=[{"code": "noisy", "facts": {"snr_db": 8.0}}])
        said = await stage.chat.wait_for_text("Here we go.")

    assert "much noise in the recording" in said.text


async def test_a_template_that_breaks_off_says_so_in_the_list(stage: Stage) -> None:
    broken = [{"code": "broken_off", "facts": {"seconds": 3.24, "declared_s": 10.0}}]
    await stage.add_templates("short", remarks=broken)
    async with stage.running():
        shown = await ask(stage, "/templates")

    assert "   ⚠ The file breaks off at 3.2 s of 10 s; what is there is used." in shown


async def test_who_is_not_named_cannot_leave_the_label_out(stage: Stage) -> None:
    async with stage.running():
        said = await ask(stage, "/settings label off")
        await send_voice(stage)
        await ask(stage, "1 go")

    assert said == (
        "The visible label can only be left out by people whom the operator of Chorus has named for it. "
        "Your entry for CHORUS_LABEL_WAIVER would be: console:user:ann"
    )
    assert (await stage.newest()).order.options.label
    assert await waivers(stage) == []


@pytest.mark.parametrize("entry", ["telegram:user:ann", "telegram:chat:desk"])
async def test_a_waiver_names_persons_or_chats(stage: Stage, entry: str) -> None:
    stage.chat = FakeChat(platform="telegram")
    stage.allow(allow=(entry,), label_waiver=(entry,))
    async with stage.running():
        assert "Do you take on this duty?" in await ask(stage, "/settings label off")


async def test_who_takes_the_duty_orders_without_the_label_and_is_on_record(stage: Stage) -> None:
    stage.allow(label_waiver=NAMED)
    async with stage.running():
        question = await ask(stage, "/settings label off")
        assert await waivers(stage) == []
        accepted = await ask(stage, "yes")
        offer = await send_voice(stage)
        await ask(stage, "1 2 go")

    batch = await stage.newest()
    acceptance, order = sorted(await waivers(stage), key=lambda each: str(each["what"]))
    assert accepted.startswith("Recorded. Until 2027-05-22 your videos in this chat come without")
    assert "With: no visible AI label" in offer.text
    assert not batch.order.options.label
    assert acceptance == {
        "what": "acceptance",
        "platform": "console",
        "account": "fake",
        "chat": "desk",
        "person": "ann",
        "person_name": "Ann",
        "language": "en",
        "text": question,
        "accepted_at": "2026-11-20T14:00:00Z",
        "until": "2027-05-22T14:00:00Z",
    }
    assert order["batch"] == batch.id
    assert order["templates"] == ["anchor", "host"]
    assert order["acceptance"] == acceptance


async def test_who_says_no_keeps_the_label_and_is_not_recorded(stage: Stage) -> None:
    stage.allow(label_waiver=NAMED)
    async with stage.running():
        await ask(stage, "/settings label off")
        said = await ask(stage, "no")
        await send_voice(stage)
        await ask(stage, "1 go")

    assert said == "Nothing is recorded, and the visible label stays."
    assert (await stage.newest()).order.options.label
    assert await waivers(stage) == []


async def test_the_duty_is_explained_in_chinese_and_accepted_by_button(stage: Stage) -> None:
    stage.allow(label_waiver=("console:user:li",))
    async with stage.running():
        question = await ask(stage, "设置 标识 关", LI)
        shown = list(stage.chat.shown.values())[-1]
        said = await ask(stage, "", LI, choice=shown.choices[0].token)

    assert "有义务标明它们由 AI 生成" in question
    assert said.startswith("已记录。到 2027-05-22 为止")
    assert (await waivers(stage))[0]["text"] == question


async def test_an_acceptance_is_asked_for_again_after_six_months(stage: Stage) -> None:
    stage.allow(label_waiver=NAMED)
    async with stage.running():
        await ask(stage, "/settings label off")
        await ask(stage, "yes")
        stage.now = NOW + timedelta(days=182)
        assert (await ask(stage, "/settings label off")).startswith("Done. label: no visible label")
        stage.now = NOW + timedelta(days=184)
        await send_voice(stage)
        said = await ask(stage, "1 go")
        await send_voice(stage, content=b"other")
        again = await ask(stage, "1 go")
        assert "Do you take on this duty?" in await ask(stage, "/settings label off")

    assert said.startswith("Your agreement to mark the videos yourself has ended")
    assert "has ended" not in again
    assert (await stage.newest()).order.options.label


async def test_whom_the_operator_no_longer_names_gets_the_label_back(stage: Stage) -> None:
    stage.allow(label_waiver=NAMED)
    async with stage.running():
        await ask(stage, "/settings label off")
        await ask(stage, "yes")
    stage.allow(label_waiver=())
    async with stage.running():
        await send_voice(stage)
        await ask(stage, "1 go")

    assert (await stage.newest()).order.options.label


async def test_records_are_kept_for_six_months_and_older_ones_go_when_one_is_written(
    stage: Stage,
) -> None:
    stage.allow(label_waiver=NAMED)
    outlived = keys.waiver("20260520T000000Z", "acceptance-old")
    kept = keys.waiver("20260522T000000Z", "acceptance-kept")
    for key in (outlived, kept):
        await stage.store.put_bytes(key, b"{}")
    async with stage.running():
        await ask(stage, "/settings label off")
        await ask(stage, "yes")

    found = [facts.key async for facts in stage.store.list(keys.WAIVERS)]
    assert outlived not in found
    assert kept in found
    assert len(found) == 2


async def test_a_record_of_an_order_is_written_once_however_often_its_message_comes(
    stage: Stage,
) -> None:
    stage.allow(label_waiver=NAMED)
    async with stage.running():
        await ask(stage, "/settings label off")
        await ask(stage, "yes")
        await send_voice(stage)
        order = stage.chat.receive(ANN, "1 go")
        await stage.chat.wait_for_settled(order)
        again = stage.chat.receive(ANN, "1 go", key=order.key)
        await stage.chat.wait_for_settled(again)

    assert [each["what"] for each in await waivers(stage)].count("batch") == 1


async def test_an_order_without_the_label_is_retried_only_by_who_took_the_duty(
    stage: Stage,
) -> None:
    stage.chat = FakeChat(platform="telegram")
    stage.allow(allow=("telegram:chat:team",), label_waiver=("telegram:chat:team",))
    group = stage.chat.chat("team", private=False)
    async with stage.running():
        await ask(stage, "/settings label off", chat=group)
        await ask(stage, "yes", chat=group)
        stage.chat.files["f"] = b"voice"
        await ask(stage, "1 go", media=Media("f", "a.ogg", 5, "voice"), chat=group)
        await stage.hear()
        lease = await stage.draw("clips")
        await stage.ledger.desk.fail(lease, Reason(code="incident", incident="ab12"))
        await stage.chat.wait_for_text("no video could be made")
        await stage.told()
        refused = await ask(stage, "/retry", LI, chat=group)
        stage.now = NOW + timedelta(days=184)
        ended = await ask(stage, "/retry", chat=group)
        stage.now = NOW
        again = await ask(stage, "/retry", chat=group)

    assert "下单时选择了不显示画面标识。只有承担标识义务的Ann可以重做" in refused
    assert "your agreement to mark the videos yourself has ended" in ended
    assert "0/1" in again


async def test_a_picture_is_ordered_with_the_name_it_came_with(stage: Stage) -> None:
    async with stage.running():
        await send_picture(stage)
        offer = await send_voice(stage)
        await ask(stage, "1 go")

    background = (await stage.newest()).order.options.background
    assert "With: background “wall.jpg”" in offer.text
    assert background is not None
    assert isinstance(background.picture, SentPicture)


async def test_an_open_offer_speaks_the_language_that_was_typed_meanwhile(stage: Stage) -> None:
    async with stage.running():
        offer = await send_voice(stage)
        await ask(stage, "/settings zh")

    assert "请选择模板" in offer.text
    assert [choice.label for choice in offer.choices][-1] == "全选"
