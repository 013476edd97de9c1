"""Whole conversations on WeCom, from the bytes of a recording to a ZIP that is opened."""

import asyncio
import contextlib
import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.chats.wecom.app import AppChat
from adapters.chats.wecom.bot_door import BotChat
from tests.adapters.wecom_scene import Scene, open_scene
from tests.adapters.wecom_things import bot_chat, hooked, make_delivery
from tests.fakes.wecom.server import FakeWeCom
from tests.fakes.wecom.world import LIMIT_S
from worker.contract.records import BatchState

AMR = b"#!AMR\n ok li"


@pytest.fixture(autouse=True)
def _looking(monkeypatch):
    """People look at the chat until the worker has started, however long that takes."""
    monkeypatch.setattr("bot.recordings._LOOKING", timedelta(hours=1))


async def whole_order(wecom: FakeWeCom) -> None:
    """Somebody quotes a recording in a group and says at once what to make of it; the worker starts afterwards."""
    quote = {"msgtype": "file", "file": wecom.bot.keep_file("稿子.m4a", b"ok li")}
    await wecom.tells_bot("li", "1 2 开始", group="g1", quote=quote)
    await wecom.world.wait_for_text("g1", "听完录音后马上开始")


@pytest.fixture
async def scene(wecom, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(wecom, redis_url, tmp_path) as opened:
        wecom.member("li")
        yield opened


@contextlib.asynccontextmanager
async def app_at_work(scene: Scene, app: AppChat | None = None) -> AsyncIterator[None]:
    app = app or scene.app()
    async with scene.foreman(), scene.bot(app), hooked(scene.wecom, app):
        yield


async def test_a_voice_note_to_the_app_becomes_videos_by_ticking_a_card(wecom, scene):
    await scene.stock(anchor="ok", host="ok", idle="ok")
    async with app_at_work(scene):
        await wecom.sends_voice("li", AMR, copies=2)
        card = await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.presses("li", card, "开始", "1 anchor", "3 idle")
        files = await scene.unzip(await scene.result("li"))
        await wecom.world.wait_for(lambda: card.closed)
        await wecom.world.wait_for_text("li", "[发送文件]")

    assert {"manifest.json", "output_001_anchor.mp4", "output_002_idle.mp4"} <= set(files)
    shown = [message.kind for message in wecom.world.shown("li") if message.kind != "image"]
    assert shown == ["text", "text", "template_card", "text", "text", "template_card"]
    assert wecom.world.shown("li")[-1].buttons() == ["发送压缩包", "发送文件"]


async def test_of_a_whole_order_the_app_says_that_it_came_that_it_began_and_that_it_is_done(
    wecom, scene
):
    await scene.stock(anchor="ok")
    async with app_at_work(scene):
        await wecom.says("li", "1 开始")
        await wecom.world.wait_for_text("li", "收到录音后马上开始")
        await wecom.sends_voice("li", AMR)
        await scene.result("li")

    _, came, began, done, *_ = wecom.world.shown("li")
    assert came.text.endswith("正在听……")
    assert [line[:2] for line in began.text.splitlines()] == ["听到", "任务"]
    assert "打包下载" in done.text


async def test_quoting_a_file_in_a_group_with_picks_is_a_whole_order(wecom, scene):
    await scene.stock(anchor="sleep 0.5", host="ok")
    bot = scene.ai_bot()
    async with scene.bot(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await whole_order(wecom)
        async with scene.foreman():
            result = await scene.result("g1")
            files = await scene.unzip(result)
            await wecom.world.wait_for_text("g1", "[发送文件]")

    assert len(files) >= 3
    # One answer that grows, from listening to the end, and the result.
    answer, told, as_files = wecom.world.shown("g1")
    assert told is result
    assert as_files.buttons() == ["发送压缩包", "发送文件"]
    assert answer.finished
    assert answer.earlier[0] == "收到“稿子.m4a”，正在听……"
    assert "2/2 · 已完成" in answer.text


async def test_a_file_to_the_bot_alone_becomes_videos_by_typed_numbers(wecom, scene):
    await scene.stock(anchor="sleep 1", host="sleep 1")
    bot = scene.ai_bot()
    async with scene.foreman(), scene.bot(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.sends_bot_file("li", "稿子.m4a", b"ok li")
        await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.tells_bot("li", "1、2 开始")
        result = await scene.result("li")
        files = await scene.unzip(result)

    growing = [m for m in wecom.world.shown("li") if "▰" in m.text or "▱" in m.text]
    assert len(growing) == 1
    assert growing[0].earlier
    assert growing[0].finished
    assert len(files) >= 3


async def test_a_voice_note_to_the_app_is_told_in_the_group_of_a_robot(wecom, scene):
    await scene.stock(anchor="ok")
    delivery = make_delivery(wecom, scene.memory(), 市场部="key-1")
    app = scene.app(delivery=delivery)
    async with scene.foreman(), scene.bot(app), hooked(wecom, app):
        await wecom.touches_menu("li", "/deliver")
        question = await wecom.world.wait_for_text("li", "发到哪个群")
        await wecom.presses("li", question, "市场部")
        await wecom.world.wait_for_text("li", "以后的结果也会发到“市场部”")
        await wecom.sends_voice("li", AMR)
        card = await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.presses("li", card, "开始", "1 anchor")
        result = await scene.result("li")
        await wecom.world.wait_for(lambda: wecom.world.shown("key-1"))
        files = await scene.unzip(result)

    (told,) = wecom.world.shown("key-1", "robot")
    assert [jump["title"][:4] for jump in told.card["jump_list"]] == ["打包下载", "✓ 1."]
    assert told.card["jump_list"][0]["url"] in result.text
    assert "output_001_anchor.mp4" in files


async def test_a_voice_note_to_the_app_is_told_in_a_group_by_the_ai_bot(wecom, scene):
    await scene.stock(anchor="ok")
    delivery = make_delivery(wecom, scene.memory())
    app, bot = scene.app(delivery=delivery), scene.ai_bot(delivery=delivery)
    async with scene.foreman(), scene.bot(app, bot), hooked(wecom, app):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.says("li", "发到群")
        await wecom.world.wait_for_text("li", "还没有可以发送的群")
        await wecom.tells_bot("li", "帮助", group="g1")
        await wecom.world.wait_for_text("g1", "口型同步")
        await wecom.says("li", "发到群")
        question = await wecom.world.wait_for_text("li", "发到哪个群")
        await wecom.presses("li", question, question.buttons()[0])
        await wecom.world.wait_for_text("li", "以后的结果也会发到")
        await wecom.sends_voice("li", AMR)
        await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.says("li", "1 开始")
        files = await scene.unzip(await scene.result("g1"))

    assert "output_001_anchor.mp4" in files
    assert any("打包下载" in message.text for message in wecom.world.shown("li", "app"))


async def test_a_voice_note_that_cannot_be_heard_is_told_how_and_then_works_as_a_file(wecom, scene):
    await scene.stock(anchor="ok")
    bot = scene.ai_bot()
    async with scene.foreman(), scene.bot(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.sends_bot_voice("li", "大家好")
        await wecom.world.wait_for_text("li", "把录音存成文件")
        await wecom.sends_bot_file("li", "录音.amr", AMR)
        card = await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.presses_bot("li", card, "开始", "1 anchor")
        files = await scene.unzip(await scene.result("li"))

    assert "output_001_anchor.mp4" in files


@contextlib.asynccontextmanager
async def killed(bot: BotChat) -> AsyncIterator[None]:
    """It does not step down when it ends within this; its leadership lapses a second afterwards."""
    connection = bot.connection
    holder, connection._holder = connection._holder, "x"
    yield
    assert await connection._memory.lead(connection._role, holder, 1.0)


async def test_a_leader_that_dies_in_the_middle_is_replaced_and_the_result_is_told_once(
    wecom, scene
):
    await scene.stock(anchor="sleep 2", host="sleep 1")
    first, second = scene.ai_bot(), scene.ai_bot()
    async with contextlib.AsyncExitStack() as other, contextlib.AsyncExitStack() as death:
        async with scene.bot(first):
            await wecom.world.wait_for(lambda: first.connection.up)
            await whole_order(wecom)
            await other.enter_async_context(scene.bot(second))
            await other.enter_async_context(scene.foreman())
            await wecom.world.wait_for_text("g1", "制作中")
            await death.enter_async_context(killed(first))
            wecom.bot.abort()
        await death.aclose()
        await wecom.world.wait_for(lambda: second.connection.up)
        files = await scene.unzip(await scene.result("g1"))
        chat = bot_chat(wecom, "g1", private=False)
        async with asyncio.timeout(LIMIT_S):
            while (await scene.batches(chat))[0].state is not BatchState.DELIVERED:
                await asyncio.sleep(0.05)

    assert len(files) >= 3
    results = [message for message in wecom.world.shown("g1") if "打包下载" in message.text]
    assert len(results) == 1


async def test_several_settings_are_sent_on_one_card_in_both_doors(wecom, scene):
    app, bot = scene.app(), scene.ai_bot()
    async with scene.bot(app, bot), hooked(wecom, app):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.says("li", "设置")
        card = await wecom.world.wait_for_text("li", "播放：往返 ▾")
        await wecom.presses("li", card, "确定", copies=2, 背景="模糊", 播放="循环")
        changed = await wecom.world.wait_for_text("li", "好的，改好了：")
        await wecom.world.wait_for(lambda: card.closed)
        await wecom.tells_bot("li", "设置")
        await wecom.world.wait_for(lambda: wecom.world.shown("li", "bot"))
        answer = wecom.world.shown("li", "bot")[0]
        await wecom.presses_bot("li", answer, "确定", copies=2, 背景="模糊", 播放="循环")
        await wecom.world.wait_for(lambda: len(wecom.world.shown("li", "bot")) > 1)
        await wecom.world.wait_for(lambda: answer.closed)

    (told,) = wecom.world.shown("li", "bot")[1:]
    assert changed.text == told.text
    assert told.text.splitlines()[1:3] == [
        "背景：虚化，取自主播画面的颜色",
        "播放：模板比录音短时，从头循环",
    ]
    assert (answer.kind, card.closed, answer.closed) == ("stream", "已提交", "已提交")
    assert answer.selects()["播放"][0] == "循环"
    assert all(select["disable"] for select in answer.card["select_list"])
    assert sum("改好了" in message.text for message in wecom.world.shown("li", "app")) == 1


async def test_called_back_the_ai_bot_takes_several_settings_on_one_card(wecom, scene):
    bot = scene.hooked_bot()
    async with scene.bot(bot), hooked(wecom, bot):
        await wecom.tells_bot("li", "设置")
        answer = await wecom.world.wait_for_text("li", "播放：往返 ▾")
        await wecom.presses_bot(
            "li", answer, "确定", copies=2, 播放="停住", 还要改别的吗="修剪、降噪"
        )
        closed = answer.closed, answer.selects()["播放"][0]
        further = await wecom.world.wait_for_text("li", "┌ 更多设置")

    assert closed == ("已提交", "停住")
    assert further.selects()["修剪"] == ["关", "开"]


@pytest.mark.parametrize("door", ["app", "bot"])
async def test_a_card_leads_to_further_settings_and_is_sent_once(wecom, scene, door):
    app, bot = scene.app(), scene.ai_bot()
    press = wecom.presses if door == "app" else wecom.presses_bot
    async with scene.bot(app, bot), hooked(wecom, app):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await (wecom.says if door == "app" else wecom.tells_bot)("li", "设置")
        card = await wecom.world.wait_for_text("li", "播放：往返 ▾")
        await press("li", card, "确定", 还要改别的吗="响度、打包")
        further = await wecom.world.wait_for_text("li", "┌ 更多设置")
        await press("li", further, "确定", 打包="不打包")
        await wecom.world.wait_for_text("li", "好的。打包：不打包")
        await press(
            "li", card, card.buttons()[0], 播放="循环"
        )  # another device still shows it open
        await wecom.world.wait_for_text("li", "这个按钮已失效")
        await (wecom.says if door == "app" else wecom.tells_bot)("li", "设置")
        await wecom.world.wait_for(lambda: len(forms(wecom)) == 3)
        await press("li", forms(wecom)[-1], "确定")
        await wecom.world.wait_for_text("li", "设置没有变化。")

    assert further.selects()["还要改别的吗"][0] == "不用了"
    assert forms(wecom)[-1].selects()["播放"][0] == "往返"


def forms(wecom: FakeWeCom) -> list:
    return [message for message in wecom.world.shown("li") if message.selects()]


async def test_an_older_card_takes_back_nothing_that_was_typed_since(wecom, scene):
    app = scene.app()
    async with scene.bot(app), hooked(wecom, app):
        await wecom.says("li", "设置")
        card = await wecom.world.wait_for_text("li", "播放：往返 ▾")
        await wecom.says("li", "设置 背景 模糊")
        await wecom.world.wait_for_text("li", "好的。背景：虚化")
        await wecom.presses("li", card, "确定", 播放="循环")
        await wecom.world.wait_for_text("li", "好的。播放：")
        await wecom.says("li", "设置")
        await wecom.world.wait_for(lambda: len(forms(wecom)) == 2)

    assert [forms(wecom)[1].selects()[name][0] for name in ("背景", "播放")] == ["模糊", "循环"]


async def test_somebody_else_s_settings_cannot_be_sent(wecom, scene):
    bot = scene.ai_bot()
    async with scene.bot(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "设置", group="g1")
        card = await wecom.world.wait_for_text("g1", "播放：往返 ▾")
        await wecom.presses_bot("wang", card, "确定", group="g1", 播放="循环")
        await wecom.world.wait_for_text(
            "g1", "这张卡片是给 li 用的。您可以 @我 发送“设置”，修改自己的设置。"
        )
        await wecom.presses_bot("li", card, "确定", group="g1", 播放="停住")
        await wecom.world.wait_for_text("g1", "好的。播放：模板比录音短时，停在结尾")


async def test_called_back_the_ai_bot_makes_videos_of_a_file_quoted_in_a_group(wecom, scene):
    await scene.stock(anchor="sleep 0.5", host="ok")
    bot = scene.hooked_bot()
    async with scene.bot(bot), hooked(wecom, bot):
        quote = {"msgtype": "file", "file": wecom.bot_file("稿子.m4a", b"ok li")}
        await wecom.tells_bot("li", "1 2 开始", group="g1", quote=quote, copies=2)
        await wecom.world.wait_for_text("g1", "听完录音后马上开始")
        async with scene.foreman():
            result = await scene.result("g1")
            files = await scene.unzip(result)
        answer = wecom.world.shown("g1")[0]
        await wecom.world.wait_for(lambda: "2/2 · 已完成" in answer.text)

    assert len(files) >= 3
    assert wecom.world.shown("g1") == [answer, result]
    assert (answer.kind, result.kind) == ("stream", "markdown")


async def test_called_back_the_ai_bot_makes_videos_by_ticking_a_card(wecom, scene):
    await scene.stock(anchor="ok", host="ok", idle="ok")
    bot = scene.hooked_bot()
    async with scene.foreman(), scene.bot(bot), hooked(wecom, bot):
        await wecom.sends_bot_file("li", "稿子.m4a", b"ok li")
        await wecom.world.wait_for_text("li", "┌ 请选择模板")
        card = wecom.world.shown("li")[0]
        await wecom.presses_bot("li", card, "开始", "1 anchor", "3 idle")
        await wecom.world.wait_for_text("li", "完成后通知您")
        files = await scene.unzip(await scene.result("li"))

    assert {"output_001_anchor.mp4", "output_002_idle.mp4"} <= set(files)
    assert sum("打包下载" in message.text for message in wecom.world.shown("li")) == 1
    assert card.closed == "已提交"


async def test_videos_come_as_files_when_they_are_asked_for(wecom, scene):
    await scene.stock(anchor="ok", host="ok")
    app, bot = scene.app(), scene.ai_bot()
    async with scene.foreman(), scene.bot(app, bot), hooked(wecom, app):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.sends_voice("li", AMR)
        await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.says("li", "1 2 开始")
        card = await wecom.world.wait_for_text("li", "[发送文件]")
        await wecom.presses("li", card, "发送文件")
        await wecom.world.wait_for(lambda: len(files_in(wecom, "app")) == 2)
        await wecom.world.wait_for(lambda: card.buttons() == ["发送压缩包", "✓发送文件"])
        await wecom.presses("li", card, "发送压缩包")
        await wecom.world.wait_for(lambda: zips_in(wecom, "app"))
        await wecom.sends_bot_file("li", "稿子.m4a", b"ok li 2")
        await wecom.world.wait_for(lambda: any(m.options() for m in wecom.world.shown("li", "bot")))
        await wecom.tells_bot("li", "1 开始")
        await wecom.world.wait_for(
            lambda: any("发送文件" in m.buttons() for m in wecom.world.shown("li", "bot"))
        )
        card = next(m for m in wecom.world.shown("li", "bot") if "发送文件" in m.buttons())
        await wecom.presses_bot("li", card, "发送文件")
        await wecom.world.wait_for(lambda: files_in(wecom, "bot"))
        await wecom.world.wait_for(lambda: card.buttons() == ["发送压缩包", "✓发送文件"])
        await wecom.presses_bot("li", card, "发送压缩包")
        await wecom.world.wait_for(lambda: zips_in(wecom, "bot"))
        await wecom.world.wait_for(lambda: card.buttons() == ["✓发送压缩包", "发送文件"])

    assert files_in(wecom, "app") == ["output_001_anchor.mp4", "output_002_host.mp4"]
    assert files_in(wecom, "bot") == ["output_001_anchor.mp4"]
    (app_zip,), (bot_zip,) = zips_in(wecom, "app"), zips_in(wecom, "bot")
    assert {"output_001_anchor.mp4", "output_002_host.mp4", "manifest.json"} <= set(app_zip)
    assert {"output_001_anchor.mp4", "manifest.json"} <= set(bot_zip)


def zips_in(wecom: FakeWeCom, door) -> list[list[str]]:
    """What is in the ZIPs that came as files."""
    sent = [m.file for m in wecom.world.shown("li", door) if m.kind == "file"]
    return [zipfile.ZipFile(io.BytesIO(content)).namelist() for _, content in sent]


def files_in(wecom: FakeWeCom, door) -> list[str]:
    return [m.file[0] for m in wecom.world.shown("li", door) if m.kind == "video"]


async def test_many_presenters_come_in_pages_whose_picks_are_all_made(wecom, scene):
    await scene.stock(**{f"p{number:02}": "ok" for number in range(1, 31)})
    app = scene.app()
    async with app_at_work(scene, app):
        await wecom.sends_voice("li", AMR)
        first = await wecom.world.wait_for_text("li", "┌ 请选择模板")
        await wecom.presses("li", first, "开始", "2 p02", "翻到 13")
        await wecom.world.wait_for(lambda: len(cards(wecom)) == 2)
        second = cards(wecom)[1]
        await wecom.presses("li", second, "开始", "13 p13", "翻到 25")
        await wecom.world.wait_for(lambda: len(cards(wecom)) == 3)
        third = cards(wecom)[2]
        await wecom.presses("li", third, "开始", "30 p30")
        files = await scene.unzip(await scene.result("li"))

    assert second.options()[0] == "13 p13"
    assert {"output_001_p02.mp4", "output_002_p13.mp4", "output_003_p30.mp4"} <= set(files)


def cards(wecom: FakeWeCom) -> list:
    return [message for message in wecom.world.shown("li") if message.options()]


async def test_an_administrator_adds_a_presenter_in_the_app(wecom, scene):
    scene.policy = replace(scene.policy, admins=("wecom:user:li",))
    app = scene.app()
    async with app_at_work(scene, app):
        await wecom.says("li", "/template add 王小美")
        await wecom.world.wait_for_text("li", "请在 10 分钟内把“王小美”的视频发给我")
        media_id = wecom.keep_media("clara.mp4", b"ok a film")
        await wecom.callbacks.send("li", "video", MediaId=media_id, ThumbMediaId="t")
        await wecom.world.wait_for_text("li", "正在准备“王小美”")

    assert [template.name for template in await scene.ledger.templates()] == ["王小美"]


async def test_a_group_is_admitted_by_an_administrator_who_types_it_there(wecom, scene):
    scene.policy = replace(scene.policy, admins=("wecom:user:li",))
    bot = scene.ai_bot()
    async with scene.bot(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("wang", "帮助", group="g2")
        refused = await wecom.world.wait_for_text("g2", "CHORUS_ALLOW")
        await wecom.tells_bot("li", "/allow", group="g2")
        await wecom.world.wait_for_text("g2", "现在可以使用 Chorus")
        await wecom.tells_bot("wang", "帮助", group="g2")
        await wecom.world.wait_for_text("g2", "口型同步")

    assert "wecom:chat:g2" in refused.text
