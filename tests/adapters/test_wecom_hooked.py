"""The AI bot by callback address: who is let in, what is answered, and how more is said later."""

import asyncio
import contextlib
import itertools
import json
import random
import statistics
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.chats.callback_crypto import CallbackCipher
from adapters.chats.wecom.account import Timing
from bot.memory import RedisMemory
from bot.ports import ChatUnreachable, Choice, MemoryUnavailable, Person, Throttled
from tests.adapters.reading import running
from tests.adapters.wecom_things import QUICK, bot_chat, hooked, make_bot, make_hooked_bot
from tests.fakes.wecom.callbacks import query_of
from tests.fakes.wecom.faults import code
from tests.fakes.wecom.hooked import HOOK_KEY, HOOK_TOKEN
from tests.fakes.wecom.server import FakeWeCom

LI = Person(id="li", name="li", language="zh")
OFFER = [Choice("pick:a", "1 安娜"), Choice("pick:b", "2 本")]
CANCEL = [Choice("cancel:1", "取消")]
TEXT = {"msgtype": "text", "from": {"userid": "li"}, "text": {"content": "hi"}, "msgid": "m1"}


@pytest.fixture
async def bot(wecom, memory, tmp_path):
    return make_hooked_bot(wecom, memory, tmp_path)


@pytest.fixture
async def reader(wecom, bot):
    async with hooked(wecom, bot), running(bot) as reading:
        yield reading


async def waiting(memory) -> int:
    return int(await memory._redis.xlen("chorus:memory:inbox:wecom%3Aaib-tests"))


# Who is let in


async def test_half_a_letter_is_refused_where_it_is_not_signed_and_replaced_where_it_is(
    wecom, bot, reader
):
    body = TEXT | {"text": {"content": "half \ud83d"}}
    sealed = wecom.hooked.cipher.seal(json.dumps(body), str(int(time.time())), "1")

    unsigned, _ = await wecom.hooked.post_raw(query_of(sealed), b'{"encrypt": "\\ud800"}')
    signed, _ = await wecom.hooked.post(sealed)
    (inbound,) = await reader.next()

    assert (unsigned, signed) == (403, 200)
    assert inbound.text == "half \ufffd"


async def test_the_address_is_confirmed_whatever_its_age_and_to_wecom_only(wecom, bot):
    async with hooked(wecom, bot):
        old = wecom.hooked.cipher.seal("1616140317555161061", "1409659589", "263014780")
        query = query_of(old) | {"echostr": old.encrypted}

        assert await wecom.hooked.get(query) == (200, "1616140317555161061")
        assert await wecom.hooked.get(query | {"nonce": "2"}) == (403, "")
        assert await wecom.hooked.get({}) == (400, "")


async def test_forged_replayed_and_foreign_callbacks_are_refused(wecom, memory, bot):
    now = [time.time()]
    bot._line.gate.clock = bot._line.ways.clock = lambda: now[0]
    stranger = CallbackCipher(HOOK_TOKEN, HOOK_KEY, "ww1436e0e65a779aee")
    async with hooked(wecom, bot):
        good = wecom.hooked.seal(TEXT)
        another = wecom.hooked.cipher.seal(json.dumps(TEXT), good.timestamp, good.nonce)
        foreign = stranger.seal(json.dumps(TEXT), good.timestamp, "77")
        statuses = {
            "forged": (await wecom.hooked.post(replace(good, signature="0" * 40)))[0],
            "for a corporation": (await wecom.hooked.post(foreign))[0],
            "old": (await wecom.hooked.post(wecom.hooked.seal(TEXT, at=now[0] - 700)))[0],
            "of the future": (await wecom.hooked.post(wecom.hooked.seal(TEXT, at=now[0] + 700)))[0],
            "good": (await wecom.hooked.post(good))[0],
            "sent again": (await wecom.hooked.post(good))[0],
            "same nonce": (await wecom.hooked.post(another))[0],
        }
        now[0] += 80
        statuses["replayed"] = (await wecom.hooked.post(good))[0]

    assert [name for name, status in statuses.items() if status == 200] == ["good", "sent again"]
    assert {status for status in statuses.values() if status != 200} == {403}
    assert await waiting(memory) == 1
    assert bot._line.gate.refused == 6


async def test_without_redis_wecom_is_asked_to_send_again(wecom, memory, bot, monkeypatch):
    async def away(*_: object) -> bool:
        raise MemoryUnavailable

    async with hooked(wecom, bot):
        monkeypatch.setattr(memory, "receive", away)
        await wecom.tells_bot("li", "hi")
        monkeypatch.undo()
        await wecom.tells_bot("li", "hi again")

    assert [each.statuses for each in wecom.hooked.handed] == [[503] * 4, [200]]
    assert await waiting(memory) == 1


