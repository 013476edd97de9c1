"""The settings as a form, where the platform has such: what stands in it, and what becomes of it when it comes back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.panel import MORE
from bot.ports import Choice, Person
from tests.bot.stage import ANN, LI, Stage, open_stage
from tests.fakes.chat import ROOMY, FakeChat, Shown
from worker.contract.records import OrderedBackground, OrderOptions

FORMS = replace(ROOMY, can_revise=False, fields=3, values=10, choices=20)


@pytest.fixture
async def stage(redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A chat that has forms with three fields of ten values."""
    async with open_stage(redis_url, tmp_path, FakeChat(FORMS)) as opened:
        yield opened


async def ask(stage: Stage, text: str, person: Person = LI) -> Shown:
    inbound = stage.chat.receive(person, text)
    await stage.chat.wait_for_settled(inbound)
    return stage.chat.newest


async def send_back(
    stage: Stage, *tokens: str, person: Person = LI, key: str | None = None
) -> list[Shown]:
    """What was said to a form that came back with these changes."""
    before = len(stage.chat.shown)
    inbound = stage.chat.receive(person, form=tokens, key=key)
    await stage.chat.wait_for_settled(inbound)
    return list(stage.chat.shown.values())[before:]


def field(shown: Shown, name: str) -> list[str]:
    """The labels of a field, what is so in brackets."""
    values = [choice for choice in shown.choices if choice.field == name]
    return [f"[{value.label}]" if value.picked else value.label for value in values]


def names(shown: Shown) -> list[str]:
    return list(dict.fromkeys(choice.field for choice in shown.choices))


def token(shown: Shown, label: str) -> str:
    return next(choice.token for choice in shown.choices if choice.label == label)


async def test_the_first_settings_stand_in_a_form_that_leads_to_the_others(stage: Stage) -> None:
    async with stage.running():
        shown = await ask(stage, "设置")

    assert shown.text.startswith("设置\n语言：中文。")
    assert names(shown) == ["背景", "播放", "还要改别的吗"]
    assert field(shown, "背景") == ["[原样]", "模糊"]
    assert field(shown, "播放") == ["[往返]", "循环", "停住"]
    assert field(shown, "还要改别的吗") == ["[不用了]", "修剪、降噪", "响度、打包", "语言"]


async def test_what_is_changed_is_told_at_once_and_ordered(stage: Stage) -> None:
    await stage.add_templates("anna")
    async with stage.running():
        shown = await ask(stage, "设置")
        told = await send_back(stage, token(shown, "模糊"), token(shown, "循环"))
        stage.chat.receive_file(LI, b"voice", "news.ogg")
        await stage.hear()
        await stage.chat.wait_for_text("选择模板")
        await ask(stage, "1 开始")
        again = await ask(stage, "设置")

    assert [each.text for each in told] == [
        "好的，改好了：\n"
        "背景：虚化，取自主播画面的颜色\n"
        "播放：模板比录音短时，从头循环\n"
        "不过目前没有绿幕或透明背景的模板，暂时不会有变化。发送“设置 背景 原样”可恢复。"
    ]
    order = (await stage.newest(LI)).order
    assert order.options == OrderOptions(
        playing="loop", background=OrderedBackground(blur=True), language="zh"
    )
    assert field(again, "背景") == ["原样", "[模糊]"]
    assert field(again, "播放") == ["往返", "[循环]", "停住"]


async def test_a_form_leads_to_the_other_settings_and_changes_what_was_chosen_on_the_way(
    stage: Stage,
) -> None:
    async with stage.running():
        shown = await ask(stage, "设置")
        told = await send_back(stage, token(shown, "停住"), token(shown, "响度、打包"))
        last = await send_back(stage, token(told[-1], "语言"))

    assert [each.text for each in told] == ["好的。播放：模板比录音短时，停在结尾。", "更多设置"]
    assert names(told[-1]) == ["响度", "打包", "还要改别的吗"]
    assert field(told[-1], "打包") == ["[分包]", "不分包", "不打包"]
    assert field(told[-1], "还要改别的吗") == ["[不用了]", "背景、播放", "修剪、降噪", "语言"]
    assert [field(each, "语言") for each in last] == [["English", "[中文]"]]


async def test_a_form_that_comes_back_as_it_was_is_answered(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "设置")
        told = await send_back(stage)

    assert [each.text for each in told] == ["设置没有变化。"]


async def test_another_language_is_spoken_in_the_answer_already(stage: Stage) -> None:
    async with stage.running():
        told = await send_back(stage, "set:trim=on", "set:language=en")

    assert [each.text for each in told] == [
        "From now on I speak English with you.\n"
        "Done. trim: silence at the beginning and the end is cut off."
    ]


async def test_a_copy_of_a_form_changes_nothing_twice(stage: Stage) -> None:
    async with stage.running():
        first = await send_back(stage, "set:trim=on", key="f")
        second = await send_back(stage, "set:trim=on", key="f")

    assert first[0].text == second[0].text
    assert {each.key for each in (*first, *second)} == {"f:1"}


async def test_a_colour_that_was_typed_stands_in_the_form(stage: Stage) -> None:
    async with stage.running():
        await ask(stage, "设置 背景 蓝色")
        shown = await ask(stage, "设置")

    assert field(shown, "背景") == ["原样", "模糊", "[蓝色]"]


async def test_engines_can_be_chosen_where_there_are_several(stage: Stage) -> None:
    await stage.ledger.desk.beat("one", engines=("viseme", "musetalk"))
    async with stage.running():
        shown = await ask(stage, "/settings", ANN)
        more = next(choice.token for choice in shown.choices if "engine" in choice.label)
        form = (await send_back(stage, more, person=ANN))[-1]
        told = await send_back(stage, token(form, "musetalk"), person=ANN)

    assert field(form, "engine") == ["[viseme]", "musetalk"]
    assert "musetalk" in told[0].text


async def test_who_wants_no_label_is_asked_after_the_other_changes(stage: Stage) -> None:
    stage.allow(label_waiver=("console:user:li",))
    async with stage.running():
        told = await send_back(stage, "set:label=off", "set:trim=on")

    assert told[0].text == "好的。修剪：剪掉开头和结尾的静音。"
    assert [choice.label for choice in told[1].choices] == ["是", "否"]


async def test_what_cannot_be_had_any_more_is_refused_and_the_rest_done(stage: Stage) -> None:
    """An older form may offer what its recording allowed, or the operator."""
    async with stage.running():
        told = await send_back(stage, "set:captions=burned", "set:trim=on", "set:label=off")

    assert len(told) == 1
    assert told[0].text.splitlines()[2:] == ["好的。修剪：剪掉开头和结尾的静音。"]


async def test_a_form_of_another_length_leads_to_the_last_that_is_left(stage: Stage) -> None:
    async with stage.running():
        told = await send_back(stage, f"{MORE}9")

    assert names(told[-1]) == ["语言", "还要改别的吗"]


async def test_where_all_fit_one_form_nothing_leads_on(stage: Stage) -> None:
    stage.chat.limits = replace(FORMS, fields=9)
    async with stage.running():
        shown = await ask(stage, "设置")

    assert names(shown) == ["背景", "播放", "修剪", "降噪", "响度", "打包", "语言"]
    assert all(isinstance(choice, Choice) for choice in shown.choices)
