"""A Template shorter than the Take goes on without a visible jump where one can be avoided."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline import glimpses, media
from pipeline.options import Playing
from pipeline.playing import (
    loop_points,
    order_of_frames,
    recognise_order,
    turning_points,
)
from tests.corpora.media import write_video
from tests.presenters import video_facts

FPS = Fraction(25)


def head_at(position: float) -> np.ndarray:
    """A glimpse of a bright head on a dark wall, ``position`` spots from the left."""
    columns = np.arange(glimpses.WIDTH)
    light = np.clip(4 - np.abs(columns - position), 0, 1) * 150 + 40
    return np.tile(light, (glimpses.HEIGHT, 1)).astype(np.float16)


def sway(frames: int, period: float, start: float = 0.0) -> np.ndarray:
    """Glimpses of a head that sways, (frames, HEIGHT, WIDTH)."""
    turns = 2 * np.pi * (start + np.arange(frames) / period)
    return np.array([head_at(16 + 6 * np.sin(turn)) for turn in turns])


def order(template: np.ndarray, frames: int, playing: Playing) -> list[int]:
    return list(order_of_frames(template, len(template), FPS, frames, playing))


@pytest.mark.parametrize("playing", Playing)
@pytest.mark.parametrize("frames", [1, 60, 100])
def test_a_template_that_is_long_enough_is_shown_as_it_is(playing: Playing, frames: int):
    assert order(sway(100, 33), frames, playing) == list(range(frames))


@pytest.mark.parametrize("playing", Playing)
@pytest.mark.parametrize("template_frames", [1, 2, 3, 7, 100])
def test_every_order_has_the_frames_asked_for_and_begins_at_the_beginning(
    playing: Playing, template_frames: int
):
    template = sway(template_frames, 33)

    got = order(template, 500, playing)

    assert len(got) == 500
    assert set(got) <= set(range(template_frames))
    kept = got.index(max(got)) + 1
    assert got[:kept] == list(range(kept))
    assert kept >= template_frames // 2


@pytest.mark.parametrize("playing", Playing)
def test_a_template_of_an_older_version_plays_to_its_ends(playing: Playing):
    got = list(order_of_frames(None, 4, FPS, 12, playing))

    assert (
        got
        == {
            Playing.BOUNCE: [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1],
            Playing.LOOP: [0, 1, 2, 3] * 3,
            Playing.HOLD: [0, 1, 2, *[3] * 9],
        }[playing]
    )


def test_a_turn_is_where_a_swaying_head_stands_still():
    # it moves fastest at both ends of the video; it stands still a quarter of a sway later, and before
    template = sway(120, 40)

    early, late = turning_points(template, FPS)

    assert (early, late) == (10, 110)


def test_a_turn_leaves_out_at_most_a_second_and_a_half_and_fifteen_per_cent():
    long, short = sway(1000, 500), sway(40, 80)

    (early, late), (soon, end) = turning_points(long, FPS), turning_points(short, FPS)

    assert (early, late) == (37, 962)
    assert 0 < soon <= 6
    assert 33 <= end < 39


def test_who_goes_back_and_forth_never_stops_at_the_turn():
    template = sway(120, 40)

    got = order(template, 400, Playing.BOUNCE)

    assert all(abs(a - b) == 1 for a, b in pairwise(got))
    assert {got[at] for at in range(1, 399) if got[at - 1] == got[at + 1]} == {10, 110}


def test_a_loop_closes_where_the_sway_is_the_same_and_goes_the_same_way():
    # two sways and a half: the end looks like the beginning, but moves the other way
    template = sway(100, 40)

    early, late = loop_points(template, FPS)

    around = [late - 1, late, early, early + 1]
    steps = glimpses.motion(template[around])[1:]
    assert late - early >= 50
    assert max(steps) <= 1.5 * np.median(glimpses.motion(template))
    plain = glimpses.motion(template[[98, 99, 0, 1]])[1:]
    assert max(steps) < 0.5 * max(plain)


def test_of_loops_that_cannot_be_seen_the_longest_is_taken():
    assert loop_points(np.tile(head_at(12), (90, 1, 1)), FPS) == (0, 89)


def test_who_holds_stops_where_the_head_stands_still():
    got = order(sway(120, 40), 300, Playing.HOLD)

    assert got == [*range(110), *[110] * 190]


@pytest.mark.parametrize("playing", Playing)
def test_the_order_of_a_finished_clip_is_recognised(playing: Playing):
    template = sway(110, 47, start=0.1)
    chosen = order(template, 260, playing)
    noise = np.random.default_rng(3).normal(0, 2, (260, glimpses.HEIGHT, glimpses.WIDTH))

    found = recognise_order((template[chosen] + noise).astype(np.float16), template, FPS)

    assert list(found) == chosen


def test_a_glimpse_tells_less_than_a_level_of_grey_apart():
    planes = np.full((96 * 3 // 2, 160), 100, np.uint8)
    planes[:2, :5] += 4  # a tenth of a spot of 5 by 5.3 pixels

    assert 0.5 < glimpses.glimpse(planes)[0, 0] - 100 < 3


# Real presenters

Jump = tuple[float, float]
REAL = {
    "man_idle_720x1080.mp4": (0.75, 0.5),
    "presenter_1080x1920_hevc_30fps.mp4": (0.5, 0.7),
    "woman_greenscreen_720x974.mp4": (1.0, 1.0),  # made to be played to its ends
}


def step(lumas: Sequence[np.ndarray], frame: int) -> float:
    """The larger of the changes before and behind a frame, where it turns."""
    around = lumas[max(frame - 1, 0) : frame + 2]
    return max(float(np.abs(a.astype(np.int16) - b).mean()) for a, b in pairwise(around))


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_presenters_turn_and_loop_more_quietly_than_at_their_ends(samples: Path, name: str):
    source = samples / "templates" / name
    facts = video_facts(source)
    lumas = [planes[: facts.height_px] for planes in media.read_frames(source, facts)]
    seen = np.array([glimpses.glimpse(luma_only(luma)) for luma in lumas])
    at_turn, at_loop = REAL[name]

    early, late = turning_points(seen, facts.fps)
    first, last = loop_points(seen, facts.fps)

    turn = max(step(lumas, early), step(lumas, late))
    ends = max(step(lumas, 0), step(lumas, facts.frames - 1))
    jump, plain = (step([lumas[a], lumas[b]], 0) for a, b in ((last, first), (-1, 0)))
    assert turn <= at_turn * ends + 0.01
    assert jump <= at_loop * plain + 0.01


def luma_only(luma: np.ndarray) -> np.ndarray:
    return np.concatenate([luma, luma[: len(luma) // 2]])


def test_going_back_and_forth_reads_the_frames_it_names(tmp_path: Path):
    source = write_video(tmp_path / "v.mp4", range(60))
    facts = media.probe_video(source)
    forward = list(media.read_frames(source, facts))
    chosen = order_of_frames(None, 60, FPS, 200, Playing.LOOP)

    got = list(media.read_source_order(source, facts, iter(chosen)))

    assert all(np.array_equal(a, forward[b]) for a, b in zip(got, chosen, strict=True))
