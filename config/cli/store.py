"""``chorus store``: what is to be set once at the object store."""

import click

from adapters.stores.s3_lifecycle import PREFIXES
from config.cli.output import Failed, json_option, last_line
from config.cli.starting import run
from config.paths import secret_key
from config.settings import Settings, load_settings
from config.wiring import make_store
from worker.contract.ports import Lifecycle, StoreUnavailable
from worker.contract.tokens import TokenCodec


@click.group(short_help="What is set once at the object store.")
def store() -> None:
    """What is set once at the object store."""


@store.command(short_help="Have the bucket expire recordings, videos and archives.")
@json_option
def init(as_json: bool) -> None:
    """Have the bucket expire recordings, videos and archives by itself.

    After CHORUS_S3_COLD_DAYS they go to infrequent access, after CHORUS_S3_RETENTION_DAYS they are deleted, and uploads
    that broke off, and old versions of what was deleted, after one day. Templates, consents and records stay; rules of others are left as they are.
    """
    settings = load_settings()
    came_of_it = run(_apply(settings))
    click.echo(sentence(settings, came_of_it), err=as_json)
    if as_json:
        last_line(
            {
                "store": settings.store,
                "retention_days": came_of_it.retention_days,
                "cold_days": came_of_it.cold_days,
                "old_versions": came_of_it.retention_days is not None and came_of_it.old_versions,
                "prefixes": list(PREFIXES) if came_of_it.retention_days else [],
                "refusal": came_of_it.refusal or came_of_it.cold_refusal or None,
            }
        )


async def _apply(settings: Settings) -> Lifecycle:
    hand = make_store(settings, TokenCodec(secret_key(settings)), str)
    try:
        return await hand.apply_lifecycle(settings.s3_cold_days, settings.s3_retention_days)
    except StoreUnavailable as outage:
        raise Failed(f"Nothing was set: {outage}.", "store_unavailable") from None
    finally:
        await hand.close()


def sentence(settings: Settings, came_of_it: Lifecycle) -> str:
    """What was set, for the operator."""
    if came_of_it.retention_days is None:
        days = settings.s3_retention_days if settings.store == "s3" else settings.retention_days
        return (
            f"No lifecycle was set: {came_of_it.refusal}. "
            f"A running worker deletes takes, clips and archives {days} days after they were made."
        )
    return (
        f"Objects under {', '.join(PREFIXES)} of {settings.s3_bucket} {_cold(settings, came_of_it)} "
        f"after {came_of_it.retention_days} days; "
        f"uploads that broke off, after one day; {_old_versions(came_of_it)} Everything else stays."
    )


def _old_versions(came_of_it: Lifecycle) -> str:
    if came_of_it.old_versions:
        return "what deleting leaves in a bucket with versions, after one more."
    return "the store takes no rule for old versions, so where it keeps such they stay."


def _cold(settings: Settings, came_of_it: Lifecycle) -> str:
    """What becomes of them before the last day, and on it."""
    if came_of_it.cold_days:
        return f"go to infrequent access after {came_of_it.cold_days} days and are deleted"
    if came_of_it.cold_refusal:
        return f"are deleted (to moving them to infrequent access the store answered {came_of_it.cold_refusal})"
    if settings.s3_cold_days < settings.s3_retention_days:
        return "are deleted (this store has no class for infrequent access)"
    return "are deleted"
