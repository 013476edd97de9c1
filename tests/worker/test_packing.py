"""Names inside an Archive, and its manifest."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.ledger_things import order, result
from worker.contract.codes import Code
from worker.contract.names import archive_name, clip_name
from worker.contract.ports import ArchiveEntry
from worker.contract.records import BatchRecord, BatchState, ClipRecord, ClipState, Reason
from worker.contract.virtual_zip import VirtualZip
from worker.manifest import clips_of, manifest_of, parts_of


def clip(number: int, name: str, state: ClipState = ClipState.DONE) -> ClipRecord:
    return ClipRecord(
        number=number,
        template_id=f"t-{number}",
        template_name=name,
        template_file=f"{name}.mov",
        state=state,
        result=result() if state is ClipState.DONE else None,
        reason=Reason(code=Code.NO_FACE, facts={"frame": 1}) if state is ClipState.FAILED else None,
    )


def batch(*clips: ClipRecord) -> BatchRecord:
    return BatchRecord(
        id="b",
        code="K7Q2",
        order=order("m1", "one"),
        state=BatchState.PACKING,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        clips=clips,
    )


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("anna", "output_001_anna.mp4"),
        ("李雷 晨会", "output_001_李雷_晨会.mp4"),
        ('a/b\\c:d*e?"<>|', "output_001_a_b_c_d_e.mp4"),
        ("...", "output_001_template.mp4"),
        ("anna\u202e4pm.exe\x9b", "output_001_anna_4pm.exe.mp4"),
        ("\ud800", "output_001_template.mp4"),
        ("👩\u200d🏫", "output_001_👩\u200d🏫.mp4"),
        ("x" * 300, f"output_001_{'x' * 60}.mp4"),
    ],
)
def test_entries_are_named_so_that_every_system_takes_them(name: str, entry: str) -> None:
    assert clip_name(1, name) == entry


@given(st.lists(st.text(), min_size=1, max_size=20))
def test_entries_never_collide_and_stay_flat(names: list[str]) -> None:
    entries = [clip_name(number, name) for number, name in enumerate(names, 1)]

    assert len({entry.casefold() for entry in entries}) == len(entries)
    assert all("/" not in entry and "\\" not in entry for entry in entries)
    assert all(len(entry.encode()) <= 255 for entry in entries)


def test_two_templates_of_one_name_do_not_overwrite_each_other() -> None:
    entries = clips_of(batch(clip(1, "anna"), clip(2, "anna")))

    assert [entry.name for entry in entries] == ["output_001_anna.mp4", "output_002_anna.mp4"]


def test_the_manifest_says_why_a_clip_is_not_there() -> None:
    gone = clip(3, "cleo", ClipState.FAILED)
    gone = gone.model_copy(update={"reason": Reason(code=Code.CLIP_GONE)})
    made = batch(clip(1, "anna"), clip(2, "ben", ClipState.FAILED), gone)

    told = manifest_of(made, None)["clips"]

    assert [one["state"] for one in told] == ["done", "failed", "missing"]
    assert told[1]["reason"] == {"code": "no_face", "facts": {"frame": 1}}
    assert [one["name"] for one in told] == ["output_001_anna.mp4", None, None]
    assert (told[0]["sha256"], told[0]["frames"], told[0]["engine"]) == ("00", 25, "fake")


def test_an_archive_is_named_after_code_and_time() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).astimezone()

    assert (
        archive_name(batch().code, batch().created_at) == f"chorus_K7Q2_{at:%Y%m%d}_{at:%H%M%S}.zip"
    )


def entry(number: int, size_bytes: int) -> ArchiveEntry:
    return ArchiveEntry(clip_name(number, "主持人" * 9), size_bytes, 1, key=f"clips/b/{number}.mp4")


@given(st.lists(st.integers(0, 3_000_000_000), max_size=30), st.integers(1, 4_000_000_000))
def test_videos_are_shared_out_in_order_and_no_archive_of_several_is_too_large(
    sizes: list[int], most_bytes: int
) -> None:
    clips = [entry(number, size) for number, size in enumerate(sizes, 1)]
    beside = [ArchiveEntry("manifest.json", 2, 1, key="m")]

    parts = parts_of(clips, beside, most_bytes)

    assert [each for part in parts for each in part] == clips
    assert all(parts) or parts == [[]]
    for part in parts:
        whole = VirtualZip([*part, *beside], datetime(2026, 1, 2, tzinfo=UTC))
        assert len(part) <= 1 or whole.size_bytes <= most_bytes


def test_parts_of_an_archive_are_numbered_in_their_names() -> None:
    name = archive_name(batch().code, batch().created_at, 1, 3)

    assert name.startswith("chorus_K7Q2_2026")
    assert name.endswith("_part1of3.zip")
