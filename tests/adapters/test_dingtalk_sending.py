"""What the robot says: where, to whom, how fast, and what happens when DingTalk does not take it."""

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from adapters.chats.dingtalk import files as dingtalk_files
from adapters.chats.dingtalk.account import Timing
from adapters.chats.dingtalk.errors import NAMES, NUMBERS, meaning, meaning_of_number
from adapters.chats.dingtalk.rates import Rates
from adapters.chats.spool import download
from bot.ports import (
    ChatError,
    ChatUnreachable,
    Inbound,
    MediaGone,
    MediaTooLarge,
    Picture,
    PlatformDown,
    Throttled,
)
from tests.adapters.dingtalk_things import FAST, QUICK, chat_of, connected, group_of, make_chat
from tests.fakes.dingtalk.faults import answered, dropped, numbered, refused, revoked

GROUP = "cid1=="
LI = chat_of("li")
TEAM = group_of(GROUP)


@pytest.fixture
async def chat(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    dingtalk.group(GROUP, "市场部", "li", "wang")
    made = make_chat(dingtalk, memory, tmp_path)
    yield made
    await made._api.close()


async def heard(dingtalk, chat, group: str = "") -> str:
    """Somebody writes, so that they can be answered; the message's id."""
    async with connected(dingtalk, chat) as reader:
        message_id = await dingtalk.tells("li", "帮助", group)
        await reader.next()
    return message_id


async def test_an_answer_goes_where_it_was_asked_and_mentions_who_asked(dingtalk, chat):
    asked = await heard(dingtalk, chat, GROUP)

    await chat.post(TEAM, "好的\n马上", key="a", reply_to=asked)

    (said,) = dingtalk.world.shown(GROUP)
    assert (said.way, said.mentioned) == ("session", ("li",))
    assert said.text == "@li 好的  \n马上"


async def test_alone_nobody_is_mentioned(dingtalk, chat):
    asked = await heard(dingtalk, chat)

    await chat.post(LI, "好的", key="a", reply_to=asked)

    (said,) = dingtalk.world.shown("li")
    assert (said.way, said.mentioned, said.text) == ("session", (), "好的")


async def test_after_its_time_the_robot_writes_of_its_own_accord(dingtalk, chat):
    for session in dingtalk.api.sessions.values():
        session.until_s = 0
    await chat.post(LI, "完成", key="a")
    await chat.post(TEAM, "完成", key="b", reply_to="msg0==")

    assert [m.way for m in dingtalk.world.shown("li")] == ["person"]
    assert [m.way for m in dingtalk.world.shown(GROUP)] == ["group"]


async def test_an_address_that_is_over_before_its_time_is_left(dingtalk, chat):
    """DingTalk says 300001; one report has it after half a minute."""
    asked = await heard(dingtalk, chat, GROUP)
    for session in dingtalk.api.sessions.values():
        session.until_s = 0

    await chat.post(TEAM, "一", key="a", reply_to=asked)
    await chat.post(TEAM, "二", key="b", reply_to=asked)

    assert [m.way for m in dingtalk.world.shown(GROUP)] == ["group", "group"]
    asked_there = [name for name, _ in dingtalk.world.calls if name == "session"]
    assert asked_there == []


async def test_where_nobody_can_be_mentioned_who_asked_is_named(dingtalk, chat):
    asked = await heard(dingtalk, chat, GROUP)
    for session in dingtalk.api.sessions.values():
        session.until_s = 0

    await chat.post(TEAM, "完成", key="a", reply_to=asked)

    assert [m.text for m in dingtalk.world.shown(GROUP)] == ["li 同学：  \n完成"]


@pytest.mark.parametrize(
    "fault",
    [numbered(400), numbered(88), numbered(40014), numbered(310000), answered(401), answered(403)],
)
async def test_what_an_address_does_not_take_the_robot_says_itself(dingtalk, chat, fault):
    await heard(dingtalk, chat)
    fault.path = "sendBySession"
    dingtalk.api.faults.append(fault)

    await chat.post(LI, "好的", key="a")

    assert [m.way for m in dingtalk.world.shown("li")] == ["person"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "http://oapi.dingtalk.com/robot/sendBySession?session=x",
        "https://evil.example/robot/sendBySession?session=x",
        "https://evildingtalk.com/x",
        "https://oapi.dingtalk.com.evil.example/x",
        "https://oapi.dingtalk.com@evil.example/x",
        "https://evil.example#.dingtalk.com/x",
        "https://evil.example\\.dingtalk.com/x",
        "https://[oapi.dingtalk.com/x",
        "https://oapi.dingtalk.com:port/x",
        "",
    ],
)
async def test_no_address_outside_of_dingtalk_is_believed(dingtalk, chat, url):
    async with connected(dingtalk, chat) as reader:
        await dingtalk.tells("li", "帮助", sessionWebhook=url)
        await reader.next()
    kept = await chat._notes.session("li")
    assert kept is None

    await chat.post(LI, "好的", key="a")

    assert [m.way for m in dingtalk.world.shown("li")] == ["person"]


