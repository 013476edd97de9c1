"""Recordings and pictures that nobody uses any more, gone from the store and the ledger.

The same recording, sent by anybody, is one Take: it goes with the last order that was made of it. While one goes, whoever
sends the same waits a moment, and then brings its bytes anew; whoever was bringing it before, or has it in a draft, is seen,
and it stays. So it is with a picture behind presenters, where a wish for the next order is what a draft is.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bot.desk import Desk
from bot.ports import MemoryUnavailable
from bot.wishes import pictures_wished
from worker.contract import keys

_GOING: Final = "going"
_GOING_S: Final = 60
"""Who dies over it holds nobody up for longer; who lives renews it."""
_LOOK_S: Final = 0.05
_BRINGING: Final = "bringing"
_BRINGING_S: Final = 600


@dataclass(frozen=True)
class Disposal:
    """What became of recordings."""

    gone: int = 0
    ordered: int = 0
    """Stay, because other orders have them."""
    drafted: int = 0
    """Stay, because somebody is about to order with them."""
    heard: int = 0
    """Stay, because they are listened to just now."""
    unsure: int = 0
    """Stay, because not all orders are known just now that may need them."""


async def dispose(desk: Desk, take_ids: Collection[str]) -> Disposal:
    """Remove those recordings that nobody uses, with all that was computed of them. Raises StoreUnavailable, LedgerUnavailable."""
    async with _going(desk, sorted(set(take_ids))):
        # In this order: what is no longer brought is in a draft by then, and what left that, in an order.
        drafted = {each for each in take_ids if await _is_brought(desk, each)}
        drafted |= await desk.drafts.takes()
        ordered = await desk.ledger.takes_ordered()
        if await desk.ledger.is_blank():  # asked last: it may have become so meanwhile
            return Disposal(unsure=len(take_ids))
        free = [each for each in take_ids if each not in drafted | ordered]
        gone = sum([await _remove(desk, each) for each in free])
        shared = sum(each in ordered for each in take_ids)
        return Disposal(
            gone=gone,
            ordered=shared,
            drafted=len(take_ids) - len(free) - shared,
            heard=len(free) - gone,
        )


async def dispose_pictures(desk: Desk, sha256s: Collection[str]) -> None:
    """Remove those pictures that no order and nobody's wish names. Raises StoreUnavailable, LedgerUnavailable."""
    doomed = {keys.picture(each): each for each in sha256s}
    async with _going(desk, sorted(doomed)):
        brought = {key for key in doomed if await _is_brought(desk, key)}
        # In this order: what is no longer brought is wished by then, and what is wished no longer, ordered.
        named = await pictures_wished(desk) | await desk.ledger.pictures_ordered()
        if await desk.ledger.is_blank():
            return
        for key, sha256 in doomed.items():
            if key not in brought and sha256 not in named:
                await desk.store.delete(key)


@contextlib.asynccontextmanager
async def _going(desk: Desk, names: Sequence[str]) -> AsyncIterator[None]:
    """While the context lasts, these are ours alone to remove, however long that takes; claimed in one order, so that none waits for ever."""
    holder, claimed = secrets.token_hex(8), list[str]()
    renewing = asyncio.create_task(_renew(desk, claimed, holder))
    try:
        for name in names:
            while not await desk.memory.lead(f"{_GOING}:{name}", holder, _GOING_S):  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(_LOOK_S)
            claimed.append(name)
            await desk.memory.keep(_GOING, name, value=holder, ttl_s=_GOING_S)
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        for name in claimed:
            await desk.memory.drop(_GOING, name)
            await desk.memory.step_down(f"{_GOING}:{name}", holder)


async def _renew(desk: Desk, claimed: Sequence[str], holder: str) -> None:
    while True:
        await asyncio.sleep(_GOING_S / 4)
        for name in tuple(claimed):
            with contextlib.suppress(MemoryUnavailable):
                await desk.memory.lead(f"{_GOING}:{name}", holder, _GOING_S)
                await desk.memory.keep(_GOING, name, value=holder, ttl_s=_GOING_S)


async def _remove(desk: Desk, take_id: str) -> bool:
    """False if it is listened to just now."""
    if not await desk.ledger.remove_take(take_id):
        return False
    record = keys.take(take_id, "take.json")  # from which it would be brought back: first
    doomed = [facts.key async for facts in desk.store.list(keys.take(take_id, ""))]
    for key in sorted(doomed, key=lambda key: key != record):
        await desk.store.delete(key)
    return True


async def _is_brought(desk: Desk, name: str) -> bool:
    return bool([each async for each in desk.memory.kept(_BRINGING, name)])


@contextlib.asynccontextmanager
async def bringing(desk: Desk, name: str, receipt: str) -> AsyncIterator[None]:
    """While the context lasts, a recording or picture does not go; waits until one that was going is gone."""
    await desk.memory.keep(_BRINGING, name, receipt, value="1", ttl_s=_BRINGING_S)
    while await desk.memory.load(_GOING, name) is not None:  # noqa: ASYNC110 - it goes elsewhere
        await asyncio.sleep(_LOOK_S)
    yield
    await desk.memory.drop(_BRINGING, name, receipt)  # else the message comes again, or it lapses
