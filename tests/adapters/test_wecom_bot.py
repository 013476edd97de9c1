"""The AI bot over its long connection: what is heard, what is said, and what the connection survives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chats.wecom.account import Timing
from adapters.chats.wecom.bot_decoding import Place, Unheard, mentioned, read_body
from bot.memory import RedisMemory
from bot.ports import (
    ChatUnreachable,
    Choice,
    MediaGone,
    MemoryUnavailable,
    Person,
    PlatformDown,
    Throttled,
)
from tests.adapters.reading import Reader, running
from tests.adapters.wecom_things import QUICK, bot_chat, make_bot
from tests.fakes.wecom.faults import code, dropped
from tests.fakes.wecom.server import FakeWeCom
from tests.fakes.wecom.world import LIMIT_S

LI = Person(id="li", name="li", language="zh")
OFFER = [Choice("pick:a", "1 安娜"), Choice("pick:b", "2 本"), Choice("all", "全选")]
TYPED = {"msgid": "m1", "from": {"userid": "li"}, "msgtype": "text", "text": {"content": "hi"}}
CANCEL = [Choice("cancel:1", "取消")]


@contextlib.asynccontextmanager
async def connected(wecom: FakeWeCom, chat) -> AsyncIterator[Reader]:
    """A front end that holds the connection."""
    async with running(chat) as reader:
        await wecom.world.wait_for(lambda: chat.connection.up)
        yield reader


@contextlib.asynccontextmanager
async def holding(wecom: FakeWeCom, chat) -> AsyncIterator[None]:
    """The same, but nobody reads yet."""
    task = asyncio.create_task(chat.run())
    try:
        await wecom.world.wait_for(lambda: chat.connection.up)
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def bot(wecom, memory, tmp_path):
    return make_bot(wecom, memory, tmp_path)


async def test_a_file_sent_to_the_bot_alone_is_decrypted(wecom, bot, tmp_path):
    async with connected(wecom, bot) as reader:
        await wecom.sends_bot_file("li", "我的 稿子.m4a", b"the sound")
        (inbound,) = await reader.next()
        media = inbound.media
        assert (media.name, media.kind, media.size_bytes) == ("我的 稿子.m4a", "audio", 9)

    assert (inbound.chat, inbound.person) == (bot_chat(wecom, "li"), LI)


async def test_a_file_that_is_quoted_in_a_group_comes_with_what_was_typed(wecom, memory, tmp_path):
    bot = make_bot(wecom, memory, tmp_path)
    async with holding(wecom, bot), contextlib.aclosing(bot.messages()) as messages:
        quote = {"msgtype": "file", "file": wecom.bot.keep_file("a.mp3", b"the sound")}
        await wecom.tells_bot("li", "1 3 开始", group="g1", quote=quote, copies=2)
        inbound = await anext(messages)
        await bot.fetch(inbound.media, tmp_path / "a")
        await bot.fetch(inbound.media, tmp_path / "again")
        await bot.settle(inbound)

    assert inbound.chat == bot_chat(wecom, "g1", private=False)
    assert (inbound.text, inbound.addressed) == ("1 3 开始", True)
    assert (tmp_path / "again").read_bytes() == b"the sound"
    assert list((tmp_path).glob("spool-*/*")) == []


async def test_a_file_is_fetched_at_once_though_the_bot_comes_late(wecom, memory, tmp_path):
    bot = make_bot(wecom, memory, tmp_path)
    async with holding(wecom, bot):
        await wecom.sends_bot_file("li", "a.mp3", b"the sound")
        async with asyncio.timeout(LIMIT_S):
            while not list(tmp_path.glob("spool-*/wecom-*")):
                await asyncio.sleep(0.02)
        wecom.bot.media_s = -1  # its address is over now
        async with contextlib.aclosing(bot.messages()) as messages:
            inbound = await anext(messages)
            await bot.fetch(inbound.media, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == b"the sound"


async def test_a_file_whose_address_is_over_is_gone(wecom, bot, tmp_path):
    wecom.bot.media_s = -1
    async with connected(wecom, bot) as reader:
        await wecom.sends_bot_file("li", "a.mp3", b"the sound")
        (inbound,) = await reader.next()
        with pytest.raises(MediaGone):
            await bot.fetch(inbound.media, tmp_path / "a")


async def test_a_voice_note_without_its_sound_is_answered_with_how_to_do_it(
    wecom, memory, tmp_path
):
    invited = []

    async def invite(*who: str) -> None:
        invited.append(who)

    bot = make_bot(wecom, memory, tmp_path, invite=invite)
    async with connected(wecom, bot) as reader:
        await wecom.sends_bot_voice("li", "大家好")
        said = await wecom.world.wait_for_text("li", "没有声音")
        await wecom.presses_bot("li", said, "去应用里录音")
        await wecom.world.wait_for_text("li", "消息列表最上面")
        await wecom.sends_bot_voice("li", "大家好")
        await wecom.world.wait_for(lambda: len(wecom.world.shown("li")) == 3)
        again = wecom.world.shown("li")[-1]
        await wecom.presses_bot("li", again, "更多说明")
        (more,) = await reader.next()
        await wecom.world.wait_for(lambda: "✓去应用里录音" in said.buttons())

    assert said.kind == "stream"
    assert said.lines()[1:] == [
        "┌ 两步把录音发给我",
        "│ 1. 把录音存成文件（m4a、mp3、wav、amr）。",
        "│ 2. 把文件发给我；在群里请引用这个文件并 @我。",
        "└ [✓去应用里录音]  [更多说明]",
    ]
    assert [who[0] for who in invited] == ["li"]
    assert more.choice == "help:recording"


async def test_who_does_not_see_the_app_is_told_so(wecom, memory, tmp_path):
    async def invite(*_: str) -> None:
        raise ChatUnreachable

    bot = make_bot(wecom, memory, tmp_path, invite=invite)
    async with connected(wecom, bot):
        await wecom.sends_bot_voice("li", "大家好")
        said = await wecom.world.wait_for_text("li", "没有声音")
        await wecom.presses_bot("li", said, "去应用里录音")
        await wecom.world.wait_for_text("li", "看不到我的应用")


def test_a_quoted_voice_note_is_none_either():
    body = {
        "msgtype": "text",
        "chattype": "group",
        "chatid": "g",
        "from": {"userid": "li"},
        "text": {"content": "@数字人 开始"},
        "quote": {"msgtype": "voice", "voice": {"content": "大家好"}},
    }

    assert read_body(body) == Unheard(Place("g", private=False), "li")


@pytest.mark.parametrize(
    "body",
    [
        {"msgtype": "text", "text": {"content": "@Chorus 数字人 1 3 开始"}},
        {"msgtype": "text", "text": {"content": "@Chorus 数字人1 3 开始"}},
        {"msgtype": "text", "text": {"content": "@Chorus 数字人\u2005 1 3 开始"}},
        {
            "msgtype": "mixed",
            "mixed": {
                "msg_item": [{"msgtype": "text", "text": {"content": "@Chorus 数字人 1 3 开始"}}]
            },
        },
    ],
)
def test_a_name_of_several_words_is_no_part_of_what_was_said(body):
    told = {"chattype": "group", "chatid": "g", "from": {"userid": "li"}, **body}

    said = read_body(mentioned(told, "Chorus 数字人"))

    assert said.text == "1 3 开始"
    assert mentioned(told, "") == told


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"msgtype": "text"},
        {"msgtype": "text", "from": "li", "text": []},
        {"msgtype": "file", "from": {"userid": "li"}, "file": {"aeskey": "x"}},
        {"msgtype": "event", "from": {"userid": "li"}, "event": "enter_chat"},
        {"msgtype": "event", "from": {"userid": "li"}, "event": {"eventtype": "feedback_event"}},
        {"msgtype": "mixed", "from": {"userid": "li"}, "mixed": {"msg_item": [1]}},
    ],
)
def test_what_means_nothing_is_nothing(body):
    assert read_body(body) is None


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(["text", "file", "image", "mixed", "voice", "event", "video", "quote"])


@given(kind=KINDS, parts=st.dictionaries(st.one_of(KINDS, st.just("from")), JSON), quote=JSON)
def test_whatever_comes_is_read_or_nothing(kind, parts, quote):
    body = {"from": {"userid": "li"}, **parts, "msgtype": kind, "quote": quote}
    read_body(body)
    read_body(mentioned(body, "Chorus 数字人"))


async def test_a_message_is_answered_once_and_the_answer_is_finished_by_the_next(wecom, bot):
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "帮助")
        (inbound,) = await reader.next()
        await bot.post(inbound.chat, "您好", key=f"{inbound.key}:1")
        await bot.post(inbound.chat, "您好", key=f"{inbound.key}:1")
        await bot.post(inbound.chat, "还有", key=f"{inbound.key}:2")

    answer, further = wecom.world.shown("li")
    assert (answer.kind, answer.text, answer.finished) == ("stream", "您好", True)
    assert (further.kind, further.text) == ("markdown", "还有")


async def test_who_opens_the_chat_is_welcomed(wecom, bot):
    async with connected(wecom, bot):
        await wecom.enters_bot("li")
        card = await wecom.world.wait_for_text("li", "两步把录音发给我")

    assert card.kind == "template_card"
    assert card.buttons() == ["更多说明"]


async def test_who_is_welcomed_too_late_gets_it_as_a_message(wecom, bot):
    wecom.bot.faults.append(code(846605, "respond_welcome"))
    async with connected(wecom, bot):
        await wecom.enters_bot("li")
        card = await wecom.world.wait_for_text("li", "两步把录音发给我")

    assert [message.kind for message in wecom.world.shown("li")] == ["markdown", "template_card"]
    assert card.buttons() == ["更多说明"]


async def test_progress_grows_in_its_answer_until_the_result_comes(wecom, bot):
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "1 开始")
        (inbound,) = await reader.next()
        message = await bot.offer(
            inbound.chat, "▱▱ 0/2", CANCEL, key=f"{inbound.key}:progress", person=LI
        )
        await bot.revise(message, "▰▱ 1/2", CANCEL, patient=True)
        await bot.revise(message, "▰▰ 2/2")
        (growing,) = wecom.world.shown("li")
        was_open = not growing.finished
        await bot.post(inbound.chat, "完成： https://x.example/d/1", key="outcome:1:1")
        with pytest.raises(ChatUnreachable):
            await bot.revise(message, "late")

    answer, result = wecom.world.shown("li")
    assert was_open
    assert answer.buttons() == ["取消"]
    assert (answer.text, answer.finished) == ("▰▰ 2/2", True)
    assert answer.earlier[:2] == ["▱▱ 0/2", "▰▱ 1/2"]
    assert result.text == "[完成](https://x.example/d/1)"


async def test_an_answer_is_finished_before_wecom_s_limit(wecom, memory, tmp_path, monkeypatch):
    now_s = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now_s[0])
    monkeypatch.setattr("adapters.chats.wecom.bot_mouth.time", clock)
    bot = make_bot(wecom, memory, tmp_path, timing=replace(QUICK, stream_s=0.6, idle_s=0.4))
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "1 开始")
        (inbound,) = await reader.next()
        message = await bot.offer(inbound.chat, "0/2", CANCEL, key=f"{inbound.key}:progress")
        await bot.revise(message, "1/2", CANCEL)
        answer = wecom.world.shown("li")[0]
        was_open = not answer.finished
        now_s[0] += 0.7
        await wecom.world.wait_for(lambda: answer.finished)
        with pytest.raises(ChatUnreachable):
            await bot.revise(message, "2/2")

    assert was_open
    assert answer.text == "1/2\n进度到此为止，完成后会在这里通知您。"


async def test_no_more_than_two_answers_of_a_person_are_open(wecom, bot):
    """Who has three cannot ask anything more."""
    async with connected(wecom, bot) as reader:
        for number in range(5):
            await wecom.tells_bot("li", "帮助", group=f"g{number}")
            inbound = (await reader.next(number + 1))[-1]
            await bot.post(inbound.chat, "您好", key=f"{inbound.key}:1")

    said = [message for n in range(5) for message in wecom.world.shown(f"g{n}")]
    assert [message.finished for message in said] == [True, True, True, False, False]
    assert wecom.bot.withheld == 0


@pytest.mark.parametrize("number", [846605, 846608])
async def test_an_answer_that_wecom_refuses_to_grow_is_given_up(wecom, bot, number):
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "1 开始")
        (inbound,) = await reader.next()
        message = await bot.offer(inbound.chat, "0/2", CANCEL, key=f"{inbound.key}:progress")
        wecom.bot.faults.append(code(number, "respond_msg"))
        with pytest.raises(ChatUnreachable):
            await bot.revise(message, "1/2")


async def test_an_answer_that_comes_too_late_is_a_new_message(wecom, bot):
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "帮助")
        (inbound,) = await reader.next()
        wecom.bot.faults.append(code(846605, "respond_msg"))
        await bot.post(inbound.chat, "您好", key=f"{inbound.key}:1")

    assert [(m.kind, m.text) for m in wecom.world.shown("li")] == [("markdown", "您好")]


async def test_templates_are_ticked_on_a_card_that_is_closed_at_once(wecom, bot):
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "hi")
        await bot.offer(bot_chat(wecom, "li"), "请选择模板：\n1. 安娜", OFFER, key="k", person=LI)
        text, card = wecom.world.shown("li")
        await wecom.presses_bot("li", card, "开始", "2 本")
        found = await reader.next(2)
        await wecom.world.wait_for(lambda: card.closed)
        await wecom.presses_bot("li", card, "已提交", "1 安娜")
        await wecom.world.wait_for_text("li", "这个按钮已失效")

    assert text.text == "请选择模板：\n1. 安娜"
    assert found[1].text == "2 开始"
    assert card.card["checkbox"]["disable"]
    ticked = [option["is_checked"] for option in card.card["checkbox"]["option_list"]]
    assert ticked == [False, True]


async def test_in_a_group_a_card_is_for_who_asked(wecom, bot):
    group = bot_chat(wecom, "g1", private=False)
    async with connected(wecom, bot) as reader:
        await wecom.tells_bot("li", "模板", group="g1")
        await bot.offer(group, "选", OFFER, key="k", person=LI)
        card = wecom.world.shown("g1")[-1]
        await wecom.presses_bot("wang", card, "开始", "1 安娜", group="g1")
        await wecom.world.wait_for_text("g1", "这张卡片是给 li 用的")
        await wecom.presses_bot("li", card, "开始", "1 安娜", group="g1")
        found = await reader.next(2)

    assert [inbound.text for inbound in found] == ["模板", "1 开始"]


async def test_what_was_said_in_one_chat_keeps_its_order_behind_a_file(wecom, bot):
    async with connected(wecom, bot) as reader:
        await wecom.sends_bot_file("li", "a.mp3", b"x" * 3_000_000)
        await wecom.tells_bot("li", "1 开始")
        found = await reader.next(2)

    assert [bool(inbound.media) for inbound in found] == [True, False]


# The connection


async def test_it_is_opened_again_after_a_clean_close_and_a_break(wecom, bot):
    async with connected(wecom, bot) as reader:
        for end in (wecom.bot.close, lambda: _now(wecom.bot.abort)):
            await end()
            await wecom.world.wait_for(lambda: wecom.bot.line)
        await wecom.tells_bot("li", "还在吗")
        await reader.next()

    assert reader.found[0].text == "还在吗"
    assert wecom.bot.connections >= 3


async def test_a_connection_that_is_silently_dead_is_replaced(wecom, memory, tmp_path):
    bot = make_bot(wecom, memory, tmp_path, timing=replace(QUICK, ack_s=0.2))
    async with connected(wecom, bot):
        wecom.bot.silent = True
        async with asyncio.timeout(LIMIT_S):
            while bot.connection.up:
                await asyncio.sleep(0.02)
        wecom.bot.silent = False
        async with asyncio.timeout(LIMIT_S):
            await bot.connection.opened.wait()

    assert wecom.bot.connections >= 2


async def test_who_is_evicted_does_not_come_back_at_once(wecom, memory, tmp_path, caplog):
    bot = make_bot(wecom, memory, tmp_path, timing=replace(QUICK, evicted_s=0.8))
    async with connected(wecom, bot):
        began_s = asyncio.get_running_loop().time()
        await wecom.bot.evict()
        await wecom.world.wait_for(lambda: wecom.bot.connections > 1)
        away_s = asyncio.get_running_loop().time() - began_s

    assert away_s >= 0.8
    assert "Somebody else connects" in caplog.text


async def test_a_refused_secret_is_said_once_and_tried_again(wecom, memory, tmp_path, caplog):
    bot = make_bot(wecom, memory, tmp_path)
    wecom.bot.secret = "another"  # noqa: S105
    async with running(bot):
        await wecom.world.wait_for(lambda: wecom.bot.connections >= 3)
        wecom.bot.secret = bot._account.secret
        await wecom.world.wait_for(lambda: wecom.bot.line and bot.connection.up)

    assert caplog.text.count("CHORUS_WECOM_BOT_ID") == 1


async def test_of_two_front_ends_one_is_connected_and_both_can_speak(wecom, memory, tmp_path):
    one, two = make_bot(wecom, memory, tmp_path), make_bot(wecom, memory, tmp_path)
    async with running(one), running(two):
        await wecom.world.wait_for(lambda: one.connection.up or two.connection.up)
        await wecom.tells_bot("li", "hi")
        idle = two if one.connection.up else one
        await idle.post(bot_chat(wecom, "li"), "您好", key="k")
        with pytest.raises(ChatUnreachable):
            await idle.post(bot_chat(wecom, "stranger"), "您好", key="k2")
        wecom.bot.faults.append(code(45009, "send_msg"))
        with pytest.raises(Throttled):
            await idle.post(bot_chat(wecom, "li"), "您好", key="k3")

    assert [message.text for message in wecom.world.shown("li")] == ["您好"]
    assert (wecom.bot.connections, wecom.bot.evictions) == (1, 0)


async def test_the_next_front_end_takes_over_from_one_that_ended(wecom, memory, tmp_path):
    one, two = make_bot(wecom, memory, tmp_path), make_bot(wecom, memory, tmp_path)
    async with running(two) as reader:
        await wecom.world.wait_for(lambda: two.connection.up)
        async with running(one):
            await asyncio.sleep(0)
        await wecom.tells_bot("li", "hi")
        await reader.next()
    async with connected(wecom, one) as reader:
        await wecom.tells_bot("li", "again")
        await reader.next()

    assert wecom.bot.evictions == 0


@pytest.mark.slow
@pytest.mark.alone
async def test_who_was_killed_is_replaced_within_ten_seconds(
    wecom, memory, redis_url, tmp_path, monkeypatch
):
    """With the times that are shipped: the leadership of who cannot give it back lapses, then the other connects."""
    killed = RedisMemory(redis_url)
    monkeypatch.setattr(killed, "step_down", _nothing)
    one = make_bot(wecom, killed, tmp_path, timing=Timing())
    two = make_bot(wecom, memory, tmp_path, timing=Timing())
    loop, leads = asyncio.get_running_loop(), killed.lead
    renewed = asyncio.Event()

    async def lead(*how: Any) -> bool:
        led = await leads(*how)
        renewed.set()
        return led

    monkeypatch.setattr(killed, "lead", lead)
    async with holding(wecom, one):
        async with asyncio.timeout(LIMIT_S):
            stands_by = asyncio.create_task(two.run())
            renewed.clear()
            await renewed.wait()
    killed_s = loop.time()
    async with asyncio.timeout(LIMIT_S):
        await two.connection.opened.wait()
    taken_s = loop.time() - killed_s
    stands_by.cancel()
    await asyncio.wait([stands_by])
    await killed.close()

    print(f"taken over after {taken_s:.1f} s")
    assert taken_s < 10


async def asked_for(memory: RedisMemory, chat) -> int:
    """What front ends ask the one to say that holds the connection."""
    mailbox = f"{chat.mailbox}:relay".replace(":", "%3A")
    return int(await memory._redis.xlen(f"chorus:memory:inbox:{mailbox}"))


async def test_without_a_connection_nothing_is_said_and_nothing_hangs(wecom, memory, tmp_path):
    wecom.bot.refusing = True
    wecom.bot.known.add("li")  # whom it could tell, then
    bot = make_bot(wecom, memory, tmp_path, timing=replace(QUICK, relay_s=0.3))
    async with running(bot):
        with pytest.raises(PlatformDown):
            await bot.post(bot_chat(wecom, "li"), "您好", key="k")
        wecom.bot.refusing = False
        await wecom.world.wait_for(lambda: bot.connection.up)
        async with asyncio.timeout(LIMIT_S):
            while await asked_for(memory, bot):  # before, and not wanted any more
                await asyncio.sleep(0.02)

    assert wecom.world.shown("li") == []


async def test_an_answer_lost_on_the_way_is_an_outage(wecom, bot):
    async with connected(wecom, bot):
        await wecom.tells_bot("li", "hi")
        wecom.bot.faults.append(dropped("send_msg"))
        with pytest.raises(PlatformDown):
            await bot.post(bot_chat(wecom, "li"), "您好", key="k")


async def test_while_redis_is_away_the_connection_stays_and_what_is_heard_is_kept_later(
    wecom, memory, tmp_path, monkeypatch
):
    bot = make_bot(wecom, memory, tmp_path, timing=replace(QUICK, lead_s=1.0))
    tries = asyncio.Semaphore(0)

    async def away(*_: object) -> bool:
        tries.release()
        raise MemoryUnavailable

    async with connected(wecom, bot) as reader:
        monkeypatch.setattr(memory, "receive", away)
        monkeypatch.setattr(memory, "lead", away)
        await wecom.tells_bot("li", "one")
        await wecom.tells_bot("li", "two")
        for _ in range(20):  # for longer than a leadership lasts
            await tries.acquire()
        monkeypatch.undo()
        found = await reader.next(2)

    assert [inbound.text for inbound in found] == ["one", "two"]
    assert wecom.bot.connections == 1


async def test_what_was_heard_is_kept_when_the_front_end_ends(wecom, memory, tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.chats.wecom.bot_long._LAST_WORDS_S", LIMIT_S)
    bot, next_one = make_bot(wecom, memory, tmp_path), make_bot(wecom, memory, tmp_path)
    async with holding(wecom, bot):
        bot._line._hear({"cmd": "aibot_msg_callback", "headers": {}, "body": TYPED})
    async with connected(wecom, next_one) as reader:
        (inbound,) = await reader.next()

    assert inbound.text == "hi"


async def _nothing(*_: object) -> None:
    pass


async def _now(do) -> None:
    do()
