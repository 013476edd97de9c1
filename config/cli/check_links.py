"""Whether Links live as long as they are said to."""

import asyncio

from config.cli.findings import Finding, bad, good, unused
from config.settings import Settings
from worker.contract.ports import StoreUnavailable

_ADVICE = (
    "Sign with the keys of an IAM user (config/iam-policy.json), shorten CHORUS_LINK_LIFETIME_S, "
    "or use local links or a CDN."
)


async def examine_links(settings: Settings) -> list[Finding]:
    """What signs Links to a cloud store, against how long they shall work; nothing to say of local ones."""
    if settings.store != "s3":
        return []
    return [
        await asyncio.to_thread(_signatures, settings.link_lifetime_s, settings.s3_bucket or "")
    ]


def _signatures(lifetime_s: int, bucket: str) -> Finding:
    import boto3

    from adapters.stores.s3_credentials import doubt_of, sure_s
    from adapters.stores.s3_errors import in_our_words

    try:
        with in_our_words(bucket):
            known_s = sure_s(boto3.Session(), lifetime_s)
    except StoreUnavailable as outage:
        return bad("links", f"{str(outage)[:1].upper()}{str(outage)[1:]}.")  # it says what to do
    if doubt := doubt_of(known_s, lifetime_s):
        said = f"They may end before their {lifetime_s} s are over: {doubt}."
        if known_s is not None:
            said += f" Made now they work for {known_s} s, and people are told so."
        return unused("links", said, _ADVICE)
    return good("links", f"They are signed for {lifetime_s} s.")
