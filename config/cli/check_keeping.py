"""Whether what Links lead to is kept as long as they work."""

from config.cli.findings import Finding, unused
from config.keeping import DAY_S, kept_days
from config.settings import PREFIX, Settings


def examine_keeping(settings: Settings) -> list[Finding]:
    """Links that would outlive their videos; nothing to say of others."""
    days = kept_days(settings)
    if settings.link_lifetime_s <= days * DAY_S:
        return []
    name = "S3_RETENTION_DAYS" if settings.store == "s3" else "RETENTION_DAYS"
    return [
        unused(
            "keeping",
            f"Links are signed for {settings.link_lifetime_s} s, but what they lead to is deleted "
            f"after {days * DAY_S} s; people are told the shorter time.",
            f"Shorten {PREFIX}LINK_LIFETIME_S, or raise {PREFIX}{name}.",
        )
    ]
