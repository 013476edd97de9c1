"""What a platform refuses for reasons that the bot need not know, and all adapters tell apart."""

from bot.ports import ChatError, PlatformDown, Throttled


class SettingsWrong(PlatformDown):
    """The operator's to mend; until then the platform is away."""


class TokenStale(PlatformDown):
    """The access token is not valid any more: get another one."""


def passes(error: ChatError) -> bool:
    """Whether it may be over when the same is asked again, with nobody doing anything."""
    if isinstance(error, SettingsWrong):
        return False
    return isinstance(error, Throttled | PlatformDown)
