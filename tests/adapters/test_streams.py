"""Bytes that are fetched ahead, by what is under way at any moment."""

import asyncio
from functools import partial

import pytest

from adapters.stores.streams import Fetch, fetched_ahead


class Source:
    """Fetches that end when they are let."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.may_end = asyncio.Event()

    def of(self, content: bytes) -> Fetch:
        return Fetch(len(content), partial(self._fetched, content))

    async def _fetched(self, content: bytes) -> bytes:
        self.begun.append(content)
        await self.may_end.wait()
        return content


@pytest.mark.parametrize(
    ("ahead_bytes", "begun"),
    [(100, [b"aa", b"bb", b"cc"]), (4, [b"aa", b"bb"]), (1, [b"aa"])],
    ids=["by count", "by bytes", "one at least"],
)
async def test_what_is_here_already_takes_no_fetches_place(ahead_bytes, begun):
    source = Source()
    sources = [b"1", source.of(b"aa"), b"2", source.of(b"bb"), b"3", source.of(b"cc"), b"4"]
    sources += [source.of(b"dd"), b"5"]

    async def all_of_it():
        return b"".join([chunk async for chunk in fetched_ahead(sources, 3, ahead_bytes)])

    reading = asyncio.create_task(all_of_it())
    while len(source.begun) < len(begun):
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)

    assert source.begun == begun
    source.may_end.set()
    assert await reading == b"1aa2bb3cc4dd5"


async def test_a_reader_that_goes_away_ends_what_is_under_way():
    source = Source()
    stream = fetched_ahead([b"1", source.of(b"aa"), source.of(b"bb")], 1, 100)
    first = await anext(stream)
    await stream.aclose()

    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert (first, left) == (b"1", [])
