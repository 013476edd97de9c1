"""Choices as cards: what stands on them, and what a press on one would be if it were typed."""

import pytest

from adapters.chats.wecom.cards import Words, closed, filled_in, make_card, notice_card
from adapters.chats.wecom.presses import Press, form_of, token_of, typed
from bot.ports import Choice
from tests.fakes.wecom.limits import Broken, check_card

WORDS = Words(pick="请选择模板", start="开始", confirm="确定", choose="请选择", more="翻到")


def pick(number: int, *, picked: bool = False) -> Choice:
    return Choice(f"pick:t{number}", f"{number} 主播{number}", picked=picked)


def control(token: str, label: str) -> Choice:
    return Choice(token, label, section="controls")


PAGE = [
    pick(13),
    pick(14, picked=True),
    control("page:0", "‹ 1–12"),
    control("page:2", "25–30 ›"),
    control("all", "全选"),
    control("last", "和上次一样"),
    Choice("go", "开始", section="start"),
]


def press(card, *labels: str) -> str | None:
    """What it means to tick these and press the button."""
    options = card.body["checkbox"]["option_list"]
    ids = tuple(each["id"] for each in options for label in labels if label in each["text"])
    assert len(ids) == len(labels)
    return typed(card.meant, Press("li", card.task_id, "submit", ids))


def test_a_card_with_boxes_has_its_page_the_other_pages_and_all():
    card = make_card("请选择模板：", PAGE, WORDS, person=None)

    options = check_card(card.body)["checkbox"]["option_list"]
    assert [option["text"] for option in options] == [
        "13 主播13",
        "14 主播14",
        "翻到 ‹ 1–12",
        "翻到 25–30 ›",
        "全选",
    ]
    assert [option["is_checked"] for option in options] == [False, True, False, False, False]


def test_what_is_ticked_starts_and_what_is_not_any_more_is_taken_out():
    card = make_card("请选择模板：", PAGE, WORDS, person=None)

    assert press(card, "13 主播", "14 主播") == "13 14 开始"
    assert press(card, "13 主播") == "-14 13 开始"
    assert press(card) == "-14 开始"
    assert press(card, "14 主播", "全选") == "14 全部 开始"


def test_who_ticks_another_page_keeps_the_picks_and_starts_nothing():
    card = make_card("请选择模板：", PAGE, WORDS, person=None)

    assert press(card, "13 主播", "14 主播", "25–30") == "13 14 更多"
    assert press(card, "14 主播", "‹ 1–12") == "14 返回"


def test_twenty_boxes_are_the_most_and_the_pages_are_among_them():
    choices = [*(pick(number) for number in range(1, 40)), control("page:1", "40–60 ›")]

    card = make_card("选", choices, WORDS, person=None)

    options = check_card(card.body)["checkbox"]["option_list"]
    assert len(options) == 20
    assert options[-1]["text"] == "翻到 40–60 ›"


def test_a_preset_named_like_a_page_is_none():
    choices = [pick(1), Choice("preset:›", "★ 春›", section="presets")]

    card = make_card("选", choices, WORDS, person=None)

    assert len(card.body["checkbox"]["option_list"]) == 1


def test_a_title_ends_with_its_sentence():
    yes_no = [Choice("yes", "是"), Choice("no", "否")]
    asked = "要永久删除 YQSM 和它的 2 个视频吗？相关链接会立即失效。请回复“是”或“否”。"

    card = make_card(asked, yes_no, WORDS, person=None)

    body = check_card(card.body)
    assert body["main_title"]["title"] == "要永久删除 YQSM 和它的 2 个视频吗？"
    assert body["sub_title_text"] == "相关链接会立即失效。请回复“是”或“否”。"
    assert card.left == ""


def test_what_finds_no_room_is_said_in_front_under_a_title_that_is_whole():
    result = "YQSM 完成了：用“语音-1129-1509.amr”制作的 2 个视频都好了。\n" + "链接很长\n" * 40
    help_ = "发一段录音，选几个模板，每个模板生成一个口型同步的视频。\n" + "很长\n" * 60
    files = [Choice("files:1", "发送文件")]

    told, helped = (make_card(text, files, WORDS, person=None) for text in (result, help_))

    assert told.body["main_title"]["title"] == "YQSM 完成了"
    assert helped.body["main_title"]["title"] == "请选择"
    assert (told.left, helped.left) == (result, help_)


def test_a_notice_says_what_its_title_is_too_short_for_below_it():
    links = {
        "打包下载（3.2 KB）": "https://x.example/z",
        "✓ 1. 王小美的发布会（5.7 秒）": "https://x.example/1",
    }
    title = "YQSM 完成了：用“语音-1129-1509.amr”制作的 2 个视频都好了。"

    made, whole = notice_card(title, ["来自 li"], links)
    card = check_card(made)

    assert whole
    assert card["main_title"]["title"] == "YQSM 完成了"
    assert card["sub_title_text"].startswith(
        "用“语音-1129-1509.amr”制作的 2 个视频都好了。\n来自 li"
    )
    assert [jump["title"] for jump in card["jump_list"]] == [
        "打包下载（3.2 KB）",
        "✓ 1. 王小美的发布会",
    ]


