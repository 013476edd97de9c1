"""Lettering: the height that was asked for, legible, and not one pixel changed elsewhere."""

import time

import cv2
import numpy as np
import pytest

from pipeline.lettering import drawable, size_for, text_width, typeset, wrap

WIDTH_PX, HEIGHT_PX = 640, 360
CHINESE, ENGLISH = "数字人 · AI生成", "AI-generated digital human"


def frame(brightness: int | None = None) -> np.ndarray:
    """I420: even, or noise."""
    planes = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
    noise = np.random.default_rng(7).integers(16, 236, (HEIGHT_PX, WIDTH_PX), np.uint8)
    planes[:HEIGHT_PX] = noise if brightness is None else brightness
    return planes


def letters_height(text: str, size: int) -> list[int]:
    """Ink of each capital, figure and Han character of a text, one by one."""
    return [typeset([one], size).ink.height_px for one in text if one.isupper() or one > "一"]


@pytest.mark.parametrize("ink_px", [18, 25.5, 57.2, 114])
@pytest.mark.parametrize("text", [CHINESE, ENGLISH, "数字人"])
def test_no_capital_and_no_han_character_is_lower_than_asked_for(text: str, ink_px: float):
    heights = letters_height(text, size_for(text, ink_px))

    assert min(heights) >= ink_px - 1
    assert min(heights) <= 1.15 * ink_px + 1


def test_a_text_of_han_characters_alone_is_no_larger_than_it_has_to_be():
    assert size_for("数字人", 50) < size_for(CHINESE, 50)


@pytest.mark.parametrize("brightness", [16, 128, 235, None])
def test_letters_are_white_and_stand_on_black_whatever_is_behind(brightness: int | None):
    planes, lettering = frame(brightness), typeset([ENGLISH], 40)

    placed = lettering.at(20, 30)
    placed.draw(planes)

    spot = placed.spot
    there = planes[spot.top_px : spot.bottom_px, spot.left_px : spot.right_px]
    letter, outline = lettering.fill == 255, (lettering.cover == 255) & (lettering.fill == 0)
    assert set(there[letter]) == {235}
    assert there[outline].max() <= 17
    assert np.count_nonzero(outline) > 0.5 * np.count_nonzero(letter)


def test_outside_its_spot_every_pixel_of_all_three_planes_stays():
    planes, before = frame(), frame()

    placed = typeset([CHINESE], 33).at(101, 57)
    placed.draw(planes)

    spot = placed.spot
    assert (spot.left_px, spot.top_px) == (100, 56)
    changed = planes != before
    luma = changed[:HEIGHT_PX].copy()
    assert luma.any()
    luma[spot.top_px : spot.bottom_px, spot.left_px : spot.right_px] = False
    assert not luma.any()
    assert not changed[HEIGHT_PX:].any()  # grey stays grey


def test_colours_behind_the_letters_are_gone_and_those_beside_them_stay():
    planes = frame(120)
    planes[HEIGHT_PX:] = 60
    lettering = typeset(["H"], 120)

    lettering.at(0, 0).draw(planes)

    blue = planes[HEIGHT_PX : HEIGHT_PX + HEIGHT_PX // 4].reshape(HEIGHT_PX // 2, WIDTH_PX // 2)
    rows, columns = np.nonzero(lettering.cover[::2, ::2] == 255)
    middle = len(rows) // 2
    assert blue[rows[middle], columns[middle]] == 128
    assert blue[-1, -1] == 60


def test_lettering_that_reaches_beyond_the_frame_is_cut():
    planes = frame()

    typeset([ENGLISH], 60).at(WIDTH_PX - 40, HEIGHT_PX - 20).draw(planes)
    typeset([ENGLISH], 60).at(-40, -20).draw(planes)

    assert planes.shape == (HEIGHT_PX * 3 // 2, WIDTH_PX)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("数字人 😀· AI\n生成", "数字人 · AI 生成"),
        ("really?", "really?"),
        ("a\u200db\x07c\ufe0f", "abc"),
        ("𠀀 déjà vu Жук", "déjà vu Жук"),
        ("😀", ""),
    ],
)
def test_what_the_font_cannot_draw_is_left_out(text: str, left: str):
    assert drawable(text) == left


@pytest.mark.parametrize(
    "text", [CHINESE, ENGLISH, "他说：“好的，数字人是生成的。”", "Überraschungseffekthascherei"]
)
@pytest.mark.parametrize("width_px", [120, 260, 900])
def test_lines_fit_into_the_width_and_lose_no_letter(text: str, width_px: int):
    lines = wrap(text, 32, width_px)

    assert max(text_width(line, 32) for line in lines) <= width_px
    assert "".join(lines).replace(" ", "").replace("·", "") == text.replace(" ", "").replace(
        "·", ""
    )


def test_lines_end_between_words_and_are_even():
    assert wrap(CHINESE, 34, 200) == ["数字人", "AI生成"]
    assert wrap(ENGLISH, 34, 260) == ["AI-generated", "digital human"]


def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one():
    text = "他说：“好的，数字人是生成的。”再见（真的）。"

    lines = [line for width_px in range(140, 600, 20) for line in wrap(text, 32, width_px)]

    assert not [line for line in lines if line[0] in "，。”：）" or line[-1] in "“（"]


@pytest.mark.slow
@pytest.mark.alone
def test_laying_a_label_over_a_frame_of_1080p_takes_less_than_a_third_of_a_millisecond():
    planes = np.full((1920 * 3 // 2, 1080), 128, np.uint8)
    placed = typeset(["AI-generated", "digital human"], 76).at(40, 40)

    took = []
    for _ in range(200):
        started = time.perf_counter()
        placed.draw(planes)
        took.append(time.perf_counter() - started)

    assert min(took) < 0.0003


def test_the_drawing_survives_a_codec_of_the_usual_quality():
    lettering = typeset([ENGLISH], 34)
    planes = frame()
    lettering.at(20, 20).draw(planes)

    rough = cv2.GaussianBlur(planes[:HEIGHT_PX], (3, 3), 0)

    there = rough[20 : 20 + lettering.height_px, 20 : 20 + lettering.width_px].astype(float)
    r = np.corrcoef(there[lettering.cover == 255], lettering.fill[lettering.cover == 255])[0, 1]
    assert r > 0.9
