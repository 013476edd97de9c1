"""The library and its objects, with a store that goes away and names that no text may hold."""

import itertools
import os
from pathlib import Path

import pytest

from bot.stock import add_to_library, readable, remove_from_library
from tests.bot.stage import Stage
from worker.contract import keys
from worker.contract.ports import StoreUnavailable
from worker.rebuild import rebuild


@pytest.mark.parametrize("call", range(1, 5))
async def test_a_template_removed_in_an_outage_can_be_removed_again_and_does_not_come_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    template, *others = await stage.ledger.templates()
    for name in ("poster.jpg", "source", "template.json"):
        written = template.model_dump_json().encode()
        await stage.store.put_bytes(keys.template(template.id, name), written)
    await stage.store.put_bytes(keys.prepared(template.sha256, "track.npz"), b"track")
    delete, calls = stage.store.delete, itertools.count(1)

    async def sometimes(key: str) -> None:
        if next(calls) == call:
            raise StoreUnavailable("away")
        await delete(key)

    monkeypatch.setattr(stage.store, "delete", sometimes)
    with pytest.raises(StoreUnavailable):
        await remove_from_library(stage.ledger, stage.store, template)
    [known] = [each for each in await stage.ledger.templates() if each.id == template.id]
    await remove_from_library(stage.ledger, stage.store, known)

    assert [facts.key async for facts in stage.store.list("")] == []
    assert await stage.ledger.templates() == others
    await stage.ledger._client.flushall()
    assert (await rebuild(stage.ledger, stage.store)).templates == 0


async def test_what_was_computed_of_a_video_stays_while_another_template_shares_it(
    stage: Stage,
) -> None:
    template = (await stage.ledger.templates())[0]
    twin = template.model_copy(update={"id": "t-twin", "name": "twin"})
    await stage.ledger.add_template(twin)
    prepared = keys.prepared(template.sha256, "track.npz")
    await stage.store.put_bytes(prepared, b"track")

    await remove_from_library(stage.ledger, stage.store, template)
    shared = [facts.key async for facts in stage.store.list("prepared/")]
    await remove_from_library(stage.ledger, stage.store, twin)

    assert shared == [prepared]
    assert [facts.key async for facts in stage.store.list("prepared/")] == []


async def test_a_video_whose_name_is_no_utf8_is_added_under_the_name_it_had(
    stage: Stage, tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode("新闻主播.mp4".encode("gbk"))
    path.write_bytes(b"x")

    added = await add_to_library(stage.ledger, stage.store, path)

    assert (added.name, added.file_name) == ("新闻主播", "新闻主播.mp4")


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"anna.mp4", "anna.mp4"), ("李雷.mp4".encode(), "李雷.mp4"), (b"a\xff.mp4", "a\ufffd.mp4")],
)
def test_names_of_files_become_text_whatever_bytes_they_are(raw: bytes, text: str) -> None:
    assert readable(os.fsdecode(raw)) == text


def test_half_a_letter_in_a_name_is_no_obstacle() -> None:
    assert readable("a\ud83d.mp4") == "a?.mp4"