HALVES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)
"""Of letters: JSON can carry them, UTF-8 cannot."""
SCRAPS = st.one_of(st.text(max_size=60), st.sampled_from(["1", "0", "９", "-1", "99999999999999"]))
QUERIES = st.one_of(
    st.dictionaries(st.sampled_from(["msg_signature", "timestamp", "nonce", "echostr"]), SCRAPS),
    st.fixed_dictionaries(
        {"timestamp": st.just("1"), "nonce": st.just("1"), "msg_signature": SCRAPS}
    ),
)
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), HALVES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=8), HALVES), inner, max_size=3),
    ),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    JSONS.map(lambda found: json.dumps(found).encode()),
    JSONS.map(lambda found: json.dumps({"encrypt": found}).encode()),
    HALVES.map(lambda text: json.dumps({"encrypt": text}).encode()),
    st.just(b"[" * 100_000),
    st.just(b"<!DOCTYPE a [<!ENTITY b 'c'>]><xml><Encrypt>&b;</Encrypt></xml>"),
)
INSIDES = st.one_of(
    st.text(max_size=100).map(lambda text: f"{text}<"),
    st.lists(JSONS, max_size=3).map(json.dumps),
    st.just("[" * 100_000),
)
MANY = 25
NONCES = itertools.count()


class Untouched:
    """A Memory that must not be asked."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was asked for an unsigned callback")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(QUERIES, BODIES), min_size=MANY, max_size=MANY))
def test_nothing_but_4xx_for_what_nobody_signed(tmp_path_factory, asked):
    async def ask() -> set[int]:
        folder = tmp_path_factory.mktemp("hook")
        async with FakeWeCom() as wecom, hooked(wecom, make_hooked_bot(wecom, Untouched(), folder)):
            found = {(await wecom.hooked.post_raw(query, body))[0] for query, body in asked}
            return found | {(await wecom.hooked.get(query))[0] for query, _ in asked}

    assert all(400 <= status < 500 for status in asyncio.run(ask()))


@settings(max_examples=12, deadline=None)
@given(st.lists(INSIDES, min_size=MANY, max_size=MANY))
def test_nothing_but_4xx_for_signed_nonsense(tmp_path_factory, insides):
    async def ask() -> set[int]:
        folder = tmp_path_factory.mktemp("hook")
        async with FakeWeCom() as wecom, hooked(wecom, make_hooked_bot(wecom, Untouched(), folder)):
            at = str(int(time.time()))
            sealed = [wecom.hooked.cipher.seal(inside, at, "1") for inside in insides]
            return {(await wecom.hooked.post(each))[0] for each in sealed}

    assert all(400 <= status < 500 for status in asyncio.run(ask()))


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.dictionaries(st.sampled_from([*TEXT, "stream", "event", "response_url"]), JSONS))
)
def test_whatever_wecom_itself_may_send_is_answered(tmp_path_factory, redis_url, bodies):
    """With a good signature: 200, whether it means something to us or not."""

    async def ask() -> list[int]:
        memory, folder = RedisMemory(redis_url), tmp_path_factory.mktemp("hook")
        try:
            async with FakeWeCom() as wecom, hooked(wecom, make_hooked_bot(wecom, memory, folder)):
                at = str(int(time.time()))
                sealed = [  # each with a nonce that no other one has, of whatever example
                    wecom.hooked.cipher.seal(json.dumps(body), at, str(next(NONCES)))
                    for body in bodies
                ]
                return [(await wecom.hooked.post(each))[0] for each in sealed]
        finally:
            await memory.close()

    assert set(asyncio.run(ask())) <= {200}


# What is said


async def test_an_answer_grows_while_wecom_asks_and_ends_before_its_limit(wecom, memory, tmp_path):
    bot = make_hooked_bot(wecom, memory, tmp_path)
    assert QUICK.stream_s == Timing().stream_s < 300 < wecom.hooked.stream_s
    now = [time.time()]
    bot._line.ways.clock = lambda: now[0]
    async with hooked(wecom, bot), running(bot) as reader:
        await wecom.tells_bot("li", "1 开始", copies=2)
        (inbound,) = await reader.next()
        message = await bot.offer(inbound.chat, "▱ 0/2", CANCEL, key=f"{inbound.key}:progress")
        await wecom.world.wait_for_text("li", "0/2")
        await bot.revise(message, "▰ 1/2", CANCEL, patient=True)
        answer = await wecom.world.wait_for_text("li", "1/2")
        was_open = not answer.finished
        now[0] += 300
        await wecom.world.wait_for(lambda: answer.finished)
        with pytest.raises(ChatUnreachable):
            await bot.revise(message, "2/2")

    assert (inbound.text, was_open) == ("1 开始", True)
    assert answer.text == "▰ 1/2\n\n进度到此为止，完成后会在这里通知您。"
    assert answer.buttons() == ["取消"]
    assert len(wecom.world.shown("li")) == 1


async def test_several_answers_stand_in_one_stream_and_a_second_card_beside_it(wecom, bot, reader):
    await wecom.sends_bot_file("li", "稿子.m4a", b"the sound")
    (inbound,) = await reader.next()
    chat, key = inbound.chat, inbound.key
    await bot.post(chat, "收到“稿子.m4a”，正在听……", key=f"{key}:1")
    await bot.offer(chat, "请选择模板：\n1. 安娜\n2. 本", OFFER, key="outbox:1:offer", person=LI)
    await bot.offer(
        chat, "要分几个包吗？", [Choice("a", "分"), Choice("b", "不分")], key=f"{key}:2"
    )
    await wecom.world.wait_for(lambda: len(wecom.world.shown("li")) == 2)
    answer, beside = wecom.world.shown("li")
    await wecom.world.wait_for(lambda: answer.card is not None)

    assert answer.text.startswith("收到“稿子.m4a”，正在听……\n\n请选择模板：\n1. 安娜")
    assert answer.options() == ["1 安娜", "2 本"]
    assert (beside.kind, beside.buttons()) == ("template_card", ["分", "不分"])


async def test_a_file_without_a_key_of_its_own_opens_with_the_callback_s(wecom, bot, tmp_path):
    async with hooked(wecom, bot), running(bot) as reader:
        quote = {"msgtype": "file", "file": wecom.bot_file("a.mp3", b"the sound")}
        await wecom.tells_bot("li", "1 3 开始", group="g1", quote=quote)
        (inbound,) = await reader.next()
        assert "aeskey" not in quote["file"]
        await bot.fetch(inbound.media, tmp_path / "a")

    assert (inbound.text, inbound.chat) == ("1 3 开始", bot_chat(wecom, "g1", private=False))
    assert (tmp_path / "a").read_bytes() == b"the sound"


async def test_a_press_changes_its_card_at_once_and_is_answered_beside_it(wecom, bot, reader):
    await wecom.tells_bot("li", "hi")
    await reader.next()
    await bot.offer(bot_chat(wecom, "li"), "设置", [Choice("set:trim=on", "修剪：开")], key="k")
    answer = wecom.world.shown("li")[0]
    await wecom.world.wait_for(lambda: answer.card is not None)
    await wecom.presses_bot("li", answer, "修剪：开")
    pressed = (await reader.next(2))[1]

    assert (pressed.choice, pressed.fresh) == ("set:trim=on", False)
    assert answer.closed == "✓修剪：开"


async def test_a_result_comes_to_the_address_of_the_newest_message_once(wecom, bot, reader):
    await wecom.tells_bot("li", "one")
    await wecom.tells_bot("li", "two")
    await reader.next(2)
    chat = bot_chat(wecom, "li")
    for _ in range(2):
        await bot.post(chat, "完成： https://x.example/d/1", key="outcome:b:1")

    *_, told = wecom.world.shown("li")
    assert (told.kind, told.text) == ("markdown", "[完成](https://x.example/d/1)")
    assert sum(message.kind == "markdown" for message in wecom.world.shown("li")) == 1


async def test_a_result_that_finds_no_way_waits_until_the_person_writes(wecom, memory, tmp_path):
    bot = make_hooked_bot(wecom, memory, tmp_path)
    now = [time.time()]
    bot._line.ways.clock = lambda: now[0]
    async with hooked(wecom, bot), running(bot) as reader:
        await wecom.tells_bot("li", "1 开始")
        await reader.next()
        now[0] += 3700  # the order took longer than an hour
        with pytest.raises(Throttled):
            await bot.post(bot_chat(wecom, "li"), "完成", key="outcome:b:1")
        await wecom.tells_bot("li", "好了吗")
        await reader.next(2)
        await bot.post(bot_chat(wecom, "li"), "完成", key="outcome:b:1")

    assert [m.text for m in wecom.world.shown("li") if m.kind == "markdown"] == ["完成"]


async def test_an_address_that_is_used_up_is_passed_over_and_one_that_is_away_is_kept(
    wecom, bot, reader
):
    await wecom.tells_bot("li", "one")
    await wecom.tells_bot("li", "two")
    await reader.next(2)
    chat = bot_chat(wecom, "li")
    newest = list(wecom.hooked.codes.values())[-1]
    newest.used = True
    await bot.post(chat, "完成", key="outcome:a:1")
    await wecom.tells_bot("li", "three")
    await reader.next(3)
    wecom.api.faults.append(code(45009, "aibot/response"))
    with pytest.raises(Throttled):
        await bot.post(chat, "也完成", key="outcome:b:1")
    await bot.post(chat, "也完成", key="outcome:b:1")

    told = [message.text for message in wecom.world.shown("li") if message.kind == "markdown"]
    assert told == ["完成", "也完成"]


async def test_a_bot_whose_name_has_several_words_hears_what_is_behind_it(wecom, memory, tmp_path):
    wecom.bot_name = "Chorus 数字人"
    hooked_bot, long = make_hooked_bot(wecom, memory, tmp_path), make_bot(wecom, memory, tmp_path)
    async with hooked(wecom, hooked_bot), running(hooked_bot) as reader:
        await wecom.tells_bot("li", "1 3 开始", group="g1")
        (by_hook,) = await reader.next()
    async with running(long) as reader:
        await wecom.world.wait_for(lambda: long.connection.up)
        await wecom.tells_bot("li", "1 3 开始", group="g1")
        (by_line,) = await reader.next()

    assert by_hook.text == by_line.text == "1 3 开始"


async def test_in_a_group_one_s_answers_do_not_use_up_another_s(wecom, bot, reader):
    await wecom.tells_bot("wang", "帮助", group="g1")
    await wecom.tells_bot("li", "帮助", group="g1")
    of_wang, of_li = await reader.next(2)
    chat = bot_chat(wecom, "g1", private=False)
    await bot.post(chat, "wang，您好", key=f"{of_wang.key}:1")
    await bot.post(chat, "li，您好", key=f"{of_li.key}:1")
    await wecom.world.wait_for_text("g1", "wang，您好")
    await wecom.world.wait_for_text("g1", "li，您好")

    assert [message.text for message in wecom.world.shown("g1")] == ["wang，您好", "li，您好"]


async def test_who_opens_the_chat_is_shown_how_it_works(wecom, bot, reader):
    await wecom.enters_bot("li")

    (card,) = wecom.world.shown("li")
    await wecom.presses_bot("li", card, "更多说明")
    (pressed,) = await reader.next()
    assert card.lines()[0] == "┌ 两步把录音发给我"
    assert pressed.choice == "help:recording"


async def test_any_front_end_answers_for_all(wecom, memory, tmp_path):
    one, two = (make_hooked_bot(wecom, memory, tmp_path) for _ in range(2))
    async with hooked(wecom, one), hooked(wecom, two), running(one) as reader:
        await wecom.tells_bot("li", "帮助", copies=2)
        (inbound,) = await reader.next()
        await two.post(inbound.chat, "您好", key=f"{inbound.key}:1")
        answer = await wecom.world.wait_for_text("li", "您好")

    assert len(wecom.world.shown("li")) == 1
    assert answer.kind == "stream"


async def test_what_one_person_says_is_dealt_with_in_its_order_by_whatever_front_end(
    wecom, memory, tmp_path
):
    one, two = (make_hooked_bot(wecom, memory, tmp_path) for _ in range(2))
    async with hooked(wecom, one), hooked(wecom, two):
        await wecom.sends_bot_file("li", "a.mp3", b"the sound")
        await wecom.tells_bot("li", "1 开始")
        await wecom.tells_bot("wang", "帮助")
        async with contextlib.aclosing(one.messages()) as messages:
            found = [await anext(messages) for _ in range(3)]
            file, go, other = sorted(found, key=lambda inbound: inbound.text)
            before = [await memory.is_next(one.mailbox, each.entry) for each in (file, go, other)]
            await two.settle(file)
            after = await memory.is_next(one.mailbox, go.entry)

    assert all(inbound.in_line for inbound in found)
    assert before == [True, False, True]
    assert after


@pytest.mark.slow
@pytest.mark.alone
async def test_fifty_callbacks_a_second_and_their_streams_are_answered_in_time(wecom, bot, reader):
    count, dice = 200, random.Random(7)  # noqa: S311 - a game
    wecom.hooked.poll_s = 1.0

    async def one(number: int) -> None:
        await asyncio.sleep(number / 50)
        await wecom.tells_bot(f"p{number % 40}", "帮助", copies=dice.choice((1, 1, 1, 2)))

    await asyncio.gather(*(one(number) for number in range(count)))
    await reader.next(count)

    seconds = [each for handed in wecom.hooked.handed for each in handed.seconds]
    p99_s = statistics.quantiles(seconds, n=100)[98]
    print(f"AI bot's callbacks at 50/s: p99 {p99_s * 1000:.0f} ms, longest {max(seconds):.3f} s")
    assert len(reader.found) == count
    assert max(seconds) < 5
