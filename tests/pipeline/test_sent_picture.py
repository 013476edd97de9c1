"""Pictures that people send: whatever they are, the engine gets a plain PNG or nobody gets anything."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import EmptyFile, UnreadableFile
from pipeline.sandbox import run_in_child
from tests.children import Children

QUARTERS = np.zeros((60, 100, 3), np.uint8)
QUARTERS[:30, :50] = (0, 0, 255)  # BGR: red above left
QUARTERS[:30, 50:] = (0, 255, 0)
QUARTERS[30:, :50] = (255, 0, 0)
QUARTERS[30:, 50:] = (255, 255, 255)


def nothing(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    with Children() as children:
        yield children


def asked(source: Path) -> dict[str, str]:
    folder = source.parent / "made"
    folder.mkdir()
    return {"do": "picture", "source": str(source), "name": source.name, "folder": str(folder)}


def keep(source: Path, children: Children) -> tuple[dict[str, int], np.ndarray]:
    """What a child makes of a file, BGR."""
    request = asked(source)
    folder = Path(request["folder"])
    told = children.done(request)
    assert [path.name for path in folder.iterdir()] == ["picture.png"]
    made = cv2.imread(str(folder / "picture.png"), cv2.IMREAD_UNCHANGED)
    assert made is not None
    return told, made


def write(path: Path, picture: np.ndarray, *options: int) -> Path:
    assert cv2.imwrite(str(path), picture, list(options))
    return path


def turned_by_exif(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF segment with one entry, the orientation, into a JPEG."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 0)
    segment = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "bmp", "tiff"])
def test_pictures_of_the_usual_kinds_are_kept(tmp_path: Path, children: Children, kind: str):
    told, made = keep(write(tmp_path / f"wall.{kind}", QUARTERS), children)

    assert told == {"width_px": 100, "height_px": 60}
    assert (made.shape, made.dtype) == ((60, 100, 3), np.uint8)
    assert np.abs(made.astype(int) - QUARTERS)[5:25, 5:45].max() < 12


def test_a_photo_that_was_held_upright_stands_upright(tmp_path: Path, children: Children):
    write(tmp_path / "plain.jpg", QUARTERS)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(turned_by_exif((tmp_path / "plain.jpg").read_bytes(), 6))

    told, made = keep(photo, children)

    assert told == {"width_px": 60, "height_px": 100}
    assert np.abs(made[10, 50].astype(int) - (0, 0, 255)).max() < 12  # red is above right now
    assert np.abs(made[10, 10].astype(int) - (255, 0, 0)).max() < 12


def test_a_large_picture_is_made_smaller(tmp_path: Path, children: Children):
    large = write(tmp_path / "large.png", np.zeros((3000, 4500, 3), np.uint8))

    told, made = keep(large, children)

    assert told == {"width_px": 2048, "height_px": 1365}
    assert made.shape == (1365, 2048, 3)


def test_what_is_transparent_becomes_white_and_16_bits_become_8(tmp_path: Path, children: Children):
    picture = np.zeros((20, 20, 4), np.uint16)
    picture[:10, :, 3] = 65535

    _, made = keep(write(tmp_path / "logo.png", picture), children)

    assert (made.dtype, made.shape) == (np.uint8, (20, 20, 3))
    assert made[5].max() == 0
    assert made[15].min() == 255


def test_a_grey_picture_has_three_channels(tmp_path: Path, children: Children):
    grey = write(tmp_path / "grey.png", np.full((20, 20), 99, np.uint8))

    _, made = keep(grey, children)

    assert made.shape == (20, 20, 3)
    assert set(made.ravel()) == {99}


def bomb() -> bytes:
    """A PNG of 30000 by 30000 pixels in 2.6 MB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    packer = zlib.compressobj(1)
    row = bytes(90_001)
    rows = b"".join(packer.compress(row) for _ in range(30_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    "content",
    [
        b"this is no picture at all",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xd8\xff\xe0" + bytes(2000),
        b"%PDF-1.7\n",
    ],
)
def test_what_is_no_picture_is_refused_and_leaves_nothing(
    tmp_path: Path, children: Children, content: bytes
):
    source = tmp_path / "picture.jpg"
    source.write_bytes(content)

    with pytest.raises(UnreadableFile):
        keep(source, children)

    assert list((tmp_path / "made").iterdir()) == []


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, children: Children):
    (tmp_path / "picture.jpg").touch()

    with pytest.raises(EmptyFile):
        keep(tmp_path / "picture.jpg", children)


def test_a_bomb_costs_a_sentence(tmp_path: Path):
    source = tmp_path / "bomb.png"
    source.write_bytes(bomb())

    with pytest.raises(UnreadableFile):
        run_in_child(asked(source), timeout_s=60, progress=nothing)

    assert list((tmp_path / "made").iterdir()) == []
