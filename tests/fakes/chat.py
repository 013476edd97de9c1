"""A chat platform in memory: shows what was posted and revised, and can be slow, throttled, down or gone."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.ports import (
    Chat,
    ChatAdapter,
    ChatError,
    ChatUnreachable,
    Choice,
    Inbound,
    Limits,
    Media,
    MediaGone,
    MessageRef,
    Person,
    Picture,
)

ROOMY = Limits(
    text_length=4000, can_revise=True, revise_every_s=0.0, choices=60, file_size_bytes=10_000_000
)


@dataclass
class Shown:
    """One message of the bot as the chat shows it."""

    chat: Chat
    key: str
    text: str
    choices: tuple[Choice, ...] = ()
    reply_to: str | None = None
    earlier: list[str] = field(default_factory=list)
    """What it said before it was revised."""
    picture: bytes | None = None
    """What it shows."""
    person: Person | None = None
    """Who may pick; None: everybody, or there is nothing to pick."""
    gone: bool = False
    """Somebody deleted it."""


class FakeChat:
    """A ChatAdapter whose inbox and messages lie in plain lists."""

    def __init__(self, limits: Limits = ROOMY, platform: str = "console") -> None:
        self.limits = limits
        self.mailbox = f"{platform}:fake"
        self.platform = platform
        self.shown: dict[str, Shown] = {}
        """By message id, in the order posted."""
        self.attempts = 0
        """Calls of post and offer, also those that were refused."""
        self.settled: list[str] = []
        self.files: dict[str, bytes | ChatError] = {}
        """What fetching a ``Media.ref`` gives."""
        self.trouble: list[ChatError] = []
        """Raised by the next calls, one each."""
        self.unreachable: dict[str, ChatError] = {}
        """Raised for a chat id until it is taken out."""
        self.refused_choices: list[ChatError] = []
        """Raised by the next offers that hold a Link, one each."""
        self.no_files = False
        """Whether we may send no files."""
        self._inbox: asyncio.Queue[Inbound] = asyncio.Queue()
        self._numbers = itertools.count(1)
        self._changed = asyncio.Condition()

    def chat(self, id_: str = "desk", *, private: bool = True) -> Chat:
        """One of its chats."""
        return Chat(platform=self.platform, account="fake", id=id_, private=private)

    def receive(
        self,
        person: Person,
        text: str = "",
        *,
        media: Media | None = None,
        choice: str | None = None,
        chat: Chat | None = None,
        key: str | None = None,
        addressed: bool = True,
        fresh: bool = True,
        form: tuple[str, ...] | None = None,
    ) -> Inbound:
        """Somebody sends something; with the ``key`` of an earlier message it is its second copy."""
        number = next(self._numbers)
        inbound = Inbound(
            key=key or f"{self.mailbox}:in{number}",
            entry=str(number),
            chat=chat or self.chat(),
            person=person,
            text=text,
            media=media,
            message_id=f"m{number}",
            choice=choice,
            addressed=addressed,
            fresh=fresh,
            form=form,
        )
        self._inbox.put_nowait(inbound)
        return inbound

    def receive_file(self, person: Person, content: bytes | ChatError, name: str) -> Inbound:
        """Somebody sends a recording."""
        ref = f"file{len(self.files)}"
        self.files[ref] = content
        size = len(content) if isinstance(content, bytes) else None
        return self.receive(person, media=Media(ref, name, size, "voice"))

    async def wait_for(self, seen: Callable[["FakeChat"], bool], limit_s: float = 60) -> None:
        """Wait until the chat looks like this."""
        async with asyncio.timeout(limit_s), self._changed:
            await self._changed.wait_for(lambda: seen(self))

    async def wait_for_text(self, part: str, limit_s: float = 60) -> Shown:
        """Wait until a message says this; the newest such."""
        await self.wait_for(lambda chat: any(part in m.text for m in chat.shown.values()), limit_s)
        return next(m for m in reversed(self.shown.values()) if part in m.text)

    async def wait_for_settled(self, inbound: Inbound) -> None:
        """Wait until a message is dealt with."""
        await self.wait_for(lambda chat: inbound.entry in chat.settled)

    @property
    def texts(self) -> list[str]:
        """What stands in the chat."""
        return [message.text for message in self.shown.values()]

    @property
    def newest(self) -> Shown:
        """The last message."""
        return next(reversed(self.shown.values()))

    async def messages(self) -> AsyncIterator[Inbound]:
        """Yield what was received."""
        while True:
            yield await self._inbox.get()

    async def settle(self, inbound: Inbound) -> None:
        """Note it."""
        self.settled.append(inbound.entry)
        await self._tell()

    async def fetch(self, media: Media, path: Path) -> None:
        """Write the file, or raise what stands in its place."""
        content = self.files[media.ref]
        if isinstance(content, ChatError):
            raise content
        await asyncio.to_thread(path.write_bytes, content)

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Show what was sent: its name and how large it is."""
        if self.no_files:
            raise ChatUnreachable("not enough rights to send documents to the chat")
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        assert size_bytes <= self.limits.send_bytes
        return await self._show(
            Shown(chat, key, f"[{name}: {size_bytes} bytes]", reply_to=reply_to)
        )

    async def post(
        self, chat: Chat, text: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Show a message."""
        return await self._show(Shown(chat, key, text, reply_to=reply_to))

    async def offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        *,
        key: str,
        reply_to: str | None = None,
        person: Person | None = None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Show a message with buttons, or a picture with them."""
        self._check(choices)
        if self.refused_choices and any(choice.url for choice in choices):
            self.attempts += 1
            raise self.refused_choices.pop()
        text, content = await self._pictured(text, picture)
        shown = Shown(chat, key, text, tuple(choices), reply_to, picture=content, person=person)
        return await self._show(shown)

    async def revise(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice] = (),
        *,
        person: Person | None = None,
        picture: Picture | None = None,
        patient: bool = False,
    ) -> None:
        """Change a message."""
        assert self.limits.can_revise
        self._raise_trouble(message.chat)
        shown = self.shown[message.id]
        if shown.gone:
            raise ChatUnreachable("the message is gone")
        text, content = await self._pictured(text, picture)
        shown.earlier.append(shown.text)
        shown.text, shown.choices = text, tuple(choices)
        shown.picture = content or shown.picture
        shown.person = shown.person or person
        await self._tell()

    async def _pictured(self, text: str, picture: Picture | None) -> tuple[str, bytes | None]:
        """What is said, and what is shown above it."""
        if picture is None:
            return text, None
        assert len(picture.caption) <= self.limits.caption_length
        try:
            return picture.caption, await picture.read()
        except MediaGone:
            return text, None

    async def run(self) -> None:
        """Nothing to hold."""
        await asyncio.Event().wait()

    def _check(self, choices: Sequence[Choice]) -> None:
        """What the limits say of choices, or of a form, which nothing else stands in."""
        fields = {choice.field for choice in choices} - {""}
        if not fields:
            assert len(choices) <= self.limits.choices
            return
        assert len(fields) <= self.limits.fields
        for field_ in {choice.field for choice in choices}:
            values = [choice for choice in choices if choice.field == field_]
            assert len(values) <= self.limits.values
            assert sum(value.picked for value in values) == 1, field_

    async def _show(self, shown: Shown) -> MessageRef:
        assert len(shown.text) <= self.limits.text_length
        self.attempts += 1
        await self._tell()
        self._raise_trouble(shown.chat)
        number = f"b{len(self.shown) + 1}"
        self.shown[number] = shown
        await self._tell()
        return MessageRef(chat=shown.chat, id=number)

    def _raise_trouble(self, chat: Chat) -> None:
        if chat.id in self.unreachable:
            raise self.unreachable[chat.id]
        if self.trouble:
            raise self.trouble.pop(0)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


_: type[ChatAdapter] = FakeChat
