"""Face tracks: found, in step with the frames, without leaps, without jitter, without delay."""

import time
from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import pytest

from pipeline.errors import NoFaceFound, Stopped
from pipeline.faces import geometry
from pipeline.faces.cleaning import (
    bridge_gaps,
    facing,
    fade_presence,
    reject_leaps,
    runs,
    smooth,
)
from pipeline.faces.planes import Region, region_around, region_as_rgb, split
from pipeline.faces.track import track_faces
from pipeline.media import read_frames
from pipeline.samples.look import LOOKS
from pipeline.samples.presenter import Pose, Presenter
from pipeline.types import VideoFacts
from tests.presenters import video_facts

WIDTH_PX = 100.0


def a_face(x: float = 300.0, y: float = 200.0) -> np.ndarray:
    """A cloud of points as wide as WIDTH_PX, with the eyes and the oval where they belong."""
    points = np.random.default_rng(5).uniform(-0.4, 0.4, (468, 2)) * WIDTH_PX
    points[list(geometry.OVAL_SIDES)] = [(-WIDTH_PX / 2, 0), (WIDTH_PX / 2, 0)]
    points[list(geometry.EYE_CORNERS)] = [(-40, -20), (40, -20)]
    return (points + np.array([x, y])).astype(np.float32)


def many(*centres: float | None) -> np.ndarray:
    """A track along x; None is a frame without a face."""
    gone = np.full((468, 2), np.nan, np.float32)
    return np.stack([gone if x is None else a_face(x) for x in centres])


def facts(width: int, height: int, frames: int) -> VideoFacts:
    return VideoFacts("h264", width, height, Fraction(25), frames, frames / 25, has_sound=False)


def silent(stage: str, done: int, total: int) -> None:
    """Progress nobody looks at."""


def test_a_short_gap_is_bridged_on_a_straight_line():
    found = many(100, None, None, None, 108)

    bridged = bridge_gaps(found)

    assert np.allclose(bridged.mean(axis=1)[:, 0] - bridged[0].mean(axis=0)[0], [0, 2, 4, 6, 8])


def test_a_long_gap_and_the_edges_of_the_video_are_not_bridged():
    found = many(None, 100, *[None] * 11, 108, None)

    bridged = bridge_gaps(found)

    assert runs(~np.isnan(bridged[:, 0, 0])) == [(1, 2), (13, 14)]


def test_a_gap_between_two_faces_far_apart_is_not_bridged():
    found = many(100, None, 400)

    assert np.isnan(bridge_gaps(found)[1]).all()


def test_a_leap_of_more_than_half_a_face_becomes_a_gap():
    found = many(100, 101, 102, 190, 191, 105, 106, 107)

    reject_leaps(found)

    assert runs(np.isnan(found[:, 0, 0])) == [(3, 5)]


def test_a_leap_at_the_very_beginning_becomes_a_gap():
    found = many(300, 100, 101, 102)

    reject_leaps(found)

    assert runs(np.isnan(found[:, 0, 0])) == [(0, 1)]


def test_a_cut_to_another_picture_is_believed():
    found = many(*[100] * 30, *[400] * 30)

    reject_leaps(found)

    assert not np.isnan(found).any()


def test_a_head_that_moves_fast_is_believed():
    found = many(*range(100, 600, 40))

    reject_leaps(found)

    assert not np.isnan(found).any()


