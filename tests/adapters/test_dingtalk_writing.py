"""The bot's plain text as DingTalk's markdown, held to what DingTalk shows."""

import pytest

from adapters.chats.dingtalk.writing import pieces, title_of, to_markdown
from tests.fakes.dingtalk.limits import check_markup

LONG_URL = "https://chorus.example/d/" + "a1-_" * 300


def test_each_line_stays_a_line():
    assert to_markdown("一\n二\n\n三") == "一  \n二  \n   \n三"


@pytest.mark.parametrize("text", ["一\n二\n\n三", "1. a\n2. b", "a\n\n\nb", " x\ny "])
def test_line_breaks_and_lists_are_shown(text):
    check_markup(to_markdown(text))


def test_a_line_that_ends_in_a_link_becomes_it():
    assert to_markdown("打包下载（1 MB）：https://x.test/d/a(b)_c") == (
        "[打包下载（1 MB）](https://x.test/d/a%28b%29_c)"
    )
    assert to_markdown("见 https://x.test/a_b 和后面") == (
        "见 [https://x.test/a_b](https://x.test/a_b) 和后面"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("**x**", "＊＊x＊＊"),
        ("[a](b)", "［a］(b)"),
        ("`x`", "＇x＇"),
        ("<b>x", "＜b＞x"),
        ("__x__", "＿＿x＿＿"),
        ("output_001_a.mp4", "output_001_a.mp4"),
        ("# 标题", "＃ 标题"),
        ("- 点", "－ 点"),
        ("> 引用", "＞ 引用"),
        ("#K7Q2", "#K7Q2"),
    ],
)
def test_what_people_and_files_are_called_draws_nothing(name, shown):
    assert to_markdown(name) == shown
    check_markup(to_markdown(name))


def test_a_long_text_is_cut_at_lines_and_links_stay_whole():
    text = "\n".join([f"第 {n} 个视频：{LONG_URL}{n}" for n in range(9)] + ["x" * 9000])
    found = pieces(text)

    assert len(found) > 3
    for piece in found:
        markdown = to_markdown(piece)
        assert 0 < len(markdown) <= 3800
        check_markup(markdown)
    joined = "\n".join(found)
    assert all(f"{LONG_URL}{n}" in joined for n in range(9))
    assert joined.count("x") >= 9000


def test_the_list_of_chats_shows_the_first_words_without_links():
    assert title_of("完成了：https://x.test/d/a\n二") == "完成了"
    assert title_of("https://x.test/d/a") == "Chorus"
    assert len(title_of("很" * 200)) == 60
