"""The DingTalk adapter on a real Redis, with a web door of its own."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from adapters.chats.dingtalk.account import Account, Timing
from adapters.chats.dingtalk.door import DingTalkChat
from adapters.chats.dingtalk.hook import HOOK
from adapters.chats.dingtalk.rates import Rates
from bot.ports import Chat, Memory
from tests.adapters.reading import TEXTS, Reader, everybody, running
from tests.fakes.dingtalk.server import CLIENT_ID, FakeDingTalk
from tests.fakes.dingtalk.world import LIMIT_S

QUICK = Timing(
    answer_s=60.0,
    press_s=15.0,
    hook_s=60.0,
    again_s=0.05,
    silence_s=600.0,
    drain_s=60.0,
    controlled_s=0.3,
)
"""Looks often, and waits longer than a busy machine ever stands still: nothing runs out by itself."""
TIMES = 60
FAST = Rates(minute_s=60 / TIMES + 3.0, revise_every_s=0.05)
"""A request may be late on a busy machine, which does not shrink with the windows."""


def make_chat(
    dingtalk: FakeDingTalk,
    memory: Memory,
    folder: Path,
    *,
    cards: bool = False,
    http: bool = False,
    account: Account | None = None,
    **options: Any,
) -> DingTalkChat:
    """A front end of its own."""
    spool = folder / f"spool-{secrets.token_hex(4)}"
    spool.mkdir()
    found = {"rates": FAST, "timing": QUICK, "lets_in": everybody} | options
    account = account or dingtalk.account(cards=cards, http=http)
    return DingTalkChat(memory, account, TEXTS.say, spool, **found)


@contextlib.asynccontextmanager
async def connected(dingtalk: FakeDingTalk, chat: DingTalkChat) -> AsyncIterator[Reader]:
    """A front end to which DingTalk delivers, and who reads what it hands on."""
    async with running(chat) as reader:
        async with asyncio.timeout(LIMIT_S):
            await chat.stream.opened.wait()
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.lines)
        yield reader


@contextlib.asynccontextmanager
async def hooked(dingtalk: FakeDingTalk, chat: DingTalkChat) -> AsyncIterator[str]:
    """A web door that hands DingTalk's callbacks on to a front end."""
    application = web.Application(client_max_size=1 << 30)
    application.add_routes(chat.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}{HOOK}"
    dingtalk.targets.append(url)
    try:
        yield url
    finally:
        dingtalk.targets.remove(url)
        await runner.cleanup()


def chat_of(person: str) -> Chat:
    """Where we talk alone."""
    return Chat(platform="dingtalk", account=CLIENT_ID, id=person)


def group_of(group: str) -> Chat:
    """Where many talk."""
    return Chat(platform="dingtalk", account=CLIENT_ID, id=group, private=False)


def settings_of(dingtalk: FakeDingTalk) -> dict[str, object]:
    """What an operator would set."""
    account = dingtalk.account()
    return {
        "dingtalk_client_id": account.client_id,
        "dingtalk_client_secret": SecretStr(account.client_secret),
        "dingtalk_api_base": account.api_base,
        "dingtalk_oapi_base": account.oapi_base,
    }
