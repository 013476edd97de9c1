"""``/d/{token}``: hands out what a Link signs, whole or from where a broken download stopped.

Plain files go by sendfile(2) in slices, so that a client that stops reading is noticed and let go. Archives that are
not written come from ``open_range``. With a front server configured, plain files are left to it
(``X-Accel-Redirect``); ranges are then its business.

What somebody downloads is told as held, so that it is not cleared away before the rest of it was fetched: for an hour from
its beginning, or from the last sign of life where the bytes go through us. Who cannot be told holds nothing up.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final
from urllib.parse import quote

from aiohttp import hdrs, web

from adapters.web import pages
from adapters.web.ranges import RangeNotSatisfiable, Slice, etag, http_date, wanted
from worker.contract.attachments import content_disposition
from worker.contract.figures import FIGURES
from worker.contract.operations import note
from worker.contract.ports import (
    LedgerUnavailable,
    ObjectFacts,
    ObjectMissing,
    ObjectStore,
    StoreUnavailable,
)
from worker.contract.tokens import DOWNLOAD, TokenCodec, TokenExpired, TokenForged

_log = logging.getLogger(__name__)

_SLICE_BYTES: Final = 4 << 20
_STALLED_S: Final = 300.0
"""A client that does not take one slice in this time (14 KiB/s) is let go."""
_HELD_S: Final = 3600
"""A download that was cut, or that a front server sends, has so long to be gone on with."""
_RENEW_S: Final = 60.0
_TOLD_WITHIN_S: Final = 2.0

Hold = Callable[[str, int], Awaitable[None]]
"""Have an object told as being downloaded for so many seconds from now; raises LedgerUnavailable."""

_CONTENT_TYPES: Final = {
    ".zip": "application/zip",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt; charset=utf-8",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
}


class Downloads:
    """The handler of signed links."""

    def __init__(
        self,
        store: ObjectStore,
        codec: TokenCodec,
        hold: Hold | None,
        accel_prefix: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        """Keep what is needed to answer.

        Args:
            store: Where the objects are.
            codec: Made the links.
            hold: Told what is downloaded; None: nobody clears anything away.
            accel_prefix: Internal location of the front server that shows the store's folder; None: no such server.
            clock: Tells the time; with a time zone.
        """
        self._store = store
        self._codec = codec
        self._hold = hold
        self._accel_prefix = accel_prefix
        self._clock = clock

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Serve GET and HEAD."""
        try:
            thing = self._codec.read(DOWNLOAD, request.match_info["token"], self._clock())
            await self._tell(thing["key"])
            facts = await self._store.stat(thing["key"])
            path = await asyncio.to_thread(self._store.local_path, facts.key)
        except TokenForged:
            _log.warning("refused a forged link, asked for by %s", request.remote)
            FIGURES.count("downloads", "forged")
            note("link.refused", why="forged")
            return pages.answer(request, pages.NOT_VALID)
        except TokenExpired:
            FIGURES.count("downloads", "expired")
            return pages.answer(request, pages.EXPIRED)
        except ObjectMissing as missing:
            FIGURES.count("downloads", "gone")
            _log.info("a link leads to an object that is gone: %s", missing)
            return pages.answer(request, pages.GONE)
        except StoreUnavailable as outage:
            FIGURES.count("downloads", "unavailable")
            _log.warning("a download failed: %s", outage)
            return pages.answer(request, pages.OUT_OF_REACH)
        FIGURES.count("downloads", "served")
        headers = _headers_of(thing["filename"])
        if path is not None and self._accel_prefix is not None:
            location = f"{self._accel_prefix.rstrip('/')}/{quote(facts.key)}"
            return web.Response(headers={**headers, "X-Accel-Redirect": location})
        return await self._serve(request, facts, path, headers)

    async def _serve(
        self,
        request: web.Request,
        facts: ObjectFacts,
        path: Path | None,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        headers[hdrs.ETAG] = etag(facts)
        headers[hdrs.LAST_MODIFIED] = http_date(facts.modified_at)
        headers[hdrs.ACCEPT_RANGES] = "bytes"
        if _knows_it_already(request, facts):
            return web.Response(status=304, headers=headers)
        whole = Slice(0, facts.size_bytes, whole=True)
        try:  # section 14.2: Range has a meaning for GET only
            part = wanted(request.headers, facts) if request.method == hdrs.METH_GET else whole
        except RangeNotSatisfiable:
            unsatisfied = {hdrs.CONTENT_RANGE: f"bytes */{facts.size_bytes}"}
            return web.Response(status=416, headers=unsatisfied)
        if not part.whole:
            last = part.start + part.size_bytes - 1
            headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{last}/{facts.size_bytes}"
        response = web.StreamResponse(status=200 if part.whole else 206, headers=headers)
        response.content_length = part.size_bytes
        await self._send(request, response, facts, path, part)
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        facts: ObjectFacts,
        path: Path | None,
        part: Slice,
    ) -> None:
        """Send headers and bytes; whoever gets fewer than promised sees the connection break, and can resume."""
        try:
            await response.prepare(request)
            if request.method == hdrs.METH_HEAD or part.size_bytes == 0:
                return
            async with self._held(facts.key):
                if path is not None:
                    await _send_file(request, path, part)
                else:
                    await self._send_computed(response, facts.key, part)
        except ConnectionError:  # the person went away
            return
        except (ObjectMissing, StoreUnavailable, OSError) as broken:
            # TimeoutError is an OSError too: the client takes nothing any more.
            _log.warning("a download of %s broke off: %r", facts.key, broken)
            if request.transport is not None:
                request.transport.abort()

    @contextlib.asynccontextmanager
    async def _held(self, key: str) -> AsyncIterator[None]:
        """What was told at the beginning is told again while the bytes go."""
        renewing = asyncio.create_task(self._tell_again(key))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _tell_again(self, key: str) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            await self._tell(key)

    async def _tell(self, key: str) -> None:
        if self._hold is None:
            return
        try:
            async with asyncio.timeout(_TOLD_WITHIN_S):
                await self._hold(key, _HELD_S)
        except (LedgerUnavailable, TimeoutError) as outage:
            _log.info("nobody could be told that %s is downloaded: %r", key, outage)

    async def _send_computed(self, response: web.StreamResponse, key: str, part: Slice) -> None:
        async for chunk in self._store.open_range(key, part.start, part.size_bytes):
            async with asyncio.timeout(_STALLED_S):
                await response.write(chunk)


