"""What messages and presses mean, in every form in which they were ever seen."""

import json
import time

import pytest

from adapters.chats.dingtalk.decoding import Place, Said, Session, Unheard, read_message, session_of
from adapters.chats.dingtalk.files import named, sounds
from adapters.chats.dingtalk.frames import NoFrame, answer, read_frame
from adapters.chats.dingtalk.presses import Press, read_press

ALONE = {
    "msgId": "msg1==",
    "conversationType": "1",
    "conversationId": "cid-alone==",
    "senderId": "$:LWCP_v1:$li",
    "senderStaffId": "li",
    "senderNick": "李雷",
    "createAt": 1_700_000_000_000,
}
GROUP = {
    **ALONE,
    "conversationType": "2",
    "conversationId": "cid1==",
    "conversationTitle": "市场部",
}
SENT = time.strftime("%m%d-%H%M", time.localtime(1_700_000_000))
VOICE = {"downloadCode": "code1", "recognition": " 大家好 ", "duration": 4000}


def typed(text: str, **more) -> dict:
    return {**GROUP, "msgtype": "text", "text": {"content": text, **more}}


def reply(kind: str, content, **more) -> dict:
    """A quoting message, as today's clients send it."""
    quoted = {
        "msgType": kind,
        "msgId": "msg0==",
        "createdAt": 1_700_000_000_000,
        "content": content,
    }
    return typed(" 1 3 开始", isReplyMsg=True, repliedMsg=quoted) | more


def test_a_text_comes_with_who_said_it_and_where():
    said = read_message(typed(" 1 3 开始"))

    assert isinstance(said, Said)
    assert (said.text, said.source, said.message_id) == ("1 3 开始", None, "msg1==")
    assert said.place == Place("cid1==", private=False, title="市场部")
    assert (said.sender.id, said.sender.name, said.sender.staff) == ("li", "李雷", "li")


@pytest.mark.parametrize("text", ["@数字人 @王小美 状态", "@数字人\u2005状态", "  状态 "])
def test_mentions_in_front_are_not_part_of_what_is_said(text):
    assert read_message(typed(text)).text == "状态"


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("audio", VOICE, ("voice", f"语音-{SENT}", "大家好")),
        ("voice", VOICE, ("voice", f"语音-{SENT}", "大家好")),
        ("video", {"downloadCode": "code1", "duration": "3", "videoType": "mp4"}, ("video", "视频-", "")),
        ("file", {"downloadCode": "code1", "fileName": "稿子.m4a"}, ("audio", "稿子.m4a", "")),
        ("file", {"downloadCode": "code1", "fileName": "../../etc/稿子.pdf"}, ("document", "稿子.pdf", "")),
        ("file", {"downloadCode": "code1"}, ("document", "文件-", "")),
        ("picture", {"downloadCode": "code1"}, ("picture", "图片-", "")),
        ("picture", {"pictureDownloadCode": "code1"}, ("picture", "图片-", "")),
    ],
)  # fmt: skip
def test_files_come_alone_or_quoted_whole_or_as_json(kind, content, expected):
    kind_, begins, words = expected
    alone = read_message({**ALONE, "msgtype": kind, "content": content})
    quoted = read_message(reply(kind, content))
    as_json = read_message(reply(kind, json.dumps(content)))

    assert alone.place == Place("li", private=True)
    for said in (alone, quoted, as_json):
        assert said.source.code == "code1"
        assert (said.source.kind, said.source.words) == (kind_, words)
        assert said.source.name.startswith(begins)
    assert (quoted.text, quoted.source.holder) == ("1 3 开始", "msg0==")


RICH = {"richText": [{"text": "请做 "}, {"type": "at", "atName": "x"}, {"text": "1 3"}]}
QUOTED_VOICE = {"msgType": "audio", "msgId": "msg0==", "content": VOICE}


@pytest.mark.parametrize(
    "data",
    [
        typed("1", isReplyMsg="true", repliedMsg=json.dumps(QUOTED_VOICE)),
        typed("1", repliedMsg=QUOTED_VOICE),
        typed("1", isReplyMsg=True, quoteMessage={**QUOTED_VOICE, "msgtype": "audio"}),
        typed("1") | {"quoteMessage": {"msgId": "msg0==", "msgtype": "audio", "audio": VOICE}},
        typed("1") | {"isReplyMsg": True, "repliedMsg": QUOTED_VOICE},
        {
            **GROUP,
            "msgtype": "richText",
            "content": {**RICH, "isReplyMsg": True, "repliedMsg": QUOTED_VOICE},
        },
        {**GROUP, "msgtype": "richText", "content": json.dumps({**RICH, "repliedMsg": QUOTED_VOICE})},
    ],
)  # fmt: skip
def test_a_quoted_voice_note_is_found_wherever_it_stands(data):
    said = read_message(data)

    assert isinstance(said, Said)
    assert (said.source.code, said.source.words) == ("code1", "大家好")


