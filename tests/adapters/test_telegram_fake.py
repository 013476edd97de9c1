"""The fake Bot API server, asked by the real python-telegram-bot: what it lets pass and what it marks."""

import asyncio
import contextlib
import io
import logging
import os

import pytest
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    ReplyParameters,
)
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, NetworkError, RetryAfter

from tests.fakes.telegram.faults import broken, dropped, flood
from tests.fakes.telegram.rates import DrivenClock
from tests.fakes.telegram.server import TOKEN, FakeTelegram
from tests.fakes.telegram.world import File

os.environ.setdefault("PTB_TIMEDELTA", "1")


@contextlib.asynccontextmanager
async def at(telegram: FakeTelegram):
    """The library, talking to the fake."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.WARNING)
    base = f"{telegram.url}/bot", f"{telegram.url}/file/bot"
    async with Bot(TOKEN, base_url=base[0], base_file_url=base[1]) as bot:
        yield bot


@pytest.fixture
async def clock():
    return DrivenClock()


@pytest.fixture
async def telegram(clock):
    async with FakeTelegram(clock=clock) as fake:
        yield fake
        fake.platform.breaches.clear()  # each test looks at them itself


def keyboard(*rows):
    return InlineKeyboardMarkup(rows)


def button(data="x", text="Go"):
    return InlineKeyboardButton(text, callback_data=data)


def picture(width=60, height=90, colour="grey"):
    drawn = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(drawn, "PNG")
    return drawn.getvalue()


async def test_updates_stay_until_an_offset_confirms_them(telegram):
    ann = telegram.person("Ann")
    await telegram.says(ann, telegram.private(ann), "hello")
    async with at(telegram) as bot:
        (first,) = await bot.get_updates(timeout=1)
        (again,) = await bot.get_updates(timeout=1)
        none = await bot.get_updates(offset=first.update_id + 1)

    assert first.message.text == again.message.text == "hello"
    assert none == ()


async def test_a_second_consumer_ends_the_poll_of_the_first(telegram):
    async with at(telegram) as one, at(telegram) as two:
        first = asyncio.create_task(one.get_updates(timeout=20))
        await telegram.wait_until(lambda: len(telegram.calls("getUpdates")) == 1)
        second = asyncio.create_task(two.get_updates(timeout=20))
        with pytest.raises(Conflict):
            await first
        second.cancel()


async def test_a_poll_returns_as_soon_as_somebody_writes(telegram):
    ann = telegram.person("Ann")
    async with at(telegram) as bot:
        poll = asyncio.create_task(bot.get_updates(timeout=50))
        await telegram.wait_until(lambda: len(telegram.calls("getUpdates")) == 1)
        await telegram.says(ann, telegram.private(ann), "hello")
        assert len(await poll) == 1


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("<b>a &amp; b</b> &lt;3", True),
        ("a < b", False),
        ("<b>never closed", False),
        ("<i><b>wrong order</i></b>", False),
        ("<blink>no such tag</blink>", False),
        ("x" * 4096, True),
        ("x" * 4097, False),
        ("😀" * 2049, False),
    ],
)
async def test_html_that_does_not_parse_or_is_too_long_is_a_breach(telegram, text, passes):
    ann = telegram.person("Ann")
    telegram.private(ann)
    async with at(telegram) as bot:
        with contextlib.nullcontext() if passes else pytest.raises(BadRequest):
            await bot.send_message(ann.id, text, parse_mode="HTML")

    assert bool(telegram.platform.breaches) is not passes


@pytest.mark.parametrize(
    ("markup", "passes"),
    [
        (keyboard([button("é" * 32)]), True),
        (keyboard([button("é" * 33)]), False),
        (keyboard([button()] * 9), False),
        (keyboard(*[[button()] * 8] * 13), False),
    ],
    ids=["64 bytes", "66 bytes", "nine in a row", "104 buttons"],
)
async def test_a_keyboard_that_telegram_would_refuse_is_a_breach(telegram, markup, passes):
    ann = telegram.person("Ann")
    telegram.private(ann)
    async with at(telegram) as bot:
        with contextlib.nullcontext() if passes else pytest.raises(BadRequest):
            await bot.send_message(ann.id, "pick", reply_markup=markup)

    assert bool(telegram.platform.breaches) is not passes


async def test_more_than_twenty_messages_a_minute_in_a_group_are_refused(telegram, clock):
    group = telegram.group("Marketing")
    async with at(telegram) as bot:
        for number in range(20):
            await bot.send_message(group.id, f"message {number}")
            clock.advance(1.1)
        with pytest.raises(RetryAfter):
            await bot.send_message(group.id, "one too many")
    assert "20 a minute" in telegram.platform.breaches[0]


async def test_who_does_not_wait_after_a_429_breaks_the_rules(telegram, clock):
    ann = telegram.person("Ann")
    telegram.private(ann)
    telegram.fault(flood(30, "sendMessage"))
    async with at(telegram) as bot:
        with pytest.raises(RetryAfter):
            await bot.send_message(ann.id, "hello")
        clock.advance(29)
        with pytest.raises(RetryAfter):
            await bot.send_message(ann.id, "hello")
        breaches = list(telegram.platform.breaches)
        clock.advance(2)
        await bot.send_message(ann.id, "hello")

    assert len(breaches) == 1
    assert "retry_after" in breaches[0]


async def test_what_was_on_its_way_when_a_429_was_read_breaks_no_rule_and_what_is_asked_then_does(
    telegram, clock
):
    ann = telegram.person("Ann")
    telegram.private(ann)
    telegram.fault(flood(30, "sendMessage"))
    on_its_way, through = asyncio.Event(), asyncio.Event()
    async with at(telegram) as bot:
        ask = bot.request.do_request

        async def over_a_slow_wire(*args, **kwargs):
            if "slow" in str(kwargs["request_data"].parameters):
                on_its_way.set()
                await through.wait()
            return await ask(*args, **kwargs)

        bot.request.do_request = over_a_slow_wire
        telegram.watch.over(bot.request)
        slow = asyncio.create_task(bot.send_message(ann.id, "slow"))
        await on_its_way.wait()
        with pytest.raises(RetryAfter):
            await bot.send_message(ann.id, "refused")
        clock.advance(20)
        through.set()
        with pytest.raises(RetryAfter):
            await slow
        before = list(telegram.platform.breaches)
        with pytest.raises(RetryAfter):
            await bot.send_message(ann.id, "knows better")

    assert before == []
    assert telegram.platform.breaches == ["sendmessage 10.00 s before retry_after was over"]


async def test_an_edit_that_changes_nothing_is_a_breach_unless_the_answer_was_lost(telegram):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    async with at(telegram) as bot:
        sent = await bot.send_message(ann.id, "one")
        telegram.fault(dropped("editMessageText", executed=True))
        with pytest.raises(NetworkError):
            await bot.edit_message_text("two", ann.id, sent.message_id)
        with pytest.raises(BadRequest, match=r"(?i)not modified"):
            await bot.edit_message_text("two", ann.id, sent.message_id)
        forgiven = not telegram.platform.breaches
        with pytest.raises(BadRequest, match=r"(?i)not modified"):
            await bot.edit_message_text("two", ann.id, sent.message_id)

    assert forgiven
    assert telegram.platform.breaches
    assert telegram.texts(room) == ["two"]


@pytest.mark.parametrize(
    ("content", "caption", "refused"),
    [
        (picture(), "x" * 1024, ""),
        (picture(), "x" * 1025, "caption is too long"),
        (picture(2000, 100), "", ""),
        (picture(2001, 100), "", "PHOTO_INVALID_DIMENSIONS"),
        (picture(5000, 5001), "", "PHOTO_INVALID_DIMENSIONS"),
        (b"JPEG", "", "IMAGE_PROCESS_FAILED"),
        (picture() + bytes(10_000_000), "", "Request Entity Too Large"),
    ],
)
async def test_a_photo_that_telegram_would_not_show_is_a_breach(
    telegram, content, caption, refused
):
    ann = telegram.person("Ann")
    telegram.private(ann)
    async with at(telegram) as bot:
        if refused:
            with pytest.raises(NetworkError, match=f"(?i){refused}"):
                await bot.send_photo(ann.id, content, caption=caption)
        else:
            await bot.send_photo(ann.id, content, caption=caption)

    assert bool(telegram.platform.breaches) is bool(refused)


async def test_a_text_may_become_a_photo_whose_caption_is_edited_and_not_its_text(telegram, clock):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    async with at(telegram) as bot:
        text = await bot.send_message(ann.id, "pick")
        with pytest.raises(BadRequest, match="no caption in the message"):
            await bot.edit_message_caption(ann.id, text.message_id, caption="two")
        media = InputMediaPhoto(picture(), caption="two")
        photo = await bot.edit_message_media(media, ann.id, text.message_id)
        with pytest.raises(BadRequest, match="no text in the message"):
            await bot.edit_message_text("three", ann.id, text.message_id)
        clock.advance(60)
        await bot.edit_message_caption(ann.id, text.message_id, caption="three")
        again = InputMediaPhoto(photo.photo[-1].file_id, caption="three")
        with pytest.raises(BadRequest, match="not modified"):
            await bot.edit_message_media(again, ann.id, text.message_id)
        other = InputMediaPhoto(picture(colour="red"), caption="three")
        await bot.edit_message_media(other, ann.id, text.message_id)

    (shown,) = telegram.shown(room)
    assert (shown.text, shown.file.content) == ("three", picture(colour="red"))
    assert shown.earlier == ["pick", "two", "three"]


async def test_topics_exist_are_open_or_are_refused(telegram):
    group = telegram.group("Marketing", forum=True)
    topic, plain = group.topic("Clips"), telegram.group("Plain")
    async with at(telegram) as bot:
        await bot.send_message(group.id, "here", message_thread_id=topic.id)
        topic.closed = True
        with pytest.raises(BadRequest, match=r"(?i)topic_closed"):
            await bot.send_message(group.id, "here", message_thread_id=topic.id)
        quiet = not telegram.platform.breaches
        with pytest.raises(BadRequest, match=r"(?i)thread not found"):
            await bot.send_message(group.id, "here", message_thread_id=999)
        with pytest.raises(BadRequest, match=r"(?i)thread not found"):
            await bot.send_message(plain.id, "here", message_thread_id=topic.id)

    assert quiet
    assert len(telegram.platform.breaches) == 2


async def test_what_stands_in_a_closed_topic_cannot_be_changed(telegram):
    group = telegram.group("Marketing", forum=True)
    topic = group.topic("Clips")
    async with at(telegram) as bot:
        sent = await bot.send_message(group.id, "here", message_thread_id=topic.id)
        topic.closed = True
        with pytest.raises(BadRequest, match=r"(?i)topic_closed"):
            await bot.edit_message_text("there", group.id, sent.message_id)
        topic.deleted = True
        with pytest.raises(BadRequest, match="not found"):
            await bot.edit_message_text("there", group.id, sent.message_id)

    assert telegram.texts(group) == ["here"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost/d/a", "wrong http url"),
        ("http://chorus.internal/d/a", "Button_url_invalid"),
    ],
)
async def test_a_button_with_a_link_to_nowhere_is_refused_in_edits_too(telegram, url, words):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    nowhere = {"inline_keyboard": [[{"text": "ZIP", "url": url}]]}
    async with at(telegram) as bot:
        sent = await bot.send_message(room.id, "one")
        with pytest.raises(BadRequest, match=words):
            await bot.edit_message_text("two", room.id, sent.message_id, reply_markup=nowhere)
        with pytest.raises(BadRequest, match=words):
            await bot.edit_message_reply_markup(room.id, sent.message_id, reply_markup=nowhere)

    assert telegram.texts(room) == ["one"]


async def test_files_over_50_mb_are_for_servers_of_our_own(telegram, tmp_path):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    large = bytes(50_000_001)
    async with at(telegram) as bot:
        with pytest.raises(NetworkError, match="Too Large"):
            await bot.send_document(room.id, large, filename="a.mp4")
        telegram.forgive("Too Large")
        telegram.platform.local_folder = str(tmp_path)
        await bot.send_document(room.id, large, filename="a.mp4")

    assert len(telegram.shown(room)) == 1


async def test_groups_that_moved_or_sent_the_bot_away_say_so(telegram):
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann, basic=True)
    new = await telegram.migrates(ann, group)
    new.bot_status = "kicked"
    telegram.private(ann).bot_status = "kicked"
    async with at(telegram) as bot:
        with pytest.raises(ChatMigrated) as moved:
            await bot.send_message(group.id, "hello")
        with pytest.raises(Forbidden):
            await bot.send_message(new.id, "hello")
        with pytest.raises(Forbidden, match="blocked"):
            await bot.send_message(ann.id, "hello")

    assert moved.value.new_chat_id == new.id


async def test_with_privacy_the_bot_sees_only_what_is_meant_for_it(telegram):
    telegram.platform.privacy = True
    ann = telegram.person("Ann")
    group = telegram.group("Marketing", ann)
    async with at(telegram) as bot:
        sent = await bot.send_message(group.id, "hello")
        mine = group.messages[sent.message_id]
        await telegram.says(ann, group, "lunch?")
        await telegram.says(ann, group, file=File("voice", b"v"))
        await telegram.says(ann, group, "/dub@other_bot")
        await telegram.says(ann, group, "/dub@chorus_bot")
        await telegram.says(ann, group, file=File("voice", b"v"), reply_to=mine)
        seen = await bot.get_updates()

    assert [update.message.text or "voice" for update in seen] == ["/dub@chorus_bot", "voice"]


async def test_the_library_can_do_all_the_bot_needs(telegram, tmp_path):
    ann = telegram.person("Ann")
    room = telegram.private(ann)
    voice = await telegram.says(ann, room, file=File("voice", b"OggS"))
    telegram.fault(broken(times=2, method="getChat"))
    async with at(telegram) as bot:
        me = await bot.get_me()
        file = await bot.get_file(voice.file_id)
        await file.download_to_drive(tmp_path / "voice")
        answer = await bot.send_message(
            ann.id, "pick", reply_markup=keyboard([button()]), reply_parameters=ReplyParameters(1)
        )
        query = await telegram.presses(ann, room.messages[answer.message_id], "Go")
        await bot.answer_callback_query(query.id, "done", show_alert=True)
        await bot.edit_message_reply_markup(ann.id, answer.message_id)
        await bot.send_document(ann.id, b"PDF", caption="a file", filename="a.pdf")
        await bot.send_photo(ann.id, picture())
        await bot.set_my_commands([BotCommand("help", "Help")], language_code="en")
        commands = await bot.get_my_commands(language_code="en")
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.get_chat(ann.id)
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.get_chat(ann.id)
        assert (await bot.get_chat(ann.id)).first_name == "Ann"

    assert me.can_read_all_group_messages
    assert (tmp_path / "voice").read_bytes() == b"OggS"
    assert query.answer.alert
    assert commands[0].command == "help"
    assert telegram.read() == (
        "── Ann ──\n"
        "Ann:\n    🎤 voice note\n"
        "Chorus ↩ Ann #1:\n    pick\n    [Go]\n"
        "Ann presses [Go]\n"
        "(Ann sees: done)\n"
        "Chorus changes #2:\n    pick\n"
        "Chorus:\n    📎 a.pdf\n    a file\n"
        "Chorus:\n    🖼 photo application.octet-stream"
    )


async def test_leaving_the_fake_fails_on_a_breach_a_silent_button_and_a_token_in_the_log():
    fake = FakeTelegram()
    async with fake:
        ann = fake.person("Ann")
        room = fake.private(ann)
        async with at(fake) as bot:
            sent = await bot.send_message(ann.id, "pick", reply_markup=keyboard([button()]))
            with pytest.raises(BadRequest):
                await bot.send_message(ann.id, "<b>", parse_mode="HTML")
        await fake.presses(ann, room.messages[sent.message_id], "Go")
        logging.getLogger("careless").info("calling %s", TOKEN)
        with pytest.raises(AssertionError) as failed:
            fake.check()
        fake.platform.breaches.clear()
        fake.platform.queries.clear()
        fake._log.lines.clear()

    assert [line.split(":")[0] for line in str(failed.value).split("\n")] == [
        "sendmessage",
        "Ann pressed a button and was not answered",
        "the token is in the log",
    ]
