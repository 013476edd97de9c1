"""The console chat: terminals of this machine talk to the bot over a private unix socket, one JSON object a line.

A terminal says ``hello`` first and may go and come as it likes::

    terminal  {"type": "hello", "chat": "desk", "person": {"id": "ann", "name": "Ann", "language": "en"}}
              {"type": "message", "id": "…", "text": "…"}            or "file": {"path": "…", "name": "…"}
              {"type": "message", "id": "…", "choice": "…"}          or a picked choice
              {"type": "shown", "key": "…", "id": "…"}
    bot       {"type": "welcome"}
              {"type": "ack", "id": "…"}                             the message is in the inbox, whatever happens
              {"type": "answered", "id": "…"}                        all there is to say to it was shown
              {"type": "post", "key": "…", "id": "…", "text": "…", "choices": [{"token", "label", "picked"}]}
              {"type": "revise", "key": "…", "id": "…", "text": "…", "choices": […]}
              {"type": "refused", "id": "…", "why": "…"}

What is not acknowledged is sent again by the terminal, and what is not shown stays with the bot, so neither side may
die at a bad moment. A message's id is made of its key: it means the same after a restart of either side.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.ports import (
    Chat,
    ChatAdapter,
    ChatUnreachable,
    Choice,
    Inbound,
    Limits,
    Media,
    MediaGone,
    MediaTooLarge,
    Memory,
    MemoryUnavailable,
    MessageRef,
    Person,
    Picture,
    PlatformDown,
)

_LOG = logging.getLogger(__name__)

_SOCKET_PATH_BYTES: Final = 108  # sun_path with its end (unix(7))
_LINE_BYTES: Final = 1 << 20
_SHOWN_WITHIN_S: Final = 10.0
_GOODBYE_S: Final = 1.0
_LARGEST_FILE_BYTES: Final = 2_000_000_000
_KINDS: Final[dict[str, Literal["voice", "audio", "video", "document", "picture"]]] = {
    **dict.fromkeys((".ogg", ".opus", ".amr", ".silk"), "voice"),
    **dict.fromkeys((".mp3", ".m4a", ".wav", ".flac", ".aac", ".webm"), "audio"),
    **dict.fromkeys((".mp4", ".mov", ".mkv", ".avi"), "video"),
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".heic", ".tiff"), "picture"),
}
"""As a chat's own client would tell them apart; what a file is, its bytes tell."""


class ConsoleBusy(Exception):
    """Another bot of this machine holds the console's socket."""


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _File(_Frame):
    path: str
    name: str = ""


class _Message(_Frame):
    type: Literal["message"]
    id: str = Field(min_length=1, max_length=100)
    text: str = Field(default="", max_length=20_000)
    file: _File | None = None
    choice: str | None = None


class _Hello(_Frame):
    type: Literal["hello"]
    chat: str = Field(min_length=1, max_length=100)
    person: Person


class _Shown(_Frame):
    type: Literal["shown"]
    key: str
    id: str


class _Raw(_Frame):
    """A message as it lies in the inbox."""

    chat: str
    person: Person
    message: _Message


