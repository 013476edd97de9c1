"""What a store refuses in the middle of an upload: what passes is waited for, and costs nothing that stands."""

import os
import zlib
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from adapters.stores.s3_errors import in_our_words
from adapters.stores.s3_uploads import StoreRefused
from tests.adapters.s3_things import BUCKET, client_of, stream
from worker.contract.ports import ArchiveEntry, StoreForbids, StoreUnavailable

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTENT = os.urandom(20 << 20)  # three parts of an upload
CLIP = "clips/b/001.mp4"
ENTRIES = [ArchiveEntry("a.mp4", len(CONTENT), zlib.crc32(CONTENT), key=CLIP)]


@pytest.fixture
def store(swift_store):
    return swift_store


def answer(code: str, status: int, operation: str) -> ClientError:
    said = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, operation)


def refuses(monkeypatch, store, call: str, error: ClientError, at: int = 1) -> list[int]:
    """From the ``at``-th call on this is the answer; what was asked is in the list."""
    asked: list[int] = []
    real = getattr(store._call.client, call)

    def refuse(**asking):
        asked.append(asking["PartNumber"])
        if asking["PartNumber"] >= at:
            raise error
        return real(**asking)

    monkeypatch.setattr(store._call.client, call, refuse)
    return asked


def unfinished(server) -> int:
    return len(client_of(server).list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


PASSING = [
    ("ExpiredToken", 400),
    ("AccessDenied", 403),
    ("OperationAborted", 409),
]


@pytest.mark.parametrize(("code", "status"), PASSING)
async def test_a_copy_refused_for_a_moment_is_an_outage_and_copying_goes_on(
    store, swift, monkeypatch, code, status
):
    await store.put_stream(CLIP, stream(CONTENT), len(CONTENT))
    refuses(monkeypatch, store, "upload_part_copy", answer(code, status, "UploadPartCopy"))
    with pytest.raises(StoreUnavailable):
        await store.put_archive("archives/b/1.zip", ENTRIES, MOMENT)
    left = unfinished(swift)
    monkeypatch.undo()
    copied = refuses(monkeypatch, store, "upload_part_copy", answer("", 0, ""), at=10_000)

    await store.put_archive("archives/b/1.zip", ENTRIES, MOMENT)

    assert left == 1
    assert copied != []


@pytest.mark.parametrize(
    ("code", "status"),
    [("MethodNotAllowed", 405), ("InvalidRequest", 400)],
)
async def test_a_store_that_knows_no_copies_is_asked_once(store, monkeypatch, code, status):
    await store.put_stream(CLIP, stream(CONTENT), len(CONTENT))
    asked = refuses(monkeypatch, store, "upload_part_copy", answer(code, status, "UploadPartCopy"))

    for round_ in (1, 2):
        await store.put_archive(f"archives/b/{round_}.zip", ENTRIES, MOMENT)

    assert len(asked) == 1


@pytest.mark.parametrize("code", ["TokenRefreshRequired", "RequestExpired"])
async def test_credentials_that_end_during_an_upload_cost_nothing_that_was_sent(
    store, swift, monkeypatch, code
):
    refuses(monkeypatch, store, "upload_part", answer(code, 400, "UploadPart"), at=2)
    with pytest.raises(StoreUnavailable, match="fetch new ones") as outage:
        await store.put_stream(CLIP, stream(CONTENT), len(CONTENT))
    left = unfinished(swift)
    monkeypatch.undo()
    sent = refuses(monkeypatch, store, "upload_part", answer("", 0, ""), at=10_000)

    await store.put_stream(CLIP, stream(CONTENT), len(CONTENT))

    assert not isinstance(outage.value, StoreRefused)
    assert left == 1
    assert sorted(sent) == [2, 3]


@pytest.mark.parametrize("code", ["KMS.DisabledException"])
async def test_what_is_refused_for_good_leaves_no_parts(store, swift, monkeypatch, code):
    refuses(monkeypatch, store, "upload_part", answer(code, 400, "UploadPart"), at=2)

    with pytest.raises(StoreRefused, match=code):
        await store.put_stream(CLIP, stream(CONTENT), len(CONTENT))

    assert unfinished(swift) == 0


def test_ended_credentials_are_thought_of_where_the_store_says_no_more_than_400():
    with pytest.raises(StoreUnavailable, match="may have ended") as outage, in_our_words(BUCKET):
        raise answer("400", 400, "HeadObject")

    assert not isinstance(outage.value, StoreRefused)


@pytest.mark.parametrize(
    ("code", "status", "forbidden"),
    [("AccessDenied", 403, True), ("403", 403, True), ("SignatureDoesNotMatch", 403, False)],
)
async def test_what_we_may_not_do_is_told_apart_from_who_we_are(
    store, swift, monkeypatch, code, status, forbidden
):
    refuses(monkeypatch, store, "upload_part", answer(code, status, "UploadPart"), at=2)

    with pytest.raises(StoreUnavailable) as outage:
        await store.put_stream(CLIP, stream(CONTENT), len(CONTENT))

    assert isinstance(outage.value, StoreForbids) == forbidden
    assert unfinished(swift) == 1  # rights may come back, and then it goes on from there
