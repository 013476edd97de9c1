"""Typed options, and what they change."""

import pytest

from bot.colours import COLOURS, read_colour, shown_colour
from bot.options import (
    BACKGROUND,
    CAPTIONS,
    COLOUR,
    DENOISE,
    LABEL,
    LOUDNESS,
    OPTIONS,
    PLAYING,
    TRIM,
    Change,
    Option,
    Unread,
    changed,
    differing,
    read_change,
    value_of,
)
from worker.contract.records import OrderedBackground, OrderOptions, SentPicture

PICTURE = SentPicture(sha256="ab", name="wall.jpg")
CHANGES = [Change(option, value.name) for option in OPTIONS for value in option.values] + [
    Change(BACKGROUND, COLOUR, "#00aaff")
]


@pytest.mark.parametrize(
    ("text", "option", "value"),
    [
        ("playing loop", PLAYING, "loop"),
        ("Playing: HOLD", PLAYING, "hold"),
        ("播放 来回", PLAYING, "bounce"),
        ("播放方式 循环", PLAYING, "loop"),
        ("background none", BACKGROUND, "none"),
        ("background to blur", BACKGROUND, "blur"),
        ("背景虚化", BACKGROUND, "blur"),
        ("背景图片", BACKGROUND, "picture"),
        ("背景 换成 图片", BACKGROUND, "picture"),
        ("captions burned", CAPTIONS, "burned"),
        ("subtitles on", CAPTIONS, "burned"),
        ("字幕 烧录", CAPTIONS, "burned"),
        ("字幕烧录", CAPTIONS, "burned"),
        ("字幕 文件", CAPTIONS, "files"),
        ("字幕文件", CAPTIONS, "files"),
        ("字幕：不要", CAPTIONS, "off"),
        ("trim on", TRIM, "on"),
        ("去静音 开", TRIM, "on"),
        ("noise reduction on", DENOISE, "on"),
        ("降噪开启", DENOISE, "on"),
        ("loudness = off", LOUDNESS, "off"),
        ("音量均衡 关", LOUDNESS, "off"),
        ("label off", LABEL, "off"),
        ("AI标识 关闭", LABEL, "off"),
        ("水印　关", LABEL, "off"),
        ("captions in the picture", CAPTIONS, "burned"),
        ("字幕写进画面", CAPTIONS, "burned"),
        ("no captions", CAPTIONS, "off"),
        ("不要字幕", CAPTIONS, "off"),
        ("关掉降噪", DENOISE, "off"),
        ("请打开降噪", DENOISE, "on"),
        ("turn off trim", TRIM, "off"),
    ],
)
def test_options_are_read_as_people_type_them(text: str, option: Option, value: str) -> None:
    assert read_change(text) == Change(option, value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("background #00AAFF", "#00aaff"),
        ("background 00aaff", "#00aaff"),
        ("background #0af", "#00aaff"),
        ("background blue", "#0000ff"),
        ("background Sky Blue", "#87ceeb"),
        ("背景 蓝色", "#0000ff"),
        ("背景蓝", "#0000ff"),
        ("背景改成浅蓝色", "#add8e6"),
        ("背景：＃００ａａｆｆ", "#00aaff"),
    ],
)
def test_colours_are_read_by_name_or_code(text: str, code: str) -> None:
    assert read_change(text) == Change(BACKGROUND, COLOUR, code)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("playground loop", Unread(None, "playground loop")),
        ("background purpleish", Unread(BACKGROUND, "purpleish")),
        ("background #12345", Unread(BACKGROUND, "#12345")),
        ("字幕", Unread(CAPTIONS, "")),
        ("blue background", Unread(None, "blue background")),
        ("upload label", Unread(None, "upload label")),
        ("label maybe", Unread(LABEL, "maybe")),
        ("", Unread(None, "")),
    ],
)
def test_what_is_no_change_is_told_from_one(text: str, unread: Unread) -> None:
    assert read_change(text) == unread


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: f"{c.option.name}-{c.value}")
def test_every_value_can_be_set_and_is_what_it_was_set_to(change: Change) -> None:
    options = changed(OrderOptions(), change, PICTURE)

    assert value_of(change.option, options) == change.value
    assert OrderOptions.model_validate_json(options.model_dump_json()) == options
    default = value_of(change.option, OrderOptions()) == change.value
    assert list(differing(options)) == ([] if default else [change.option])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_list_offers_can_be_typed(language: str) -> None:
    for option in OPTIONS:
        for value in option.values:
            typed = f"{option.word(language)} {value.word(language)}"  # type: ignore[arg-type]
            assert read_change(typed) == Change(option, value.name), typed


def test_every_field_of_an_order_but_the_language_is_an_option() -> None:
    assert {option.name for option in OPTIONS} == set(OrderOptions.model_fields) - {"language"}


def test_a_background_is_one_thing_at_a_time() -> None:
    on_picture = changed(OrderOptions(), Change(BACKGROUND, "picture"), PICTURE)

    blurred = changed(on_picture, Change(BACKGROUND, "blur"), PICTURE)

    assert blurred.background == OrderedBackground(blur=True)


def test_colours_with_a_name_are_shown_by_it() -> None:
    assert all(read_colour(colour.english) == colour.code for colour in COLOURS)
    assert all(read_colour(colour.chinese) == colour.code for colour in COLOURS)
    assert (shown_colour("#0000ff", chinese=False), shown_colour("#0000ff", chinese=True)) == (
        "blue",
        "蓝色",
    )
    assert shown_colour("#00aaff", chinese=True) == "#00aaff"
