"""What the bot and the adapters remember between messages, in Redis, for all front ends together.

Keys (all under ``chorus:memory``)::

    inbox:<mailbox>              stream of raw messages, group ``bot``
    line:<mailbox>:<sender>      entries of one sender that are not dealt with, the oldest first
    seen:<mailbox>:<key>         a message that came already; kept longer than any platform sends again
    alive:<mailbox>:<consumer>   a consumer that still deals with messages
    kept:<name>…                 drafts, settings, cached tokens
    lead:<role>                  who leads
    spent:<budget>               moments of spending, newest last
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisSlow

from bot.ports import MemoryUnavailable
from worker.contract import keys
from worker.contract.outages import tells_of_outage

_LOG = logging.getLogger(__name__)

_GROUP: Final = "bot"
_NO_GROUP: Final = ("NOGROUP", "no such key")
_SEEN_S: Final = 3 * 86_400
"""Telegram sends again for 24 h, the others for less."""
_BLOCK_MS: Final = 1000
_READ: Final = 16
_SCAN: Final = 1000
"""Keys looked at in one step."""
_ALIVE_S: Final = 6.0
_BEAT_S: Final = 1.5
_ANSWER_S: Final = 10.0
"""Our own limit around each call: redis-py keeps its ``socket_timeout`` by ``asyncio.wait_for``, which before
Python 3.12 may swallow a cancellation (python/cpython#86296)."""
_BACKOFF_FIRST_S: Final = 0.1
_BACKOFF_LAST_S: Final = 2.0
_AWAY: Final = (ConnectionError, RedisSlow, BusyLoadingError, OSError)
"""Worth another try at once; OSError, because a missing socket or a refused connection comes as the system says it."""

_RECEIVE: Final = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[3]) then
  local line = KEYS[3] or ''
  local entry = redis.call('XADD', KEYS[2], '*', 'key', ARGV[1], 'raw', ARGV[2], 'line', line)
  if line ~= '' then
    redis.call('RPUSH', line, entry)
    redis.call('EXPIRE', line, ARGV[3])
  end
  return 1
end
return 0
"""

_LINE: Final = """
local function line_of(entry)
  local found = redis.call('XRANGE', KEYS[1], entry, entry)[1]
  for place = 1, found and #found[2] or 0, 2 do
    if found[2][place] == 'line' then return found[2][place + 1] end
  end
  return ''
end
"""

_DEALT_WITH: Final = f"""{_LINE}
local line = line_of(ARGV[1])
if line ~= '' then redis.call('LREM', line, 1, ARGV[1]) end
redis.call('XACK', KEYS[1], ARGV[2], ARGV[1])
redis.call('XDEL', KEYS[1], ARGV[1])
"""

# What stands before it and is no longer in the inbox holds nobody up.
_IS_NEXT: Final = f"""{_LINE}
local line = line_of(ARGV[1])
while line ~= '' do
  local first = redis.call('LINDEX', line, 0)
  if not first or first == ARGV[1] then return 1 end
  if line_of(first) ~= '' then return 0 end
  redis.call('LPOP', line)
end
return 1
"""

_LEAD: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_STEP_DOWN: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""

# A sliding window: exact, and small, because no budget of a platform exceeds a thousand in a window.
_SPEND: Final = """
local limit, window_us = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window_us))
local spent = redis.call('ZCARD', KEYS[1])
if spent >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], spent - limit, spent - limit, 'WITHSCORES')
  return string.format('%.0f', oldest[2] + window_us - now)
