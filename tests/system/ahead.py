"""Work for a row of tests, done ahead of them on both cores."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from tests.turns import beside, free

T = TypeVar("T")


@contextmanager
def ahead(
    request: pytest.FixtureRequest, parameter: str, work: Callable[[Any], T]
) -> Iterator[Mapping[str, Future[T]]]:
    """Have the work done for each chosen test of this module, two at a time and in their order.

    Args:
        request: Of a fixture of the module's scope.
        parameter: Has a name; by that its work is found.
        work: Takes the parameter; most of it is to happen in other processes, or without Python's lock.
    """
    chosen = [
        item.callspec.params[parameter]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and hasattr(item, "callspec")
    ]

    def in_turn(one: Any) -> T:
        with beside(request.config):
            return work(one)

    pool = ThreadPoolExecutor(2, thread_name_prefix="ahead")
    try:
        yield {one.name: pool.submit(in_turn, one) for one in chosen}
    finally:
        free()
        pool.shutdown(cancel_futures=True)
