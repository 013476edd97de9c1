"""HTTP mode: who may post messages to us, until when, and how often."""

import asyncio
import time
from dataclasses import replace

import aiohttp
import pytest

from adapters.chats.dingtalk.account import Timing
from adapters.chats.dingtalk.signing import sign
from bot.ports import MemoryUnavailable
from tests.adapters.dingtalk_things import QUICK, hooked, make_chat
from tests.adapters.reading import running


@pytest.fixture
async def door(dingtalk, memory, tmp_path):
    """A front end that is called back, who reads what it hands on, and its address."""
    dingtalk.member("li")
    chat = make_chat(dingtalk, memory, tmp_path, http=True)
    async with running(chat) as reader, hooked(dingtalk, chat) as url:
        yield chat, reader, url


async def post(
    dingtalk, url, data, *, at_s: float | None = None, secret: str = "", **headers
) -> int:
    timestamp = str(int((time.time() if at_s is None else at_s) * 1000))
    signed = sign(timestamp, secret or dingtalk.account().client_secret)
    found = {"timestamp": timestamp, "sign": signed} | headers
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json=data, headers=found) as answer,
    ):
        return answer.status


async def test_a_message_is_kept_and_answered(dingtalk, door):
    _, reader, _ = door
    await dingtalk.sends_voice("li", b"#!AMR\n ok", "大家好")
    (inbound,) = await reader.next()

    assert dingtalk.statuses == [200]
    assert (inbound.media.kind, inbound.media.words) == ("voice", "大家好")
    assert dingtalk.gateway.opened == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sign": "nonsense"}, 403),
        ({"sign": ""}, 403),
        ({"timestamp": "now"}, 400),
        ({"timestamp": ""}, 400),
        ({"timestamp": "1700000000000"}, 403),
    ],
)
async def test_a_wrong_signature_is_refused(dingtalk, door, headers, status):
    chat, _, url = door

    assert await post(dingtalk, url, dingtalk.message("li"), **headers) == status
    assert chat.hook.refused == 1


async def test_another_secret_and_another_robot_are_refused(dingtalk, door):
    _, _, url = door
    data = dingtalk.message("li", msgtype="text", text={"content": "x"})

    assert await post(dingtalk, url, data, secret="another") == 403  # noqa: S106
    assert await post(dingtalk, url, data | {"robotCode": "other"}) == 403


@pytest.mark.parametrize(("age_s", "status"), [(3590, 200), (3700, 403), (-3700, 403)])
async def test_an_hour_is_the_window(dingtalk, door, age_s, status):
    _, _, url = door
    data = dingtalk.message("li", msgtype="text", text={"content": "x"})

    assert await post(dingtalk, url, data, at_s=time.time() - age_s) == status


async def test_a_copy_is_taken_once_and_a_replay_with_another_message_refused(dingtalk, door):
    chat, reader, url = door
    now_s = time.time()
    first, twin, late = (
        dingtalk.message("li", msgtype="text", text={"content": word})
        for word in ("一", "二", "三")
    )

    taken = [await post(dingtalk, url, each, at_s=now_s) for each in (first, first, twin, twin)]
    chat.hook.clock = lambda: time.time() + 30
    copies = [await post(dingtalk, url, each, at_s=now_s) for each in (first, twin)]
    replayed = await post(dingtalk, url, late, at_s=now_s)
    found = await reader.next(2)

    assert (taken, copies, replayed) == ([200] * 4, [200, 200], 403)
    assert [inbound.text for inbound in found] == ["一", "二"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"msgId": 7}', b"[" * 100_000, b"\xff"])
async def test_what_is_no_message_is_refused(dingtalk, door, body):
    _, _, url = door
    timestamp = str(int(time.time() * 1000))
    headers = {
        "timestamp": timestamp,
        "sign": sign(timestamp, dingtalk.account().client_secret),
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        assert answer.status == 400


async def test_a_body_without_end_is_not_read(dingtalk, door):
    _, _, url = door
    timestamp = str(int(time.time() * 1000))
    headers = {
        "timestamp": timestamp,
        "sign": sign(timestamp, dingtalk.account().client_secret),
    }

    async def endless():
        for _ in range(40):
            yield b"x" * (1 << 16)

    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=endless(), headers=headers) as answer,
    ):
        assert answer.status == 413


async def test_without_redis_dingtalk_is_asked_to_send_again(dingtalk, memory, door, monkeypatch):
    _, _, url = door
    data = dingtalk.message("li", msgtype="text", text={"content": "x"})

    async def away(*_: object, **__: object) -> None:
        raise MemoryUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(memory, "receive", away)
        assert await post(dingtalk, url, data) == 503
    assert await post(dingtalk, url, data) == 200


async def test_a_redis_that_hangs_does_not_make_dingtalk_wait(dingtalk, memory, door, monkeypatch):
    chat, _, url = door
    data = dingtalk.message("li", msgtype="text", text={"content": "x"})

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(memory, "receive", hang)
    monkeypatch.setattr(chat.hook, "_timing", replace(QUICK, hook_s=0.2))

    assert await post(dingtalk, url, data) == 503
    assert Timing().hook_s < 4.5
