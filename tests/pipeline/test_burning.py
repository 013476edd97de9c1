"""Captions in the picture: each word in its frames, in lines that fit, beside mouth and label."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from pipeline.captions.burning import caption_words, place_captions, screens
from pipeline.captions.cues import Cue
from pipeline.label.visible import ENGLISH, FaceRoom, face_room, place_label
from pipeline.lettering import text_width
from pipeline.types import Word
from tests.corpora.faces import landmarks

FPS = Fraction(25)
NOBODY = face_room(np.full((3, 468, 2), np.nan, np.float32))
SIZES = [(480, 854), (854, 480), (480, 480), (1080, 1920), (1920, 1080)]
LONG = Cue(1.0, 5.0, ("Good morning and welcome to the", "quarterly review of everything we did"))
CHINESE = Cue(1.0, 3.0, ("大家早上好，欢迎来到本季度的工作总结会议", "今天我们一起回顾"))


def face_at(x: float, y: float, size: tuple[int, int]) -> FaceRoom:
    """A face whose mouth is at a place, as shares of the picture."""
    face = landmarks(centre=np.array([x * size[0], y * size[1]]))
    return face_room(np.stack([face, face]))


def test_words_are_shown_from_their_first_frame_to_their_last():
    captions = place_captions([Cue(0.5, 1.2, ("Hello",))], (480, 854), FPS, 100, NOBODY)

    assert captions is not None
    # 0.52 s is the first, 1.16 s the last
    assert [frame for frame in range(100) if captions.at(frame)] == list(range(13, 30))


def test_what_is_said_behind_the_last_frame_is_left_out():
    captions = place_captions([Cue(0.5, 9.0, ("Hello",))], (480, 854), FPS, 20, NOBODY)

    assert captions is not None
    assert captions.shown[-1].frames == range(13, 20)


def test_without_words_there_are_no_captions():
    assert place_captions([], (480, 854), FPS, 20, NOBODY) is None
    assert place_captions([Cue(0.0, 1.0, ("😀",))], (480, 854), FPS, 20, NOBODY) is None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cue", [LONG, CHINESE])
def test_lines_stand_in_the_middle_of_the_lower_part_inside_the_picture(size, cue):
    captions = place_captions([cue], size, FPS, 200, NOBODY)

    assert captions is not None
    for shown in captions.shown:
        placed = captions.at(shown.frames[-1])
        assert placed is not None
        spot = placed.spot
        assert spot.left_px >= 0
        assert spot.right_px <= size[0]
        assert abs(spot.left_px + spot.right_px - size[0]) <= 4
        assert 0.7 * size[1] < spot.top_px
        assert spot.bottom_px <= 0.95 * size[1]
        assert captions.band.top_px <= spot.top_px + 1


@pytest.mark.parametrize("size", SIZES)
def test_no_more_than_two_lines_at_a_time_and_no_word_is_lost(size):
    font_px, width_px = min(size) // 18, round(0.88 * size[0])

    parts = list(screens([LONG], font_px, width_px))

    assert max(len(part.lines) for part in parts) <= 2
    assert " ".join(line for part in parts for line in part.lines) == " ".join(LONG.lines)
    assert all(text_width(line, font_px) <= width_px for part in parts for line in part.lines)
    assert (parts[0].start_s, parts[-1].end_s) == (1.0, 5.0)
    assert all(a.end_s == b.start_s for a, b in pairwise(parts))


def test_lines_that_fit_stay_as_they_are():
    cue = Cue(0.0, 1.0, ("short", "and a little longer"))

    assert list(screens([cue], 30, 800)) == [cue]


def test_chinese_is_joined_without_spaces_when_it_is_broken_anew():
    parts = list(screens([CHINESE], 40, 420))

    assert "".join(line for part in parts for line in part.lines) == "".join(CHINESE.lines)


@pytest.mark.parametrize("y", [0.3, 0.5, 0.7, 0.8, 0.85])
def test_captions_never_touch_the_mouth(y: float):
    size = (480, 854)
    face = face_at(0.5, y, size)

    captions = place_captions([LONG], size, FPS, 200, face)

    assert captions is not None
    for _left, top, _right, bottom in face.mouths:
        assert captions.band.bottom_px <= top or captions.band.top_px >= bottom


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("y", [0.25, 0.5, 0.8])
def test_label_and_captions_never_overlap(size, y: float):
    face = face_at(0.5, y, size)

    captions = place_captions([LONG], size, FPS, 200, face)
    assert captions is not None
    label = place_label(ENGLISH, size, face, captions.band)

    assert not label.spot.overlap(captions.band)


def test_all_captions_of_a_clip_have_one_size_and_one_height():
    cues = [Cue(0.0, 1.0, ("One line",)), Cue(1.0, 2.0, ("Two lines of", "the same words"))]

    captions = place_captions(cues, (854, 480), FPS, 50, NOBODY)

    assert captions is not None
    one, two = captions.at(0), captions.at(30)
    assert one is not None
    assert two is not None
    assert abs(one.spot.bottom_px - two.spot.bottom_px) <= 2
    assert two.spot.height_px > 1.5 * one.spot.height_px


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "text",
    [
        "Good morning everybody and welcome to our quarterly review of everything we did this year",
        "大家 早上 好 欢迎 来到 本 季度 的 工作 总结 会议 今天 我们 一起 回顾 所有 的 项目 和 成绩",
    ],
)
def test_words_are_broken_for_the_breadth_of_the_picture(size: tuple[int, int], text: str):
    words = [Word(word, 0.4 * n, 0.4 * n + 0.35) for n, word in enumerate(text.split())]

    captions = caption_words(words, size, FPS, 250, NOBODY)

    assert captions is not None
    told = "".join(line for one in captions.shown for line in one.lines).replace(" ", "")
    assert told == text.replace(" ", "")
    assert max(len(one.lines) for one in captions.shown) <= 2
    # A cue that did not fit would be shown in parts of which one might be a glimpse.
    assert min(len(one.frames) for one in captions.shown) >= 18
    for one in captions.shown:
        placed = captions.at(one.frames[0])
        assert placed is not None
        assert placed.spot.left_px >= 0
        assert placed.spot.right_px <= size[0]
