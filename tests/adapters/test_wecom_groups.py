"""Groups that the app makes: by whom, for whom, and how results get there."""

import pytest

from bot.ports import Person
from tests.adapters.reading import nobody, running
from tests.adapters.wecom_things import app_chat, hooked, make_app, make_delivery
from tests.fakes.wecom.faults import code, dropped

LI = Person(id="li", name="li", language="zh")


@pytest.fixture
async def app(wecom, memory):
    """An app that li, wang and zhao see."""
    for person in ("li", "wang", "zhao"):
        wecom.member(person)
    chat = make_app(wecom, memory, delivery=make_delivery(wecom, memory))
    yield chat
    await chat._api.close()


async def test_a_group_is_made_by_typing_and_results_go_there(wecom, app):
    result = (
        "K7Q2 完成了：用“稿子”制作的 1 个视频都好了。\n打包下载（3 MB）： https://chorus.example/d/zip\n"
        "链接 24 小时内有效；发送“下载 K7Q2”可获取新链接。"
    )
    async with hooked(wecom, app), running(app):
        await wecom.says("li", "发到群")
        await wecom.world.wait_for_text("li", "建群 新品视频 zhangsan lisi")
        await wecom.says("li", "建群 春季发布 wang，zhao", copies=2)
        await wecom.world.wait_for_text("li", "已新建群“春季发布”")
        await app.post(app_chat(wecom, "li"), result, key="outcome:b:1")
        await wecom.says("wang", "发到群")
        offered = await wecom.world.wait_for_text("wang", "发到哪个群")

    ((chat, (name, people)),) = wecom.api.groups.items()
    assert (name, people) == ("春季发布", ["li", "wang", "zhao"])
    hello, told = wecom.world.shown(chat, "appchat")
    assert hello.text == "大家好！li 用 Chorus 制作的视频完成后，会发到这个群。"
    assert told.text.split("\n") == [
        "K7Q2 完成了：用“稿子”制作的 1 个视频都好了。",
        "来自 li",
        "[打包下载（3 MB）](https://chorus.example/d/zip)",
        "链接 24 小时内有效。",
    ]
    assert offered.buttons() == ["春季发布", "只发给我"]


@pytest.mark.parametrize("typed", ["发到群", "建群 春季发布 wang"])
async def test_who_is_not_let_in_hears_of_no_group_and_makes_none(wecom, memory, typed):
    for person in ("li", "wang"):
        wecom.member(person)
    delivery = make_delivery(wecom, memory, nobody, 市场部="abcdefgh-1234")
    app = make_app(wecom, memory, delivery=delivery)
    async with hooked(wecom, app), running(app) as reader:
        await wecom.says("li", typed)
        (handed_on,) = await reader.next()
    await app._api.close()

    assert handed_on.text == typed  # the bot says why
    assert wecom.api.groups == {}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("建群", "建群 新品视频 zhangsan lisi"),
        ("建群 春季发布", "建群 新品视频 zhangsan lisi"),
        ("建群 春季发布 li", "至少要有两个人"),
        ("建群 春季发布 nobody", "请检查同事账号（nobody）"),
        ("/deliver new Launch wang", "已新建群“Launch”"),
    ],
)
async def test_what_is_missing_for_a_group_is_said(wecom, app, typed, answer):
    async with hooked(wecom, app), running(app):
        await wecom.says("li", typed)
        await wecom.world.wait_for_text("li", answer)


async def test_an_app_that_not_everybody_sees_says_what_its_operator_can_do(wecom, app):
    wecom.api.whole_corporation = False
    async with hooked(wecom, app), running(app):
        await wecom.says("li", "建群 春季发布 wang")
        await wecom.world.wait_for_text("li", "可见范围设为整个企业")

    assert wecom.api.groups == {}


async def test_a_group_whose_making_was_not_acknowledged_is_there(wecom, app):
    """Asked again WeCom says that there is one of this name; nobody is told that it failed."""
    wecom.api.faults.append(dropped("appchat/create", executed=True))
    async with hooked(wecom, app), running(app):
        await wecom.says("li", "建群 春季发布 wang")
        await wecom.world.wait_for_text("li", "已新建群“春季发布”")
        await app.post(app_chat(wecom, "li"), "完成", key="outcome:b:1")

    (chat,) = wecom.api.groups
    assert [message.text for message in wecom.world.shown(chat)] == [
        "大家好！li 用 Chorus 制作的视频完成后，会发到这个群。",
        "完成\n来自 li",
    ]


async def test_a_refusal_that_nobody_knows_is_answered(wecom, app):
    wecom.api.faults.append(code(60111, "appchat/create"))
    async with hooked(wecom, app), running(app):
        await wecom.says("li", "建群 春季发布 wang")
        await wecom.world.wait_for_text("li", "请检查同事账号（wang）")

    assert wecom.api.groups == {}


async def test_a_group_that_is_gone_is_told_the_person(wecom, app):
    async with hooked(wecom, app), running(app):
        await wecom.says("li", "建群 春季发布 wang")
        await wecom.world.wait_for_text("li", "已新建群")
        wecom.api.appchats.clear()
        await app.post(app_chat(wecom, "li"), "完成", key="outcome:b:1")

    assert "没能发到您选的群" in wecom.world.shown("li")[-1].text


async def test_while_wecom_is_busy_a_group_is_made_once(wecom, app):
    wecom.api.faults.append(code(-1, "appchat/send", times=4))
    async with hooked(wecom, app), running(app):
        await wecom.says("li", "建群 春季发布 wang")
        await wecom.world.wait_for_text("li", "已新建群")

    assert len(wecom.api.groups) == 1
    assert len(wecom.world.shown(next(iter(wecom.api.groups)))) == 1