def test_a_rich_text_brings_its_words_and_its_first_picture():
    picture = {"type": "picture", "downloadCode": "p1", "pictureDownloadCode": "p2"}
    plain = read_message({**GROUP, "msgtype": "richText", "content": RICH})
    shown = read_message({**ALONE, "msgtype": "richText", "content": {"richText": [picture]}})
    quoted = read_message(reply("richText", {"richText": [{"text": "x"}, picture]}))

    assert (plain.text, plain.source) == ("请做 1 3", None)
    assert (shown.source.code, shown.source.kind) == ("p1", "picture")
    assert quoted.source.code == "p1"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text", {"text": "别人说的话"}),
        ("markdown", {"text": "# 进度"}),
        ("interactiveCard", {}),
        ("richText", RICH),
    ],
)
def test_quoted_words_only_tell_what_is_talked_about(kind, content):
    said = read_message(reply(kind, content))

    assert isinstance(said, Said)
    assert (said.text, said.source) == ("1 3 开始", None)


def test_quoted_words_of_which_no_kind_is_told_are_words():
    said = read_message(typed("状态") | {"quoteMessage": {"msgId": "m", "text": {"content": "x"}}})

    assert isinstance(said, Said)
    assert said.text == "状态"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (VOICE, ("voice", f"语音-{SENT}", "大家好")),
        ({"downloadCode": "code1", "recognition": ""}, ("voice", f"语音-{SENT}", "")),
        ({"downloadCode": "code1", "fileName": "稿子.m4a"}, ("audio", "稿子.m4a", "")),
        ({"downloadCode": "code1"}, ("document", f"文件-{SENT}", "")),
        ({"pictureDownloadCode": "code1"}, ("picture", f"图片-{SENT}.jpg", "")),
    ],
)
def test_a_quoted_file_of_which_no_kind_is_told_is_known_by_what_is_told(content, expected):
    """Old clients leave the kind out; what it is shows when it is there."""
    quoted = {"msgId": "m", "createdAt": 1_700_000_000_000, "content": content}
    said = read_message(typed("1 开始") | {"quoteMessage": quoted})

    assert isinstance(said, Said)
    assert (said.source.code, said.source.holder) == ("code1", "m")
    assert (said.source.kind, said.source.name, said.source.words) == expected


def test_a_quoted_message_of_ours_is_no_recording():
    said = read_message(typed("状态", isReplyMsg=True) | {"originalProcessQueryKey": "ours"})

    assert isinstance(said, Said)
    assert said.text == "状态"


@pytest.mark.parametrize(
    ("data", "quoted"),
    [
        (reply("unknownMsgType", {"unknownMsgType": "当前版本不支持"}), "msg0=="),
        (reply("audio", {"recognition": "没有下载码"}), "msg0=="),
        (reply("chatRecord", {"summary": "x"}), "msg0=="),
        (typed("1", isReplyMsg=True) | {"originalMsgId": "msg9=="}, "msg9=="),
        ({**ALONE, "msgtype": "unknownMsgType", "content": {"unknownMsgType": "?"}}, ""),
        ({**ALONE, "msgtype": "chatRecord", "content": {"title": "聊天记录"}}, ""),
        ({**ALONE, "msgtype": "audio", "content": {"recognition": "x"}}, ""),
        ({**ALONE, "msgtype": "somethingNew"}, ""),
    ],
)
def test_what_dingtalk_does_not_hand_out_is_known_as_that(data, quoted):
    unheard = read_message(data)

    assert isinstance(unheard, Unheard)
    assert unheard.quoted == quoted


def test_people_of_other_corporations_are_known_by_what_there_is():
    said = read_message({**ALONE, "senderStaffId": "", "msgtype": "text", "text": {"content": "x"}})

    assert (said.sender.id, said.sender.staff) == ("$:LWCP_v1:$li", "")
    assert said.place == Place("$:LWCP_v1:$li", private=True)


@pytest.mark.parametrize("data", [{}, {"msgId": "x"}, {**ALONE, "msgId": ""}, {"senderId": "x"}])
def test_what_nobody_said_is_nothing(data):
    assert read_message(data) is None


