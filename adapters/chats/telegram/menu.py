"""The menu of commands: which are shown where, in which language, and telling Telegram about it once."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Final, Literal

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatMember,
)
from telegram.ext import ExtBot

from adapters.chats.says import Says
from adapters.chats.telegram.errors import ours
from adapters.chats.telegram.notes import Notes
from adapters.chats.telegram.rates import Kind
from bot.ports import ChatError, ChatUnreachable, MemoryUnavailable

_LOG = logging.getLogger(__name__)

_USUAL: Final = (
    "templates",
    "preset",
    "status",
    "cancel",
    "history",
    "zip",
    "retry",
    "settings",
    "help",
)
_PRIVATE: Final = ("new", *_USUAL, "delete", "clear")
_GROUPS: Final = ("dub", *_USUAL)
_ADMINS: Final = (*_GROUPS, "delete", "clear")
_SCOPES: Final[tuple[tuple[BotCommandScope, tuple[str, ...]], ...]] = (
    (BotCommandScopeAllPrivateChats(), _PRIVATE),
    (BotCommandScopeAllGroupChats(), _GROUPS),
    (BotCommandScopeAllChatAdministrators(), _ADMINS),
)
_OPERATING: Final = ("template", "allow", "stats")
_FOR_ADMINS: Final = (*_PRIVATE, *_OPERATING)
MENU: Final = tuple(dict.fromkeys((*_PRIVATE, *_ADMINS, *_OPERATING)))
KNOWN: Final = frozenset({"start", *MENU})
"""Commands that are ours even where other bots listen."""
CHINESE: Final = frozenset(
    ("新建", "模板", "预设", "状态", "取消", "历史", "下载", "重试", "删除", "清空", "设置", "帮助")
)
"""Those that are ours in Chinese, with or without a slash; the bot knows what they mean, and a test that they are the same."""
_LANGUAGES: Final[tuple[tuple[Literal["en", "zh"], str | None], ...]] = (
    ("en", None),  # for everybody whose language we do not speak
    ("zh", "zh"),
)


async def show_menu(bot: ExtBot[Kind], say: Says, notes: Notes, admins: Sequence[str] = ()) -> None:
    """Tell Telegram the menus, unless it has these already. Raises PlatformDown, Throttled.

    Args:
        bot: To tell it with.
        say: What the commands are for.
        notes: What it was told before.
        admins: Persons who see the commands of administrators, where they talk to us alone.
    """
    await _tell(bot, say, notes, "menu", _SCOPES)
    for admin in admins:
        scope = BotCommandScopeChat(int(admin))
        with contextlib.suppress(ChatUnreachable):  # never wrote to us yet: at the next start
            await _tell(bot, say, notes, f"menu:{admin}", [(scope, _FOR_ADMINS)])


class GroupMenus:
    """Administrators of Chorus see their commands in a group as well, once they have said something there."""

    def __init__(self, bot: ExtBot[Kind], say: Says, notes: Notes, admins: Sequence[str]) -> None:
        self._bot = bot
        self._say = say
        self._notes = notes
        self._admins = frozenset(admins)
        self._shown: set[tuple[str, str]] = set()

    def lacks(self, chat: str, person: str) -> bool:
        """Whether a person in a group may have to be shown more."""
        return person in self._admins and (chat, person) not in self._shown

    async def show(self, chat: str, person: str) -> None:
        """Show it, unless Telegram was told before; what stands in the way is tried again at their next message."""
        scope = BotCommandScopeChatMember(int(chat), int(person))
        menu = [(scope, (*_ADMINS, *_OPERATING))]
        self._shown.add((chat, person))  # at once, because their next message does not wait for it
        try:
            await _tell(self._bot, self._say, self._notes, f"menu:{chat}:{person}", menu)
        except (ChatError, MemoryUnavailable) as error:
            _LOG.debug("A menu is not shown: %s", error)
            self._shown.discard((chat, person))


async def _tell(
    bot: ExtBot[Kind],
    say: Says,
    notes: Notes,
    name: str,
    scopes: Sequence[tuple[BotCommandScope, tuple[str, ...]]],
) -> None:
    menus = [
        (scope, code, {name: say(language, f"menu-{name}") for name in names})
        for scope, names in scopes
        for language, code in _LANGUAGES
    ]
    told = [(scope.type, code, list(menu.items())) for scope, code, menu in menus]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    if not await notes.once(name, digest):
        return
    for scope, code, menu in menus:
        commands = [BotCommand(name, description) for name, description in menu.items()]
        with ours():
            await bot.set_my_commands(commands, scope=scope, language_code=code)
    await notes.note_done(name, digest)
