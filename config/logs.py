"""Logging of every process: one line an event on stderr, never texts, links or tokens.

On a terminal a line is for people; anywhere else (a file, a journal, a collector) it is one JSON object. Modules log as usual, by
``logging``; what is bound to a task (``structlog.contextvars``: Batch, Clip, worker, platform) stands in each of its lines, in those of
libraries too. Secrets are taken out of whatever is written.
"""

import logging
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog
from structlog.typing import Processor

from config.paths import log_folder
from config.record import Recorder
from config.redaction import Redactor, secrets_of
from config.settings import Settings
from worker.contract.operations import LOGGER

_NOISY: Final = (
    "arq",
    "httpx",  # its INFO holds whole URLs, and Telegram puts the token there
    "aiohttp.access",
    "botocore",
    "boto3",
    "urllib3",
    "s3transfer",
    "absl",
    "faster_whisper",
    "opentelemetry",
)
_FIRST: Final = (
    "at",
    "process",
    "level",
    "event",
    "batch",
    "clip",
    "incident",
    "worker",
    "platform",
)
"""What stands first in a line, in this order."""

Event = MutableMapping[str, Any]


def configure_logging(
    process: str, settings: Settings | None = None, level: int = logging.INFO
) -> None:
    """Send the log to stderr, and operations to the record as well; libraries speak from WARNING on.

    Args:
        process: Named in each line.
        settings: Whose secrets are hidden, and whose DATA_DIR has the record; None: there is no record.
        level: The least that is told.
    """
    redactor = Redactor(secrets_of(settings) if settings else ())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(process, redactor, people=sys.stderr.isatty()))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    if settings is not None:
        _record_operations(log_folder(settings), process, redactor)


def _record_operations(folder: Path, process: str, redactor: Redactor) -> None:
    operations = logging.getLogger(LOGGER)
    for earlier in [each for each in operations.handlers if isinstance(each, Recorder)]:
        operations.removeHandler(earlier)
    operations.addHandler(Recorder(folder, process, redactor))


def _formatter(process: str, redactor: Redactor, *, people: bool) -> logging.Formatter:
    def named(_: Any, __: str, event: Event) -> Event:
        event["process"] = process
        return event

    def redacted(_: Any, __: str, event: Event) -> Event:
        hidden: Event = redactor.value(dict(event))
        return hidden

    collected: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=not people, key="at"),
        named,
    ]
    written: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _flat,
        structlog.processors.format_exc_info,  # never with local variables: they may hold anything
        redacted,
        _in_order,
        structlog.dev.ConsoleRenderer(
            timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
        )
        if people
        else structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=collected, processors=written)


def _flat(_: Any, __: str, event: Event) -> Event:
    """The facts of an operation stand in its line like any others."""
    operation = event.pop("operation", None) or {}
    event.update({name: value for name, value in operation.items() if name != "began_s"})
    return event


def _in_order(_: Any, __: str, event: Event) -> Event:
    first = {name: event[name] for name in _FIRST if name in event}
    return {**first, **event}
