"""The web door: signed downloads, health, and whatever routes the wiring adds (webhooks, pages).

A Link is a secret until it expires. So requests are logged by the route's pattern, never by their path, and the
server's own access log is off.
"""

import asyncio
import errno
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Self

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from adapters.web import pages
from adapters.web.downloads import Downloads, Hold
from worker.contract.ports import ObjectStore
from worker.contract.tokens import TokenCodec

_log = logging.getLogger(__name__)

_READY_WITHIN_S: Final = 5.0
_SHUTDOWN_S: Final = 5.0
"""How long downloads may go on when the door closes; a cut one is resumed by the browser."""


def _without_links(record: logging.LogRecord) -> bool:
    """Strip what the server quotes of requests it cannot parse: it may be a link that was cut."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.exc_info = None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


_server_log = logging.getLogger(f"{__name__}.server")
_server_log.addFilter(_without_links)

Ready = Callable[[], Awaitable[dict[str, bool]]]
"""Tells of each part we depend on whether it answers."""


class DoorClosed(Exception):
    """The door cannot be opened; the message says why and what to do."""


def make_door(
    store: ObjectStore,
    codec: TokenCodec,
    *,
    ready: Ready,
    hold: Hold | None = None,
    accel_prefix: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> web.Application:
    """The application behind the door; further routes may be added before it is opened.

    Args:
        store: What links lead to.
        codec: Signs and reads links; shared with the store.
        ready: Asked by ``/readyz``.
        hold: Told what is downloaded; None: nobody clears anything away.
        accel_prefix: Internal location of a front server (nginx) that shows the store's folder, such as ``/_files``.
        clock: Tells the time; with a time zone.
    """
    app = web.Application(middlewares=[_tell_and_log])
    app.on_response_prepare.append(_harden)
    downloads = Downloads(store, codec, hold, accel_prefix, clock)
    app.router.add_get("/d/{token}", downloads.answer)
    app.router.add_get("/healthz", _healthy)
    app.router.add_get("/readyz", _readiness(ready))
    return app


class Door:
    """The application on a port of this machine."""

    def __init__(self, app: web.Application, host: str, port: int) -> None:
        """Say where to listen.

        Args:
            app: From ``make_door``.
            host: Address to listen at.
            port: 0 takes any free one.
        """
        self._app = app
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            DoorClosed: Somebody else listens there, or this machine has no such address.
        """
        runner = web.AppRunner(
            self._app, access_log=None, logger=_server_log, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise DoorClosed(self._refusal(error)) from error
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Let downloads under way end within seconds, then close; may be called again."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _refusal(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {self._port} of {self._host} is in use; set CHORUS_HTTP_PORT to a free one"
            )
        return f"cannot listen at {self._host} port {self._port}: {error.strerror or error}"

    @property
    def url(self) -> str:
        """How this machine reaches the door; without a slash at the end.

        Raises:
            RuntimeError: It is not open.
        """
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("the door is not open")
        host, port = self._runner.addresses[0][:2]
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared with, not listened at
            host = "127.0.0.1"
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@web.middleware
async def _tell_and_log(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    started_s = time.monotonic()
    try:
        response = await handler(request)
    except web.HTTPNotFound:
        response = pages.answer(request, pages.NOTHING_HERE)
    resource = request.match_info.route.resource
    _log.info(
        "%s %s %d %s bytes %.3f s",
        request.method,
        resource.canonical if resource is not None else "(no route)",
        response.status,
        response.headers.get(hdrs.CONTENT_LENGTH, "?"),
        time.monotonic() - started_s,
    )
    return response


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers[hdrs.SERVER] = "chorus"


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _readiness(ready: Ready) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                parts = await ready()
        except TimeoutError:
            parts = {"answer_in_time": False}
        good = all(parts.values())
        return web.json_response({"ready": good, "parts": parts}, status=200 if good else 503)

    return answer
