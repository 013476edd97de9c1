"""The viseme engine on small synthetic faces: what moves, how far, and what stays as it is."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.engines.port import LipSync, Patch, Speech
from pipeline.engines.registry import open_engine
from pipeline.engines.viseme.engine import VisemeEngine, VisemePrepared, load, save
from pipeline.errors import EngineUnavailable
from pipeline.faces import geometry
from pipeline.faces.planes import split
from pipeline.options import Playing
from pipeline.playing import play_order
from pipeline.types import FULL_OPENING, MouthCurve
from tests.corpora.faces import (
    CENTRE,
    EYES_PX,
    HEIGHT_PX,
    WIDTH_PX,
    curve,
    found_marks,
    landmarks,
    lower_mark,
    performance,
    picture,
    shown,
    upper_mark,
)

_: type[LipSync] = VisemeEngine


def test_a_frame_that_already_shows_what_is_asked_keeps_its_bits():
    face = landmarks()
    planes = picture(face)

    assert np.array_equal(shown(face, planes, curve(0.0)), planes)


def test_without_presence_the_frame_keeps_its_bits():
    face = landmarks(gap=0.2)
    planes = picture(face, gap=0.2)

    assert np.array_equal(shown(face, planes, curve(0.0), presence=0.0), planes)


@pytest.mark.parametrize("asked", [curve(1.0), curve(0.6, rounding=1.0), curve(0.3, width=1.0)])
def test_collar_and_wall_keep_their_place_while_the_jaw_moves(asked: MouthCurve):
    face = landmarks()
    planes = picture(face)
    collar, wall = (
        (0.0, 0.78),
        (0.55, 0.32),
    )  # eye distances from the mouth; the wall beside the jaw
    spots = [face[[13, 14]].mean(axis=0) + EYES_PX * np.array(at) for at in (collar, wall)]
    for spot in spots:
        cv2.circle(planes[:HEIGHT_PX], np.round(spot).astype(int).tolist(), 2, 250, -1)

    marks = np.array(found_marks(shown(face, planes, asked)))

    for spot in spots:
        assert np.hypot(*(marks - np.round(spot)).T).min() < 0.7


@pytest.mark.parametrize("opening", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("roll_deg", [0.0, 25.0])
def test_the_lips_part_by_what_the_curve_asks_on_a_tilted_head_too(opening: float, roll_deg: float):
    face = landmarks(roll_deg=roll_deg)
    planes = picture(face)

    marks = found_marks(shown(face, planes, curve(opening)))

    before = np.hypot(*(lower_mark(face) - upper_mark(face)))
    grown = (np.hypot(*(marks[-1] - marks[0])) - before) / EYES_PX
    assert grown == pytest.approx(opening * FULL_OPENING, abs=0.02)


def test_the_lower_lip_does_most_of_the_opening():
    face = landmarks()
    planes = picture(face)

    marks = found_marks(shown(face, planes, curve(0.8)))

    up, down = upper_mark(face)[1] - marks[0][1], marks[-1][1] - lower_mark(face)[1]
    assert 0 <= up < 0.4 * down


def test_the_chin_goes_down_with_the_jaw():
    face = landmarks()
    planes = picture(face)
    chin = np.round(face[geometry.CHIN]).astype(int)
    cv2.circle(planes[:HEIGHT_PX], chin.tolist(), 2, 250, -1)

    marks = found_marks(shown(face, planes, curve(1.0)))

    assert 0.08 * EYES_PX < marks[-1][1] - chin[1] < FULL_OPENING * EYES_PX


@pytest.mark.parametrize("asked", [curve(0.0, speech=0.0), curve(0.5, closure=1.0)])
def test_an_open_mouth_closes_for_silence_and_for_pressed_lips(asked: MouthCurve):
    face = landmarks(gap=0.2)
    planes = picture(face, gap=0.2)

    closed = shown(face, planes, asked)

    middle = int(face[13][0])
    column = closed[int(face[13][1]) - 10 : int(face[14][1]) + 10, middle + 6]
    assert column.min() > 60


def test_where_a_closed_mouth_opens_the_inside_is_dark_with_teeth_on_top():
    face = landmarks()
    planes = picture(face)

    opened = shown(face, planes, curve(1.0))[:HEIGHT_PX]

    x, y = int(face[13][0]), int(face[13][1])
    assert opened[y + 12 : y + 18, x].max() < 60  # shade
    assert opened[y - 2 : y + 4, x + 5].mean() > opened[y + 12 : y + 18, x].mean() + 40  # teeth


def test_rounded_lips_are_narrower_and_spread_ones_wider():
    face = landmarks()
    planes = picture(face)
    spots = [face[61], face[291]]
    for spot in spots:
        cv2.circle(planes[:HEIGHT_PX], np.round(spot).astype(int).tolist(), 2, 250, -1)

    def corners(asked: MouthCurve) -> float:
        xs = [spot[0] for spot in found_marks(shown(face, planes, asked))]
        return float(max(xs) - min(xs))

    assert corners(curve(0.1, rounding=1.0)) < corners(curve(0.1)) - 4
    assert corners(curve(0.1, width=1.0)) > corners(curve(0.1)) + 3


@pytest.mark.parametrize("asked", [curve(1.0), curve(0.3, rounding=1.0), curve(0.0, teeth=1.0)])
def test_outside_the_lower_face_every_bit_stays(asked: MouthCurve):
    face = landmarks()
    planes = picture(face)

    changed = shown(face, planes, asked)

    left, right = face[list(geometry.JAW)][:, 0].min(), face[list(geometry.JAW)][:, 0].max()
    outside = np.ones((HEIGHT_PX, WIDTH_PX), dtype=bool)
    top, bottom = face[geometry.NOSE_BASE][1] - 4, face[geometry.CHIN][1] + 0.5 * EYES_PX + 4
    outside[int(top) : int(bottom), int(left) - 2 : int(right) + 4] = False
    halved = outside[::2, ::2] & outside[1::2, 1::2]
    masks = (outside, halved, halved)
    for before, after, mask in zip(split(planes), split(changed), masks, strict=True):
        assert np.array_equal(before[mask], after[mask])
    assert not np.array_equal(planes, changed)


def test_half_a_presence_shows_half_of_the_opening():
    face = landmarks()
    planes = picture(face)
    before = lower_mark(face)[1] - upper_mark(face)[1]

    whole, half = (
        found_marks(shown(face, planes, curve(1.0), presence=presence)) for presence in (1.0, 0.5)
    )

    ratio = (half[-1][1] - half[0][1] - before) / (whole[-1][1] - whole[0][1] - before)
    assert ratio == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("presence", [0.1, 0.3, 0.6])
def test_while_the_effect_fades_an_open_mouth_keeps_an_inside(presence: float):
    face = landmarks(gap=0.2)
    planes = picture(face, gap=0.2)

    fading = shown(face, planes, curve(0.7), presence=presence)

    middle, x = int(CENTRE[1]), int(CENTRE[0])
    assert (
        fading[middle - 2 : middle + 5, x].max() < 110
    )  # shade and teeth, not the skin of stretched lips


def test_a_closed_mouth_that_opens_half_way_is_not_transparent():
    face = landmarks()
    planes = picture(face)

    half = shown(face, planes, curve(1.0), presence=0.5)

    x, y = int(face[13][0]), int(face[13][1])
    assert half[y : y + 14, x].min() < 45


@pytest.mark.parametrize("centre", [(5, 180), (160, 350), (318, 4), (-400, 900)])
def test_a_face_cut_by_the_edge_of_the_picture_is_no_error(centre: tuple[float, float]):
    face = landmarks(centre=np.array(centre, dtype=float))
    planes = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)

    assert shown(face, planes, curve(1.0)).shape == planes.shape


def test_frames_without_a_face_stay_and_the_others_move():
    gone = np.full((468, 2), np.nan, np.float32)
    made = performance([landmarks(), gone, landmarks()])
    made.track.presence[1] = 0.0
    engine = VisemeEngine()

    windows = list(
        engine.windows(engine.prepare(made), Speech(Path("t"), 0.12, curve(1.0, 3)), range(3))
    )
    patches = engine.generate(windows)[0]

    planes = [engine.compose(picture(landmarks()), patch) for patch in patches]
    still = picture(landmarks())
    assert [np.array_equal(frame, still) for frame in planes] == [False, True, False]


def test_windows_name_every_frame_once_and_its_source():
    engine = VisemeEngine()
    prepared = engine.prepare(performance([landmarks()] * 4))
    order = play_order(prepared.performance, 1.6, Playing.BOUNCE)

    windows = list(engine.windows(prepared, Speech(Path("t"), 1.6, curve(0.0, 40)), order))

    assert [frame for window in windows for frame in window.frames] == list(range(40))
    assert [source for window in windows for source in window.sources][:9] == [
        0, 1, 2, 3, 2, 1, 0, 1, 2,
    ]  # fmt: skip


def test_what_is_prepared_once_is_taken_back_from_the_folder(tmp_path: Path):
    made = performance([landmarks(0.1), landmarks(), landmarks(0.2)])
    prepared = VisemeEngine().prepare(made)

    save(prepared, tmp_path)
    again = load(made, tmp_path)

    assert isinstance(again, VisemePrepared)
    assert np.array_equal(again.axes, prepared.axes)
    assert again.rest is not None
    assert prepared.rest is not None
    assert np.array_equal(again.rest.seam, prepared.rest.seam)
    assert again.rest.width == pytest.approx(prepared.rest.width)


def test_what_was_kept_for_another_template_is_not_taken(tmp_path: Path):
    save(VisemeEngine().prepare(performance([landmarks()] * 3)), tmp_path)

    assert load(performance([landmarks()] * 4), tmp_path) is None
    assert load(performance([landmarks()]), tmp_path / "nothing") is None


def test_a_patch_of_another_engine_is_refused():
    with pytest.raises(TypeError, match="another engine"):
        VisemeEngine().compose(np.zeros((6, 4), np.uint8), Patch(0, 0))


def test_engines_are_opened_by_name():
    assert open_engine("viseme").name == "viseme"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("musetalk", "chorus models pull musetalk"),
        ("latentsync", "chorus models pull latentsync"),
        ("wav2lip", "viseme, musetalk, latentsync"),
    ],
)
def test_an_engine_that_is_not_there_says_what_to_do(name: str, advice: str):
    with pytest.raises(EngineUnavailable, match=advice):
        open_engine(name)
