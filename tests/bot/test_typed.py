"""What typed words mean."""

from datetime import UTC, datetime

import pytest

from bot.commands import Command, UnknownCommand, read_command
from bot.picks import means_something, read_picks
from bot.words import shown_name
from worker.contract.records import TemplateRecord


def library(*names: str) -> list[TemplateRecord]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        TemplateRecord(
            id=name, name=name, file_name=f"{name}.mp4", sha256="0", size_bytes=1, created_at=at
        )
        for name in names
    ]


LIBRARY = library("anchor", "host", "news man", "小李", "idle")


@pytest.mark.parametrize(
    ("text", "add"),
    [
        ("1 3", ["anchor", "news man"]),
        ("2-4", ["host", "news man", "小李"]),
        ("4 - 2", ["host", "news man", "小李"]),
        ("2到3", ["host", "news man"]),
        ("1,3，5、2;4", ["anchor", "news man", "idle", "host", "小李"]),
        ("１　３", ["anchor", "news man"]),
        ("ANCHOR, News Man", ["anchor", "news man"]),
        ("news man idle", ["news man", "idle"]),
        ("1和3", ["anchor", "news man"]),
        ("all", ["anchor", "host", "news man", "小李", "idle"]),
        ("全部", ["anchor", "host", "news man", "小李", "idle"]),
        ("小李 1", ["小李", "anchor"]),
        ("#2", ["host"]),
    ],
)
def test_picks_are_read_in_the_order_named(text: str, add: list[str]) -> None:
    picks = read_picks(text, LIBRARY)

    assert (picks.add, picks.unknown, picks.twice, picks.go) == (add, [], [], False)


@pytest.mark.parametrize(
    "text", ["1 3 go", "1、3开始", "1,3 START", "1 3，确定", "13号".replace("13", "1 3") + " go"]
)
def test_go_may_stand_behind_the_picks(text: str) -> None:
    picks = read_picks(text, LIBRARY)

    assert (picks.add, picks.go) == (["anchor", "news man"], True)


def test_what_is_named_twice_counts_once_and_is_said() -> None:
    picks = read_picks("1 anchor 1-2", LIBRARY)

    assert (picks.add, picks.twice) == (["anchor", "host"], ["anchor"])


@pytest.mark.parametrize("text", ["9", "0", "1-9", "999999", "bob"])
def test_what_is_not_in_the_list_is_named(text: str) -> None:
    assert read_picks(text, LIBRARY).unknown == [text]


def test_a_minus_takes_out() -> None:
    picks = read_picks("1 -2 -idle", LIBRARY)

    assert (picks.add, picks.drop) == (["anchor"], ["host", "idle"])


@pytest.mark.parametrize(
    "name",
    [
        *(
            "go",
            "Start",
            "ALL",
            "none",
            "1",
            "１２",
            "#3",
            "1-3",
            "2到3",
            "-2",
            "开始",
            "全部",
            "1号",
        ),
        *("1 3 go", "全部开始", "请开始", "yes", "不要", "模板", "帮助", ",", "、", "-"),
    ],
)
def test_a_name_that_is_typed_for_something_else_is_known(name: str) -> None:
    assert means_something(name)


@pytest.mark.parametrize(
    "name", ["anchor", "1a", "Ann 2", "go west", "小李", "和平", "news-2", "all stars", "1.mp4"]
)
def test_other_names_are_free(name: str) -> None:
    assert not means_something(name)


def test_a_word_means_what_it_means_whatever_a_template_is_called() -> None:
    picks = read_picks("2 all go", library("go", "all", "全部开始", "host"))

    assert (len(picks.add), picks.unknown, picks.go) == (4, [], True)


def test_a_number_of_the_list_goes_before_a_name_which_stands_for_itself_behind_its_end() -> None:
    named = library("host", "1", "2026")

    assert read_picks("1", named).add == ["host"]
    assert read_picks("2026", named).add == ["2026"]


def test_a_novel_is_read_without_delay() -> None:
    assert not read_picks("word " * 20_000, LIBRARY).meant


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/status", Command("status")),
        ("/Status k7q2", Command("status", "k7q2")),
        ("/status@our_bot K7Q2", Command("status", "K7Q2")),
        ("／help", Command("help")),
        ("状态 K7Q2", Command("status", "K7Q2")),
        ("取消K7Q2", Command("cancel", "K7Q2")),
        ("/下载", Command("zip")),
        ("下载 K7Q2 文件", Command("zip", "K7Q2 文件")),
        ("下载文件", Command("zip", "文件")),
        ("下载k7q2文件", Command("zip", "k7q2 文件")),
        ("/zip K7Q2 file", Command("zip", "K7Q2 file")),
        ("历史 2", Command("history", "2")),
        ("设置 中文", Command("settings", "中文")),
        ("/start", Command("start")),
        ("/stauts", UnknownCommand("/stauts", "status")),
        ("/xyzzy", UnknownCommand("/xyzzy", None)),
        ("/", UnknownCommand("/", None)),
        ("帮助我一下", None),
        ("status", None),
        ("1 3", None),
    ],
)
def test_commands_are_read(text: str, command: Command | UnknownCommand | None) -> None:
    assert read_command(text) == command


def test_a_shown_name_keeps_its_emoji_whole_and_turns_no_line_around() -> None:
    assert shown_name("R&D 👩\u200d🚀 \u202efoo\u202c\nbar") == "R&D 👩\u200d🚀 foo bar"


@pytest.mark.parametrize("text", ["Can I get more templates?", "紧急通知大家"])
def test_a_sentence_with_a_word_for_pages_or_haste_is_no_pick(text: str) -> None:
    picks = read_picks(text, LIBRARY)

    assert picks.meant is False


@pytest.mark.parametrize("text", ["more", "更多", "urgent", "请加急", "1 more"])
def test_pages_and_haste_are_meant_by_themselves_and_beside_picks(text: str) -> None:
    assert read_picks(text, LIBRARY).meant
