"""Turns of the processes that run tests, so that what is marked ``alone`` has the machine for itself.

A turn lasts from the first fixture of a test, of whatever scope, to the last one that ends with it.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_OURS = threading.Event()
"""Whether this process has its turn."""


@contextlib.contextmanager
def turn(item: pytest.Item) -> Iterator[None]:
    """Around all that a test does."""
    folder = _folder(item.config)
    alone = item.get_closest_marker("alone") is not None
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    with contextlib.ExitStack() as stack:
        if folder is not None:
            with _locked(folder / "door", how):  # who waits to be alone lets nobody in before
                stack.enter_context(_locked(folder / "room", how))
        stack.callback(_OURS.clear)
        _OURS.set()
        yield


@contextlib.contextmanager
def beside(config: pytest.Config) -> Iterator[None]:
    """Around work of a thread that goes on between tests: it begins in a turn of this process, and nobody is alone while it lasts."""
    _OURS.wait()
    folder = _folder(config)
    with _locked(folder / "room", fcntl.LOCK_SH) if folder else contextlib.nullcontext():
        yield


def free() -> None:
    """Let whoever waits in ``beside`` go: there may be no further turn."""
    _OURS.set()


def _folder(config: pytest.Config) -> Path | None:
    """That of all processes of this run; None if there are no others."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return None
    folder: Path = config._tmp_path_factory.getbasetemp().parent  # type: ignore[attr-defined]
    return folder


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield
