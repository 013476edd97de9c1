"""What the bot needs of a chat platform, and of the memory behind it. Adapters satisfy it and import nothing else of the bot."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from worker.contract.records import Chat, MessageRef, Person

__all__ = [
    "Chat",
    "ChatAdapter",
    "ChatError",
    "ChatUnreachable",
    "Choice",
    "Inbound",
    "LetsIn",
    "Limits",
    "Media",
    "MediaGone",
    "MediaTooLarge",
    "Memory",
    "MemoryUnavailable",
    "MessageRef",
    "Person",
    "Picture",
    "PlatformDown",
    "Throttled",
]


LetsIn = Callable[[Chat, Person], Awaitable[bool]]
"""Whether somebody may use Chorus there: what an adapter asks before it answers by itself. Raises MemoryUnavailable."""


class ChatError(Exception):
    """Base of what an adapter raises; the classes of the platform's own library end in the adapter."""


class ChatUnreachable(ChatError):
    """The platform refuses this chat for good: blocked, left, gone."""


class Throttled(ChatError):
    """Too fast; try again after ``after_s`` seconds."""

    def __init__(self, after_s: float) -> None:
        super().__init__(after_s)
        self.after_s = after_s


class PlatformDown(ChatError):
    """The platform does not answer, or answers with a fault of its own: try again with backoff."""


class MediaGone(ChatError):
    """The platform no longer has the file."""


class MediaTooLarge(ChatError):
    """The platform does not hand out files of this size, or takes none."""

    def __init__(self, what: str = "", limit_bytes: int | None = None) -> None:
        """Name it.

        Args:
            what: For the log.
            limit_bytes: The largest size there is; None: the one among the limits.
        """
        super().__init__(what)
        self.limit_bytes = limit_bytes


class MemoryUnavailable(Exception):
    """The memory is away: an Outage, to be tried again; nothing may be acknowledged meanwhile."""


@dataclass(frozen=True)
class Limits:
    """What a platform can carry; the bot adapts to this and never asks the platform's name."""

    text_length: int
    can_revise: bool
    revise_every_s: float
    """At most one revision of a message in this many seconds."""
    choices: int
    """Most choices one offer may have; 0: offers are plain numbered text."""
    file_size_bytes: int
    """Largest file that can be received."""
    link_bytes: int = 0
    """Longest Link that stays whole; 0: any does."""
    link_buttons: bool = False
    """Whether a choice may be a Link."""
    send_bytes: int = 0
    """Largest file that can be sent; 0: none at all."""
    sends_videos: bool = True
    """Whether videos can be sent as files; else of what was made only the ZIPs can."""
    caption_length: int = 0
    """Longest text that can stand below a picture; 0: no pictures are shown."""
    voice_notes: bool = True
    """Whether voice notes come with their sound; else recordings are sent as files, and in a group files are quoted."""
    quoted_in_groups: bool = False
    """Whether voice notes come in a group only when somebody quotes them."""
    hears_all: bool = True
    """Whether what people in a group say to each other is heard; else all of it was said to us."""
    captions: bool = True
    """Whether a file may come with words of its sender."""
    dub: bool = False
    """Whether a command that answers somebody's message brings the recording in that."""
    own_server: str = ""
    """The setting that names a server of the operator's own which hands out larger files; empty: there is no such thing."""
    answers_only: bool = False
    """Only what answers something typed can be revised, and only for minutes; all else stays as it was said."""
    rings: bool = False
    """Every new message makes people's phones ring: what takes the place of an earlier one is said by revising that."""
    fields: int = 0
    """Most fields of one form; 0: there are no forms, and a choice goes on to the next value."""
    values: int = 0
    """Most values of one field."""


@dataclass(frozen=True)
class Media:
    """A file somebody sent, still on the platform."""

    ref: str
    name: str
    size_bytes: int | None
    kind: Literal["voice", "audio", "video", "document", "picture"]
    message_id: str | None = None
    """The message that holds it, where the one that was sent only points at it."""
    words: str = ""
    """What the platform itself heard in it, for people to see that it is the right one."""
    beside: tuple["Media", ...] = ()
    """Further recordings that came together with it."""


@dataclass(frozen=True)
class Inbound:
    """One message from a person."""

    key: str
    """Unique for this message; the second copy of a message has the same."""
    entry: str
    """Where it stands in the inbox; ``settle`` takes it out."""
    chat: Chat
    person: Person
    text: str = ""
    media: Media | None = None
    message_id: str = ""
    """The platform's id, to reply to."""
    choice: str | None = None
    """The token of a choice that was picked; None for typed text."""
    form: tuple[str, ...] | None = None
    """A form was sent back: the tokens of the values that differ from how it was shown; None where it was none."""
    addressed: bool = True
    """False: people in a group say it to each other; it may be a pick all the same."""
    fresh: bool = True
    """Whether an answer to it can be revised, where the platform can revise at all."""
    in_line: bool = False
    """The inbox knows its sender, and with that its turn; else messages are answered in the order in which they are read."""


