"""The door of DingTalk, where its credentials are set: the robot of an app, and group robots."""

import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

from adapters.chats.dingtalk.account import API_BASE, OAPI_BASE, Account
from bot.ports import ChatAdapter, LetsIn, Memory
from bot.texts.catalogue import Texts
from config.paths import private_folder
from config.settings import PREFIX, Settings, SettingsRefused

if TYPE_CHECKING:
    from adapters.chats.dingtalk.robots import Robot

_TEMPLATE: Final = re.compile(r"[\w-]{8,}\.schema")
_ROBOT: Final = re.compile(
    r"(?:(?P<name>[^=/?&]*[^=/?&\s])\s*=)?\s*(?:https?://\S+[?&]access_token=)?"
    r"(?P<token>[0-9A-Za-z]{16,128})(?:/(?P<secret>SEC[0-9A-Za-z]{8,128}))?"
)


def dingtalk_account(settings: Settings) -> Account | None:
    """The robot, or None if there is none. Raises SettingsRefused if something is missing for it."""
    secret, client_id = settings.dingtalk_client_secret, settings.dingtalk_client_id
    if secret is None:
        if client_id:
            raise SettingsRefused(
                f"{PREFIX}DINGTALK_CLIENT_ID is set, and the robot needs {PREFIX}DINGTALK_CLIENT_SECRET besides; "
                "the app's page in DingTalk's developer console shows both."
            )
        return None
    if not client_id:
        raise SettingsRefused(
            f"{PREFIX}DINGTALK_CLIENT_SECRET is set, and the robot needs {PREFIX}DINGTALK_CLIENT_ID besides."
        )
    template = settings.dingtalk_card_template_id or ""
    if template and not _TEMPLATE.fullmatch(template):
        raise SettingsRefused(
            f"{PREFIX}DINGTALK_CARD_TEMPLATE_ID is what the card platform shows for the imported template; it ends with .schema."
        )
    return Account(
        client_id=client_id,
        client_secret=secret.get_secret_value(),
        robot_code=settings.dingtalk_robot_code or client_id,
        mode=settings.dingtalk_mode,
        card_template=template,
        api_base=settings.dingtalk_api_base or API_BASE,
        oapi_base=settings.dingtalk_oapi_base or OAPI_BASE,
    )


def dingtalk_robots(settings: Settings) -> "dict[str, Robot]":
    """Group robots by the names of their groups. Raises SettingsRefused."""
    from adapters.chats.dingtalk.robots import Robot  # noqa: PLC0415 - only where there is DingTalk

    found: dict[str, Robot] = {}
    for number, entry in enumerate(settings.dingtalk_group_robots, 1):
        parts = _ROBOT.fullmatch(entry)
        name = (parts["name"] or f"群 {number}").strip() if parts else ""
        known = {robot.token for robot in found.values()}
        if parts is None or not name or name in found or parts["token"] in known:
            raise SettingsRefused(
                f"{PREFIX}DINGTALK_GROUP_ROBOTS: entry {number} is not of the form NAME=TOKEN/SECRET, where the token is what "
                "stands behind access_token= in the robot's address, the secret begins with SEC, and each group has a name and "
                "a robot of its own."
            )
        found[name] = Robot(parts["token"], parts["secret"] or "")
    return found


def dingtalk_door(
    settings: Settings, memory: Memory, texts: Texts, lets_in: LetsIn
) -> tuple[list[ChatAdapter], list[web.RouteDef]]:
    """The adapter, and what the web door has to hand on."""
    account, robots = dingtalk_account(settings), dingtalk_robots(settings)
    if account is None:
        return [], []
    from adapters.chats.dingtalk.door import DingTalkChat  # noqa: PLC0415 - likewise

    spool = private_folder(settings.data_dir / "incoming" / "dingtalk")
    chat = DingTalkChat(memory, account, texts.say, spool, lets_in=lets_in, robots=robots)
    return [chat], chat.routes()
