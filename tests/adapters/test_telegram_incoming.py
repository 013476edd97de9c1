"""What reaches the bot of all that happens on Telegram."""

import pytest

from adapters.chats.telegram.menu import CHINESE
from bot.commands import SYNONYMS
from bot.ports import Chat, Inbound, Media, Person
from tests.adapters.reading import Reader
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.world import File

VOICE = File("voice", b"OggS voice", mime="audio/ogg")
PHOTO = File("photo", b"JPEG")


async def last(telegram: FakeTelegram, reader: Reader, *before: Inbound) -> Inbound:
    """The newest message, once everything sent has been read: a mark is sent behind it."""
    mark = telegram.person("Mark")
    await telegram.says(mark, telegram.private(mark), f"mark {mark.id}")
    await reader.until(lambda found: any(i.text == f"mark {mark.id}" for i in found))
    found = [inbound for inbound in reader.found if not inbound.text.startswith("mark ")]
    return found[-1]


async def none(telegram: FakeTelegram, reader: Reader) -> bool:
    """Whether nothing at all was handed on."""
    mark = telegram.person("Mark")
    await telegram.says(mark, telegram.private(mark), f"mark {mark.id}")
    await reader.until(lambda found: any(i.text == f"mark {mark.id}" for i in found))
    return all(inbound.text.startswith("mark ") for inbound in reader.found)


async def test_a_voice_note_in_private_comes_with_who_where_and_what(telegram, reader):
    ann = telegram.person("Ann", "zh-hans")
    sent = await telegram.says(ann, telegram.private(ann), file=VOICE)

    (found,) = await reader.next()

    assert found.chat == Chat(platform="telegram", account="4242", id=str(ann.id), private=True)
    assert found.person == Person(id=str(ann.id), name="Ann", language="zh")
    assert found.media == Media(sent.file_id, f"voice-{sent.id}.ogg", 10, "voice")
    assert (found.text, found.message_id) == ("", str(sent.id))


@pytest.mark.parametrize(
    ("file", "kind", "name"),
    [
        (File("audio", b"x", "note.m4a", "audio/mp4"), "audio", "note.m4a"),
        (File("video", b"x", None, "video/mp4"), "video", "video-1.mp4"),
        (File("video_note", b"x"), "video", "video-1.mp4"),
        (File("document", b"x", "note.amr", "application/octet-stream"), "audio", "note.amr"),
        (File("document", b"x", "note.WAV", "application/octet-stream"), "audio", "note.WAV"),
        (File("document", b"x", "note.flac", None), "audio", "note.flac"),
        (File("document", b"x", "note.m4a", "application/octet-stream"), "audio", "note.m4a"),
        (File("document", b"x", "clip.mov", "application/octet-stream"), "video", "clip.mov"),
        (File("document", b"x", "plan.pdf", "application/pdf"), "document", "plan.pdf"),
        (File("document", b"x", "back.png", "image/png"), "picture", "back.png"),
        (PHOTO, "picture", "photo-1.jpg"),
    ],
)
async def test_every_kind_of_file_is_known_for_what_it_is(telegram, reader, file, kind, name):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), file=file)

    (found,) = await reader.next()

    assert (found.media.kind, found.media.name) == (kind, name)


async def test_of_a_photo_the_largest_size_is_taken(telegram, reader):
    ann = telegram.person("Ann")
    sent = await telegram.says(ann, telegram.private(ann), file=PHOTO)

    (found,) = await reader.next()

    assert found.media.ref == sent.file_id


async def test_the_same_update_twice_is_handed_on_once(telegram, reader):
    ann = telegram.person("Ann")
    telegram.hold_updates()
    await telegram.says(ann, telegram.private(ann), "hello")
    telegram.platform.held *= 2
    await telegram.release_updates()

    await last(telegram, reader)

    assert [inbound.text for inbound in reader.found][:-1] == ["hello"]


async def test_updates_in_the_wrong_order_all_come(telegram, reader):
    ann = telegram.person("Ann")
    telegram.hold_updates()
    for number in range(3):
        await telegram.says(ann, telegram.private(ann), f"{number}")
    await telegram.release_updates(backwards=True)

    found = await reader.next(3)

    assert sorted(inbound.text for inbound in found) == ["0", "1", "2"]


async def test_a_voice_in_a_group_is_handed_on_and_a_plan_for_lunch_is_not(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    await telegram.says(ann, group, file=File("document", b"x", "lunch.pdf", "application/pdf"))
    await telegram.says(ann, group, file=VOICE)

    found = await last(telegram, reader)

    assert [i.media.name for i in reader.found if i.media] == ["voice-2.ogg"]
    assert found.chat.private is False


async def test_a_topic_is_a_thread_and_the_general_one_is_none(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann, forum=True)
    topic = group.topic("Clips")
    await telegram.says(ann, group, "in the topic", topic=topic)
    await telegram.says(ann, group, "in general")

    found = await reader.next(2)

    assert [inbound.chat.thread for inbound in found] == [str(topic.id), None]


async def test_a_reply_chain_in_a_plain_group_is_no_thread(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    first = await telegram.says(ann, group, "first")
    await telegram.says(ann, group, "second", reply_to=first)

    found = await reader.next(2)

    assert found[1].chat.thread is None


@pytest.mark.parametrize("words", ["/dub", "/dub@chorus_bot", "/DUB@Chorus_Bot"])
async def test_dub_takes_the_recording_it_answers(telegram, reader, words):
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    telegram.platform.privacy = True
    group = telegram.group("Marketing", ann, ben)
    voice = await telegram.says(ben, group, file=VOICE)
    await telegram.says(ann, group, f"{words} 1 3 go", reply_to=voice)

    found = await last(telegram, reader)

    assert found.media == Media(voice.file_id, "voice-1.ogg", 10, "voice", message_id="1")
    assert (found.text, found.person.name, found.message_id) == ("1 3 go", "Ann", "2")


async def test_dub_below_one_s_own_photo_asks_for_an_answer(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    sent = await telegram.says(ann, group, "/dub", file=PHOTO)

    (found,) = await reader.next()

    assert (found.media.kind, found.media.message_id) == ("picture", str(sent.id))


async def test_dub_takes_the_recording_of_another_chat(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    await telegram.replies_elsewhere(ann, group, "/dub", VOICE)

    (found,) = await reader.next()

    assert found.media.kind == "voice"
    assert found.media.message_id is None


async def test_dub_in_a_topic_that_answers_nothing_points_at_nothing(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann, forum=True)
    await telegram.says(ann, group, "/dub", topic=group.topic("Clips"))

    (found,) = await reader.next()

    assert (found.text, found.media) == ("/dub", None)


async def test_a_voice_that_answers_the_bot_comes_despite_privacy(telegram, chat, reader):
    telegram.platform.privacy = True
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    await telegram.says(ann, group, "/help")
    (asked,) = await reader.next()
    sent = await chat.post(asked.chat, "Send me your voice", key="k")
    await telegram.says(ann, group, file=VOICE, reply_to=group.messages[int(sent.id)])

    found = await reader.next(2)

    assert found[1].media.kind == "voice"


async def test_our_name_is_taken_out_of_what_is_said(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    await telegram.says(ann, group, "@Chorus_Bot 状态 K7Q2")
    await telegram.says(ann, group, "/status@chorus_bot K7Q2")

    found = await reader.next(2)

    assert [inbound.text for inbound in found] == ["状态 K7Q2", "/status K7Q2"]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("@chorus_bot状态", "状态"),
        ("@chorus_bot，状态 K7Q2", "状态 K7Q2"),
        ("全部开始@chorus_bot", "全部开始"),
        ("/status@chorus_bot。", "/status"),
        ("/status@chorus_bot：K7Q2", "/status K7Q2"),
    ],
)
async def test_our_name_ends_where_chinese_begins(telegram, reader, text, heard):
    ann = telegram.person("Ann", "zh")
    await telegram.says(ann, telegram.group("Marketing", ann), text)

    (found,) = await reader.next()

    assert (found.text, found.addressed) == (heard, True)


@pytest.mark.parametrize("words", ["/dub@chorus_bot全部开始", "/dub@chorus_bot，全部开始"])
async def test_dub_knows_the_words_that_stand_right_behind_our_name(telegram, reader, words):
    ann = telegram.person("Ann", "zh")
    group = telegram.group("Marketing", ann)
    voice = await telegram.says(ann, group, file=VOICE)
    await telegram.says(ann, group, words, reply_to=voice)

    found = await last(telegram, reader)

    assert (found.text, found.media and found.media.ref) == ("全部开始", voice.file_id)


@pytest.mark.parametrize(
    "text", ["@chorus_bot2 状态 wie?", "/status@chorus_bot_2", "/状态@chorus_bot_2"]
)
async def test_a_name_that_only_begins_like_ours_is_not_ours(telegram, reader, text):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.group("Marketing", ann), text)
    await none(telegram, reader)

    assert not [i for i in reader.found if i.addressed and not i.text.startswith("mark")]


@pytest.mark.parametrize(
    "text",
    [
        *("/status@other_bot", "/weather", "/weather Bern"),
        *("/etc/hosts is broken", "/s", "/ 2", "/shrug!", "/2。"),
    ],
)
async def test_commands_of_other_bots_are_left_to_them(telegram, reader, text):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.group("Marketing", ann), text)

    assert await none(telegram, reader)


@pytest.mark.parametrize(
    "text",
    [
        "/状态@other_bot",
        "/状态@chorus_bot2 K7Q2",
        "/笑",
        "/笑哭 今天好累",
        "／笑哭",
        "/あ",
        "/取消了",
        "/да",
    ],
)
async def test_words_behind_a_slash_that_are_none_of_ours_are_left_to_others(
    telegram, reader, text
):
    ann = telegram.person("Ann", "zh")
    await telegram.says(ann, telegram.group("Marketing", ann), text)

    assert await none(telegram, reader)


async def test_an_answer_to_us_that_names_another_bot_is_for_that_bot(telegram, chat, reader):
    ann = telegram.person("Ann", "zh")
    group = telegram.group("Marketing", ann)
    await telegram.says(ann, group, "/help")
    (asked,) = await reader.next()
    sent = await chat.post(asked.chat, "Help", key="k")
    ours = group.messages[int(sent.id)]
    await telegram.says(ann, group, "/状态@other_bot", reply_to=ours)
    await telegram.says(ann, group, "/笑哭", reply_to=ours)

    await last(telegram, reader)

    assert [i.text for i in reader.found][1:-1] == ["/笑哭"]


def test_the_adapter_knows_the_chinese_commands_of_the_bot():
    assert set(SYNONYMS) == CHINESE


@pytest.mark.parametrize("text", ["/状态", "／状态", "/状态 K7Q2", "/历史@chorus_bot", "/Status"])
async def test_our_commands_are_known_in_chinese_too(telegram, reader, text):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.group("Marketing", ann), text)

    (found,) = await reader.next()

    assert found.text.casefold() == text.partition("@")[0].casefold()


