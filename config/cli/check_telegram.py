"""The doctor looks at Telegram: the token, how updates come, what the bot sees in groups, links, and who may use it."""

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from config.chats import telegram_account
from config.cli.findings import Finding, bad, good, unused
from config.settings import Settings, SettingsRefused

if TYPE_CHECKING:
    from adapters.chats.telegram.account import Account, Standing

_NAME: Final = "telegram"
_TIMEOUT_S: Final = 30.0
_PREFIX: Final = "telegram:"


async def examine_telegram(settings: Settings) -> list[Finding]:
    """What a new operator has to know, in the order in which it is set up."""
    try:
        account = telegram_account(settings)
    except SettingsRefused as error:
        return [bad(_NAME, str(error))]
    if account is None:
        advice = "BotFather (/newbot) gives a token for CHORUS_TELEGRAM_TOKEN."
        return [unused(_NAME, "Not configured.", advice)]
    return await _look(settings, account)


async def _look(settings: Settings, account: "Account") -> list[Finding]:
    from adapters.chats.telegram.account import TokenRefused, look
    from bot.ports import ChatError

    try:
        async with asyncio.timeout(_TIMEOUT_S):
            standing = await look(account)
    except TokenRefused as error:
        return [bad(_NAME, f"{error}.", "BotFather (/mybots, API Token) shows the right one.")]
    except TimeoutError:
        return [bad(_NAME, "No answer.", f"Is {_server(account)} reachable from here?")]
    except ChatError as error:
        return [bad(_NAME, f"{error}.", f"Is {_server(account)} reachable from here?")]
    return [
        _updates(standing, account),
        _groups(standing),
        *_links(settings),
        _people(settings, standing),
    ]


def _server(account: "Account") -> str:
    return account.api_base or "api.telegram.org"


def _updates(standing: "Standing", account: "Account") -> Finding:
    said = f"@{standing.username}; {_way(standing, account)}."
    if account.hook_url is not None and standing.trouble:
        return bad(_NAME, said, f"Telegram could not post to the web door: {standing.trouble}.")
    if account.hook_url is None and standing.webhook:
        advice = (
            "It is removed when Chorus starts, and what waits there is kept. "
            "If something else still uses this bot, it needs a bot of its own."
        )
        return good(
            _NAME, f"{said[:-1]}, but a webhook is left behind: {standing.webhook}. {advice}"
        )
    return good(_NAME, said)


def _way(standing: "Standing", account: "Account") -> str:
    waiting = f"; {standing.waiting} messages wait" if standing.waiting else ""
    if account.hook_url is None:
        return f"polls{waiting}"
    if standing.webhook == account.hook_url:
        return f"posted to {account.hook_url}{waiting}"
    return f"will be posted to {account.hook_url} once the bot runs{waiting}"


def _groups(standing: "Standing") -> Finding:
    name = f"{_NAME} groups"
    if not standing.joins_groups:
        return unused(name, "It may not be added to groups.", "BotFather: /setjoingroups.")
    if standing.reads_groups:
        return good(name, "It sees recordings there.")
    return unused(
        name,
        "Privacy mode is on: it sees commands, answers to it, and recordings answered with /dub, "
        "but no voice note by itself.",
        "BotFather: /setprivacy, Disable; then remove it from each group and add it again. "
        "Or make it an administrator there.",
    )


def _links(settings: Settings) -> list[Finding]:
    """With a local store people fetch videos from the web door."""
    if settings.store != "local":
        return []
    name = f"{_NAME} links"
    host = urlsplit(settings.public_url or "").hostname or ""
    if "." not in host or host.startswith("127."):
        where = settings.public_url or "this machine only"
        return [
            bad(
                name,
                f"They would lead to {where}, where nobody else gets.",
                "Set CHORUS_PUBLIC_URL to the address at which people reach the web door, or use CHORUS_STORE=s3.",
            )
        ]
    return [good(name, f"They lead to {settings.public_url}.")]


def _people(settings: Settings, standing: "Standing") -> Finding:
    name = f"{_NAME} people"
    admins = sum(entry.startswith(_PREFIX) for entry in settings.admins)
    allowed = sum(entry.startswith(_PREFIX) for entry in settings.allow)
    if admins + allowed == 0:
        return bad(
            name,
            "Nobody is admitted yet.",
            f"Write to @{standing.username}: it answers with your entry, for CHORUS_ADMINS or CHORUS_ALLOW. "
            "Administrators admit further chats with /allow.",
        )
    said = f"{allowed} chats and persons in CHORUS_ALLOW, {admins} in CHORUS_ADMINS."
    if admins == 0:
        return unused(name, said, "Without CHORUS_ADMINS nobody can add presenters in the chat.")
    return good(name, said)
