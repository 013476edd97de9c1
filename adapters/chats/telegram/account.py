"""Which bot we are, how we are reached, and whether Telegram sees it likewise."""

from dataclasses import dataclass
from typing import Final

from telegram import WebhookInfo

from adapters.chats.telegram.client import make_bot
from adapters.chats.telegram.errors import TokenRefused, ours
from adapters.chats.telegram.sources import is_recent

__all__ = ["Account", "Standing", "TokenRefused", "look"]

_ANSWER_S: Final = 10.0


@dataclass(frozen=True)
class Account:
    """One bot."""

    token: str
    api_base: str | None = None
    """A Bot API server of our own, for large files; None is Telegram's."""
    hook_url: str | None = None
    """Where Telegram posts updates; None: they are polled."""
    hook_secret: str = ""
    """What Telegram has to show there."""

    @property
    def id(self) -> str:
        """The bot's number; it stands in its token."""
        return self.token.partition(":")[0]


@dataclass(frozen=True)
class Standing:
    """What Telegram says of us."""

    username: str
    reads_groups: bool
    """False: in groups we see only commands and answers to us (privacy mode), unless we are administrator."""
    joins_groups: bool
    webhook: str
    """Where updates are posted; empty: nowhere."""
    waiting: int
    """Updates nobody has fetched."""
    trouble: str
    """Why posting fails; empty if it does not: a failure that is over, and nothing waits, is none."""


async def look(account: Account) -> Standing:
    """Ask Telegram. Raises TokenRefused, PlatformDown and other ChatErrors, whose texts hold no token."""
    bot, polling = make_bot(account.token, account.api_base, _ANSWER_S)
    try:
        with ours():
            await bot.initialize()
            info = await bot.get_webhook_info()
        me = bot.bot
        return Standing(
            username=me.username or me.first_name,
            reads_groups=bool(me.can_read_all_group_messages),
            joins_groups=me.can_join_groups is not False,
            webhook=info.url.replace(account.token, "…"),  # an old one may have it in its path
            waiting=info.pending_update_count,
            trouble=_trouble(info),
        )
    finally:
        await bot.shutdown()
        await polling.shutdown()


def _trouble(info: WebhookInfo) -> str:
    stands = is_recent(info) or info.pending_update_count > 0
    return (info.last_error_message or "") if stands else ""
