"""Pictures of presenters, and videos as files: handed over to WeCom, then sent."""

import asyncio
import io

import pytest
from PIL import Image

from bot.ports import Choice, Media, MediaGone, Person, Picture, PlatformDown
from tests.adapters.reading import running
from tests.adapters.wecom_things import (
    QUICK,
    app_chat,
    bot_chat,
    hooked,
    make_app,
    make_bot,
    make_hooked_bot,
)
from tests.fakes.wecom.faults import Fault, code, dropped, revoked

LI = Person(id="li", name="li", language="zh")
OFFER = [Choice("pick:a", "1 安娜"), Choice("pick:b", "2 本")]


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(content, "JPEG")
    return content.getvalue()


def poster(key: str = "page1") -> tuple[Picture, list[str]]:
    """A picture, and who asked for its bytes."""
    asked: list[str] = []

    async def read() -> bytes:
        asked.append(key)
        return jpeg()

    return Picture(key, "请选择模板：\n点选需要的模板", read), asked


async def gone() -> bytes:
    raise MediaGone


@pytest.fixture
async def app(wecom, memory):
    wecom.member("li")
    chat = make_app(wecom, memory)
    yield chat
    await chat._api.close()


async def test_the_app_shows_presenters_as_a_picture_that_is_handed_over_once(wecom, app):
    picture, asked = poster()
    chat = app_chat(wecom, "li")

    for key in ("a", "a", "b"):
        await app.offer(chat, "1. 安娜\n2. 本", OFFER, key=key, person=LI, picture=picture)

    shown = wecom.world.shown("li")
    assert [message.kind for message in shown] == ["image", "text", "template_card"] * 2
    assert (shown[0].file[1], shown[1].text) == (jpeg(), picture.caption)
    assert asked == ["page1"]
    assert len(wecom.api.uploads) == 1


async def test_a_picture_that_wecom_forgot_is_handed_over_again(wecom, app):
    picture, asked = poster()
    chat = app_chat(wecom, "li")

    await app.offer(chat, "1. 安娜", OFFER, key="a", person=LI, picture=picture)
    wecom.api.uploads.clear()
    await app.offer(chat, "1. 安娜", OFFER, key="b", person=LI, picture=picture)

    assert [m.kind for m in wecom.world.shown("li")] == ["image", "text", "template_card"] * 2
    assert asked == ["page1", "page1"]


async def test_without_its_picture_the_list_is_said_in_words(wecom, app):
    picture = Picture("page1", "请选择模板：", gone)

    await app.offer(app_chat(wecom, "li"), "1. 安娜", OFFER, key="a", person=LI, picture=picture)

    assert [m.text for m in wecom.world.shown("li")] == ["1. 安娜", ""]


