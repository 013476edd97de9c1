"""What the bot says, as Telegram gets it, and what comes back when Telegram refuses."""

import asyncio
import contextlib
import inspect
import logging
import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import telegram as library
import telegram.error

from adapters.chats.telegram import errors
from adapters.chats.telegram.rates import Rates
from adapters.chats.telegram.sources import Timing
from adapters.chats.telegram.writing import pieces, shortened
from bot.ports import (
    Chat,
    ChatError,
    ChatUnreachable,
    Choice,
    Media,
    MediaGone,
    MediaTooLarge,
    MessageRef,
    Person,
    PlatformDown,
    Throttled,
)
from tests.adapters.telegram_things import FAST, QUICK
from tests.fakes.telegram.faults import broken, dropped, flood, hanging, late, refused
from tests.fakes.telegram.rates import Rates as TheirRates
from tests.fakes.telegram.world import File

PICKS = [
    Choice("pick:t-anchor", "1 anchor"),
    Choice("pick:t-host", "2 host"),
    Choice("go", "Start"),
]


def here(room, topic=None) -> Chat:
    thread = str(topic.id) if topic else None
    private = room.type == "private"
    return Chat(
        platform="telegram", account="4242", id=str(room.id), thread=thread, private=private
    )


def person(who) -> Person:
    return Person(id=str(who.id), name=who.name)


@pytest.fixture
def ann(telegram):
    return telegram.person("Ann")


@pytest.fixture
def room(telegram, ann):
    return telegram.private(ann)


async def test_plain_text_stays_what_it_is_and_links_are_not_previewed(telegram, chat, room):
    text = "“<b>R&D</b>.ogg”: 1 < 2 & 3\nhttps://door.test/d/abc"
    await chat.post(here(room), text, key="k")

    (shown,) = telegram.shown(room)

    assert shown.text == text
    assert not shown.preview


async def test_a_line_that_ends_in_a_link_becomes_the_link(telegram, chat, room):
    lines = (
        "✓ 1. mira (5.7 s): https://door.test/d/a?x=1&y=2\n打包下载（1 MB）： https://door.test/d/b"
    )
    await chat.post(here(room), lines, key="k")

    (shown,) = telegram.shown(room)

    assert shown.text == "✓ 1. mira (5.7 s)\n打包下载（1 MB）"
    assert shown.links() == {
        "✓ 1. mira (5.7 s)": "https://door.test/d/a?x=1&y=2",
        "打包下载（1 MB）": "https://door.test/d/b",
    }


async def test_a_link_that_telegram_would_drop_stays_in_sight(telegram, chat, room):
    await chat.post(here(room), "ZIP: http://localhost:8080/d/a", key="k")

    assert telegram.texts(room) == ["ZIP: http://localhost:8080/d/a"]


@pytest.mark.parametrize(
    "name", ["https://[x", "http://[::1", "https://example.com/x", "https://example.com/?a=1&b=2"]
)
async def test_a_name_that_looks_like_a_link_stays_in_sight(telegram, chat, room, name):
    text = f"Picked 1: {name}\n✓ 1. {name} (5 s): https://door.test/d/abc"
    await chat.post(here(room), text, key="k")

    (shown,) = telegram.shown(room)

    assert shown.text == f"Picked 1: {name}\n✓ 1. {name} (5 s)"
    assert shown.links() == {f"✓ 1. {name} (5 s)": "https://door.test/d/abc"}


async def test_a_link_that_a_cloud_store_signed_stands_behind_its_words(telegram, chat, room):
    url = f"https://bucket.example/clips/1.mp4?X-Amz-Signature={'0f' * 32}"
    await chat.post(here(room), f"ZIP: {url}", key="k")

    assert telegram.shown(room)[0].links() == {"ZIP": url}


async def test_a_long_text_comes_in_pieces_cut_at_lines_with_the_buttons_at_the_end(
    telegram, chat, room
):
    text = "\n".join(f"line {number} {'x' * 90}" for number in range(60))
    sent = await chat.offer(here(room), text, PICKS, key="k")

    first, second = telegram.shown(room)

    assert f"{first.text}\n{second.text}" == text
    assert (first.labels(), len(second.labels())) == ([], 3)
    assert sent.id == str(second.id)


