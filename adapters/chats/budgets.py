"""A rate budget that all front ends share: a short wait is waited here, a longer one is the caller's."""

import asyncio

from bot.ports import Memory, Throttled


async def take(memory: Memory, budget: str, limit: int, window_s: float, patience_s: float) -> None:
    """Take one of ``limit`` in ``window_s``. Raises Throttled where that takes longer than our patience, MemoryUnavailable."""
    while wait_s := await memory.spend(budget, limit, window_s):
        if wait_s > patience_s:
            raise Throttled(wait_s)
        await asyncio.sleep(wait_s)
