"""The stream: several connections, acknowledgements before work, reconnection without loss."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from adapters.chats.dingtalk.account import Timing
from bot.ports import MemoryUnavailable
from tests.adapters.dingtalk_things import QUICK, connected, make_chat
from tests.adapters.reading import running
from tests.fakes.dingtalk.gateway import MESSAGES
from tests.fakes.dingtalk.server import FakeDingTalk
from tests.fakes.dingtalk.world import LIMIT_S


@contextlib.asynccontextmanager
async def at_work(dingtalk: FakeDingTalk, memory, tmp_path, **options):
    chat = make_chat(dingtalk, memory, tmp_path, **options)
    async with connected(dingtalk, chat) as reader:
        yield chat, reader


def acknowledged(dingtalk: FakeDingTalk, count: int) -> bool:
    answers = [sent.answer for sent in dingtalk.gateway.sent.values() if sent.answer is not None]
    return len(answers) >= count


async def test_what_comes_is_acknowledged_and_handed_on(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        await dingtalk.tells("li", "帮助")
        found = await reader.next()
        await dingtalk.world.wait_for(lambda: acknowledged(dingtalk, 1))

    (sent,) = dingtalk.gateway.sent.values()
    assert (found[0].text, found[0].person.name, found[0].chat.id) == ("帮助", "li 同学", "li")
    assert (sent.answer["code"], sent.answer["data"]) == (200, '{"response": null}')


async def test_pings_get_their_data_back_and_unknown_topics_are_named(dingtalk, memory, tmp_path):
    async with at_work(dingtalk, memory, tmp_path):
        await dingtalk.gateway.ping()
        (other,) = await dingtalk.gateway.say_all("CALLBACK", "/v1.0/other", {"a": 1})
        (event,) = await dingtalk.gateway.say_all("EVENT", "*", {"a": 1})
        (system,) = await dingtalk.gateway.say_all("SYSTEM", "KEEPALIVE", {"a": 1})
        sent = dingtalk.gateway.sent
        await dingtalk.world.wait_for(lambda: acknowledged(dingtalk, 3))
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.echoed == 1)

    codes = [sent[name].answer["code"] for name in (other, event, system)]
    assert codes == [404, 200, 200]


async def test_each_message_goes_to_one_of_several_front_ends_and_is_handed_on_once(
    dingtalk, memory, tmp_path
):
    dingtalk.member("li")
    async with (
        at_work(dingtalk, memory, tmp_path) as (_, first),
        at_work(dingtalk, memory, tmp_path) as (_, second),
    ):
        await dingtalk.world.wait_for(lambda: len(dingtalk.gateway.lines) == 2)
        for number in range(20):
            await dingtalk.tells("li", f"第 {number} 句")
        async with asyncio.timeout(LIMIT_S):
            while len(first.found) + len(second.found) < 20:
                await asyncio.sleep(0.01)
        taken = [len(line.got) for line in dingtalk.gateway.lines]

    texts = [inbound.text for inbound in [*first.found, *second.found]]
    assert sorted(texts) == sorted(f"第 {number} 句" for number in range(20))
    assert min(taken) > 0


async def test_a_copy_after_a_minute_without_acknowledgement_is_harmless(
    dingtalk, memory, tmp_path, monkeypatch
):
    """While the Memory is away nothing is acknowledged; what DingTalk sends again meanwhile is the same message."""
    dingtalk.member("li")
    receive, away = memory.receive, True

    async def sometimes(*args, **more):
        if away:
            raise MemoryUnavailable
        return await receive(*args, **more)

    monkeypatch.setattr(memory, "receive", sometimes)
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        await dingtalk.tells("li", "帮助")
        repeated = await dingtalk.gateway.pass_s(61)
        before = acknowledged(dingtalk, 1)
        away = False
        await dingtalk.world.wait_for(lambda: acknowledged(dingtalk, 1))
        await dingtalk.tells("li", "状态")
        found = await reader.next(2)

    assert (repeated, before) == (1, False)
    assert [inbound.text for inbound in found] == ["帮助", "状态"]


async def test_an_acknowledged_message_that_comes_again_is_not_handed_on(
    dingtalk, memory, tmp_path
):
    dingtalk.member("li")
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        await dingtalk.tells("li", "帮助")
        await dingtalk.world.wait_for(lambda: acknowledged(dingtalk, 1))
        (name,) = dingtalk.gateway.sent
        await dingtalk.gateway.repeat(name)
        await dingtalk.tells("li", "状态")
        found = await reader.next(2)

    assert [inbound.text for inbound in found] == ["帮助", "状态"]


async def test_what_one_person_says_keeps_its_order(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        await dingtalk.sends_voice("li", b"#!AMR\n ok")
        for number in range(8):
            await dingtalk.tells("li", str(number))
        found = await reader.next(9)

    assert [inbound.text for inbound in found] == ["", *map(str, range(8))]


async def test_messages_that_come_in_another_order_are_each_handed_on_once(
    dingtalk, memory, tmp_path
):
    for person in ("li", "wang", "zhao"):
        dingtalk.member(person)
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        dingtalk.gateway.holding = True
        for person in ("li", "wang", "zhao"):
            await dingtalk.tells(person, f"我是 {person}")
        await dingtalk.gateway.release()
        found = await reader.next(3)

    said = {(inbound.person.id, inbound.text) for inbound in found}
    assert said == {(person, f"我是 {person}") for person in ("li", "wang", "zhao")}


async def test_who_is_asked_to_leave_has_a_successor_first(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    patient = replace(QUICK, again_s=0.0)
    async with at_work(dingtalk, memory, tmp_path, timing=patient) as (_, reader):
        old = await dingtalk.gateway.disconnect()
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.opened == 2)
        stood = old in dingtalk.gateway.lines or not old.ws.closed
        await dingtalk.tells("li", "帮助")
        await reader.next()
        await dingtalk.world.wait_for(lambda: old not in dingtalk.gateway.lines)

    assert stood
    assert dingtalk.gateway.waiting == []


async def test_what_was_on_its_way_when_it_is_asked_to_leave_is_acknowledged_there(
    dingtalk, memory, tmp_path, monkeypatch
):
    dingtalk.member("li")
    receive, hold = memory.receive, asyncio.Event()

    async def slowly(*args, **more):
        await hold.wait()
        return await receive(*args, **more)

    monkeypatch.setattr(memory, "receive", slowly)
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        await dingtalk.tells("li", "帮助")
        await dingtalk.gateway.disconnect()
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.opened == 2)
        hold.set()
        await dingtalk.world.wait_for(lambda: acknowledged(dingtalk, 1))
        await reader.next()


@pytest.mark.parametrize("how", ["clean", "abnormal", "abort"])
async def test_however_a_connection_ends_another_one_is_opened(dingtalk, memory, tmp_path, how):
    dingtalk.member("li")
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        if how == "abort":
            dingtalk.gateway.abort()
        else:
            await dingtalk.gateway.close(1000 if how == "clean" else 1011)
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.opened == 2)
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.lines)
        await dingtalk.tells("li", "帮助")
        await reader.next()


async def test_a_connection_that_is_silently_dead_is_replaced(dingtalk, memory, tmp_path):
    """In production after 75 seconds, of the 90 within which it has to be noticed."""
    dingtalk.member("li")
    quiet = replace(QUICK, silence_s=0.5)
    async with at_work(dingtalk, memory, tmp_path, timing=quiet) as (chat, reader):
        chat.stream._timing = QUICK  # the next one may be quiet, as nobody pings here
        for line in dingtalk.gateway.lines:
            line.silent, line.delivering = True, False
        await dingtalk.world.wait_for(
            lambda: any(line.delivering for line in dingtalk.gateway.lines)
        )
        await dingtalk.tells("li", "帮助")
        await reader.next()


async def test_pings_keep_a_quiet_connection(dingtalk, memory, tmp_path):
    quiet = replace(QUICK, silence_s=3.0)
    async with at_work(dingtalk, memory, tmp_path, timing=quiet):
        for _ in range(6):
            await asyncio.sleep(0.6)
            await dingtalk.gateway.ping()

    assert dingtalk.gateway.opened == 1


async def test_who_refuses_for_a_while_is_asked_until_it_lets_us_in(
    dingtalk, memory, tmp_path, caplog
):
    dingtalk.gateway.refusing = 3
    async with at_work(dingtalk, memory, tmp_path):
        pass

    told = [r.message for r in caplog.records if "cannot be opened" in r.message]
    assert len(told) == 1


async def test_a_wrong_secret_is_said_once_and_tried_again(dingtalk, memory, tmp_path, caplog):
    wrong = replace(dingtalk.account(), client_secret="another")  # noqa: S106
    chat = make_chat(dingtalk, memory, tmp_path, account=wrong)
    async with running(chat):
        await dingtalk.world.wait_for(lambda: len(dingtalk.world.calls) >= 3)

    told = [r.message for r in caplog.records if "cannot be opened" in r.message]
    assert len(told) == 1
    assert "CHORUS_DINGTALK_CLIENT_ID" in told[0]


async def test_who_is_slow_to_let_us_in_is_waited_for(dingtalk, memory, tmp_path):
    dingtalk.gateway.accept_s = 0.5
    async with at_work(dingtalk, memory, tmp_path):
        pass

    assert dingtalk.gateway.opened == 1


async def test_frames_that_are_none_do_not_end_the_connection(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    async with at_work(dingtalk, memory, tmp_path) as (_, reader):
        for line in dingtalk.gateway.lines:
            await line.ws.send_str("no frame")
            await line.ws.send_bytes(b"\x00\x01")
        await dingtalk.gateway.deliver(MESSAGES, {"msgtype": "text"})
        dingtalk.gateway.deliver_raw = lambda text: text.replace("帮助", "帮助\\n再见")
        await dingtalk.tells("li", "帮助")
        found = await reader.next()

    assert found[0].text == "帮助\n再见"


async def test_without_a_card_template_presses_are_not_subscribed_to(dingtalk, memory, tmp_path):
    async with at_work(dingtalk, memory, tmp_path):
        pass
    async with at_work(dingtalk, memory, tmp_path, cards=True):
        pass

    opened = [body["subscriptions"] for name, body in dingtalk.world.calls if name == "open"]
    assert [len(topics) for topics in opened] == [1, 2]


def test_silence_is_noticed_within_ninety_seconds_and_not_before_a_missed_ping():
    """DingTalk pings every 20 to 30 seconds."""
    assert 60 < Timing().silence_s + Timing().again_s < 90
