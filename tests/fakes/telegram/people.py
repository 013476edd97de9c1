"""What people do in the fake: write, send files, press buttons, run groups."""

import itertools
from collections.abc import Callable
from typing import Any, Protocol

from tests.fakes.telegram.platform import Platform, Query
from tests.fakes.telegram.world import (
    ANONYMOUS,
    File,
    Message,
    Person,
    Room,
    Status,
    Topic,
)


class _Waits(Protocol):
    async def wait_until(self, seen: Callable[[], bool], limit_s: float = 60) -> None: ...


class People:
    """The hands of everybody in the chats."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._people = itertools.count(1001)
        self._groups = itertools.count(1)
        self._albums = itertools.count(1)

    # Who and where

    def person(self, name: str, language: str | None = "en", *, is_bot: bool = False) -> Person:
        """Somebody new."""
        username = f"{name.lower()}_bot" if is_bot else None
        return Person(next(self._people), name, language, is_bot, username)

    def private(self, person: Person) -> Room:
        """The chat somebody has alone with the bot."""
        if person.id not in self.platform.rooms:
            self.platform.rooms[person.id] = Room(person.id, "private", person.name)
        return self.platform.rooms[person.id]

    def group(
        self,
        title: str,
        *members: Person,
        forum: bool = False,
        basic: bool = False,
        bot: Status = "member",
    ) -> Room:
        """A group the bot is in; a supergroup unless ``basic``."""
        number = next(self._groups)
        id_ = -number if basic else -1_001_000_000_000 - number
        room = Room(id_, "group" if basic else "supergroup", title, forum)
        room.bot_status = bot
        room.members = {person.id: "member" for person in members}
        self.platform.rooms[id_] = room
        return room

    def channel(self, title: str) -> Room:
        """A channel the bot is in."""
        id_ = -1_002_000_000_000 - next(self._groups)
        self.platform.rooms[id_] = Room(id_, "channel", title, bot_status="administrator")
        return self.platform.rooms[id_]

    # Writing

    async def says(
        self,
        who: Person,
        room: Room,
        text: str = "",
        *,
        file: File | None = None,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        **extra: Any,
    ) -> Message:
        """Somebody writes, or sends a file with ``text`` below it; ``extra`` are further fields of the message."""
        message = Message(
            id=next(room.ids),
            room=room,
            sender=who,
            text=text,
            file=file,
            file_id=self.platform.keep_file(file) if file is not None else "",
            reply_to=reply_to,
            topic=topic,
            extra=extra,
        )
        if text.startswith("/"):
            length = len(text.split()[0])
            message.entities = [{"type": "bot_command", "offset": 0, "length": length}]
        room.messages[message.id] = message
        self.platform.transcript.said(message)
        self.platform.deliver(message)
        await self.platform.tell()
        return message

    async def says_anonymously(self, room: Room, text: str = "", **what: Any) -> Message:
        """An administrator writes in the group's name."""
        return await self.says(ANONYMOUS, room, text, sender_chat=room.json(), **what)

    async def sends_album(
        self, who: Person, room: Room, *files: File, caption: str = "", last: bool = False
    ) -> list[Message]:
        """Several files at once, the caption at one of them."""
        album = f"album{next(self._albums)}"
        captioned = len(files) - 1 if last else 0
        return [
            await self.says(
                who,
                room,
                caption if number == captioned else "",
                file=file,
                media_group_id=album,
            )
            for number, file in enumerate(files)
        ]

    async def replies_elsewhere(self, who: Person, room: Room, text: str, file: File) -> Message:
        """Somebody answers a message of another chat in this one."""
        file_id = self.platform.keep_file(file)
        origin = {"type": "user", "date": 1, "sender_user": who.json()}
        external = {"origin": origin, "message_id": 77, file.kind: file.json(file_id)}
        return await self.says(who, room, text, external_reply=external)

    async def edits(self, message: Message, text: str) -> None:
        """Somebody changes what they wrote."""
        message.text = text
        self.platform.transcript.edited(message)
        self.platform.update(
            "edited_message", message.json(self.platform.bot) | {"edit_date": 1_700_000_000}
        )
        await self.platform.tell()

    async def presses(
        self, who: Person, message: Message, label: str = "", *, stale: bool = False, data: str = ""
    ) -> Query:
        """Somebody presses the button on which this stands, or one that was there before (``data``)."""
        if not data:
            button = message.button(label)
            data, label = button["callback_data"], button["text"]
        query = Query(f"q{len(self.platform.queries) + 1}", who, message, data, stale)
        self.platform.queries[query.id] = query
        line = f"{who.name} presses [{label or 'an old button'}]"
        self.platform.transcript.happened(message.room, line, message.topic)
        shown = message.json(self.platform.bot)
        if message.deleted:  # what is no longer there has a chat, an id and date 0
            shown = {"chat": message.room.json(), "message_id": message.id, "date": 0}
        content = {"id": query.id, "from": who.json(), "chat_instance": "1", "data": data}
        self.platform.update("callback_query", content | {"message": shown})
        await self.platform.tell()
        return query

    # Running groups

    async def changes_bot(self, who: Person, room: Room, status: Status) -> None:
        """The bot is added, removed, made administrator, or blocked."""
        bot = self.platform.bot.json()
        before, room.bot_status = room.bot_status, status

        def member(status: str) -> dict[str, Any]:
            found: dict[str, Any] = {"status": status, "user": bot}
            return found | ({"until_date": 0} if status == "kicked" else {})

        change = {
            "chat": room.json(),
            "from": who.json(),
            "date": 1,
            "old_chat_member": member(before),
            "new_chat_member": member(status),
        }
        self.platform.transcript.happened(room, f"({who.name} makes the bot: {status})")
        self.platform.update("my_chat_member", change)
        await self.platform.tell()

    async def migrates(self, who: Person, room: Room) -> Room:
        """A basic group becomes a supergroup, with another id."""
        new = self.group(room.title)
        new.members, new.anonymous = dict(room.members), set(room.anonymous)
        room.moved_to = new
        self.platform.transcript.happened(room, "(the group becomes a supergroup)")
        old = Message(next(room.ids), room, who, extra={"migrate_to_chat_id": new.id})
        self.platform.deliver(old)
        born = Message(next(new.ids), new, who, extra={"migrate_from_chat_id": room.id})
        self.platform.update("message", born.json(self.platform.bot))
        await self.platform.tell()
        return new

    # Updates

    async def sends_again(self, update: dict[str, Any] | None = None) -> None:
        """The newest update comes a second time."""
        self.platform.pending.append(update or self.platform.pending[-1])
        await self.platform.tell()

    def hold_updates(self) -> None:
        """Keep updates back."""
        self.platform.held = []

    async def release_updates(self, *, backwards: bool = False) -> None:
        """Let them go, in order or not."""
        held, self.platform.held = self.platform.held or [], None
        self.platform.pending += reversed(held) if backwards else held
        await self.platform.tell()

    # Looking

    def read(self, room: Room | None = None) -> str:
        """The conversation as text."""
        return self.platform.transcript.read(room)

    def shown(self, room: Room, topic: Topic | None = None) -> list[Message]:
        """The bot's messages that stand in a chat."""
        return [
            message
            for message in room.messages.values()
            if message.sender is None
            and not message.deleted
            and (topic is None or message.topic is topic)
        ]

    def texts(self, room: Room) -> list[str]:
        """What the bot's messages say."""
        return [message.text for message in self.shown(room)]

    async def wait_for_text(self: "_Looks", room: Room, part: str, limit_s: float = 60) -> Message:
        """Wait until a message of the bot says this; the newest such."""

        def found() -> list[Message]:
            return [message for message in self.shown(room) if part in message.text]

        await self.wait_until(lambda: bool(found()), limit_s)
        return found()[-1]


class _Looks(_Waits, Protocol):
    def shown(self, room: Room, topic: Topic | None = None) -> list[Message]: ...