async def test_a_key_is_said_once(dingtalk, chat):
    for _ in range(3):
        await chat.post(LI, "完成", key="a")

    assert len(dingtalk.world.shown("li")) == 1


async def test_a_long_text_comes_in_pieces_that_dingtalk_takes(dingtalk, chat):
    text = "\n".join(
        f"第 {n} 行 {'很长' * 40}：https://chorus.example/d/{'a' * 200}{n}" for n in range(40)
    )

    await chat.post(LI, text, key="a")

    shown = dingtalk.world.shown("li")
    assert len(shown) > 2
    assert "".join(m.text for m in shown).count("](https://") == 40


async def test_who_is_unknown_or_protected_is_told_apart(dingtalk, chat):
    dingtalk.api.controlled["li"] = 1

    with pytest.raises(ChatUnreachable):
        await chat.post(chat_of("nobody"), "完成", key="a")
    with pytest.raises(Throttled):
        await chat.post(LI, "完成", key="b")
    await chat.post(LI, "完成", key="b")

    assert len(dingtalk.world.shown("li")) == 1


async def test_people_of_another_corporation_can_only_be_answered(dingtalk, chat):
    with pytest.raises(ChatUnreachable, match="another corporation"):
        await chat.post(chat_of("$:LWCP_v1:$zhao"), "完成", key="a")


async def test_a_group_that_the_robot_left_is_unreachable(dingtalk, chat):
    with pytest.raises(ChatUnreachable):
        await chat.post(group_of("cid-gone=="), "完成", key="a")


async def test_one_token_serves_all_front_ends_and_is_asked_for_once(dingtalk, memory, tmp_path):
    dingtalk.member("li")
    chats = [make_chat(dingtalk, memory, tmp_path) for _ in range(4)]

    async with asyncio.TaskGroup() as tasks:
        for number, each in enumerate(chats):
            tasks.create_task(each.post(LI, "完成", key=f"k{number}"))
    for each in chats:
        await each._api.close()

    assert dingtalk.api.asked_tokens == 1
    assert len(dingtalk.world.shown("li")) == 4


async def test_a_token_that_is_taken_back_on_the_way_is_replaced(dingtalk, chat):
    await chat.post(LI, "一", key="a")
    dingtalk.api.tokens.clear()
    await chat.post(LI, "二", key="b")
    dingtalk.api.faults.append(revoked("batchSend"))
    await chat.post(LI, "三", key="c")

    assert [m.text for m in dingtalk.world.shown("li")] == ["一", "二", "三"]
    assert dingtalk.api.asked_tokens == 3


async def test_a_missing_permission_is_named_to_the_operator_once(dingtalk, chat, caplog):
    dingtalk.api.missing |= {"Robot.Message.Send", "Robot.GroupMessage.Send"}

    for key in ("a", "b"):
        with pytest.raises(PlatformDown, match=r"Robot\.Message\.Send"):
            await chat.post(LI, "完成", key=key)
    with pytest.raises(PlatformDown, match=r"Robot\.GroupMessage\.Send"):
        await chat.post(TEAM, "完成", key="c")

    told = [r.message for r in caplog.records if "misses a permission" in r.message]
    assert len(told) == 2


async def test_a_file_that_may_not_be_read_is_answered_with_the_permission(dingtalk, chat, caplog):
    dingtalk.api.missing.add("Robot.Message.Read")
    async with connected(dingtalk, chat) as reader:
        await dingtalk.sends_voice("li", b"#!AMR\n ok")
        told = await dingtalk.world.wait_for_text("li", "Robot.Message.Read")
        dingtalk.api.missing.clear()
        await dingtalk.sends_voice("li", b"#!AMR\n ok")
        (inbound,) = await reader.next()

    assert "开发者后台" in told.text
    assert inbound.media.name.endswith(".amr")
    assert "Robot.Message.Read" in caplog.text


async def received(dingtalk, chat, content: bytes, tmp_path):
    """A file that somebody sends, as the bot fetches it."""
    async with connected(dingtalk, chat) as reader:
        await dingtalk.sends_file("li", "稿子.m4a", content)
        (inbound,) = await reader.next()
        await chat.fetch(inbound.media, tmp_path / "fetched")
    return inbound.media


async def test_a_file_is_fetched_once_though_the_bot_comes_later(dingtalk, chat, tmp_path):
    media = await received(dingtalk, chat, b"ok li", tmp_path)

    assert (media.name, media.kind, media.size_bytes) == ("稿子.m4a", "audio", 5)
    assert (tmp_path / "fetched").read_bytes() == b"ok li"


