"""Disposable children that are asked more than once, where a test has many files: starting one takes over a second."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from pipeline.sandbox import command, rejection, remove_outputs


class Child:
    """One that is alive."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Its last word about a request."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["event"] != "progress":
                return told
        raise AssertionError(f"the child ended with {self.process.wait()} at {request['name']}")


@contextmanager
def reused_child() -> Iterator[Child]:
    """A child that dies with the thread that started it, or with the context."""
    with subprocess.Popen(
        command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


class Children:
    """One for each thread that asks; all of what they are asked is of one kind, whose limits they keep."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._stack = ExitStack()
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def done(self, request: Mapping[str, Path | str]) -> dict[str, Any]:
        """What ``pipeline.sandbox.run_in_child`` returns. Raises InputRejected as that does."""
        if not hasattr(self._own, "child"):
            with self._turn:
                self._own.child = self._stack.enter_context(reused_child())
        plain = {key: str(value) for key, value in request.items()}
        told = self._own.child.ask(plain)
        if told["event"] == "done":
            result: dict[str, Any] = told["result"]
            return result
        remove_outputs(plain["do"], Path(plain["folder"]))
        assert told["event"] == "rejected", told
        raise rejection(told["code"], told["facts"])
