"""Draws a console conversation with rich: bubbles that change in place on a terminal, plain lines elsewhere."""

import asyncio
import contextlib
import re
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.formatted_text import ANSI
from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.style import Style
from rich.text import Text

from bot.texts.catalogue import Language, Texts
from config.cli.line_input import Typed, edited_lines, line_editor, piped_lines, read_line
from config.cli.terminal import Event, Message, Terminal, choice_meant
from worker.contract.records import Person

_URL: Final = re.compile(r"https?://\S+")
_WIDEST: Final = 96
_BOT: Final = "Chorus"
_SPARE_LINES: Final = 3
_LAST_WORDS_S: Final = 2.0
_TOLD_WITHIN_S: Final = 10.0
_LOOK_S: Final = 0.1
_STYLES: Final = {"✓": "green", "✗": "red", "▸": "cyan", "↑": "cyan", "◌": "yellow"}


class TerminalView:
    """Shows what happens in a conversation; hand ``show`` to a Terminal as ``on_event``.

    On a terminal the newest messages stay changeable as long as they fit on the screen: the bot's revisions redraw
    them. Older ones, and those with links (which are printed whole, so that they can be copied), go into the
    scroll-back as they are. Elsewhere every change is printed, of a revision only the lines that are new.

    Where somebody types, the changeable messages are drawn by ``editor``, as the message of its prompt.
    """

    def __init__(
        self,
        console: Console,
        texts: Texts,
        language: Language,
        name: str,
        *,
        typing: bool = False,
    ) -> None:
        """Prepare.

        Args:
            console: Where to draw.
            texts: For the remarks of the terminal itself.
            language: Of the person.
            name: The person's, beside what they write.
            typing: Somebody types below the messages: ``editor`` is there on a terminal.
        """
        self._console = console
        self._texts = texts
        self._language = language
        self._name = name
        self._tail: list[Message | Text] = []
        self._frozen: list[Message | Text] = []
        self._changing = console.is_terminal
        self._live: Live | None = None
        self.editor = line_editor(self._above_the_line) if self._changing and typing else None
        self._lost = False

    def __enter__(self) -> "TerminalView":
        """Begin to draw."""
        if self._changing and self.editor is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                vertical_overflow="visible",
                get_renderable=self._screen,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave everything on the screen as it stands."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._frozen += self._tail
        self._tail.clear()
        self._print_frozen()

    def show(self, event: Event) -> None:
        """Draw a change."""
        if event.message is None:
            self._connection(lost=event.kind == "disconnected")
        elif not self._changing:
            self._print_change(event.message, event)
        elif event.kind == "revise" and event.message not in self._tail:
            self._tail += [_news(line) for line in _new_lines(event.message)]
        elif event.kind != "revise":
            self._tail.append(event.message)
            if _URL.search(event.message.text):
                self._freeze(len(self._tail))
        self.refresh()

    def remark(self, text: str) -> None:
        """Say something of the terminal's own."""
        remark = Text(text, style="dim italic")
        if self._changing:
            self._tail.append(remark)
            self.refresh()
        else:
            self._console.print(remark, soft_wrap=True)

    def refresh(self) -> None:
        """Draw anew, and freeze what no longer fits on the screen."""
        while len(self._tail) > 1 and self._height() > self._console.height - _SPARE_LINES:
            self._freeze(1)
        if self._live is not None:
            self._live.refresh()
        if self.editor is not None:
            self.editor.app.invalidate()

    def _connection(self, *, lost: bool) -> None:
        if lost != self._lost:
            self._lost = lost
            self.remark(
                self._texts.say(self._language, "terminal-lost" if lost else "terminal-back")
            )

    def _screen(self) -> RenderableType:
        return Group(*(self._bubble(message) for message in self._tail))

    def _above_the_line(self) -> ANSI:
        with self._console.capture() as drawn:
            self._console.print(self._screen(), end="")
        return ANSI(f"{drawn.get()}\x1b[1;32m› \x1b[0m")

    def _height(self) -> int:
        return len(self._console.render_lines(self._screen(), pad=False))

    def _freeze(self, count: int) -> None:
        """Print the oldest messages for good."""
        self._frozen += self._tail[:count]
        del self._tail[:count]
        if self.editor is not None and self.editor.app.is_running:
            run_in_terminal(self._print_frozen)
        else:
            self._print_frozen()

    def _print_frozen(self) -> None:
        while self._frozen:
            self._print(self._frozen.pop(0))

    def _print(self, message: Message | Text) -> None:
        if isinstance(message, Text):
            self._console.print(message)
            return
        if self._console.is_terminal and not _URL.search(message.text):
            self._console.print(self._bubble(message))
            return
        speaker = self._name if message.ours else _BOT
        self._console.print(Text(f"{speaker}:", style=_colour(message)))
        for line in self._body(message).split("\n"):  # a link is one line, whatever the width
            whole = not self._changing or _URL.search(line.plain) is not None
            self._console.print(line, soft_wrap=whole)
        self._console.print()

    def _print_change(self, message: Message, event: Event) -> None:
        """Of a revision only what is new: who reads a log has the rest above."""
        if event.kind != "revise":
            self._print(message)
            return
        for line in _new_lines(message):
            self._console.print(_news(line), soft_wrap=True)

    def _bubble(self, message: Message | Text) -> RenderableType:
        if isinstance(message, Text):
            return message
        panel = Panel(
            self._body(message),
            title=Text(self._name if message.ours else _BOT, style=_colour(message)),
            title_align="right" if message.ours else "left",
            box=box.ROUNDED,
            border_style=_colour(message),
            expand=False,
            width=None,
            padding=(0, 1),
        )
        if self._console.width > _WIDEST and len(message.text) > _WIDEST:
            panel.width = _WIDEST
        return Align.right(panel) if message.ours else panel

    def _body(self, message: Message) -> Text:
        body = Text("\n").join(_styled(line) for line in message.text.split("\n"))
        chips = [label for label in message.choices if not _listed(label, message.text)]
        if chips:
            body.append("\n")
            for label in chips:
                body.append(f"[ {label} ]", style="bold cyan")
                body.append("  ")
            body.rstrip()
        return body


