"""WeCom over HTTP: one request, its answer, its errors. Errors come with status 200, in ``errcode``.

Secrets and access tokens stand in the addresses, so no error of the HTTP library gets out of here: they quote them.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import hdrs

from adapters.chats.http import LONG, Http, media_form
from adapters.chats.wecom.errors import Busy, meaning
from bot.ports import MediaTooLarge, PlatformDown

_TRIES: Final = 3
_PAUSE_S: Final = 0.2
_PART_BYTES: Final = 20 << 20
"""Most that media/get hands out at once."""
_RANGE: Final = "Range"
_TOO_LARGE: Final = 830002
_CHUNK_BYTES: Final = 1 << 18
Params = Mapping[str, str]


class Api(Http):
    """A client of one base address."""

    def __init__(self, base: str, answer_s: float) -> None:
        super().__init__("WeCom", answer_s)
        self._base = base.rstrip("/")

    async def get(self, path: str, params: Params) -> dict[str, Any]:
        """Ask. Raises ChatErrors."""
        return await self._insist("GET", path, params, None)

    async def post(self, path: str, params: Params, body: object) -> dict[str, Any]:
        """Have something done. Raises ChatErrors."""
        return await self._insist("POST", path, params, body)

    async def upload(self, path: str, params: Params, file: Path, name: str) -> dict[str, Any]:
        """Hand a file over, under a name of any letters. Raises ChatErrors."""
        async with (
            media_form(file, name) as form,
            self._asked("POST", path, params, form, {}, LONG) as answer,
        ):
            return self._checked(await answer.read())

    async def download(self, path: str, params: Params, target: Path, limit_bytes: int) -> None:
        """Fetch a file, in parts where it is large. Raises MediaGone, MediaTooLarge, PlatformDown."""
        with await asyncio.to_thread(target.open, "wb") as file:
            while True:
                start = file.tell()
                headers = {_RANGE: f"bytes={start}-{start + _PART_BYTES - 1}"} if start else {}
                async with self._asked("GET", path, params, None, headers, LONG) as answer:
                    more = await self._take(answer, file, limit_bytes)
                if not more:
                    return

    async def _take(self, answer: aiohttp.ClientResponse, file: Any, limit_bytes: int) -> bool:
        """Write one answer down; True if another part has to be asked for."""
        if hdrs.CONTENT_DISPOSITION not in answer.headers:  # a file has one, also one of text
            found = self.read(await answer.read())
            if found.get("errcode") != _TOO_LARGE:
                raise meaning(int(found.get("errcode", 0)))
            return await self._first_part(answer, file, limit_bytes)
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            file.write(chunk)
            if file.tell() > limit_bytes:
                raise MediaTooLarge(limit_bytes=limit_bytes)
        total = answer.headers.get(hdrs.CONTENT_RANGE, "").rpartition("/")[2]
        return total.isdecimal() and file.tell() < int(total)

    async def _first_part(
        self, refused: aiohttp.ClientResponse, file: Any, limit_bytes: int
    ) -> bool:
        if refused.request_info.headers.get(hdrs.RANGE):
            raise meaning(_TOO_LARGE)
        headers = {hdrs.RANGE: f"bytes=0-{_PART_BYTES - 1}"}
        url = refused.request_info.real_url
        async with self.session().get(url, headers=headers) as answer:
            return await self._take(answer, file, limit_bytes)

    async def _insist(self, method: str, path: str, params: Params, body: object) -> dict[str, Any]:
        for attempt in range(_TRIES):
            try:
                return await self._once(method, path, params, body)
            except Busy:
                if attempt + 1 == _TRIES:
                    raise
                await asyncio.sleep(_PAUSE_S)
        raise AssertionError("unreachable")

    async def _once(self, method: str, path: str, params: Params, body: object) -> dict[str, Any]:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers: Params = {hdrs.CONTENT_TYPE: "application/json"} if content else {}
        async with self._asked(method, path, params, content, headers) as answer:
            return self._checked(await answer.read())

    @contextlib.asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        params: Params,
        content: bytes | aiohttp.MultipartWriter | None,
        headers: Params,
        times: int = 1,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self.asked(method, self._base + path, params, content, headers, times) as answer:
            if answer.status >= 400:
                raise PlatformDown(f"WeCom answers with {answer.status}")
            yield answer

    def _checked(self, content: bytes) -> dict[str, Any]:
        """The answer, if it is none of an error."""
        found = self.read(content)
        code = int(found.get("errcode", 0))
        if code:
            raise meaning(code)
        return found
