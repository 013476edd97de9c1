"""Whether Links live as long as they are said to."""

import asyncio

from config.cli.findings import Finding, good, unused
from config.settings import Settings

_ADVICE = (
    "Sign with the keys of an IAM user (config/iam-policy.json), shorten CHORUS_LINK_LIFETIME_S, "
    "or use local links or a CDN."
)


async def examine_links(settings: Settings) -> list[Finding]:
    """What signs Links to a cloud store, against how long they shall work; nothing to say of local ones."""
    if settings.store != "s3":
        return []
    return [await asyncio.to_thread(_signatures, settings.link_lifetime_s)]


def _signatures(lifetime_s: int) -> Finding:
    import boto3

    from adapters.stores.s3_credentials import why_links_end_early

    doubt = why_links_end_early(boto3.Session(), lifetime_s)
    if doubt is not None:
        return unused(
            "links", f"They may end before their {lifetime_s} s are over: {doubt}.", _ADVICE
        )
    return good("links", f"They are signed for {lifetime_s} s.")