async def test_a_file_that_is_gone_or_too_large_is_named_so(dingtalk, chat, tmp_path, monkeypatch):
    monkeypatch.setattr(dingtalk_files, "TAKEN_BYTES", 10)
    with pytest.raises(MediaTooLarge):
        await received(dingtalk, chat, b"ok li, and much more", tmp_path)
    monkeypatch.setattr(dingtalk, "keep", lambda content: "a code that is over")
    with pytest.raises(MediaGone):
        await received(dingtalk, chat, b"ok", tmp_path)


async def test_a_file_host_that_is_away_is_waited_for(dingtalk, chat, tmp_path):
    dingtalk.api.file_faults += [500, 503]
    dingtalk.api.faults.append(answered(502, "messageFiles"))

    await received(dingtalk, chat, b"ok li", tmp_path)

    assert (tmp_path / "fetched").read_bytes() == b"ok li"


async def test_a_file_that_never_comes_does_not_keep_everything_else_waiting(
    dingtalk, memory, tmp_path, monkeypatch
):
    """DingTalk answers so for some codes that are over: then the bot says that it cannot have the file."""
    dingtalk.member("li")
    dingtalk.api.faults.append(answered(500, "messageFiles", times=1000))
    chat = make_chat(dingtalk, memory, tmp_path, timing=replace(QUICK, file_s=0.2))
    monkeypatch.setattr(chat, "settle", _later)  # the bot asks for the file before that
    async with connected(dingtalk, chat) as reader:
        await dingtalk.sends_file("li", "稿子.m4a", b"ok li")
        await dingtalk.tells("li", "状态")
        file, text = await reader.next(2)
        with pytest.raises(MediaGone):
            await chat.fetch(file.media, tmp_path / "fetched")

    assert (file.media.name, file.media.size_bytes) == ("稿子.m4a", None)
    assert text.text == "状态"


async def test_files_of_which_no_byte_comes_hold_up_nobody_else(dingtalk, memory, tmp_path):
    chat = make_chat(dingtalk, memory, tmp_path)
    async with connected(dingtalk, chat) as reader:
        for person in ("p1", "p2", "p3", "p4"):
            found = dingtalk.sound(b"#!AMR")
            dingtalk.api.silent.add(found["downloadCode"])
            await dingtalk.send(person, "", "🎤", msgtype="audio", content=found)
        await dingtalk.world.wait_for(lambda: len(dingtalk.api.fetched) == 4)
        await dingtalk.sends_voice("p5", b"#!AMR ok")
        (voice,) = await reader.next()

    assert voice.person.id == "p5"


async def test_a_file_of_which_no_byte_comes_is_tried_again_then_given_up(
    dingtalk, memory, tmp_path, caplog, monkeypatch
):
    timing = replace(QUICK, file_s=1.0, stalled_s=0.2)
    chat = make_chat(dingtalk, memory, tmp_path, timing=timing)
    async with connected(dingtalk, chat) as reader:
        found = dingtalk.sound(b"#!AMR")
        dingtalk.api.silent.add(found["downloadCode"])
        await dingtalk.send("li", "", "🎤", msgtype="audio", content=found)
        await dingtalk.tells("li", "帮助")
        voice, text = await reader.next(2)
        dingtalk.api.silent.clear()
        monkeypatch.setattr(chat._spool, "_file_s", QUICK.file_s)  # what comes may take its time
        monkeypatch.setattr(dingtalk_files, "download", patiently)
        await dingtalk.send("li", "", "🎤", msgtype="audio", content=found)
        again = (await reader.next(3))[2]

    assert (voice.media.size_bytes, text.text, again.media.size_bytes) == (None, "帮助", 5)
    assert "given up" in caplog.text
    assert "127.0.0.1" in caplog.text  # for the firewall


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refused("bot.stopped"), PlatformDown),
        (refused("invalidParameter.robotCode.auth"), PlatformDown),
        (refused("group.disbanded"), ChatUnreachable),
        (refused("invalid.openConversationId"), ChatUnreachable),
        (refused("Forbidden.AccessDenied.QpsLimitForApi", status=403), Throttled),
        (refused("Throttling.Api", status=429), Throttled),
        (refused("Forbidden.AccessDenied.IpNotInWhiteList", status=403), PlatformDown),
        (answered(429), Throttled),
        (answered(503), PlatformDown),
        (refused("ServiceUnavailable", status=500), PlatformDown),
        (refused("invalidParameter.msgParam.tooLong"), ChatError),
        (dropped("groupMessages"), PlatformDown),
        (numbered(7, "oauth2"), PlatformDown),
    ],
)
async def test_what_dingtalk_refuses_is_named_for_the_bot(dingtalk, chat, fault, error):
    fault.path = fault.path or "groupMessages"
    dingtalk.api.faults.append(fault)

    with pytest.raises(error):
        await chat.post(TEAM, "完成", key="a")
    await chat.post(TEAM, "完成", key="a")

    assert len(dingtalk.world.shown(GROUP)) == 1


