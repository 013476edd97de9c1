"""How long things are kept: one answer for the worker that clears them away and the bot that says so."""

from config.settings import Settings

DAY_S = 86_400


def kept_days(settings: Settings) -> int:
    """Days that recordings, videos and ZIPs are kept where they are."""
    return settings.s3_retention_days if settings.store == "s3" else settings.retention_days
