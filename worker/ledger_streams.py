"""What the ledger tells: facts to whoever listens, utterances to whoever holds a mailbox.

An outbox is a Redis stream with one consumer group. A consumer says every second that it lives; what a
silent one left unfinished is claimed by another, so that one that is alive but slow (a chat platform that
throttles) is never told for a second time.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import redis.asyncio
from redis.exceptions import RedisError

from worker.contract import keys
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import Fact, Utterance
from worker.ledger_scripts import is_outage, redis_errors_as_ours

log = logging.getLogger(__name__)

_GROUP: Final = "bot"
_NO_GROUP: Final = ("NOGROUP", "no such key")
"""The first reader is told so, and whoever reads when Redis lost everything."""
_LISTEN_MS: Final = 1000
"""How long one read waits for news; dead consumers are looked for between two reads."""
_ALIVE_S: Final = 1.0
_SILENT_MS: Final = 5000
"""A consumer silent for so long is dead."""
_AGAIN_MS: Final = 30_000
"""An entry that was handed out and not told in this time is handed out again, to the same consumer if it lives."""
_CLAIMED_JUST_NOW_MS: Final = 500
_PAUSE_S: Final = 0.2

_Entry = tuple[str, dict[str, str]]


async def facts(client: "redis.asyncio.Redis") -> AsyncIterator[Fact]:
    """What happens from now on; ends only by cancellation."""
    stream = keys.redis("facts")
    seen: str | None = None
    outage = _Outage("facts")
    while True:
        try:
            if seen is None:
                newest: list[_Entry] = await client.xrevrange(stream, count=1)
                seen = newest[0][0] if newest else "0-0"
            read: list[tuple[str, list[_Entry]]] = await client.xread(
                {stream: seen}, count=100, block=_LISTEN_MS
            )
        except RedisError as error:
            if not is_outage(error):
                raise
            await outage.wait(error)
            continue
        outage.over()
        for _, entries in read:
            for entry, fields in entries:
                seen = entry
                yield Fact(batch_id=fields["batch"], mailbox=fields["mailbox"])


class Outbox:
    """One consumer's view of one mailbox."""

    def __init__(self, client: "redis.asyncio.Redis", mailbox: str, consumer: str) -> None:
        self._client = client
        self._consumer = consumer
        self._stream = keys.redis("outbox", mailbox)
        self._alive = keys.redis("consumer", mailbox)

    async def entries(self) -> AsyncIterator[tuple[str, Utterance]]:
        """What is to be told, first what was left unfinished by us or a dead consumer; ends only by cancellation."""
        outage = _Outage("outbox")
        beating = asyncio.create_task(self._beat())
        mine = "0"  # what this name was handed before it died and came again
        try:
            while True:
                try:
                    batch = await self._next(mine)
                except RedisError as error:
                    if any(words in str(error) for words in _NO_GROUP):
                        await self._make_group()
                    elif is_outage(error):
                        await outage.wait(error)
                    else:
                        raise
                    continue
                outage.over()
                mine = batch[-1][0] if batch and mine != ">" else ">"
                for entry, fields in batch:
                    if fields:  # None: told meanwhile
                        yield entry, _utterance_of(fields)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _next(self, mine: str) -> list[_Entry]:
        """A few entries: ours from before, then those left by the dead, then new ones."""
        if mine == ">":
            claimed = await self._claim()
            if claimed:
                return claimed
        read: list[tuple[str, list[_Entry]]] = await self._client.xreadgroup(
            _GROUP, self._consumer, {self._stream: mine}, count=10, block=_LISTEN_MS
        )
        return read[0][1] if read else []

    async def _claim(self) -> list[_Entry]:
        """Take over what dead consumers left, and what we handed out long ago in vain."""
        consumers: list[dict[str, Any]] = await self._client.xinfo_consumers(self._stream, _GROUP)
        holders = [each["name"] for each in consumers if each["pending"]]
        if not holders:
            return []
        seconds, micros = await self._client.time()
        now_ms = seconds * 1000 + micros // 1000
        claimed: list[_Entry] = []
        for holder in holders:
            beat = await self._client.zscore(self._alive, holder)
            ours = holder == self._consumer
            if not ours and beat is not None and now_ms - beat < _SILENT_MS:
                continue
            idle_ms = (
                _AGAIN_MS if ours else _CLAIMED_JUST_NOW_MS
            )  # two claimers do not get the same
            pending = await self._client.xpending_range(
                self._stream, _GROUP, "-", "+", 10, consumername=holder, idle=idle_ms
            )
            entries = [each["message_id"] for each in pending]
            if entries:
                claimed += await self._client.xclaim(
                    self._stream, _GROUP, self._consumer, idle_ms, entries
                )
        return claimed

    async def _make_group(self) -> None:
        try:
            await self._client.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
        except RedisError:  # BUSYGROUP: somebody else made it
            await asyncio.sleep(_PAUSE_S)

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(LedgerUnavailable), redis_errors_as_ours():
                seconds, micros = await self._client.time()
                await self._client.zadd(
                    self._alive, {self._consumer: seconds * 1000 + micros // 1000}
                )
            await asyncio.sleep(_ALIVE_S)


async def told(client: "redis.asyncio.Redis", mailbox: str, entry: str) -> None:
    """The entry is done with. Raises LedgerUnavailable."""
    stream = keys.redis("outbox", mailbox)
    with redis_errors_as_ours():
        async with client.pipeline(transaction=True) as pipe:
            pipe.xack(stream, _GROUP, entry)
            pipe.xdel(stream, entry)
            await pipe.execute()


def _utterance_of(fields: dict[str, str]) -> Utterance:
    utterance = Utterance.model_validate_json(fields["utterance"])
    return utterance.model_copy(update={"round": int(fields["round"])})


class _Outage:
    """Logs the loss of Redis once, and its return."""

    def __init__(self, listener: str) -> None:
        self._listener = listener
        self._lasts = False

    async def wait(self, error: Exception) -> None:
        if not self._lasts:
            log.warning("the listener for %s lost Redis: %s", self._listener, error)
        self._lasts = True
        await asyncio.sleep(_PAUSE_S)

    def over(self) -> None:
        if self._lasts:
            log.info("the listener for %s has Redis again", self._listener)
        self._lasts = False
