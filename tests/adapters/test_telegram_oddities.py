"""What people really do on Telegram: odd names, many presenters, two languages, albums, blocking the bot in the middle."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.adapters.telegram_scene import Scene, admitted, open_scene
from tests.fakes.telegram.limits import CAPTION, TEXT, units
from tests.fakes.telegram.world import File
from tests.worker.ledger_things import template
from worker.contract import keys
from worker.contract.records import BatchState

VOICE = File("voice", b"OggS of Ann", mime="audio/ogg")
ODD = 'R&D <b>👩\u200d🚀</b> \u202eمرحبا\u202c "x" 😀'
FILM = File("video", b"ok 1", "one.mp4", "video/mp4")


@pytest.fixture
async def scene(telegram, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(telegram, redis_url, tmp_path) as opened:
        yield opened


async def ended(scene: Scene, room) -> BatchState:
    async with asyncio.timeout(60):
        while True:
            batches = await scene.batches(room)
            if batches and not batches[0].state.active:
                return batches[0].state
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_fifty_presenters_with_odd_names_are_picked_ordered_and_linked(telegram, scene):
    names = [f"{ODD} {'长' * 20} {number:02}" for number in range(50)]
    for number, name in enumerate(names):
        key = keys.template(f"t-{number}", "source")
        await scene.store.put_bytes(key, b"ok")
        odd = template(name, b"ok").model_copy(update={"id": f"t-{number}"})
        await scene.ledger.add_template(odd)
    ann = telegram.person(ODD)
    group = telegram.group(ODD, ann)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        voice = replace(VOICE, kind="audio", name=f"{ODD}.mp3")
        await telegram.says(ann, group, file=voice)
        offer = await telegram.wait_for_text(group, "Pick templates", 120)
        await telegram.wait_until(lambda: "All" in offer.labels())
        await telegram.presses(ann, offer, "All")
        await telegram.wait_until(lambda: "Start" in offer.labels())
        await telegram.presses(ann, offer, "Start")
        result = await telegram.wait_for_text(group, "The links work", 300)
        await scene.nothing_left_to_do()

    shown = telegram.shown(group)
    linked = [label for m in shown for label in (*m.labels(), *m.links()) if "R&D <b>" in label]
    assert len({label.partition(".")[0] for label in linked}) >= 50
    assert max(units(m.text) for m in shown if m.file) <= CAPTION
    assert max(units(m.text) for m in shown) <= TEXT
    assert "R&D <b>👩\u200d🚀</b>" in result.text + offer.text
    assert not any("\u202e" in m.text for m in shown)  # no line is turned around


async def test_who_blocks_the_bot_in_the_middle_holds_nobody_up_and_may_come_back(telegram, scene):
    await scene.stock(anchor="sleep 1", host="ok")
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    room, other = telegram.private(ann), telegram.private(ben)
    scene.policy = replace(scene.policy, allow=admitted(ann, ben))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, room, "1 go", file=VOICE)
        await telegram.wait_until(lambda: "▱" in telegram.read(room))
        await telegram.changes_bot(ann, room, "kicked")
        await telegram.says(ben, other, "2 go", file=replace(VOICE, content=b"Ben"))
        await scene.result(other)
        state = await ended(scene, room)
        await telegram.changes_bot(ann, room, "member")
        await telegram.says(ann, room, "/zip")
        renewed = await scene.result(room)
        files = await scene.download(str(renewed.buttons[0][0]["url"]))
        await scene.nothing_left_to_do()

    assert state is BatchState.DELIVERED
    assert "output_001_anchor.mp4" in files


async def test_two_languages_in_one_group_and_settings_of_each_for_themselves(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    ann, li = telegram.person("Ann"), telegram.person("李", "zh-hans")
    group = telegram.group("Marketing", ann, li)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        await telegram.says(li, group, "/settings@chorus_bot")
        chinese = await telegram.wait_for_text(group, "语言：中文")
        await telegram.says(ann, group, "/settings")
        english = await telegram.wait_for_text(group, "Language: English")
        wrong = await telegram.presses(ann, chinese, "播放")
        await telegram.presses(ann, english, "playing: loop")
        await telegram.wait_until(lambda: "starts over" in english.text)
        await telegram.presses(li, chinese, "English")
        await telegram.wait_until(lambda: "Language: English" in chinese.text)
        await telegram.says(li, group, "1 go", file=VOICE)
        his = await telegram.wait_for_text(group, "The links work")
        await telegram.presses(ann, english, "中文")
        await telegram.wait_until(lambda: "语言：中文" in english.text)
        await telegram.says(ann, group, "2 go", file=replace(VOICE, content=b"Ann"))
        hers = await telegram.wait_for_text(group, "链接 24 小时内有效")
        await scene.nothing_left_to_do()
        orders = [batch.order for batch in await scene.batches(group)]

    assert wrong.answer.text == (
        "These buttons belong to 李. Send a recording of your own, or answer one with /dub."
    )
    assert (his.reply_to.sender, hers.reply_to.sender) == (li, ann)
    assert {o.person.name: o.options.playing for o in orders} == {"Ann": "loop", "李": "bounce"}


async def test_an_album_of_films_with_a_chinese_caption_becomes_numbered_templates(telegram, scene):
    boss = telegram.person("老板", "zh-hans")
    group = telegram.group("市场部", boss)
    scene.policy = replace(scene.policy, allow=admitted(group), admins=admitted(boss))
    films = [FILM, replace(FILM, content=b"ok 2", name="two.mp4")]
    async with scene.foreman(), scene.bot():
        telegram.hold_updates()
        await telegram.sends_album(boss, group, *films, caption="/template@chorus_bot add 主播 蓝")
        await telegram.release_updates()
        answer = await telegram.wait_for_text(group, "正在准备")
        async with asyncio.timeout(60):
            while {str(t.state) for t in await scene.ledger.templates()} != {"ready"}:
                await asyncio.sleep(0.05)
        await telegram.says(boss, group, "模板")
        listed = await telegram.wait_for_text(group, "共 2 个模板")
        await telegram.wait_until(lambda: len(listed.labels()) >= 2)

    assert answer.text == "正在准备 2 个模板：主播 蓝 1、主播 蓝 2。发送“模板”可查看是否就绪。"
    assert listed.labels()[:2] == ["1 主播 蓝 1", "2 主播 蓝 2"]


@pytest.mark.parametrize("payload", ["../../etc/passwd", "x" * 64, "%00", "K7Q2", "-", "🚀"])
async def test_a_deep_link_that_leads_nowhere_is_a_friendly_start(telegram, scene, payload):
    await scene.stock(anchor="ok")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    async with scene.bot():
        await telegram.says(ann, room, f"/start {payload}")
        start = await telegram.wait_for_text(room, "Send a recording, pick templates")
        await scene.nothing_left_to_do()

    assert telegram.shown(room) == [start]


async def test_a_photo_of_one_s_own_with_dub_below_it_is_answered(telegram, scene):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.bot():
        await telegram.says(ann, group, "/dub@chorus_bot", file=File("photo", b"JPEG"))
        answer = await telegram.wait_for_text(group, "is not a recording but a picture")
        await telegram.says(ann, group, "look!", file=File("photo", b"JPEG"))
        await scene.nothing_left_to_do()

    assert telegram.shown(group) == [answer]


async def test_a_document_larger_than_telegram_hands_out_is_answered_with_what_to_do(
    telegram, scene
):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    large = File("document", b"x", "speech.wav", "audio/x-wav", claimed_bytes=31_000_000)
    async with scene.bot():
        await telegram.says(ann, room, "1 go", file=large)
        answer = await telegram.wait_for_text(room, "31 MB")
        await scene.nothing_left_to_do()

    assert answer.text == (
        "The file has 31 MB; up to 20 MB can be received here. "
        "Please send a shorter recording, or save it as MP3 or M4A."
    )
