"""On Telegram a video is one press away as soon as it is done, and the group's budget does not suffer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from tests.adapters.chat_scene import PUBLIC
from tests.adapters.telegram_scene import Scene, admitted, open_scene
from tests.adapters.test_telegram_conversations import VOICE, delivered, progress


@pytest.fixture
async def scene(telegram, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(telegram, redis_url, tmp_path) as opened:
        yield opened


async def download(scene: Scene, url: str) -> bytes:
    local = url.replace(PUBLIC, scene.door.url, 1)
    async with aiohttp.ClientSession() as session, session.get(local) as answer:
        assert answer.status == 200
        return await answer.read()


async def test_the_first_video_is_a_button_of_the_bar_while_the_others_are_made(telegram, scene):
    await scene.stock(anchor="ok", host="sleep 6", idle="ok")
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, group, "1 2 3 go", file=VOICE)
        await telegram.wait_until(
            lambda: any("1. anchor" in m.labels() for m in progress(telegram, group))
        )
        [bar] = progress(telegram, group)
        labels, text = bar.labels(), bar.text
        [button] = [b for row in bar.buttons for b in row if b["text"] == "1. anchor"]
        video = await download(scene, button["url"])
        result = await scene.result(group)
        await delivered(scene, group, 1)
        await telegram.wait_until(lambda: "3/3 · done" in bar.text)
        [batch] = await scene.batches(group)

    done = batch.clips[0].result
    assert done is not None
    assert "✓ 2. host" not in text
    assert labels[-1] == "Cancel"
    assert "http" not in text
    assert video == await scene.store.get_bytes(done.key)
    assert bar.labels() == []
    assert [label.split(" ")[0] for label in result.labels()][:4] == ["ZIP", "1.", "2.", "3."]
    assert telegram.platform.meter.most_in_group <= 20
    assert telegram.platform.throttled == 0


async def test_whoever_finds_an_order_too_large_for_one_zip_decides_with_a_button(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    li = telegram.person("李", "zh-hans")
    room = telegram.private(li)
    scene.policy = replace(scene.policy, allow=admitted(li), most_archive_bytes=1000)
    async with scene.foreman(), scene.bot():
        async with asyncio.timeout(120):
            while any(t.state != "ready" for t in await scene.ledger.templates()):
                await asyncio.sleep(0.02)
        await telegram.says(li, room, file=VOICE)
        offer = await telegram.wait_for_text(room, "请选择模板")
        await telegram.presses(li, offer, "全选")
        await telegram.wait_until(lambda: "只要链接" in offer.labels())
        await telegram.presses(li, offer, "只要链接")
        await telegram.wait_until(
            lambda: "一个包" in offer.labels() and "分成几个包" in offer.labels()
        )
        caption, said = offer.text, len(telegram.shown(room))
        await telegram.presses(li, offer, "开始")
        result = await telegram.wait_for_text(room, "都好了", 120)

    assert "不打包，只发链接" in caption
    assert said == 1  # all of it in one message
    assert [label.split(" ")[0] for label in result.labels()][:2] == ["1.", "2."]
    assert "打包" not in result.text
