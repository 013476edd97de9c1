"""The way between a client and an HTTP server: counts what passes, and goes wrong when told to."""

import asyncio
import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp import hdrs, web
from yarl import URL

_HOP_BY_HOP: Final = frozenset({"connection", "transfer-encoding", "expect", "keep-alive", "date"})


@dataclass(frozen=True)
class Asked:
    """One request, as far as its headers tell it."""

    method: str
    path: str
    query: Mapping[str, str]

    @property
    def part(self) -> int | None:
        """Which part of a multipart upload it carries; None if it is none."""
        number = self.query.get("partNumber")
        return int(number) if self.method == hdrs.METH_PUT and number is not None else None


def never(_: Asked) -> bool:
    """No request."""
    return False


class Wire:
    """Passes HTTP requests on as they are; the ``Host`` they were signed for, too."""

    def __init__(self, origin: str) -> None:
        """Say where it leads.

        Args:
            origin: Scheme, host and port of the server.
        """
        self._origin = origin
        self.passed: list[Asked] = []
        """What the server has answered, in that order."""
        self.waits: Callable[[Asked], bool] = never
        """This request gets no further as long as that is so."""
        self.breaks: Callable[[Asked], bool] = never
        """The connection breaks when half of this request's body has come."""
        self.spoils: Callable[[Asked], bool] = never
        """One bit in the middle of this request's body is turned."""
        self.is_down = False
        """Every connection breaks at once."""
        self.attempts = 0
        """Requests that came, whatever became of them."""

    @property
    def parts(self) -> list[int]:
        """Numbers of the parts that the server took, in the order they were sent."""
        return [asked.part for asked in self.passed if asked.part is not None]

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.attempts += 1
        asked = Asked(request.method, request.path, dict(request.query))
        while self.waits(asked):
            await asyncio.sleep(0.01)
        if self.is_down:
            return self._broken(request)
        if self.breaks(asked):
            await request.content.readexactly((request.content_length or 0) // 2)
            return self._broken(request)
        body = await request.read()
        if self.spoils(asked):
            body = _with_a_bit_turned(body)
        return await self._passed_on(request, asked, body)

    def _broken(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)  # which nobody will read

    async def _passed_on(
        self, request: web.Request, asked: Asked, body: bytes
    ) -> web.StreamResponse:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        target = URL(self._origin + request.raw_path, encoded=True)
        async with self._session.request(
            request.method,
            target,
            headers=headers,
            data=io.BytesIO(body) if body else None,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
            response = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    response.headers.add(name, value)
        if answer.ok:
            self.passed.append(asked)
        with contextlib.suppress(ConnectionError):  # the client died
            await response.prepare(request)
            if content:
                await response.write(content)
        return response


def _with_a_bit_turned(body: bytes) -> bytes:
    spoiled = bytearray(body)
    spoiled[len(spoiled) // 2] ^= 1
    return bytes(spoiled)
