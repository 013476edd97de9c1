"""arq, kept at arm's length: it tells the foreman when to draw, and nothing else.

A ticket is an arq job that names no work. Every setting of arq's that could lose, repeat or block work is chosen so that
a ticket may be lost, repeated or late without harm (the ledger's leases carry the truth):

- ``max_tries`` 3: a ticket held by a worker that was stopped is tried again, for whoever draws then; one that is used up
  is replaced by the sweeper.
- ``keep_result`` 0: no results, so an id is never "known already"; ids are never reused, abort is off.
- ``job_timeout`` a number, the same for all: with None arq starts a running job again after 10 s, and a mixture does
  not even start. It only bounds how long a ticket is held; work ends by the engine's own limits.
- no hooks (one that raises ends the worker), ``handle_signals`` off (the foreman's process owns signals).
- JSON, not pickle. arq logs arguments and results: there are none.
- arq ends when Redis does: it is made anew, with growing pauses, while running work goes on.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from arq.worker import Worker, func
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError
from typing_extensions import override

from worker.arq_client import TICKET_LIFE_MS, dump_json, open_arq
from worker.contract import keys
from worker.ledger_scripts import TICKET_JOB, Queue

log = logging.getLogger(__name__)

_TICKET_S: Final = 6 * 3600
"""Longer than any Clip takes; a ticket whose holder died is cleared away with its lease, long before."""
_TRIES: Final = 3
_HEALTH_S: Final = 60
_ENDING_S: Final = 1.0
"""What arq shields from cancellation has so long to end; a ticket that is then still there is cleared away with its lease."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0


class _Worker(Worker):
    """arq's worker, which tells what it shields from cancellation: that still wants a connection when all else has ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ending: set[asyncio.Task[Any]] = set()

    @override
    async def finish_job(self, *args: Any, **options: Any) -> None:
        with self._shielded():
            await super().finish_job(*args, **options)

    @override
    async def finish_failed_job(self, *args: Any, **options: Any) -> None:
        with self._shielded():
            await super().finish_failed_job(*args, **options)

    @contextlib.contextmanager
    def _shielded(self) -> Iterator[None]:
        tasks = {task} if (task := asyncio.current_task()) else set()
        self.ending |= tasks
        try:
            yield
        finally:
            self.ending -= tasks


class TicketOffice:
    """One arq worker, kept running on one queue."""

    def __init__(
        self,
        redis_url: str,
        queue: Queue,
        name: str,
        seats: int,
        poll_s: float,
        serve: Callable[[Queue, str], Awaitable[None]],
        open_pool: Callable[[str], ConnectionPool] = ConnectionPool.from_url,
    ) -> None:
        """Nothing runs yet.

        Args:
            redis_url: Where the tickets are.
            queue: Whose tickets.
            name: The foreman's.
            seats: Tickets held at a time.
            poll_s: arq polls; this is the delay a new ticket may meet.
            serve: Draws and does the work of one ticket, by its id; cancelling it leaves the work alone.
            open_pool: Makes connections of the address; the wiring knows TLS and Sentinels.
        """
        self._redis_url = redis_url
        self._queue: Queue = queue
        self._name = name
        self._seats = seats
        self._poll_s = poll_s
        self._serve = serve
        self._open_pool = open_pool
        self._worker: _Worker | None = None
        self._open = True
        self._paused = False
        self._lives = False

    def close(self) -> None:
        """Take no more tickets."""
        self._open = False
        self._tell()

    def pause(self, paused: bool) -> None:  # noqa: FBT001 - it is what is set
        """Take none for a while, or take them again."""
        self._paused = paused
        self._tell()

    def _tell(self) -> None:
        if self._worker is not None:
            self._worker.allow_pick_jobs = self._open and not self._paused

    async def run(self) -> None:
        """Take tickets until cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._life()
            except (RedisError, OSError) as error:
                if self._lives:
                    log.warning("arq's worker for %s ended: %s", self._queue, error)
                    pause_s = _FIRST_PAUSE_S
                self._lives = False
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _life(self) -> None:
        """One arq worker, until Redis fails it."""
        pool = self._open_pool(self._redis_url)
        worker = self._make(pool)
        self._worker = worker
        self._tell()
        try:
            # As arq itself will; a server that answers may take nothing.
            await worker.pool.psetex(worker.health_check_key, _HEALTH_S * 1000, "starts")
            if not self._lives:
                log.info("tickets for %s are taken", self._queue)
            self._lives = True
            await worker.async_run()
        finally:
            # Not worker.close(): it would speak to Redis, which may be what ended us.
            try:
                await _end(worker.tasks.values())
                if worker.ending:
                    await asyncio.wait(worker.ending, timeout=_ENDING_S)
                    await _end(worker.ending)
            finally:
                await pool.aclose()

    def _make(self, pool: ConnectionPool) -> _Worker:
        return _Worker(
            functions=[func(self._ticket, name=TICKET_JOB, timeout=_TICKET_S, max_tries=_TRIES)],
            queue_name=keys.redis("queue", self._queue),
            redis_pool=open_arq(pool),
            handle_signals=False,
            max_jobs=self._seats,
            job_timeout=_TICKET_S,
            keep_result=0,
            poll_delay=self._poll_s,
            max_tries=_TRIES,
            allow_abort_jobs=False,
            health_check_interval=_HEALTH_S,
            health_check_key=keys.redis("health", self._queue, self._name),
            job_serializer=dump_json,
            job_deserializer=json.loads,
            expires_extra_ms=TICKET_LIFE_MS,
            log_results=False,
        )

    async def _ticket(self, ctx: dict[Any, Any]) -> None:
        await self._serve(self._queue, str(ctx["job_id"]))


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