@pytest.mark.parametrize(
    ("name", "size_bytes", "kind"),
    [
        ("output_001_王小美.mp4", 2_000_000, "video"),
        ("output_002_安娜.mp4", 12_000_000, "file"),
        ("chorus_K7Q2.zip", 3_000_000, "file"),
    ],
)
async def test_the_app_sends_a_video_that_plays_or_a_file_under_its_name(
    wecom, app, tmp_path, name, size_bytes, kind
):
    path = tmp_path / "x"
    path.write_bytes(bytes(range(250)) * (size_bytes // 250))

    first = await app.send_file(app_chat(wecom, "li"), path, name, key="k")
    second = await app.send_file(app_chat(wecom, "li"), path, name, key="k")

    (sent,) = wecom.world.shown("li")
    assert first == second
    assert (sent.kind, sent.file[0]) == (kind, name)
    assert sent.file[1] == path.read_bytes()
    assert app.limits.send_bytes == 20_000_000


async def test_a_file_goes_on_with_a_new_token(wecom, app, tmp_path):
    (tmp_path / "x").write_bytes(b"a film of some bytes")
    wecom.api.faults.append(revoked("media/upload"))

    await app.send_file(app_chat(wecom, "li"), tmp_path / "x", "a.mp4", key="k")

    assert len(wecom.world.shown("li")) == 1


@pytest.mark.parametrize("path", ["media/upload", "media/get"])
async def test_a_file_may_take_longer_than_another_answer(wecom, app, tmp_path, path):
    (tmp_path / "x").write_bytes(b"a film of some bytes")
    ref = wecom.keep_media("voice.amr", b"#!AMR")
    await app.post(app_chat(wecom, "li"), "您好", key="token")  # which is asked for first
    slow = Fault("hang", path)
    wecom.api.faults.append(slow)

    async def let_go() -> None:
        await wecom.world.wait_for(lambda: slow.met)
        app._api._answer_s = QUICK.answer_s  # of what is asked afterwards
        await asyncio.sleep(1.2)
        slow.release.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(let_go())
        app._api._answer_s = 1.0
        if path == "media/upload":
            await app.send_file(app_chat(wecom, "li"), tmp_path / "x", "a.mp4", key="k")
        else:
            await app.fetch(Media(ref, "voice.amr", None, "voice"), tmp_path / "fetched")

    assert slow.met == 1


@pytest.fixture
async def bot(wecom, memory, tmp_path):
    return make_bot(wecom, memory, tmp_path)


async def test_the_ai_bot_hands_files_over_in_chunks_that_are_checked(wecom, bot, tmp_path):
    """The fake compares size and MD5 of what it got with what was announced."""
    path = tmp_path / "film"
    path.write_bytes(bytes(range(256)) * 9000)  # 2.3 MB: five chunks
    async with running(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "hi")
        await bot.send_file(bot_chat(wecom, "li"), path, "output_001_王小美.mp4", key="k")

    (sent,) = wecom.world.shown("li")
    assert (sent.kind, sent.file) == ("video", ("output_001_王小美.mp4", path.read_bytes()))
    assert sum(cmd == "aibot_upload_media_chunk" for cmd, _ in wecom.world.calls) == 5


async def test_a_chunk_that_fails_is_handed_over_again_and_thrice_is_an_outage(
    wecom, bot, tmp_path
):
    path = tmp_path / "film"
    path.write_bytes(b"a film of some bytes")
    async with running(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "hi")
        wecom.bot.faults.append(code(-1, "media_chunk", times=5))
        await bot.send_file(bot_chat(wecom, "li"), path, "a.mp4", key="k")
        wecom.bot.faults.append(code(-1, "media_chunk", times=9))
        with pytest.raises(PlatformDown):
            await bot.send_file(bot_chat(wecom, "li"), path, "a.mp4", key="k2")

    assert [message.kind for message in wecom.world.shown("li")] == ["video"]


async def test_a_connection_that_breaks_while_a_file_is_handed_over_is_an_outage(
    wecom, bot, tmp_path
):
    path = tmp_path / "film"
    path.write_bytes(b"a film of some bytes")
    async with running(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "hi")
        wecom.bot.faults.append(dropped("media_init"))
        with pytest.raises(PlatformDown):
            await bot.send_file(bot_chat(wecom, "li"), path, "a.mp4", key="k")
        await wecom.world.wait_for(lambda: wecom.bot.line and bot.connection.up)
        await bot.send_file(bot_chat(wecom, "li"), path, "a.mp4", key="k")

    assert [message.kind for message in wecom.world.shown("li")] == ["video"]


async def test_another_front_end_sends_pictures_through_the_one_that_is_connected(
    wecom, memory, tmp_path
):
    one, two = make_bot(wecom, memory, tmp_path), make_bot(wecom, memory, tmp_path)
    picture, _ = poster()
    async with running(one), running(two):
        await wecom.world.wait_for(lambda: one.connection.up or two.connection.up)
        await wecom.tells_bot("li", "hi")
        idle = two if one.connection.up else one
        chat = bot_chat(wecom, "li")
        await idle.offer(chat, "1. 安娜", OFFER, key="k", person=LI, picture=picture)

    shown = wecom.world.shown("li")
    assert [message.kind for message in shown] == ["image", "markdown", "template_card"]
    assert shown[0].file[1] == jpeg()


async def test_called_back_the_ai_bot_ends_its_answer_with_the_picture(wecom, memory, tmp_path):
    """There WeCom takes pictures with the end of an answer only; so the card ends it."""
    bot = make_hooked_bot(wecom, memory, tmp_path)
    picture, _ = poster()
    async with hooked(wecom, bot), running(bot) as reader:
        await wecom.sends_bot_file("li", "稿子.m4a", b"the sound")
        (inbound,) = await reader.next()
        chat = inbound.chat
        await bot.post(chat, "收到“稿子.m4a”，正在听……", key=f"{inbound.key}:1")
        await bot.offer(chat, "1. 安娜", OFFER, key="outbox:1:offer", person=LI, picture=picture)
        answer = wecom.world.shown("li")[0]
        await wecom.world.wait_for(lambda: answer.finished)

    assert answer.file[1] == jpeg()
    assert answer.text == f"收到“稿子.m4a”，正在听……\n\n{picture.caption}"
    assert answer.options() == ["1 安娜", "2 本"]


async def test_where_no_answer_is_open_the_presenters_are_said_in_words(wecom, memory, tmp_path):
    bot = make_hooked_bot(wecom, memory, tmp_path)
    picture, _ = poster()
    async with hooked(wecom, bot), running(bot) as reader:
        await wecom.tells_bot("li", "模板")
        (inbound,) = await reader.next()
        await bot.offer(inbound.chat, "1. 安娜", OFFER, key=f"{inbound.key}:1", person=LI)
        answer = wecom.world.shown("li")[0]
        await wecom.world.wait_for(lambda: answer.card is not None)
        await bot.offer(inbound.chat, "13. 本", OFFER, key="k:2", person=LI, picture=picture)
        said = await wecom.world.wait_for_text("li", "13. 本")

    assert said.file is None