@pytest.mark.parametrize("text", ["x" * 9000, "😀" * 5000, "a\n" * 5000, "", "x" * 4096])
def test_pieces_fit_and_lose_nothing(text):
    found = pieces(text)

    assert all(len(piece.encode("utf-16-le")) // 2 <= 4096 for piece in found)
    assert "".join(found).replace("\n", "") == text.replace("\n", "")
    assert len(shortened(text).encode("utf-16-le")) // 2 <= 4096


async def test_the_same_key_is_sent_once(telegram, front_end, chat, room):
    first = await chat.post(here(room), "hello", key="k")
    other = front_end()  # another front end
    again = await other.post(here(room), "hello", key="k")

    assert first == again
    assert telegram.texts(room) == ["hello"]


async def test_the_same_key_at_once_is_sent_once(telegram, chat, room):
    await asyncio.gather(*(chat.post(here(room), "hello", key="k") for _ in range(3)))

    assert telegram.texts(room) == ["hello"]


async def test_an_answer_replies_unless_what_it_answers_is_gone(telegram, chat, ann, room):
    said, gone = await telegram.says(ann, room, "one"), await telegram.says(ann, room, "two")
    gone.deleted = True
    await chat.post(here(room), "to one", key="1", reply_to=str(said.id))
    await chat.post(here(room), "to two", key="2", reply_to=str(gone.id))

    assert [message.reply_to for message in telegram.shown(room)] == [said, None]


async def test_in_a_topic_it_stays_in_the_topic_until_that_is_closed_or_gone(telegram, chat):
    group = telegram.group("Marketing", forum=True)
    topic = group.topic("Clips")
    await chat.post(here(group, topic), "open", key="1")
    topic.closed = True
    await chat.post(here(group, topic), "closed", key="2")
    topic.deleted = True
    await chat.post(here(group, topic), "deleted", key="3")

    shown = [(message.text, message.topic) for message in telegram.shown(group)]

    assert shown == [("open", topic), ("closed", None), ("deleted", None)]


@pytest.mark.parametrize("what", ["closed", "deleted"])
async def test_what_stands_in_a_topic_that_is_closed_or_gone_is_gone(telegram, chat, what):
    group = telegram.group("Marketing", forum=True)
    topic = group.topic("Clips")
    sent = await chat.post(here(group, topic), "1/3", key="1")
    setattr(topic, what, True)

    with pytest.raises(ChatUnreachable):
        await chat.revise(sent, "2/3")


async def test_a_revision_that_changes_nothing_is_not_sent(telegram, front_end, chat, room):
    sent = await chat.offer(here(room), "one", PICKS, key="k")
    await chat.revise(sent, "one", PICKS)
    await chat.revise(sent, "two")
    await front_end().revise(sent, "two")

    assert len(telegram.calls("editMessageText")) == 1
    assert telegram.texts(room) == ["two"]


async def test_two_hands_that_show_the_same_at_once_send_it_once(telegram, chat, room):
    sent = await chat.post(here(room), "1/3", key="k")
    await asyncio.gather(*(chat.revise(sent, "2/3", PICKS) for _ in range(5)))

    assert len(telegram.calls("editMessageText")) == 1


async def test_a_revision_whose_answer_was_lost_is_made_again_without_harm(telegram, chat, room):
    sent = await chat.post(here(room), "one", key="k")
    telegram.fault(dropped("editMessageText", executed=True))
    with pytest.raises(PlatformDown):
        await chat.revise(sent, "two")
    await chat.revise(sent, "two")

    assert telegram.texts(room) == ["two"]


async def test_a_message_whose_answer_was_lost_is_sent_again_rather_than_lost(telegram, chat, room):
    telegram.fault(dropped("sendMessage", executed=True))
    with pytest.raises(PlatformDown):
        await chat.post(here(room), "result", key="k")
    await chat.post(here(room), "result", key="k")

    assert telegram.texts(room) == ["result", "result"]


async def test_a_message_that_was_deleted_cannot_be_revised(telegram, chat, room):
    sent = await chat.post(here(room), "one", key="k")
    telegram.shown(room)[0].deleted = True

    with pytest.raises(ChatUnreachable):
        await chat.revise(sent, "two")


async def test_who_blocked_us_or_sent_us_away_cannot_be_reached(telegram, chat, room):
    group, gone = telegram.group("Marketing"), telegram.group("Gone")
    room.bot_status = group.bot_status = "kicked"
    gone.gone = True
    for place in (room, group, gone):
        with pytest.raises(ChatUnreachable):
            await chat.post(here(place), "hello", key=str(place.id))


async def test_posts_and_progress_follow_a_group_that_moves(telegram, chat, ann):
    old = telegram.group("Marketing", ann, basic=True)
    said = await telegram.says(ann, old, "hello")
    progress = await chat.post(here(old), "1/3", key="1")
    new = await telegram.migrates(ann, old)  # nobody has read yet that it moved

    await chat.revise(progress, "2/3")
    await chat.revise(progress, "3/3")
    await chat.post(here(old), "done", key="2", reply_to=str(said.id))

    assert telegram.texts(old) == ["1/3"]
    assert telegram.texts(new) == ["3/3", "done"]
    assert telegram.shown(new)[0].earlier == ["2/3"]


async def test_a_post_finds_out_by_itself_that_a_group_has_moved(telegram, chat, ann):
    old = telegram.group("Marketing", ann, basic=True)
    new = await telegram.migrates(ann, old)
    sent = await chat.post(here(old), "hello", key="1")
    await chat.revise(sent, "hello again")

    assert telegram.texts(new) == ["hello again"]


async def test_in_a_group_that_moved_what_is_asked_in_a_topic_is_answered_there(
    telegram, chat, ann
):
    old = telegram.group("Marketing", ann, basic=True)
    new = await telegram.migrates(ann, old)  # as it happens when topics are switched on
    new.forum = True
    topic = new.topic("Video")
    await chat.post(here(old), "to all", key="1")
    said = await telegram.says(ann, new, "hello", topic=topic)
    sent = await chat.post(here(old, topic), "in it", key="2", reply_to=f"{new.id}:{said.id}")
    await chat.revise(sent, "still there")

    _, shown = telegram.shown(new)
    assert (shown.text, shown.topic, shown.reply_to) == ("still there", topic, said)


# Buttons


async def test_a_pressed_button_comes_as_the_choice_it_shows(telegram, chat, reader, ann, room):
    await chat.offer(here(room), "Pick", PICKS, key="k")
    query = await telegram.presses(ann, telegram.shown(room)[0], "2 host")

    (found,) = await reader.next()

    assert (found.choice, found.person.name, found.chat) == ("pick:t-host", "Ann", here(room))
    await telegram.wait_until(lambda: query.answer is not None)
    assert query.answer.text == ""


async def test_in_a_group_only_who_ordered_may_press(telegram, chat, reader, ann):
    ben = telegram.person("Ben", "zh")
    group = telegram.group("Marketing", ann, ben, forum=True)
    topic = group.topic("Clips")
    await chat.offer(here(group, topic), "Pick", PICKS, key="k", person=person(ann))
    (shown,) = telegram.shown(group)
    theirs = await telegram.presses(ben, shown, "Start")
    await telegram.presses(ann, shown, "Start")

    (found,) = await reader.next()
    await telegram.wait_until(lambda: theirs.answer is not None)

    assert (found.choice, found.person.name, found.chat) == ("go", "Ann", here(group, topic))
    assert theirs.answer.alert
    assert theirs.answer.text.startswith("这些按钮是给Ann用的")


async def test_whose_buttons_they_are_is_said_however_long_the_name(telegram, chat, reader, ann):
    group = telegram.group("Marketing", ann)
    owner = Person(id="7", name="\u202e" + "Wolfeschlegelsteinhausenbergerdorff " * 4)
    sent = await chat.offer(here(group), "Pick", PICKS, key="k", person=owner)
    query = await telegram.presses(ann, group.messages[int(sent.id)], "1 anchor")
    await telegram.wait_until(lambda: query.answer is not None)

    assert query.answer.text.startswith(
        "These buttons belong to Wolfeschlegelsteinhausenbergerdorff"
    )
    assert "\u202e" not in query.answer.text


async def test_who_ordered_as_the_group_presses_as_themselves(telegram, chat, reader, ann):
    boss, member = telegram.person("Boss"), telegram.person("Member")
    group = telegram.group("Marketing", boss, member)
    group.members[boss.id] = "administrator"
    group.anonymous.add(boss.id)
    as_group = Person(id=str(group.id), name="Marketing")
    await chat.offer(here(group), "Pick", PICKS, key="k", person=as_group)
    (shown,) = telegram.shown(group)
    refused_ = await telegram.presses(member, shown, "Start")
    taken = await telegram.presses(boss, shown, "Start")

    (found,) = await reader.next()
    await telegram.wait_until(lambda: bool(refused_.answer and taken.answer))

    assert found.person == as_group
    assert refused_.answer.alert


async def test_a_stranger_who_presses_what_a_group_ordered_is_answered_at_once(
    telegram, chat, reader
):
    boss, outsider = telegram.person("Boss"), telegram.person("Outsider")
    group = telegram.group("Marketing", boss)
    as_group = Person(id=str(group.id), name="Marketing")
    await chat.offer(here(group), "Pick", PICKS, key="k", person=as_group)
    query = await telegram.presses(outsider, telegram.shown(group)[0], "Start")
    await telegram.wait_until(lambda: query.answer is not None)

    assert query.answer.text.startswith("These buttons belong to Marketing")
    assert len(telegram.calls("getChatMember")) == 1
    assert reader.found == []


async def test_who_ordered_as_a_channel_of_theirs_presses_as_themselves(
    telegram, chat, reader, ann
):
    ben, eve = telegram.person("Ben"), telegram.person("Eve")
    group, channel = telegram.group("Marketing", ann, ben, eve), telegram.channel("News")
    channel.members = {ann.id: "creator", ben.id: "member"}
    as_channel = Person(id=str(channel.id), name="News")
    await chat.offer(here(group), "Pick", PICKS, key="k", person=as_channel)
    (shown,) = telegram.shown(group)
    theirs = [await telegram.presses(who, shown, "Start") for who in (ben, eve)]
    await telegram.presses(ann, shown, "Start")

    (found,) = await reader.next()
    await telegram.wait_until(lambda: all(query.answer for query in theirs))

    assert (found.choice, found.person, found.chat) == ("go", as_channel, here(group))
    assert all(query.answer.text.startswith("These buttons belong to News") for query in theirs)


@pytest.mark.parametrize("speaker", ["channel", "group"])
async def test_where_nobody_can_tell_who_presses_typing_is_named(
    telegram, chat, reader, ann, speaker
):
    group, channel = telegram.group("Marketing", ann), telegram.channel("News " * 30)
    channel.bot_status = "left"
    telegram.fault(refused("Bad Request: CHAT_ADMIN_REQUIRED", "getChatMember"))
    place = channel if speaker == "channel" else group
    owner = Person(id=str(place.id), name=place.title)
    await chat.offer(here(group), "Pick", PICKS, key="k", person=owner)
    queries = [await telegram.presses(ann, telegram.shown(group)[0], "Start")]
    await telegram.wait_until(lambda: queries[0].answer is not None)

    assert "1 3 go" in queries[0].answer.text
    assert queries[0].answer.alert
    assert reader.found == []


async def test_a_press_for_the_group_outlasts_an_outage(telegram, chat, reader, ann):
    group = telegram.group("Marketing", ann)
    group.members[ann.id] = "creator"
    group.anonymous.add(ann.id)
    as_group = Person(id=str(group.id), name="Marketing")
    await chat.offer(here(group), "Pick", PICKS, key="k", person=as_group)
    telegram.fault(broken(502, "getChatMember", times=2))
    await telegram.presses(ann, telegram.shown(group)[0], "Start")

    (found,) = await reader.next()

    assert (found.choice, found.person) == ("go", as_group)


async def test_old_and_foreign_buttons_are_answered_kindly(telegram, chat, reader, ann, room):
    sent = await chat.offer(here(room), "Pick", PICKS, key="k")
    (shown,) = telegram.shown(room)
    name = shown.button("Start")["callback_data"].partition(":")[0]
    queries = [
        await telegram.presses(ann, shown, data=data)
        for data in ("nonsense", "unknown:AAAAAAAA", f"{name}:AAAAAAAA", ":", "x" * 64)
    ]
    await telegram.wait_until(lambda: all(query.answer for query in queries))

    assert {query.answer.text for query in queries} == {
        "This button is no longer in use. Send a recording, or type /templates."
    }
    assert sent.id == str(shown.id)
    assert reader.found == []


async def test_a_button_that_just_changed_means_what_it_showed(telegram, chat, reader, ann, room):
    sent = await chat.offer(here(room), "Pick", PICKS, key="k")
    before = telegram.shown(room)[0].button("1 anchor")["callback_data"]
    await chat.revise(sent, "Pick", [Choice("drop:t-anchor", "1 anchor", picked=True)])
    await telegram.presses(ann, telegram.shown(room)[0], data=before)

    (found,) = await reader.next()

    assert found.choice == "pick:t-anchor"
    assert telegram.shown(room)[0].labels() == ["✓ 1 anchor"]


async def test_a_press_on_a_message_that_is_gone_still_counts(telegram, chat, reader, ann):
    group = telegram.group("Marketing", ann, forum=True)
    topic = group.topic("Clips")
    await chat.offer(here(group, topic), "Pick", PICKS, key="k", person=person(ann))
    (shown,) = telegram.shown(group)
    shown.deleted = True
    await telegram.presses(ann, shown, "Start")

    (found,) = await reader.next()

    assert found.chat == here(group, topic)


async def test_a_press_too_old_to_be_answered_still_counts(telegram, chat, reader, ann, room):
    await chat.offer(here(room), "Pick", PICKS, key="k")
    await telegram.presses(ann, telegram.shown(room)[0], "Start", stale=True)

    (found,) = await reader.next()

    assert found.choice == "go"


async def test_tokens_of_any_length_fit_on_a_button(telegram, chat, reader, ann, room):
    await chat.offer(here(room), "Pick", [Choice("pick:" + "模板" * 300, "long " * 30)], key="k")
    await telegram.presses(ann, telegram.shown(room)[0], "long")

    (found,) = await reader.next()

    assert found.choice == "pick:" + "模板" * 300


async def test_a_hundred_choices_make_a_keyboard_that_telegram_takes(telegram, chat, room):
    choices = [Choice(f"pick:{number}", f"{number} name") for number in range(100)]
    await chat.offer(here(room), "Pick", choices, key="k")

    assert len(telegram.shown(room)[0].labels()) == 100


async def test_a_link_button_opens_its_link(telegram, chat, room):
    zip_ = Choice("", "ZIP", url="https://door.test/d/a")
    await chat.offer(here(room), "Ready", [zip_], key="k")

    assert telegram.shown(room)[0].button("ZIP")["url"] == "https://door.test/d/a"


REFUSED_LINKS = [
    "http://localhost:8080/d/a",  # refused in words,
    "http://chorus.internal:8080/d/a",  # and with a code
]


@pytest.mark.parametrize("url", REFUSED_LINKS)
async def test_links_that_telegram_takes_on_no_button_come_as_text(telegram, chat, room, url):
    zip_ = Choice("", "ZIP", url=url)
    await chat.offer(here(room), "Ready", [zip_, Choice("go", "Again")], key="k")

    (shown,) = telegram.shown(room)

    assert shown.text == f"Ready\nZIP: {url}"
    assert shown.labels() == ["Again"]


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_what_is_refused_for_reasons_nobody_knows_is_tried_with_its_links_in_the_text(
    telegram, chat, room, method
):
    links = [Choice("", "ZIP", url="https://door.test/d/a"), Choice("go", "Again")]
    if method == "editMessageText":
        sent = await chat.post(here(room), "1/3", key="k")
        telegram.fault(refused("Bad Request: SOMETHING_NEW", method))
        await chat.revise(sent, "Ready", links)
    else:
        telegram.fault(refused("Bad Request: SOMETHING_NEW", method))
        await chat.offer(here(room), "Ready", links, key="k")

    (shown,) = telegram.shown(room)

    assert shown.text == "Ready\nZIP: https://door.test/d/a"
    assert shown.labels() == ["Again"]


async def test_what_is_refused_without_links_as_well_is_a_fault(telegram, chat, room):
    telegram.fault(refused("Bad Request: SOMETHING_NEW", "sendMessage", times=2))
    zip_ = Choice("", "ZIP", url="https://door.test/d/a")
    with pytest.raises(ChatError) as told:
        await chat.offer(here(room), "Ready", [zip_], key="k")

    assert type(told.value) is ChatError
    assert telegram.shown(room) == []


@pytest.mark.parametrize("url", REFUSED_LINKS)
async def test_a_revision_with_a_link_that_telegram_takes_on_no_button_has_it_in_its_text(
    telegram, chat, room, url
):
    sent = await chat.post(here(room), "1/3", key="k")
    done = Choice("", "1. anna", url=url)
    for text in ("2/3", "3/3", "3/3"):
        await chat.revise(sent, text, [done, Choice("cancel", "Cancel")])

    (shown,) = telegram.shown(room)

    assert shown.text == f"3/3\n1. anna: {url}"
    assert shown.labels() == ["Cancel"]
    assert len(telegram.calls("editMessageText")) == 3  # refused once, and not asked again


def ninety_links() -> list[Choice]:
    return [Choice("", f"{n}.", url=f"http://localhost/d/{n}{'x' * 90}") for n in range(90)]


async def test_links_that_are_written_out_are_all_there_however_many_they_are(telegram, chat, room):
    links = ninety_links()
    sent = await chat.offer(here(room), "Ready", [*links, Choice("go", "Again")], key="k")

    shown = telegram.shown(room)
    *others, last = shown

    assert "\n".join(message.text for message in shown) == "\n".join(
        ["Ready", *(f"{link.label}: {link.url}" for link in links)]
    )
    assert len(others) == 2
    assert ([m.labels() for m in others], last.labels()) == ([[], []], ["Again"])
    assert sent.id == str(last.id)


async def test_of_a_long_text_no_link_is_lost_either_and_nothing_comes_twice(telegram, chat, room):
    text = "\n".join(f"line {number} {'x' * 90}" for number in range(60))
    say = partial(chat.offer, here(room), text, ninety_links(), key="k")
    telegram.fault(replace(broken(502, "sendMessage"), skip=3))
    with pytest.raises(PlatformDown):
        await say()
    await say()

    said = "\n".join(message.text for message in telegram.shown(room)).split("\n")

    assert said == [*text.split("\n"), *(f"{link.label}: {link.url}" for link in ninety_links())]


async def test_a_revision_with_links_that_are_written_out_stays_one_message(telegram, chat, room):
    sent = await chat.post(here(room), "1/90", key="k")
    await chat.revise(sent, "90/90", ninety_links())

    (shown,) = telegram.shown(room)

    assert shown.text.startswith("90/90\n0.: http://localhost/d/0xxx")
    assert shown.text.endswith("x" * 90)


async def test_what_is_refused_is_told_and_logged_without_the_links_it_held(
    telegram, chat, room, caplog
):
    link = "http://localhost:8080/d/a-signed-token"
    telegram.fault(refused(f"Bad Request: button URL '{link}' is odd", "sendMessage"))
    with caplog.at_level(logging.DEBUG), pytest.raises(ChatError) as told:
        await chat.post(here(room), "Ready", key="k")
    logging.getLogger("tests").error("as a fault is logged", exc_info=told.value)

    assert "is odd" in caplog.text
    assert "a-signed-token" not in caplog.text


# Files


async def test_a_file_is_fetched_whole(telegram, chat, ann, room, tmp_path):
    sent = await telegram.says(ann, room, file=File("voice", b"OggS" * 1000))
    await chat.fetch(Media(sent.file_id, "v.ogg", None, "voice"), tmp_path / "v")

    assert (tmp_path / "v").read_bytes() == b"OggS" * 1000


@pytest.mark.parametrize(("told", "asked"), [(None, 1), (20_000_001, 1), (3_000_000_000, 0)])
async def test_a_file_too_large_is_refused(telegram, chat, ann, room, tmp_path, told, asked):
    large = File("video", b"x", claimed_bytes=20_000_001)
    sent = await telegram.says(ann, room, file=large)

    with pytest.raises(MediaTooLarge):
        await chat.fetch(Media(sent.file_id, "v.mp4", told, "video"), tmp_path / "v")

    assert len(telegram.calls("getFile")) == asked


async def test_a_file_that_is_gone_is_gone(telegram, chat, ann, room, tmp_path):
    sent = await telegram.says(ann, room, file=File("voice", b"OggS"))
    with pytest.raises(MediaGone):
        await chat.fetch(Media("unknown", "v.ogg", 4, "voice"), tmp_path / "v")
    telegram.fault(refused("Not Found", "file", status=404))
    with pytest.raises(MediaGone):
        await chat.fetch(Media(sent.file_id, "v.ogg", 4, "voice"), tmp_path / "v")


async def test_a_large_file_that_a_server_of_our_own_has_to_get_first_is_waited_for(
    telegram, front_end, ann, room, tmp_path
):
    chat = front_end(timing=Timing(answer_s=0.2))
    telegram.platform.local_folder = str(tmp_path)
    sent = await telegram.says(ann, room, file=File("video", b"film", claimed_bytes=15_000_000))
    slow = late("getFile")
    telegram.fault(slow)
    media = Media(sent.file_id, "v.mp4", 15_000_000, "video")
    fetching = asyncio.create_task(chat.fetch(media, tmp_path / "v"))
    await telegram.wait_until(lambda: slow.met == 1)
    await asyncio.wait([fetching], timeout=0.8)  # four times what another answer may take
    slow.release.set()
    await fetching

    assert (tmp_path / "v").read_bytes() == b"film"
    assert len(telegram.calls("getFile")) == 1


async def test_files_that_a_server_has_to_get_first_hold_up_no_other(
    telegram, front_end, ann, room, tmp_path
):
    chat = front_end(timing=replace(QUICK, answer_s=60.0))
    sent = await telegram.says(ann, room, file=File("voice", b"OggS"))
    media = Media(sent.file_id, "v.ogg", 4, "voice")
    slow = replace(late("getFile"), times=4)
    telegram.fault(slow)
    fetching = [asyncio.create_task(chat.fetch(media, tmp_path / f"{n}")) for n in range(4)]
    await telegram.wait_until(lambda: slow.met == 4)
    await chat.fetch(media, tmp_path / "v")
    overtaken = not any(each.done() for each in fetching)
    slow.release.set()
    await asyncio.gather(*fetching)

    assert overtaken
    assert (tmp_path / "v").read_bytes() == b"OggS"


UNAVAILABLE = "Bad Request: wrong file_id or the file is temporarily unavailable"


async def test_a_file_that_is_unavailable_for_a_moment_is_asked_for_again(
    telegram, chat, ann, room, tmp_path
):
    sent = await telegram.says(ann, room, file=File("voice", b"OggS"))
    telegram.fault(refused(UNAVAILABLE, "getFile", times=2))
    await chat.fetch(Media(sent.file_id, "v.ogg", 4, "voice"), tmp_path / "v")

    assert (tmp_path / "v").read_bytes() == b"OggS"


async def test_a_server_of_our_own_hands_files_over_on_its_disk(
    telegram, chat, ann, room, tmp_path
):
    folder = tmp_path / "server"
    folder.mkdir()
    telegram.platform.local_folder = str(folder)
    large = File("video", b"film", claimed_bytes=1_500_000_000)
    sent = await telegram.says(ann, room, file=large)
    await chat.fetch(Media(sent.file_id, "v.mp4", 1_500_000_000, "video"), tmp_path / "v")

    assert (tmp_path / "v").read_bytes() == b"film"


async def test_a_server_of_our_own_that_shares_no_disk_is_told_to_the_operator(
    telegram, chat, ann, room, tmp_path, caplog
):
    elsewhere = f"/var/lib/telegram-bot-api/{telegram.token}/voice/file_0.oga"
    telegram.platform.local_paths["F1"] = elsewhere
    sent = await telegram.says(ann, room, file=File("voice", b"OggS"))
    with pytest.raises(MediaGone) as gone:
        await chat.fetch(Media(sent.file_id, "v.ogg", 4, "voice"), tmp_path / "v")
    logging.getLogger("tests").error("as a fault is logged", exc_info=gone.value)

    (line,) = [line for line in telegram._log.lines if "cannot be read here" in line]
    assert "--local" in line
    assert "share" in line
    assert telegram.token not in caplog.text


async def test_a_server_of_our_own_takes_files_larger_than_telegram_does(
    telegram, chat, room, tmp_path
):
    telegram.platform.local_folder = str(tmp_path)
    with (tmp_path / "clip.mp4").open("wb") as clip:
        clip.truncate(55_000_000)
    await chat.send_file(here(room), tmp_path / "clip.mp4", "clip.mp4", key="k")

    assert chat.limits.send_bytes > 55_000_000
    assert len(telegram.shown(room)[0].file.content) == 55_000_000


async def test_a_server_of_our_own_that_takes_less_than_hoped_is_believed(
    telegram, front_end, room, tmp_path
):
    chat = front_end()  # started without --local, as nobody told us
    with (tmp_path / "clip.mp4").open("wb") as clip:
        clip.truncate(50_000_001)
    with pytest.raises(MediaTooLarge) as told:
        await chat.send_file(here(room), tmp_path / "clip.mp4", "clip.mp4", key="k")
    telegram.forgive("Too Large")

    assert told.value.limit_bytes == chat.limits.send_bytes == 50_000_000


async def test_what_a_door_before_the_server_refuses_is_too_large_as_well(
    telegram, front_end, room, tmp_path
):
    chat = front_end()
    (tmp_path / "clip.mp4").write_bytes(b"x" * 1000)
    telegram.fault(refused("Request Entity Too Large", "sendDocument", status=413))
    with pytest.raises(MediaTooLarge):
        await chat.send_file(here(room), tmp_path / "clip.mp4", "clip.mp4", key="k")

    assert chat.limits.send_bytes == 999


async def test_a_large_file_that_is_answered_late_is_waited_for(
    telegram, front_end, room, tmp_path
):
    chat = front_end(timing=Timing(answer_s=0.2))
    (tmp_path / "clip.mp4").write_bytes(b"x" * 8_000_000)
    slow = late("sendDocument")
    telegram.fault(slow)
    sending = asyncio.create_task(
        chat.send_file(here(room), tmp_path / "clip.mp4", "clip.mp4", key="k")
    )
    await telegram.wait_until(lambda: slow.met == 1)
    await asyncio.wait([sending], timeout=0.8)  # four times what another answer may take
    slow.release.set()

    assert (await sending).id == str(telegram.shown(room)[0].id)


async def test_a_file_whose_answer_never_comes_is_sent_twice_at_most(
    telegram, front_end, room, tmp_path
):
    chat, sent, in_vain = front_end(timing=Timing(answer_s=0.1)), None, 0
    (tmp_path / "clip.mp4").write_bytes(b"x")
    silent = hanging("sendDocument", executed=True, times=9)
    telegram.fault(silent)
    while sent is None and in_vain < 20:  # a busy machine is silent now and then by itself
        try:
            sent = await chat.send_file(here(room), tmp_path / "clip.mp4", "clip.mp4", key="k")
        except PlatformDown:
            in_vain += 1
    silent.release.set()

    assert sent is not None
    assert in_vain >= 2
    assert len(telegram.shown(room)) <= 2
    with pytest.raises(ChatUnreachable):
        await chat.revise(sent, "nobody knows which message this is")


async def test_an_outage_does_not_count_as_a_file_that_may_have_come(
    telegram, chat, room, tmp_path
):
    (tmp_path / "clip.mp4").write_bytes(b"x")
    send = partial(chat.send_file, here(room), tmp_path / "clip.mp4", "clip.mp4", key="k")
    telegram.down = True
    for _ in range(4):
        with pytest.raises(PlatformDown):
            await send()
    telegram.down = False
    telegram.fault(broken(502, "sendDocument", times=3))
    for _ in range(3):
        with pytest.raises(PlatformDown):
            await send()
    await send()

    assert len(telegram.shown(room)) == 1


# Rates and outages


async def test_front_ends_that_say_or_change_the_same_at_once_do_it_once(telegram, front_end, room):
    chats = [front_end() for _ in range(3)]
    said = await asyncio.gather(*(each.post(here(room), "hello", key="k") for each in chats))
    await asyncio.gather(*(each.revise(said[0], "hello again") for each in chats))

    assert len({message.id for message in said}) == 1
    assert len(telegram.calls("sendMessage")) == len(telegram.calls("editMessageText")) == 1


async def test_a_flood_is_waited_out_by_every_front_end(telegram, front_end, room):
    first, second = (front_end() for _ in range(2))
    telegram.fault(flood(30, "sendMessage"))
    began_s = time.time()
    with pytest.raises(Throttled) as told:
        await first.post(here(room), "hello", key="k")
    with pytest.raises(Throttled) as known:
        await second.post(here(room), "hello", key="k")
    took_s = time.time() - began_s

    assert told.value.after_s == 30
    assert 30 - took_s < known.value.after_s <= 30.2
    assert len(telegram.calls("sendMessage")) == 1


async def test_a_flood_holds_us_back_while_the_memory_is_still_being_told(
    telegram, front_end, memory, room, monkeypatch
):
    keep, telling, told = memory.keep, asyncio.Event(), asyncio.Event()

    async def slowly(*name: str, **more: Any) -> None:
        if name[0] == "flood":
            telling.set()
            await told.wait()
        await keep(*name, **more)

    monkeypatch.setattr(memory, "keep", slowly)
    chat = front_end()
    telegram.fault(flood(30, "sendMessage"))
    first = asyncio.create_task(chat.post(here(room), "one", key="1"))
    await telling.wait()
    with pytest.raises(Throttled):
        await chat.post(here(room), "two", key="2")
    told.set()
    with pytest.raises(Throttled):
        await first

    assert len(telegram.calls("sendMessage")) == 1


async def test_a_flood_that_comes_while_a_message_waits_for_room_holds_it_back(
    telegram, front_end, memory, room, monkeypatch
):
    spend, waits, until_s = memory.spend, asyncio.Event(), 0.0

    async def crowded(budget: str, *more: Any) -> float:
        if not until_s and ":chat:" in budget:
            waits.set()
            return 0.05
        return await spend(budget, *more)

    monkeypatch.setattr(memory, "spend", crowded)
    chat = front_end(rates=Rates(chat=1, chat_window_s=0.05))
    message = asyncio.create_task(chat.post(here(room), "hello", key="k"))
    await waits.wait()
    flooded_s = time.time() + 1.0
    await memory.keep("flood", chat.mailbox, here(room).id, value=str(flooded_s))
    until_s = flooded_s  # only now there is room
    await message

    assert time.time() >= until_s


async def test_floods_that_come_while_another_is_waited_out_are_waited_out_as_well(
    telegram, front_end, memory, room, monkeypatch
):
    chat, load, until_s = front_end(rates=Rates()), memory.load, []

    async def flooded(*name: str) -> str | None:
        """Whenever it is looked whether one is over, the next one is there."""
        if name[0] != "flood":
            return await load(*name)
        if name[2] == here(room).id and len(until_s) < 4:
            until_s.append(time.time() + 0.3)
            return str(until_s[-1])
        return None

    monkeypatch.setattr(memory, "load", flooded)
    await chat.post(here(room), "hello", key="k")

    assert len(until_s) == 4
    assert time.time() >= until_s[-1]


async def test_a_flood_in_one_chat_does_not_silence_the_others(telegram, chat, room):
    group = telegram.group("Marketing")
    telegram.fault(flood(30, "sendMessage"))
    with pytest.raises(Throttled):
        await chat.post(here(room), "hello", key="1")

    await chat.post(here(group), "hello", key="2")

    assert telegram.texts(group) == ["hello"]


async def test_a_second_flood_elsewhere_silences_all(telegram, chat, room):
    one, other = telegram.group("One"), telegram.group("Other")
    telegram.fault(flood(30, "sendMessage", times=2))
    for place in (room, one):
        with pytest.raises(Throttled):
            await chat.post(here(place), "hello", key=str(place.id))
    with pytest.raises(Throttled):
        await chat.post(here(other), "hello", key="k")

    assert len(telegram.calls("sendMessage")) == 2


async def test_a_flood_met_while_fetching_a_file_silences_all(
    telegram, front_end, ann, room, tmp_path
):
    await telegram.says(ann, room, file=File("voice", b"OggS 1234"))
    media = Media("F1", "voice-1.ogg", 9, "voice")
    fetching, speaking = front_end(), front_end()
    telegram.fault(flood(30, "file"))
    with pytest.raises(Throttled) as told:
        await fetching.fetch(media, tmp_path / "voice")
    for chat in (fetching, speaking):
        with pytest.raises(Throttled):
            await chat.post(here(room), "hello", key="k")
    with pytest.raises(Throttled):
        await speaking.fetch(media, tmp_path / "voice")

    assert told.value.after_s == 30
    assert telegram.calls("sendMessage") == []
    assert len(telegram.calls("getFile")) == 1


async def test_a_short_flood_is_waited_out_in_place(telegram, front_end, room):
    chat = front_end(rates=Rates())
    telegram.fault(flood(1, "sendMessage"))
    with pytest.raises(Throttled):
        await chat.post(here(room), "hello", key="k")
    await chat.post(here(room), "hello", key="k")

    assert telegram.texts(room) == ["hello"]


@pytest.mark.slow
@pytest.mark.alone
async def test_a_group_hears_no_more_than_its_share_from_all_front_ends_together(
    telegram, front_end
):
    telegram.platform.meter.rates = TheirRates().faster(60)
    rates = Rates().faster(60)
    late_s = 0.25  # what a request may be late on a busy machine
    rates = replace(
        rates,
        chat_window_s=rates.chat_window_s + late_s,
        group_window_s=rates.group_window_s + late_s,
        overall=10,
        overall_window_s=rates.overall_window_s + late_s,
    )
    group = telegram.group("Marketing")
    chats = [front_end(rates=rates) for _ in range(2)]

    async def say(number: int) -> None:
        while True:
            try:
                await chats[number % 2].post(here(group), f"{number}", key=f"{number}")
            except Throttled as error:
                await asyncio.sleep(error.after_s)
            else:
                return

    await asyncio.gather(*(say(number) for number in range(45)))

    assert sorted(map(int, telegram.texts(group))) == list(range(45))
    assert telegram.platform.throttled == 0
    assert telegram.platform.meter.most_in_group <= 20


async def test_progress_leaves_room_for_answers_in_a_group(telegram, front_end):
    group = telegram.group("Marketing")
    chat = front_end(rates=Rates(chat=100, patience_s=0.0))
    telegram.platform.meter.rates = TheirRates(chat_burst=100)
    sent = await chat.post(here(group), "0", key="progress")

    async def progress() -> None:
        for number in range(1, 30):
            await chat.revise(sent, f"{number}", patient=True)

    with pytest.raises(Throttled):
        await progress()
    for number in range(5):
        await chat.post(here(group), "an answer", key=f"{number}")

    assert telegram.texts(group).count("an answer") == 5


async def test_an_outage_is_an_outage(telegram, front_end, room):
    chat, hasty, hang = front_end(), front_end(timing=Timing(answer_s=1.0)), hanging("sendMessage")
    telegram.fault(broken(502), broken(500), dropped(), hang)
    for each in (chat, chat, chat, hasty):
        with pytest.raises(PlatformDown):
            await each.post(here(room), "hello", key="k")
    hang.release.set()
    await chat.post(here(room), "hello", key="k")

    assert telegram.texts(room) == ["hello"]


def test_every_error_of_the_library_means_something():
    kinds = {
        found
        for _, found in inspect.getmembers(library.error, inspect.isclass)
        if issubclass(found, library.error.TelegramError)
    }

    assert kinds == set(errors.MEANINGS)


@pytest.mark.parametrize("kind", sorted(errors.MEANINGS, key=str), ids=lambda kind: kind.__name__)
def test_no_error_of_the_library_leaves_the_adapter(kind):
    argument = {telegram.error.ChatMigrated: -1, telegram.error.RetryAfter: 3}.get(kind, "because")

    with pytest.raises(ChatError), errors.ours():
        raise kind(argument)


async def test_a_token_that_is_refused_is_neither_told_nor_logged(telegram, chat, room, caplog):
    telegram.token = "77:another"  # noqa: S105 - what the server knows, and we do not

    with caplog.at_level(logging.DEBUG), pytest.raises(PlatformDown) as refused_:
        await chat.post(here(room), "hello", key="k")
    running = asyncio.create_task(chat.run())
    async with asyncio.timeout(60):
        while "does not accept CHORUS_TELEGRAM_TOKEN" not in caplog.text:
            await asyncio.sleep(0.02)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    told = f"{refused_.value!r} {refused_.value.__cause__!r} {caplog.text} {telegram._log.lines}"

    assert "a-token-of-tests" not in told


async def test_a_message_id_that_is_none_of_ours_is_refused(chat, room):
    with pytest.raises(ChatUnreachable):
        await chat.revise(MessageRef(chat=here(room), id="console-1"), "two")


def test_what_we_allow_ourselves_is_less_than_telegram_allows():
    ours, theirs = Rates(), TheirRates()

    assert ours.group < theirs.group
    assert ours.group_window_s > theirs.group_window_s
    assert ours.overall < theirs.overall
    assert ours.chat / ours.chat_window_s < 1 / theirs.chat_every_s
    assert ours.group_revisions < ours.group
    assert FAST.group_window_s < ours.group_window_s
