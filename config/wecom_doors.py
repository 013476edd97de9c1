"""The doors of WeCom whose credentials are set: self-built app, AI bot, group robots."""

import re
from typing import Final

from aiohttp import web

from adapters.chats.wecom.account import API_BASE, WS_URL, AppAccount, BotAccount, Timing
from bot.ports import ChatAdapter, LetsIn, Memory
from bot.texts.catalogue import Texts
from config.paths import private_folder
from config.settings import PREFIX, Settings, SettingsRefused

_UNNAMED: Final = "bot"
"""The AI bot, where its id is not set: who is called back need not know it."""
_AGENT: Final = re.compile(r"\d+")
_KEY: Final = re.compile(r"[0-9A-Za-z-]{8,64}")


def wecom_app(settings: Settings) -> AppAccount | None:
    """The self-built app, or None if there is none. Raises SettingsRefused if something is missing for it."""
    if settings.wecom_app_secret is None:
        return None
    token, key = settings.wecom_app_token, settings.wecom_app_aes_key
    corp_id, agent_id = settings.wecom_corp_id, settings.wecom_app_agent_id
    if not (corp_id and agent_id and token and key):
        raise SettingsRefused(
            f"{PREFIX}WECOM_APP_SECRET is set, and the app needs {PREFIX}WECOM_CORP_ID, {PREFIX}WECOM_APP_AGENT_ID, "
            f"{PREFIX}WECOM_APP_TOKEN and {PREFIX}WECOM_APP_AES_KEY besides; the app's page in the admin console shows them."
        )
    if not _AGENT.fullmatch(agent_id):
        raise SettingsRefused(f"{PREFIX}WECOM_APP_AGENT_ID is a number.")
    secret, base = settings.wecom_app_secret.get_secret_value(), settings.wecom_api_base or API_BASE
    words, aes_key = token.get_secret_value(), key.get_secret_value()
    _look_at_key("WECOM_APP_AES_KEY", words, aes_key)
    return AppAccount(corp_id, agent_id, secret, words, aes_key, base)


def wecom_bot(settings: Settings) -> BotAccount | None:
    """The AI bot, or None if there is none: which credentials are set decides how it is connected. Raises SettingsRefused."""
    secret, token, key = (
        settings.wecom_bot_secret,
        settings.wecom_bot_token,
        settings.wecom_bot_aes_key,
    )
    if secret is None and not (token or key):
        if settings.wecom_bot_id:
            raise SettingsRefused(
                f"{PREFIX}WECOM_BOT_ID is set, and the AI bot needs besides {PREFIX}WECOM_BOT_SECRET for the long connection, "
                f"or {PREFIX}WECOM_BOT_TOKEN and {PREFIX}WECOM_BOT_AES_KEY to be called back."
            )
        return None
    if secret is not None and (token or key):
        raise SettingsRefused(
            f"An AI bot talks over its long connection ({PREFIX}WECOM_BOT_SECRET) or is called back ({PREFIX}WECOM_BOT_TOKEN, "
            f"{PREFIX}WECOM_BOT_AES_KEY), as the admin console says; set one of the two."
        )
    if secret is not None:
        if not settings.wecom_bot_id:
            raise SettingsRefused(
                f"{PREFIX}WECOM_BOT_SECRET is set, and the AI bot needs {PREFIX}WECOM_BOT_ID besides."
            )
        url = settings.wecom_bot_ws_url or WS_URL
        return BotAccount(
            settings.wecom_bot_id, secret.get_secret_value(), url, name=settings.wecom_bot_name
        )
    if token is None or key is None:
        raise SettingsRefused(
            f"To be called back the AI bot needs both {PREFIX}WECOM_BOT_TOKEN and {PREFIX}WECOM_BOT_AES_KEY; its page shows them."
        )
    words, aes_key = token.get_secret_value(), key.get_secret_value()
    _look_at_key("WECOM_BOT_AES_KEY", words, aes_key)
    id_ = settings.wecom_bot_id or _UNNAMED
    return BotAccount(id_, token=words, aes_key=aes_key, name=settings.wecom_bot_name)


def _look_at_key(setting: str, token: str, aes_key: str) -> None:
    from adapters.chats.callback_crypto import (  # noqa: PLC0415 - only where there are callbacks
        CallbackCipher,
        KeyUnusable,
    )

    try:
        CallbackCipher(token, aes_key, "")
    except KeyUnusable as error:
        raise SettingsRefused(f"{PREFIX}{setting}: {error}.") from None


def wecom_robots(settings: Settings) -> dict[str, str]:
    """Keys of the group robots by the names of their groups: entries are ``NAME=KEY``, or keys alone."""
    found: dict[str, str] = {}
    for number, entry in enumerate(settings.wecom_group_robots, 1):
        name, named, key = entry.rpartition("=")
        name = name.strip() if named else f"群 {number}"
        if not _KEY.fullmatch(key) or not name or name in found:
            raise SettingsRefused(
                f"{PREFIX}WECOM_GROUP_ROBOTS: entry {number} is not of the form NAME=KEY, where the key is what stands "
                "behind key= in the robot's address, and each group has a name of its own."
            )
        found[name] = key
    return found


def wecom_doors(
    settings: Settings, memory: Memory, texts: Texts, lets_in: LetsIn
) -> tuple[list[ChatAdapter], list[web.RouteDef]]:
    """An adapter for each door people talk through, and what the web door has to hand on."""
    app, bot = wecom_app(settings), wecom_bot(settings)
    if app is None and bot is None:
        return [], []
    from adapters.chats.wecom.api import Api  # noqa: PLC0415 - only where there is WeCom
    from adapters.chats.wecom.app import AppChat  # noqa: PLC0415
    from adapters.chats.wecom.bot_door import BotChat  # noqa: PLC0415
    from adapters.chats.wecom.delivery import Delivery  # noqa: PLC0415
    from adapters.chats.wecom.notes import Notes  # noqa: PLC0415
    from adapters.chats.wecom.rates import Rates, SharedRates  # noqa: PLC0415
    from adapters.chats.wecom.robots import GroupRobots  # noqa: PLC0415

    corporation = settings.wecom_corp_id or settings.wecom_bot_id or ""
    mailbox = f"wecom:{corporation}:robots"
    robots = GroupRobots(
        Api(settings.wecom_api_base or API_BASE, Timing().answer_s),
        Notes(memory, mailbox),
        SharedRates(memory, mailbox, Rates()),
        wecom_robots(settings),
    )
    delivery = Delivery(memory, corporation, robots, texts.say, lets_in)
    adapters: list[ChatAdapter] = []
    routes: list[web.RouteDef] = []
    chat: AppChat | None = None
    if app is not None:
        chat = AppChat(memory, app, texts.say, delivery=delivery)
        adapters.append(chat)
        routes += chat.routes()
    if bot is not None:
        spool = private_folder(settings.data_dir / "incoming" / "wecom")
        invite = chat.invite if chat is not None else None
        ai_bot = BotChat(memory, bot, texts.say, spool, invite=invite, delivery=delivery)
        adapters.append(ai_bot)
        routes += ai_bot.routes()
    return adapters, routes
