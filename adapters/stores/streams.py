"""Streams of bytes: counted, regrouped, fetched ahead."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass


async def exactly(size_bytes: int, chunks: AsyncIterator[bytes], key: str) -> AsyncIterator[bytes]:
    """Pass a stream on.

    Raises:
        ValueError: It turned out longer or shorter than ``size_bytes``; no byte too many was passed on.
    """
    passed = 0
    async for chunk in chunks:
        passed += len(chunk)
        if passed > size_bytes:
            break
        yield chunk
    if passed != size_bytes:
        raise ValueError(f"the stream for {key} is not {size_bytes} bytes long")


async def counted(
    chunks: AsyncIterator[bytes], noted: Callable[[int], None] | None
) -> AsyncIterator[bytes]:
    """Pass a stream on, and tell how many bytes of each chunk were taken."""
    async for chunk in chunks:
        yield chunk
        if noted is not None:
            noted(len(chunk))


async def in_parts(part_bytes: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytearray]:
    """Regroup a stream into parts of exactly ``part_bytes``, the last one being what is left; each one is the taker's."""
    part, filled = bytearray(part_bytes), 0
    async for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            taken = min(part_bytes - filled, len(rest))
            part[filled : filled + taken] = rest[:taken]
            rest, filled = rest[taken:], filled + taken
            if filled == part_bytes:
                yield part
                part, filled = bytearray(part_bytes), 0
    if filled:
        del part[filled:]
        yield part


@dataclass(frozen=True)
class Fetch:
    """What brings bytes when it is called."""

    size_bytes: int
    start: Callable[[], Coroutine[None, None, bytes]]


async def fetched_ahead(
    sources: Iterable[bytes | Fetch], ahead: int, ahead_bytes: int
) -> AsyncIterator[bytes]:
    """Yield what each source gives, in their order.

    Meanwhile up to ``ahead`` fetches are under way or wait to be taken, of ``ahead_bytes`` together (or one that is larger).
    """
    waiting: deque[tuple[int, bytes | asyncio.Task[bytes]]] = deque()
    count = size_bytes = 0
    try:
        for source in sources:
            if isinstance(source, bytes):
                waiting.append((0, source))
                continue
            while count and (count == ahead or size_bytes + source.size_bytes > ahead_bytes):
                taken, first = waiting.popleft()
                yield first if isinstance(first, bytes) else await first
                count, size_bytes = count - (taken > 0), size_bytes - taken
            waiting.append((source.size_bytes, asyncio.create_task(source.start())))
            count, size_bytes = count + 1, size_bytes + source.size_bytes
        while waiting:
            _, first = waiting.popleft()
            yield first if isinstance(first, bytes) else await first
    finally:
        tasks = [task for _, task in waiting if isinstance(task, asyncio.Task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
