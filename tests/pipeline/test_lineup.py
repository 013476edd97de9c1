"""Line-ups: every presenter of a page in one picture that chats take, with a number that can be read."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.lineup import LINEUP, Cell, draw_lineup, read_cells, write_lineup

RED, BLUE = (40, 40, 200), (200, 60, 40)
LONG = "人力资源部—招聘宣讲会主持人（春季校园招聘专场）第二版本 with a very long name that does not end"


def poster(width: int = 427, height: int = 640, colour: tuple[int, ...] = RED) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def cells(count: int, **of: object) -> list[Cell]:
    return [Cell(number, f"name {number}", poster(**of)) for number in range(1, count + 1)]  # type: ignore[arg-type]


def share(sheet: np.ndarray, colour: tuple[int, ...]) -> float:
    return float((np.abs(sheet.astype(int) - colour).max(axis=2) < 30).mean())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 11, 12, 24])
@pytest.mark.parametrize("size", [(360, 640), (427, 640), (640, 640), (1138, 640)])
def test_a_line_up_is_about_square_within_1280_pixels_and_most_of_it_are_posters(count, size):
    sheet = draw_lineup(cells(count, width=size[0], height=size[1]))

    height, width = sheet.shape[:2]
    assert max(height, width) <= 1280
    assert max(height, width) <= 2 * min(height, width)
    assert share(sheet, RED) > 0.38


@pytest.mark.parametrize("number", [1, 8, 12, 88])
def test_a_number_is_white_on_a_dark_plate_and_higher_than_an_eighth_of_its_cell_is_wide(number):
    drawn = draw_lineup([Cell(number, "", poster(colour=(255, 255, 255)))] * 12)

    cell_px = drawn.shape[1] // 4
    first = drawn[: drawn.shape[0] // 3, :cell_px]
    dark = (first.max(axis=2) < 60).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark[:-20, 12:])
    left, top, wide, high, _ = max(stats[1:], key=lambda each: each[4] if each[3] < 200 else 0)
    plate = first[top : top + high, 12 + left : 12 + left + wide]
    rows = np.flatnonzero((plate[8:-8, 12:-12].min(axis=2) > 200).any(axis=1))
    assert rows.size
    assert np.ptp(rows) > cell_px / 8


@pytest.mark.parametrize("name", ["王晓明", "Zoë Ångström", LONG, "x" * 200, "👩‍💼", "", "  \n "])
def test_any_name_is_drawn_inside_its_own_cell(name):
    bare = draw_lineup([Cell(1, "", poster()), Cell(2, "", poster())])
    drawn = draw_lineup([Cell(1, name, poster()), Cell(2, "", poster())])

    changed = np.flatnonzero((bare != drawn).any(axis=(0, 2)))
    assert drawn.shape == bare.shape
    assert not changed.size or changed.max() < drawn.shape[1] / 2
    assert bool(changed.size) is any(letter.isalpha() for letter in name)


def test_a_presenter_without_a_poster_stands_there_as_an_outline_with_a_number():
    sheet = draw_lineup([Cell(1, "late", None), *cells(1)])

    assert share(sheet[:, : sheet.shape[1] // 2], RED) == 0
    assert sheet[:, : sheet.shape[1] // 2].max() > 200


@pytest.mark.parametrize("x", [0.1, 0.5, 0.9])
def test_a_face_at_the_side_of_a_wide_poster_stays_in_the_picture(x):
    wide = poster(1138, 640)
    cv2.circle(wide, (round(x * 1138), 200), 60, BLUE, -1)
    portraits = [Cell(number, "", poster()) for number in (2, 3, 4)]

    kept = share(draw_lineup([Cell(1, "", wide, (x, 0.31)), *portraits]), BLUE)
    central = share(
        draw_lineup([Cell(1, "", np.roll(wide, round((0.5 - x) * 1138), 1)), *portraits]), BLUE
    )

    assert kept > 0.85 * central


def test_it_is_read_from_a_plan_and_written_as_a_jpeg(tmp_path: Path):
    assert cv2.imwrite(str(tmp_path / "0.jpg"), poster())
    (tmp_path / "1.jpg").write_bytes(b"no picture")
    plan = [
        {"number": 3, "name": "anchor", "poster": "0.jpg", "face": [0.5, 0.3]},
        {"number": 4, "name": "host", "poster": "1.jpg", "face": None},
        {"number": 5, "name": "idle", "poster": None, "face": None},
    ]
    (tmp_path / "plan.json").write_text(json.dumps(plan))

    read = read_cells(tmp_path / "plan.json")
    told = write_lineup(read, tmp_path)

    assert [(each.number, each.name, each.face) for each in read] == [
        (3, "anchor", (0.5, 0.3)),
        (4, "host", None),
        (5, "idle", None),
    ]
    assert [each.poster is None for each in read] == [False, True, True]
    made = cv2.imread(str(tmp_path / LINEUP))
    assert made.shape[:2] == (told["height_px"], told["width_px"])
    assert (tmp_path / LINEUP).stat().st_size < 1_000_000
