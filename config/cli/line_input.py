"""What a person types: lines, edited on a terminal while messages arrive above, or read from a pipe."""

import asyncio
import contextlib
import os
import shlex
import stat
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import AnyFormattedText

_SUFFIXES: Final = (
    *(".ogg", ".opus", ".amr", ".mp3", ".m4a", ".wav", ".flac", ".aac", ".webm"),
    *(".mp4", ".mov", ".mkv"),
    *(".jpg", ".jpeg", ".png", ".webp"),
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


def line_editor(message: Callable[[], AnyFormattedText]) -> PromptSession[str]:
    """A line edited as in a shell, with its history, below a message that may change; Ctrl-C aborts the command."""
    return PromptSession(message, erase_when_done=True, interrupt_exception=click.Abort)


async def edited_lines(editor: PromptSession[str]) -> AsyncGenerator[str, None]:
    """Yield the lines typed on a terminal until Ctrl-D."""
    while True:
        try:
            line = await editor.prompt_async()
        except EOFError:
            return
        yield line


async def piped_lines() -> AsyncGenerator[str, None]:
    """Yield the lines of a standard input that nobody edits; waiting for one can be cancelled."""
    descriptor = sys.stdin.fileno()
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)):
        for line in sys.stdin:  # a file, or nothing: never waited for
            yield line
        return
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(descriptor), "rb", 0)
    )
    try:
        async for each in reader:
            yield each.decode(errors="replace")
    finally:
        transport.close()
        os.set_blocking(descriptor, True)  # whoever shares it did not ask for otherwise