async def _send_file(request: web.Request, path: Path, part: Slice) -> None:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        end = part.start + part.size_bytes
        for start in range(part.start, end, _SLICE_BYTES):
            async with asyncio.timeout(_STALLED_S):
                await _sendfile(request, file, start, min(_SLICE_BYTES, end - start))
    finally:
        file.close()


async def _sendfile(request: web.Request, file: BinaryIO, start: int, size_bytes: int) -> None:
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client went away")
    sent = await asyncio.get_running_loop().sendfile(transport, file, start, size_bytes)
    if sent != size_bytes:
        raise ObjectMissing(f"{file.name} ends before byte {start + size_bytes}")


def _headers_of(filename: str) -> dict[str, str]:
    suffix = PurePosixPath(filename).suffix.lower()
    return {
        hdrs.CONTENT_TYPE: _CONTENT_TYPES.get(suffix, "application/octet-stream"),
        hdrs.CONTENT_DISPOSITION: content_disposition(filename),
        hdrs.CACHE_CONTROL: "private",
        "Referrer-Policy": "no-referrer",
    }


def _knows_it_already(request: web.Request, facts: ObjectFacts) -> bool:
    """Whether ``If-None-Match`` names what we would send."""
    known = request.if_none_match or ()
    return any(tag.value == "*" or f'"{tag.value}"' == etag(facts) for tag in known)
