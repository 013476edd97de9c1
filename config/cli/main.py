"""``chorus``: every command, and what they share in how they end."""

import importlib
import sys
from typing import Final

import click
from typing_extensions import override

from config.cli.output import Failed, error_line
from config.settings import SettingsRefused

INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

MODULES: Final = {
    "demo": "demo",
    "chat": "chat",
    "up": "processes",
    "bot": "processes",
    "worker": "processes",
    "check": "check",
    "render": "render",
    "inspect": "inspect",
    "templates": "templates",
    "models": "models",
    "store": "store",
    "status": "status",
    "log": "log",
    "bench": "bench",
}
"""Where each command is; only that of the command that was typed is imported."""


class LateGroup(click.Group):
    """Commands imported when they are asked for: all of them together take a second."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of their use."""
        return list(MODULES)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None if there is none."""
        if cmd_name not in MODULES:
            return None
        module = importlib.import_module(f"config.cli.{MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=LateGroup, context_settings=CONTEXT)
@click.version_option(package_name="chorus-bot", prog_name="chorus")
def chorus() -> None:
    """One voice note, a chorus of presenters.

    A recording and some video templates in, one lip-synced video per template out, ordered and delivered in a
    chat. Start with `chorus demo`; talk to it with `chorus chat`.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 partial.
    """


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
