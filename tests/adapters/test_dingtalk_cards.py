"""Interactive cards: shown, pressed, changed; and what happens where they cannot be."""

import asyncio
import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.chats.dingtalk import cards
from adapters.chats.dingtalk.account import Timing
from bot.ports import ChatUnreachable, Choice, MemoryUnavailable, MessageRef, Person, Throttled
from tests.adapters.dingtalk_things import QUICK, chat_of, connected, group_of, make_chat
from tests.adapters.test_dingtalk_sending import poster
from tests.fakes.dingtalk.faults import refused

GROUP = "cid1=="
LI = chat_of("li")
TEAM = group_of(GROUP)
ANNE = Person(id="li", name="李雷", language="zh")
OFFER = [
    Choice("pick:a", "1 安娜"),
    Choice("pick:b", "2 本", picked=True),
    Choice("go:t1", "开始", section="start"),
]


@pytest.fixture
async def chat(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    dingtalk.group(GROUP, "市场部", "li", "wang")
    made = make_chat(dingtalk, memory, tmp_path, cards=True)
    yield made
    await made._api.close()


@contextlib.asynccontextmanager
async def unread(dingtalk, chat):
    """A front end to which DingTalk delivers, but nobody reads yet what it hands on."""
    task = asyncio.create_task(chat.run())
    try:
        await dingtalk.world.wait_for(lambda: dingtalk.gateway.lines)
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def offered(dingtalk, chat, where=TEAM, **more):
    await chat.offer(where, "请选择模板：\n1. 安娜\n2. 本", OFFER, key="a", person=ANNE, **more)
    return dingtalk.world.shown(where.id)[-1]


async def test_choices_are_buttons_of_a_card_that_is_sent_once(dingtalk, chat):
    for _ in range(2):
        card = await offered(dingtalk, chat, LI)

    assert dingtalk.world.shown("li") == [card]
    assert card.buttons() == ["1 安娜", "✓2 本", "开始"]
    assert card.card["content"] == "请选择模板：  \n1. 安娜  \n2. 本"


async def test_a_press_is_answered_at_once_and_handed_on(dingtalk, chat):
    card = await offered(dingtalk, chat)
    async with unread(dingtalk, chat):
        answer = await dingtalk.presses("li", card, "安娜")
        async with contextlib.aclosing(chat.messages()) as messages:
            inbound = await anext(messages)

    assert (inbound.choice, inbound.chat, inbound.person.id) == ("pick:a", TEAM, "li")
    assert "收到" in answer["cardData"]["cardParamMap"]["remark"]
    assert set(answer) == {"cardUpdateOptions", "cardData", "userPrivateData"}


async def test_a_card_that_stays_as_it_was_does_not_say_for_good_that_a_press_is_dealt_with(
    dingtalk, chat
):
    card = await offered(dingtalk, chat)
    async with connected(dingtalk, chat) as reader:
        await dingtalk.presses("li", card, "安娜")
        await reader.next()
        await dingtalk.world.wait_for(lambda: card.card["remark"] == "")

    assert "收到" in card.earlier[-1]["remark"]
    assert card.buttons() == ["1 安娜", "✓2 本", "开始"]


async def test_a_card_is_changed_in_its_place_and_only_when_something_is_new(dingtalk, chat):
    card = await offered(dingtalk, chat)
    message = MessageRef(chat=TEAM, id=f"card:{card.id}")
    changed = [Choice("drop:a", "1 安娜", picked=True), *OFFER[1:]]

    for _ in range(2):
        await chat.revise(message, "请选择模板：", changed, person=ANNE)

    assert card.buttons() == ["✓1 安娜", "✓2 本", "开始"]
    assert len(card.earlier) == 1
    assert dingtalk.world.shown(GROUP) == [card]


async def test_what_stood_on_a_card_before_can_still_be_pressed(dingtalk, chat):
    card = await offered(dingtalk, chat)
    stale = card.button("安娜")["event"]["params"]["actionId"]
    message = MessageRef(chat=TEAM, id=f"card:{card.id}")
    await chat.revise(message, "请选择模板：", OFFER[1:])
    content = json.dumps({"cardPrivateData": {"actionIds": [stale], "params": {}}})
    async with connected(dingtalk, chat) as reader:
        await dingtalk.calls_back("li", card, content=content)
        (inbound,) = await reader.next()

    assert inbound.choice == "pick:a"


async def test_only_who_a_card_is_for_may_press_it(dingtalk, chat):
    card = await offered(dingtalk, chat)
    async with connected(dingtalk, chat) as reader:
        await dingtalk.presses("wang", card, "开始")
        await dingtalk.presses("li", card, "开始")
        (inbound,) = await reader.next()

    assert inbound.person.id == "li"
    assert "李雷" in card.private["wang"]["notice"]
    assert card.private["li"] == {"notice": ""}


async def test_alone_nobody_else_presses_for_somebody(dingtalk, chat):
    card = await offered(dingtalk, chat, LI)
    async with connected(dingtalk, chat) as reader:
        await dingtalk.presses("wang", card, "开始")
        await dingtalk.presses("li", card, "安娜")
        (inbound,) = await reader.next()

    assert (inbound.choice, inbound.person.id) == ("pick:a", "li")


async def test_two_front_ends_that_change_a_card_at_once_forget_no_button(
    dingtalk, chat, memory, tmp_path
):
    card = await offered(dingtalk, chat)
    message = MessageRef(chat=TEAM, id=f"card:{card.id}")
    other = make_chat(dingtalk, memory, tmp_path, cards=True)
    async with asyncio.TaskGroup() as tasks:
        for number, each in enumerate((chat, other, chat, other)):
            choices = [Choice(f"drop:{number}", f"第 {number} 个")]
            tasks.create_task(each.revise(message, f"第 {number} 版", choices))
    await other._api.close()

    meant = await chat._notes.card(card.id)
    assert {f"drop:{number}" for number in range(4)} <= set(meant.tokens.values())


async def test_a_card_for_nobody_in_particular_may_be_pressed_by_all(dingtalk, chat):
    await chat.offer(TEAM, "好了", [Choice("files:b1", "发送压缩包")], key="a")
    (card,) = dingtalk.world.shown(GROUP)
    async with connected(dingtalk, chat) as reader:
        await dingtalk.presses("wang", card, "发送")
        (inbound,) = await reader.next()

    assert (inbound.choice, inbound.person.id) == ("files:b1", "wang")


async def test_a_press_on_a_card_nobody_knows_is_told_so(dingtalk, chat, memory):
    card = await offered(dingtalk, chat)
    await memory.drop("card", chat.mailbox, card.id)
    async with connected(dingtalk, chat):
        await dingtalk.presses("li", card, "开始")

    assert card.private["li"]["notice"]


async def test_a_press_that_cannot_be_kept_in_time_is_told_so_and_may_be_pressed_again(
    dingtalk, chat, memory, monkeypatch
):
    card = await offered(dingtalk, chat)

    async def away(*_: object, **__: object) -> None:
        raise MemoryUnavailable

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async with connected(dingtalk, chat) as reader:
        for trouble in (away, hang):
            with monkeypatch.context() as patched:
                patched.setattr(memory, "receive", trouble)
                patched.setattr(chat, "_timing", replace(QUICK, press_s=0.3))
                await dingtalk.presses("li", card, "开始")
            assert "请稍后" in card.private.pop("li")["notice"]
        await dingtalk.presses("li", card, "开始")
        (inbound,) = await reader.next()

    assert inbound.choice == "go:t1"
    assert Timing().press_s < 2  # for so long DingTalk waits


async def test_the_same_press_that_comes_again_is_handed_on_once(dingtalk, chat):
    card = await offered(dingtalk, chat)
    async with connected(dingtalk, chat) as reader:
        await dingtalk.presses("li", card, "安娜")
        (name,) = dingtalk.gateway.sent
        await dingtalk.gateway.repeat(name)
        await dingtalk.presses("li", card, "开始")
        found = await reader.next(2)

    assert [inbound.choice for inbound in found] == ["pick:a", "go:t1"]


async def test_a_card_shows_its_picture_and_another_one_when_the_page_is_turned(dingtalk, chat):
    (first, _), (second, _) = poster("page1"), poster("page2")
    card = await offered(dingtalk, chat, LI, picture=first)
    message = MessageRef(chat=LI, id=f"card:{card.id}")
    before = card.card["content"]
    await chat.revise(message, "其余", OFFER, picture=second)

    assert before.startswith("![](@")
    assert before.endswith("请选择模板：  \n输入编号")
    assert card.card["content"].partition(")")[0] != before.partition(")")[0]


async def test_in_a_group_a_card_mentions_who_asked(dingtalk, chat):
    async with connected(dingtalk, chat) as reader:
        asked = await dingtalk.tells("wang", "模板", GROUP)
        await reader.next()

    card = await offered(dingtalk, chat, reply_to=asked)

    assert card.mentioned == ("wang",)


@pytest.mark.parametrize("trouble", ["template", "permission", "undelivered"])
async def test_where_no_card_can_be_shown_choices_are_typed(dingtalk, chat, trouble):
    if trouble == "template":
        dingtalk.api.edition = False
    elif trouble == "undelivered":
        dingtalk.api.undelivered = True
    else:
        dingtalk.api.missing.add("Card.Instance.Write")

    await chat.offer(LI, "请选择模板：\n1. 安娜", OFFER, key="a", person=ANNE)

    (said,) = dingtalk.world.shown("li")
    assert (said.kind, "1. 安娜" in said.text) == ("markdown", True)


async def test_a_card_is_shown_where_dingtalk_does_not_say_to_whom(dingtalk, chat):
    dingtalk.api.tells_delivery = False

    await chat.offer(LI, "请选择模板：\n1. 安娜", OFFER, key="a", person=ANNE)

    assert [message.kind for message in dingtalk.world.shown("li")] == ["card"]


async def test_a_result_stands_in_a_message_and_what_else_can_be_done_on_a_card_below(
    dingtalk, chat
):
    text = "完成。\n打包下载（1 MB）：https://chorus.example/d/abc"
    await chat.offer(LI, text, [Choice("files:b1", "发送压缩包")], key="outcome:b1:1")

    said, card = dingtalk.world.shown("li")
    assert "[打包下载（1 MB）](https://chorus.example/d/abc)" in said.text
    assert card.buttons() == ["发送压缩包"]


async def test_a_result_is_told_also_where_cards_fail(dingtalk, chat):
    dingtalk.api.edition = False
    await chat.offer(LI, "完成。", [Choice("files:b1", "文件")], key="outcome:b1:1")

    assert [m.text for m in dingtalk.world.shown("li")] == ["完成。"]


async def test_other_messages_and_cards_that_are_gone_cannot_be_changed(dingtalk, chat):
    said = await chat.post(LI, "好的", key="t")
    card = await offered(dingtalk, chat, LI)
    dingtalk.api.cards.clear()

    for message in (said, MessageRef(chat=LI, id=f"card:{card.id}"), MessageRef(chat=LI, id="x")):
        with pytest.raises(ChatUnreachable):
            await chat.revise(message, "别的", OFFER)


async def test_a_card_that_dingtalk_is_too_busy_for_is_changed_later(dingtalk, chat):
    card = await offered(dingtalk, chat, LI)
    message = MessageRef(chat=LI, id=f"card:{card.id}")
    dingtalk.api.faults.append(refused("Throttling.Api", "/v1.0/card/instances", status=429))

    with pytest.raises(Throttled):
        await chat.revise(message, "别的", OFFER)
    await chat.revise(message, "别的", OFFER)

    assert card.card["content"] == "别的"


def test_the_template_that_is_shipped_has_the_variables_that_are_set():
    path = Path(__file__).parents[2] / "config" / "dingtalk-card.json"
    shipped = json.loads(path.read_text())
    editor = json.loads(shipped["editorData"])
    variables = {each["id"]: each["private"] for each in editor["variableList"]}

    used = json.dumps(editor["schema"], ensure_ascii=False)
    set_ = cards.params("x", OFFER)
    assert variables == dict.fromkeys(set_, False) | {cards.NOTICE: True}
    assert all(f'"variable": "{name}"' in used for name in variables)
    assert (shipped["type"], shipped["mode"]) == ("im", "card")
