"""The chat platforms whose credentials are set."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from bot.ports import ChatAdapter, LetsIn, Memory
from bot.texts.catalogue import Texts
from config.dingtalk_door import dingtalk_door
from config.paths import secret_key
from config.settings import PREFIX, Settings, SettingsRefused
from config.wecom_doors import wecom_doors

if TYPE_CHECKING:
    from adapters.chats.telegram.account import Account

BUILT = frozenset({"telegram", "wecom", "dingtalk"})
"""Platforms this version has an adapter for."""

_USER = "telegram:user:"
_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
_HOOK_PORTS = {443, 80, 88, 8443}
_HOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True)
class Chats:
    """The adapters, and what the web door has to hand on to them."""

    adapters: Sequence[ChatAdapter]
    routes: Sequence[web.RouteDef]


def make_chats(settings: Settings, memory: Memory, texts: Texts, lets_in: LetsIn) -> Chats:
    """One adapter for each platform that is on. Raises SettingsRefused if something else is missing for it."""
    doors = [door(settings, memory, texts, lets_in) for door in (wecom_doors, dingtalk_door)]
    adapters = [adapter for made, _ in doors for adapter in made]
    routes = [route for _, found in doors for route in found]
    account = telegram_account(settings)
    if account is None:
        return Chats(adapters, routes)
    # The library takes half a second to import, which a console chat need not pay.
    from adapters.chats.telegram.adapter import TelegramChat  # noqa: PLC0415

    users = (entry.removeprefix(_USER) for entry in settings.admins if entry.startswith(_USER))
    admins = [user for user in users if user.isdecimal()]
    chat = TelegramChat(memory, account, texts.say, admins=admins)
    return Chats([chat, *adapters], [*chat.routes(), *routes])


def telegram_account(settings: Settings) -> "Account | None":
    """The Telegram bot, or None if there is none."""
    if settings.telegram_token is None:
        return None
    from adapters.chats.telegram.account import Account  # noqa: PLC0415

    token = settings.telegram_token.get_secret_value()
    if not _TOKEN.fullmatch(token):
        raise SettingsRefused(
            f"{PREFIX}TELEGRAM_TOKEN is not of the form that BotFather gives: digits, a colon, letters and digits."
        )
    return Account(
        token=token,
        api_base=settings.telegram_api_base,
        hook_url=_telegram_hook(settings),
        hook_secret=_telegram_secret(settings),
    )


def _telegram_hook(settings: Settings) -> str | None:
    if settings.telegram_mode == "polling":
        return None
    if not (settings.public_url or "").startswith("https://"):
        raise SettingsRefused(
            f"{PREFIX}TELEGRAM_MODE is webhook, but {PREFIX}PUBLIC_URL does not say where Telegram reaches the web door. "
            "It has to begin with https://; without one, use polling."
        )
    port = urlsplit(str(settings.public_url)).port or 443
    if settings.telegram_api_base is None and port not in _HOOK_PORTS:
        raise SettingsRefused(
            f"{PREFIX}TELEGRAM_MODE is webhook, but Telegram posts to the ports 443, 80, 88 and 8443 only, "
            f"and {PREFIX}PUBLIC_URL names {port}. Use one of them, or polling."
        )
    from adapters.chats.telegram.adapter import HOOK  # noqa: PLC0415

    return f"{str(settings.public_url).rstrip('/')}{HOOK}"


def _telegram_secret(settings: Settings) -> str:
    """The one that is set, or one that all front ends with the same SECRET_KEY find."""
    if settings.telegram_webhook_secret is None:
        return hmac.new(secret_key(settings), b"telegram webhook", hashlib.sha256).hexdigest()
    secret = settings.telegram_webhook_secret.get_secret_value()
    if not _HOOK_SECRET.fullmatch(secret):
        raise SettingsRefused(
            f"{PREFIX}TELEGRAM_WEBHOOK_SECRET may have 1 to 256 letters, digits, _ and - only."
        )
    return secret
