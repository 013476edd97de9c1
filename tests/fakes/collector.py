"""An OpenTelemetry collector over real HTTP that reads OTLP as its specification says, and refuses what is not of that form."""

import asyncio
import gzip
import json
import re
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True)
class Span:
    """One span as it came."""

    name: str
    trace: str
    id: str
    parent: str
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    failed: bool
    instance: str
    """Of the process that sent it."""


class Collector:
    """Takes spans at ``/v1/traces`` in JSON (OTLP 1.x: ids in hexadecimal, nanoseconds as strings, enumerations as numbers)."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.refused: list[str] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def until(self, *names: str, within_s: float = 60) -> list[Span]:
        """Wait until a span of each name has come."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: {*names} <= {span.name for span in self.spans})
            return list(self.spans)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Content-Type") != "application/json":
            return web.Response(status=415)
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        try:
            spans = _spans(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            self.refused.append(repr(error))
            return web.Response(status=400)
        async with self._news:
            self.spans += spans
            self._news.notify_all()
        return web.json_response({"partialSuccess": {}})


def _spans(request: dict[str, Any]) -> list[Span]:
    return [
        _span(span, _attributes(resource["resource"].get("attributes", [])))
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def _span(span: dict[str, Any], resource: dict[str, Any]) -> Span:
    assert isinstance(span["startTimeUnixNano"], str)
    return Span(
        name=span["name"],
        trace=_hex(span["traceId"], 32),
        id=_hex(span["spanId"], 16),
        parent=_hex(span["parentSpanId"], 16) if span.get("parentSpanId") else "",
        began_ns=int(span["startTimeUnixNano"]),
        ended_ns=int(span["endTimeUnixNano"]),
        attributes=_attributes(span.get("attributes", [])),
        failed=int(span.get("status", {}).get("code", 0)) == 2,
        instance=str(resource.get("service.instance.id", "")),
    )


def _hex(written: str, length: int) -> str:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", written):
        raise ValueError(written)
    return written.lower()


def _attributes(written: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in written}
