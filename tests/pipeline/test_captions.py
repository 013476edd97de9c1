"""Captions are broken where a reader would breathe, stay long enough to be read, and are written as the formats want it."""

import re
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.captions.cues import GAP_S, LONGEST_S, SHORTEST_S, Cue, cues
from pipeline.captions.files import as_srt, as_vtt
from pipeline.captions.scripts import CLOSING, OPENING
from pipeline.types import Word
from tests.judges import need

ENGLISH = (
    "Welcome to our new colleagues. Today we would like to show you how the new expense system works, and what you have to "
    "do when the receipt is missing. Mr. Smith from the finance department will answer all of your questions after the break. "
    "It costs 3.5 million euros, which is a lot of money for a company of our size."
)
CHINESE = (
    "今天 天气 很 好 ， 我们 一起 去 公园 吧 。 欢迎 各位 新 同事 加入 我们 的 团队 ， 接下来 由 我 来 介绍 一下 Chorus "
    "这个 AI 数字人 视频 制作 系统 的 使用 方法 。 请 大家 注意 ： 「 保密 」 协议 必须 在 十二月 三十一日 之前 签署 完毕 ！"
)


def said(text: str, letters_per_s: float, start_s: float = 0.3) -> list[Word]:
    """Words said one after the other; a number in brackets is a pause in seconds."""
    words: list[Word] = []
    second = start_s
    for part in text.split():
        if pause := re.fullmatch(r"\[([\d.]+)\]", part):
            second += float(pause[1])
            continue
        length_s = len(part) / letters_per_s
        words.append(Word(part, second, second + length_s))
        second += length_s
    return words


def lines(made: Sequence[Cue]) -> list[str]:
    return [line for cue in made for line in cue.lines]


def length_s(cue: Cue) -> float:
    return cue.end_s - cue.start_s


def full_widths(line: str) -> float:
    return sum(1.0 if ord(letter) > 0x2E7F else 0.5 for letter in line)


def test_english_has_two_even_lines_broken_before_a_clause():
    made = cues(said(ENGLISH, 14))

    assert [cue.lines for cue in made[:3]] == [
        ("Welcome to our new colleagues.",),
        ("Today we would like to show you", "how the new expense system works,"),
        ("and what you have to do", "when the receipt is missing."),
    ]
    assert all(len(line) <= 42 for line in lines(made))
    assert all(len(cue.lines) <= 2 for cue in made)
    last_words = {line.split()[-1] for line in lines(made)}
    assert not last_words & {"the", "a", "of", "to", "from", "our", "your", "Mr."}
    assert " ".join(lines(made)) == ENGLISH


@pytest.mark.parametrize("one_word", ["a word", "a sentence"])
def test_chinese_has_sixteen_letters_a_line_and_no_mark_on_the_wrong_side(one_word: str):
    words = said(CHINESE, 5)
    if one_word == "a sentence":  # as a recogniser may give it: a whole sentence for one word
        words = [Word(CHINESE.replace(" ", ""), 0.3, words[-1].end_s)]

    made = cues(words)

    assert "".join(lines(made)) == CHINESE.replace(" ", "")
    assert all(full_widths(line) <= 16 for line in lines(made))
    assert not any(line[0] in CLOSING or line[-1] in OPENING for line in lines(made))
    assert sum(line[-1] in "，。！" for line in lines(made)) == 4
    whole = (
        ["Chorus", "AI"]
        if one_word == "a sentence"
        else ["Chorus", "AI", "公园", "同事", "数字人", "十二月"]
    )
    assert all(any(word in line for line in lines(made)) for word in whole)


def test_a_latin_word_in_chinese_keeps_its_spaces_to_its_like_only():
    made = cues(
        [
            Word(text, at, at + 0.5)
            for at, text in enumerate(["用", "Chorus", "Studio", "做", "视频"])
        ]
    )

    assert "".join(lines(made)) == "用Chorus Studio做视频"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "本日は お集まり いただき まして 、 誠に ありがとう ございます 。",
            ["本日はお集まりいただきまして、", "誠にありがとうございます。"],
        ),
        (
            "안녕하세요 여러분, 오늘은 새로운 시스템을 소개해 드리겠습니다.",
            ["안녕하세요 여러분, 오늘은 새로운", "시스템을 소개해 드리겠습니다."],
        ),
    ],
)
def test_japanese_and_korean_are_broken_by_their_own_rules(text: str, rows: list[str]):
    assert lines(cues(said(text, 7))) == rows


