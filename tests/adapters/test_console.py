"""The console chat and its terminal, over a real socket and a real Redis."""

import asyncio
import contextlib
import socket as sockets
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.chats.console import ConsoleBusy, ConsoleChat
from bot.memory import RedisMemory
from bot.ports import Chat, Choice, Inbound, Media, MediaGone, MessageRef, Person, PlatformDown
from config.cli.terminal import Terminal, choice_meant

ANN = Person(id="ann", name="Ann")
DESK = Chat(platform="console", account="test", id="desk")


@pytest.fixture
async def memory(redis_url: str) -> AsyncIterator[RedisMemory]:
    opened = RedisMemory(redis_url)
    yield opened
    await opened.close()


@contextlib.asynccontextmanager
async def serving(memory: RedisMemory, socket: Path) -> AsyncIterator[ConsoleChat]:
    """One life of the bot's side."""
    console = ConsoleChat(memory, socket, "test")
    task = asyncio.create_task(console.run())
    try:
        yield console
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def receive(console: ConsoleChat) -> Inbound:
    messages = console.messages()
    async with asyncio.timeout(60):
        inbound = await anext(messages)
    await messages.aclose()  # type: ignore[attr-defined]
    return inbound


async def post(console: ConsoleChat, text: str, key: str) -> str:
    """Post as the bot does: again until a terminal is there."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(PlatformDown):
                return (await console.post(DESK, text, key=key)).id
            await asyncio.sleep(0.01)


async def test_what_is_typed_arrives_and_is_answered(memory: RedisMemory, tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    async with serving(memory, socket) as console, Terminal(socket, "desk", ANN) as terminal:
        await terminal.send_text("hello")
        inbound = await receive(console)
        await console.settle(inbound)
        await console.post(inbound.chat, "good day", key="k1")

        assert (inbound.text, inbound.person, inbound.chat) == ("hello", ANN, DESK)
        assert [(m.text, m.ours) for m in terminal.transcript] == [
            ("hello", True),
            ("good day", False),
        ]


async def test_a_terminal_knows_when_everything_it_said_is_answered(
    memory: RedisMemory, tmp_path: Path
) -> None:
    socket = tmp_path / "c.sock"
    async with serving(memory, socket) as console, Terminal(socket, "desk", ANN) as terminal:
        await terminal.send_text("hello")
        answered = asyncio.create_task(terminal.answered())
        inbound = await receive(console)
        await console.post(inbound.chat, "good day", key="k1")
        assert not answered.done()
        await console.settle(inbound)

        async with asyncio.timeout(60):
            await answered


async def test_the_socket_opens_for_its_owner_only(memory: RedisMemory, tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    async with serving(memory, socket), Terminal(socket, "desk", ANN) as terminal:
        await terminal.send_text("hello")

        assert stat.S_IMODE(socket.stat().st_mode) == 0o600


async def test_a_file_comes_with_its_name_and_is_copied(
    memory: RedisMemory, tmp_path: Path
) -> None:
    socket, voice, copy = tmp_path / "c.sock", tmp_path / "voice 1.ogg", tmp_path / "copy"
    voice.write_bytes(b"sound")
    async with serving(memory, socket) as console, Terminal(socket, "desk", ANN) as terminal:
        await terminal.send_file(voice)
        inbound = await receive(console)
        assert inbound.media is not None
        await console.fetch(inbound.media, copy)

        assert inbound.media == Media(str(voice), "voice 1.ogg", 5, "voice")
        assert copy.read_bytes() == b"sound"


async def test_a_file_that_vanished_is_gone(memory: RedisMemory, tmp_path: Path) -> None:
    console = ConsoleChat(memory, tmp_path / "c.sock", "test")

    with pytest.raises(MediaGone):
        await console.fetch(
            Media(str(tmp_path / "no.ogg"), "no.ogg", 5, "voice"), tmp_path / "copy"
        )
    with pytest.raises(MediaGone):
        await console.fetch(Media(str(tmp_path), "folder", None, "voice"), tmp_path / "copy")


async def test_a_post_without_a_terminal_waits_outside(memory: RedisMemory, tmp_path: Path) -> None:
    async with serving(memory, tmp_path / "c.sock") as console:
        with pytest.raises(PlatformDown):
            await console.post(DESK, "anybody?", key="k")


async def test_a_post_sent_twice_is_shown_once(memory: RedisMemory, tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    async with serving(memory, socket) as console, Terminal(socket, "desk", ANN) as terminal:
        first = await post(console, "done", "outcome:1")
        second = await post(console, "done", "outcome:1")

        assert first == second
        assert [m.text for m in terminal.transcript] == ["done"]


async def test_a_message_is_revised_by_the_next_life_of_the_bot(
    memory: RedisMemory, tmp_path: Path
) -> None:
    socket = tmp_path / "c.sock"
    async with Terminal(socket, "desk", ANN) as terminal:
        async with serving(memory, socket) as console:
            message_id = await post(console, "1/3", "p")
        async with serving(memory, socket) as console:
            await post(console, "back", "q")
            await console.revise(MessageRef(chat=DESK, id=message_id), "2/3")

        first = terminal.transcript[0]
        assert (first.text, first.earlier) == ("2/3", ["1/3"])


async def test_what_was_typed_while_the_bot_was_away_arrives_once(
    memory: RedisMemory, tmp_path: Path
) -> None:
    socket = tmp_path / "c.sock"
    async with Terminal(socket, "desk", ANN) as terminal:
        sending = asyncio.create_task(terminal.send_text("early"))
        async with serving(memory, socket) as console:
            await sending
            first = await receive(console)
        async with serving(memory, socket) as console:  # died before it settled
            again = await receive(console)
            await console.settle(again)
            await terminal.send_text("late")
            last = await receive(console)

    assert (first.text, again.key, last.text) == ("early", first.key, "late")


async def test_a_choice_comes_back_as_its_token(memory: RedisMemory, tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    choices = [Choice("pick:1", "1 anchor", picked=True), Choice("go", "Start")]
    async with serving(memory, socket) as console, Terminal(socket, "desk", ANN) as terminal:
        await post(console, "hello", "k0")
        await console.offer(DESK, "Pick:", choices, key="k1")
        meant = choice_meant(terminal.transcript, "start")
        assert meant is not None
        await terminal.send_choice(*meant)
        inbound = await receive(console)

        assert terminal.transcript[1].choices == ("✓ 1 anchor", "Start")
        assert (inbound.choice, inbound.text) == ("go", "")


async def test_a_second_bot_does_not_take_the_socket_away(
    memory: RedisMemory, tmp_path: Path
) -> None:
    socket = tmp_path / "c.sock"
    async with serving(memory, socket), Terminal(socket, "desk", ANN) as terminal:
        await terminal.send_text("hello")
        with pytest.raises(ConsoleBusy):
            await ConsoleChat(memory, socket, "test").run()

        await terminal.send_text("still there?")


async def test_a_socket_left_by_a_killed_bot_is_taken_over(
    memory: RedisMemory, tmp_path: Path
) -> None:
    path = tmp_path / "c.sock"
    with sockets.socket(sockets.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(memory, path), Terminal(path, "desk", ANN) as terminal:
        await terminal.send_text("hello")


async def test_a_path_too_long_for_a_socket_is_refused(memory: RedisMemory, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        ConsoleChat(memory, tmp_path / ("d" * 108), "test")


async def test_garbage_on_the_socket_harms_nobody(memory: RedisMemory, tmp_path: Path) -> None:
    socket = tmp_path / "c.sock"
    async with serving(memory, socket) as console, Terminal(socket, "desk", ANN) as terminal:
        await terminal.send_text("hello")
        for garbage in (b"\xff\n", b'{"type":"hello"}\n', b"[]\n", b"x" * 3_000_000 + b"\n"):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            writer.write(garbage)
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
        await post(console, "unharmed", "k")

        assert terminal.transcript[-1].text == "unharmed"