class ConsoleChat:
    """The console platform: a ChatAdapter for terminals."""

    limits = Limits(
        text_length=16_000,
        can_revise=True,
        revise_every_s=0.4,
        choices=60,
        file_size_bytes=_LARGEST_FILE_BYTES,
    )

    def __init__(self, memory: Memory, socket: Path, account: str) -> None:
        """Prepare; nothing listens before ``run``.

        Args:
            memory: Keeps the inbox.
            socket: Where terminals connect; its folder exists and is private.
            account: Which of our consoles; names the mailbox.

        Raises:
            ValueError: The socket's path is too long for the system.
        """
        if len(os.fsencode(socket)) >= _SOCKET_PATH_BYTES:
            raise ValueError(
                f"the socket path {socket} is too long: it needs to be under 108 bytes"
            )
        self.mailbox = f"console:{account}"
        self._account = account
        self._memory = memory
        self._socket = socket
        self._serving = asyncio.Event()
        self._terminals: dict[str, set[asyncio.StreamWriter]] = {}
        self._visits: set[asyncio.Task[None]] = set()
        self._awaited: dict[str, asyncio.Future[None]] = {}

    async def run(self) -> None:
        """Serve terminals until cancelled. Raises ConsoleBusy if another bot serves them."""
        server = await asyncio.start_unix_server(
            self._serve, sock=_private_socket(self._socket), limit=_LINE_BYTES
        )
        self._serving.set()
        try:
            await asyncio.Event().wait()  # serve_forever would wait for the terminals to leave
        finally:
            self._serving.clear()
            server.close()
            self._socket.unlink(missing_ok=True)
            for writer in [w for writers in self._terminals.values() for w in writers]:
                writer.close()
            if self._visits:
                await asyncio.wait(self._visits, timeout=_GOODBYE_S)

    async def messages(self) -> AsyncIterator[Inbound]:
        """Yield messages from the inbox, once the socket is ours: then no other bot reads it either."""
        await self._serving.wait()
        # One name for ever: whoever holds the socket goes on where the last one stopped.
        inbox = self._memory.inbox(self.mailbox, "console")
        try:
            async for entry, key, raw in inbox:
                try:
                    found = _Raw.model_validate_json(raw)
                except ValidationError:
                    _LOG.exception("The inbox holds a message that cannot be read; it is dropped")
                    await self._memory.dealt_with(self.mailbox, entry)
                    continue
                yield self._inbound(entry, key, found)
        finally:
            if isinstance(inbox, AsyncGenerator):
                await inbox.aclose()

    async def settle(self, inbound: Inbound) -> None:
        """Tell the terminal that it is answered, then take it out of the inbox: a death in between tells it again."""
        for writer in tuple(self._terminals.get(inbound.chat.id, ())):
            with contextlib.suppress(ConnectionError):
                await _send(writer, {"type": "answered", "id": inbound.message_id})
        await self._memory.dealt_with(self.mailbox, inbound.entry)

    async def fetch(self, media: Media, path: Path) -> None:
        """Copy a file of this machine; raises MediaGone if it is not there any more."""
        await asyncio.to_thread(_copy, media.ref, path, media.name)

    async def post(
        self,
        chat: Chat,
        text: str,
        *,
        key: str,
        reply_to: str | None = None,
    ) -> MessageRef:
        """Show a message; returns once a terminal has. Raises PlatformDown while none is there."""
        return await self.offer(chat, text, (), key=key, reply_to=reply_to)

    async def offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        *,
        key: str,
        reply_to: str | None = None,  # noqa: ARG002 - a terminal shows one conversation
        person: Person | None = None,  # noqa: ARG002 - of one person
        picture: Picture | None = None,  # noqa: ARG002 - in letters: ``caption_length`` is 0
    ) -> MessageRef:
        """Show a message with choices; raises as ``post``."""
        message = MessageRef(chat=chat, id=hashlib.sha256(key.encode()).hexdigest()[:16])
        await self._show("post", message, text, choices, key)
        return message

    async def revise(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice] = (),
        *,
        person: Person | None = None,  # noqa: ARG002 - as in ``offer``
        picture: Picture | None = None,  # noqa: ARG002
        patient: bool = False,  # noqa: ARG002 - there is always room
    ) -> None:
        """Show a message anew, also one that was posted before a restart; raises as ``post``."""
        await self._show("revise", message, text, choices, f"revise:{secrets.token_hex(8)}")

    async def send_file(
        self,
        chat: Chat,  # noqa: ARG002 - nobody asks for files here: ``send_bytes`` is 0
        path: Path,  # noqa: ARG002
        name: str,
        *,
        key: str,  # noqa: ARG002
        reply_to: str | None = None,  # noqa: ARG002
    ) -> MessageRef:
        """Refuse: a terminal of this machine has Links and the store itself."""
        raise ChatUnreachable(f"{name}: a terminal takes no files")

    async def _show(
        self, type_: str, message: MessageRef, text: str, choices: Sequence[Choice], key: str
    ) -> None:
        writers = self._terminals.get(message.chat.id)
        if not writers:
            raise PlatformDown("no terminal is connected")
        buttons = [
            {"token": choice.token, "label": choice.label, "picked": choice.picked}
            for choice in choices
        ]
        frame = {"type": type_, "key": key, "id": message.id, "text": text, "choices": buttons}
        shown = self._awaited.get(key)
        if shown is None:
            shown = self._awaited[key] = asyncio.get_running_loop().create_future()
        try:
            for writer in tuple(writers):
                await _send(writer, frame)
            async with asyncio.timeout(_SHOWN_WITHIN_S):
                await asyncio.shield(shown)
        except (TimeoutError, ConnectionError) as error:
            raise PlatformDown("the terminal does not answer") from error
        finally:
            self._awaited.pop(key, None)

    def _inbound(self, entry: str, key: str, raw: _Raw) -> Inbound:
        message = raw.message
        return Inbound(
            key=key,
            entry=entry,
            chat=Chat(platform="console", account=self._account, id=raw.chat),
            person=raw.person,
            text=message.text,
            media=_media(message.file) if message.file else None,
            message_id=message.id,
            choice=message.choice,
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One terminal, from its hello to its end."""
        visit = asyncio.current_task()
        assert visit is not None  # noqa: S101 - a coroutine that runs has a task
        self._visits.add(visit)
        try:
            hello = _Hello.model_validate_json(await reader.readline())
            with self._present(hello.chat, writer):
                await _send(writer, {"type": "welcome"})
                while line := await reader.readline():
                    await self._hear(line, hello, writer)
        except ValueError as error:  # pydantic's, json's, and a line that is too long
            _LOG.warning("A terminal sent what is no frame of ours: %s", type(error).__name__)
            with contextlib.suppress(ConnectionError):
                await _send(writer, {"type": "refused", "id": "", "why": "not understood"})
        except ConnectionError:
            _LOG.debug("A terminal went away")
        finally:
            self._visits.discard(visit)
            writer.close()

    @contextlib.contextmanager
    def _present(self, chat: str, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._terminals.setdefault(chat, set()).add(writer)
        try:
            yield
        finally:
            self._terminals[chat].discard(writer)
            if not self._terminals[chat]:
                del self._terminals[chat]

    async def _hear(self, line: bytes, hello: _Hello, writer: asyncio.StreamWriter) -> None:
        frame: Any = json.loads(line)
        if isinstance(frame, dict) and frame.get("type") == "shown":
            shown = self._awaited.get(_Shown.model_validate(frame).key)
            if shown is not None and not shown.done():
                shown.set_result(None)
            return
        message = _Message.model_validate(frame)
        raw = _Raw(chat=hello.chat, person=hello.person, message=message).model_dump_json()
        key = f"{self.mailbox}:{hello.chat}:{message.id}"
        try:
            await self._memory.receive(self.mailbox, key, raw)
        except MemoryUnavailable:
            why = "busy"  # not acknowledged: the terminal sends it again
            await _send(writer, {"type": "refused", "id": message.id, "why": why})
            return
        await _send(writer, {"type": "ack", "id": message.id})


_: type[ChatAdapter] = ConsoleChat


def _media(file: _File) -> Media:
    path = Path(file.path)
    try:
        size_bytes = path.stat().st_size
    except OSError:
        size_bytes = None  # fetching it will say that it is gone
    kind = _KINDS.get(path.suffix.casefold(), "document")
    return Media(ref=str(path), name=file.name or path.name, size_bytes=size_bytes, kind=kind)


def _copy(source: str, path: Path, name: str) -> None:
    try:
        if Path(source).stat().st_size > _LARGEST_FILE_BYTES:
            raise MediaTooLarge(name)
        shutil.copyfile(source, path)
    except (
        FileNotFoundError,
        PermissionError,
        IsADirectoryError,
        shutil.SpecialFileError,
    ) as error:
        raise MediaGone(name) from error


async def _send(writer: asyncio.StreamWriter, frame: dict[str, Any]) -> None:
    writer.write(json.dumps(frame, ensure_ascii=False).encode() + b"\n")
    await writer.drain()


def _private_socket(path: Path) -> socket.socket:
    """Bind a unix socket that only its owner may open; what a killed bot left behind is cleared away."""
    if path.exists():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            else:
                raise ConsoleBusy(f"another bot holds {path}")
    bound = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(bound.fileno(), 0o600)  # Linux gives the file the mode the socket has
        bound.bind(str(path))
        path.chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound
