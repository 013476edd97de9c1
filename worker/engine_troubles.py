"""Why an engine does not start: how it ended, and the last it wrote to its standard error.

That is ours as well, as long as all is well: a terminal stays one. After a failed start the next one is listened to, and what it
writes is passed on.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from asyncio.subprocess import PIPE
from collections import deque
from typing import Final

log = logging.getLogger(__name__)

_LINES: Final = 20
_LINE_CHARS: Final = 500
_CHUNK_BYTES: Final = 1 << 16
_REST_S: Final = 1.0
"""For what an engine that ended has written: its own children may hold the pipe open."""
_AGAIN_S: Final = 600.0
"""So often it is said in the log that it still does not start."""


class Troubles:
    """Of one engine process after the other."""

    def __init__(self) -> None:
        self.why = ""
        """Why the last one did not start, in a line; empty if it did, or none was tried yet."""
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._listens = False
        self._said: tuple[float, bool] | None = None
        """When it was last said in the log, and whether with what the engine wrote."""
        self._hearing: asyncio.Task[None] | None = None

    @property
    def stderr(self) -> int | None:
        """Where the next engine's standard error is to go; None: where ours goes."""
        return PIPE if self._listens else None

    def hear(self, stream: asyncio.StreamReader | None) -> None:
        """Listen to an engine that was just started, if that was asked for."""
        self._lines.clear()
        self._hearing = asyncio.create_task(self._hear(stream)) if stream else None

    async def failed(self, how: str) -> None:
        """It ended, and never was ready."""
        if self._hearing is not None:
            await asyncio.wait([self._hearing], timeout=_REST_S)
            self._hearing.cancel()
        lines = [line for line in self._lines if line.strip()]
        self.why = f"{how}: {lines[-1].strip()}" if lines else how
        self._listens = True
        now_s = time.monotonic()
        if self._said and now_s - self._said[0] < _AGAIN_S and (self._said[1] or not lines):
            return
        self._said = now_s, bool(lines)
        log.error("the engine does not start: %s", "\n".join([how, *lines]))

    def over(self) -> None:
        """An engine is ready."""
        if self._said:
            log.info("the engine has started")
        self.why, self._listens, self._said = "", False, None

    async def _hear(self, stream: asyncio.StreamReader) -> None:
        rest = ""
        while chunk := await stream.read(_CHUNK_BYTES):
            with contextlib.suppress(OSError):
                os.write(2, chunk)
            *lines, rest = (rest + chunk.decode(errors="replace")).split("\n")
            self._lines += [line[:_LINE_CHARS] for line in lines]
            rest = rest[-_LINE_CHARS:]
        self._lines.append(rest)


def ending(returncode: int) -> str:
    """How a process ended."""
    if returncode >= 0:
        return f"it ended with {returncode}"
    with contextlib.suppress(ValueError):
        return f"it was killed by {signal.Signals(-returncode).name}"
    return f"it was killed by signal {-returncode}"
