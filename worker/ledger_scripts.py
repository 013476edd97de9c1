"""The ledger's atomic steps: Lua scripts run by the Redis server, and arq tickets for what they made ready.

Each script in ``scripts/`` stands behind the common prelude and gets the prefix of all keys as its only key.
An item that enters the index needs a ticket in arq's queue; the ticket is added by an own step after the script,
and the sweeper adds those that were lost between the two.
"""

import contextlib
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, cast

import redis.asyncio
from arq.constants import in_progress_key_prefix
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import ExecAbortError, RedisError
from redis.exceptions import TimeoutError as RedisSlow

from worker.arq_client import open_arq
from worker.contract import keys
from worker.contract.outages import tells_of_outage
from worker.contract.ports import LedgerUnavailable

Queue = Literal["clips", "takes", "archives", "templates", "records"]
"""Which waiting index, and which of the arq queues; ``scripts/prelude.lua`` says what stands in which."""
QUEUES: Final[tuple[Queue, ...]] = ("clips", "takes", "archives", "templates", "records")

TICKET_JOB: Final = "serve_ticket"
"""Name of the only job arq runs."""
_MOST_TICKETS: Final = 256
"""So many idle tickets keep every worker busy from one sweep to the next, whatever the backlog."""

_FOLDER: Final = Path(__file__).with_name("scripts")


@contextlib.contextmanager
def redis_errors_as_ours() -> Iterator[None]:
    """Raise LedgerUnavailable where redis-py says that the server is away, or cannot serve now."""
    try:
        yield
    except RedisError as error:
        if not is_outage(error):
            raise
        raise LedgerUnavailable(str(error)) from error


def is_outage(error: RedisError) -> bool:
    """Whether it will work again without anybody changing the request."""
    return isinstance(error, RedisGone | RedisSlow) or tells_of_outage(str(error))


class Scripts:
    """Runs the scripts on one Redis, and issues tickets."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        """Nothing is sent yet; ``client`` decodes responses and stays the caller's to close."""
        self.client = client
        prelude = (_FOLDER / "prelude.lua").read_text()
        self._scripts = {
            path.stem: client.register_script(prelude + path.read_text())
            for path in sorted(_FOLDER.glob("*.lua"))
            if path.stem != "prelude"
        }
        self._arq = open_arq(client.connection_pool)

    async def run(self, name: str, *arguments: str | int) -> Any:
        """Run a script, issue tickets for what it made ready, and return its answer.

        Raises LedgerUnavailable. A call may be sent twice when a connection breaks: the scripts bear it.
        """
        with redis_errors_as_ours():
            answer, entered = await self._scripts[name](keys=[keys.PREFIX], args=arguments)
        # What was asked for is done: tickets that cannot be issued now are the sweeper's to replace.
        with contextlib.suppress(LedgerUnavailable, ExecAbortError), redis_errors_as_ours():
            for queue, count in zip(entered[::2], entered[1::2], strict=True):
                await self._issue(queue, count)
        return answer

    async def read_hash(self, name: str) -> dict[str, str]:
        """The fields of a hash, none if there is no such. Raises LedgerUnavailable."""
        with redis_errors_as_ours():
            # redis-py shares its annotations between the blocking and the asyncio client
            return await cast("Awaitable[dict[str, str]]", self.client.hgetall(name))

    async def add_missing_tickets(self) -> int:
        """Add tickets so that each waiting item has one; returns how many were missing. Raises LedgerUnavailable."""
        added = 0
        for queue in QUEUES:
            missing: int = await self.run(
                "missing_tickets", queue, in_progress_key_prefix, _MOST_TICKETS
            )
            with redis_errors_as_ours():
                await self._issue(queue, missing)
            added += missing
        return added

    async def _issue(self, queue: Queue, count: int) -> None:
        if not count:
            return
        name = keys.redis("queue", queue)
        count = min(count, _MOST_TICKETS - await self.client.zcard(name))
        for _ in range(count):
            await self._arq.enqueue_job(TICKET_JOB, _queue_name=name)  # arq makes a fresh id
