"""The visible label: its place, its height, its time; read by an independent judge, and found again by ourselves."""

import subprocess
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.faces.planes import split
from pipeline.label.seen import find_label
from pipeline.label.visible import (
    CHINESE,
    ENGLISH,
    FaceRoom,
    covering,
    face_room,
    label_frames,
    label_places,
    place_label,
)
from pipeline.lettering import Placed
from tests.corpora.faces import landmarks
from tests.judges import need

SIZES = [(480, 854), (854, 480), (480, 480), (1080, 1920), (1920, 1080), (1080, 1080)]
NOBODY = face_room(np.full((3, 468, 2), np.nan, np.float32))
TEXTS = [CHINESE, ENGLISH]


def face_at(x: float, y: float, size: tuple[int, int], scale: float = 1.0) -> FaceRoom:
    """A face whose mouth is at a place, as shares of the picture; at scale 1.0 it is as tall as half the shorter side."""
    face = landmarks(centre=np.zeros(2)) * (scale * min(size) / 400)
    return face_room(np.stack([face + np.array([x * size[0], y * size[1]], np.float32)] * 2))


def picture(size: tuple[int, int], kind: str) -> np.ndarray:
    """I420: white, black, or busy (noise, stripes and bright spots of the size of letters)."""
    width, height = size
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    luma = planes[:height]
    luma[...] = 235 if kind == "white" else 16
    if kind == "busy":
        rng = np.random.default_rng(5)
        coarse = rng.integers(16, 236, (height // 12 + 1, width // 12 + 1), np.uint8)
        luma[...] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        luma[::9] = 235
        for x, y in rng.integers(0, 2**16, (60, 2)) % np.array([width, height]):
            cv2.circle(luma, (int(x), int(y)), min(size) // 40, 235, -1)
        planes[height:] = rng.integers(90, 170, (height // 2, width), np.uint8)
    return planes


def read_by_tesseract(picture_bgr: np.ndarray, folder: Path) -> str:
    path = folder / "label.png"
    cv2.imwrite(str(path), picture_bgr)
    line = [need("tesseract"), str(path), "-", "-l", "chi_sim+eng", "--psm", "6"]
    told = subprocess.run(line, capture_output=True, text=True, check=True)
    # Between a capital I and a small l this font makes no difference to it.
    return "".join(told.stdout.split()).replace("AI", "Al").replace("Ai", "Al")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", TEXTS)
def test_the_label_is_in_the_picture_and_its_capitals_have_a_twentieth_of_the_shorter_side(
    size: tuple[int, int], text: str
):
    placed = place_label(text, size, NOBODY)

    ink = placed.ink
    assert min(ink.left_px, ink.top_px) >= 0.03 * min(size) - 1
    assert ink.right_px <= size[0] - 0.03 * min(size) + 1
    assert ink.bottom_px <= size[1] - 0.03 * min(size) + 1
    for height_px in letter_heights(placed):
        assert height_px >= 0.05 * min(size)


def letter_heights(placed: Placed) -> list[int]:
    """Ink of the tallest letter of each line, as drawn: between rows that are empty."""
    inked = (placed.lettering.fill > 127).any(axis=1)
    edges = np.flatnonzero(np.diff(inked.astype(np.int8), prepend=0, append=0))
    return [int(end - first) for first, end in zip(edges[::2], edges[1::2], strict=True)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("x", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("y", [0.3, 0.5, 0.7])
def test_the_label_never_touches_the_mouth(size: tuple[int, int], text: str, x: float, y: float):
    face = face_at(x, y, size)

    placed = place_label(text, size, face)

    for left, top, right, bottom in face.mouths:
        spot = placed.spot
        apart = spot.right_px <= left or spot.left_px >= right
        assert apart or spot.bottom_px <= top or spot.top_px >= bottom


def test_a_face_in_a_corner_sends_the_label_to_another_one():
    size = (854, 480)

    corners = {
        corner: place_label(CHINESE, size, face_at(*corner, size, scale=0.6)).spot
        for corner in ((0.15, 0.25), (0.85, 0.25))
    }

    assert corners[0.15, 0.25].left_px > 427
    assert corners[0.85, 0.25].right_px < 427


def test_where_the_face_fills_the_picture_the_least_covered_corner_is_taken():
    size = (480, 480)
    face = face_at(0.5, 0.6, size, scale=2.0)

    cost = covering(place_label(CHINESE, size, face).spot, face)

    assert cost > 0
    assert cost == min(covering(placed.spot, face) for placed in label_places(CHINESE, size))


def test_the_place_counts_all_frames_not_the_first_alone():
    size = (854, 480)
    still, moved = face_at(0.8, 0.5, size, 0.6), face_at(0.15, 0.4, size, 0.6)
    both = FaceRoom(
        np.concatenate([still.heads, moved.heads]), np.concatenate([still.mouths, moved.mouths])
    )

    placed = place_label(CHINESE, size, both)

    assert covering(placed.spot, moved) < 0.02
    assert covering(placed.spot, still) < 0.02


def test_a_text_of_which_nothing_can_be_drawn_is_refused():
    with pytest.raises(ValueError, match="no letter"):
        place_label("😀", (480, 854), NOBODY)


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (48, 64), (4000, 100)])
def test_in_odd_pictures_the_label_is_drawn_as_far_as_it_fits(size: tuple[int, int]):
    planes = picture(size, "black")

    place_label(ENGLISH, size, NOBODY).draw(planes)

    assert planes[: size[1]].max() > 150


@pytest.mark.parametrize(("seconds", "frames"), [(None, 100), (2.0, 50), (2.01, 51), (9.0, 100)])
def test_the_label_is_shown_for_as_long_as_the_operator_wants(seconds: float | None, frames: int):
    assert label_frames(seconds, Fraction(25), 100) == frames


def test_less_than_two_seconds_are_refused():
    with pytest.raises(ValueError, match=r"2\.0 s"):
        label_frames(1.9, Fraction(25), 100)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["white", "black", "busy"])
def test_tesseract_reads_the_label_on_any_background(
    size: tuple[int, int], kind: str, tmp_path: Path
):
    read = {}
    for text in TEXTS:
        planes = picture(size, kind)
        placed = place_label(text, size, NOBODY)
        placed.draw(planes)
        spot = placed.spot
        cut = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)[
            spot.top_px : spot.bottom_px, spot.left_px : spot.right_px
        ]
        read[text] = read_by_tesseract(cut, tmp_path)

    assert "数字人" in read[CHINESE]
    assert "Al" in read[CHINESE]
    assert "生成" in read[CHINESE]
    assert "generated" in read[ENGLISH]
    assert "human" in read[ENGLISH]


@lru_cache(maxsize=1)
def frames_with(text: str, size: tuple[int, int], kind: str) -> list[np.ndarray]:
    """Luma of six frames of something that moves, labelled."""
    placed, plain, frames = place_label(text, size, NOBODY), picture(size, kind), []
    for number in range(6):
        planes = plain.copy()
        planes[: size[1]] = np.roll(planes[: size[1]], 7 * number, axis=1)
        placed.draw(planes)
        frames.append(split(planes)[0])
    return frames


@pytest.mark.slow
@pytest.mark.parametrize("smaller", [1.0, 0.667, 0.5])  # first: these follow on each other
@pytest.mark.parametrize("size", [(480, 854), (854, 480), (1080, 1920)])
@pytest.mark.parametrize("kind", ["white", "black", "busy"])
@pytest.mark.parametrize("text", TEXTS)
def test_our_label_is_found_again_in_smaller_and_rougher_copies(
    size: tuple[int, int], kind: str, text: str, smaller: float
):
    spot = place_label(text, size, NOBODY).spot
    rough = [
        cv2.imdecode(
            cv2.imencode(
                ".jpg",
                cv2.resize(luma, None, fx=smaller, fy=smaller, interpolation=cv2.INTER_AREA),
                [cv2.IMWRITE_JPEG_QUALITY, 40],
            )[1],
            cv2.IMREAD_GRAYSCALE,
        )
        for luma in frames_with(text, size, kind)
    ]

    found = find_label(rough, any_text=False)

    assert found is not None
    slack = 0.03 * min(size)
    assert abs(found.left_px / smaller - spot.left_px) < slack
    assert abs(found.top_px / smaller - spot.top_px) < slack
    assert abs(found.right_px / smaller - spot.right_px) < slack
    assert abs(found.bottom_px / smaller - spot.bottom_px) < slack


@pytest.mark.parametrize("kind", ["white", "black", "busy"])
def test_another_text_is_found_where_the_video_is_known_to_be_ours(kind: str):
    size, text = (854, 480), "本视频由 Acme 合成"
    frames = frames_with(text, size, kind)

    found = find_label(frames, any_text=True)

    assert find_label(frames, any_text=False) is None
    assert found is not None
    spot = place_label(text, size, NOBODY).spot
    assert spot.overlap(found) > 0.8 * spot.width_px * spot.height_px


@pytest.mark.parametrize("kind", ["white", "black", "busy"])
def test_a_picture_without_a_label_has_none(kind: str):
    luma = split(picture((854, 480), kind))[0]

    assert find_label([np.roll(luma, 9 * n, axis=1) for n in range(6)], any_text=True) is None
