"""Results that also go into groups: by signed group robots, or where people talked to us."""

import asyncio

import pytest

from adapters.chats.dingtalk.robots import Robot
from bot.ports import Throttled
from tests.adapters.dingtalk_things import chat_of, connected, make_chat
from tests.adapters.reading import nobody
from tests.fakes.dingtalk.faults import numbered

LI = chat_of("li")
GROUP = "cid1=="
ROBOTS = {"市场部": Robot("token1" * 4, "SECsecret0001"), "人事部": Robot("token2" * 4)}
TOKEN = ROBOTS["市场部"].token
RESULT = "完成。\n打包下载：https://chorus.example/d/abc\n链接 24 小时内有效。"


@pytest.fixture
async def chat(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    dingtalk.group(GROUP, "新品群", "li")
    dingtalk.api.robots |= {robot.token: robot.secret for robot in ROBOTS.values()}
    made = make_chat(dingtalk, memory, tmp_path, robots=ROBOTS)
    yield made
    await made._api.close()


async def test_a_group_is_chosen_by_its_number_and_told_of_results_once(dingtalk, chat):
    async with connected(dingtalk, chat):
        await dingtalk.tells("li", "发到群")
        offered = await dingtalk.world.wait_for_text("li", "发到哪个群")
        await dingtalk.tells("li", "发到群 1")
        await dingtalk.world.wait_for_text("li", "以后的结果也会发到“市场部”")
        for _ in range(2):
            await chat.post(LI, RESULT, key="outcome:b1:1")
        await dingtalk.tells("li", "发到群 0")
        await dingtalk.world.wait_for_text("li", "结果只发给您")
        await chat.post(LI, RESULT, key="outcome:b2:1")

    assert offered.lines()[1:4] == ["1. 市场部", "2. 人事部", "0. 只发给我"]
    (told,) = dingtalk.world.shown(TOKEN)
    assert "[打包下载](https://chorus.example/d/abc)" in told.text
    assert "来自 li 同学" in told.text


@pytest.mark.parametrize("typed", ["发到群", "发到群 1", "/deliver"])
async def test_who_is_not_let_in_hears_of_no_group(dingtalk, memory, tmp_path, typed):
    dingtalk.member("li")
    chat = make_chat(dingtalk, memory, tmp_path, robots=ROBOTS, lets_in=nobody)
    async with connected(dingtalk, chat) as reader:
        await dingtalk.tells("li", typed)
        (handed_on,) = await reader.next()
        await chat.post(LI, RESULT, key="outcome:b1:1")
    await chat._api.close()

    assert handed_on.text == typed  # the bot says why
    assert [message.text for message in dingtalk.world.shown(TOKEN)] == []


async def test_with_a_card_a_group_is_pressed(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    dingtalk.api.robots |= {robot.token: robot.secret for robot in ROBOTS.values()}
    chat = make_chat(dingtalk, memory, tmp_path, robots=ROBOTS, cards=True)
    async with connected(dingtalk, chat):
        await dingtalk.tells("li", "/deliver")
        card = await dingtalk.world.wait_for_text("li", "发到哪个群")
        await dingtalk.presses("li", card, "人事部")
        await dingtalk.world.wait_for_text("li", "以后的结果也会发到“人事部”")
        await chat.post(LI, RESULT, key="outcome:b1:1")

    assert len(dingtalk.world.shown(ROBOTS["人事部"].token)) == 1


async def test_a_group_in_which_somebody_talked_to_us_is_among_them_by_its_title(dingtalk, chat):
    async with connected(dingtalk, chat) as reader:
        await dingtalk.tells("li", "帮助", GROUP)
        await reader.next()
        await dingtalk.tells("li", "发到群")
        await dingtalk.world.wait_for_text("li", "3. 新品群")
        await dingtalk.tells("li", "发到群 3")
        await dingtalk.world.wait_for_text("li", "“新品群”")
        await chat.post(LI, RESULT, key="outcome:b1:1")

    assert "打包下载" in dingtalk.world.shown(GROUP)[-1].text


async def test_a_number_means_what_it_stood_for_when_it_was_shown(dingtalk, chat):
    """The list is the newest first: whoever talks elsewhere meanwhile changes it, and must not change what was read."""
    dingtalk.group("cid2==", "晨会群", "li")
    async with connected(dingtalk, chat) as reader:
        for number, group in enumerate((GROUP, "cid2=="), 1):
            await dingtalk.tells("li", "帮助", group)
            await reader.next(number)
        await dingtalk.tells("li", "发到群")
        await dingtalk.world.wait_for_text("li", "3. 晨会群\n4. 新品群")
        await dingtalk.tells("li", "帮助", GROUP)
        await reader.next(3)
        await dingtalk.tells("li", "发到群 3")
        await dingtalk.world.wait_for_text("li", "以后的结果也会发到“晨会群”")


async def test_groups_written_to_at_once_are_all_remembered(dingtalk, chat):
    noted = (chat._notes.note_group("li", f"cid{n}==", f"群 {n}") for n in range(5))
    await asyncio.gather(*noted)

    assert sorted((await chat._notes.groups("li")).values()) == [f"群 {n}" for n in range(5)]


async def test_a_robot_is_never_posted_to_more_often_than_it_takes(dingtalk, chat):
    async with connected(dingtalk, chat):
        await dingtalk.tells("li", "发到群 1")
        await dingtalk.world.wait_for_text("li", "“市场部”")

        async def tell(number: int) -> None:
            while True:
                try:
                    await chat.post(LI, f"完成 {number}。", key=f"outcome:b{number}:1")
                except Throttled as error:
                    await asyncio.sleep(error.after_s)
                else:
                    return

        async with asyncio.TaskGroup() as tasks:
            for number in range(24):
                tasks.create_task(tell(number))

    assert len(dingtalk.world.shown(TOKEN)) == 24
    assert dingtalk.api.blocked == {}


async def test_a_robot_that_refuses_us_is_told_the_person_and_the_operator(dingtalk, chat, caplog):
    async with connected(dingtalk, chat):
        await dingtalk.tells("li", "发到群 1")
        await dingtalk.world.wait_for_text("li", "“市场部”")
        dingtalk.api.robots[TOKEN] = "SECanother0001"
        await chat.post(LI, RESULT, key="outcome:b1:1")

    assert "没能发到您选的群" in dingtalk.world.shown("li")[-1].text
    assert "security settings" in caplog.text


async def test_a_robot_that_is_shut_out_is_left_alone_until_that_is_over(dingtalk, chat):
    async with connected(dingtalk, chat):
        await dingtalk.tells("li", "发到群 1")
        await dingtalk.world.wait_for_text("li", "“市场部”")
        dingtalk.api.faults.append(numbered(302033, "/robot/send"))
        for _ in range(3):
            with pytest.raises(Throttled):
                await chat.post(LI, RESULT, key="outcome:b1:1")

    assert dingtalk.world.shown(TOKEN) == []


async def test_where_there_is_no_group_it_is_said_how_to_get_one(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    chat = make_chat(dingtalk, memory, tmp_path)
    async with connected(dingtalk, chat):
        await dingtalk.tells("li", "发到群")
        await dingtalk.world.wait_for_text("li", "还没有可以发送的群")
