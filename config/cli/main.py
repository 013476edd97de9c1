"""``chorus``: every command, and what they share in how they end."""

import sys

import click

from config.cli import (
    bench,
    chat,
    check,
    demo,
    inspect,
    processes,
    render,
    templates,
)
from config.cli.output import USAGE
from config.settings import SettingsRefused

INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(context_settings=CONTEXT)
@click.version_option(package_name="chorus-bot", prog_name="chorus")
def chorus() -> None:
    """One voice note, a chorus of presenters.

    A recording and some video templates in, one lip-synced video per template out, ordered and delivered in a
    chat. Start with `chorus demo`; talk to it with `chorus chat`.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 partial.
    """


for command in (
    demo.demo,
    chat.chat,
    processes.up,
    processes.bot,
    processes.worker,
    check.check,
    render.render,
    inspect.inspect,
    templates.templates,
    bench.bench,
):
    chorus.add_command(command)


def main() -> None:
    """The console script."""
    try:
        code = chorus(
            standalone_mode=False
        )  # returns the code of click's Exit, None where there was none
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SettingsRefused as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(USAGE)
    sys.exit(code)


if __name__ == "__main__":
    main()
