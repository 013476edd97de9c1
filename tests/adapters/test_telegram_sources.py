"""How updates come: one poller among several front ends, or a webhook at all of them."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from adapters.chats.telegram.adapter import HOOK
from adapters.chats.telegram.sources import SECRET_HEADER
from adapters.web.door import Door
from bot.memory import RedisMemory
from tests.adapters.reading import running
from tests.adapters.telegram_things import QUICK, make_chat
from tests.fakes.redis_server import Server
from tests.fakes.telegram.faults import broken, flood, hanging
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.world import Message

PUBLIC = "https://chorus.example"
SECRET = {SECRET_HEADER: "a-secret_of-tests"}


def texts(*readers) -> list[str]:
    return sorted(inbound.text for reader in readers for inbound in reader.found)


async def until_all(limit_s: float, seen) -> None:
    async with asyncio.timeout(limit_s):
        while not seen():
            await asyncio.sleep(0.01)


# Polling


async def test_of_two_front_ends_one_polls_and_both_get_messages_to_deal_with(telegram, front_end):
    ann = telegram.person("Ann")
    async with running(front_end()) as one, running(front_end()) as two:
        for number in range(40):
            await telegram.says(ann, telegram.private(ann), f"{number}")
        await until_all(60, lambda: len(one.found) + len(two.found) == 40)

    assert texts(one, two) == sorted(f"{number}" for number in range(40))
    assert "Conflict" not in "".join(telegram._log.lines)


async def test_when_the_poller_ends_another_takes_over_and_nothing_is_lost(telegram, front_end):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    async with running(front_end()) as second:
        async with running(front_end()) as first:
            await telegram.says(ann, room, "before")
            await until_all(60, lambda: len(first.found) + len(second.found) == 1)
        await telegram.says(ann, room, "after")
        await until_all(60, lambda: len(first.found) + len(second.found) == 2)

    assert texts(first, second) == ["after", "before"]


async def test_a_poller_that_died_without_a_word_is_replaced_when_its_time_is_over(
    telegram, memory, front_end
):
    dead = "somebody who was killed"
    assert await memory.lead("poll:telegram:4242", dead, 0.6)
    ann = telegram.person("Ann")
    async with running(front_end()) as reader:
        await telegram.says(ann, telegram.private(ann), "hello")
        await reader.next()

    assert texts(reader) == ["hello"]


async def test_an_update_is_confirmed_only_once_it_is_kept(telegram, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("r"))
    await server.start()
    memory = RedisMemory(server.url)
    ann = telegram.person("Ann")
    try:
        async with running(make_chat(telegram, memory)) as reader:
            await telegram.says(ann, telegram.private(ann), "before")
            await reader.next()
            server.stop("kill")
            await telegram.says(ann, telegram.private(ann), "meanwhile")
            await server.start()
            await reader.until(lambda found: found[-1].text == "meanwhile")
    finally:
        await memory.close()
        server.stop()

    assert texts(reader) == ["before", "meanwhile"]


async def test_polling_goes_on_after_an_outage_and_a_flood(telegram, reader):
    ann = telegram.person("Ann")
    telegram.fault(broken(502, "getUpdates", times=3), flood(1, "getUpdates"))
    await telegram.says(ann, telegram.private(ann), "one")
    await reader.next()
    telegram.down = True
    await telegram.platform.tell()
    await telegram.says(ann, telegram.private(ann), "two")
    telegram.down = False

    await reader.next(2)

    assert texts(reader) == ["one", "two"]


async def test_a_poll_that_is_never_answered_is_given_up_and_made_anew(telegram, front_end):
    ann = telegram.person("Ann")
    silent = hanging("getUpdates")
    telegram.fault(silent)
    async with running(front_end(timing=replace(QUICK, answer_s=0.2, poll_s=1))) as reader:
        await telegram.wait_until(lambda: silent.met == 1)
        await telegram.says(ann, telegram.private(ann), "hello")
        await reader.next()
    silent.release.set()

    assert texts(reader) == ["hello"]


async def test_a_webhook_that_was_set_gives_way_to_polling_and_keeps_what_waited(
    telegram, front_end
):
    telegram.platform.webhook.url = "https://elsewhere.example/hook"
    telegram.down = True  # so that the fake posts nothing meanwhile
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), "hello")
    telegram.down = False
    telegram.targets["https://elsewhere.example"] = ["http://127.0.0.1:9"]
    async with running(front_end()) as reader:
        await reader.next()

    assert telegram.platform.webhook.url == ""


async def test_only_what_we_can_read_is_asked_for(telegram, reader):
    await telegram.wait_until(lambda: bool(telegram.calls("getUpdates")))

    assert telegram.platform.allowed == {"message", "callback_query", "my_chat_member"}


async def test_letters_that_no_memory_takes_do_not_hold_up_the_rest(telegram, reader):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    said = Message(1, room, ann, "half a smile \ud83d").json(telegram.platform.bot)
    telegram.platform.update("message", said)
    await telegram.says(ann, room, "hello")

    await reader.next(2)

    assert [inbound.text for inbound in reader.found] == ["half a smile \ufffd", "hello"]


async def test_an_update_without_a_number_is_passed_over_and_asked_for_at_leisure(telegram, reader):
    ann = telegram.person("Ann")
    telegram.platform.nameless = {"message": {"text": "no number"}}
    await telegram.says(ann, telegram.private(ann), "one")
    await reader.next(1)
    asked, began_s = len(telegram.calls("getUpdates")), time.monotonic()
    await telegram.wait_until(lambda: len(telegram.calls("getUpdates")) >= asked + 8)
    took_s = time.monotonic() - began_s
    await telegram.says(ann, telegram.private(ann), "two")
    await reader.next(2)

    assert texts(reader) == ["one", "two"]
    assert took_s > 6 * QUICK.again_s
    assert len([line for line in telegram._log.lines if "without a number" in line]) == 1


# Webhook


@contextlib.asynccontextmanager
async def door(chat) -> AsyncIterator[str]:
    """A web door with the hook of one front end; its address."""
    app = web.Application()
    app.add_routes(chat.routes())
    async with Door(app, "127.0.0.1", 0) as opened:
        yield opened.url


@contextlib.asynccontextmanager
async def hooked(telegram: FakeTelegram, front_end, fronts: int = 2):
    """Front ends behind one public address."""
    async with contextlib.AsyncExitStack() as stack:
        chats = [front_end(hook_url=f"{PUBLIC}{HOOK}") for _ in range(fronts)]
        doors = [await stack.enter_async_context(door(chat)) for chat in chats]
        telegram.targets[PUBLIC] = doors
        readers = [await stack.enter_async_context(running(chat)) for chat in chats]
        await telegram.wait_until(lambda: bool(telegram.platform.webhook.url))
        yield doors, readers


async def test_two_front_ends_behind_a_webhook_get_each_update_once(telegram, front_end):
    ann = telegram.person("Ann")
    async with hooked(telegram, front_end) as (_, readers):
        for number in range(20):
            await telegram.says(ann, telegram.private(ann), f"{number}")
        for update in list(telegram.platform.pending[:5]):
            await telegram.sends_again(update)
        await until_all(60, lambda: len(texts(*readers)) >= 20 and not telegram.platform.pending)

    assert texts(*readers) == sorted(f"{number}" for number in range(20))
    assert not telegram.calls("getUpdates")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (SECRET, '{"update_id": 1}', 200),
        ({}, '{"update_id": 1}', 403),
        ({SECRET_HEADER: "a-secret_of-test"}, '{"update_id": 1}', 403),
        ({SECRET_HEADER: "geheim-é"}, '{"update_id": 1}', 403),
        (SECRET, "no JSON", 400),
        (SECRET, "[]", 400),
        (SECRET, '{"update_id": "1"}', 400),
        (SECRET | {"Content-Type": "text/plain"}, '{"update_id": 1}', 415),
        (SECRET | {"Content-Type": "application/json; charset=none"}, '{"update_id": 1}', 400),
    ],
)
async def test_the_hook_takes_updates_from_telegram_only(front_end, headers, body, status):
    chat = front_end(hook_url=f"{PUBLIC}{HOOK}")
    async with door(chat) as address, aiohttp.ClientSession() as session:
        sent = {"Content-Type": "application/json"} | headers
        async with session.post(f"{address}{HOOK}", data=body, headers=sent) as answer:
            assert answer.status == status


async def test_the_hook_refuses_a_secret_that_is_no_text(front_end):
    chat = front_end(hook_url=f"{PUBLIC}{HOOK}")
    async with door(chat) as address:
        host, port = address.removeprefix("http://").split(":")
        reading, writing = await asyncio.open_connection(host, int(port))
        head = f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{SECRET_HEADER}: "
        writing.write(head.encode() + b"\xff\xfe\r\n\r\n{}")
        said = await reading.readline()
        writing.close()

    assert said.split()[1] == b"403"


async def test_the_hook_acknowledges_nothing_while_the_memory_is_away(telegram, tmp_path):
    memory = RedisMemory(f"unix://{tmp_path}/nobody.sock")
    chat = make_chat(telegram, memory, hook_url=f"{PUBLIC}{HOOK}")
    async with door(chat) as address, aiohttp.ClientSession() as session:
        post = session.post(f"{address}{HOOK}", json={"update_id": 1}, headers=SECRET)
        async with post as answer:
            assert answer.status == 503
    await memory.close()
    await chat._bot.request.shutdown()
    await chat._bot._request[0].shutdown()


async def test_a_webhook_that_somebody_removed_is_set_again(telegram, front_end):
    async with hooked(telegram, front_end, fronts=1):
        telegram.platform.webhook.url = ""

        await telegram.wait_until(lambda: bool(telegram.platform.webhook.url))

    assert telegram.platform.webhook.secret == SECRET[SECRET_HEADER]


@pytest.mark.parametrize(("ago_s", "warnings"), [(0, 1), (3600, 0)])
async def test_a_failure_of_the_webhook_is_logged_once_and_not_when_it_is_old(
    telegram, front_end, ago_s, warnings
):
    telegram.platform.webhook.last_error = "Connection refused"
    telegram.platform.webhook.last_error_at = time.time() - ago_s
    async with hooked(telegram, front_end, fronts=1):
        await telegram.wait_until(lambda: len(telegram.calls("getWebhookInfo")) >= 4)

    lines = [line for line in telegram._log.lines if "could not post to us" in line]
    assert len(lines) == warnings


async def test_a_further_failure_of_the_webhook_is_logged_as_well(telegram, front_end):
    webhook = telegram.platform.webhook
    webhook.last_error, webhook.last_error_at = "Connection refused", time.time() - 60
    async with hooked(telegram, front_end, fronts=1):
        for _ in range(2):
            asked = len(telegram.calls("getWebhookInfo"))
            await telegram.wait_until(
                lambda before=asked: len(telegram.calls("getWebhookInfo")) > before + 2
            )
            webhook.last_error, webhook.last_error_at = "Wrong response", time.time() - 30

    lines = [line for line in telegram._log.lines if "could not post to us" in line]
    assert [line.rpartition(": ")[2] for line in lines] == ["Connection refused", "Wrong response"]


# Starting


async def test_the_menus_are_told_once_in_both_languages_and_for_each_kind_of_chat(
    telegram, front_end, memory
):
    ann = telegram.person("Ann")
    async with running(front_end()):
        async with asyncio.timeout(60):
            while await memory.load("once", "telegram:4242", "menu") is None:
                await asyncio.sleep(0.01)
    async with running(front_end()) as again:
        await telegram.says(ann, telegram.private(ann), "hello")
        await again.next()  # by then it would have been told

    commands = telegram.platform.commands
    private = [command["command"] for command in commands["all_private_chats", ""]]
    groups = {
        command["command"]: command["description"] for command in commands["all_group_chats", "zh"]
    }
    assert len(telegram.calls("setMyCommands")) == 6
    assert private[:4] == ["new", "templates", "preset", "status"]
    assert groups["dub"] == "回复一段录音，用它生成视频"
    assert "clear" not in groups


async def test_administrators_see_their_own_commands_once_they_wrote_to_us(telegram, front_end):
    boss = telegram.person("Boss")
    admins = [str(boss.id)]
    async with running(front_end(admins=admins)):
        await telegram.wait_until(lambda: len(telegram.calls("setMyCommands")) == 7)
    telegram.private(boss)
    async with running(front_end(admins=admins)):
        await telegram.wait_until(lambda: len(telegram.platform.commands) == 8)

    named = [command["command"] for command in telegram.platform.commands["chat", "zh"]]
    assert named[-3:] == ["template", "allow", "stats"]


async def test_administrators_see_their_own_commands_in_a_group_once_they_spoke_there(
    telegram, front_end
):
    boss, ann = telegram.person("Boss"), telegram.person("Ann")
    group = telegram.group("Marketing", boss, ann)
    commands = telegram.platform.commands
    async with running(front_end(admins=[str(boss.id)])) as reader:
        for who in (ann, boss, boss):
            await telegram.says(who, group, "hello")
        await reader.next(3)
        await telegram.wait_until(lambda: ("chat_member", "zh") in commands)

    scopes = [json.loads(str(call["scope"])) for call in telegram.calls("setMyCommands")]
    told = [(s["chat_id"], s["user_id"]) for s in scopes if s["type"] == "chat_member"]
    assert told == [(group.id, boss.id)] * 2  # once in each language
    named = [command["command"] for command in commands["chat_member", "zh"]]
    assert (named[0], named[-3:]) == ("dub", ["template", "allow", "stats"])


async def test_a_start_while_telegram_is_away_waits_for_it(telegram, front_end):
    telegram.down = True
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), "hello")
    async with running(front_end()) as reader:
        await until_all(60, lambda: any("connecting" in line for line in telegram._log.lines))
        telegram.down = False
        await reader.next()

    assert texts(reader) == ["hello"]
