"""What a person types: lines, edited in place on a terminal while messages arrive above, or read from a pipe."""

import asyncio
import codecs
import contextlib
import os
import shlex
import sys
import termios
import tty
import unicodedata
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_SUFFIXES: Final = (
    *(".ogg", ".opus", ".amr", ".mp3", ".m4a", ".wav", ".flac", ".aac", ".webm"),
    *(".mp4", ".mov", ".mkv"),
)
_ENDS: Final = {"/quit", "/exit"}


@dataclass(frozen=True)
class Typed:
    """What a line means."""

    text: str = ""
    """To be said."""
    file: Path | None = None
    """To be sent."""
    missing: str = ""
    """A file that is not there."""
    end: bool = False


def read_line(line: str) -> Typed:
    """Read a typed line: a path or a dropped file, ``/send PATH``, ``/quit``, or something to say."""
    line = line.strip()
    if line in _ENDS:
        return Typed(end=True)
    asked = line.startswith("/send ")
    words = _words(line.removeprefix("/send ").strip() if asked else line)
    if not words:
        return Typed()
    path = _path_of(words[0])
    if path.is_file():
        return Typed(file=path, text=" ".join(words[1:]))
    whole = _path_of(line.removeprefix("/send ").strip())  # spaces nobody quoted
    if whole.is_file():
        return Typed(file=whole)
    if asked or _looks_like_path(words[0]):
        return Typed(missing=words[0])
    return Typed(text=line)


def _words(line: str) -> list[str]:
    """Split as a shell does: terminals quote or escape what is dropped into them."""
    try:
        return shlex.split(line)
    except ValueError:  # an apostrophe in a sentence
        return line.split()


def _path_of(word: str) -> Path:
    if word.startswith("file://"):
        word = unquote(urlsplit(word).path)
    with contextlib.suppress(RuntimeError):  # ~nobody
        return Path(word).expanduser()
    return Path(word)


def _looks_like_path(word: str) -> bool:
    beyond = word.startswith(("./", "../", "~/", "file://")) or word.count("/") > 1
    return beyond or word.casefold().endswith(_SUFFIXES)


class LineEditor:
    """One line being typed: bytes of a terminal in, finished lines out."""

    def __init__(self) -> None:
        self.line = ""
        self.cursor = 0
        self._history: list[str] = []
        self._past = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        self._escape = ""

    def feed(self, data: bytes) -> list[str | None]:
        """Take what was typed; returns the lines that were finished, None for the end."""
        done: list[str | None] = []
        for letter in self._decoder.decode(data):
            if self._escape or letter == "\x1b":
                self._escaped(letter)
            elif letter in "\r\n":
                done.append(self._submit())
            elif letter == "\x04" and not self.line:
                done.append(None)
            else:
                self._typed(letter)
        return done

    def _submit(self) -> str:
        line = self.line
        if line.strip() and self._history[-1:] != [line]:
            self._history.append(line)
        self._past = len(self._history)
        self._set("")
        return line

    def _typed(self, letter: str) -> None:
        before, after = self.line[: self.cursor], self.line[self.cursor :]
        if letter in "\x7f\x08":
            before = before[:-1]
        elif letter == "\x15":  # Ctrl-U
            before = ""
        elif letter == "\x17":  # Ctrl-W
            before = before.rstrip().rpartition(" ")[0]
            before = f"{before} " if before else ""
        elif letter == "\x01":  # Ctrl-A
            before, after = "", self.line
        elif letter == "\x05":  # Ctrl-E
            before, after = self.line, ""
        elif unicodedata.category(letter) != "Cc":
            before += letter
        self.line, self.cursor = before + after, len(before)

    def _escaped(self, letter: str) -> None:
        """Arrow keys and their like: ``ESC [ … letter`` or ``ESC O letter``; others are ignored."""
        self._escape += letter
        if len(self._escape) < 3 and letter in "\x1b[O":
            return
        if not ("@" <= letter <= "~") and len(self._escape) < 8:
            return
        key, self._escape = self._escape[1:], ""
        moves = {"D": self.cursor - 1, "C": self.cursor + 1, "H": 0, "F": len(self.line)}
        if key[-1] in "AB":
            self._recall(-1 if key[-1] == "A" else 1)
        elif key[-1] in moves:
            self.cursor = min(max(moves[key[-1]], 0), len(self.line))
        elif key == "[3~":
            self.line = self.line[: self.cursor] + self.line[self.cursor + 1 :]

    def _recall(self, step: int) -> None:
        self._past = min(max(self._past + step, 0), len(self._history))
        self._set(self._history[self._past] if self._past < len(self._history) else "")

    def _set(self, line: str) -> None:
        self.line, self.cursor = line, len(line)


async def typed_lines(redraw: Callable[[str, int], None]) -> AsyncGenerator[str, None]:
    """Yield the lines of standard input until it ends; on a terminal ``redraw`` shows each key."""
    descriptor = sys.stdin.fileno()
    if not os.isatty(descriptor):
        while line := await asyncio.to_thread(sys.stdin.readline):
            yield line
        return
    editor = LineEditor()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def readable() -> None:
        data = os.read(descriptor, 4096)
        for line in editor.feed(data) if data else [None]:
            lines.put_nowait(line)
        redraw(editor.line, editor.cursor)

    loop = asyncio.get_running_loop()
    with _letter_by_letter(descriptor):
        loop.add_reader(descriptor, readable)
        try:
            redraw("", 0)
            while (line := await lines.get()) is not None:
                yield line
        finally:
            loop.remove_reader(descriptor)


@contextlib.contextmanager
def _letter_by_letter(descriptor: int) -> Iterator[None]:
    """Letters come as they are typed, without echo; Ctrl-C still interrupts."""
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
