"""Spans at a collector: one trace for each Batch, whoever sends them."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.spans import Spans
from config.tracing import is_wanted, traced
from tests.fakes.collector import Collector
from tests.worker.foreman_things import open_workplace
from tests.worker.ledger_things import ANNA, HALL
from worker.noted_ledger import NotedLedger


@pytest.fixture(autouse=True)
def no_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


async def test_a_batch_is_one_trace_of_what_bot_and_worker_did(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Collector() as collector, open_workplace(redis_url, tmp_path) as place:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        place.ledger = NotedLedger(place.ledger._client)
        with traced("test"):
            async with place.working():
                batch = await place.ended(await place.order("m1", "ok", "missing"))
            spans = await collector.until(
                "order", "delivery", "clip.done", "clip.failed", "archive.packed"
            )

    mine = [span for span in spans if span.name not in {"take.ready", "template.ready"}]
    root = next(span for span in spans if span.name == "order")
    assert collector.refused == []
    assert {span.trace for span in mine} == {root.trace}
    assert {span.parent for span in mine if span is not root} == {root.id}
    assert root.parent == ""
    assert root.attributes["chorus.batch"] == batch.code
    assert all(root.began_ns <= span.began_ns <= span.ended_ns for span in mine)
    assert [span.failed for span in mine if span.name == "clip.failed"] == [True]
    told = str(spans)
    assert ANNA.name not in told
    assert HALL.id not in told


def test_nothing_of_it_is_loaded_where_no_collector_is_named() -> None:
    seen = (
        "import sys, config.front_end, config.back_end, config.tracing\n"
        "with config.tracing.traced('test'): pass\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", seen], check=False).returncode == 0


def test_a_collector_that_is_not_there_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv(
            "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{nobody.getsockname()[1]}"
        )
        spans = Spans("test")
        spans._tracer.start_span("lost").end()
        began_s = time.monotonic()
        spans.stop()

    assert time.monotonic() - began_s < 8


def test_the_usual_switch_turns_traces_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert is_wanted()

    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not is_wanted()
