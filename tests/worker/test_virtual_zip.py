"""The ZIP that is never written, judged by those who unpack ZIPs."""

import io
import os
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judges import need
from worker.contract.attachments import content_disposition
from worker.contract.ports import ArchiveEntry
from worker.contract.virtual_zip import Piece, VirtualZip

MOMENT = datetime(2026, 3, 1, 12, 30, 42, tzinfo=UTC)
OBJECTS = {"clips/b/001.mp4": os.urandom(3000), "clips/b/002.mp4": b"", "clips/b/003.mp4": b"x"}
GIB = 1 << 30


def entry_of(name, key):
    content = OBJECTS[key]
    return ArchiveEntry(name, len(content), zlib.crc32(content), key=key)


def of_bytes(name, content):
    return ArchiveEntry(name, len(content), zlib.crc32(content), content=content)


ENTRIES = [
    entry_of("output_001_man.mp4", "clips/b/001.mp4"),
    entry_of("output_002_主持人.mp4", "clips/b/002.mp4"),
    entry_of("output_003_été.mp4", "clips/b/003.mp4"),
    of_bytes("manifest.json", b'{"batch": "K7Q2"}'),
]


def bytes_of(piece: Piece) -> bytes:
    if piece.content is not None:
        return piece.content
    return OBJECTS[piece.key][piece.start : piece.start + piece.size_bytes]


def read(virtual: VirtualZip, start: int, size_bytes: int) -> bytes:
    return b"".join(bytes_of(piece) for piece in virtual.pieces(start, size_bytes))


def whole(virtual: VirtualZip) -> bytes:
    return read(virtual, 0, virtual.size_bytes)


def test_python_unpacks_every_entry_under_its_name():
    with zipfile.ZipFile(io.BytesIO(whole(VirtualZip(ENTRIES, MOMENT)))) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {
            "output_001_man.mp4": OBJECTS["clips/b/001.mp4"],
            "output_002_主持人.mp4": b"",
            "output_003_été.mp4": b"x",
            "manifest.json": b'{"batch": "K7Q2"}',
        }
        assert {info.date_time for info in archive.infolist()} == {(2026, 3, 1, 12, 30, 42)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_unzip_finds_nothing_wrong_and_knows_the_moment_in_utc(tmp_path):
    unzip = need("unzip")
    path = tmp_path / "a.zip"
    path.write_bytes(whole(VirtualZip(ENTRIES, MOMENT)))

    tested = subprocess.run([unzip, "-t", path], capture_output=True, text=True, check=False)
    subprocess.run(
        [unzip, "-q", path, "-d", tmp_path],
        check=True,
        env={"TZ": "Asia/Shanghai", "LC_ALL": "C.UTF-8"},
    )

    assert (tested.returncode, "No errors detected" in tested.stdout) == (0, True)
    unpacked = tmp_path / "output_002_主持人.mp4"
    assert datetime.fromtimestamp(unpacked.stat().st_mtime, UTC) == MOMENT


def test_a_reader_that_goes_from_the_front_finds_sizes_and_checksums():
    content = whole(VirtualZip(ENTRIES, MOMENT))

    flags = int.from_bytes(content[6:8], "little")
    checksum = int.from_bytes(content[14:18], "little")
    size = int.from_bytes(content[22:26], "little")
    assert (flags, checksum, size) == (1 << 11, zlib.crc32(OBJECTS["clips/b/001.mp4"]), 3000)


def test_the_size_is_known_beforehand_and_the_bytes_are_the_same_every_time():
    first, second = VirtualZip(ENTRIES, MOMENT), VirtualZip(list(ENTRIES), MOMENT)

    assert whole(first) == whole(second)
    assert len(whole(first)) == first.size_bytes
    assert sum(segment.size_bytes for segment in first.segments) == first.size_bytes


@given(st.data())
def test_any_range_equals_that_range_of_the_whole(data):
    virtual = VirtualZip(ENTRIES, MOMENT)
    start = data.draw(st.integers(0, virtual.size_bytes))
    size_bytes = data.draw(st.integers(0, virtual.size_bytes - start))

    assert read(virtual, start, size_bytes) == whole(virtual)[start : start + size_bytes]


@pytest.mark.parametrize(("start", "size_bytes"), [(-1, 1), (0, -1), (0, 10**9), (10**9, 0)])
def test_a_range_outside_the_zip_is_refused(start, size_bytes):
    with pytest.raises(ValueError, match="outside"):
        list(VirtualZip(ENTRIES, MOMENT).pieces(start, size_bytes))


def test_an_empty_zip_is_a_zip():
    with zipfile.ZipFile(io.BytesIO(whole(VirtualZip([], MOMENT)))) as archive:
        assert archive.namelist() == []


def written_with_holes(virtual: VirtualZip, path: Path) -> None:
    """Write the ZIP with its objects as holes (all zero), so that gigabytes take no disk."""
    position = 0
    with path.open("wb") as file:
        for segment in virtual.segments:
            if segment.content is not None:
                file.seek(position)
                file.write(segment.content)
            position += segment.size_bytes


ZEROS_5_GIB = (
    0x193838C3  # CRC-32 of 5 GiB of zeros: one number, so that no test has to run over them
)


def test_entries_and_offsets_beyond_four_gib_are_found(tmp_path):
    path = tmp_path / "large.zip"
    late = of_bytes("late.txt", b"behind the border")
    large = ArchiveEntry("large.mp4", 5 * GIB, ZEROS_5_GIB, key="clips/b/004.mp4")
    after = ArchiveEntry("after.mp4", 1000, zlib.crc32(bytes(1000)), key="clips/b/005.mp4")
    virtual = VirtualZip([of_bytes("early.txt", b"here"), large, late, after], MOMENT)
    written_with_holes(virtual, path)

    with zipfile.ZipFile(path) as archive:
        facts = {info.filename: (info.file_size, info.header_offset) for info in archive.infolist()}
        assert archive.read("late.txt") == b"behind the border"
        assert archive.read("after.mp4") == bytes(1000)
        assert archive.read("early.txt") == b"here"
        with archive.open("large.mp4") as content:
            assert content.read(1 << 20) == bytes(1 << 20)
    assert facts["large.mp4"][0] == 5 * GIB
    assert facts["late.txt"][1] > 5 * GIB
    assert path.stat().st_size == virtual.size_bytes


def test_unzip_lists_a_zip_beyond_four_gib_without_a_complaint(tmp_path):
    unzip = need("unzip")
    path = tmp_path / "large.zip"
    entries = [
        ArchiveEntry("large.mp4", 5 * GIB, ZEROS_5_GIB, key="clips/b/004.mp4"),
        of_bytes("late.txt", b"behind the border"),
    ]
    written_with_holes(VirtualZip(entries, MOMENT), path)

    tested = subprocess.run(
        [unzip, "-t", path, "late.txt"], capture_output=True, text=True, check=False
    )
    listed = subprocess.run([unzip, "-v", path], capture_output=True, text=True, check=False)

    assert (tested.returncode, tested.stderr) == (0, "")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert str(5 * GIB) in listed.stdout


@pytest.mark.slow
def test_unzip_reads_five_gib_to_their_end(tmp_path):
    unzip = need("unzip")
    path = tmp_path / "large.zip"
    entries = [ArchiveEntry("large.mp4", 5 * GIB, ZEROS_5_GIB, key="clips/b/004.mp4")]
    written_with_holes(VirtualZip(entries, MOMENT), path)

    tested = subprocess.run([unzip, "-t", path], capture_output=True, text=True, check=False)

    assert (tested.returncode, tested.stderr) == (0, "")


@pytest.mark.parametrize("count", [0xFFFE, 0xFFFF, 0x10000])
def test_more_entries_than_sixteen_bits_count_are_all_there(count):
    entries = [ArchiveEntry(f"{number}", 0, 0, content=b"") for number in range(count)]

    with zipfile.ZipFile(io.BytesIO(whole(VirtualZip(entries, MOMENT)))) as archive:
        assert len(archive.namelist()) == count


@pytest.mark.parametrize("size_bytes", [0xFFFFFFFE, 0xFFFFFFFF, 0x100000000])
def test_sizes_around_the_border_of_32_bits_are_told_right(tmp_path, size_bytes):
    path = tmp_path / "border.zip"
    entries = [
        ArchiveEntry("a.mp4", size_bytes, 1, key="clips/b/004.mp4"),
        of_bytes("late.txt", b"behind"),
    ]
    written_with_holes(VirtualZip(entries, MOMENT), path)

    with zipfile.ZipFile(path) as archive:
        assert [info.file_size for info in archive.infolist()] == [size_bytes, 6]
        assert archive.read("late.txt") == b"behind"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "..\\a", "C:a", "tab\t", "end.", " a", "a ", "a" * 70000]
)
def test_a_name_that_could_not_be_unpacked_is_refused(name):
    with pytest.raises(ValueError, match="unpacks"):
        VirtualZip([of_bytes(name, b"")], MOMENT)


