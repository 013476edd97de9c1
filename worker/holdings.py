"""The leases a foreman holds, and the loop that keeps them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from worker.contract.ports import LedgerUnavailable
from worker.desk import Desk, Lease, Verdict
from worker.patience import insist

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_EVERY_S: Final = 0.4
"""How soon a cancelled Clip is noticed; a fraction of the lease, so that hiccups do not lose it."""


@dataclass(eq=False)
class Held:
    """One lease, and whether its work is still wanted."""

    lease: Lease
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the work is to end."""
    using: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    """What it uses of the cache, until it is dropped."""
    verdict: Verdict = Verdict.OK
    """Why: nobody wants the result (STOP), or the item is somebody else's (LOST); OK when the foreman ends."""

    def end(self, verdict: Verdict) -> None:
        """Have the work end."""
        self.verdict = verdict
        self.stop.set()

    async def persist(self, action: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do something until Redis and store let it be done; raises NoLongerWanted if the work is to end first."""
        return await insist(self.lease.item, action, self.stop)


class Holdings:
    """All leases of one foreman."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._held: set[Held] = set()
        self._drawing = 0
        self._changed = asyncio.Condition()

    @property
    def held(self) -> tuple[Held, ...]:
        """What is held now."""
        return tuple(self._held)

    def take(self, lease: Lease) -> Held:
        """Begin to keep a lease."""
        held = Held(lease)
        self._held.add(held)
        return held

    async def drop(self, held: Held) -> None:
        """Its work has ended."""
        held.using.close()
        self._held.discard(held)
        async with self._changed:
            self._changed.notify_all()

    @contextlib.asynccontextmanager
    async def drawing(self) -> AsyncIterator[None]:
        """While the context lasts, something may come to be held."""
        self._drawing += 1
        try:
            yield
        finally:
            self._drawing -= 1
            async with self._changed:
                self._changed.notify_all()

    async def wait_until_none(self) -> None:
        """Wait until nothing is held, nor being drawn."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._held and not self._drawing)

    async def keep(self) -> None:
        """Renew all leases, again and again, until cancelled; while Redis is away the work goes on."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            held = [each for each in self._held if each.verdict is not Verdict.LOST]
            try:
                verdicts = await self._desk.renew([each.lease for each in held])
            except LedgerUnavailable as error:
                log.debug("leases were not renewed: %s", error)
                continue
            for each, verdict in zip(held, verdicts, strict=True):
                if verdict is not Verdict.OK and each in self._held and not each.stop.is_set():
                    log.info("%s is to stop: %s", each.lease.item, verdict)
                    each.end(verdict)
