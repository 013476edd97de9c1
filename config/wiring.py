"""Which implementation stands behind each port: the one place that knows them all by name."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import redis.asyncio

from adapters.stores.links import CloudFrontLinks, DoorLinks, KeyRefused, LinkSigner
from adapters.stores.local import LocalStore
from config.paths import secret_key, store_folder
from config.redis_client import connect, connections_of
from config.settings import PREFIX, Settings, SettingsRefused
from worker.contract.ports import ObjectStore
from worker.contract.tokens import TokenCodec
from worker.noted_ledger import NotedLedger
from worker.roster import Roster


@dataclass(frozen=True)
class Wires:
    """What a process holds while it runs."""

    redis: "redis.asyncio.Redis"
    ledger: NotedLedger
    store: ObjectStore
    codec: TokenCodec
    roster: Roster


def make_store(settings: Settings, codec: TokenCodec, door: Callable[[], str]) -> ObjectStore:
    """The configured object store; ``door`` tells where local links lead. Raises SettingsRefused."""
    if settings.store == "s3":
        # boto3 takes a third of a second to import, which a local store need not pay.
        from adapters.stores.s3 import S3Store  # noqa: PLC0415
        from adapters.stores.s3_errors import ClientRefused  # noqa: PLC0415

        assert settings.s3_bucket is not None  # noqa: S101 - load_settings saw to it
        try:
            return S3Store(
                bucket=settings.s3_bucket,
                endpoint=settings.s3_endpoint,
                region=settings.s3_region,
                addressing=settings.s3_addressing,
                uploads=settings.s3_uploads,
                links=_links(settings, codec, door),
                front=settings.cdn_url,
            )
        except ClientRefused as refused:
            raise SettingsRefused(f"{str(refused)[:1].upper()}{str(refused)[1:]}.") from refused
    return LocalStore(
        store_folder(settings),
        codec,
        lambda: settings.public_url or door(),
        virtual_archives=settings.accel_prefix is None,  # nginx hands out files only
    )


def _links(settings: Settings, codec: TokenCodec, door: Callable[[], str]) -> LinkSigner | None:
    """Who signs Links to a cloud store in its place; None: the store's own signature serves."""
    if not settings.cloud_delivery:
        return door_links(settings, codec, door)
    if settings.cdn_url is None or settings.cdn_key_id is None or settings.cdn_key_file is None:
        return None
    try:
        return CloudFrontLinks(settings.cdn_url, settings.cdn_key_id, settings.cdn_key_file)
    except KeyRefused as refused:
        raise SettingsRefused(f"{PREFIX}CDN_KEY_FILE: {refused}.") from refused


def door_links(settings: Settings, codec: TokenCodec, door: Callable[[], str]) -> DoorLinks:
    """Links through our own door, as people reach it."""
    return DoorLinks(codec, lambda: settings.public_url or door())


@contextlib.asynccontextmanager
async def wires(settings: Settings, door: Callable[[], str] = str) -> AsyncIterator[Wires]:
    """Connect to Redis and the store; let go of both on leaving."""
    assert settings.redis_url is not None  # noqa: S101 - running_system fills it
    codec = TokenCodec(secret_key(settings))
    store = make_store(settings, codec, door)
    client = connect(settings.redis_url.get_secret_value(), connections_of(settings))
    try:
        yield Wires(client, NotedLedger(client), store, codec, Roster(client))
    finally:
        await store.close()
        await client.aclose()
