"""How texts are cut and marked for WeCom: by bytes, Links whole, names from outside draw nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chats.wecom.writing import (
    MARKDOWN_BYTES,
    TEXT_BYTES,
    pieces,
    shortened,
    size,
    to_markdown,
    without_links,
)

LINK = "https://chorus.example/d/" + "x" * 1800
LINES = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=900),
        st.text("完成主播", min_size=1, max_size=80).map(lambda name: f"✓ {name}： {LINK}"),
    ),
    min_size=1,
    max_size=6,
)


@given(LINES)
def test_every_piece_fits_into_a_message_and_nothing_gets_lost(lines):
    text = "\n".join(lines)

    found = pieces(text, TEXT_BYTES)

    assert all(size(piece) <= TEXT_BYTES for piece in found)
    kept = "".join(found).replace("\n", "")
    assert kept.replace(LINK, "").replace("： ", "") == text.replace("\n", "").replace(
        LINK, ""
    ).replace("： ", "")
    assert sum(piece.count(LINK) for piece in found) == text.count(LINK)


def test_a_link_too_long_to_stand_behind_its_words_stands_below_them_whole():
    line = f"✓ 1. {'主播' * 100}（5.7 秒）： {LINK}"

    found = pieces(line, TEXT_BYTES)

    assert found[-1] == LINK
    assert found[0].startswith("✓ 1. 主播")


@given(st.text(max_size=3000), st.sampled_from([16, 112, MARKDOWN_BYTES]))
def test_what_is_shortened_fits_and_is_still_text(text, limit):
    found = shortened(text.encode(errors="ignore").decode(), limit)

    assert size(found) <= limit


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("打包下载（3 MB）： https://x.example/d/1", "[打包下载（3 MB）](https://x.example/d/1)"),
        ("✓ 1. [点我](http://evil) **大**", "✓ 1. ［点我］(http://evil) ＊＊大＊＊"),
        ("# 主播", r"\# 主播"),
        ("> 引用 `代码` <font>", "＞ 引用 ＇代码＇ ＜font＞"),
        ("- 第一", r"\- 第一"),
        ("– 已取消", "– 已取消"),
        ("#1 主播", "#1 主播"),
    ],
)
def test_names_from_outside_draw_nothing(line, marked):
    assert to_markdown(line) == marked


def test_a_name_that_looks_like_a_link_does_not_take_the_place_of_the_link():
    line = "✓ 1. 看: https://evil（5.7 秒）： https://x.example/d/1"

    assert to_markdown(line) == "[✓ 1. 看: https://evil（5.7 秒）](https://x.example/d/1)"
    assert without_links(line) == ([], {"✓ 1. 看: https://evil（5.7 秒）": "https://x.example/d/1"})