def _new_lines(message: Message) -> list[str]:
    before = set(message.earlier[-1].splitlines())
    return [line for line in message.text.splitlines() if line not in before]


def _news(line: str) -> Text:
    return Text("  ~ ", style="dim") + _styled(line)


def _colour(message: Message) -> str:
    return "green" if message.ours else "cyan"


def _listed(label: str, text: str) -> bool:
    """Whether a choice stands in the numbered list of the text already: ``1 anchor`` as ``1. anchor``."""
    number, _, name = label.removeprefix("✓ ").partition(" ")
    return number.isdecimal() and f"{number}. {name}" in text


def _styled(line: str) -> Text:
    styled = Text(line)
    for match in _URL.finditer(line):
        styled.stylize(Style(color="blue", underline=True, link=match[0]), *match.span())
    if (style := _STYLES.get(line[:1])) is not None:
        styled.stylize(style, 0, 1)
    if line.startswith(("▰", "▱")):
        styled.stylize("cyan", 0, 10)
    return styled


class Orders(Protocol):
    """What the person of a terminal ordered, for who leaves."""

    async def making(self) -> bool:
        """Whether something of it is still being made."""
        ...

    async def told(self) -> bool:
        """Whether what was heard in the last recording was answered."""
        ...


async def chat_in_terminal(
    socket: Path, chat: str, person: Person, console: Console, texts: Texts, orders: Orders
) -> None:
    """Let a person talk to the bot until they leave: what ``chorus chat`` does.

    Who types may leave at any time; what is piped in waits for all its answers.

    Args:
        socket: Of the bot's console.
        chat: Names the conversation.
        person: Who sits here.
        console: On standard output.
        texts: The catalogues.
        orders: Of this person in this conversation.
    """
    language, name = person.language, person.name or person.id
    with TerminalView(console, texts, language, name, typing=sys.stdin.isatty()) as view:
        view.remark(texts.say(language, "terminal-welcome"))
        async with Terminal(socket, chat, person, on_event=view.show) as terminal:
            outgoing: asyncio.Queue[Typed] = asyncio.Queue()
            sender = asyncio.create_task(_send_in_order(terminal, outgoing))
            try:
                await _type(view, texts, language, outgoing)
                await _leave(terminal, view, outgoing, texts, language, orders)
            finally:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sender


async def _type(
    view: TerminalView, texts: Texts, language: Language, outgoing: "asyncio.Queue[Typed]"
) -> None:
    source = piped_lines() if view.editor is None else edited_lines(view.editor)
    async with contextlib.aclosing(source) as lines:
        async for line in lines:
            typed = read_line(line)
            if typed.end:
                return
            if typed.missing:
                view.remark(texts.say(language, "terminal-no-file", name=typed.missing))
            else:
                outgoing.put_nowait(typed)


async def _leave(
    terminal: Terminal,
    view: TerminalView,
    outgoing: "asyncio.Queue[Typed]",
    texts: Texts,
    language: Language,
    orders: Orders,
) -> None:
    if sys.stdin.isatty():
        with contextlib.suppress(TimeoutError):  # the bot is away: what it has not got is not said
            async with asyncio.timeout(_LAST_WORDS_S):
                await outgoing.join()
        if await orders.making():
            view.remark(texts.say(language, "terminal-goes-on"))
        return
    await outgoing.join()
    await terminal.answered()
    if await orders.making():
        view.remark(texts.say(language, "terminal-waits"))
    while await orders.making():  # noqa: ASYNC110 - it happens in other processes
        await asyncio.sleep(_LOOK_S)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_TOLD_WITHIN_S):
            while not await orders.told():  # noqa: ASYNC110 - likewise
                await asyncio.sleep(_LOOK_S)


async def _send_in_order(terminal: Terminal, outgoing: "asyncio.Queue[Typed]") -> None:
    while True:
        typed = await outgoing.get()
        if typed.file is not None:
            await terminal.send_file(typed.file)
        meant = choice_meant(terminal.transcript, typed.text)
        if meant is not None:
            await terminal.send_choice(*meant)
        elif typed.text:
            await terminal.send_text(typed.text)
        outgoing.task_done()