def test_sentences_and_long_pauses_end_a_cue():
    made = cues(said("It is done now. We are very glad. That it [0.9] was so quick", 12))

    assert [" ".join(cue.lines) for cue in made] == [
        "It is done now.",
        "We are very glad.",
        "That it",
        "was so quick",
    ]


def test_points_that_end_no_sentence_end_no_cue():
    text = "Dr. J. Smith paid 3.5 million, e.g. for No. 7 alone."

    assert len(cues(said(text, 16))) == 1


@pytest.mark.parametrize("speed", [6, 14, 25])
@pytest.mark.parametrize(
    "text", [ENGLISH, "Yes. No. Maybe. Why not? Of course. Stop! Go on. Fine.", CHINESE]
)
def test_no_cue_is_too_short_too_long_or_too_near_the_next(text: str, speed: float):
    made = cues(said(text, speed if text is not CHINESE else speed / 3))

    assert all(SHORTEST_S - 1e-3 <= length_s(cue) <= LONGEST_S + 1e-3 for cue in made)
    assert all(b.start_s - a.end_s >= GAP_S - 2e-3 for a, b in pairwise(made))


def test_a_cue_stays_until_it_can_be_read_where_there_is_time():
    (first, second) = cues(said("Quickly said sentences are hard to read. [3.0] Are they?", 40))

    assert len(first.lines[0]) / length_s(first) <= 17.1
    assert first.start_s == 0.3
    assert second.start_s == pytest.approx(4.0, abs=0.5)


def test_a_cue_appears_with_its_first_word_and_covers_its_last():
    words = said(ENGLISH, 14)

    made = cues(words)

    starts = {round(word.start_s, 3) for word in words}
    assert all(cue.start_s in starts for cue in made)
    assert all(
        any(cue.start_s - 1e-3 <= word.start_s < cue.end_s + GAP_S for cue in made)
        for word in words
    )


def test_no_cue_stays_beyond_the_end():
    assert cues(said("Soon over.", 20), duration_s=0.9)[-1].end_s <= 0.9


@pytest.mark.parametrize(
    "words",
    [
        [],
        [Word("", 0, 1), Word("  ", 1, 2)],
        [Word("！", 0, 0.2)],
        [Word("「", 0, 0.2)],
        [Word("late", 2, 1), Word("early", 1, 3), Word("never", 1, 1)],
        [Word("Donaudampfschifffahrtsgesellschaftskapitänsmütze", 0, 20)],
        [Word("a\nb\tc", 0, 1)],
    ],
)
def test_odd_words_break_nothing(words: list[Word]):
    made = cues(words)

    assert all(length_s(cue) > 0 and all(line.strip() for line in cue.lines) for cue in made)
    assert all(b.start_s >= a.start_s for a, b in pairwise(made))
    assert not any("\n" in line for line in lines(made))


MADE = [Cue(0.0, 1.5, ("a < b", "c & d")), Cue(3599.9996, 3661.0405, ("大家好 -->",))]


def test_subrip_is_written_as_players_want_it():
    assert as_srt(MADE) == (
        "1\n00:00:00,000 --> 00:00:01,500\na < b\nc & d\n\n"
        "2\n01:00:00,000 --> 01:01:01,040\n大家好 →\n\n"
    )


def test_webvtt_is_written_as_the_standard_wants_it():
    assert as_vtt(MADE) == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.500\na &lt; b\nc &amp; d\n\n"
        "2\n01:00:00.000 --> 01:01:01.040\n大家好 --&gt;\n\n"
    )


@pytest.mark.parametrize(("name", "write"), [("c.srt", as_srt), ("c.vtt", as_vtt)])
def test_another_program_reads_what_was_written(tmp_path: Path, name: str, write):
    (tmp_path / name).write_text(write(cues(said(ENGLISH, 14))), "utf-8")

    line = [need("ffmpeg"), "-v", "error", "-i", str(tmp_path / name), "-f", "srt", "-"]
    read = subprocess.run(line, capture_output=True, text=True, check=True).stdout

    assert read.strip() == as_srt(cues(said(ENGLISH, 14))).strip()
