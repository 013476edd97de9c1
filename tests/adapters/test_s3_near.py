"""Archives are made of the bytes whose checksums they name, wherever those were read."""

import io
import os
import zipfile
from datetime import UTC, datetime

import pytest

from adapters.stores.s3_near import right_ones
from tests.adapters.s3_things import with_clips
from worker.contract.ports import ObjectMissing

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "archives/b/1.zip"
CLIPS = (os.urandom(11 << 20), os.urandom(300_000))


@pytest.fixture
def store(swift_store):
    return swift_store


async def packed(store) -> bytes:
    content = await store.get_bytes(KEY)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
    return content


@pytest.mark.parametrize("copies", [True, False], ids=["copied", "sent"])
@pytest.mark.parametrize("wrong", [0, 1])
async def test_a_file_near_with_other_bytes_is_not_used(store, tmp_path, caplog, copies, wrong):
    store._copies = copies
    entries = await with_clips(store, *CLIPS)
    keys = [entry.key for entry in entries[1:]]
    near = {key: tmp_path / key.rpartition("/")[2] for key in keys}
    for key, content in zip(keys, CLIPS, strict=True):
        near[key].write_bytes(content)
    near[keys[wrong]].write_bytes(bytes(len(CLIPS[wrong])))
    heard: list[int] = []

    size_bytes = await store.put_archive(KEY, entries, MOMENT, near, heard.append)

    assert len(await packed(store)) == size_bytes
    assert sum(heard) <= size_bytes
    assert f"does not hold the bytes of {keys[wrong]}" in caplog.text


async def test_a_clip_that_changed_in_the_store_is_missed_and_nothing_is_stored(store):
    store._copies = False
    entries = await with_clips(store, *CLIPS)
    await store.put_bytes(entries[2].key, bytes(len(CLIPS[1])))

    with pytest.raises(ObjectMissing, match=f"{entries[2].key} has other bytes"):
        await store.put_archive(KEY, entries, MOMENT)

    assert [facts.key async for facts in store.list("archives/")] == []


def test_a_file_that_is_gone_is_not_right(tmp_path):
    assert right_ones({"clips/b/001.mp4": tmp_path / "gone"}, []) == {}
