"""What an update means: said, pressed, moved, joined, or nothing for us. Pure: no network, no memory."""

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

import telegram
from telegram.constants import ChatMemberStatus, ChatType
from telegram.ext.filters import StatusUpdate

from adapters.chats.telegram.media import media_of
from adapters.chats.telegram.menu import CHINESE, KNOWN
from bot.ports import Media, Person

ALLOWED: Final = ("message", "callback_query", "my_chat_member")
"""The updates we ask for: no edited messages, which would be answered anew, and no channels.

No inline queries either: they name no chat, so nobody could tell whether it is admitted, and what they put into a chat is no
message of ours that could show progress. Help is a message with buttons instead.
"""

_ANONYMOUS_ADMIN: Final = 1087968824  # GroupAnonymousBot
_AS_CHANNEL: Final = 136817688  # Channel_Bot: who speaks in a channel's name
_SERVICE: Final = 777000  # Telegram itself: posts of a linked channel
_COMMAND: Final = re.compile(
    r"/(?P<name>[A-Za-z0-9_]+)(?:@(?P<whose>[A-Za-z0-9_]+)|(?=\s|$))(?P<rest>.*)$", re.DOTALL
)
"""Names of bots are Latin letters, digits and ``_``, so Chinese may stand right behind one, as people write it."""
_BEHIND_NAME: Final = " \t\n,.:;!，。：；！、"
"""What stands between our name and what is asked of us."""
_SLASHED: Final = re.compile(r"[/／](?P<word>[^\W\d_a-zA-Z]*)(?:@(?P<whose>[A-Za-z0-9_]+))?")
"""``/状态`` is one of ours, though Telegram knows no such commands; else it is a path, a shrug, a sticker's name."""
_OUT: Final = frozenset({ChatMemberStatus.LEFT, ChatMemberStatus.BANNED})
_TALK: Final = frozenset({ChatType.PRIVATE, ChatType.GROUP, ChatType.SUPERGROUP})


@dataclass(frozen=True)
class Place:
    """Where something happened."""

    chat: str
    thread: str | None
    private: bool
    title: str = ""
    """Of a group."""


@dataclass(frozen=True)
class Said:
    """Somebody wrote or sent something that may concern us."""

    place: Place
    person: Person
    text: str
    media: Media | None
    number: int
    """Of the message."""
    album: str | None = None
    pointed: int | None = None
    """The message that holds the recording, if it is not this one."""
    addressed: bool = True
    """False: said in a group to nobody in particular."""


@dataclass(frozen=True)
class Pressed:
    """Somebody pressed a button."""

    place: Place
    person: Person
    query: str
    number: int
    data: str


@dataclass(frozen=True)
class Moved:
    """A group became a supergroup."""

    old: str
    new: str


@dataclass(frozen=True)
class Joined:
    """Somebody put us into a group."""

    place: Place
    person: Person


@dataclass(frozen=True)
class Left:
    """We were removed, or somebody blocked us."""

    chat: str


Meaning = Said | Pressed | Moved | Joined | Left


def read_update(update: telegram.Update, me: telegram.User) -> Meaning | None:
    """What an update means to us; None: nothing."""
    if update.message is not None:
        moved = _read_move(update.message)
        happened = StatusUpdate.ALL.check_update(
            update
        )  # joined, pinned, a topic opened: nobody said it
        return moved if moved or happened else _read_message(update.message, me)
    if update.callback_query is not None:
        return _read_press(update.callback_query)
    if update.my_chat_member is not None:
        return _read_membership(update.my_chat_member)
    return None


def _read_message(message: telegram.Message, me: telegram.User) -> Said | None:
    person = _speaker(message)
    if person is None or message.chat.type not in _TALK or message.is_automatic_forward:
        return None
    said = Said(
        place=_place(message),
        person=person,
        text=message.text or message.caption or "",
        media=media_of(message, message.message_id),
        number=message.message_id,
        album=message.media_group_id,
    )
    return _addressed(said, message, me)


def _addressed(said: Said, message: telegram.Message, me: telegram.User) -> Said | None:
    """What is meant for us, without our name; None if it is for others, or for nobody."""
    username = (me.username or "").casefold()
    reply = _replied(message)
    ours = said.place.private or (reply is not None and _is_us(reply.from_user, me))
    command = _COMMAND.match(said.text)
    if command is not None:
        whose = (command["whose"] or "").casefold()
        if whose and whose != username:
            return None
        if not whose and not ours and command["name"].casefold() not in KNOWN:
            return None  # there may be other bots in the group
        return _command(said, command, message)
    slashed = _SLASHED.match(said.text)
    if slashed is not None and (slashed["whose"] or username).casefold() != username:
        return None
    text, named = _without_name(said.text, username)
    said = replace(said, text=text)
    if ours or named:
        return said
    if said.media is None:  # in a group people talk; the bot knows what is a pick
        if not said.text or (slashed is not None and slashed["word"] not in CHINESE):
            return None
        return replace(said, addressed=False)
    return said if said.media.kind != "document" else None


