"""The doctor looks at WeCom: the app's credentials and callback address, the AI bot's connection, group robots, and people."""

import asyncio
from typing import Final

from adapters.chats.wecom.account import AppAccount, BotAccount
from config.cli.findings import Finding, bad, good, unused
from config.settings import Settings, SettingsRefused
from config.wecom_doors import wecom_app, wecom_bot, wecom_robots

_NAME: Final = "wecom"
_TIMEOUT_S: Final = 30.0
_PREFIX: Final = "wecom:"
_APP: Final = ("/hooks/wecom", "in the app under “receive messages”")
_BOT: Final = ("/hooks/wecom-bot", "in the AI bot under “URL callback”")


async def examine_wecom(settings: Settings) -> list[Finding]:
    """What a new operator has to know, door by door."""
    try:
        app, bot, robots = wecom_app(settings), wecom_bot(settings), wecom_robots(settings)
    except SettingsRefused as error:
        return [bad(_NAME, str(error))]
    if app is None and bot is None:
        advice = (
            "An AI bot (CHORUS_WECOM_BOT_ID, _SECRET; or called back: _TOKEN, _AES_KEY) works in groups; "
            "a self-built app (CHORUS_WECOM_APP_…) hears voice notes."
        )
        if robots:
            alone = f"{', '.join(robots)}: group robots tell results, and there is nobody who could be asked for one."
            return [bad(f"{_NAME} robots", alone, advice)]
        return [unused(_NAME, "Not configured.", advice)]
    findings = [await _look_at_app(app), _callback(settings, "callback", _APP)] if app else []
    if bot is not None and bot.hooked:
        findings.append(_callback(settings, "bot", _BOT))
    elif bot is not None:
        findings.append(await _look_at_bot(bot))
    if robots:
        findings.append(good(f"{_NAME} robots", f"{', '.join(robots)}."))
    return [*findings, _people(settings)]


async def _look_at_app(app: AppAccount) -> Finding:
    """Ask WeCom for a token and for the app itself, which tells whether this machine's address is trusted."""
    from adapters.chats.troubles import SettingsWrong, TokenStale
    from adapters.chats.wecom.api import Api
    from bot.ports import ChatError

    name, api = f"{_NAME} app", Api(app.api_base, _TIMEOUT_S)
    try:
        params = {"corpid": app.corp_id, "corpsecret": app.secret}
        token = str((await api.get("/cgi-bin/gettoken", params))["access_token"])
        found = await api.get(
            "/cgi-bin/agent/get", {"access_token": token, "agentid": app.agent_id}
        )
    except TokenStale:
        return bad(
            name, "WeCom does not accept CHORUS_WECOM_APP_SECRET.", "The app's page shows it."
        )
    except SettingsWrong as error:
        return bad(name, f"{error}.", "The app's page in the admin console shows what is right.")
    except ChatError as error:
        return bad(name, f"{error}.", f"Is {app.api_base} reachable from here?")
    finally:
        await api.close()
    return good(name, f"{found.get('name') or app.agent_id} answers.")


def _callback(settings: Settings, door: str, where: tuple[str, str]) -> Finding:
    """Where WeCom has to call back; a door that is called back is no use without."""
    name, (hook, place) = f"{_NAME} {door}", where
    public = settings.public_url or ""
    if not public.startswith(("https://", "http://")):
        advice = "Set CHORUS_PUBLIC_URL to the address at which WeCom reaches the web door."
        return bad(name, "WeCom has nowhere to post messages to.", advice)
    return good(name, f"Enter {public.rstrip('/')}{hook} {place} while Chorus runs.")


async def _look_at_bot(bot: BotAccount) -> Finding:
    """Only whether the server is there: to subscribe would take the connection away from a running front end."""
    import aiohttp

    name = f"{_NAME} bot"
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            aiohttp.ClientSession() as session,
            session.ws_connect(bot.ws_url),
        ):
            pass
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        said = f"The long connection cannot be opened: {type(error).__name__}."
        return bad(name, said, f"Is {bot.ws_url} reachable from here?")
    return good(
        name, "Its server answers; the log of a running Chorus tells whether it takes the secret."
    )


def _people(settings: Settings) -> Finding:
    name = f"{_NAME} people"
    admins = sum(entry.startswith(_PREFIX) for entry in settings.admins)
    allowed = sum(entry.startswith(_PREFIX) for entry in settings.allow)
    if admins + allowed == 0:
        return bad(
            name,
            "Nobody is admitted yet.",
            "Write to it: it answers with your entry, for CHORUS_ADMINS or CHORUS_ALLOW.",
        )
    said = f"{allowed} chats and persons in CHORUS_ALLOW, {admins} in CHORUS_ADMINS."
    if admins == 0:
        return unused(name, said, "Without CHORUS_ADMINS nobody can add presenters in the chat.")
    return good(name, said)
