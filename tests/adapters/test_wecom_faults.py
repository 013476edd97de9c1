"""What WeCom and the network do at their worst, and what of it people notice: nothing, or a sentence."""

import asyncio
import json
from dataclasses import replace

import pytest

from bot.ports import MediaGone, PlatformDown
from tests.adapters.reading import running
from tests.adapters.wecom_things import QUICK, app_chat, bot_chat, hooked, make_app, make_bot
from tests.fakes.wecom.faults import Fault, code, dropped
from tests.fakes.wecom.hooked import HOOK_KEY


@pytest.fixture
async def app(wecom, memory):
    wecom.member("li")
    chat = make_app(wecom, memory)
    yield chat
    await chat._api.close()


@pytest.mark.parametrize("number", [1000, 1001, 1011])
async def test_however_the_connection_is_closed_it_is_opened_again(wecom, memory, tmp_path, number):
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.bot.close(number)
        await wecom.world.wait_for(lambda: wecom.bot.line)
        await wecom.tells_bot("li", "还在吗")
        await reader.next()


async def test_who_lets_nobody_in_is_asked_again(wecom, memory, tmp_path):
    """A server that accepts and then is silent would keep us waiting for minutes."""
    wecom.bot.accept_s = 60.0
    bot = make_bot(wecom, memory, tmp_path, timing=replace(QUICK, answer_s=0.3))
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: wecom.bot.knocks >= 2)
        wecom.bot.accept_s = 0.0
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "hi")
        await reader.next()


async def test_a_server_that_refuses_for_a_while_is_asked_until_it_is_back(wecom, memory, tmp_path):
    wecom.bot.refusing = True
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot):
        await wecom.world.wait_for(lambda: wecom.bot.knocks >= 3)
        wecom.bot.refusing = False
        await wecom.world.wait_for(lambda: bot.connection.up)


async def test_messages_that_come_twice_or_in_another_order_are_each_handed_on_once(
    wecom, memory, tmp_path
):
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        wecom.bot.holding = True
        await wecom.tells_bot("li", "one", copies=2)
        await wecom.tells_bot("wang", "two", copies=3)
        await wecom.bot.let_go()
        await wecom.tells_bot("li", "three")
        await reader.until(lambda found: any(inbound.text == "three" for inbound in found))

    assert [inbound.text for inbound in reader.found] == ["two", "one", "three"]


async def test_raw_line_breaks_in_a_frame_are_no_reason_to_drop_it(wecom, memory, tmp_path):
    wecom.bot.raw = True
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "1 3\n开始")
        (inbound,) = await reader.next()

    assert inbound.text == "1 3\n开始"


async def test_half_a_letter_ends_nothing(wecom, memory, tmp_path, monkeypatch):
    """JSON can carry it; nothing can store it."""
    monkeypatch.setattr(wecom.bot, "written", json.dumps)
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "half \ud83d")
        await wecom.tells_bot("li\ud83d", "帮助")
        await reader.next(2)

    assert [inbound.text for inbound in reader.found] == ["half \ufffd", "帮助"]


async def test_a_file_host_that_answers_with_faults_is_waited_for(wecom, memory, tmp_path):
    bot = make_bot(wecom, memory, tmp_path)
    wecom.bot.file_faults = [503, 502]
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.sends_bot_file("li", "a.mp3", b"the sound")
        (inbound,) = await reader.next()

    assert inbound.media.size_bytes == 9
    assert wecom.bot.file_faults == []


async def test_a_file_host_that_never_answers_silences_nobody(wecom, memory, tmp_path, caplog):
    """The bot says that it cannot have the file, and what is said after it is heard."""
    wecom.bot.files_silent = True
    timing = replace(QUICK, file_s=0.6, stalled_s=0.2)
    bot = make_bot(wecom, memory, tmp_path, timing=timing)
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.sends_bot_file("li", "a.mp3", b"the sound")
        await wecom.tells_bot("li", "帮助")
        file, text = await reader.next(2)

    assert (file.media.size_bytes, text.text) == (None, "帮助")
    assert "given up" in caplog.text


async def test_a_file_that_breaks_off_or_is_not_encrypted_as_said_is_gone(wecom, memory, tmp_path):
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot) as reader:
        await wecom.world.wait_for(lambda: bot.connection.up)
        # Of 256 keys one would open to something that looks like an end: so it is a known one.
        file = wecom.bot.keep_file("a.mp3", b"the sound", HOOK_KEY)
        quote = {"msgtype": "file", "file": file | {"aeskey": "A" * 43 + "="}}
        await wecom.tells_bot("li", "1", group="g1", quote=quote)
        (inbound,) = await reader.next()
        with pytest.raises(MediaGone):
            await bot.fetch(inbound.media, tmp_path / "a")


async def test_an_answer_of_the_bot_that_is_lost_on_its_way_back_is_an_outage(
    wecom, memory, tmp_path
):
    bot = make_bot(wecom, memory, tmp_path)
    async with running(bot):
        await wecom.world.wait_for(lambda: bot.connection.up)
        await wecom.tells_bot("li", "hi")
        wecom.bot.faults.append(dropped("send_msg", executed=True))
        with pytest.raises(PlatformDown):
            await bot.post(bot_chat(wecom, "li"), "完成", key="k")
        await wecom.world.wait_for(lambda: wecom.bot.line and bot.connection.up)
        await bot.post(bot_chat(wecom, "li"), "完成", key="k")

    # It came, but nobody could know: a result may come twice, and is never lost.
    assert [message.text for message in wecom.world.shown("li")] == ["完成", "完成"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", "message/send"),
        Fault("hang", "message/send"),
        dropped("message/send"),
        code(-1, "message/send", times=3),
    ],
    ids=["5xx", "half-open", "abort", "busy"],
)
async def test_whatever_the_api_does_a_text_is_said_when_it_is_asked_again(wecom, app, fault):
    chat = app_chat(wecom, "li")
    await app.post(chat, "早", key="token")  # which is asked for first
    wecom.api.faults.append(fault)
    app._api._answer_s = 0.5 if fault.kind == "hang" else QUICK.answer_s
    with pytest.raises(PlatformDown):
        await app.post(chat, "您好", key="k")
    app._api._answer_s = QUICK.answer_s
    fault.release.set()
    await app.post(chat, "您好", key="k")

    assert [message.text for message in wecom.world.shown("li")][-1] == "您好"


async def test_callbacks_in_another_order_are_kept_as_they_come(wecom, app):
    async with hooked(wecom, app), running(app) as reader:
        await asyncio.gather(*(wecom.says(f"p{n}", f"{n}", copies=2) for n in range(8)))
        await reader.next(8)

    assert sorted(inbound.text for inbound in reader.found) == [str(n) for n in range(8)]
