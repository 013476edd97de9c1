"""Runs the parts of Chorus as child processes and starts again what ends.

A part says that it is up with one JSON line on its stdout, ``{"event": "ready", …}``; its log is its stderr.
A part that ends before it ever was ready is misconfigured: that ends everything, with its last words.
A part that ends later, whatever killed it, is started again: at once, then with growing pauses.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from worker.children import die_with_parent

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_STEADY_S = 30.0
"""A part that lived so long is not in a crash loop: its next pause is the first one again."""
_LAST_WORDS = 20


class PartFailed(Exception):
    """A part ended before it was ready; the message holds the end of its log."""


@dataclass
class Part:
    """One child process, by the module that is its ``main``."""

    name: str
    module: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    log_file: Path | None = None
    """None: its stderr is ours."""
    stop_s: float = 10.0
    """How long it may take to end after SIGTERM."""
    niceness: int = 0
    """How far it stands back where processors are short (nice(2))."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    said: dict[str, object] = field(default_factory=dict)
    """What its ready line said."""
    starts: int = 0
    pid: int | None = None


class Supervisor:
    """Owns the child processes of one command."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    async def run(self) -> None:
        """Keep all parts running until cancelled, then stop them.

        Raises PartFailed, alone, if one never comes up.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for part in self.parts:
                    group.create_task(self._keep(part), name=f"keep {part.name}")
        except* PartFailed as failed:
            raise failed.exceptions[0] from None

    async def ready(self) -> None:
        """Wait until every part has said that it is up."""
        for part in self.parts:
            await part.ready.wait()

    def hurry(self) -> None:
        """Tell every part to end at once, for somebody who asks twice.

        By SIGINT: a second SIGTERM behind the first would be lost if the part had not yet taken that one (signal(7)).
        """
        for part in self.parts:
            if part.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(part.pid, signal.SIGINT)

    async def _keep(self, part: Part) -> None:
        clock = asyncio.get_running_loop().time
        pause_s = _FIRST_PAUSE_S
        while True:
            started = clock()
            code = await self._run_once(part)
            if not part.ready.is_set():
                raise PartFailed(
                    f"{part.name} did not start (exit code {code}).{_last_words(part)}"
                )
            pause_s = _FIRST_PAUSE_S if clock() - started > _STEADY_S else pause_s
            log.warning(
                "%s ended with code %s; it starts again in %.1f s", part.name, code, pause_s
            )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _run_once(self, part: Part) -> int:
        with contextlib.ExitStack() as stack:
            errors: IO[bytes] | None = None
            if part.log_file is not None:
                errors = stack.enter_context(part.log_file.open("ab"))
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                part.module,
                *part.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=errors,
                env={**os.environ, **part.environment},
                start_new_session=True,  # Ctrl-C comes to us alone; we stop them in order
                preexec_fn=_prepared(part.niceness),
            )
        part.starts += 1
        part.pid = process.pid
        try:
            await _listen(process, part)
            return await process.wait()
        finally:
            try:
                await _stop(process, part.stop_s)
            finally:
                part.pid = None


def _prepared(niceness: int) -> Callable[[], None]:
    die = die_with_parent()

    def in_child() -> None:
        os.nice(niceness)
        die()

    return in_child


async def _listen(process: Process, part: Part) -> None:
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    async for line in process.stdout:
        with contextlib.suppress(ValueError):
            words = json.loads(line)
            if isinstance(words, dict) and words.get("event") == "ready":
                part.said = words
                part.ready.set()


async def _stop(process: Process, limit_s: float) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(limit_s):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _last_words(part: Part) -> str:
    if part.log_file is None or not part.log_file.exists():
        return " Its log is above."
    with part.log_file.open(errors="replace") as lines:
        tail = "".join(deque(lines, maxlen=_LAST_WORDS))
    return f" The end of {part.log_file}:\n{tail}"
