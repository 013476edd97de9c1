"""What is at hand where the messages of one mailbox are answered, and how something is said there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from bot.drafts import Drafts
from bot.policy import BotPolicy
from bot.ports import (
    Chat,
    ChatAdapter,
    ChatUnreachable,
    Choice,
    Inbound,
    Limits,
    Memory,
    MessageRef,
    Person,
    Picture,
)
from bot.texts.catalogue import LANGUAGES, Language, Texts
from worker.contract.names import plain_name
from worker.contract.ports import Ledger, Link, ObjectMissing, ObjectStore
from worker.contract.records import BatchRecord, Reason


def utc_now() -> datetime:
    """The time, as records have it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Desk:
    """Everything the dialogue needs, for one adapter."""

    adapter: ChatAdapter
    ledger: Ledger
    store: ObjectStore
    memory: Memory
    texts: Texts
    policy: BotPolicy
    drafts: Drafts
    clock: Callable[[], datetime] = utc_now
    own_link: Callable[[str, int, str], str] | None = None
    """Signs a Link through our own door, of key, lifetime and file name, where those of the store lead elsewhere."""

    async def sign(self, batch: BatchRecord, key: str, filename: str) -> Link:
        """A Link to something of an order, leading where its person wants. Raises StoreUnavailable."""
        lifetime_s = self.policy.link_lifetime_s
        if not batch.order.options.cloud and self.own_link is not None:
            return Link(self.own_link(key, lifetime_s, filename), lifetime_s)
        link = await self.store.sign(key, lifetime_s, filename)
        most = self.adapter.limits.link_bytes
        if not most or len(link.url.encode()) <= most:
            return link
        if self.own_link is not None and self.policy.cloud != "only":  # ours are short
            return Link(self.own_link(key, lifetime_s, filename), lifetime_s)
        return await self.store.sign(key, lifetime_s, plain_name(filename))

    async def has(self, key: str) -> bool:
        """Whether the store has this object (still). Raises StoreUnavailable."""
        try:
            await self.store.stat(key)
        except ObjectMissing:
            return False
        return True

    async def language_of(self, chat: Chat, person: Person) -> Language:
        """The one chosen with /settings, else the one the platform tells."""
        kept = await self.memory.load("language", chat.mailbox, person.id)
        return next((language for language in LANGUAGES if language == kept), person.language)

    async def choose_language(self, chat: Chat, person: Person, language: Language) -> None:
        """Keep a person's choice, for good."""
        await self.memory.keep("language", chat.mailbox, person.id, value=language)

    async def post(
        self,
        chat: Chat,
        text: str,
        *,
        key: str,
        reply_to: str | None = None,
        choices: Sequence[Choice] = (),
        person: Person | None = None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """Say something, in several messages if the platform carries only shorter ones; returns the last.

        Raises ChatUnreachable, Throttled, PlatformDown. Saying it again with the same key is harmless where the
        platform lets the adapter know.
        """
        *heads, tail = split_text(text, self.adapter.limits.text_length)
        for number, head in enumerate(heads, 1):
            await self.adapter.post(chat, head, key=f"{key}/{number}", reply_to=reply_to)
        offered = fitting(choices, self.adapter.limits)
        if offered or picture is not None:
            return await self.adapter.offer(
                chat, tail, offered, key=key, reply_to=reply_to, person=person, picture=picture
            )
        return await self.adapter.post(chat, tail, key=key, reply_to=reply_to)


@dataclass
class Turn:
    """One message of a person being answered. Its answers have keys of their own, the same when it is answered again."""

    desk: Desk
    chat: Chat
    person: Person
    language: Language
    receipt: str
    """Names what is answered: the inbound message's key, or the outbox entry."""
    reply_to: str | None = None
    inbound: Inbound | None = None
    addressed: bool = True
    """Whether it was said to us, or in a group to nobody in particular."""
    fresh: bool = False
    """Whether what is said now answers something typed a moment ago."""
    notice: MessageRef | None = None
    """A message of ours whose place the next answer takes."""
    _answers: int = field(default=0, init=False)

    def say(self, message: str, **args: str | float) -> str:
        """A text of the catalogue in the person's language."""
        return self.desk.texts.say(self.language, message, **{"way": self.way, **args})

    @property
    def way(self) -> Literal["voice", "file", "quote", "press"]:
        """How a recording is sent here, as texts tell it."""
        if self.desk.adapter.limits.voice_notes:
            quoted = self.desk.adapter.limits.quoted_in_groups and not self.chat.private
            return "press" if quoted else "voice"
        return "file" if self.chat.private else "quote"

    @property
    def spoken_to(self) -> bool:
        """Whether this can only have been meant for us; in a group people mostly also talk to each other."""
        return self.chat.private or not self.desk.adapter.limits.hears_all

    @property
    def can_revise(self) -> bool:
        """Whether what is answered first can be brought up to date later."""
        limits = self.desk.adapter.limits
        return limits.can_revise and (self.fresh or not limits.answers_only)

    def reason(self, reason: Reason) -> str:
        """What happened and what to do."""
        return self.desk.texts.reason(self.language, reason)

    def short(self, reason: Reason) -> str:
        """What happened."""
        return self.desk.texts.short(self.language, reason)

    async def answer(
        self,
        *lines: str,
        choices: Sequence[Choice] = (),
        picture: Picture | None = None,
        name: str | None = None,
    ) -> MessageRef:
        """Post lines as one message, or in the place of the notice; empty ones are left out.

        Args:
            lines: Of the text.
            choices: Things to pick.
            picture: Shown above the choices.
            name: Tells the answer from others to the same message; None counts them.
        """
        self._answers += 1
        text = "\n".join(line for line in lines if line)
        notice, self.notice = self.notice, None
        if notice is not None and await self.say_in_place_of(notice, text, choices, picture):
            return notice
        return await self.desk.post(
            self.chat,
            text,
            key=f"{self.receipt}:{name or self._answers}",
            reply_to=self.reply_to,
            choices=choices,
            person=self.person,
            picture=picture,
        )

    async def say_in_place_of(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice] = (),
        picture: Picture | None = None,
    ) -> bool:
        """Revise a message of ours; False if it is gone, or too short for this."""
        limits = self.desk.adapter.limits
        if len(text) > limits.text_length:
            return False
        try:
            await self.desk.adapter.revise(
                message, text, fitting(choices, limits), person=self.person, picture=picture
            )
        except ChatUnreachable:
            return False
        return True


def fitting(choices: Sequence[Choice], limits: Limits) -> Sequence[Choice]:
    """As many choices as an offer may have; a form is made to fit by who makes it."""
    return choices if any(choice.field for choice in choices) else choices[: limits.choices]


def split_text(text: str, length: int) -> list[str]:
    """Cut a text into pieces of at most ``length`` characters, at line ends; a longer line is cut anywhere."""
    pieces: list[str] = []
    piece = ""
    for line in text.split("\n"):
        rest = line
        if piece and len(piece) + 1 + len(rest) > length:
            pieces.append(piece)
            piece = ""
        while len(rest) > length:
            pieces.append(rest[:length])
            rest = rest[length:]
        piece = f"{piece}\n{rest}" if piece else rest
    return [*pieces, piece]
