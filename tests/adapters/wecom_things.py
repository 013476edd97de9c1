"""The doors of WeCom on a real Redis, with a web door of their own, and somebody who reads what they hand on."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from aiohttp import web
from pydantic import SecretStr

from adapters.chats.wecom.account import Timing
from adapters.chats.wecom.api import Api
from adapters.chats.wecom.app import AppChat
from adapters.chats.wecom.bot_door import BotChat
from adapters.chats.wecom.bot_hook import HOOK as BOT_HOOK
from adapters.chats.wecom.delivery import Delivery
from adapters.chats.wecom.hook import HOOK
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.rates import Rates, SharedRates
from adapters.chats.wecom.robots import GroupRobots
from bot.ports import Chat, LetsIn, Memory
from tests.adapters.reading import TEXTS, everybody
from tests.fakes.wecom.server import FakeWeCom

QUICK = Timing(
    answer_s=60.0,
    again_s=0.05,
    lead_s=60.0,
    renew_s=0.1,
    ping_s=0.3,
    ack_s=60.0,
    idle_s=600.0,
    evicted_s=0.5,
    relay_s=60.0,
)
"""Looks often, and waits longer than a busy machine ever stands still: nothing runs out by itself."""
TIMES = 20
FAST = replace(Rates().faster(TIMES), minute_s=61 / TIMES + 0.25, hour=100_000)
"""A request may be late on a busy machine, which does not shrink with the windows."""


def make_app(wecom: FakeWeCom, memory: Memory, **options: object) -> AppChat:
    found = {"rates": FAST, "timing": QUICK} | options
    return AppChat(memory, wecom.app, TEXTS.say, **found)  # type: ignore[arg-type]


def make_bot(wecom: FakeWeCom, memory: Memory, folder: Path, **options: object) -> BotChat:
    found = {"rates": FAST, "timing": QUICK} | options
    spool = folder / f"spool-{secrets.token_hex(4)}"
    spool.mkdir()
    return BotChat(memory, wecom.ai_bot, TEXTS.say, spool, **found)  # type: ignore[arg-type]


def make_delivery(
    wecom: FakeWeCom, memory: Memory, lets_in: LetsIn = everybody, **robots: str
) -> Delivery:
    """Robots by the names of their groups; each key is known to WeCom."""
    wecom.api.robots |= set(robots.values())
    mailbox = f"wecom:{wecom.app.corp_id}-robots"
    found = GroupRobots(
        Api(wecom.url, QUICK.answer_s),
        Notes(memory, mailbox),
        SharedRates(memory, mailbox, FAST),
        robots,
    )
    return Delivery(memory, wecom.app.corp_id, found, TEXTS.say, lets_in)


def make_hooked_bot(wecom: FakeWeCom, memory: Memory, folder: Path, **options: object) -> BotChat:
    """An AI bot that is called back."""
    found = {"rates": FAST, "timing": QUICK} | options
    spool = folder / f"spool-{secrets.token_hex(4)}"
    spool.mkdir()
    return BotChat(memory, wecom.hooked_bot, TEXTS.say, spool, **found)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def hooked(wecom: FakeWeCom, chat: AppChat | BotChat) -> AsyncIterator[str]:
    """A web door that hands WeCom's callbacks on to a front end."""
    application = web.Application(client_max_size=1 << 30)
    application.add_routes(chat.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    path = BOT_HOOK if isinstance(chat, BotChat) else HOOK
    targets = (wecom.hooked if isinstance(chat, BotChat) else wecom.callbacks).targets
    url = f"http://{host}:{port}{path}"
    targets.append(url)
    try:
        yield url
    finally:
        targets.remove(url)
        await runner.cleanup()


def app_chat(wecom: FakeWeCom, person: str) -> Chat:
    return Chat(platform="wecom", account=wecom.app.id, id=person)


def bot_chat(wecom: FakeWeCom, chat: str, *, private: bool = True) -> Chat:
    return Chat(platform="wecom", account=wecom.ai_bot.id, id=chat, private=private)


def app_settings(wecom: FakeWeCom) -> dict[str, object]:
    """What an operator would set for the app."""
    app = wecom.app
    return {
        "wecom_corp_id": app.corp_id,
        "wecom_app_agent_id": app.agent_id,
        "wecom_app_secret": SecretStr(app.secret),
        "wecom_app_token": SecretStr(app.token),
        "wecom_app_aes_key": SecretStr(app.aes_key),
        "wecom_api_base": app.api_base,
    }


def bot_settings(wecom: FakeWeCom) -> dict[str, object]:
    """Likewise for the AI bot."""
    bot = wecom.ai_bot
    return {
        "wecom_bot_id": bot.id,
        "wecom_bot_secret": SecretStr(bot.secret),
        "wecom_bot_ws_url": bot.ws_url,
        "wecom_bot_name": bot.name,
    }
