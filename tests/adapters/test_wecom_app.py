"""The self-built app: what is heard, what is said, and what WeCom refuses."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from adapters.chats.wecom import errors
from adapters.chats.wecom.app_client import TAKEN_BYTES
from bot.ports import (
    ChatError,
    ChatUnreachable,
    Choice,
    Media,
    MediaGone,
    MediaTooLarge,
    Person,
    PlatformDown,
    Throttled,
)
from tests.adapters.reading import running
from tests.adapters.wecom_things import FAST, QUICK, app_chat, hooked, make_app
from tests.fakes.wecom.faults import Fault, code, dropped, revoked

LI = Person(id="li", name="li", language="zh")
OFFER = [
    Choice("pick:a", "1 主播安娜", picked=True),
    Choice("pick:b", "2 a name that is long"),
    Choice("all", "全选", section="controls"),
]


@pytest.fixture
async def app(wecom, memory):
    """An app that li sees; it need not run to speak."""
    wecom.member("li")
    chat = make_app(wecom, memory)
    yield chat
    await chat._api.close()


async def test_a_voice_note_comes_with_its_sound(wecom, memory, app, tmp_path):
    async with hooked(wecom, app), running(app) as reader:
        await wecom.sends_voice("li", b"#!AMR\n the sound", copies=2)
        (inbound,) = await reader.next()
        await app.fetch(inbound.media, tmp_path / "voice")

    assert (inbound.person, inbound.chat) == (LI, app_chat(wecom, "li"))
    assert (inbound.media.kind, inbound.media.name[-4:]) == ("voice", ".amr")
    assert (tmp_path / "voice").read_bytes() == b"#!AMR\n the sound"


async def test_what_people_do_is_handed_on(wecom, app):
    async with hooked(wecom, app), running(app) as reader:
        await wecom.says("li", " 模板 ")
        await wecom.touches_menu("li", "/status")
        await wecom.callbacks.send("li", "event", Event="subscribe")
        await wecom.callbacks.send("li", "event", Event="enter_agent")
        await wecom.callbacks.send("li", "location", Location_X=1)
        await wecom.sends_file("li", "稿子.m4a", b"sound")
        await wecom.callbacks.send("li", "image", MediaId="m", PicUrl="http://x")
        found = await reader.next(5)

    assert [inbound.text for inbound in found] == ["模板", "/status", "/start", "", ""]
    assert [(i.media.kind, i.media.name[-4:]) for i in found[3:]] == [
        ("audio", ".m4a"),
        ("picture", ".jpg"),
    ]


async def test_a_large_file_comes_in_parts(wecom, app, tmp_path):
    content = bytes(range(256)) * 4096 * 41  # 43 MB
    media = Media(wecom.keep_media("long.wav", content), "long.wav", None, "audio")

    await app.fetch(media, tmp_path / "long")

    assert (tmp_path / "long").read_bytes() == content


async def test_a_file_of_text_is_a_file(wecom, app, tmp_path):
    media = Media(wecom.keep_media("a.json", b'{"errcode": 40007}'), "a.json", None, "document")
    wecom.api.media_type = "application/json"

    await app.fetch(media, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == b'{"errcode": 40007}'


async def test_a_file_that_is_gone_or_too_large_is_named_so(wecom, app, tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.chats.wecom.app_client.TAKEN_BYTES", 10)
    media = Media(wecom.keep_media("a.wav", b"more than ten bytes"), "a.wav", None, "audio")

    with pytest.raises(MediaTooLarge) as refused:
        await app.fetch(media, tmp_path / "a")
    with pytest.raises(MediaGone):
        await app.fetch(replace(media, ref="gone"), tmp_path / "b")

    assert refused.value.limit_bytes == 10
    assert app.limits.file_size_bytes == TAKEN_BYTES


async def test_a_text_is_said_once_for_each_key(wecom, app):
    chat = app_chat(wecom, "li")

    first, second = await asyncio.gather(*(app.post(chat, "您好", key="k") for _ in range(2)))
    await app.post(chat, "您好", key="other")

    assert first == second
    assert [message.text for message in wecom.world.shown("li")] == ["您好", "您好"]


async def test_a_long_text_is_cut_at_lines_and_links_stay_whole(wecom, app):
    link = f"https://chorus.example/d/{'x' * 1500}"
    lines = [f"✓ {number}. 主播（5.7 秒）： {link}" for number in range(3)] + ["完" * 900]

    await app.post(app_chat(wecom, "li"), "\n".join(lines), key="k")

    said = [message.text for message in wecom.world.shown("li")]
    assert "".join(said) == "".join(lines)
    assert all(link in text for text in said[:3])


async def test_templates_are_ticked_on_a_card_that_starts(wecom, app):
    async with hooked(wecom, app), running(app) as reader:
        chat = app_chat(wecom, "li")
        await app.offer(chat, "听到 4 秒。\n请选择模板：", OFFER, key="k", person=LI)
        text, card = wecom.world.shown("li")
        await wecom.presses("li", card, "开始", "1 主播", "2 a")
        (inbound,) = await reader.next()
        await wecom.world.wait_for(lambda: card.closed)
        await wecom.presses("li", card, "开始", "1 主播")
        await wecom.world.wait_for_text("li", "这个按钮已失效")

    assert text.text == "听到 4 秒。\n请选择模板："
    assert card.options() == ["1 主播安娜", "2 a name t…", "全选"]
    assert card.card["checkbox"]["option_list"][0]["is_checked"]
    assert (inbound.text, inbound.choice) == ("1 2 开始", None)
    assert card.closed == "已提交"


@pytest.mark.parametrize("spelling", ["Option", "".join(("Op", "iton"))])
async def test_both_spellings_of_ticked_options_are_understood(wecom, app, spelling):
    async with hooked(wecom, app), running(app) as reader:
        await app.offer(app_chat(wecom, "li"), "选", OFFER, key="k", person=LI)
        card = wecom.world.shown("li")[-1]
        await wecom.presses("li", card, "开始", "2 a", spelling=spelling)
        (inbound,) = await reader.next()

    assert inbound.text == "-1 2 开始"  # the first one was ticked, and is not any more


async def test_an_older_card_does_not_start_with_a_newer_recording(wecom, app):
    async with hooked(wecom, app), running(app):
        chat = app_chat(wecom, "li")
        for key in ("old", "new"):
            await app.offer(chat, "选", OFFER, key=key, person=LI)
        old = wecom.world.shown("li")[1]
        await wecom.presses("li", old, "开始", "1 主播")
        await wecom.world.wait_for_text("li", "这个按钮已失效")


async def test_few_choices_are_buttons_and_many_a_list(wecom, app):
    few = [Choice("yes", "是"), Choice("no", "否", picked=True)]
    many = [Choice(f"set:{n}", f"第{n}个{'很' * 9}长") for n in range(12)]
    async with hooked(wecom, app), running(app) as reader:
        chat = app_chat(wecom, "li")
        await app.offer(chat, "要删除吗？\n相关链接会失效。", few, key="few", person=LI)
        await app.offer(chat, "设置\n语言：中文", many, key="many", person=LI)
        buttons, listed = wecom.world.shown("li")[0], wecom.world.shown("li")[-1]
        await wecom.presses("li", buttons, "是")
        await wecom.presses("li", listed, "确定", listed.options()[3])
        found = await reader.next(2)

    assert buttons.text == ""
    assert buttons.lines() == ["┌ 要删除吗？", "│ 相关链接会失效。", "└ [已提交]"]
    assert [inbound.choice for inbound in found] == ["yes", "set:3"]


async def test_a_card_is_closed_though_wecom_does_not_answer_for_another(wecom, app):
    hanging = Fault("hang", "update_template_card")
    wecom.api.faults.append(hanging)
    app._api._answer_s = 10 * QUICK.answer_s  # nobody gives up waiting for it
    async with hooked(wecom, app), running(app) as reader:
        chat = app_chat(wecom, "li")
        for key in ("one", "two"):
            await app.offer(chat, "要删除吗？", [Choice("yes", "是")], key=key, person=LI)
        first, second = wecom.world.shown("li")
        await wecom.presses("li", first, "是")
        await wecom.presses("li", second, "是")
        await wecom.world.wait_for(lambda: first.closed or second.closed)
        await reader.next(2)
        assert not (first.closed and second.closed)  # it has not answered yet
        hanging.release.set()
        await wecom.world.wait_for(lambda: first.closed and second.closed)


async def test_a_press_on_a_card_nobody_sent_is_answered(wecom, app):
    async with hooked(wecom, app), running(app):
        await wecom.callbacks.send(
            "li", "event", Event="template_card_event", EventKey="o1", TaskId="forged"
        )
        await wecom.world.wait_for_text("li", "这个按钮已失效")


async def test_who_cannot_be_answered_or_has_to_wait_keeps_nobody_else_waiting(wecom, app):
    wecom.api.faults.append(code(-1, "message/send", times=6))
    press = {"Event": "template_card_event", "EventKey": "o1", "TaskId": "forged"}
    async with hooked(wecom, app), running(app) as reader:
        await wecom.callbacks.send("li", "event", **press)
        await wecom.callbacks.send("wang", "event", **press)  # does not see the app
        await wecom.says("zhao", "你好")
        await reader.next()
        await wecom.world.wait_for_text("li", "这个按钮已失效")

    assert [inbound.text for inbound in reader.found] == ["你好"]


async def test_cards_are_closed_though_the_menu_is_refused(wecom, memory, app):
    wecom.api.faults.append(code(48002, "menu/create", times=10**6))
    async with hooked(wecom, app), running(app):
        await app.offer(
            app_chat(wecom, "li"), "开始吗？", [Choice("cancel:1", "取消")], key="k", person=LI
        )
        (card,) = wecom.world.shown("li")
        await wecom.presses("li", card, "取消")
        await wecom.world.wait_for(lambda: card.closed)


async def test_the_menu_is_shown_once(wecom, memory, app):
    await app._show_menu()
    menu, wecom.api.menu = wecom.api.menu, None
    other = make_app(wecom, memory)
    await other._show_menu()
    await other._api.close()

    assert [button["name"] for button in menu["button"]] == ["模板", "任务", "更多"]
    assert wecom.api.menu is None


async def test_one_token_serves_all_front_ends(wecom, memory):
    wecom.member("li")
    apps = [make_app(wecom, memory) for _ in range(5)]

    await asyncio.gather(
        *(app.post(app_chat(wecom, "li"), "您好", key=str(n)) for n, app in enumerate(apps))
    )
    wecom.api.revoke()
    await asyncio.gather(
        *(app.post(app_chat(wecom, "li"), "您好", key=f"again {n}") for n, app in enumerate(apps))
    )
    for app in apps:
        await app._api.close()

    assert wecom.api.tokens_given == 2
    assert len(wecom.world.shown("li")) == 10


async def test_a_token_that_is_taken_back_on_the_way_is_replaced(wecom, app, tmp_path):
    media = Media(wecom.keep_media("a.wav", b"sound"), "a.wav", None, "audio")
    wecom.api.faults += [revoked("message/send"), revoked("media/get")]

    await app.post(app_chat(wecom, "li"), "您好", key="k")
    await app.fetch(media, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == b"sound"
    assert wecom.api.tokens_given == 3


@pytest.mark.parametrize("number", [40001, 40014, 42001])
async def test_every_word_for_a_stale_token_has_it_fetched_again_once(wecom, app, number):
    await app.post(app_chat(wecom, "li"), "您好", key="before")
    wecom.api.faults.append(code(number, "message/send"))
    await app.post(app_chat(wecom, "li"), "您好", key="k")
    wecom.api.faults.append(code(number, "message/send", times=2))
    with pytest.raises(errors.SettingsWrong):
        await app.post(app_chat(wecom, "li"), "您好", key="never")

    assert len(wecom.world.shown("li")) == 2
    assert wecom.api.tokens_given == 3  # the one that is refused twice is fetched anew next time


async def test_a_wrong_secret_is_the_operator_s_to_mend(wecom, app):
    wecom.api.secret = "another one"  # noqa: S105

    with pytest.raises(errors.SettingsWrong, match="SECRET"):
        await app.post(app_chat(wecom, "li"), "您好", key="k")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (code(45009), Throttled),
        (code(81013), ChatUnreachable),
        (code(60020), errors.SettingsWrong),
        (code(40058), ChatError),
        (code(-1, times=3), PlatformDown),
        (dropped("message/send"), PlatformDown),
    ],
)
async def test_what_wecom_refuses_is_named_for_the_bot(wecom, app, fault, error):
    fault.path = "message/send"
    wecom.api.faults.append(fault)

    with pytest.raises(error):
        await app.post(app_chat(wecom, "li"), "您好", key="k")


async def test_a_busy_wecom_is_asked_again(wecom, app):
    wecom.api.faults.append(code(6000, "message/send", times=2))

    await app.post(app_chat(wecom, "li"), "您好", key="k")

    assert len(wecom.world.shown("li")) == 1


async def test_who_does_not_see_the_app_is_unreachable(wecom, app):
    with pytest.raises(ChatUnreachable):
        await app.post(app_chat(wecom, "wang"), "您好", key="k")


async def test_who_has_no_licence_is_unreachable_and_not_taken_for_told(wecom, app):
    wecom.api.unlicensed.add("li")

    with pytest.raises(ChatUnreachable):
        await app.post(app_chat(wecom, "li"), "您好", key="k")


async def test_no_more_is_said_than_wecom_shows(wecom, memory):
    """What is beyond would be dropped without an error; the fake counts it as a breach."""
    wecom.member("li")
    app = make_app(wecom, memory, rates=replace(FAST, patience_s=60))

    for number in range(40):
        await app.post(app_chat(wecom, "li"), f"{number}", key=str(number))
    await app._api.close()

    assert len(wecom.world.shown("li")) == 40


@pytest.mark.parametrize("number", sorted(errors.MEANINGS))
def test_every_code_that_is_known_is_an_error_of_the_bot_s(number):
    assert isinstance(errors.meaning(number), ChatError)
    assert str(number) in str(errors.meaning(number)) or number in {45009, 45033}


async def test_what_one_person_says_is_dealt_with_in_its_order_by_whatever_front_end(
    wecom, memory, app
):
    async with hooked(wecom, app), contextlib.aclosing(app.messages()) as messages:
        await wecom.sends_voice("li", b"#!AMR")
        await wecom.says("li", "1 开始")
        voice, go = await anext(messages), await anext(messages)
        before = await memory.is_next(app.mailbox, go.entry)
        await app.settle(voice)
        after = await memory.is_next(app.mailbox, go.entry)

    assert (voice.in_line, go.in_line, before, after) == (True, True, False, True)
