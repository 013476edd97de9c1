"""Operations as OpenTelemetry's spans; loaded only where a collector is configured.

One trace for each Batch, over all processes and machines: its id and that of its root follow from the Batch's own, which every
record carries, so nothing else has to be handed on. A span is an operation that took time; the root is told when the Batch
is. Spans leave in the background, a second late; a collector that is away loses them and holds nobody up.
"""

import hashlib
import logging
import os
import time
from typing import Any, Final

from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from structlog.contextvars import get_contextvars
from typing_extensions import override

from worker.contract.operations import LOGGER

_ROOT: Final = "order.told"
_UNWANTED: Final = frozenset({"batch_id", "began_s", "seconds", "chat", "person", "entry", "by"})
"""No attributes of spans: they say what the span says, or who somebody is."""
_CONTEXT: Final = frozenset({"batch", "clip", "worker", "platform"})
_EXPORT_S: Final = 5
_EVERY_MS: Final = 1000
_GOODBYE_MS: Final = 2000
_NS: Final = 1_000_000_000


class Spans(logging.Handler):
    """Makes spans of operations; the handler's lock keeps the ids of several threads apart."""

    def __init__(self, process: str) -> None:
        """Begin to listen."""
        super().__init__()
        self._ids = _Ids()
        named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "chorus")}
        self._provider = TracerProvider(
            resource=Resource.create({**named, "service.instance.id": f"{process}-{os.getpid()}"}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(timeout=_EXPORT_S)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=_EVERY_MS)
        )
        self._tracer = self._provider.get_tracer("chorus")
        logging.getLogger(LOGGER).addHandler(self)

    def stop(self) -> None:
        """Send what is left, for some seconds at most; blocks."""
        logging.getLogger(LOGGER).removeHandler(self)
        self._provider.force_flush(_GOODBYE_MS)
        self._provider.shutdown()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        context = {name: each for name, each in get_contextvars().items() if name in _CONTEXT}
        operation: dict[str, Any] = {**context, **getattr(record, "operation", {})}
        batch_id, began_s = operation.get("batch_id"), operation.get("began_s")
        if record.getMessage() == _ROOT and batch_id is not None:
            self._ids.next = root_of(batch_id)
            self._span("order", operation, record.created - operation["since_order_s"])
            self._span("delivery", operation, began_s or record.created, batch_id)
        elif began_s is not None:
            self._span(record.getMessage(), operation, began_s, batch_id)

    def _span(
        self, what: str, operation: dict[str, Any], began_s: float, batch_id: str | None = None
    ) -> None:
        """A span of its own, or below the root of a Batch."""
        above = set_span_in_context(NonRecordingSpan(root_of(batch_id))) if batch_id else None
        span = self._tracer.start_span(
            what,
            context=above,
            start_time=round(began_s * _NS),
            attributes={
                f"chorus.{name}": value
                for name, value in operation.items()
                if name not in _UNWANTED and isinstance(value, str | int | float)
            },
        )
        if what.endswith((".failed", ".rejected")):
            span.set_status(Status(StatusCode.ERROR, str(operation.get("code", ""))))
        span.end(time.time_ns())


class _Ids(RandomIdGenerator):
    """Random ids, except where the next span is a Batch's root."""

    next: SpanContext | None = None

    @override
    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self.next is None else self.next.trace_id

    @override
    def generate_span_id(self) -> int:
        root, self.next = self.next, None
        if root is None:
            return super().generate_span_id()
        return root.span_id


def root_of(batch_id: str) -> SpanContext:
    """Where the spans of a Batch hang, the same in every process."""
    digest = hashlib.sha256(f"chorus batch {batch_id}".encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16]),
        span_id=int.from_bytes(digest[16:24]),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