@dataclass(frozen=True)
class Choice:
    """One thing to pick in an offer."""

    token: str
    label: str
    picked: bool = False
    url: str | None = None
    """Picking it opens this Link; then it does not come back. Only where ``Limits.link_buttons``."""
    section: str = ""
    """Choices of one section stand together, apart from the others."""
    stays: bool = False
    """Picking it decides nothing: it and what is offered beside it can be picked again afterwards."""
    field: str = ""
    """What this is a value of: choices of one field stand together, one of them is picked, and what is picked in all
    fields comes back at once. Only where ``Limits.fields``, and then of all choices of an offer."""


@dataclass(frozen=True)
class Picture:
    """A picture in the place of a list, where ``Limits.caption_length`` allows; the text is said where it cannot be shown."""

    key: str
    """The same key is the same picture."""
    caption: str
    """What stands below it instead of the text."""
    read: Callable[[], Awaitable[bytes]]
    """Its bytes, JPEG; raises MediaGone. An adapter that has sent it before need not ask."""


class ChatAdapter(Protocol):
    """One account on one chat platform, seen from the bot."""

    mailbox: str
    limits: Limits

    def messages(self) -> AsyncIterator[Inbound]:
        """Yield verified messages, each platform message at most once unless a crash came before ``settle``."""
        ...

    async def settle(self, inbound: Inbound) -> None:
        """This message is dealt with and need not come again."""
        ...

    async def fetch(self, media: Media, path: Path) -> None:
        """Fetch a file; raises MediaGone, MediaTooLarge, PlatformDown."""
        ...

    async def post(
        self, chat: Chat, text: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send text, once for each ``key`` where the platform allows to know.

        Raises ChatUnreachable, Throttled, PlatformDown.
        """
        ...

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
        """Send text, or a picture, with things to pick, for one person of the chat or, with None, for all.

        Raises as ``post``.
        """
        ...

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
        """Change a message of ours; a ``patient`` change leaves scarce room to those somebody waits for.

        Choices are for whom they were; ``person`` tells whom, where there were none before. A message that shows a
        picture keeps it if no other one is given.
        Raises as ``post``; a message that is gone raises ChatUnreachable.
        """
        ...

    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        """Send a file as it is, where ``Limits.send_bytes`` allows. Raises as ``post``, and MediaTooLarge.

        That names a limit nobody knew before; from then on it stands among the ``Limits``.
        """
        ...

    async def run(self) -> None:
        """Hold the connection to the platform until cancelled; survives its outages."""
        ...


class Memory(Protocol):
    """What the bot and the adapters remember between messages, for all front ends together (one Redis implementation).

    Every call may raise MemoryUnavailable; only ``inbox`` waits an outage out.
    """

    async def receive(self, mailbox: str, key: str, raw: str, sender: str = "") -> bool:
        """Put a verified raw message into the inbox, once for each key, durable when this returns; False for a copy.

        Those of one ``sender`` are dealt with in the order in which they came, whichever front ends read them.
        """
        ...

    def inbox(self, mailbox: str, consumer: str) -> AsyncIterator[tuple[str, str, str]]:
        """(entry, key, raw) of messages to deal with; first what a dead consumer left unfinished."""
        ...

    async def dealt_with(self, mailbox: str, entry: str) -> None:
        """Take a message out of the inbox."""
        ...

    async def is_next(self, mailbox: str, entry: str) -> bool:
        """Whether everything that its sender said before is dealt with; True where no sender was named."""
        ...

    async def load(self, *name: str) -> str | None:
        """A value kept under a name (a draft, a setting, a cached token), or None."""
        ...

    async def load_all(self, names: Sequence[tuple[str, ...]]) -> Sequence[str | None]:
        """The same for several names, in one step."""
        ...

    async def keep(self, *name: str, value: str, ttl_s: int | None = None) -> None:
        """Keep a value under a name, for ``ttl_s`` seconds or for good."""
        ...

    async def drop(self, *name: str) -> None:
        """Forget it."""
        ...

    def kept(self, *name: str) -> AsyncIterator[str]:
        """Every value whose name begins so; those that come or go meanwhile may be among them."""
        ...

    async def lead(self, role: str, holder: str, ttl_s: float) -> bool:
        """Take or renew the leadership of a role; False while somebody else has it."""
        ...

    async def step_down(self, role: str, holder: str) -> None:
        """Give the leadership back, if it is ours."""
        ...

    async def spend(self, budget: str, limit: int, window_s: float) -> float:
        """Take one from a rate budget shared by all front ends; 0.0, or the seconds to wait until one is free."""
        ...
