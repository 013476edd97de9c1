"""``/metrics``: for whoever has the token, or, while none is set and the door is this machine's own, for this machine only.

The door may be public, and figures tell how busy a company is. Behind a front server every request comes from this machine, and
not every front server says for whom it asks: a door with a public address shows nothing without the token. What is forwarded
(``X-Forwarded-For``, ``Forwarded``) counts as from outside in any case, whatever it says.
"""

import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import hdrs, web

_log = logging.getLogger(__name__)

_BEARER: Final = "Bearer "
_FORWARDED: Final = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")


class MetricsPage:
    """The handler."""

    def __init__(
        self,
        text: Callable[[], Awaitable[bytes]],
        content_type: str,
        token: str | None,
        *,
        public: bool,
    ) -> None:
        """Keep what is needed to answer.

        Args:
            text: What is shown.
            content_type: Of that.
            token: Who sends it as a bearer token may see it, from anywhere; None: this machine alone may.
            public: The door is reached from outside too: then nobody may without a token.
        """
        self._text = text
        self._content_type = content_type
        self._token = token
        self._public = public

    async def answer(self, request: web.Request) -> web.Response:
        """200 with the figures; 401 without the token; 404 for whoever need not know that there are any."""
        if self._token is not None:
            if not _has(request, self._token):
                return web.Response(status=401, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
        elif self._public or not _is_near(request):
            raise web.HTTPNotFound
        headers = {hdrs.CONTENT_TYPE: self._content_type, hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=await self._text(), headers=headers)


def _has(request: web.Request, token: str) -> bool:
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    return given.startswith(_BEARER) and hmac.compare_digest(
        # A header may hold bytes that are no text.
        given.removeprefix(_BEARER).encode(errors="surrogateescape"),
        token.encode(),
    )


def _is_near(request: web.Request) -> bool:
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
