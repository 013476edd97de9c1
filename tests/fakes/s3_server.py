"""What is the same of all S3 servers that tests run: where they are, environments and processes of their own."""

import contextlib
import fcntl
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from worker.children import die_with_parent

_INSTALL_S = 300
_START_S = 240


class ServerUnavailable(Exception):
    """No such server can be run here; the message says why."""


@dataclass(frozen=True)
class S3Server:
    """A running server, and what it does in ways of its own."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    expired_status: int = 403
    """Its answer to a link whose time is over."""
    range_status: int = 206
    copies_parts: bool = True
    knows_lifecycle: bool = False
    checks_lifetimes: bool = True
    """Whether it refuses links that are signed for longer than seven days."""


def environment(name: str, packages: Sequence[str]) -> Path:
    """A Python environment with packages in it, in a cache folder, made if need be; processes that come at once wait.

    Raises:
        ServerUnavailable: They cannot be installed.
    """
    cache = Path(os.environ.get("SWIFT_CACHE") or platformdirs.user_cache_path("chorus-tests"))
    cache.mkdir(parents=True, exist_ok=True)
    home, complete = cache / name, cache / name / "complete"
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists() or complete.read_text() != " ".join(packages):
            shutil.rmtree(home, ignore_errors=True)
            _install(home, packages)
            complete.write_text(" ".join(packages))
    return home


def _install(home: Path, packages: Sequence[str]) -> None:
    # `uv run` tells where it is, also when it is on no path
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise ServerUnavailable("uv is not installed")
    for command in (
        [uv, "venv", "--quiet", "--python", "3.11", str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(home / "bin" / "python"), *packages],
    ):
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)
        except (subprocess.SubprocessError, OSError) as error:
            raise ServerUnavailable(f"{packages[0]} cannot be installed: {error}") from error


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    more: Mapping[str, str] | None = None,
    stop_s: float = 5.0,
) -> Iterator[None]:
    """A process that writes into ``log``, until the block is left; then it has ``stop_s`` to end. It dies with us."""
    with log.open("wb") as file:
        server = subprocess.Popen(
            command,
            env={**os.environ, **(more or {})},
            stdout=file,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )
        try:
            yield
        finally:
            server.terminate()
            try:
                server.wait(stop_s)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until(is_up: Callable[[], bool], logs: Sequence[Path]) -> None:
    """Ask until it is so.

    Raises:
        ServerUnavailable: It takes too long; with the end of the logs.
    """
    end = time.monotonic() + _START_S
    while not is_up():
        if time.monotonic() > end:
            said = "".join(log.read_text(errors="replace")[-500:] for log in logs)
            raise ServerUnavailable(f"the server does not start: {said}")
        time.sleep(0.05)


def answers(port: int, path: str, status: int | None = None) -> bool:
    """Whether something speaks HTTP there, and with that status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return status in {None, connection.getresponse().status}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
