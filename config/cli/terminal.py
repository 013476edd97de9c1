"""The terminal's side of the console chat: a client of the bot's private socket, which may come and go.

Used by ``chorus chat`` and ``chorus demo`` (``terminal_view`` draws it) and by tests.
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from worker.contract.records import Person

_LOG = logging.getLogger(__name__)

_LINE_BYTES: Final = 1 << 20
_FIRST_WAIT_S: Final = 0.05
_LAST_WAIT_S: Final = 1.0
_BUSY_S: Final = 1.0
_GOODBYE_S: Final = 2.0
_PICTURES: Final = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass
class Message:
    """One message of the conversation, as this terminal shows it."""

    id: str
    text: str
    ours: bool
    """Written here; False: the bot's."""
    choices: tuple[str, ...] = ()
    """Labels, a picked one with a mark."""
    tokens: tuple[str, ...] = ()
    """What to send for each choice."""
    earlier: list[str] = field(default_factory=list)
    """What it said before it was revised."""


@dataclass(frozen=True)
class Event:
    """Something changed in the conversation."""

    kind: Literal["said", "post", "revise", "connected", "disconnected"]
    message: Message | None = None


class Terminal:
    """One terminal in one chat: sends, and keeps the transcript.

    Use it as an asynchronous context manager; the connection is kept, and made again, until it is left.
    """

    def __init__(
        self,
        socket: Path,
        chat: str,
        person: Person,
        *,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            socket: Of the bot's console.
            chat: Names the conversation; the same one can be gone on with later.
            person: Who sits here.
            on_event: Called for everything that changes, in order; must not block.
        """
        self.transcript: list[Message] = []
        self._socket = socket
        self._hello = {"type": "hello", "chat": chat, "person": person.model_dump()}
        self._on_event = on_event
        self._by_id: dict[str, Message] = {}
        self._unanswered: set[str] = set()
        self._unacknowledged: dict[str, dict[str, Any]] = {}
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._changed = asyncio.Condition()
        self._listeners: list[asyncio.Queue[Event]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Terminal":
        """Begin to connect."""
        self._task = asyncio.create_task(self._stay_connected(), name="terminal")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def connected(self) -> bool:
        """Whether the bot is there."""
        return self._writer is not None

    async def send_text(self, text: str) -> Message:
        """Say something; returns once the bot has it for certain, however often either side restarts."""
        return await self._send(text, {"text": text})

    async def send_file(self, path: Path, name: str | None = None) -> Message:
        """Send a recording or a picture of this machine.

        Raises:
            FileNotFoundError: There is no such file.
        """
        if not await asyncio.to_thread(path.is_file):
            raise FileNotFoundError(path)
        name = name or path.name
        file = {"path": str(await asyncio.to_thread(path.resolve)), "name": name}
        mark = "▣" if path.suffix.casefold() in _PICTURES else "♪"
        return await self._send(f"{mark} {name}", {"file": file})

    async def send_choice(self, message: Message, token: str) -> Message:
        """Pick something the bot offered."""
        label = dict(zip(message.tokens, message.choices, strict=True)).get(token, token)
        return await self._send(label, {"choice": token})

    async def events(self) -> AsyncIterator[Event]:
        """What changes from now on."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)

    async def wait_for(
        self, predicate: Callable[[Message], bool], timeout_s: float = 60.0, *, after: int = 0
    ) -> Message:
        """The first message of the bot that is like this, now or once there is one.

        Args:
            predicate: Judges a message as it stands.
            timeout_s: How long to wait.
            after: Leave out so many messages at the transcript's beginning.

        Raises:
            TimeoutError: None came.
        """

        def found() -> Message | None:
            messages = (message for message in self.transcript[after:] if not message.ours)
            return next((message for message in messages if predicate(message)), None)

        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: found() is not None)
        message = found()
        assert message is not None  # noqa: S101 - just seen, and nothing ran in between
        return message

    async def answered(self) -> None:
        """Wait until the bot has dealt with everything that was said here."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._unanswered)

    async def _send(self, shown: str, content: dict[str, Any]) -> Message:
        message = Message(id=uuid.uuid4().hex, text=shown, ours=True)
        self.transcript.append(message)
        await self._announce(Event("said", message))
        frame = {"type": "message", "id": message.id, **content}
        self._unanswered.add(message.id)
        self._unacknowledged[message.id] = frame
        acknowledged = self._acks[message.id] = asyncio.get_running_loop().create_future()
        if self._writer is not None:
            await self._write(self._writer, frame)
        await acknowledged
        return message

    async def _stay_connected(self) -> None:
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(
                    str(self._socket), limit=_LINE_BYTES
                )
            except OSError:
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _LAST_WAIT_S)
                continue
            wait_s = _FIRST_WAIT_S
            try:
                await self._visit(reader, writer)
            except (ConnectionError, ValueError) as error:
                _LOG.debug("The connection broke: %s", error)
            finally:
                self._writer = None
                writer.close()
                with contextlib.suppress(ConnectionError, TimeoutError):
                    async with asyncio.timeout(_GOODBYE_S):
                        await writer.wait_closed()
            await self._announce(Event("disconnected"))
            await asyncio.sleep(wait_s)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: greet, send again what was not acknowledged, then listen."""
        await self._write(writer, self._hello)
        while line := await reader.readline():
            frame = json.loads(line)
            match frame["type"]:
                case "welcome":
                    self._writer = writer
                    await self._announce(Event("connected"))
                    for waiting in tuple(self._unacknowledged.values()):
                        await self._write(writer, waiting)
                case "ack":
                    self._unacknowledged.pop(frame["id"], None)
                    acknowledged = self._acks.pop(frame["id"], None)
                    if acknowledged is not None and not acknowledged.done():
                        acknowledged.set_result(None)
                case "answered":
                    self._unanswered.discard(frame["id"])
                    async with self._changed:
                        self._changed.notify_all()
                case "refused" if frame["id"] in self._unacknowledged:
                    await asyncio.sleep(_BUSY_S)
                    await self._write(writer, self._unacknowledged[frame["id"]])
                case "post" | "revise":
                    await self._take(frame)
                    shown = {"type": "shown", "key": frame["key"], "id": frame["id"]}
                    await self._write(writer, shown)

    async def _take(self, frame: dict[str, Any]) -> None:
        """Show what the bot says; a second copy of a post changes nothing."""
        message = self._by_id.get(frame["id"])
        if frame["type"] == "post" and message is not None:  # its id is made of its key
            return
        choices = tuple(_label(choice) for choice in frame["choices"])
        tokens = tuple(choice["token"] for choice in frame["choices"])
        if message is None:  # posted, or posted in an earlier life of this terminal
            message = Message(
                frame["id"], frame["text"], ours=False, choices=choices, tokens=tokens
            )
            self._by_id[message.id] = message
            self.transcript.append(message)
            await self._announce(Event("post", message))
            return
        if (message.text, message.choices) == (frame["text"], choices):
            return
        message.earlier.append(message.text)
        message.text, message.choices, message.tokens = frame["text"], choices, tokens
        await self._announce(Event("revise", message))

    async def _announce(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)
        for queue in self._listeners:
            queue.put_nowait(event)
        async with self._changed:
            self._changed.notify_all()

    async def _write(self, writer: asyncio.StreamWriter, frame: dict[str, Any]) -> None:
        """A connection that breaks here is noticed by the one who reads; what matters is sent again then."""
        with contextlib.suppress(ConnectionError):
            writer.write(json.dumps(frame, ensure_ascii=False).encode() + b"\n")
            await writer.drain()


def _label(choice: dict[str, Any]) -> str:
    return f"✓ {choice['label']}" if choice["picked"] else str(choice["label"])


def choice_meant(messages: Sequence[Message], typed: str) -> tuple[Message, str] | None:
    """The choice whose label was typed, in the newest message of the bot that has choices; None if there is none."""
    newest = next((m for m in reversed(messages) if not m.ours and m.choices), None)
    if newest is None:
        return None
    typed = typed.strip().casefold()
    for label, token in zip(newest.choices, newest.tokens, strict=True):
        if label.casefold().removeprefix("✓ ") == typed:
            return newest, token
    return None
