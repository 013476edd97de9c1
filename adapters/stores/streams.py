"""Streams of bytes: counted, regrouped, fetched ahead."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable


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


async def in_parts(part_bytes: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Regroup a stream into parts of exactly ``part_bytes``, the last one being what is left."""
    part = bytearray()
    async for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            room = part_bytes - len(part)
            part += rest[:room]
            rest = rest[room:]
            if len(part) == part_bytes:
                yield bytes(part)
                part = bytearray()
    if part:
        yield bytes(part)


async def fetched_ahead(
    fetches: Iterable[Callable[[], Coroutine[None, None, bytes]]], ahead: int
) -> AsyncIterator[bytes]:
    """Yield what each fetch gives, in their order, while up to ``ahead`` of them are under way."""
    running: deque[asyncio.Task[bytes]] = deque()
    try:
        for fetch in fetches:
            running.append(asyncio.create_task(fetch()))
            if len(running) >= ahead:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