def test_presence_fades_beside_long_gaps_and_nowhere_else():
    present = np.array([1] * 5 + [0] * 3 + [1] * 5, dtype=bool)

    weights = fade_presence(present, fade=3)

    expected = [1, 1, 0.75, 0.5, 0.25, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert np.allclose(weights, expected)


def posed(nose: tuple[float, float], chin_px: float = 100.0) -> np.ndarray:
    """One face with its eyes 80 px apart at height 0, its nose at a place from their middle, its chin below."""
    face = a_face(0.0, 20.0)
    face[geometry.NOSE_TIP] = nose
    face[geometry.CHIN] = (0.0, chin_px)
    return face[None]


@pytest.mark.parametrize("side", [-1, 1])
def test_the_effect_fades_as_the_head_turns_beyond_45_degrees(side: int):
    places = [0, 15, 26, 38, 41, 45, 50, 55]  # px; from there to the outer eye corner it is 40

    weights = [float(facing(posed((side * x, 40.0)))[0]) for x in places]

    assert weights[:4] == [1, 1, 1, 1]
    assert weights[-1] == 0
    assert 0 < weights[5] < 1
    assert (np.diff(weights) <= 0).all()


def test_the_effect_fades_as_the_head_is_raised_or_lowered_far():
    heights = [-5, 3, 10, 28, 40, 60, 66, 75]  # px below the eyes, of 100 to the chin

    weights = [float(facing(posed((0.0, y)))[0]) for y in heights]

    assert weights[2:6] == [1, 1, 1, 1]
    assert (weights[0], weights[-1]) == (0, 0)
    assert 0 < weights[1] < 1
    assert 0 < weights[6] < 1


def test_a_head_that_whips_round_fades_over_the_same_time_as_one_that_vanishes():
    facing_away = np.array([1, 1, 1, 1, 0.9, 0, 0, 1, 1, 1, 1])

    weights = fade_presence(facing_away, fade=3)

    assert np.allclose(weights, [1, 1, 0.75, 0.5, 0.25, 0, 0, 0.25, 0.5, 0.75, 1])


def test_smoothing_takes_out_most_of_the_jitter_of_a_still_head():
    noise = np.random.default_rng(1).normal(0, 0.3, (60, 468, 2)).astype(np.float32)
    still = a_face()[None].repeat(60, axis=0)

    smoothed = smooth(still + noise)

    assert np.std(smoothed - still) < 0.6 * np.std(noise)


def test_smoothing_neither_delays_nor_shrinks_a_fast_lip():
    moving = a_face()[None].repeat(50, axis=0)
    gap = 20 * np.clip(np.sin(np.arange(50) * 2 * np.pi * 5 / 25), 0, None).astype(np.float32)
    moving[:, 14, 1] += gap

    smoothed = smooth(moving)[:, 14, 1] - moving[0, 14, 1]

    assert np.abs(smoothed - gap).max() < 1.0


def test_smoothing_is_the_same_forward_and_backward():
    wandering = a_face()[None] + np.random.default_rng(2).normal(0, 2, (30, 1, 2))
    track = wandering.astype(np.float32)

    assert np.allclose(smooth(track)[::-1], smooth(track[::-1].copy()), atol=1e-4)


@pytest.mark.parametrize("roll", [-40, 0, 25])
def test_the_opening_does_not_depend_on_how_the_head_is_tilted(roll: float):
    face = a_face()
    for up, low in ((13, 14), (82, 87), (312, 317)):
        face[up], face[low] = (300, 230), (300, 246)
    angle = np.radians(roll)
    turned = face @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    assert geometry.mouth_opening(turned.astype(np.float32)) == pytest.approx(0.2, abs=1e-4)
    assert geometry.mouth_openings(turned[None].astype(np.float32)) == pytest.approx(
        [0.2], abs=1e-4
    )


def test_a_region_is_even_and_lies_inside_the_frame():
    assert region_around(-5.5, 3.2, 20.1, 999, (90, 120)) == Region(0, 2, 22, 88)
    assert region_around(500, 3, 600, 9, (90, 120)).width_px == 0


def test_the_planes_are_views_and_a_region_has_the_colours_of_the_frame():
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[2:6, 4:8] = (200, 30, 30)
    planes = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420))

    cut = region_as_rgb(planes, Region(4, 2, 4, 4))
    split(planes)[0][:] = 16

    assert np.abs(cut.astype(int) - (200, 30, 30)).max() < 6
    assert (planes[:8] == 16).all()


def test_a_video_without_a_face_is_refused_with_the_first_frame():
    blank = (np.full((120 * 3 // 2, 160), 128, np.uint8) for _ in range(6))

    with pytest.raises(NoFaceFound) as caught:
        track_faces(blank, facts(160, 120, 6), silent)

    assert caught.value.facts == {"frame": 0, "second": 0.0}


def test_a_picture_like_a_ribbon_is_not_cut_into_hundreds():
    ribbon = (np.full((12_000 * 3 // 2, 48), 128, np.uint8) for _ in range(6))
    started = time.process_time()

    with pytest.raises(NoFaceFound):
        track_faces(ribbon, facts(48, 12_000, 6), silent)

    assert time.process_time() - started < 5


def test_tracking_ends_when_it_is_asked_to():
    def stop(stage: str, done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        track_faces(iter([np.full((180, 160), 128, np.uint8)]), facts(160, 120, 1), stop)


def test_a_face_that_is_lost_and_found_again_fades_in_without_a_leap():
    look = LOOKS[0]
    presenter = Presenter(look)
    seen = np.asarray(cv2.cvtColor(presenter.frame(Pose()), cv2.COLOR_RGB2YUV_I420))
    gone = np.full_like(seen, 128)
    frames = (gone if 12 <= frame < 27 else seen for frame in range(45))

    track = track_faces(frames, facts(look.width_px, look.height_px, 45), silent)

    assert (track.presence[12:27] == 0).all()
    assert np.abs(np.diff(track.presence)).max() < 0.2
    assert (track.presence[[0, -1]] == 1).all()


def small_in_portrait(frames: Iterator[np.ndarray], gap: range) -> Iterator[np.ndarray]:
    """The presenter four times smaller, far from the middle of 1080x1920; nobody in the frames of ``gap``."""
    for frame, planes in enumerate(frames):
        rgb = cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)
        canvas = np.full((1920, 1080, 3), 90, np.uint8)
        if frame not in gap:
            canvas[1200:1470, 700:880] = cv2.resize(rgb, (180, 270), interpolation=cv2.INTER_AREA)
        yield np.asarray(cv2.cvtColor(canvas, cv2.COLOR_RGB2YUV_I420))


def test_a_small_face_is_found_over_a_gap_and_nothing_is_written_to_stderr(samples, capfd):
    video = samples / "templates" / "man_idle_720x1080.mp4"
    seen = video_facts(video)
    frames = (planes for planes, _ in zip(read_frames(video, seen), range(20), strict=False))

    track = track_faces(small_in_portrait(frames, range(8, 12)), facts(1080, 1920, 20), silent)

    centres = track.landmarks.mean(axis=1)
    assert track.landmarks.shape == (20, 468, 2)
    assert (track.presence == 1).all()
    assert np.abs(centres - (787, 1308)).max() < 12
    assert capfd.readouterr().err == ""
