"""Whether what Links lead to is kept as long as they work, and what is deleted is gone."""

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


def versions_found(*, kept: bool) -> list[Finding]:
    """A store in which what is deleted stays; nothing to say of others."""
    if not kept:
        return []
    return [
        unused(
            "versions",
            "The bucket keeps old versions: what /delete and the clearing away remove can still be brought back.",
            "chorus store init lets those of recordings, videos and ZIPs go after a day; for pictures/ and batches/ "
            "add such a rule of your own.",
        )
    ]