async def test_an_unknown_command_in_private_is_handed_on(telegram, reader):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), "/weather")

    (found,) = await reader.next()

    assert found.text == "/weather"


async def test_other_bots_channels_service_messages_and_edits_are_ignored(telegram, reader):
    ann, robot = telegram.person("Ann"), telegram.person("Robot", is_bot=True)
    group, channel = telegram.group("Marketing", ann), telegram.channel("News")
    said = await telegram.says(ann, telegram.private(ann), "hello")
    await reader.next()
    await telegram.edits(said, "hello again")
    await telegram.says(robot, group, "/help")
    await telegram.says(ann, channel, "news")
    await telegram.says(ann, group, new_chat_members=[ann.json()])
    await telegram.says(
        ann, group, pinned_message={"message_id": 1, "date": 0, "chat": group.json()}
    )

    found = await last(telegram, reader)

    assert found.text == "hello"


async def test_a_forwarded_voice_is_as_good_as_an_own_one(telegram, reader):
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    origin = {"type": "user", "date": 1, "sender_user": ben.json()}
    await telegram.says(ann, telegram.private(ann), file=VOICE, forward_origin=origin)

    (found,) = await reader.next()

    assert (found.media.kind, found.person.name) == ("voice", "Ann")


async def test_an_anonymous_administrator_speaks_as_the_group(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    await telegram.says_anonymously(group, file=VOICE)

    (found,) = await reader.next()

    assert found.person == Person(id=str(group.id), name="Marketing")


async def test_an_album_is_handed_on_once_with_its_caption_and_its_first_recording(
    telegram, reader
):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    films = [File("video", b"a", "a.mp4"), File("video", b"b", "b.mp4")]
    telegram.hold_updates()  # so that they come together, however busy this machine is
    await telegram.sends_album(ann, room, PHOTO, *films, caption="1 3 go", last=True)
    await telegram.release_updates()

    (found,) = await reader.next()
    await last(telegram, reader)

    assert (found.media.name, found.text, found.message_id) == ("a.mp4", "1 3 go", "2")
    assert [(other.name, other.kind) for other in found.media.beside] == [("b.mp4", "video")]
    assert [inbound.media for inbound in reader.found if inbound.media] == [found.media]


async def test_two_albums_of_two_people_are_two(telegram, reader):
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    group = telegram.group("Marketing", ann, ben)
    for who in (ann, ben):
        await telegram.sends_album(who, group, File("audio", b"a", f"{who.name}.mp3"), PHOTO)

    found = await reader.next(2)

    assert {inbound.media.name for inbound in found} == {"Ann.mp3", "Ben.mp3"}


async def test_joining_a_group_is_told_and_leaving_is_not(telegram, reader):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann, bot="left")
    await telegram.changes_bot(ann, group, "member")
    await telegram.changes_bot(ann, group, "kicked")
    await telegram.changes_bot(ann, telegram.private(ann), "kicked")

    found = await last(telegram, reader)

    assert [i.text for i in reader.found if not i.text.startswith("mark")] == ["/start"]
    assert (found.chat.id, found.person.name) == (str(group.id), "Ann")


