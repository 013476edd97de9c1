"""Contact sheets: the right frames, in tiles of one size, with bars that can be read."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.media import ClipWriter
from pipeline.samples.library import LOOKS
from pipeline.sheet import SheetPlan, write_sheet
from pipeline.types import FULL_OPENING, Pixels, VideoFacts
from tests.presenters import bring_presenter


@pytest.fixture(scope="module")
def presenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "presenter.mp4"
    bring_presenter(LOOKS[1], path, 0.8)
    return path


@pytest.fixture(scope="module")
def ramp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty grey frames, each brighter than the one before: a tile's brightness tells its frame."""
    path = tmp_path_factory.mktemp("ramp") / "ramp.mp4"
    facts = VideoFacts("h264", 160, 96, Fraction(25), 50, 2.0, has_sound=False)
    with ClipWriter(path, facts, 50, None, label=None) as writer:
        for frame in range(50):
            planes = np.full((144, 160), 128, np.uint8)
            planes[:96] = 40 + 3 * frame
            writer.write(planes)
    return path


def drawn(clip: Path, plan: SheetPlan, requested: np.ndarray | None = None) -> Pixels:
    out = clip.with_name("sheet.png")
    write_sheet(clip, out, plan, requested)
    picture = cv2.imread(str(out))
    assert picture is not None
    return np.asarray(picture[..., ::-1], np.uint8)


def frames_shown(sheet: Pixels, plan: SheetPlan, high_px: int) -> list[int]:
    """Read the frames of the ramp off a sheet by their brightness."""
    shown = []
    for place in range(plan.columns * plan.rows):
        top = 6 + place // plan.columns * (high_px + 34 + 6)
        left = 6 + place % plan.columns * (plan.tile_px + 6)
        grey = float(sheet[top + 10 : top + 40, left + 10 : left + 60].mean())
        shown.append(round((grey * 219 / 255 + 16 - 40) / 3))
    return shown


def test_a_sheet_shows_consecutive_frames_from_the_second_asked_for(ramp: Path):
    plan = SheetPlan(columns=3, rows=2, start_s=0.4, around_face=False, tile_px=100)

    sheet = drawn(ramp, plan)

    assert sheet.shape == (2 * (60 + 34 + 6) + 6, 3 * 106 + 6, 3)
    assert frames_shown(sheet, plan, 60) == [10, 11, 12, 13, 14, 15]


def test_a_sheet_that_would_run_over_the_end_begins_earlier(ramp: Path):
    plan = SheetPlan(columns=2, rows=2, start_s=60.0, around_face=False, tile_px=100)

    assert frames_shown(drawn(ramp, plan), plan, 60) == [46, 47, 48, 49]


def test_an_overview_is_spread_over_the_whole_video(ramp: Path):
    plan = SheetPlan(columns=5, rows=1, overview=True, around_face=False, tile_px=100)

    assert frames_shown(drawn(ramp, plan), plan, 60) == [5, 15, 25, 35, 45]


def test_without_a_start_the_sheet_begins_where_the_mouth_is_asked_to_open(ramp: Path):
    plan = SheetPlan(columns=4, rows=1, around_face=False, tile_px=100)
    requested = np.zeros(50)
    requested[20:] = 0.1

    assert frames_shown(drawn(ramp, plan, requested), plan, 60) == [18, 19, 20, 21]


def test_a_video_shorter_than_the_sheet_is_shown_whole(presenter: Path):
    sheet = drawn(presenter, SheetPlan(columns=10, rows=4, tile_px=64))

    assert sheet.shape == (2 * (64 + 34 + 6) + 6, 10 * 70 + 6, 3)


def test_a_face_fills_its_tile(presenter: Path):
    sheet = drawn(presenter, SheetPlan(columns=1, rows=1, tile_px=200))

    face = sheet[6 + 70 : 6 + 130, 6 + 70 : 6 + 130].astype(int)
    assert float(np.mean(face[..., 0] > face[..., 2] + 25)) > 0.9  # skin: much more red than blue


def test_the_upper_bar_is_as_long_as_the_mouth_is_asked_to_open(presenter: Path):
    requested = np.full(20, FULL_OPENING / 2)

    sheet = drawn(presenter, SheetPlan(columns=1, rows=1, start_s=0.0, tile_px=200), requested)

    bar = sheet[6 + 200 + 21, 6:206].astype(int)
    assert int(np.sum(bar[:, 0] > 150)) == pytest.approx(100, abs=2)


def test_a_sheet_without_tiles_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        SheetPlan(columns=0)