@pytest.mark.parametrize(
    "data",
    [
        {**GROUP, "msgtype": "text", "text": "nonsense"},
        {**GROUP, "msgtype": "richText", "content": "[1, 2]"},
        {**GROUP, "msgtype": "richText", "content": {"richText": "no list"}},
        {**GROUP, "msgtype": "text", "text": {"content": None, "isReplyMsg": None}},
        {**GROUP, "msgtype": "audio", "content": 7, "createAt": "yesterday"},
        reply("text", "[" * 100_000),
    ],
)
def test_odd_messages_are_read_all_the_same(data):
    assert read_message(data) is not None


def test_the_address_that_answers_comes_with_its_end():
    data = {"sessionWebhook": "https://x", "sessionWebhookExpiredTime": "1700"}

    assert session_of(data) == Session("https://x", 1700)
    assert session_of({"sessionWebhook": "https://x"}) is None
    assert session_of({**data, "sessionWebhookExpiredTime": "soon"}) is None


PRIVATE = {"cardPrivateData": {"actionIds": ["c1"], "params": {}}}


@pytest.mark.parametrize(
    "found",
    [
        {"content": json.dumps(PRIVATE)},
        {"content": PRIVATE},
        {"content": json.dumps({"cardPrivateData": json.dumps(PRIVATE["cardPrivateData"])})},
        {"content": json.dumps({"cardPrivateData": {"params": {"choice": "c1"}}})},
        {"content": json.dumps({"params": {"choice": "c1"}})},
        {"content": json.dumps({"actionId": "c1"})},
        {"actionData": PRIVATE},
        {"value": json.dumps(PRIVATE)},
        {"value": json.dumps({"actionId": "c1", "params": {}})},
        {"params": {"choice": "c1"}, "content": "not json"},
    ],
)
def test_a_press_is_found_wherever_it_stands(found):
    assert read_press({"outTrackId": "t1", "userId": "li", **found}) == Press("t1", "li", "c1")


@pytest.mark.parametrize(
    "found", [{}, {"content": "{}"}, {"content": "[1]"}, {"value": 7}, {"value": "[" * 100_000}]
)
def test_a_press_of_nothing_is_none(found):
    assert read_press({"outTrackId": "t1", "userId": "li", **found}) is None


def test_a_frame_is_answered_under_its_name():
    text = (
        '{"type":"CALLBACK","headers":{"topic":"t","messageId":"m1"},"data":"{\\"a\\":\\"x\ny\\"}"}'
    )
    frame = read_frame(text)

    found = json.loads(answer(frame, {"response": None}))

    assert frame.data == {"a": "x\ny"}
    assert found == {
        "code": 200,
        "headers": {"messageId": "m1", "contentType": "application/json"},
        "message": "OK",
        "data": '{"response": null}',
    }


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"headers":{"topic":"t"}}', '{"headers":[],"data":"{}"}',
             '{"headers":{"topic":"t","messageId":"m"},"data":"[1]"}', "\x00", "[" * 100_000],
)  # fmt: skip
def test_what_is_no_frame_is_named_so(text):
    with pytest.raises(NoFrame):
        read_frame(text)


@pytest.mark.parametrize(
    ("head", "ending", "sound"),
    [
        (b"#!AMR\n\x00", ".amr", True),
        (b"#!AMR-WB\n\x00", ".awb", True),
        (b"OggS\x00\x02", ".ogg", True),
        (b"ID3\x04", ".mp3", True),
        (b"\xff\xfb\x90", ".mp3", True),
        (b"RIFF\x00\x00\x00\x00WAVE", ".wav", True),
        (b"fLaC", ".flac", True),
        (b"\x00\x00\x00\x18ftypM4A ", ".m4a", False),  # or a film: the media rim looks closer
        (b"PK\x03\x04", "", False),
        (b"", "", False),
    ],
)
def test_voice_notes_are_named_by_what_is_inside(tmp_path, head, ending, sound):
    path = tmp_path / "x"
    path.write_bytes(head)

    assert named("语音-1129-0930", path) == f"语音-1129-0930{ending}"
    assert named("稿子.mp3", path) == "稿子.mp3"
    assert sounds(path) is sound


def test_halves_of_letters_are_replaced_wherever_they_stand():
    """JSON can carry them, at any depth; nothing can store, show or send them."""
    content = json.dumps({**VOICE, "recognition": "大家\ud83d"})
    said = reply("audio", content) | {"senderNick": "li\udc00", "msgId": "m\ud800"}
    frame = {"headers": {"topic": "/t", "messageId": "\ud83d"}, "data": json.dumps(said)}

    found = read_frame(json.dumps(frame))
    meant = read_message(found.data)

    assert (found.message_id, meant.message_id, meant.sender.name) == (
        "\ufffd",
        "m\ufffd",
        "li\ufffd",
    )
    assert meant.source.words == "大家\ufffd"
