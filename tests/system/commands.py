"""The ``chorus`` command, as somebody types it on a machine with nothing set."""

import json
import os
import subprocess
import sys


def chorus(*arguments, data_dir, language="en_US.UTF-8", settings=None, typed=""):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")
    }
    environment |= {"CHORUS_DATA_DIR": str(data_dir), "CHORUS_HTTP_PORT": "0", "LC_ALL": language}
    environment |= settings or {}
    return subprocess.run(
        [sys.executable, "-m", "config.cli.main", *map(str, arguments)],
        capture_output=True,
        input=typed,
        text=True,
        env=environment,
        timeout=600,
    )


def last_object(done):
    return json.loads(done.stdout.splitlines()[-1])
