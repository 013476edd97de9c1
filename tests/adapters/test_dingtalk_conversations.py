"""Whole conversations on DingTalk, from the bytes of a recording to a ZIP that is opened."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.chats.dingtalk.account import Timing
from adapters.chats.dingtalk.robots import Robot
from tests.adapters.dingtalk_scene import Scene, open_scene
from tests.adapters.dingtalk_things import group_of, hooked
from tests.fakes.dingtalk.world import LIMIT_S
from worker.contract.records import BatchState

AMR = b"#!AMR\n ok li"
GROUP = "cid1=="
WORDS = "大家好，今天介绍新品"


@pytest.fixture
async def scene(dingtalk, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(dingtalk, redis_url, tmp_path) as opened:
        dingtalk.member("li")
        dingtalk.group(GROUP, "市场部", "li", "wang")
        yield opened


async def test_a_voice_note_becomes_videos_by_typed_numbers(dingtalk, scene):
    await scene.stock(anchor="ok", host="ok", idle="ok")
    async with scene.foreman(), scene.at_work(scene.chat()):
        await dingtalk.sends_voice("li", AMR, WORDS)
        await dingtalk.world.wait_for_text("li", "请选择模板")
        await dingtalk.tells("li", "1 3 开始")
        files = await scene.unzip(await scene.result("li"))

    assert {"output_001_anchor.mp4", "output_002_idle.mp4"} <= set(files)
    shown = [message.text for message in dingtalk.world.shown("li") if message.kind != "image"]
    assert WORDS in shown[0]
    assert ".amr" in shown[0]
    # Listening, the list, that it begins, the result: progress is no message of its own.
    assert len(shown) == 4
    assert {message.way for message in dingtalk.world.shown("li", "session")} == {"session"}


async def test_a_voice_note_becomes_videos_by_pressing_a_card(dingtalk, scene):
    await scene.stock(anchor="sleep 0.6", host="sleep 0.6", idle="ok")
    async with scene.foreman(), scene.at_work(scene.chat(cards=True)):
        await dingtalk.sends_voice("li", AMR, WORDS)
        offer = await dingtalk.world.wait_for_text("li", "[1 anchor]")
        await dingtalk.presses("li", offer, "1 anchor")
        await dingtalk.world.wait_for(lambda: "✓1 anchor" in offer.buttons())
        await dingtalk.presses("li", offer, "2 host")
        await dingtalk.world.wait_for(lambda: "开始" in "".join(offer.buttons()))
        await dingtalk.presses("li", offer, "开始")
        files = await scene.unzip(await scene.result("li"))
        await dingtalk.world.wait_for(lambda: bars(dingtalk) and not bars(dingtalk)[0].buttons())
        await dingtalk.world.wait_for(lambda: not offer.buttons())

    progress = bars(dingtalk)
    assert {"output_001_anchor.mp4", "output_002_host.mp4"} <= set(files)
    assert len(progress) == 1
    assert progress[0].earlier  # one card that moves
    assert "2/2" in progress[0].card["content"]


def bars(dingtalk):
    """Cards that show how far something is."""
    return [m for m in dingtalk.world.shown("li", "card") if "▰" in m.card["content"]]


async def test_a_quoted_voice_note_with_picks_is_a_whole_order_and_its_asker_is_mentioned(
    dingtalk, scene
):
    await scene.stock(anchor="ok", host="ok")
    async with scene.foreman(), scene.at_work(scene.chat()):
        quote = dingtalk.quoted("audio", dingtalk.sound(AMR, WORDS))
        await dingtalk.tells("li", "1 2 开始", GROUP, quote=quote)
        result = await scene.result(GROUP)
        files = await scene.unzip(result)

    assert len(files) >= 3
    shown = dingtalk.world.shown(GROUP)
    assert all(message.mentioned == ("li",) for message in shown)
    assert WORDS in shown[0].text
    # Listening, what will begin, that it began, the result.
    assert len(shown) <= 4


async def test_a_quoted_file_becomes_videos_by_a_card_of_its_asker(dingtalk, scene):
    await scene.stock(anchor="ok", host="ok")
    async with scene.foreman(), scene.at_work(scene.chat(cards=True)):
        quote = dingtalk.quoted("file", dingtalk.file("稿子.m4a", b"ok li"))
        await dingtalk.tells("li", "", GROUP, quote=quote)
        offer = await dingtalk.world.wait_for_text(GROUP, "[1 anchor]")
        await dingtalk.presses("wang", offer, "1 anchor")
        await dingtalk.presses("li", offer, "2 host")
        await dingtalk.world.wait_for(lambda: "开始" in "".join(offer.buttons()))
        await dingtalk.presses("li", offer, "开始")
        result = await scene.result(GROUP)
        files = await scene.unzip(result)

    assert "output_001_host.mp4" in files
    assert "li 同学" in offer.private["wang"]["notice"]
    assert result.mentioned == ("li",)


async def test_who_quotes_with_an_old_client_is_told_what_to_do_and_succeeds_alone(dingtalk, scene):
    await scene.stock(anchor="ok")
    async with scene.foreman(), scene.at_work(scene.chat()):
        quote = dingtalk.quoted("unknownMsgType", {"unknownMsgType": "当前版本不支持查看"})
        await dingtalk.tells("li", "1 开始", GROUP, quote=quote)
        told = await dingtalk.world.wait_for_text(GROUP, "没能取到您引用的内容")
        await dingtalk.sends_voice("li", AMR)
        await dingtalk.world.wait_for_text("li", "请选择模板")
        await dingtalk.tells("li", "1 开始")
        files = await scene.unzip(await scene.result("li"))

    assert told.mentioned == ("li",)
    assert "output_001_anchor.mp4" in files


async def test_what_was_seen_before_may_be_quoted_with_an_old_client(dingtalk, scene):
    await scene.stock(anchor="ok")
    async with scene.foreman(), scene.at_work(scene.chat()):
        quote = dingtalk.quoted("audio", dingtalk.sound(AMR, WORDS))
        await dingtalk.tells("wang", "", GROUP, quote=quote)
        await dingtalk.world.wait_for_text(GROUP, "请选择模板")
        old = {**quote, "msgType": "unknownMsgType", "content": {"unknownMsgType": "?"}}
        await dingtalk.tells("li", "1 开始", GROUP, quote=old)
        result = await scene.result(GROUP)
        files = await scene.unzip(result)

    assert result.mentioned == ("li",)
    assert "output_001_anchor.mp4" in files


async def test_a_connection_that_breaks_between_order_and_result_loses_nothing(dingtalk, scene):
    await scene.stock(anchor="sleep 1", host="sleep 1")
    chat = scene.chat()
    async with scene.foreman(), scene.at_work(chat):
        quote = dingtalk.quoted("audio", dingtalk.sound(AMR))
        await dingtalk.tells("li", "1 2 开始", GROUP, quote=quote)
        await dingtalk.world.wait_for_text(GROUP, "完成后通知您")
        dingtalk.gateway.abort()
        for session in dingtalk.api.sessions.values():  # and its answers are over as well
            session.until_s = 0
        files = await scene.unzip(await scene.result(GROUP))
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.opened >= 2)
        await delivered(scene)

    results = [m for m in dingtalk.world.shown(GROUP) if "打包下载" in m.text]
    assert len(files) >= 3
    assert [m.way for m in results] == ["group"]


async def delivered(scene: Scene) -> None:
    async with asyncio.timeout(LIMIT_S):
        while (await scene.ordered(group_of(GROUP)))[0].state is not BatchState.DELIVERED:
            await asyncio.sleep(0.05)


async def test_of_two_front_ends_either_goes_on_where_the_other_stopped(dingtalk, scene):
    """Messages come to one of them at random; one ends in the middle, and the result is told once."""
    await scene.stock(anchor="sleep 1.5", host="sleep 1.5")
    first, second = scene.chat(), scene.chat()
    async with scene.foreman(), scene.at_work(second):
        async with scene.at_work(first):
            await dingtalk.world.wait_for(lambda: len(dingtalk.gateway.lines) == 2)
            await dingtalk.sends_voice("li", AMR)
            await dingtalk.world.wait_for_text("li", "请选择模板")
            await dingtalk.tells("li", "状态")
            await dingtalk.tells("li", "1 2 开始")
            await dingtalk.world.wait_for_text("li", "完成后通知您")
        files = await scene.unzip(await scene.result("li"))

    assert len(files) >= 3
    assert sum("打包下载" in message.text for message in dingtalk.world.shown("li")) == 1
    assert dingtalk.gateway.waiting == []


async def test_a_zip_comes_as_a_file_on_request(dingtalk, scene):
    await scene.stock(anchor="ok")
    async with scene.foreman(), scene.at_work(scene.chat()):
        await dingtalk.sends_voice("li", AMR)
        await dingtalk.world.wait_for_text("li", "请选择模板")
        await dingtalk.tells("li", "1 开始")
        result = await scene.result("li")
        await dingtalk.tells("li", "下载 文件")
        await dingtalk.world.wait_for(lambda: files_in(dingtalk))

    assert "文件”" in result.text
    ((name, content),) = files_in(dingtalk)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert "output_001_anchor.mp4" in archive.namelist()
    assert name.endswith(".zip")


async def test_with_a_card_the_zip_is_a_button_below_the_result(dingtalk, scene):
    await scene.stock(anchor="ok")
    async with scene.foreman(), scene.at_work(scene.chat(cards=True)):
        await dingtalk.sends_voice("li", AMR)
        await dingtalk.world.wait_for_text("li", "[1 anchor]")
        await dingtalk.tells("li", "1 开始")
        card = await dingtalk.world.wait_for_text("li", "[发送压缩包]")
        await dingtalk.presses("li", card, "发送")
        await dingtalk.world.wait_for(lambda: files_in(dingtalk))
        await dingtalk.world.wait_for(lambda: card.card["remark"] == "")


def files_in(dingtalk):
    return [m.file for m in dingtalk.world.shown("li") if m.kind == "file"]


async def test_the_result_is_told_in_the_group_of_a_robot(dingtalk, scene):
    await scene.stock(anchor="ok")
    robot = Robot("robottoken" * 2, "SECsecret0001")
    dingtalk.api.robots[robot.token] = robot.secret
    async with scene.foreman(), scene.at_work(scene.chat(robots={"市场部": robot})):
        await dingtalk.tells("li", "发到群 1")
        await dingtalk.world.wait_for_text("li", "“市场部”")
        await dingtalk.sends_voice("li", AMR)
        await dingtalk.world.wait_for_text("li", "请选择模板")
        await dingtalk.tells("li", "1 开始")
        await scene.result("li")
        files = await scene.unzip(await scene.result(robot.token))

    assert "output_001_anchor.mp4" in files


async def test_a_recording_whose_address_is_refused_once_is_fetched_all_the_same(dingtalk, scene):
    await scene.stock(anchor="ok")
    async with scene.foreman(), scene.at_work(scene.chat()):
        dingtalk.api.file_faults.append(403)
        await dingtalk.sends_voice("li", AMR)
        await dingtalk.world.wait_for_text("li", "请选择模板")
        dingtalk.api.file_faults += [403, 403, 403, 403]
        await dingtalk.sends_voice("li", AMR + b" gone")
        told = await dingtalk.world.wait_for_text("li", "没能取到")

    assert "请重新发送" in told.text


async def test_called_back_over_http_it_is_the_same(dingtalk, scene):
    await scene.stock(anchor="ok", host="ok")
    chat = scene.chat(http=True)
    async with scene.foreman(), scene.front_end(chat), hooked(dingtalk, chat):
        quote = dingtalk.quoted("audio", dingtalk.sound(AMR, WORDS))
        await dingtalk.tells("li", "1 2 开始", GROUP, quote=quote)
        result = await scene.result(GROUP)
        files = await scene.unzip(result)

    assert result.mentioned == ("li",)
    assert len(files) >= 3
    assert dingtalk.statuses == [200]


async def test_commands_are_typed_with_or_without_a_slash(dingtalk, scene):
    scene.policy = replace(scene.policy, admins=("dingtalk:user:li",))
    await scene.stock(anchor="ok")
    async with scene.at_work(scene.chat()):
        for typed, answer in (
            ("/help", "选“引用”并 @我"),
            ("帮助", "选“引用”并 @我"),
            ("/templates", "anchor"),
            ("模板", "anchor"),
            ("/history", "还没有"),
            ("/template add 王小美", "请在 10 分钟内"),
        ):
            before = len(dingtalk.world.shown(GROUP))
            await dingtalk.tells("li", typed, GROUP)
            await dingtalk.world.wait_for(lambda n=before: len(dingtalk.world.shown(GROUP)) > n)
            await dingtalk.world.wait_for_text(GROUP, answer)


async def test_a_group_is_admitted_by_an_administrator_who_types_it_there(dingtalk, scene):
    scene.policy = replace(scene.policy, admins=("dingtalk:user:li",))
    dingtalk.group("cid2==", "人事部", "li", "wang")
    async with scene.at_work(scene.chat()):
        await dingtalk.tells("wang", "帮助", "cid2==")
        refused = await dingtalk.world.wait_for_text("cid2==", "CHORUS_ALLOW")
        await dingtalk.tells("li", "/allow", "cid2==")
        await dingtalk.world.wait_for_text("cid2==", "现在可以使用 Chorus")
        await dingtalk.tells("wang", "帮助", "cid2==")
        await dingtalk.world.wait_for_text("cid2==", "口型同步")

    assert "dingtalk:chat:cid2==" in refused.text


@pytest.mark.alone
async def test_messages_are_acknowledged_at_once_while_the_worker_is_busy(dingtalk, scene):
    """DingTalk reports copies of what is not acknowledged within a minute; presses want it within two seconds."""
    await scene.stock(anchor="sleep 2", host="sleep 2")
    async with scene.foreman(), scene.at_work(scene.chat()):
        await dingtalk.sends_voice("li", AMR)
        await dingtalk.world.wait_for_text("li", "请选择模板")
        await dingtalk.tells("li", "1 2 开始")
        await dingtalk.world.wait_for_text("li", "完成后通知您")
        for number in range(100):
            quote = dingtalk.quoted("text", {"text": "x"})
            await dingtalk.tells("zhao", f"随便说说 {number}", GROUP, quote=quote)
            await asyncio.sleep(0.01)
        sent = dingtalk.gateway.sent
        await dingtalk.world.wait_for(lambda: all(each.answer for each in sent.values()))

    print(f"\nacknowledged: p99 {dingtalk.gateway.p99_s() * 1000:.0f} ms of {len(sent)}")
    assert len(sent) > 100
    assert dingtalk.gateway.p99_s() < Timing().press_s
