"""What a store refuses for good is an incident: to wait, as for an Outage, would be to wait for ever."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from worker.contract import keys
from worker.contract.ports import ObjectStore, StoreForbids, StoreRefused, StoreUnavailable
from worker.holdings import Held

T = TypeVar("T")

_REFUSALS: Final = 2
"""So often a store may refuse something before it is asked for the last time: what stood of an upload, or another worker's, may be why."""


class RefusedForGood(Exception):
    """The store takes no such thing, while it takes others."""


async def stored(
    held: Held, store: ObjectStore, key: str, put: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """Have something stored, however long the store is away.

    Args:
        held: The lease under which it is done.
        store: Where it goes.
        key: What it is called there.
        put: Stores it; may be done again.

    Raises:
        NoLongerWanted: The lease's work is to end.
        RefusedForGood: The store will not have it, so often as it was asked.
    """
    refusals = 0

    async def attempt() -> T:
        nonlocal refusals
        try:
            return await put()
        except StoreForbids:
            refusals += 1
            # Keys or rights that are wrong are the operator's to put right, and everything waits for that.
            if refusals < _REFUSALS or not await _lets_us_write(store, key):
                raise
        except StoreRefused:
            refusals += 1
            if refusals < _REFUSALS:
                raise
        try:
            return await put()
        except (StoreForbids, StoreRefused) as refused:
            raise RefusedForGood(f"{key}: {refused}") from refused

    return await held.persist(attempt)


async def _lets_us_write(store: ObjectStore, key: str) -> bool:
    """Whether something else can be stored in the same place."""
    probe = keys.probe(key)
    try:
        await store.put_bytes(probe, b"{}")
        await store.delete(probe)
    except StoreUnavailable:
        return False
    return True
