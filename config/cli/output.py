"""How commands speak: sentences and progress on stderr, one JSON object as the last line of stdout on request."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

DONE, FAILED, USAGE, PARTIAL = 0, 1, 2, 3

Report = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object as the last line of stdout."
)


class Failed(click.ClickException):
    """The command could not do it; the message is for the person who typed it."""

    exit_code = FAILED

    def __init__(
        self, message: str, code: str = "failed", facts: Mapping[str, str | float] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.facts = dict(facts or {})


def last_line(value: Mapping[str, Any]) -> None:
    """Print the JSON object other programs read."""
    click.echo(json.dumps(value, ensure_ascii=False))


def refuse_unwritable(folder: Path) -> None:
    """Find out before the work, not after it, that nothing can be written to a folder; nothing is made yet."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return
    except OSError as error:
        raise Failed(f"Nothing can be written to {folder}: {error.strerror}.") from None


def error_line(error: click.ClickException) -> None:
    """Print the JSON object of a command that could not do it."""
    failed = error if isinstance(error, Failed) else Failed(error.format_message(), "usage")
    last_line({"error": {"code": failed.code, "facts": failed.facts, "sentence": failed.message}})


def ending(code: int) -> None:
    """End the command with an exit code."""
    raise click.exceptions.Exit(code)


def language() -> Literal["en", "zh"]:
    """The language of the person at this terminal, from the usual environment variables."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def errors_console() -> Console:
    """Where progress and remarks go."""
    return Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress_bar() -> Iterator[Report]:
    """A progress bar for each stage, on stderr if that is a terminal."""
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    console = errors_console()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=max(total, 1))

        yield report