end
local newest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if newest[2] and tonumber(newest[2]) >= now then now = newest[2] + 1 end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(window_us / 1000) + 1000)
return '0'
"""


class RedisMemory:
    """A Memory in one Redis; waits out its restarts, and says so in the log once at the start and once at the end."""

    def __init__(
        self, redis_url: str, open_pool: Callable[..., ConnectionPool] = ConnectionPool.from_url
    ) -> None:
        """Prepare; connects with the first call.

        Args:
            redis_url: May hold a password, so it is not logged.
            open_pool: Makes connections of it and of what redis-py is to do with them; the wiring knows TLS and Sentinels.
        """
        pool = open_pool(
            redis_url,
            decode_responses=True,
            retry=Retry(ExponentialBackoff(cap=1, base=0.05), 4),
            retry_on_error=list(_AWAY),
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._lost = False

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()

    async def receive(self, mailbox: str, key: str, raw: str, sender: str = "") -> bool:
        """Put a message into the inbox, and its key among those seen, in one step; False for a copy.

        Args:
            mailbox: Whose inbox.
            key: Names the message.
            raw: As it came.
            sender: Whose messages are dealt with one after the other; empty: it waits for none.

        Raises:
            MemoryUnavailable: Redis is away; nothing may be acknowledged.
        """
        names = [_key("seen", mailbox, key), _key("inbox", mailbox)]
        if sender:
            names.append(_key("line", mailbox, sender))
        return bool(await self._run(_RECEIVE, names, [key, raw, _SEEN_S]))

    async def inbox(self, mailbox: str, consumer: str) -> AsyncIterator[tuple[str, str, str]]:
        """Yield (entry, key, raw): what this consumer left unfinished in an earlier life, what dead ones left, then what comes.

        Of one name only one may read at a time. Outages of Redis are waited out.
        """
        beating = asyncio.create_task(self._beat(mailbox, consumer))
        try:
            resumed, wait_s = False, _BACKOFF_FIRST_S
            while True:
                try:
                    found = await self._next(mailbox, consumer, resumed=resumed)
                except MemoryUnavailable:
                    await asyncio.sleep(wait_s)
                    wait_s = min(wait_s * 2, _BACKOFF_LAST_S)
                    continue
                wait_s, resumed = _BACKOFF_FIRST_S, True
                for message in found:
                    yield message
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def dealt_with(self, mailbox: str, entry: str) -> None:
        """Take a message out of the inbox; harmless if it is gone."""
        await self._run(_DEALT_WITH, [_key("inbox", mailbox)], [entry, _GROUP])

    async def is_next(self, mailbox: str, entry: str) -> bool:
        """Whether everything that its sender said before is dealt with, on whatever front end."""
        return bool(await self._run(_IS_NEXT, [_key("inbox", mailbox)], [entry]))

    async def load(self, *name: str) -> str | None:
        """A value kept under a name, or None."""
        async with self._outages():
            value: str | None = await self._redis.get(_key("kept", *name))
        return value

    async def load_all(self, names: Sequence[tuple[str, ...]]) -> Sequence[str | None]:
        """The same for several names, in one step."""
        if not names:
            return []
        async with self._outages():
            values: list[str | None] = await self._redis.mget([_key("kept", *n) for n in names])
        return values

    async def keep(self, *name: str, value: str, ttl_s: int | None = None) -> None:
        """Keep a value, for ``ttl_s`` seconds or for good."""
        async with self._outages():
            await self._redis.set(_key("kept", *name), value, ex=ttl_s)

    async def drop(self, *name: str) -> None:
        """Forget a value."""
        async with self._outages():
            await self._redis.delete(_key("kept", *name))

    async def kept(self, *name: str) -> AsyncIterator[str]:
        """Every value whose name begins so; those that come or go meanwhile may be among them."""
        async with self._outages():
            found = [
                each async for each in self._redis.scan_iter(_matching("kept", *name), count=_SCAN)
            ]
        for begin in range(0, len(found), _SCAN):
            async with self._outages():
                values = await self._redis.mget(found[begin : begin + _SCAN])
            for value in values:
                if value is not None:
                    yield value

    async def lead(self, role: str, holder: str, ttl_s: float) -> bool:
        """Take or renew a leadership; False while somebody else has it."""
        return bool(await self._run(_LEAD, [_key("lead", role)], [holder, int(ttl_s * 1000)]))

    async def step_down(self, role: str, holder: str) -> None:
        """Give a leadership back, if it is ours."""
        await self._run(_STEP_DOWN, [_key("lead", role)], [holder])

    async def spend(self, budget: str, limit: int, window_s: float) -> float:
        """Take one from a rate budget: 0.0, or the seconds until one is free (then nothing was taken).

        Counts over a sliding window by the clock of Redis, so all front ends share it.
        """
        spent = await self._run(_SPEND, [_key("spent", budget)], [limit, int(window_s * 1e6)])
        return max(float(spent), 0.0) / 1e6

    async def _next(
        self, mailbox: str, consumer: str, *, resumed: bool
    ) -> list[tuple[str, str, str]]:
        stream = _key("inbox", mailbox)
        async with self._outages():
            try:
                if not resumed:
                    found = await self._read(stream, consumer, "0")
                else:
                    found = await self._claim(mailbox, stream, consumer)
                    found += await self._read(stream, consumer, ">", wait=not found)
            except ResponseError as error:
                if not any(words in str(error) for words in _NO_GROUP):
                    raise
                await self._found_group(stream)  # the first reader, or Redis lost everything
                return []
        return found

    async def _read(
        self, stream: str, consumer: str, start: str, *, wait: bool = False
    ) -> list[tuple[str, str, str]]:
        """What is pending for this consumer (``0``) or new (``>``)."""
        count = None if start == "0" else _READ
        streams: Any = {stream: start}  # redis-py wants a dict of unions; invariance spoils it
        answer = await self._redis.xreadgroup(
            _GROUP, consumer, streams, count=count, block=_BLOCK_MS if wait else None
        )
        return [message for _, entries in answer or [] for message in _messages(entries)]

    async def _claim(self, mailbox: str, stream: str, consumer: str) -> list[tuple[str, str, str]]:
        """Take over what consumers without a sign of life left unfinished."""
        found: list[tuple[str, str, str]] = []
        for other in await self._redis.xinfo_consumers(stream, _GROUP):
            name = other["name"]
            if name == consumer or await self._redis.exists(_key("alive", mailbox, name)):
                continue
            pending = await self._redis.xpending_range(
                stream, _GROUP, "-", "+", count=_READ, consumername=name
            )
            if not pending:
                if other["idle"] > _ALIVE_S * 1000:
                    await self._redis.xgroup_delconsumer(stream, _GROUP, name)
                continue
            ids = [entry["message_id"] for entry in pending]
            # The idle time makes two claimers safe: the first one's claim sets it back.
            entries = await self._redis.xclaim(stream, _GROUP, consumer, int(_BEAT_S * 1000), ids)
            found += _messages(entries)
        return found

    async def _found_group(self, stream: str) -> None:
        try:
            await self._redis.xgroup_create(stream, _GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _beat(self, mailbox: str, consumer: str) -> None:
        """Show that a consumer lives, even while it deals with a long message."""
        while True:
            with contextlib.suppress(MemoryUnavailable):
                async with self._outages():
                    await self._redis.set(
                        _key("alive", mailbox, consumer), "1", px=int(_ALIVE_S * 1000)
                    )
            await asyncio.sleep(_BEAT_S)

    async def _run(self, script: str, names: list[str], values: list[Any]) -> Any:
        async with self._outages():
            answer: Any = self._redis.eval(
                script, len(names), *names, *values
            )  # typed for both clients
            return await answer

    @contextlib.asynccontextmanager
    async def _outages(self) -> AsyncIterator[None]:
        """Translate the client's outages; log the loss once and the recovery once."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                yield
        except (RedisError, OSError) as error:
            if not _is_outage(error):
                raise
            if not self._lost:
                self._lost = True
                _LOG.warning("Redis is away (%s); trying again", type(error).__name__)
            raise MemoryUnavailable("Redis is away") from error
        else:
            if self._lost:
                self._lost = False
                _LOG.info("Redis is back")


def _is_outage(error: Exception) -> bool:
    """Whether it will work again without anybody changing the request."""
    return isinstance(error, _AWAY) or tells_of_outage(str(error))


def _key(*parts: str) -> str:
    """Parts come from outside: a colon within one must not look like the border of two."""
    return keys.redis("memory", *(part.replace("%", "%25").replace(":", "%3A") for part in parts))


def _matching(*parts: str) -> str:
    """A pattern for keys that begin with these parts; what would mean something in a pattern means itself."""
    beginning = _key(*parts).replace("\\", "\\\\")
    for letter in "*?[]^":
        beginning = beginning.replace(letter, f"\\{letter}")
    return f"{beginning}:*"


def _messages(entries: Any) -> list[tuple[str, str, str]]:
    """Entries that were deleted while pending have no fields any more: nothing is left to do for them."""
    return [(entry, fields["key"], fields["raw"]) for entry, fields in entries if fields]
