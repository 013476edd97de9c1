"""Who is at work, and what all processes counted together: in Redis, so that one look shows every machine.

::

    chorus:cards         set: names of processes
    chorus:card:<name>   what one says of itself; gone some seconds after its last sign of life
    chorus:figures       hash: what all processes counted and timed, since this Redis remembers
    chorus:figures:<hour>   the same in one hour (UTC), for eight days

Workers on other machines need no port of their own for that: nothing is shared but Redis and the store.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import redis.asyncio

from worker.contract import keys
from worker.contract.figures import FIGURES, Figures
from worker.contract.ports import LedgerUnavailable
from worker.contract.records import Record
from worker.ledger_scripts import redis_errors_as_ours

_LOG = logging.getLogger(__name__)

_EVERY_S: Final = 2.0
_SILENT_MS: Final = 6_000
_HOURS_KEPT_S: Final = 8 * 86_400


class Card(Record):
    """What a process says of itself."""

    name: str
    role: Literal["worker", "front end"]
    host: str
    pid: int
    since: datetime
    engine: str = ""
    device: str = ""
    slots: int = 0
    engine_trouble: str = ""
    """Why a worker has had no engine for a while; empty while all is well."""
    platforms: tuple[str, ...] = ()
    disk_free_bytes: int = 0
    """Where its DATA_DIR is."""
    gpu_used_bytes: int | None = None
    """None: it has no GPU."""
    gpu_total_bytes: int | None = None


class Roster:
    """The cards and figures of one Redis."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        """``client`` stays the caller's to close."""
        self._client = client

    async def keep(self, card: Callable[[], Card], figures: Figures = FIGURES) -> None:
        """Show a card and add figures up until cancelled, then take the card away; outages are waited out."""
        name = ""
        try:
            while True:
                shown = await asyncio.to_thread(card)
                name = shown.name
                with contextlib.suppress(LedgerUnavailable):
                    await self._show(shown)
                    await self.add(figures)
                await asyncio.sleep(_EVERY_S)
        finally:
            with contextlib.suppress(LedgerUnavailable, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self.add(figures)
                    with redis_errors_as_ours():
                        await self._client.delete(keys.redis("card", name))

    async def _show(self, card: Card) -> None:
        with redis_errors_as_ours():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.sadd(keys.redis("cards"), card.name)
                pipe.set(keys.redis("card", card.name), card.model_dump_json(), px=_SILENT_MS)
                await pipe.execute()

    async def add(self, figures: Figures) -> None:
        """Add what was counted; it stays counted should Redis be away. A connection that breaks may count twice."""
        taken = figures.take()
        if not taken:
            return
        hour = _hour(datetime.now(UTC))
        try:
            with redis_errors_as_ours():
                async with self._client.pipeline(transaction=True) as pipe:
                    for name, value in taken.items():
                        pipe.hincrbyfloat(keys.redis("figures"), name, value)
                        pipe.hincrbyfloat(hour, name, value)
                    pipe.expire(hour, _HOURS_KEPT_S)
                    await pipe.execute()
        except BaseException:
            figures.put_back(taken)
            raise

    async def cards(self) -> Sequence[Card]:
        """Of all that live, by role and name. Raises LedgerUnavailable."""
        with redis_errors_as_ours():
            # redis-py shares its annotations between the blocking and the asyncio client
            names: list[str] = sorted(await self._client.smembers(keys.redis("cards")))  # type: ignore[misc]
            found = [keys.redis("card", name) for name in names]
            written = await self._client.mget(found) if found else []
            gone = [name for name, card in zip(names, written, strict=True) if card is None]
            if gone:
                await self._client.srem(keys.redis("cards"), *gone)  # type: ignore[misc]
        cards = [Card.model_validate_json(each) for each in written if each]
        return sorted(cards, key=lambda card: (card.role, card.host, card.name))

    async def figures(self) -> Mapping[str, float]:
        """What all processes counted, by name. Raises LedgerUnavailable."""
        with redis_errors_as_ours():
            # redis-py shares its annotations between the blocking and the asyncio client
            told: dict[str, str] = await self._client.hgetall(keys.redis("figures"))  # type: ignore[misc]
        return {name: float(value) for name, value in told.items()}

    async def counted(self, since: datetime) -> Mapping[str, float]:
        """What was counted since the hour of a moment, at most eight days ago, by name. Raises LedgerUnavailable."""
        now, hours = datetime.now(UTC), []
        at = max(since.astimezone(UTC), now - timedelta(seconds=_HOURS_KEPT_S))
        while at <= now:
            hours.append(_hour(at))
            at += timedelta(hours=1)
        if _hour(now) not in hours:
            hours.append(_hour(now))
        with redis_errors_as_ours():
            async with self._client.pipeline(transaction=False) as pipe:
                for hour in hours:
                    pipe.hgetall(hour)
                told: list[dict[str, str]] = await pipe.execute()
        summed: defaultdict[str, float] = defaultdict(float)
        for figures in told:
            for name, value in figures.items():
                summed[name] += float(value)
        return dict(summed)


def _hour(at: datetime) -> str:
    return keys.redis("figures", at.strftime("%Y%m%d%H"))
