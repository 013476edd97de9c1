"""The record of operations: JSON lines in DATA_DIR, rotated by size and age, written by all processes of this machine.

Whoever writes holds a lock, and one write is one line, so lines of several processes never mix and none is lost when the file
is put aside. (The library's ``RotatingFileHandler`` renames under the feet of other processes.)
"""

import contextlib
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from structlog.contextvars import get_contextvars
from typing_extensions import override

from config.redaction import Redactor

NAME: Final = "operations.jsonl"
MOST_BYTES: Final = 8 << 20
MOST_AGE_S: Final = 7 * 86_400.0
"""A file is put aside when it is larger, or its first line older."""
KEPT_FILES: Final = 12
_SELDOM: Final = frozenset({"callback.refused", "link.refused"})
"""Strangers can cause these, and must not be able to push everything else out of the record."""
_SELDOM_S: Final = 1.0
_LOCK: Final = "operations.lock"
_FIRST_YEAR: Final = 1970
_FIELDS: Final = ("batch", "clip", "take", "template", "worker", "platform")
"""Of the context, what an operation takes along."""


class Recorder(logging.Handler):
    """Writes operations into the record of this machine."""

    def __init__(
        self,
        folder: Path,
        process: str,
        redactor: Redactor,
        *,
        most_bytes: int = MOST_BYTES,
        most_age_s: float = MOST_AGE_S,
    ) -> None:
        """Nothing is opened yet; ``folder`` exists."""
        super().__init__()
        self._folder = folder
        self._process = process
        self._redactor = redactor
        self._most_bytes = most_bytes
        self._most_age_s = most_age_s
        self._seldom: dict[str, tuple[float, int]] = {}
        """Of what strangers can cause: when it was last written, and how often not since."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        operation = getattr(record, "operation", None)
        if operation is None:
            return
        suppressed = self._passed_over(record.getMessage())
        if suppressed is None:
            return
        context = {name: value for name, value in get_contextvars().items() if name in _FIELDS}
        facts = {**context, **{name: value for name, value in operation.items() if value != ""}}
        facts.pop("began_s", None)
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "what": record.getMessage(),
            "process": self._process,
            **self._redactor.value(facts),
            **({"passed_over": suppressed} if suppressed else {}),
        }
        try:
            self._write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError:  # a full disk stops no work; the log of the process still has it
            self.handleError(record)

    def _passed_over(self, what: str) -> int | None:
        """None: not now, it was written just before; else how often it was passed over since the last time."""
        if what not in _SELDOM:
            return 0
        now_s = time.monotonic()
        last_s, times = self._seldom.get(what, (-_SELDOM_S, 0))
        if now_s - last_s < _SELDOM_S:
            self._seldom[what] = (last_s, times + 1)
            return None
        self._seldom[what] = (now_s, 0)
        return times

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        logging.getLogger(__name__).warning(
            "an operation was not recorded: %s", record.getMessage()
        )

    def _write(self, line: bytes) -> None:
        path = self._folder / NAME
        with _locked(self._folder):
            self._put_aside_if_due(path)
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if _is_cut(path):  # a full disk took half a line
                    line = b"\n" + line
                os.write(file, line)
            finally:
                os.close(file)

    def _put_aside_if_due(self, path: Path) -> None:
        try:
            facts = path.stat()
        except FileNotFoundError:
            return
        if facts.st_size == 0:
            return
        if facts.st_size < self._most_bytes and not self._is_old(path):
            return
        path.rename(path.with_name(f"operations-{time.time_ns() // 1_000_000:013d}.jsonl"))
        for old in _put_aside(self._folder)[:-KEPT_FILES]:
            old.unlink(missing_ok=True)

    def _is_old(self, path: Path) -> bool:
        with path.open("rb") as file:
            first = file.readline()
        at = _moment(first)
        return at is not None and time.time() - at.timestamp() > self._most_age_s


def read(folder: Path, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """What was recorded on this machine, oldest first; lines that cannot be read are passed over."""
    with _locked(folder, shared=True):  # nothing is put aside while it is opened
        paths = [*_put_aside(folder), folder / NAME]
        files = [path.open("rb") for path in paths if path.exists()]
    with contextlib.ExitStack() as stack:
        for file in files:
            stack.enter_context(file)
        for file in files:
            for line in file:
                at = _moment(line)
                if at is not None and (since is None or at >= since):
                    yield json.loads(line)


class TooLongAgo(ValueError):
    """A moment before 1970: nothing was recorded then, and calendars end."""


def parse_since(written: str, now: datetime) -> datetime:
    """``90s``, ``30m``, ``2h``, ``3d`` before now, or a moment as ISO 8601 writes it. Raises ValueError, TooLongAgo."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    number, unit = written[:-1], written[-1:]
    if unit in units and number.replace(".", "", 1).isdecimal():
        try:
            moment = now - timedelta(**{units[unit]: float(number)})
        except OverflowError:
            raise TooLongAgo from None
    else:
        moment = datetime.fromisoformat(written)
    if moment.year < _FIRST_YEAR:
        raise TooLongAgo
    return moment if moment.tzinfo else moment.astimezone()


def _put_aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("operations-*.jsonl"))


def _moment(line: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(line)["at"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_cut(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


@contextlib.contextmanager
def _locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    with (folder / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
