"""While an Archive is made where that takes time, its packer hears how far it is."""

import os
import zlib
from datetime import UTC, datetime

import pytest

from adapters.stores.local import LocalStore
from tests.adapters.s3_things import stream, with_clips
from tests.worker.ledger_things import drawn, open_ledger, order, result, stock
from worker.cache import Cache
from worker.contract import keys
from worker.contract.records import BatchState
from worker.contract.tokens import TokenCodec
from worker.holdings import Held
from worker.packing import Packing
from worker.workshop import Workshop

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
KEY = "archives/noted/1.zip"


def local_store(folder, *, virtual: bool) -> LocalStore:
    codec = TokenCodec(b"a secret of tests only, long enough")
    return LocalStore(folder, codec, "http://door", virtual_archives=virtual)


@pytest.mark.slow
async def test_of_an_archive_in_s3_every_byte_is_noted_on_its_way(swift_store):
    store, noted = swift_store, []
    entries = await with_clips(store, os.urandom(12 << 20), os.urandom(9 << 20))

    together = await store.put_archive(KEY, entries, NOW, noted=noted.append)
    store._copies = False
    several, whole = sum(noted), []
    sent = await store.put_archive(KEY, entries, NOW, noted=whole.append)

    assert several == sum(whole) == together == sent
    assert len(noted) > 2
    assert len(whole) > 2


async def test_of_a_written_archive_every_byte_is_noted_and_of_a_virtual_one_none(tmp_path):
    noted, none = [], []
    for virtual, told in ((False, noted), (True, none)):
        store = local_store(tmp_path / str(virtual), virtual=virtual)
        entries = await with_clips(store, os.urandom(3 << 20))
        size_bytes = await store.put_archive(KEY, entries, NOW, noted=told.append)

    assert (sum(noted), none) == (size_bytes, [])


async def test_the_ledger_hears_how_much_of_an_archive_is_on_its_way_into_s3(
    swift_store, redis_url, tmp_path, monkeypatch
):
    store, content = swift_store, os.urandom(20 << 20)
    async with open_ledger(redis_url) as ledger:
        await stock(ledger, "one")
        batch = await ledger.open_batch(order("m1", "one"))
        lease = await drawn(ledger)
        key = keys.clip(batch.id, 1, lease.fence)
        await store.put_stream(key, stream(content), len(content))
        made = result(key).model_copy(
            update={"size_bytes": len(content), "crc32": zlib.crc32(content)}
        )
        await ledger.desk.finish_clip(lease, made)
        told, report = [], ledger.desk.report_archive

        async def noted(lease, done_bytes, size_bytes):
            told.append((done_bytes, size_bytes))
            return await report(lease, done_bytes, size_bytes)

        monkeypatch.setattr(ledger.desk, "report_archive", noted)
        shop = Workshop(ledger, store, Cache(tmp_path / "cache", store, 10**9), tmp_path)
        await Packing(shop).archive(Held(await drawn(ledger, "archives")))
        packed = await ledger.batch(batch.id)

    assert packed is not None
    assert (packed.state, packed.packed_bytes) == (BatchState.READY, 0)
    assert told
    assert told == sorted(told)
    assert {size for _, size in told} == {packed.archive_size_bytes}
    assert all(0 < done <= size for done, size in told)
