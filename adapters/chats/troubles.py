"""What a platform refuses for reasons that the bot need not know, and all adapters tell apart."""

from bot.ports import PlatformDown


class SettingsWrong(PlatformDown):
    """The operator's to mend; until then the platform is away."""


class TokenStale(PlatformDown):
    """The access token is not valid any more: get another one."""