def test_a_list_of_many_means_the_one_that_was_ticked():
    many = [Choice(f"set:{number}", f"第{number}个") for number in range(12)]
    card = make_card("设置\n语言：中文", many, WORDS, person=None)

    check_card(card.body)
    assert typed(card.meant, Press("li", card.task_id, "submit", ("o3",))) is None
    assert token_of(card.meant, Press("li", card.task_id, "submit", ("o3",))) == "set:3"


def test_a_button_too_long_for_its_name_and_value_keeps_the_value():
    labels = [
        "background: blur",
        "playing: loop",
        "trim: on",
        "loudness: off",
        "背景图片虚化效果：模糊",
    ]
    choices = [Choice(f"set:{label}", label) for label in labels]

    card = make_card("Settings", choices, WORDS, person=None)

    assert [button["text"] for button in check_card(card.body)["button_list"]] == [
        "bac…: blur",
        "pla…: loop",
        "trim: on",
        "loud…: off",
        "背景图片虚化…：模糊",
    ]


def value(field: str, name: str, *, picked: bool = False) -> Choice:
    return Choice(f"set:{field}={name}", name, picked=picked, field=field)


FORM = [
    value("背景", "原样"),
    value("背景", "模糊", picked=True),
    value("字幕", "文件", picked=True),
    value("字幕", "不要字幕，一个字都不要有"),
    *(value("引擎", f"engine{number}", picked=number == 9) for number in range(10)),
]


def test_a_form_has_a_list_for_each_field_with_what_is_so_selected():
    card = make_card("设置\n语言：中文", FORM, WORDS, person=None)

    body = check_card(card.body)
    assert body["card_type"] == "multiple_interaction"
    assert body["main_title"] == {"title": "设置"}
    assert body["select_list"][:2] == [
        {
            "question_key": "choice0",
            "title": "背景",
            "selected_id": "o1",
            "option_list": [{"id": "o0", "text": "原样"}, {"id": "o1", "text": "模糊"}],
        },
        {
            "question_key": "choice1",
            "title": "字幕",
            "selected_id": "o2",
            "option_list": [
                {"id": "o2", "text": "文件"},
                {"id": "o3", "text": "不要字幕，一个字都不…"},
            ],
        },
    ]
    assert len(body["select_list"][2]["option_list"]) == 10
    assert body["submit_button"] == {"text": "确定", "key": "submit"}
    assert card.left == "设置\n语言：中文"
    assert make_card("更多设置", FORM, WORDS, person=None).left == ""
    assert filled_in(FORM)


def test_of_a_form_what_was_selected_otherwise_comes_back():
    card = make_card("设置", FORM, WORDS, person=None)

    def back(*options: str) -> tuple[str, ...] | None:
        return form_of(card.meant, Press("li", card.task_id, "submit", options))

    assert back("o0", "o2", "o4") == ("set:背景=原样", "set:引擎=engine0")
    assert back("o1", "o2", "o13") == back() == ()
    assert back("o1", "forged") == ()
    assert typed(card.meant, Press("li", card.task_id, "submit", ("o0",))) is None


def test_a_form_that_came_back_shows_what_was_selected_and_is_shut():
    card = make_card("设置", FORM, WORDS, person=None)

    body = closed(card.meant, Press("li", card.task_id, "submit", ("o0", "o2")), "已提交")

    check_card(body, update=True)
    assert [select["selected_id"] for select in body["select_list"]] == ["o0", "o2", "o13"]
    assert all(select["disable"] for select in body["select_list"])
    assert body["submit_button"]["text"] == "已提交"
    with pytest.raises(Broken):
        check_card(body)


@pytest.mark.parametrize(
    "change",
    [
        {"question_key": "choice1"},
        {"question_key": ""},
        {"selected_id": "o9"},
        {"title": "很" * 14},
        {"option_list": [{"id": f"o{n}", "text": "值"} for n in range(11)]},
        {"option_list": []},
        {"option_list": [{"id": "o1", "text": "长" * 12}]},
        {"option_list": [{"id": "o1", "text": "一"}, {"id": "o1", "text": "二"}]},
        {"checked": True},
    ],
)
def test_the_fake_takes_no_form_that_wecom_would_not_take(change):
    body = make_card("设置", FORM, WORDS, person=None).body
    check_card(body)
    first, *others = body["select_list"]

    with pytest.raises(Broken):
        check_card({**body, "select_list": [{**first, **change}, *others]})
    with pytest.raises(Broken):
        check_card({**body, "select_list": [first | {"question_key": str(n)} for n in range(4)]})


def test_a_card_that_decides_nothing_can_be_pressed_again():
    files = [Choice("zip", "发送压缩包", stays=True), Choice("clips", "发送文件", stays=True)]
    yes_no = [Choice("yes", "是"), Choice("no", "否")]

    def pressed(choices: list[Choice]) -> list[str]:
        card = make_card("好了。", choices, WORDS, person=None)
        body = closed(card.meant, Press("li", card.task_id, "o1", ()), "已提交")
        return [button["text"] for button in check_card(body, update=True)["button_list"]]

    assert pressed(files) == ["发送压缩包", "✓发送文件"]
    assert pressed(yes_no) == ["✓否"]
