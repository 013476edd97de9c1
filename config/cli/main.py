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
from config.settings import SettingsRefused

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
        chorus(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SettingsRefused as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