async def test_a_group_that_moves_stays_the_chat_it_was(telegram, chat, reader):
    ann = telegram.person("Ann")
    old = telegram.group("Marketing", ann, basic=True)
    await telegram.says(ann, old, "before")
    new = await telegram.migrates(ann, old)
    said = await telegram.says(ann, new, "after")

    await last(telegram, reader)
    before, after = [i for i in reader.found if not i.text.startswith("mark")]
    await chat.post(after.chat, "an answer", key="k", reply_to=after.message_id)
    await chat.post(after.chat, "another", key="l", reply_to=before.message_id)

    assert before.chat == after.chat
    first, second = telegram.shown(new)
    assert first.reply_to is said
    assert second.reply_to is None  # what it answers is not in this chat


async def test_what_is_said_in_a_group_that_moved_before_its_move_is_told_is_said_in_the_same_chat(
    telegram, reader
):
    ann = telegram.person("Ann")
    old = telegram.group("Marketing", ann, basic=True)
    await telegram.says(ann, old, "before")
    await reader.next()
    telegram.hold_updates()
    new = await telegram.migrates(ann, old)
    await telegram.says(ann, new, "one")
    await telegram.says(ann, new, "two")
    await telegram.release_updates(backwards=True)

    found = await reader.next(3)

    assert [inbound.chat for inbound in found] == [found[0].chat] * 3
    assert len(telegram.calls("sendChatAction")) == 1


async def test_a_new_group_with_the_title_of_another_one_is_another_one(telegram, reader):
    ann = telegram.person("Ann")
    old = telegram.group("Marketing", ann, basic=True)
    new = telegram.group("Marketing", ann)
    for where in (old, new, new, telegram.group("Sales", ann)):
        await telegram.says(ann, where, "hello")

    found = await reader.next(4)

    assert [inbound.chat.id for inbound in found[:3]] == [str(old.id), str(new.id), str(new.id)]
    assert len(telegram.calls("sendChatAction")) == 1


async def test_what_the_library_cannot_read_does_not_hold_up_the_rest(telegram, reader):
    telegram.platform.pending.append(
        {"update_id": 5, "message": {"message_id": "?", "chat": "nonsense"}}
    )
    telegram.platform.pending.append({"update_id": 6, "poll": {"nonsense": True}})
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), "hello")

    (found,) = await reader.next()

    assert found.text == "hello"


async def test_a_deep_link_comes_with_what_it_carries(telegram, reader):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), "/start template-anchor")

    (found,) = await reader.next()

    assert found.text == "/start template-anchor"


async def test_template_takes_the_video_it_answers_and_keeps_its_words(telegram, reader):
    ann, ben = telegram.person("Ann"), telegram.person("Ben")
    group = telegram.group("Marketing", ann, ben)
    film = await telegram.says(ben, group, file=File("video", b"film", "a.mp4"))
    await telegram.says(ann, group, "/template add Clara", reply_to=film)

    found = await last(telegram, reader)

    assert found.text == "/template add Clara"
    assert found.media == Media(film.file_id, "a.mp4", 4, "video", message_id="1")
