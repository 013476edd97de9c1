"""Whole conversations, as people read them."""

import re

from bot.ports import Person
from tests.bot.stage import ANN, LI, Stage
from worker.contract.records import BatchState, TemplateState


async def converse(
    stage: Stage, person: Person, name: str, words: list[str]
) -> tuple[str, list[str]]:
    """A recording, picks, the rendering of two good Templates and a bad one.

    Returns the offer as it was before anything was picked, and what stands in the chat at the end.
    """
    chat = stage.chat
    await stage.add_templates("kid", state=TemplateState.REJECTED)
    async with stage.running():
        chat.receive_file(person, b"voice", name)
        await chat.wait_for(lambda chat: len(chat.shown) == 1)
        await stage.hear()
        await chat.wait_for(lambda chat: len(chat.shown) == 2)
        for word in words:
            await chat.wait_for_settled(chat.receive(person, word))
        lease = await stage.draw("clips")
        await stage.report(lease, 86)
        await chat.wait_for_text("43%" if person is LI else "43 %")
        await stage.render(lease)
        await stage.render()
        await stage.pack()
        batch = await stage.wait_for_batch(lambda batch: batch.state is BatchState.PARTIAL)
    texts = [text.replace(batch.code, "K7Q2") for text in chat.texts]
    offer = list(chat.shown.values())[1]
    return offer.earlier[0], [re.sub(r"http://door\.test/d/\S+", "LINK", text) for text in texts]


async def test_a_person_reads_a_whole_order_in_english(stage: Stage) -> None:
    offer, shown = await converse(stage, ANN, "news.ogg", ["1, idle", "4 go"])

    assert offer == (
        "“news.ogg”: 7.4 s of speech in 7.9 s. Pick templates:\n"
        "1. anchor · 12 s\n"
        "2. host · 12 s\n"
        "3. idle · 12 s\n"
        "4. kid ✗ I found no face at second 2.0 (frame 50).\n"
        "Type numbers, like 1 3 or 1-3, or “all”. Then “go”; or at once: 1 3 go"
    )
    assert shown == [
        "Got “news.ogg”, listening …",
        "Ordered, with “news.ogg”.\nPicked 3: anchor, idle, kid",
        "Picked 2: anchor, idle\nType “go” to start with “news.ogg”.",
        "“kid” will not work: I found no face at second 2.0 (frame 50). The others go on.",
        "K7Q2 · “news.ogg” · 3 videos\n"
        "▰▰▰▰▰▰▱▱▱▱ 2/3 · ended, not all worked\n"
        "✓ 1. anchor · done\n"
        "✓ 2. idle · done\n"
        "✗ 3. kid · I found no face at second 2.0 (frame 50).",
        "K7Q2: 2 of 3 videos from “news.ogg” are ready.\n"
        "All as a ZIP (0.3 KB): LINK\n"
        "✓ 1. anchor (7.9 s): LINK\n"
        "✓ 2. idle (7.9 s): LINK\n"
        "✗ 3. kid: I found no face at second 2.0 (frame 50). "
        "Please use a video in which one face looks into the camera all the time.\n"
        "The links work for 24 hours; /zip K7Q2 makes new ones.",
    ]


async def test_a_person_reads_a_whole_order_in_chinese(stage: Stage) -> None:
    offer, shown = await converse(stage, LI, "新闻.ogg", ["1、idle", "４开始"])

    assert offer == (
        "“新闻.ogg”：共 7.9 秒，其中说话 7.4 秒。请选择模板：\n"
        "1. anchor · 12 秒\n"
        "2. host · 12 秒\n"
        "3. idle · 12 秒\n"
        "4. kid ✗ 第 2.0 秒（第 50 帧）没有找到人脸。\n"
        "输入编号，例如 1 3 或 1-3，或“全部”；然后发“开始”。也可以一步完成：1 3 开始"
    )
    assert shown == [
        "收到“新闻.ogg”，正在听……",
        "已用“新闻.ogg”下单。\n已选 3 个：anchor、idle、kid",
        "已选 2 个：anchor、idle\n发送“开始”，用“新闻.ogg”制作。",
        "“kid”做不了：第 2.0 秒（第 50 帧）没有找到人脸。其他模板不受影响。",
        "K7Q2 · “新闻.ogg” · 3 个视频\n"
        "▰▰▰▰▰▰▱▱▱▱ 2/3 · 已结束，部分失败\n"
        "✓ 1. anchor · 完成\n"
        "✓ 2. idle · 完成\n"
        "✗ 3. kid · 第 2.0 秒（第 50 帧）没有找到人脸。",
        "K7Q2：用“新闻.ogg”制作的 3 个视频中，完成了 2 个。\n"
        "打包下载（0.3 KB）： LINK\n"
        "✓ 1. anchor（7.9 秒）： LINK\n"
        "✓ 2. idle（7.9 秒）： LINK\n"
        "✗ 3. kid：第 2.0 秒（第 50 帧）没有找到人脸。请使用全程有一张脸正对镜头的视频。\n"
        "链接 24 小时内有效；发送“下载 K7Q2”可获取新链接。",
    ]
