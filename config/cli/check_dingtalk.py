"""The doctor looks at DingTalk: credentials, how messages come, permissions, card, group robots, and people."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from adapters.chats.dingtalk.account import Account
from config.cli.findings import Finding, bad, good, unused
from config.dingtalk_door import dingtalk_account, dingtalk_robots
from config.settings import Settings, SettingsRefused

if TYPE_CHECKING:
    from adapters.chats.dingtalk.api import Api

_NAME: Final = "dingtalk"
_TIMEOUT_S: Final = 30.0
_PREFIX: Final = "dingtalk:"
_HOOK: Final = "/hooks/dingtalk"
_PROBES: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("POST", "/v1.0/robot/oToMessages/batchSend", {"userIds": [], "msgKey": "", "msgParam": ""}),
    ("POST", "/v1.0/robot/groupMessages/send", {"openConversationId": "", "msgKey": ""}),
    ("POST", "/v1.0/robot/messageFiles/download", {"downloadCode": ""}),
)
"""Requests that do nothing: who may not even ask them is told which permission is missing."""
_CARD: Final = ("PUT", "/v1.0/card/instances", {"outTrackId": "chorus-check", "cardData": {}})


async def examine_dingtalk(settings: Settings) -> list[Finding]:
    """What a new operator has to know."""
    try:
        account, robots = dingtalk_account(settings), dingtalk_robots(settings)
    except SettingsRefused as error:
        return [bad(_NAME, str(error))]
    if account is None:
        advice = "An internal app with a robot in stream mode: CHORUS_DINGTALK_CLIENT_ID, _SECRET."
        return [unused(_NAME, "Not configured.", advice)]
    from adapters.chats.dingtalk.api import Api

    api = Api(account, _TIMEOUT_S)
    try:
        findings = await _look(api, account, settings)
    finally:
        await api.close()
    findings.append(_card(account))
    if robots:
        findings.append(good(f"{_NAME} robots", f"{', '.join(robots)}."))
    return [*findings, _people(settings)]


async def _look(api: "Api", account: Account, settings: Settings) -> list[Finding]:
    """The app, its way of hearing, what it may do."""
    from bot.ports import ChatError

    name = f"{_NAME} app"
    try:
        token, _ = await api.token()
    except ChatError as error:
        return [
            bad(name, f"{error}.", "The app's page in DingTalk's developer console shows both.")
        ]
    findings = [good(name, f"{account.client_id} is accepted.")]
    if account.mode == "http":
        findings.append(_callback(settings))
    else:
        findings.append(await _tried(f"{_NAME} stream", lambda: _open(api, account)))
    probes = [*_PROBES, *([_CARD] if account.has_cards else [])]
    findings.append(await _permissions(api, account, token, probes))
    return findings


async def _tried(name: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    from bot.ports import ChatError

    try:
        return await look()
    except ChatError as error:
        return bad(name, f"{error}.", "Is the robot of the app in stream mode, and published?")


async def _open(api: "Api", account: Account) -> Finding:
    """A ticket nobody uses: to connect would take messages away from a running front end."""
    from adapters.chats.dingtalk.frames import subscriptions

    body = {
        "clientId": account.client_id,
        "clientSecret": account.client_secret,
        "subscriptions": subscriptions(cards=account.has_cards),
        "ua": "chorus-check",
    }
    await api.call("POST", "/v1.0/gateway/connections/open", body)
    return good(f"{_NAME} stream", "DingTalk would open a connection.")


async def _permissions(
    api: "Api", account: Account, token: str, probes: list[tuple[str, str, dict[str, Any]]]
) -> Finding:
    from adapters.chats.dingtalk.errors import PermissionMissing
    from adapters.chats.troubles import SettingsWrong
    from bot.ports import ChatError

    name = f"{_NAME} permissions"
    missing: list[str] = []
    for method, path, body in probes:
        try:
            await api.call(method, path, {"robotCode": account.robot_code, **body}, token)
        except PermissionMissing as error:
            missing += error.scopes or (path,)
        except SettingsWrong as error:
            return bad(name, f"{error}.")
        except ChatError:  # it says what is wrong with a request that does nothing
            continue
    if missing:
        listed = ", ".join(dict.fromkeys(missing))
        advice = "Request them in the developer console, and publish a new version of the app."
        return bad(name, f"Missing: {listed}.", advice)
    return good(name, "It may read files, write to people, and to groups.")


def _callback(settings: Settings) -> Finding:
    name, public = f"{_NAME} callback", settings.public_url or ""
    if not public.startswith("https://"):
        advice = (
            "Set CHORUS_PUBLIC_URL to the address (https) at which DingTalk reaches the web door."
        )
        return bad(name, "DingTalk has nowhere safe to post messages to.", advice)
    where = f"{public.rstrip('/')}{_HOOK}"
    return good(name, f"Enter {where} as the robot's address for messages.")


def _card(account: Account) -> Finding:
    name = f"{_NAME} card"
    if account.has_cards:
        return good(name, f"Choices and progress stand on cards of {account.card_template}.")
    if account.card_template:
        said = "Presses on cards come over the stream only: choices are typed."
        return unused(name, said, "CHORUS_DINGTALK_MODE=stream.")
    advice = "Import config/dingtalk-card.json in the card platform, and set CHORUS_DINGTALK_CARD_TEMPLATE_ID."
    return unused(name, "Choices are typed.", advice)


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
