"""How commands speak: sentences and progress on stderr, one JSON object as the last line of stdout on request."""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any, Literal, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from config.embedded_redis import RedisNotStarted
from config.supervisor import PartFailed

DONE, FAILED, USAGE, PARTIAL = 0, 1, 2, 3

Value = TypeVar("Value")
Report = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object as the last line of stdout."
)


class Failed(click.ClickException):
    """The command could not do it; the message is for the person who typed it."""

    exit_code = FAILED


def last_line(value: Mapping[str, Any]) -> None:
    """Print the JSON object other programs read."""
    click.echo(json.dumps(value, ensure_ascii=False))


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


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a command's coroutine; what its parts could not do becomes a sentence."""
    try:
        return asyncio.run(work)
    except (RedisNotStarted, PartFailed) as error:
        raise Failed(str(error)) from None


def errors_console() -> Console:
    """Where progress and remarks go."""
    return Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """A progress bar on stderr; stages follow one another on one line each."""
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    console = errors_console()
    with Progress(*columns, console=console, transient=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(f"{title} {stage}".strip(), total=total)
            bars.update(tasks[stage], completed=done, total=max(total, 1))

        yield report
