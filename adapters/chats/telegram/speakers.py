"""Who may press what a chat ordered: people speak in the name of their group or channel as well, but press as themselves."""

import logging

import telegram
from telegram import ChatMemberAdministrator, ChatMemberOwner
from telegram.ext import ExtBot

from adapters.chats.telegram.errors import lacks_member, ours
from adapters.chats.telegram.rates import Kind
from bot.ports import ChatError, PlatformDown, Throttled

_LOG = logging.getLogger(__name__)


async def speaks_for(bot: ExtBot[Kind], speaker: str, person: str, *, in_it: bool) -> bool | None:
    """Whether a person speaks in the name of a chat; None if Telegram does not tell us.

    It need not: of others it tells for certain only where the bot is an administrator, and of a channel only if it is in it.

    Args:
        bot: To ask with.
        speaker: The group or channel.
        person: Who pressed.
        in_it: The press came in that very chat: it is a group, and only anonymous administrators speak for it.

    Raises:
        PlatformDown, Throttled: To be asked again.
    """
    try:
        with ours():
            member = await bot.get_chat_member(speaker, int(person))
    except (PlatformDown, Throttled):
        raise
    except ChatError as error:
        _LOG.debug("Who pressed is not told: %s", error)
        return False if lacks_member(error.__cause__) else None
    return _is_anonymous(member) if in_it else _posts(member)


def _is_anonymous(member: telegram.ChatMember) -> bool:
    if isinstance(member, ChatMemberAdministrator):
        return member.is_anonymous
    return isinstance(member, ChatMemberOwner) and member.is_anonymous


def _posts(member: telegram.ChatMember) -> bool:
    """Whether somebody writes in a channel."""
    if isinstance(member, ChatMemberAdministrator):
        return bool(member.can_post_messages)
    return isinstance(member, ChatMemberOwner)
