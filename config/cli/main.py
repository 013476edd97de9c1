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
    store,
    templates,
)
from config.cli.output import Failed, error_line
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
    store.store,
    bench.bench,
):
    chorus.add_command(command)


def main() -> None:
    """The console script."""
    as_json = "--json" in sys.argv[1:]
    status = None
    try:
        code = chorus(standalone_mode=False)  # of click's Exit; None where there was none
    except (click.Abort, KeyboardInterrupt):
        error: click.ClickException = Failed("Stopped.", "stopped")
        status = INTERRUPTED
    except click.ClickException as failed:
        error = failed
    except SettingsRefused as refused:
        error = click.UsageError(str(refused))
    except Exception as fault:  # ours to mend: the traceback is for whoever does
        if as_json:
            error_line(Failed(repr(fault), "incident"))
        raise
    else:
        sys.exit(code)
    if isinstance(error, Failed):
        click.echo(error.message, err=True)  # a sentence of its own, without "Error:"
    else:
        error.show()
    if as_json:
        error_line(error)
    sys.exit(status or error.exit_code)


if __name__ == "__main__":
    main()
