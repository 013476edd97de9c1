"""Commands that need the system running: they start it and say so. Apart, since importing all of it takes its time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from config.cli.output import Failed, errors_console
from config.embedded_redis import RedisNotStarted
from config.settings import Settings
from config.supervisor import PartFailed
from config.system import System, Wanted, running_system

Value = TypeVar("Value")


def run(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a command's coroutine; what its parts could not do becomes a sentence."""
    try:
        return asyncio.run(work)
    except (RedisNotStarted, PartFailed) as error:
        raise Failed(str(error)) from None


@contextlib.asynccontextmanager
async def system_started(settings: Settings, wanted: Wanted) -> AsyncIterator[System]:
    """``running_system``, saying that it comes up: alive on a terminal."""
    console, said = errors_console(), "Starting Chorus …"
    with contextlib.ExitStack() as waiting:
        if console.is_terminal:
            waiting.enter_context(console.status(said))
        else:
            console.print(said)
        async with running_system(settings, wanted) as system:
            waiting.close()
            yield system
