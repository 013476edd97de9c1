"""A hand, a cup or a microphone before the mouth: the effect fades out and in, and never without cause."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.faces.cleaning import runs
from pipeline.faces.covering import SPOTS, find_covered
from pipeline.faces.track import FADE_S, track_faces
from pipeline.media import read_frames
from pipeline.samples.idle import idle
from pipeline.samples.library import LOOKS, Look
from pipeline.samples.presenter import Presenter
from pipeline.types import Track, VideoFacts
from tests.corpora.covers import KINDS, covered
from tests.presenters import video_facts

FPS = Fraction(25)
REAL = (
    "man_idle_720x1080.mp4",
    "woman_greenscreen_720x974.mp4",
    "presenter_1080x1920_hevc_30fps.mp4",
)
HIDDEN = range(20, 45)


def silent(stage: str, done: int, total: int) -> None:
    """Progress nobody looks at."""


def idling(look: Look, frames: int) -> tuple[Iterator[np.ndarray], VideoFacts]:
    presenter = Presenter(look)
    facts = VideoFacts(
        "h264", look.width_px, look.height_px, FPS, frames, frames / 25, has_sound=False
    )
    drawn = (presenter.frame(pose) for pose in idle(look, frames))
    return (np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)) for rgb in drawn), facts


def filmed(video: Path, frames: int) -> tuple[Iterator[np.ndarray], VideoFacts]:
    facts = video_facts(video)
    frames = min(frames, facts.frames)
    cut = VideoFacts(
        facts.codec,
        facts.width_px,
        facts.height_px,
        facts.fps,
        frames,
        float(frames / facts.fps),
        has_sound=False,
    )
    return islice(read_frames(video, facts), frames), cut


def assert_it_fades_while_hidden(track: Track, facts: VideoFacts) -> None:
    shown = track.presence
    assert (shown[HIDDEN.start : HIDDEN.stop] == 0).all()
    assert (shown[: HIDDEN.start - 16] == 1).all()
    assert (shown[HIDDEN.stop + 16 :] == 1).all()
    steepest = 1 / (round(FADE_S * facts.fps) + 1)
    assert np.abs(np.diff(shown)).max() <= steepest + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("look", "kind"),
    list(zip(LOOKS, KINDS, strict=True)),
    ids=["mira-hand", "jonas-microphone", "amara-cup"],
)
def test_the_effect_fades_while_something_covers_the_mouth(look: Look, kind: str):
    frames, facts = idling(look, 70)

    track = track_faces(covered(frames, kind, HIDDEN), facts, silent)

    assert_it_fades_while_hidden(track, facts)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("name", REAL)
def test_the_effect_fades_while_something_covers_a_real_mouth(samples, kind: str, name: str):
    frames, facts = filmed(samples / "templates" / name, 70)

    track = track_faces(covered(frames, kind, HIDDEN), facts, silent)

    assert_it_fades_while_hidden(track, facts)


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS[1:], ids=lambda look: look.name)
def test_nothing_fades_where_nothing_covers_the_mouth(look: Look):
    frames, facts = idling(look, 50)

    assert (track_faces(frames, facts, silent).presence == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_nothing_fades_where_real_people_speak_and_turn(samples, name: str):
    frames, facts = filmed(samples / "templates" / name, 150)

    assert (track_faces(frames, facts, silent).presence == 1).all()


def a_face(frames: int, lips: float = 12.0, light: float = 0.0) -> np.ndarray:
    """Spots of a face that keeps still but for noise; ``lips`` is how much redder they are than the skin."""
    spots = np.random.default_rng(4).normal(0, 1, (frames, *SPOTS))
    spots[..., 0] += 95 + light
    spots[:, 2:4, :, 2] += lips
    return spots.astype(np.float32)


def covers(spots: np.ndarray) -> list[tuple[int, int]]:
    return runs(find_covered(spots, FPS))


@pytest.mark.slow
def test_lips_that_lose_their_colour_are_covered():
    spots = a_face(100)
    spots[30:50, 2:4, :, 2] -= 12

    assert covers(spots) == [(30, 50)]


def test_a_blink_of_an_eye_is_no_cover_and_no_glimpse():
    spots = a_face(200)
    spots[30:32] += 60
    spots[80:100] += 60
    spots[104:130] += 60

    assert covers(spots) == [(80, 130)]


def test_a_face_lost_behind_a_hand_is_covered_and_one_lost_by_itself_is_not():
    spots = a_face(200)
    spots[40:60] += 60
    spots[48:70] = np.nan
    spots[120:130] = np.nan

    assert covers(spots) == [(40, 70)]


def test_another_light_for_a_while_is_no_cover():
    spots = np.concatenate([a_face(600), a_face(400, light=40)])

    assert covers(spots) == []


def test_pale_lips_cannot_be_missed():
    assert covers(a_face(100, lips=0.0)) == []


def test_without_any_face_nothing_is_covered():
    assert covers(np.full((20, *SPOTS), np.nan, np.float32)) == []
