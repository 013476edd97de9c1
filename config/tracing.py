"""Traces, where an OpenTelemetry collector is configured (``OTEL_EXPORTER_OTLP_ENDPOINT`` and the other standard variables).

Without that variable nothing of OpenTelemetry is even loaded.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

_ASKED_FOR: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_wanted() -> bool:
    """Whether the environment names a collector."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").casefold() == "true"
    return not disabled and any(os.environ.get(name) for name in _ASKED_FOR)


@contextlib.contextmanager
def traced(process: str) -> Iterator[None]:
    """Send spans to the collector while the context lasts, if the environment names one."""
    if not is_wanted():
        yield
        return
    from config.spans import Spans  # noqa: PLC0415 - a third of a second, which only those pay

    spans = Spans(process)
    try:
        yield
    finally:
        spans.stop()
