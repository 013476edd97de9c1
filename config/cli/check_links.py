"""Whether Links lead where they should, and live as long as they are said to."""

import asyncio
from urllib.parse import urlsplit

import aiohttp

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


async def link_trouble(settings: Settings, url: str, content: bytes) -> Finding | None:
    """What is wrong with a Link that should lead to this content; None if nothing is. The URL itself is a secret."""
    place = urlsplit(url).netloc
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            status, read = answer.status, await answer.read()
    except aiohttp.ClientError as error:
        wrong = f"its Link cannot be followed to {place} ({error})"
    else:
        if (status, read) == (200, content):
            return None
        wrong = f"its Link was answered with {status} by {place}"
        if status == 200:
            wrong = f"through its Link other bytes came from {place}"
    return bad("store", f"{settings.store}: {wrong}.", _remedy(settings))


def _remedy(settings: Settings) -> str:
    """What to look at, by what stands where Links lead."""
    if settings.store == "local" or not settings.cloud_delivery:
        return "Is CHORUS_PUBLIC_URL reachable from here?"
    if settings.cdn_url is not None:
        return (
            "Does what stands at CHORUS_CDN_URL pass path and query on as they are, and reach the bucket? "
            "With CHORUS_CDN_KEY_ID: is that key in the distribution's key group?"
        )
    return (
        "The store itself answers these links, nothing of ours stands between: look at the right s3:GetObject of the key that "
        "signs, at this machine's clock, and whether CHORUS_S3_ENDPOINT is where people reach the store."
    )
