"""Telegram's side of a conversation: people, chats, topics, messages, and what of it reaches the bot."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.fakes.telegram.limits import Refused

ANONYMOUS_ID: Final = 1087968824
"""GroupAnonymousBot, in whose name anonymous administrators speak."""
CHANNEL_BOT_ID: Final = 136817688
SERVICE_ID: Final = 777000

Status = Literal["creator", "administrator", "member", "left", "kicked"]


@dataclass
class Person:
    """Somebody with an account, or another bot."""

    id: int
    name: str
    language: str | None = "en"
    is_bot: bool = False
    username: str | None = None

    def json(self) -> dict[str, Any]:
        found = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        if self.language:
            found["language_code"] = self.language
        if self.username:
            found["username"] = self.username
        return found


ANONYMOUS: Final = Person(ANONYMOUS_ID, "Group", None, is_bot=True, username="GroupAnonymousBot")


@dataclass
class File:
    """Something to send: what it is, its bytes, what it is called."""

    kind: Literal["voice", "audio", "video", "video_note", "document", "photo"]
    content: bytes
    name: str | None = None
    mime: str | None = None
    claimed_bytes: int | None = None
    """Pretend it were so large."""

    @property
    def size(self) -> int:
        return len(self.content) if self.claimed_bytes is None else self.claimed_bytes

    def json(self, file_id: str) -> Any:
        """As it stands in a message."""
        base: dict[str, Any] = {
            "file_id": file_id,
            "file_unique_id": f"u-{file_id}",
            "file_size": self.size,
        }
        if self.kind == "photo":
            small = base | {"file_id": f"{file_id}-s", "file_unique_id": f"us-{file_id}"}
            return [small | {"width": 90, "height": 67}, base | {"width": 1280, "height": 960}]
        if self.kind in {"voice", "audio", "video", "video_note"}:
            base["duration"] = 3
        if self.kind == "video":
            base |= {"width": 640, "height": 360}
        if self.kind == "video_note":
            base["length"] = 240
        if self.name and self.kind not in {"voice", "video_note"}:
            base["file_name"] = self.name
        if self.mime:
            base["mime_type"] = self.mime
        return base


@dataclass
class Topic:
    """A topic of a forum; its id is the id of the message that made it."""

    id: int
    name: str
    closed: bool = False
    deleted: bool = False


@dataclass
class Message:
    """One message in a chat."""

    id: int
    room: "Room"
    sender: Person | None
    """None: our bot."""
    text: str = ""
    entities: list[dict[str, Any]] = field(default_factory=list)
    file: File | None = None
    file_id: str = ""
    buttons: list[list[dict[str, Any]]] = field(default_factory=list)
    reply_to: "Message | None" = None
    topic: Topic | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of the API beside these."""
    deleted: bool = False
    preview: bool = False
    """Whether a link preview would be fetched."""
    earlier: list[str] = field(default_factory=list)
    """What it said before each edit."""

    @property
    def service(self) -> bool:
        return "new_chat_members" in self.extra or "migrate_to_chat_id" in self.extra

    def links(self) -> dict[str, str]:
        """Hidden links, by the text they stand under."""
        raw = self.text.encode("utf-16-le")
        return {
            raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le"): e["url"]
            for e in self.entities
            if e["type"] == "text_link"
        }

    def labels(self) -> list[str]:
        """What stands on the buttons."""
        return [button["text"] for row in self.buttons for button in row]

    def button(self, label: str) -> dict[str, Any]:
        """The first button whose text holds this."""
        for row in self.buttons:
            for button in row:
                if label in button["text"]:
                    return button
        raise AssertionError(f"no button {label!r} among {self.labels()}")

    def json(self, bot: Person, *, nested: bool = False) -> dict[str, Any]:
        """As the API tells it; a replied message does not nest a second one."""
        found: dict[str, Any] = {
            "message_id": self.id,
            "date": int(time.time()),
            "chat": self.room.json(),
            "from": (self.sender or bot).json(),
            **self.extra,
        }
        if self.file is not None:
            found[self.file.kind] = self.file.json(self.file_id)
            if self.text:
                found["caption"] = self.text
        elif self.text:
            found["text"] = self.text
        if self.entities:
            found["caption_entities" if self.file else "entities"] = self.entities
        if self.topic is not None:
            found |= {"message_thread_id": self.topic.id, "is_topic_message": True}
        if self.buttons:
            found["reply_markup"] = {"inline_keyboard": self.buttons}
        if not nested and self.reply_to is not None:
            found["reply_to_message"] = self.reply_to.json(bot, nested=True)
            if self.room.type == "supergroup" and self.topic is None:
                found["message_thread_id"] = self.reply_to.id  # reply chains have one too
        elif not nested and self.topic is not None:
            created = {"forum_topic_created": {"name": self.topic.name, "icon_color": 7322096}}
            found["reply_to_message"] = {
                "message_id": self.topic.id,
                "date": 1,
                "chat": self.room.json(),
                "message_thread_id": self.topic.id,
                "is_topic_message": True,
                **created,
            }
        return found


@dataclass
class Room:
    """A chat: private, group or supergroup."""

    id: int
    type: Literal["private", "group", "supergroup", "channel"]
    title: str
    forum: bool = False
    members: dict[int, Status] = field(default_factory=dict)
    anonymous: set[int] = field(default_factory=set)
    """Administrators who speak anonymously."""
    bot_status: Status = "member"
    messages: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    moved_to: "Room | None" = None
    gone: bool = False
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def is_group(self) -> bool:
        return self.type in {"group", "supergroup"}

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id, "type": self.type}
        found["first_name" if self.type == "private" else "title"] = self.title
        return found | ({"is_forum": True} if self.forum else {})

    def topic(self, name: str) -> Topic:
        """Open a topic."""
        topic = Topic(next(self.ids), name)
        self.topics[topic.id] = topic
        return topic

    def admit_bot(self) -> None:
        """Refuse what a bot may not do here any more."""
        if self.gone:
            raise Refused("Bad Request: chat not found")
        if self.moved_to is not None:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(description, parameters={"migrate_to_chat_id": self.moved_to.id})
        if self.type == "private" and self.bot_status == "kicked":
            raise Refused("Forbidden: bot was blocked by the user", 403)
        if self.bot_status in {"kicked", "left"}:
            raise Refused(f"Forbidden: bot was kicked from the {self.type} chat", 403)

    def message(self, id_: int | None) -> Message | None:
        """A message that is still there."""
        found = self.messages.get(id_ or 0)
        return None if found is None or found.deleted else found


def reaches_bot(message: Message, bot: Person, *, privacy: bool) -> bool:
    """Whether Telegram hands a message to the bot (platforms: what reaches the bot in a group)."""
    room = message.room
    if room.type == "private":
        return room.bot_status == "member"
    if room.bot_status in {"left", "kicked"}:
        return False
    if message.sender is not None and message.sender.is_bot and message.sender.id != ANONYMOUS_ID:
        return message.sender.id == CHANNEL_BOT_ID and not privacy
    if message.service or room.bot_status == "administrator" or not privacy:
        return True
    if message.reply_to is not None and message.reply_to.sender is None:
        return True
    return _is_command_for(message.text, bot)


def _is_command_for(text: str, bot: Person) -> bool:
    if not text.startswith("/"):
        return False
    _, _, addressee = text.split()[0].partition("@")
    return not addressee or addressee.casefold() == (bot.username or "").casefold()
