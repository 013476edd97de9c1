"""What administrators may do in a chat, and others not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.ports import ChatError, Media, MediaTooLarge
from tests.bot.stage import ANN, LI, TEXTS, Stage
from tests.fakes.chat import ROOMY, FakeChat
from worker.contract.figures import Figures
from worker.contract.records import TemplateState
from worker.roster import Roster


def on_telegram(stage: Stage, *admins: str) -> FakeChat:
    """A platform where not everybody administers."""
    own = replace(ROOMY, own_server="CHORUS_TELEGRAM_API_BASE")
    stage.chat = FakeChat(own, platform="telegram")
    stage.allow(allow=("telegram:user:ann", "telegram:chat:team"), admins=admins)
    return stage.chat


def video(chat: FakeChat, size_bytes: int | None = None) -> Media:
    chat.files["film"] = b"a film"
    return Media("film", "Clara Studio.mp4", size_bytes or 6, "video")


async def names(stage: Stage) -> list[str]:
    return [template.name for template in await stage.ledger.templates()]


async def test_an_admin_adds_a_video_under_a_name_once_however_often_it_comes(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        for _ in range(2):
            sent = chat.receive(ANN, "/template add Clara  Blue", media=video(chat), key="same")
            await chat.wait_for_settled(sent)

    added = next(t for t in await stage.ledger.templates() if t.name == "Clara Blue")
    assert (added.state, added.file_name) == (TemplateState.PREPARING, "Clara Studio.mp4")
    assert len(await names(stage)) == 4
    assert "“Clara Blue” is being prepared" in chat.texts[0]


async def test_without_a_name_it_is_called_as_its_file(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/template add", media=video(chat)))

    assert "Clara Studio" in await names(stage)


@pytest.mark.parametrize("name", ["go", "ALL", "12", "全部", "none"])
async def test_a_name_that_people_type_for_something_else_is_refused(
    stage: Stage, name: str
) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        sent = chat.receive(ANN, f"/template add {name}", media=video(chat))
        await chat.wait_for_settled(sent)

    assert chat.texts == [
        f"A template cannot be called “{name}”: people type that for something else. Please choose another name."
    ]
    assert len(await names(stage)) == 3


async def test_a_file_whose_name_means_something_else_keeps_its_ending(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    chat.files["film"] = b"a film"
    media = Media("film", "12.mp4", 6, "video")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/template add", media=media))

    assert "12.mp4" in await names(stage)


async def test_a_video_too_large_for_the_platform_is_answered_with_the_ways_that_work(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        sent = chat.receive(ANN, "/template add Clara", media=video(chat, 20_000_000))
        await chat.wait_for_settled(sent)

    assert "chorus templates add" in chat.texts[0]
    assert "CHORUS_TELEGRAM_API_BASE" in chat.texts[0]


@pytest.mark.parametrize(
    ("content", "claimed_bytes", "sentence"),
    [
        (MediaTooLarge("", 5_000_000), 150_000_000, "This video has 150.0 MB, and 5.0 MB can be"),
        (MediaTooLarge(), None, "This video is too large: 10.0 MB can be"),
        (b"x" * 10_000_001, None, "This video has 10.0 MB, and 10.0 MB can be"),
    ],
)
async def test_a_video_that_shows_only_when_fetched_that_it_is_too_large_is_answered_likewise(
    stage: Stage, content: bytes | ChatError, claimed_bytes: int | None, sentence: str
) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    chat.limits = replace(chat.limits, file_size_bytes=claimed_bytes or chat.limits.file_size_bytes)
    chat.files["film"] = content
    media = Media("film", "Clara Studio.mp4", claimed_bytes, "video")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/template add Clara", media=media))

    assert chat.texts[-1].startswith(sentence)
    assert "chorus templates add" in chat.texts[-1]
    assert "CHORUS_TELEGRAM_API_BASE" in chat.texts[-1]
    assert "recording" not in chat.texts[-1]


async def test_a_maker_who_speaks_chinese_reads_the_same_of_a_video_of_unknown_size(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:li")
    stage.allow(allow=("telegram:user:li",))
    chat.files["film"] = MediaTooLarge()
    media = Media("film", "Clara Studio.mp4", None, "video")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(LI, "/template add Clara", media=media))

    assert chat.texts[0].startswith("这个视频太大了，这里最多能接收 10.0 MB。")


async def test_without_a_video_it_says_how(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        for text in ("/template", "/template add Clara", "/template drop anchor"):
            await chat.wait_for_settled(chat.receive(ANN, text))

    assert all("Send a video with" in text for text in chat.texts)


async def test_others_are_told_whom_to_ask_even_where_their_chat_is_an_admin_s(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:ben", "telegram:chat:team")
    team = chat.chat("team", private=False)
    async with stage.running():
        for text, media in (("/template add Clara", video(chat)), ("/stats", None)):
            await chat.wait_for_settled(chat.receive(ANN, text, media=media, chat=team))

    assert len(await names(stage)) == 3
    assert all("telegram:user:ann" in text for text in chat.texts)


def test_in_chinese_the_list_is_asked_for_in_chinese() -> None:
    for count in (1, 2):
        said = TEXTS.say("zh", "template-added", count=count, names="王小美")
        assert said.endswith("发送“模板”可查看是否就绪。")


async def test_stats_count_what_there_is(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/stats"))

    assert chat.texts[0].split("\n") == [
        "0 orders under way here; 0 videos to make, 0 of them just now.",
        "3 templates ready, 0 being prepared or unusable.",
        "0 workers.",
        "Today: 0 orders, 0 videos done, 0 failed.",
        "Last 7 days: 0 orders, 0 videos done, 0 failed.",
    ]


async def test_stats_tell_what_became_of_the_orders_of_a_week(stage: Stage) -> None:
    figures = Figures()
    figures.count("orders", "telegram", 2)
    figures.count("clips", "done", 5)
    figures.count("clips", "failed")
    figures.count("failures", "no_face", 3)
    figures.count("failures", "incident")
    for seconds in (1.0, 30.0, 400.0):
        figures.spread("waited", seconds)
        figures.spread("rendered", seconds / 2)
    stage.now = datetime.now(
        UTC
    )  # before they are added: today has begun by then, also at midnight
    await Roster(stage.ledger._client).add(figures)
    chat = on_telegram(stage, "telegram:user:li")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(LI, "/stats"))

    assert chat.texts[0].split("\n")[3:] == [
        "今天：2 个任务，完成视频 5 个，失败 1 个。",
        "最近 7 天：2 个任务，完成视频 5 个，失败 1 个。",
        "其中一半的视频等待不到 31 秒，制作不到 14 秒。",
        "最近 7 天的出错原因：no_face 3, incident 1。",
    ]


async def test_a_link_that_carries_a_presenter_picks_it(stage: Stage) -> None:
    async with stage.running():
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/start t-host"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/start"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/start nobody-knows"))

    assert stage.chat.texts[0].startswith("Picked 1: host")
    assert all(text.startswith("Send a recording, pick") for text in stage.chat.texts[1:])


def album(chat: FakeChat, *sizes: int) -> Media:
    """Several videos with one caption, as an adapter hands them on."""
    videos = []
    for number, size in enumerate(sizes, 1):
        chat.files[f"film{number}"] = b"film %d" % number
        videos.append(Media(f"film{number}", f"take_{number}.mp4", size, "video"))
    return replace(videos[0], beside=tuple(videos[1:]))


async def test_several_videos_sent_together_all_become_templates_with_numbers(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        for _ in range(2):
            sent = chat.receive(ANN, "/template add Clara", media=album(chat, 6, 6, 6), key="same")
            await chat.wait_for_settled(sent)

    assert await names(stage) == ["anchor", "Clara 1", "Clara 2", "Clara 3", "host", "idle"]
    assert chat.texts[0] == (
        "3 templates are being prepared: Clara 1, Clara 2, Clara 3. /templates shows when they are ready."
    )


async def test_several_videos_without_a_name_are_called_as_their_files_in_chinese_too(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:li")
    chat_of_all = chat.chat("team", private=False)
    async with stage.running():
        sent = chat.receive(LI, "/template 添加", media=album(chat, 6, 6), chat=chat_of_all)
        await chat.wait_for_settled(sent)

    assert (await names(stage))[3:] == ["take_1", "take_2"]
    assert chat.texts == ["正在准备 2 个模板：take_1、take_2。发送“模板”可查看是否就绪。"]


async def test_of_several_videos_the_one_too_large_is_named_and_the_others_are_taken(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        sent = chat.receive(ANN, "/template add Clara", media=album(chat, 6, 30_000_000, 6))
        await chat.wait_for_settled(sent)

    assert await names(stage) == ["anchor", "Clara 1", "Clara 3", "host", "idle"]
    assert chat.texts[0].startswith("“take_2.mp4” has 30.0 MB, and 10.0 MB can be received here.")
    assert "2 templates are being prepared: Clara 1, Clara 3." in chat.texts[1]


async def test_where_nobody_can_run_a_server_of_their_own_none_is_spoken_of(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    chat.limits = ROOMY
    async with stage.running():
        sent = chat.receive(ANN, "/template add Clara", media=video(chat, 20_000_000))
        await chat.wait_for_settled(sent)

    assert chat.texts[0].endswith("(chorus templates add FILE).")


async def test_where_files_come_without_words_the_next_video_is_the_template(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    chat.limits = replace(ROOMY, captions=False)
    async with stage.running():
        for text in ("/template", "/template add Clara"):
            await chat.wait_for_settled(chat.receive(ANN, text))
        film = chat.receive(ANN, media=video(chat))
        await chat.wait_for_settled(film)
        await chat.wait_for_settled(chat.receive(ANN, media=video(chat), key=film.key))
        await chat.wait_for_settled(chat.receive(ANN, media=video(chat)))

    assert "first, then send me the video" in chat.texts[0]
    assert chat.texts[1] == "All right. Send me the video of “Clara” within 10 minutes."
    assert await names(stage) == ["anchor", "Clara", "host", "idle"]
    assert "listening" in chat.texts[-1]  # the one after that is a recording again


async def test_a_video_of_somebody_else_is_no_template(stage: Stage) -> None:
    chat = on_telegram(stage)
    chat.limits = replace(ROOMY, captions=False)
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/template add Clara"))
        await chat.wait_for_settled(chat.receive(ANN, media=video(chat)))

    assert "CHORUS_ADMINS" in chat.texts[0]
    assert "Clara" not in await names(stage)
