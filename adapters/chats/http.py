"""Requests to a platform over HTTP. Secrets stand in addresses, so no error of the library gets out of here: they quote them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from aiohttp import hdrs

from bot.ports import ChatError, PlatformDown

LONG: Final = 6
"""A file may take so many times as long as another answer."""


class Http:
    """Connections that are opened when they are needed."""

    def __init__(self, platform: str, answer_s: float) -> None:
        """Prepare.

        Args:
            platform: As errors name it.
            answer_s: How long one request may take.
        """
        self._platform = platform
        self._answer_s = answer_s
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of the connections; a later request opens new ones."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    @contextlib.asynccontextmanager
    async def asked(
        self,
        method: str,
        url: str,
        params: Mapping[str, str],
        content: bytes | aiohttp.MultipartWriter | None,
        headers: Mapping[str, str],
        times: int = 1,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, which may take ``times`` as long as others. Raises PlatformDown, ChatError."""
        try:
            async with (
                asyncio.timeout(self._answer_s * times),
                self.session().request(
                    method, url, params=params, data=content, headers=headers
                ) as answer,
            ):
                yield answer
        except aiohttp.InvalidURL:
            raise ChatError("an address is none") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            why = type(error).__name__
            raise PlatformDown(f"{self._platform} does not answer: {why}") from None

    def session(self) -> aiohttp.ClientSession:
        """The connections."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    def read(self, content: bytes) -> dict[str, Any]:
        """An answer that is JSON. Raises PlatformDown, ChatError."""
        try:
            found = json.loads(content)
        except ValueError:
            raise PlatformDown(f"{self._platform} answers with no JSON") from None
        if not isinstance(found, dict):
            raise ChatError(f"{self._platform} answers with another JSON than documented")
        return found


@contextlib.asynccontextmanager
async def media_form(file: Path, name: str) -> AsyncIterator[aiohttp.MultipartWriter]:
    """A file under a name of any letters, as a form that hands it over."""
    size_bytes = (await asyncio.to_thread(file.stat)).st_size
    plain = f"file{PurePath(name).suffix}" if PurePath(name).suffix.isascii() else "file"
    with await asyncio.to_thread(file.open, "rb") as content:
        form = aiohttp.MultipartWriter("form-data")
        part = form.append(content, {hdrs.CONTENT_TYPE: "application/octet-stream"})
        # The plain name for those who do not read the other one (RFC 5987).
        part.headers[hdrs.CONTENT_DISPOSITION] = (
            f'form-data; name="media"; filename="{plain}"; '
            f"filename*=UTF-8''{quote(name, safe='')}; filelength={size_bytes}"
        )
        yield form
