"""A front end as a process of its own, which can be killed."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping

_LIMIT_S = 240.0


class FrontEnd:
    """One front end; started again it is a new process with the same settings."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            settings: By name, without the prefix.
        """
        self.environment = os.environ | {
            f"CHORUS_{name}": value for name, value in settings.items()
        }
        self.process: asyncio.subprocess.Process | None = None
        self.door = ""
        """Where its web door listens."""

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "config.front_end", "--platforms"),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        said = json.loads(await asyncio.wait_for(self.process.stdout.readline(), _LIMIT_S))
        assert said["event"] == "ready"
        self.door = said["door"]

    async def kill(self) -> None:
        """SIGKILL; harmless if it is dead."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()


@contextlib.asynccontextmanager
async def front_end(settings: Mapping[str, str]) -> AsyncIterator[FrontEnd]:
    """One that runs."""
    found = FrontEnd(settings)
    await found.start()
    try:
        yield found
    finally:
        await found.kill()
