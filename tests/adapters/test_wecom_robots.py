"""Group robots, and who chose which group."""

import asyncio
from dataclasses import replace

import pytest

from adapters.chats.delivery import CHOICE
from adapters.chats.troubles import SettingsWrong
from bot.ports import Person, PlatformDown, Throttled
from tests.adapters.wecom_things import FAST, make_delivery
from tests.fakes.wecom.faults import code

LI = Person(id="li", name="li", language="zh")


def result(clips: int) -> str:
    lines = [f"✓ {n}. 主播（5.7 秒）： https://chorus.example/d/{n}" for n in range(1, clips + 1)]
    head = "K7Q2 完成了：用“稿子”制作的视频都好了。"
    archive = "打包下载（3 MB）： https://chorus.example/d/zip"
    last = "链接 24 小时内有效；发送“下载 K7Q2”可获取新链接。"
    return "\n".join([head, archive, *lines, last])


@pytest.fixture
async def delivery(wecom, memory):
    found = make_delivery(wecom, memory, 市场部="key-1", 人事部="key-2")
    yield found
    await found.close()


async def test_a_result_is_a_card_with_its_links(wecom, delivery):
    await delivery._robots.push("市场部", result(1), "k")
    await delivery._robots.push("市场部", result(1), "k")

    (told,) = wecom.world.shown("key-1")
    assert told.lines() == [
        "┌ K7Q2 完成了：用“稿子”制作的视频都好了。",
        "│ 链接 24 小时内有效；发送“下载 K7Q2”可获取新链接。",
        "│ 打包下载（3 MB） ↗",
        "│ ✓ 1. 主播 ↗",
        "└ ",
    ]
    assert told.card["card_action"]["url"] == "https://chorus.example/d/zip"


async def test_many_links_follow_as_text(wecom, delivery):
    await delivery._robots.push("市场部", result(120), "k")

    card, *texts = wecom.world.shown("key-1")
    assert len(card.card["jump_list"]) == 3
    said = "\n".join(message.text for message in texts)
    assert all(f"(https://chorus.example/d/{n})" in said for n in range(1, 121))


async def test_what_failed_is_said_in_full_where_the_card_has_no_room(wecom, delivery):
    reasons = [f"✗ {n}. 主播{n}：画面里没有找到脸，第 12.4 秒之后看不到嘴" for n in range(2, 7)]
    lines = result(1).split("\n")
    await delivery._robots.push("市场部", "\n".join([*lines[:-1], *reasons, lines[-1]]), "k")

    card, text = wecom.world.shown("key-1")
    assert card.kind == "template_card"
    assert all(reason in text.text for reason in reasons)


async def test_no_more_than_wecom_takes_is_pushed_in_a_minute(wecom, delivery):
    rates = replace(FAST, minute_s=600.0, patience_s=0.0)  # none is free again meanwhile
    delivery._robots._rates._rates = rates

    async def push(number: int) -> bool:
        try:
            await delivery._robots.push("市场部", "完成", f"k{number}")
        except Throttled:
            return False
        return True

    pushed = await asyncio.gather(*(push(number) for number in range(30)))

    assert sum(pushed) == FAST.robot == 19


async def test_a_key_that_is_none_is_the_operator_s_to_mend(wecom, delivery):
    wecom.api.robots.clear()

    with pytest.raises(SettingsWrong, match="ROBOTS"):
        await delivery._robots.push("市场部", "完成", "k")


async def test_a_person_chooses_a_group_and_may_change_that(wecom, delivery):
    offered = await delivery.offer(LI)
    labels = [choice.label for choice in offered.choices]
    on = await delivery.choose(LI, offered.choices[1].token)
    await delivery.pass_on(LI, result(1), "outcome:1:1")
    await delivery.pass_on(LI, "收到", "another key")
    picked = [choice.picked for choice in (await delivery.offer(LI)).choices]
    off = await delivery.choose(LI, CHOICE)
    await delivery.pass_on(LI, result(1), "outcome:2:1")

    assert labels == ["市场部", "人事部", "只发给我"]
    assert picked == [False, True, False]
    assert "人事部" in on.text
    assert off.text == "好的，结果只发给您。"
    assert len(wecom.world.shown("key-2")) == 1


async def test_what_is_refused_for_good_is_told_the_person_and_what_is_not_is_tried_again(
    wecom, delivery
):
    await delivery.choose(LI, f"{CHOICE}robot:市场部")
    wecom.api.faults.append(code(45009, "webhook"))
    with pytest.raises(Throttled):
        await delivery.pass_on(LI, result(1), "outcome:1:1")
    again = await delivery.pass_on(LI, result(1), "outcome:1:1")
    wecom.api.robots.clear()
    refused = await delivery.pass_on(LI, result(1), "outcome:2:1")

    assert again == ""
    assert "没能发到您选的群" in refused
    assert len(wecom.world.shown("key-1")) == 1


async def test_a_group_that_cannot_be_told_for_a_quarter_of_an_hour_is_given_up(wecom, delivery):
    """The person has the result, and must not wait for the group's copy without end."""
    now = [1_800_000_000.0]
    delivery.clock = lambda: now[0]
    await delivery.choose(LI, f"{CHOICE}robot:市场部")
    wecom.api.faults.append(code(-1, "webhook", times=1000))
    for _ in range(2):
        with pytest.raises(PlatformDown):
            await delivery.pass_on(LI, result(1), "outcome:1:1")
        now[0] += 500
    given_up = await delivery.pass_on(LI, result(1), "outcome:1:1")
    with pytest.raises(PlatformDown):
        await delivery.pass_on(LI, result(1), "outcome:2:1")

    assert "没能发到您选的群" in given_up


async def test_what_wecom_refuses_for_reasons_of_its_own_is_told_the_person(wecom, delivery):
    """An error that nobody knows makes no incident of a good result."""
    await delivery.choose(LI, f"{CHOICE}robot:市场部")
    wecom.api.faults.append(code(40058, "webhook"))

    assert "没能发到您选的群" in await delivery.pass_on(LI, result(1), "outcome:1:1")


async def test_groups_talked_in_or_made_at_once_are_all_remembered(delivery):
    groups = delivery._groups
    await asyncio.gather(
        *(groups.note_talk("li", f"g{n}") for n in range(5)),
        *(groups.note_made(["li", "wang"], f"m{n}", f"群{n}") for n in range(5)),
    )
    found = await groups.labels(LI, talked=True, made=True)

    expected = {f"group:g{n}" for n in range(5)} | {f"made:m{n}" for n in range(5)}
    assert found.keys() - {"robot:市场部", "robot:人事部"} == expected


async def test_a_group_of_the_ai_bot_is_offered_to_who_talked_there(wecom, delivery):
    posted = []

    async def post(*said: str) -> None:
        posted.append(said)

    delivery.post_in_group = post
    for chat in ("g1", "g2", "g1"):
        await delivery.note_group("li", chat)
    tokens = [choice.token for choice in (await delivery.offer(LI)).choices]
    others = [
        choice.token
        for choice in (await delivery.offer(LI.model_copy(update={"id": "wang"}))).choices
    ]
    await delivery.choose(LI, f"{CHOICE}group:g1")
    await delivery.pass_on(LI, "完成", "outcome:1:1")

    assert tokens[2:] == [f"{CHOICE}group:g1", f"{CHOICE}group:g2", CHOICE]
    assert f"{CHOICE}group:g1" not in others
    assert posted == [("g1", "完成\n来自 li", "outcome:1:1@group:g1")]
