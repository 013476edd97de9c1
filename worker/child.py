"""Running the disposable child in which bytes from outside are decoded first (``pipeline.sandbox`` says how to talk to it)."""

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from worker.children import die_with_parent, reaped

_LINE_BYTES: Final = 1 << 20
_TRACE_CHARS: Final = 4000
_ASKED_IN_VAIN: Final = {"failed": "nobody hears words here, or not again"}

Hear = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gives the reply to a child that asks for words (``pipeline.speech.dictation``); may raise ChildStopped."""


class Refused(Exception):
    """The material cannot be used; ``code`` and ``facts`` say why."""

    def __init__(self, code: str, facts: Mapping[str, str | float]) -> None:
        super().__init__(code)
        self.code = code
        self.facts = dict(facts)


class ChildFailed(Exception):
    """The child failed for a reason that is ours; the message is its trace."""


class ChildKilled(Exception):
    """Somebody ended it, such as a system short of memory: that says nothing of the material yet."""


class ChildStopped(Exception):
    """It was stopped because somebody asked for it."""


@dataclass(frozen=True)
class Child:
    """How disposable children are started."""

    command: Sequence[str]
    """The foreman's process id is put behind it."""
    limit_s: float
    """A child that takes longer chokes on its material."""

    async def run(
        self, request: Mapping[str, Any], stop: asyncio.Event, hear: Hear | None = None
    ) -> dict[str, Any]:
        """Have one request done.

        Args:
            request: As ``pipeline.sandbox`` reads it; with ``samples`` only where ``hear`` replies.
            stop: Set by whoever no longer wants it.
            hear: Replies when the child asks for words, once; its time is not the child's.

        Raises:
            Refused: The material was rejected, or the child died of it.
            ChildFailed: It failed for another reason.
            ChildKilled: It was SIGKILLed, which its own limits and codecs do not do.
            ChildStopped: ``stop`` was set; the child's whole group is gone.
        """
        process = await asyncio.create_subprocess_exec(
            *self.command,
            str(os.getpid()),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
            preexec_fn=die_with_parent(),
            limit=_LINE_BYTES,
        )
        conversation = asyncio.create_task(self._converse(process, request, hear))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({conversation, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if conversation.done():
                return conversation.result()
            raise ChildStopped
        finally:
            stopped.cancel()
            conversation.cancel()
            with contextlib.suppress(ProcessLookupError):
                # Its children too: until it is waited for, the number cannot be another group's.
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
            await reaped(process)
            await asyncio.gather(conversation, return_exceptions=True)

    async def _converse(
        self, process: Process, request: Mapping[str, Any], hear: Hear | None
    ) -> dict[str, Any]:
        """Send the request, read to the last line, and say what it means."""
        limit = asyncio.timeout(self.limit_s)
        try:
            async with limit:
                last, words = await asyncio.gather(
                    _talk(process, request, hear, limit), _last_words(process)
                )
                code = await process.wait()
        except TimeoutError:
            if not limit.expired():
                raise
            raise Refused("unreadable", {"name": request["name"]}) from None
        if last is None:
            if code == -signal.SIGKILL:
                raise ChildKilled
            if code < 0:  # a limit, or a codec that crashed
                raise Refused("unreadable", {"name": request["name"]})
            raise ChildFailed(f"exit code {code}: {words}")
        match last["event"]:
            case "done":
                result: dict[str, Any] = last["result"]
                return result
            case "rejected":
                raise Refused(last["code"], last["facts"])
            case _:
                raise ChildFailed(str(last.get("trace", "no trace")))


async def _talk(
    process: Process, request: Mapping[str, Any], hear: Hear | None, limit: asyncio.Timeout
) -> dict[str, Any] | None:
    """Send the request, reply where words are asked for; the line that came last, None if there was none."""
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    last: dict[str, Any] | None = None
    await _say(process, request)
    async for text in process.stdout:
        try:
            line = json.loads(text)
        except ValueError:  # cut off by the child's end
            continue
        last = None
        match line["event"]:
            case "progress":
                pass
            case "hear":
                with _not_counted(limit):
                    await _say(process, await hear() if hear else _ASKED_IN_VAIN)
                hear = None
            case _:
                last = line
                process.stdin.close()  # there are no more requests
    return last


async def _say(process: Process, line: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    with contextlib.suppress(ConnectionError):  # it ended already: its exit code tells why
        process.stdin.write(json.dumps(dict(line)).encode() + b"\n")
        await process.stdin.drain()


@contextlib.contextmanager
def _not_counted(limit: asyncio.Timeout) -> Iterator[None]:
    """Have the time of this block not count."""
    clock, until = asyncio.get_running_loop().time, limit.when()
    if until is None or limit.expired():
        yield
        return
    left_s = until - clock()
    limit.reschedule(None)
    try:
        yield
    finally:
        limit.reschedule(clock() + left_s)


async def _last_words(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101 - PIPE was asked for
    words = b""
    while chunk := await process.stderr.read(_LINE_BYTES):
        words = (words + chunk)[-_TRACE_CHARS:]
    return words.decode("utf-8", "replace")
