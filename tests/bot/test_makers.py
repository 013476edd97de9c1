"""What administrators may do in a chat, and others not."""

from bot.ports import Media
from tests.bot.stage import ANN, Stage
from tests.fakes.chat import FakeChat
from worker.contract.records import TemplateState


def on_telegram(stage: Stage, *admins: str) -> FakeChat:
    """A platform where not everybody administers."""
    stage.chat = FakeChat(platform="telegram")
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


async def test_a_video_too_large_for_the_platform_is_answered_with_the_ways_that_work(
    stage: Stage,
) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        sent = chat.receive(ANN, "/template add Clara", media=video(chat, 20_000_000))
        await chat.wait_for_settled(sent)

    assert "chorus templates add" in chat.texts[0]
    assert "CHORUS_TELEGRAM_API_BASE" in chat.texts[0]


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


async def test_stats_count_what_there_is(stage: Stage) -> None:
    chat = on_telegram(stage, "telegram:user:ann")
    async with stage.running():
        await chat.wait_for_settled(chat.receive(ANN, "/stats"))

    assert chat.texts[0].split("\n") == [
        "0 orders under way here; 0 videos to make, 0 of them just now.",
        "3 templates ready, 0 being prepared or unusable.",
        "0 workers.",
    ]


async def test_a_link_that_carries_a_presenter_picks_it(stage: Stage) -> None:
    async with stage.running():
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/start t-host"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/start"))
        await stage.chat.wait_for_settled(stage.chat.receive(ANN, "/start nobody-knows"))

    assert stage.chat.texts[0].startswith("Picked 1: host")
    assert all(text.startswith("Send a recording, pick") for text in stage.chat.texts[1:])
