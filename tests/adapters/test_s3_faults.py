"""What an operator reads when the store refuses or is away: what, where, what to do. Against a real S3 server."""

import os
from datetime import UTC, datetime, timedelta

import boto3
import botocore.auth
import pytest

import adapters.stores.s3_errors
from adapters.stores.s3 import S3Store
from tests.adapters.s3_things import BUCKET, session_of, store_of
from tests.fakes.ports import free_port
from tests.fakes.wire import Wire
from worker.contract.ports import StoreUnavailable

KEY = "clips/b/001.mp4"


async def said(store: S3Store, *, of_head: bool = False) -> str:
    """The sentence that comes of writing, or of looking at an object."""
    with pytest.raises(StoreUnavailable) as outage:
        await (store.stat(KEY) if of_head else store.put_bytes(KEY, b"x"))
    await store.close()
    return str(outage.value)


@pytest.mark.parametrize("of_head", [False, True])
async def test_a_wrong_secret_key_is_named_with_where_to_set_it(swift, of_head):
    told = await said(store_of(swift, secret=os.urandom(8).hex()), of_head=of_head)

    assert ("check the access key" if of_head else "check AWS_SECRET_ACCESS_KEY") in told
    assert f"bucket {BUCKET} at {swift.endpoint}" in told


async def test_an_access_key_that_nobody_knows_is_named_with_where_to_set_it(swift):
    session = boto3.Session("nobody:here", swift.secret_key)
    store = S3Store(BUCKET, endpoint=swift.endpoint, addressing="path", session=session)

    told = await said(store)

    assert "access key" in told or "AWS_SECRET_ACCESS_KEY" in told


async def test_missing_credentials_are_told_with_how_to_give_them(swift, monkeypatch):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "PROFILE", "SESSION_TOKEN"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", "/nonexistent")
    store = S3Store(BUCKET, endpoint=swift.endpoint, addressing="path", session=boto3.Session())

    told = await said(store)

    assert "no credentials" in told
    assert "AWS_ACCESS_KEY_ID" in told


async def test_a_wrong_bucket_is_named_with_where_to_set_it(swift):
    told = await said(store_of(swift, bucket="nowhere"))

    assert "no such bucket" in told
    assert "nowhere" in told
    assert "CHORUS_S3_BUCKET" in told


@pytest.mark.parametrize("minutes", [-20, 20])
@pytest.mark.parametrize("of_head", [False, True])
async def test_a_clock_that_is_wrong_is_told_with_both_times(swift, monkeypatch, minutes, of_head):
    def wrong(*_: object, remove_tzinfo: bool = True) -> datetime:
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", wrong)
    monkeypatch.setattr(adapters.stores.s3_errors, "datetime", Clock)

    before = Clock.now(UTC)
    told = await said(store_of(swift), of_head=of_head)

    assert "this machine's clock is wrong" in told
    assert any(f"it shows {hour:%H:}" in told for hour in (before, Clock.now(UTC)))
    assert "NTP" in told


async def test_a_store_that_breaks_off_or_is_away_is_named_without_what_was_asked(
    swift, monkeypatch
):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library's pauses
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with Wire(swift.endpoint) as wire:
        wire.is_down = True
        store = S3Store(BUCKET, endpoint=wire.url, addressing="path", session=session_of(swift))
        broken = await said(store)
    store = S3Store(BUCKET, endpoint=nowhere, addressing="path", session=session_of(swift))
    away = await said(store)

    told = f"the store does not answer as it should (bucket {BUCKET} at"
    todo = "check CHORUS_S3_ENDPOINT and the network"
    assert broken == f"{told} {wire.url}): it breaks the connection off; {todo}"
    assert away == f"{told} {nowhere}): it cannot be reached; {todo}"
