"""Everything the fake remembers, and the updates it has for the bot."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fakes.telegram.faults import Fault
from tests.fakes.telegram.limits import Refused
from tests.fakes.telegram.rates import Meter
from tests.fakes.telegram.transcript import Transcript
from tests.fakes.telegram.world import File, Message, Person, Room, Topic, reaches_bot

BY_DEFAULT: Final = {
    "message",
    "edited_message",
    "channel_post",
    "callback_query",
    "my_chat_member",
}


@dataclass
class Answer:
    """How the bot answered a pressed button."""

    text: str
    alert: bool


@dataclass
class Query:
    """A pressed button."""

    id: str
    who: Person
    message: Message
    data: str
    stale: bool = False
    answer: Answer | None = None


@dataclass
class Webhook:
    """Where updates are posted to; an empty url: nowhere."""

    url: str = ""
    secret: str = ""
    tries: int = 0
    last_error: str = ""
    last_error_at: float | None = None
    """By the clock of the system; None: just now."""


@dataclass
class Platform:
    """The state of one bot's world."""

    bot: Person
    meter: Meter
    privacy: bool
    transcript: Transcript
    rooms: dict[int, Room] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    """By scope and language."""
    webhook: Webhook = field(default_factory=Webhook)
    allowed: set[str] = field(default_factory=lambda: set(BY_DEFAULT))
    pending: list[dict[str, Any]] = field(default_factory=list)
    nameless: dict[str, Any] | None = None
    """An update without a number, which nothing can confirm: it comes with every poll."""
    held: list[dict[str, Any]] | None = None
    """Updates kept back, to be let go in another order; None: nothing is kept back."""
    faults: list[Fault] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    """What the bot should not have done: fails the test."""
    throttled: int = 0
    """How often it was answered 429."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    local_folder: str | None = None
    """Set: the server is a local one, and getFile tells paths of this machine."""
    local_paths: dict[str, str] = field(default_factory=dict)
    """Where such a server says that files lie, where that is another machine's disk; by id."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    update_ids: Any = field(default_factory=lambda: itertools.count(700_001))
    file_ids: Any = field(default_factory=lambda: itertools.count(1))

    def room(self, id_: Any) -> Room:
        """A chat by its id."""
        found = self.rooms.get(int(id_)) if str(id_).lstrip("-").isdecimal() else None
        if found is None:
            raise Refused("Bad Request: chat not found")
        return found

    def keep_file(self, file: File) -> str:
        """Remember a file; its id."""
        file_id = f"F{next(self.file_ids)}"
        self.files[file_id] = file
        return file_id

    def update(self, kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """Queue something for the bot, if it wants this kind."""
        if kind not in self.allowed:
            return None
        update = {"update_id": next(self.update_ids), kind: content}
        (self.pending if self.held is None else self.held).append(update)
        return update

    def deliver(self, message: Message) -> dict[str, Any] | None:
        """Queue a message for the bot, if it may see it."""
        if not reaches_bot(message, self.bot, privacy=self.privacy):
            return None
        kind = "channel_post" if message.room.type == "channel" else "message"
        return self.update(kind, message.json(self.bot))

    def note_breach(self, what: str) -> None:
        """Remember what fails the test."""
        self.breaches.append(what)

    async def tell(self) -> None:
        """Wake whoever waits for a change."""
        async with self.changed:
            self.changed.notify_all()

    async def wait_for(self, seen: Callable[[], bool], limit_s: float) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(limit_s), self.changed:
            await self.changed.wait_for(seen)

    def find_fault(self, method: str, room: int | None) -> Fault | None:
        """The fault this request meets."""
        return next((fault for fault in self.faults if fault.fits(method, room)), None)

    def topic_for(self, room: Room, thread: int | None) -> Topic | None:
        """The topic a message of the bot goes to."""
        if thread is None:
            return None
        if not room.forum:
            message = f"message_thread_id {thread} given in a chat without topics"
            raise Refused("Bad Request: message thread not found", breach=True) from ValueError(
                message
            )
        topic = room.topics.get(thread)
        if topic is None:  # also the General topic, which has no id of its own
            raise Refused("Bad Request: message thread not found", breach=True)
        if topic.deleted:
            raise Refused("Bad Request: message thread not found")
        if topic.closed:
            raise Refused("Bad Request: TOPIC_CLOSED")
        return topic
