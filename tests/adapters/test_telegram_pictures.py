"""Pictures with buttons: sent once, changed in place, and said in words where Telegram takes none."""

import io

import pytest
from PIL import Image

from adapters.chats.telegram.writing import shortened
from bot.ports import Choice, MediaGone, Person, Picture, PlatformDown, Throttled
from tests.adapters.test_telegram_outgoing import PICKS, here
from tests.fakes.telegram.faults import dropped, flood, refused


def painted(colour: str) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (60, 90), colour).save(drawn, "JPEG")
    return drawn.getvalue()


class Gallery:
    """Pictures that know how often they were read."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.gone = False

    def picture(self, colour: str, caption: str = "Pick") -> Picture:
        async def read() -> bytes:
            if self.gone:
                raise MediaGone(colour)
            self.read.append(colour)
            return painted(colour)

        return Picture(colour, caption, read)


@pytest.fixture
def gallery():
    return Gallery()


@pytest.fixture
def ann(telegram):
    return telegram.person("Ann")


@pytest.fixture
def room(telegram, ann):
    return telegram.private(ann)


async def test_a_picture_comes_with_its_caption_and_the_buttons_instead_of_the_text(
    telegram, chat, reader, ann, room, gallery
):
    await chat.offer(
        here(room), "a list", PICKS, key="k", picture=gallery.picture("red", "R&D <1>")
    )
    (shown,) = telegram.shown(room)
    await telegram.presses(ann, shown, "2 host")
    (found,) = await reader.next()

    assert (shown.text, shown.file.content) == ("R&D <1>", painted("red"))
    assert shown.labels() == ["1 anchor", "2 host", "Start"]
    assert found.choice == "pick:t-host"


async def test_the_same_picture_is_uploaded_once_for_all_chats_and_front_ends(
    telegram, front_end, room, gallery
):
    group = telegram.group("Marketing")
    for number, place in enumerate((room, group, room)):
        await front_end().offer(
            here(place), "a list", PICKS, key=f"{number}", picture=gallery.picture("red")
        )

    assert gallery.read == ["red"]
    assert [m.file.content for m in telegram.shown(room)] == [painted("red")] * 2


async def test_a_tick_changes_the_caption_and_another_page_the_picture(
    telegram, chat, room, gallery
):
    sent = await chat.offer(here(room), "one", PICKS, key="k", picture=gallery.picture("red"))
    ticked = [Choice("drop:t-anchor", "1 anchor", picked=True)]
    await chat.revise(sent, "one", ticked, picture=gallery.picture("red"))
    await chat.revise(sent, "two", PICKS, picture=gallery.picture("blue", "Page 2"))
    await chat.revise(sent, "one", PICKS, picture=gallery.picture("red"))
    await chat.revise(sent, "one", PICKS, picture=gallery.picture("red"))

    (shown,) = telegram.shown(room)
    assert (shown.text, shown.file.content) == ("Pick", painted("red"))
    assert [name for name, _ in telegram.platform.calls] == [
        *("sendphoto", "editmessagecaption", "editmessagemedia", "editmessagemedia")
    ]
    assert gallery.read == ["red", "blue"]


async def test_a_message_keeps_its_picture_when_only_words_are_given(telegram, chat, room, gallery):
    sent = await chat.offer(here(room), "one", PICKS, key="k", picture=gallery.picture("red"))
    await chat.revise(sent, "Ordered.\n" + "x" * 2000)

    (shown,) = telegram.shown(room)
    assert shown.file.content == painted("red")
    assert shown.text.startswith("Ordered.\nx")
    assert shown.labels() == []


async def test_a_text_gets_a_picture_and_buttons_that_only_one_person_may_press(
    telegram, chat, reader, ann, gallery
):
    ben = telegram.person("Ben")
    group = telegram.group("Marketing", ann, ben)
    sent = await chat.post(here(group), "listening", key="k")
    owner = Person(id=str(ann.id), name="Ann")
    await chat.revise(sent, "list", PICKS, person=owner, picture=gallery.picture("red"))
    (shown,) = telegram.shown(group)
    wrong = await telegram.presses(ben, shown, "Start")
    await telegram.presses(ann, shown, "1 anchor")
    (found,) = await reader.next()
    await telegram.wait_until(lambda: wrong.answer is not None)

    assert (shown.earlier, shown.text, shown.file.content) == (
        ["listening"],
        "Pick",
        painted("red"),
    )
    assert (found.person.name, wrong.answer.alert) == ("Ann", True)


@pytest.mark.parametrize(
    "description",
    [
        "Bad Request: not enough rights to send photos to the chat",
        "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN",
        "Bad Request: IMAGE_PROCESS_FAILED",
    ],
)
async def test_where_no_photo_may_be_sent_the_list_is_said_and_it_is_not_tried_again(
    telegram, chat, room, gallery, description
):
    telegram.fault(refused(description, "sendPhoto"))
    sent = await chat.offer(here(room), "a list", PICKS, key="k", picture=gallery.picture("red"))
    await chat.revise(sent, "another", PICKS, picture=gallery.picture("blue"))

    (shown,) = telegram.shown(room)
    assert (shown.text, shown.file, len(shown.labels())) == ("another", None, 3)
    assert telegram.calls("editMessageMedia") == []


async def test_a_text_that_may_get_no_picture_changes_as_a_text(telegram, chat, room, gallery):
    sent = await chat.post(here(room), "listening", key="k")
    telegram.fault(
        refused("Bad Request: there is no media in the message to edit", "editMessageMedia")
    )
    for text in ("a list", "another"):
        await chat.revise(sent, text, PICKS, picture=gallery.picture("red"))

    assert telegram.texts(room) == ["another"]
    assert len(telegram.calls("editMessageMedia")) == 1


async def test_a_picture_that_telegram_forgot_is_uploaded_again(telegram, chat, room, gallery):
    await chat.offer(here(room), "a list", PICKS, key="1", picture=gallery.picture("red"))
    telegram.fault(refused("Bad Request: wrong file identifier/HTTP URL specified", "sendPhoto"))
    sent = await chat.offer(here(room), "a list", PICKS, key="2", picture=gallery.picture("red"))
    telegram.platform.files.clear()
    await chat.revise(sent, "two", PICKS, picture=gallery.picture("blue"))
    telegram.forgive("wrong file identifier")  # it cannot be known before

    assert gallery.read == ["red", "red", "blue"]
    assert [m.file.content for m in telegram.shown(room)] == [painted("red"), painted("blue")]


async def test_a_picture_that_is_gone_is_said_in_words(telegram, chat, room, gallery):
    gallery.gone = True
    sent = await chat.offer(here(room), "a list", PICKS, key="k", picture=gallery.picture("red"))
    await chat.revise(sent, "another list", PICKS, picture=gallery.picture("blue"))

    assert telegram.texts(room) == ["another list"]


async def test_a_change_whose_answer_was_lost_is_made_again(telegram, chat, room, gallery):
    sent = await chat.post(here(room), "listening", key="k")
    telegram.fault(dropped("editMessageMedia", executed=True))
    with pytest.raises(PlatformDown):
        await chat.revise(sent, "list", PICKS, picture=gallery.picture("red"))
    await chat.revise(sent, "list", PICKS, picture=gallery.picture("red"))
    await chat.revise(sent, "list", (), picture=gallery.picture("red", "done"))

    (shown,) = telegram.shown(room)
    assert (shown.text, shown.file.content) == ("done", painted("red"))


async def test_what_nobody_remembers_to_be_a_photo_is_changed_as_one(
    telegram, chat, memory, room, gallery
):
    sent = await chat.offer(here(room), "list", PICKS, key="k", picture=gallery.picture("red"))
    await memory.drop("shown", chat.mailbox, here(room).id, sent.id)
    await chat.revise(sent, "Ordered.")

    (shown,) = telegram.shown(room)
    assert (shown.text, shown.file.content) == ("Ordered.", painted("red"))


async def test_pictures_count_against_the_rates_and_wait_when_asked_to(
    telegram, chat, room, gallery
):
    telegram.fault(flood(30, "sendPhoto"))
    with pytest.raises(Throttled):
        await chat.offer(here(room), "list", PICKS, key="k", picture=gallery.picture("red"))
    with pytest.raises(Throttled):
        await chat.offer(here(room), "list", PICKS, key="k", picture=gallery.picture("red"))

    assert len(telegram.calls("sendPhoto")) == 1


async def test_a_picture_follows_a_group_that_moves(telegram, chat, ann, gallery):
    old = telegram.group("Marketing", ann, basic=True)
    sent = await chat.offer(here(old), "list", PICKS, key="k", picture=gallery.picture("red"))
    new = await telegram.migrates(ann, old)
    await chat.revise(sent, "list", PICKS, picture=gallery.picture("red", "two"))
    await chat.revise(sent, "Ordered.")

    (shown,) = telegram.shown(new)
    assert (shown.text, shown.file.content) == ("Ordered.", painted("red"))


@pytest.mark.parametrize("text", ["x" * 2000, "😀" * 2000, "a\n" * 1000, "head\n" + "y" * 2000])
def test_a_caption_is_cut_to_what_telegram_takes(text):
    cut = shortened(text, 1024)

    assert 500 < len(cut.encode("utf-16-le")) // 2 <= 1024
    assert text.startswith(cut.removesuffix("…"))
