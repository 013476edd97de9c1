"""arq's Redis client, with our way to write jobs, and pipelines that keep no connection when they end badly.

redis-py's ``Pipeline.reset`` asks the server to forget what was watched before it gives the connection back. Where that
question is cancelled or stays unanswered (arq's worker ends while it looks at a ticket that somebody else took, or the
network is cut), the connection would be out of the pool for good.
"""

import json
from typing import Any, Final

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.asyncio.client import Pipeline
from typing_extensions import override

TICKET_LIFE_MS: Final = 86_400_000
"""After a day arq drops a ticket that nobody took; the sweeper adds another if it is still needed."""


class _Pipeline(Pipeline):
    @override
    async def reset(self) -> None:
        try:
            await super().reset()  # type: ignore[no-untyped-call]
        except BaseException:
            connection, self.connection = self.connection, None
            self.watching = False  # the server forgets with the connection
            if connection is not None:
                await connection.disconnect(nowait=True)
                await self.connection_pool.release(connection)
            raise


class _ArqClient(ArqRedis):
    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


def open_arq(pool: ConnectionPool) -> ArqRedis:
    """A client on connections that stay the caller's to close."""
    return _ArqClient(
        pool,
        job_serializer=dump_json,
        job_deserializer=json.loads,
        expires_extra_ms=TICKET_LIFE_MS,
    )


def dump_json(value: dict[str, Any]) -> bytes:
    """How jobs are written: JSON, never pickle."""
    return json.dumps(value).encode()
