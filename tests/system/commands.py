"""The ``chorus`` command, as somebody types it on a machine with nothing set."""

import fcntl
import json
import os
import signal
import subprocess
import sys


def chorus(*arguments, data_dir, language="en_US.UTF-8", settings=None, typed=""):
    return subprocess.run(
        command(arguments),
        capture_output=True,
        input=typed,
        text=True,
        env=environment(data_dir, language, settings),
        timeout=600,
    )


def started(*arguments, data_dir, settings=None):
    """The command, under way."""
    return subprocess.Popen(
        command(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data_dir, settings=settings),
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts():
    """Jobs in the background of a shell inherit a SIGINT that is ignored; who sits at a terminal does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def redis_ended(data_dir):
    """Wait until the embedded Redis has stopped: it notices a moment later that the last command has ended."""
    with (data_dir / "redis" / "keeper.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def command(arguments):
    return [sys.executable, "-m", "config.cli.main", *map(str, arguments)]


def environment(data_dir, language="en_US.UTF-8", settings=None):
    ours = {"CHORUS_DATA_DIR": str(data_dir), "CHORUS_HTTP_PORT": "0", "LC_ALL": language}
    others = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return others | ours | (settings or {})


def last_object(done):
    return json.loads(done.stdout.splitlines()[-1])
