"""``chorus log``: the record of operations of this machine."""

from collections import deque
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from config.cli.output import json_option, last_line
from config.paths import log_folder
from config.record import TooLongAgo, parse_since, read
from config.settings import load_settings

_FIRST = ("at", "what", "batch", "clip")
_LATER = ("process", "batch_id", "worker")
"""Said by --json only."""


@click.command(short_help="What happened: orders, Clips, links, permissions.")
@click.option(
    "--since",
    default="24h",
    show_default=True,
    help="90s, 30m, 2h, 3d, or a moment: 2026-11-29T14:00.",
)
@click.option("--batch", "code", default=None, help="Only of one order, by its code.")
@click.option(
    "--last",
    default=10_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="At most so many lines.",
)
@json_option
def log(since: str, code: str | None, last: int, as_json: bool) -> None:
    """What happened on this machine: orders, Clips, archives, what was told, links, permissions, refusals.

    Each machine keeps a record of what its own processes did, about as much as fits into 100 MB; ask on each of several.
    """
    try:
        after = parse_since(since, datetime.now(UTC))
    except TooLongAgo:
        raise click.BadParameter(f"{since!r} is before 1970.", param_hint="--since") from None
    except ValueError:
        raise click.BadParameter(
            f"{since!r} is neither like 90s, 30m, 2h or 3d nor a moment like 2026-11-29T14:00.",
            param_hint="--since",
        ) from None
    found = read(log_folder(load_settings()), after)
    wanted = (each for each in found if code is None or each.get("batch") == code.strip().upper())
    operations = list(deque(wanted, maxlen=last))
    if as_json:
        last_line({"since": after.isoformat(), "operations": operations})
        return
    console = Console(highlight=False)
    for operation in operations:
        console.print(_line(operation), soft_wrap=True)
    if not operations:
        of = f" of {code.strip().upper()}" if code else ""
        click.echo(
            f"Nothing was recorded{of} on this machine since {after.astimezone():%d %b %H:%M}.",
            err=True,
        )


def _line(operation: dict[str, Any]) -> Text:
    at = datetime.fromisoformat(operation["at"]).astimezone()
    clip = f"/{operation['clip']}" if operation.get("clip") else ""
    of = f"{operation.get('batch', '')}{clip}"
    facts = " ".join(
        f"{name}={value}" for name, value in operation.items() if name not in {*_FIRST, *_LATER}
    )
    line = Text(f"{at:%Y-%m-%d %H:%M:%S}  {operation['what']:<22} {of:<9} {facts}".rstrip())
    if operation["what"].partition(".")[2] in {"failed", "given_up", "refused", "lost"}:
        line.stylize("red")
    return line