async def test_what_only_the_operator_can_mend_is_said_once(dingtalk, chat, caplog):
    dingtalk.api.faults.append(refused("bot.stopped", "batchSend", times=3))
    for _ in range(3):
        with pytest.raises(PlatformDown, match="switched off"):
            await chat.post(LI, "完成", key="a")

    assert sum("switched off" in record.message for record in caplog.records) == 1


def test_no_error_code_is_left_without_a_meaning():
    for name in NAMES:
        assert isinstance(meaning(400, {"code": name}), ChatError)
    for number in NUMBERS:
        assert isinstance(meaning_of_number(number), ChatError)
    assert type(meaning_of_number(12345)) is ChatError


def jpeg() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(content, "JPEG")
    return content.getvalue()


def poster(key: str = "page1") -> tuple[Picture, list[str]]:
    """A picture, and who asked for its bytes."""
    asked: list[str] = []

    async def read() -> bytes:
        asked.append(key)
        return jpeg()

    return Picture(key, "请选择模板：\n输入编号", read), asked


async def test_presenters_come_as_a_picture_that_is_handed_over_once(dingtalk, chat):
    picture, asked = poster()

    for key in ("a", "a", "b"):
        await chat.offer(LI, "1. 安娜\n2. 本", (), key=key, picture=picture)

    shown = dingtalk.world.shown("li")
    assert [m.kind for m in shown] == ["image", "markdown"] * 2
    assert shown[0].file[1] == jpeg()
    assert "输入编号" in shown[1].text
    assert (asked, len(dingtalk.api.uploads)) == (["page1"], 1)


async def test_without_its_picture_the_list_is_said_in_words(dingtalk, chat):
    async def gone() -> bytes:
        raise MediaGone

    await chat.offer(LI, "1. 安娜", (), key="a", picture=Picture("p", "看图", gone))

    assert [m.text for m in dingtalk.world.shown("li")] == ["1. 安娜"]


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "x")
    return path


@pytest.mark.parametrize("old", [False, True])
async def test_a_zip_comes_as_a_file_under_its_name(dingtalk, chat, tmp_path, old):
    dingtalk.api.old_uploads = old
    path = zipped(tmp_path / "x")

    for key in ("a", "a", "b"):
        await chat.send_file(LI, path, "新品 发布.zip", key=key)

    shown = dingtalk.world.shown("li")
    assert [m.file for m in shown] == [("新品 发布.zip", path.read_bytes())] * 2
    assert dingtalk.api.asked_tokens <= 2  # the newer one is not asked for again and again


async def test_a_group_gets_no_more_than_dingtalk_takes(dingtalk, memory, tmp_path):
    """Two front ends together; what has no room waits with whoever has to say it."""
    dingtalk.group(GROUP, "市场部", "li")
    chats = [make_chat(dingtalk, memory, tmp_path) for _ in range(2)]
    said = 0

    async def say(number: int) -> None:
        nonlocal said
        while True:
            try:
                await chats[number % 2].post(TEAM, f"第 {number} 句", key=f"k{number}")
            except Throttled as error:
                await asyncio.sleep(error.after_s)
            else:
                said += 1
                return

    async with asyncio.TaskGroup() as tasks:
        for number in range(30):
            tasks.create_task(say(number))
    for each in chats:
        await each._api.close()

    assert said == len(dingtalk.world.shown(GROUP)) == 30


def test_our_limits_are_below_dingtalk_s():
    rates = Rates()

    assert rates.minute < 20
    assert rates.minute_s > 60 + Timing().answer_s
    assert rates.second < 20
    assert FAST.minute == rates.minute


async def test_who_was_too_fast_all_the_same_is_not_asked_before_that_is_over(dingtalk, chat):
    await heard(dingtalk, chat)
    dingtalk.api.faults.append(numbered(130101, "sendBySession"))

    with pytest.raises(Throttled) as first:
        await chat.post(LI, "完成", key="a")
    with pytest.raises(Throttled) as second:
        await chat.post(LI, "完成", key="a")

    assert first.value.after_s == 600
    assert 590 < second.value.after_s <= 600
    assert [name for name, _ in dingtalk.world.calls if name == "session"] == []


async def _later(_: Inbound) -> None:
    pass


async def patiently(url: str, path: Path, limit_bytes: int, *_: float) -> str:
    return await download(url, path, limit_bytes, QUICK.file_s, QUICK.stalled_s)