def _command(said: Said, command: re.Match[str], message: telegram.Message) -> Said:
    """``/dub`` takes the recording that it answers, anyone's; ``/template`` the video."""
    name, rest = command["name"].casefold(), command["rest"].lstrip(_BEHIND_NAME).strip()
    said = replace(said, text=f"/{name} {rest}".strip())
    if name in {"dub", "template"} and said.media is None:
        media, pointed = _pointed_at(message)
        said = replace(said, media=media, pointed=pointed if media else None)
    elif name == "dub" and said.media is not None:  # asked for, so a photo is answered as well
        said = replace(said, pointed=said.number)
    if name == "dub":  # the bot knows it as the recording itself, with picks below it
        return replace(said, text=rest if said.media else "/dub")
    return said


def _pointed_at(message: telegram.Message) -> tuple[Media | None, int | None]:
    """The file of the message that is answered, and that message's number if it is in this chat."""
    reply = _replied(message)
    if reply is not None:
        return media_of(reply, reply.message_id), reply.message_id
    if message.external_reply is not None:
        return media_of(message.external_reply, message.message_id), None
    return None, None


def _replied(message: telegram.Message) -> telegram.Message | None:
    """The message that is answered. In a topic, all that answers nothing answers the message that opened it."""
    reply = message.reply_to_message
    if reply is None or reply.forum_topic_created is not None:
        return None
    if message.is_topic_message and reply.message_id == message.message_thread_id:
        return None
    return reply


def _speaker(message: telegram.Message) -> Person | None:
    """Who says it; None for other bots and for channels that are mirrored here.

    Who speaks as the group, or as a channel, is that group or channel: the account behind it serves everybody.
    """
    user = message.from_user
    if user is None or user.id == _SERVICE:
        return None
    if user.id in {_ANONYMOUS_ADMIN, _AS_CHANNEL}:
        speaker = message.sender_chat
        if speaker is None:
            return None
        return Person(id=str(speaker.id), name=speaker.title or "")
    return None if user.is_bot else _person(user)


def _person(user: telegram.User) -> Person:
    code = (user.language_code or "").casefold()
    language: Literal["en", "zh"] = "zh" if code.startswith("zh") else "en"
    return Person(id=str(user.id), name=user.full_name, language=language)


def _place(message: telegram.Message) -> Place:
    """Reply chains outside forums have a thread id as well; only topics are threads."""
    thread = str(message.message_thread_id) if message.is_topic_message else None
    chat = message.chat
    return Place(str(chat.id), thread, chat.type == ChatType.PRIVATE, chat.title or "")


def _read_press(query: telegram.CallbackQuery) -> Pressed | None:
    message = query.message
    if message is None or query.data is None:
        return None  # of an inline message, which we never send
    if isinstance(message, telegram.Message):
        place = _place(message)
    else:
        private = message.chat.type == ChatType.PRIVATE
        place = Place(str(message.chat.id), None, private)
    return Pressed(place, _person(query.from_user), query.id, message.message_id, query.data)


def _read_move(message: telegram.Message) -> Moved | None:
    """Both chats tell of it."""
    here = str(message.chat.id)
    if message.migrate_to_chat_id is not None:
        return Moved(here, str(message.migrate_to_chat_id))
    if message.migrate_from_chat_id is not None:
        return Moved(str(message.migrate_from_chat_id), here)
    return None


def _read_membership(change: telegram.ChatMemberUpdated) -> Joined | Left | None:
    before, after = change.old_chat_member.status, change.new_chat_member.status
    chat = str(change.chat.id)
    if after in _OUT:
        return Left(chat)
    if before in _OUT and change.chat.type in {ChatType.GROUP, ChatType.SUPERGROUP}:
        place = Place(chat, None, private=False, title=change.chat.title or "")
        return Joined(place, _person(change.from_user))
    return None


def _is_us(user: telegram.User | None, me: telegram.User) -> bool:
    return user is not None and user.id == me.id


def _without_name(text: str, username: str) -> tuple[str, bool]:
    """A text without ``@our_bot``, and whether it was there."""
    if not username:
        return text, False
    found = re.search(rf"@{re.escape(username)}(?![A-Za-z0-9_])", text, re.IGNORECASE)
    if found is None:
        return text, False
    rest = text[found.end() :].lstrip(_BEHIND_NAME)
    return f"{text[: found.start()]} {rest}".strip(), True
