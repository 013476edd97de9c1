"""A Redis server of our own, one per DATA_DIR, for machines where none is configured.

Every process that needs it holds a shared lock on ``users.lock``; the kernel lets go of it however the process
ends. A *keeper* process (``python -m config.redis_keeper``) runs the server on a private unix socket and stops it
once nobody holds the lock: a second command joins, the last one out stops it, and a SIGKILL leaves nothing behind.
"""

import fcntl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import redis
from redis.exceptions import RedisError

from config.paths import private_folder, socket_path

READY_TIMEOUT_S = 30.0
_POLL_S = 0.05
_START_AGAIN_S = 1.0


class RedisNotStarted(Exception):
    """The embedded server does not come up; the message says where its log is."""


def lock_folder(data_dir: Path) -> Path:
    """The folder of the server's data, lock files and log."""
    return private_folder(data_dir / "redis")


def redis_socket(data_dir: Path) -> Path:
    """The server's socket."""
    return socket_path(data_dir, "redis.sock")


class EmbeddedRedis:
    """One user of the embedded server of a DATA_DIR; joining starts it if nobody has.

    Raises RedisNotStarted from ``__enter__`` if the server does not answer within ``READY_TIMEOUT_S``.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._lock: IO[str] | None = None
        self._next_start = 0.0

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"unix://{redis_socket(self._data_dir)}"

    def __enter__(self) -> Self:
        self._lock = (lock_folder(self._data_dir) / "users.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; the keeper stops the server if nobody else is there."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def ensure(self) -> None:
        """See that the server runs; if its keeper was killed, start another. Cheap; to be called now and then."""
        if self._answers() or time.monotonic() < self._next_start:
            return
        self._next_start = time.monotonic() + _START_AGAIN_S
        with (lock_folder(self._data_dir) / "redis.log").open("ab") as log:
            subprocess.run(  # noqa: S603 - our own module; it detaches itself and returns
                [sys.executable, "-m", "config.redis_keeper", str(self._data_dir)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,  # killed before it had detached itself: whoever looks next starts another
            )

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + READY_TIMEOUT_S
        while not self._answers():
            self.ensure()  # a second keeper finds the first one's lock and goes away
            if time.monotonic() > end:
                log = lock_folder(self._data_dir) / "redis.log"
                raise RedisNotStarted(f"The embedded Redis does not answer; see {log}.")
            time.sleep(_POLL_S)

    def _answers(self) -> bool:
        with redis.Redis(unix_socket_path=str(redis_socket(self._data_dir))) as client:
            try:
                return bool(client.ping())
            except RedisError:  # not there yet, or still loading its data
                return False
