"""Connections to Redis as all processes make them: over TCP, TLS or a socket, to one server or to the master Sentinels name.

An answer is waited for a bounded time: where the network was cut without a word (a half-open connection), nothing would
ever come. redis-py's own ``socket_timeout`` does that too, but keeps it by ``asyncio.wait_for`` while it sends, which before
Python 3.12 may swallow a cancellation (python/cpython#86296). Sentinel over TLS is what arq's own settings do not know;
its workers take our pools instead.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import redis.asyncio
from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisSlow
from typing_extensions import override

from config.redis_address import RedisAddress, parse_address
from config.settings import Settings

_CONNECT_S: Final = 3.0
_ANSWER_S: Final = 5.0
"""Longer than any call blocks (``BLOCK`` of 1 s) and any script takes."""
_SENTINEL_ANSWER_S: Final = 1.0
"""A Sentinel that is away must not hold up the next one."""
_RETRIES: Final = 6
"""With the backoff below about three seconds, the time a server takes to restart."""


class _Bounded(AbstractConnection):
    """Waits for an answer for a bounded time."""

    answer_s = _ANSWER_S

    @override
    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            async with asyncio.timeout(self.answer_s):
                return await super().read_response(*args, **options)
        except TimeoutError:
            raise RedisSlow(f"no answer from Redis within {self.answer_s:g} s") from None


class _Tcp(_Bounded, Connection):
    pass


class _Tls(_Bounded, SSLConnection):
    pass


class _Socket(_Bounded, UnixDomainSocketConnection):
    pass


class _Master(_Bounded, SentinelManagedConnection):
    pass


class _MasterOverTls(_Bounded, SentinelManagedSSLConnection):
    pass


class _Watcher(_Tcp):
    answer_s = _SENTINEL_ANSWER_S


class _WatcherOverTls(_Tls):
    answer_s = _SENTINEL_ANSWER_S


class _Sentinels(Sentinel):
    """Asked one question at a time: redis-py puts whoever answered first in its list, and loses others where two do so at once."""

    def __init__(
        self, addresses: Sequence[tuple[str, int]], reached: type[_Bounded], **options: Any
    ) -> None:
        super().__init__([])  # type: ignore[no-untyped-call]
        self.sentinels = [
            redis.asyncio.Redis.from_pool(
                ConnectionPool(connection_class=reached, host=host, port=port, **options)
            )
            for host, port in addresses
        ]
        self._turn = asyncio.Lock()

    @override
    async def discover_master(self, service_name: str) -> tuple[str, int]:
        async with self._turn:
            host, port = await super().discover_master(service_name)
        return str(host), int(port)


class _MasterPool(SentinelConnectionPool):
    """Connections to whichever server is the master, and those to the Sentinels with it."""

    @override
    async def disconnect(self, inuse_connections: bool = True) -> None:
        try:
            await super().disconnect(inuse_connections)
        finally:
            if inuse_connections:  # which is how a client, or the pool itself, is closed
                watchers = self.sentinel_manager.sentinels
                await asyncio.gather(*(each.aclose() for each in watchers), return_exceptions=True)


@dataclass(frozen=True)
class Connections:
    """Opens pools of connections; what the settings say of certificates and Sentinels is in here, what the URL says is not."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    sentinel_password: str | None = None

    def __call__(self, url: str, **options: Any) -> ConnectionPool:
        """A pool, as ``ConnectionPool.from_url`` makes it; nothing is connected yet, and the pool is the caller's to close.

        Raises ValueError if it is no address.
        """
        address = parse_address(url)
        patience = {"socket_connect_timeout": _CONNECT_S}
        trust = self._trust() if address.tls else {}
        options = {**patience, **trust, **options, **address.options}
        if address.sentinels:
            return self._master_pool(address, trust, options)
        reached = _Socket if "path" in options else _Tls if address.tls else _Tcp
        return ConnectionPool(connection_class=reached, **options)

    def _master_pool(
        self, address: RedisAddress, trust: Mapping[str, Any], options: Mapping[str, Any]
    ) -> ConnectionPool:
        sentinels = _Sentinels(
            address.sentinels,
            _WatcherOverTls if address.tls else _Watcher,
            socket_connect_timeout=_SENTINEL_ANSWER_S,
            password=self.sentinel_password,
            **trust,
        )
        reached = _MasterOverTls if address.tls else _Master
        pool: ConnectionPool = _MasterPool(  # type: ignore[no-untyped-call]
            address.service, sentinels, connection_class=reached, **options
        )
        return pool

    def _trust(self) -> dict[str, Any]:
        files = {
            "ssl_ca_certs": self.ca_file,
            "ssl_certfile": self.cert_file,
            "ssl_keyfile": self.key_file,
        }
        named = {name: str(path) for name, path in files.items() if path is not None}
        return {"ssl_check_hostname": True, **named}  # redis-py would not look whom it talks to


def connections_of(settings: Settings) -> Connections:
    """Connections as the settings want them."""
    password = settings.redis_sentinel_password
    return Connections(
        ca_file=settings.redis_ca_file,
        cert_file=settings.redis_cert_file,
        key_file=settings.redis_key_file,
        sentinel_password=password.get_secret_value() if password else None,
    )


def connect(url: str, connections: Connections) -> "redis.asyncio.Redis":
    """A Redis client that tries again while the server restarts, or another one becomes the master."""
    pool = connections(
        url,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), _RETRIES),
        retry_on_error=[RedisGone, RedisSlow, OSError],  # the last while connecting
        health_check_interval=30,
    )
    client: redis.asyncio.Redis = redis.asyncio.Redis.from_pool(pool)
    return client
