"""How a conversation looks in a terminal, and what is typed there."""

import asyncio
import io
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output
from rich.console import Console

from bot.texts.catalogue import Texts
from config.cli.line_input import Typed, edited_lines, read_line
from config.cli.terminal import Event, Message
from config.cli.terminal_view import TerminalView

TEXTS = Texts()
LINK = "https://door.test/d/" + "x" * 300


def screen(*, terminal: bool, width: int = 60) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=width, height=30, color_system=None
    )


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_only_what_is_new_of_a_revision_is_printed() -> None:
    console = screen(terminal=False)
    message = Message("1", "K7Q2\n▱▱ 0/2\n· one", ours=False)
    with TerminalView(console, TEXTS, "en", "Ann") as view:
        view.show(Event("said", Message("0", "go", ours=True)))
        view.show(Event("post", message))
        message.earlier.append(message.text)
        message.text = "K7Q2\n▰▱ 1/2\n· one"
        view.show(Event("revise", message))

    assert drawn(console) == ("Ann:\ngo\n\nChorus:\nK7Q2\n▱▱ 0/2\n· one\n\n  ~ ▰▱ 1/2\n")


def test_a_terminal_keeps_the_last_form_of_every_message() -> None:
    console = screen(terminal=True)
    message = Message("1", "0/2", ours=False)
    with TerminalView(console, TEXTS, "en", "Ann") as view:
        view.show(Event("post", message))
        message.text = "2/2"
        view.show(Event("revise", message))
        before = len(drawn(console))

    left = drawn(console)[before:]
    assert "2/2" in left
    assert "0/2" not in left


@pytest.mark.parametrize("terminal", [True, False])
def test_a_link_is_printed_whole_on_one_line(terminal: bool) -> None:  # noqa: FBT001
    console = screen(terminal=terminal)
    with TerminalView(console, TEXTS, "zh", "李") as view:
        view.show(Event("post", Message("1", f"完成了\nZIP： {LINK}", ours=False)))

    assert LINK in drawn(console).replace("\x1b[4m", "")


def test_choices_that_stand_in_the_list_are_not_repeated() -> None:
    console = screen(terminal=False)
    choices = ("1 anchor", "✓ 2 host", "Start")
    message = Message(
        "1", "1. anchor\n2. host ✓", ours=False, choices=choices, tokens=("a", "b", "c")
    )
    with TerminalView(console, TEXTS, "en", "Ann") as view:
        view.show(Event("post", message))

    assert drawn(console) == "Chorus:\n1. anchor\n2. host ✓\n[ Start ]\n\n"


def test_a_long_conversation_never_outgrows_the_screen() -> None:
    console = screen(terminal=True)
    with TerminalView(console, TEXTS, "en", "Ann") as view:
        for number in range(40):
            view.show(Event("post", Message(str(number), f"message {number}", ours=False)))
        assert view._height() <= console.height

    assert all(f"message {number} " in drawn(console) for number in range(40))


def test_losing_the_bot_is_said_once_in_the_persons_language() -> None:
    console = screen(terminal=False, width=200)
    with TerminalView(console, TEXTS, "zh", "李") as view:
        for kind in ("connected", "disconnected", "disconnected", "connected"):
            view.show(Event(kind))  # type: ignore[arg-type]

    assert drawn(console).splitlines() == [
        "机器人暂时离线。您写的内容已保存，恢复后会自动发送。",
        "机器人已恢复。",
    ]


def test_a_line_is_a_file_a_command_or_something_to_say(tmp_path: Path) -> None:
    voice = tmp_path / "my voice.ogg"
    voice.touch()

    assert read_line(f"'{voice}'\n") == Typed(file=voice)
    assert read_line(f"{str(voice).replace(' ', chr(92) + ' ')} 1 3 go") == Typed("1 3 go", voice)
    assert read_line(str(voice)) == Typed(file=voice)
    assert read_line(f"file://{str(voice).replace(' ', '%20')}") == Typed(file=voice)
    assert read_line(f"/send {voice}") == Typed(file=voice)
    assert read_line("/send nothing") == Typed(missing="nothing")
    assert read_line("./no.ogg") == Typed(missing="./no.ogg")
    assert read_line("news.ogg") == Typed(missing="news.ogg")
    assert read_line("/status K7Q2") == Typed("/status K7Q2")
    assert read_line("it's 1 3 go") == Typed("it's 1 3 go")
    assert read_line(" /quit ") == Typed(end=True)
    assert read_line("") == Typed()


async def test_messages_change_above_the_line_being_typed_and_stay_when_it_is_left() -> None:
    console = screen(terminal=True)
    message = Message("1", "0/2", ours=False)
    screens = io.StringIO()
    with (
        create_pipe_input() as keys,
        create_app_session(input=keys, output=_vt100(screens)),
        TerminalView(console, TEXTS, "en", "Ann", typing=True) as view,
    ):
        assert view.editor is not None
        lines = edited_lines(view.editor)
        typed = asyncio.create_task(anext(lines))
        view.show(Event("post", message))
        message.text = "2/2"
        view.show(Event("revise", message))
        keys.send_text("1 2\x7f3\x1b[D\x1b[D你\r")
        assert await typed == "1你 3"
        keys.send_text("\x04")
        with pytest.raises(StopAsyncIteration):
            await anext(lines)
        assert drawn(console) == ""

    assert "2/2" in screens.getvalue()
    assert "2/2" in drawn(console)


def _vt100(screens: io.StringIO) -> Vt100_Output:
    return Vt100_Output(screens, lambda: Size(rows=30, columns=60))
