"""Whole conversations on Telegram, from the bytes of a voice note to a ZIP that is opened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from adapters.chats.telegram.adapter import HOOK
from adapters.web.door import Door
from tests.adapters.chat_scene import PUBLIC
from tests.adapters.telegram_scene import Scene, admitted, open_scene
from tests.adapters.telegram_things import SHIPPED_FAST, THEIR_FAST_IF_LATE, TIMES
from tests.fakes.telegram.faults import flood
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.world import File, Message, Room
from worker.contract.records import BatchState

VOICE = File("voice", b"OggS of Ann", mime="audio/ogg")
ENDED = {BatchState.DELIVERED}


@pytest.fixture
async def scene(telegram, redis_url, tmp_path) -> AsyncIterator[Scene]:
    async with open_scene(telegram, redis_url, tmp_path) as opened:
        yield opened


def archive_of(result: Message) -> str:
    return str(result.buttons[0][0]["url"])


def results(telegram: FakeTelegram, room: Room) -> list[Message]:
    return [m for m in telegram.shown(room) if "The links work" in m.text]


def progress(telegram: FakeTelegram, room: Room) -> list[Message]:
    return [m for m in telegram.shown(room) if "▰" in m.text or "▱" in m.text]


async def offer_to(telegram: FakeTelegram, room: Room, voice: Message) -> Message:
    """What was offered for a recording, once it was."""

    def offers() -> list[Message]:
        return [m for m in telegram.shown(room) if m.buttons and m.reply_to is voice]

    await telegram.wait_until(lambda: bool(offers()))
    return offers()[0]


async def delivered(scene: Scene, room: Room, count: int, limit_s: float = 120) -> None:
    async with asyncio.timeout(limit_s):
        while True:
            batches = await scene.batches(room)
            if len(batches) == count and {batch.state for batch in batches} == ENDED:
                return
            await asyncio.sleep(0.05)


async def test_a_voice_note_in_private_becomes_videos_by_pressing_buttons(telegram, scene):
    await scene.stock(anchor="sleep 1", host="ok", idle="sleep 1")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    async with scene.foreman(), scene.bot():
        voice = await telegram.says(ann, room, file=VOICE)
        offer = await telegram.wait_for_text(room, "Pick templates")
        await telegram.presses(ann, offer, "1 anchor")
        await telegram.wait_until(lambda: "✓ 1 anchor" in offer.labels())
        await telegram.presses(ann, offer, "3 idle")
        await telegram.wait_until(lambda: "✓ 3 idle" in offer.labels())
        await telegram.presses(ann, offer, "Start")
        result = await scene.result(room)
        files = await scene.download(archive_of(result))
        await delivered(scene, room, 1)

        said = telegram.shown(room)
        await telegram.presses(ann, result, "As files")
        await telegram.wait_until(lambda: len(telegram.shown(room)) == len(said) + 2)
        await scene.nothing_left_to_do()

    assert [bool(message.file) for message in said] == [True, False, False]
    assert said[0] is offer  # a picture of the templates; then the progress and the result
    sent = [m.file for m in telegram.shown(room)[3:]]
    assert [(file.kind, file.name) for file in sent] == [
        ("document", "output_001_anchor.mp4"),
        ("document", "output_002_idle.mp4"),
    ]
    assert sent[0].content == files["output_001_anchor.mp4"]
    assert result.reply_to is voice
    assert sorted(files) == ["manifest.json", "output_001_anchor.mp4", "output_002_idle.mp4"]
    assert [message.text.split("\n")[1] for message in progress(telegram, room)] == [
        "▰▰▰▰▰▰▰▰▰▰ 2/2 · done"
    ]
    assert progress(telegram, room)[0].earlier  # one message, revised


async def test_pages_of_presenters_are_photos_and_a_preset_is_one_press(telegram, scene):
    await scene.stock(**{f"p{number:02}": "ok" for number in range(1, 15)})
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))

    async def press(label: str, then: str) -> None:
        await telegram.presses(ann, offer, label)
        await telegram.wait_until(lambda: any(then in each for each in offer.labels()))

    async with scene.foreman(), scene.bot():
        async with asyncio.timeout(120):
            while any(t.state != "ready" for t in await scene.ledger.templates()):
                await asyncio.sleep(0.02)
        await telegram.says(ann, room, file=VOICE)
        offer = await telegram.wait_for_text(room, "Pick templates")
        await telegram.wait_until(lambda: bool(offer.buttons))
        first, labels = offer.file, offer.labels()
        await press("2 p02", "✓ 2 p02")
        ticked = offer.file
        await press("13–14 ›", "14 p14")
        second = offer.file
        await press("14 p14", "✓ 14 p14")
        await telegram.says(ann, room, "/preset save News")
        await telegram.wait_for_text(room, "“News” is kept: p02, p14")
        await press("Pick anew", "★ News")
        await press("★ News", "✓ ★ News")
        await telegram.presses(ann, offer, "Start")
        result = await scene.result(room)
        await delivered(scene, room, 1)

    assert [first.kind, second.kind] == ["photo", "photo"]
    assert (first is ticked, first.content == second.content) == (True, False)
    assert labels == [*(f"{n} p{n:02}" for n in range(1, 13)), "13–14 ›", "All"]
    assert "2 videos" in result.text
    assert telegram.shown(room)[0] is offer


async def test_numbers_that_are_typed_tick_the_photo_and_go_closes_it(telegram, scene):
    await scene.stock(anchor="ok", host="ok", idle="ok")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, room, file=VOICE)
        offer = await telegram.wait_for_text(room, "Pick templates")
        await telegram.says(ann, room, "1 3")
        await telegram.wait_until(lambda: "Start" in offer.labels())
        ticked, above = offer.labels(), offer.file
        await telegram.presses(ann, offer, "2 host")
        await telegram.wait_until(lambda: "✓ 2 host" in offer.labels())
        await telegram.says(ann, room, "go")
        result = await scene.result(room)
        await delivered(scene, room, 1)
        await scene.nothing_left_to_do()

    assert ticked == ["✓ 1 anchor", "2 host", "✓ 3 idle", "All", "Pick anew", "Start", "Cancel"]
    assert above.kind == "photo"
    assert "3 videos" in result.text
    assert (offer.labels(), offer.file) == ([], above)
    assert offer.text.startswith("Ordered, with “voice-1.ogg”.")


async def test_in_a_topic_of_a_group_everything_stays_in_the_topic_in_the_asker_s_language(
    telegram, scene
):
    await scene.stock(anchor="ok", host="ok", idle="sleep 0.5")
    li = telegram.person("李", "zh-hans")
    group = telegram.group("市场部", li, forum=True)
    topic = group.topic("视频")
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        voice = await telegram.says(li, group, file=VOICE, topic=topic)
        offer = await telegram.wait_for_text(group, "请选择模板")
        await telegram.says(li, group, "1、idle 开始", topic=topic)
        result = await telegram.wait_for_text(group, "打包下载", 120)
        files = await scene.download(archive_of(result))

    assert len(files) == 3
    assert all(message.topic is topic for message in telegram.shown(group))
    assert (offer.reply_to, result.reply_to) == (voice, voice)


async def test_dub_makes_videos_of_a_colleague_s_recording(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    telegram.platform.privacy = True  # the bot sees nothing of the group but this command
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    group = telegram.group("Marketing", ann, ben)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        voice = await telegram.says(ben, group, file=VOICE)
        asked = await telegram.says(ann, group, "/dub@chorus_bot all go", reply_to=voice)
        result = await scene.result(group)

    (shown,) = progress(telegram, group)
    assert shown.reply_to is asked
    assert shown.earlier[0].endswith("listening …")
    assert telegram.shown(group) == [shown, result]
    assert result.reply_to is voice
    assert "2 videos" in result.text


async def test_dub_without_a_recording_says_how(telegram, scene):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.bot():
        await telegram.says(ann, group, "/dub")
        await telegram.wait_for_text(group, "Answer a recording with /dub")


async def test_two_people_in_one_group_do_not_get_into_each_other_s_way(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    group = telegram.group("Marketing", ann, ben)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        voices = {
            who.name: await telegram.says(who, group, file=replace(VOICE, content=content))
            for who, content in ((ann, b"ok ann"), (ben, b"ok ben"))
        }
        offers = {name: await offer_to(telegram, group, voice) for name, voice in voices.items()}
        wrong = await telegram.presses(ben, offers["Ann"], "2 host")
        await telegram.presses(ann, offers["Ann"], "1 anchor")
        await telegram.presses(ben, offers["Ben"], "2 host")
        for who, label in ((ann, "1 anchor"), (ben, "2 host")):
            offer = offers[who.name]
            await telegram.wait_until(
                lambda offer=offer, label=label: f"✓ {label}" in offer.labels()
            )
            await telegram.presses(who, offer, "Start")
        await delivered(scene, group, 2)

    assert wrong.answer.text.startswith("These buttons belong to Ann")
    told = {m.reply_to.sender.name: m.text.split("\n")[2] for m in results(telegram, group)}
    assert told == {"Ann": "✓ 1. anchor (1.0 s)", "Ben": "✓ 1. host (1.0 s)"}


async def test_who_is_not_admitted_reads_once_what_to_ask_for(telegram, scene):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann, bot="left")
    async with scene.bot():
        await telegram.changes_bot(ann, group, "member")
        await telegram.wait_for_text(group, f"telegram:chat:{group.id}")
        await telegram.says(ann, group, file=VOICE)
        await telegram.says(ann, group, "/help")
        await telegram.says(ann, telegram.private(ann), "hello")
        await telegram.wait_for_text(telegram.private(ann), f"telegram:user:{ann.id}")
    refused = list(telegram.shown(group))

    boss = telegram.person("Boss")
    scene.policy = replace(scene.policy, admins=admitted(boss))
    async with scene.bot():
        await telegram.says(boss, group, "/allow@chorus_bot")
        await telegram.wait_for_text(group, "may use Chorus from now on")
        await telegram.says(ann, group, "/help")
        await telegram.wait_for_text(group, "Send a recording, pick templates")

    assert len(refused) == 1


@pytest.mark.slow
@pytest.mark.alone
async def test_five_batches_in_one_group_stay_within_its_rate(telegram, scene):
    await scene.stock(anchor="sleep 0.5", host="sleep 0.5", idle="sleep 0.5")
    people = [telegram.person(name) for name in ("Ann", "Ben", "Cem", "Dan", "Eve")]
    group = telegram.group("Marketing", *people)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        for who in people:
            voice = replace(VOICE, content=who.name.encode())
            await telegram.says(who, group, "all go", file=voice)
        await delivered(scene, group, 5)

    assert telegram.platform.throttled == 0
    assert telegram.platform.meter.most_in_group <= 20
    assert {m.reply_to.sender.name for m in results(telegram, group)} == {p.name for p in people}
    assert len(results(telegram, group)) == len(progress(telegram, group)) == 5


async def test_a_batch_is_told_once_telegram_is_back(telegram, scene):
    await scene.stock(anchor="sleep 1")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, room, "1 go", file=VOICE)
        await telegram.wait_until(lambda: bool(progress(telegram, room)))
        telegram.down = True
        async with asyncio.timeout(60):
            while (await scene.batches(room))[0].state is not BatchState.READY:
                await asyncio.sleep(0.05)
        unheard = await telegram.says(ann, room, "/status")
        telegram.down = False
        result = await scene.result(room)
        await delivered(scene, room, 1)

        # Progress, result, and what /status says: of the order, or that it has ended by then.
        await telegram.wait_until(lambda: len(telegram.shown(room)) == 3)
        await telegram.wait_until(lambda: "1/1 · done" in telegram.shown(room)[0].text)

    assert results(telegram, room) == [result]
    assert unheard.id < result.id


async def test_random_floods_lose_nothing_and_double_nothing(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    telegram.fault(*(replace(flood(1), skip=skip) for skip in (2, 5, 8)))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, room, "1 2 go", file=VOICE)
        await scene.result(room)
        await delivered(scene, room, 1)

    assert len(results(telegram, room)) == len(progress(telegram, room)) == 1
    assert sum(fault.met for fault in telegram.platform.faults) >= 2


@pytest.mark.slow
@pytest.mark.alone
async def test_a_flood_now_and_then_loses_nothing_and_doubles_nothing(telegram, scene):
    await scene.stock(anchor="sleep 0.5", host="sleep 0.5", idle="ok")
    people = [telegram.person(name) for name in ("Ann", "Ben", "Cem")]
    group = telegram.group("Marketing", *people)
    scene.policy = replace(scene.policy, allow=admitted(group))
    telegram.fault(flood(1, share=0.25, times=1000))
    async with scene.foreman(), scene.bot():
        for who in people[:2]:
            voice = replace(VOICE, content=who.name.encode())
            await telegram.says(who, group, "1 2 go", file=voice)
        voice = await telegram.says(people[2], group, file=replace(VOICE, content=b"Cem"))
        offer = await offer_to(telegram, group, voice)
        await telegram.presses(people[2], offer, "3 idle")
        await telegram.wait_until(lambda: "✓ 3 idle" in offer.labels(), 60)
        await telegram.presses(people[2], offer, "Start")
        await delivered(scene, group, 3, limit_s=100)
        await scene.nothing_left_to_do()

    assert sum(fault.met for fault in telegram.platform.faults) >= 5
    assert len(results(telegram, group)) == len(progress(telegram, group)) == 3
    assert {m.reply_to.sender.name for m in results(telegram, group)} == {"Ann", "Ben", "Cem"}
    assert len(telegram.shown(group)) == 7  # three orders, their results, and one offer
    assert all("▰ " in m.text and "· done" in m.text for m in progress(telegram, group))
    assert [m.labels() for m in (offer, *progress(telegram, group))] == [[]] * 4


async def test_two_front_ends_answer_what_one_person_says_in_the_order_it_was_said(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    people = [telegram.person(f"Person {number}") for number in range(5)]
    scene.policy = replace(scene.policy, allow=admitted(*people))
    later = []
    async with scene.foreman(), scene.bot(), scene.bot():
        for who in people:
            room = telegram.private(who)
            await telegram.says(who, room, file=replace(VOICE, content=who.name.encode()))
            await telegram.wait_for_text(room, "Pick templates")
        telegram.hold_updates()
        for who in people:
            room, much = telegram.private(who), who.name.encode() * 300_000
            later.append(await telegram.says(who, room, file=replace(VOICE, content=much)))
            await telegram.says(who, room, "1")
            await telegram.says(who, room, "2 go")
        await telegram.release_updates()
        rooms = [telegram.private(who) for who in people]
        for room in rooms:
            await delivered(scene, room, 1)
        orders = [(await scene.batches(room))[0].order for room in rooms]

    assert [order.take_name for order in orders] == [f"voice-{sent.id}.ogg" for sent in later]
    assert [len(order.template_ids) for order in orders] == [2] * 5


async def test_two_front_ends_that_get_a_press_of_start_each_order_once(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    people = [telegram.person(f"Person {number}") for number in range(5)]
    scene.policy = replace(scene.policy, allow=admitted(*people))
    async with scene.foreman(), scene.bot(), scene.bot():
        offers = []
        for who in people:
            room = telegram.private(who)
            await telegram.says(who, room, "1", file=replace(VOICE, content=who.name.encode()))
            await telegram.wait_until(lambda r=room: any(m.buttons for m in telegram.shown(r)))
            offers.append(next(m for m in telegram.shown(room) if m.buttons))
        telegram.hold_updates()
        for who, offer in zip(people, offers, strict=True):
            await telegram.presses(who, offer, "Start")
            await telegram.presses(who, offer, "Start")
        await telegram.release_updates()
        for who in people:
            await delivered(scene, telegram.private(who), 1)
        await scene.nothing_left_to_do()
        counts = [len(await scene.batches(telegram.private(who))) for who in people]

    assert counts == [1] * 5


async def test_behind_a_webhook_two_front_ends_share_a_conversation(telegram, scene):
    await scene.stock(anchor="ok", host="ok")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    async with scene.foreman(), contextlib.AsyncExitStack() as stack:
        doors = []
        for _ in range(2):
            chat = scene.chat(hook_url=f"{PUBLIC}{HOOK}")
            app = web.Application()
            app.add_routes(chat.routes())
            doors.append((await stack.enter_async_context(Door(app, "127.0.0.1", 0))).url)
            await stack.enter_async_context(scene.bot(chat))
        telegram.targets[PUBLIC] = doors
        await telegram.says(ann, room, file=VOICE)
        await telegram.wait_for_text(room, "Pick templates")
        await telegram.says(ann, room, "1 2")
        await telegram.wait_for_text(room, "Picked 2")
        await telegram.says(ann, room, "go")
        await scene.result(room)
        await delivered(scene, room, 1)

    assert len(results(telegram, room)) == 1


async def test_a_bot_that_ends_in_the_middle_of_a_batch_is_continued_by_another(telegram, scene):
    await scene.stock(anchor="sleep 2", host="sleep 2")
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    scene.policy = replace(scene.policy, allow=admitted(ann))
    async with scene.foreman():
        async with scene.bot():
            await telegram.says(ann, room, "1 2 go", file=VOICE)
            await telegram.wait_until(lambda: "rendering" in telegram.read())
        edits = len(progress(telegram, room)[0].earlier)
        async with scene.bot():
            await scene.result(room)
            await delivered(scene, room, 1)

    telegram.forgive("message is not modified")  # whoever ended may not have noted its last edit
    (shown,) = progress(telegram, room)
    assert len(shown.earlier) > edits  # it goes on in the same message
    assert len(results(telegram, room)) == 1


async def test_a_group_that_moves_in_the_middle_of_a_batch_gets_its_result(telegram, scene):
    await scene.stock(anchor="sleep 1")
    ann = telegram.person("Ann")
    old = telegram.group("Marketing", ann, basic=True)
    scene.policy = replace(scene.policy, allow=admitted(old))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, old, "1 go", file=VOICE)
        await telegram.wait_until(lambda: bool(progress(telegram, old)))
        new = await telegram.migrates(ann, old)
        await scene.result(new)
        await telegram.says(ann, new, "/history")
        history = await telegram.wait_for_text(new, "Newest first")

    assert results(telegram, old) == []
    assert "1/1" in history.text


async def test_a_batch_is_cancelled_with_its_button_and_links_are_renewed_as_buttons(
    telegram, scene
):
    await scene.stock(anchor="ok", host="sleep 30")
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    group = telegram.group("Marketing", ann, ben)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        await telegram.says(ann, group, "all go", file=VOICE)
        await telegram.wait_until(
            lambda: any("1/2" in m.text and m.labels() for m in progress(telegram, group)), 20
        )
        (shown,) = progress(telegram, group)
        wrong = await telegram.presses(ben, shown, "Cancel")
        await telegram.presses(ann, shown, "Cancel")
        cancelled = await telegram.wait_for_text(group, "The links work")
        await telegram.says(ann, group, "/zip")
        await telegram.wait_until(lambda: len(results(telegram, group)) == 2)
        renewed = results(telegram, group)[1]
        files = await scene.download(archive_of(renewed))
        await scene.nothing_left_to_do()

    assert wrong.answer.alert
    assert [label.split(" ")[0] for label in cancelled.labels()] == ["ZIP", "1.", "As"]
    assert sorted(files) == ["manifest.json", "output_001_anchor.mp4"]
    assert shown.labels() == []


@pytest.mark.slow
async def test_twenty_batches_at_once_in_one_group_meet_no_limit_for_five_minutes_and_all_arrive(
    telegram, scene
):
    scene.rates, telegram.platform.meter.rates = SHIPPED_FAST, THEIR_FAST_IF_LATE
    await scene.stock(anchor="sleep 1.6")
    began_s = asyncio.get_running_loop().time()
    people = [telegram.person(f"Person {number}") for number in range(20)]
    group = telegram.group("Marketing", *people)
    scene.policy = replace(scene.policy, allow=admitted(group))
    async with scene.foreman(), scene.bot():
        for who in people:
            await telegram.says(who, group, "1 go", file=replace(VOICE, content=who.name.encode()))
        await delivered(scene, group, 20, limit_s=200)

    assert (asyncio.get_running_loop().time() - began_s) * TIMES > 300  # of the platform's seconds
    assert telegram.platform.throttled == 0
    assert telegram.platform.meter.most_in_group <= 20
    told = [message.reply_to.sender.name for message in results(telegram, group)]
    assert sorted(told) == sorted(person.name for person in people)
    assert len(progress(telegram, group)) == 20