def test_two_names_that_windows_takes_for_one_are_refused():
    with pytest.raises(ValueError, match="two entries"):
        VirtualZip([of_bytes("A.mp4", b"1"), of_bytes("a.MP4", b"2")], MOMENT)


def test_content_that_is_not_what_its_checksum_says_is_refused():
    with pytest.raises(ValueError, match="checksum"):
        VirtualZip([ArchiveEntry("a", 1, 7, content=b"x")], MOMENT)
    with pytest.raises(ValueError, match="neither"):
        VirtualZip([ArchiveEntry("a", 1, 7)], MOMENT)


def test_times_before_and_after_what_zip_can_say_are_held_to_its_borders():
    for year, told in ((1970, 1980), (2150, 2107)):
        virtual = VirtualZip([of_bytes("a", b"x")], MOMENT.replace(year=year))
        with zipfile.ZipFile(io.BytesIO(whole(virtual))) as archive:
            assert archive.infolist()[0].date_time[0] == told
    with pytest.raises(ValueError, match="time zone"):
        VirtualZip([], MOMENT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("a b.zip", "attachment; filename=\"a b.zip\"; filename*=UTF-8''a%20b.zip"),
        ("été.zip", "attachment; filename=\"ete.zip\"; filename*=UTF-8''%C3%A9t%C3%A9.zip"),
        ("合唱.zip", "attachment; filename=\"__.zip\"; filename*=UTF-8''%E5%90%88%E5%94%B1.zip"),
        ('a"\r\n\\.zip', "attachment; filename=\"a__.zip\"; filename*=UTF-8''a%22%5C.zip"),
    ],
)
def test_a_download_tells_its_name_to_old_and_new_browsers(filename, header):
    assert content_disposition(filename) == header
