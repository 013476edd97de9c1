"""The top of every piece of work: what goes wrong with it is told to the ledger, and to nobody else."""

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from worker.contract.codes import Code
from worker.contract.records import Reason
from worker.desk import Desk, Verdict, new_incident
from worker.holdings import Held
from worker.patience import NoLongerWanted, insist
from worker.workshop import Impossible

log = logging.getLogger(__name__)

T = TypeVar("T")

_PUT_OFF_S: Final = 1.0
"""What failed for want of disk or the like is tried again after that, then after four times that."""
_TRIES: Final = 3
LAST_WORD_S: Final = 1.0
"""What a foreman that ends, or lets go of something, has for telling the ledger; else its leases lapse."""


class Guard:
    """Does pieces of work, and settles how they fail."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.cut_off: list[Held] = []
        """What was cancelled in the middle, since the foreman ends: to be handed back when nothing works on it any more."""

    async def do(self, held: Held, work: Coroutine[Any, Any, T]) -> T | None:
        """Do a piece of work; what goes wrong with it is settled here. None then."""
        try:
            return await self._settled(held, work)
        except asyncio.CancelledError:
            self.cut_off.append(held)
            raise

    async def _settled(self, held: Held, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            return await work
        except NoLongerWanted:
            await self.let_go(held)
        except Impossible as impossible:
            log.info("%s cannot be done: %s", held.lease.item, impossible.reason.code)
            await self._fail(held, impossible.reason)
        except OSError as error:  # a full disk, no more handles: not of the material's making
            await self._try_later(held, error)
        except Exception:  # noqa: BLE001 - the top of a job
            await self._fail_with_incident(held)
        return None

    async def _try_later(self, held: Held, error: OSError) -> None:
        """Have it tried again later, here or by another worker, unless that was done often enough; to be called where it is handled."""
        pause_s = _PUT_OFF_S * 4 ** min(held.lease.put_off, _TRIES)
        try:
            if await held.persist(lambda: self._desk.put_off(held.lease, pause_s, _TRIES)):
                log.warning("%s is tried again in %g s: %s", held.lease.item, pause_s, error)
                return
            [verdict] = await held.persist(lambda: self._desk.renew([held.lease]))
        except NoLongerWanted:
            await self.let_go(held)
            return
        if verdict is Verdict.LOST:  # whoever has it now will tell
            log.info("%s is somebody else's, and failed here: %s", held.lease.item, error)
        else:
            await self._fail_with_incident(held)

    async def _fail_with_incident(self, held: Held) -> None:
        """To be called where an exception is handled."""
        incident = new_incident()
        log.error(
            "incident %s: %s failed\n%s",
            incident,
            held.lease.item,
            traceback.format_exc(),
            extra={"incident": incident},
        )
        await self._fail(held, Reason(code=Code.INCIDENT, incident=incident))

    async def _fail(self, held: Held, reason: Reason) -> None:
        with contextlib.suppress(NoLongerWanted):
            await held.persist(lambda: self._desk.fail(held.lease, reason))

    async def let_go(self, held: Held) -> None:
        """End a lease whose work was stopped; if Redis is away it lapses by itself."""
        lease, never = held.lease, asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                if held.verdict is Verdict.STOP and lease.kind == "clip":
                    await insist(lease.item, lambda: self._desk.cancel_clip(lease), never)
                elif held.verdict is not Verdict.LOST:
                    await insist(lease.item, lambda: self._desk.give_back(lease), never)
