"""The library's client: where it talks to, how long it waits, and what it must not write into the log."""

import functools
import logging
import os
import ssl
from typing import Any, Final

import httpx
from telegram._utils.defaultvalue import DefaultValue
from telegram._utils.types import ODVInput
from telegram.ext import ExtBot
from telegram.request import BaseRequest, HTTPXRequest, RequestData
from typing_extensions import override

from adapters.chats.telegram.rates import Kind, SharedRates

os.environ.setdefault("PTB_TIMEDELTA", "1")  # its times as timedelta, without a warning for each

CLOUD: Final = "https://api.telegram.org"
_CONNECT_S: Final = 5.0
_POOL_S: Final = 10.0
_UPLOAD_S: Final = 120.0
_STORING: Final = 3
"""So many times longer than another answer that to an upload may take: Telegram answers once it has stored the file,"""
_STORING_BYTES_S: Final = 500_000
"""and longer by what it stores in a second at its slowest."""
_CONNECTIONS: Final = 64

for _name in ("httpx", "httpcore"):  # every URL holds the token, and httpx logs it at INFO
    logging.getLogger(_name).setLevel(logging.WARNING)
logging.getLogger("telegram").setLevel(logging.CRITICAL)  # what it cannot do it raises, too


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Whom we trust over TLS, read once: it takes longer than all the rest of a client."""
    return httpx.create_ssl_context()


class KeptAnswer(HTTPXRequest):
    """Keeps the last answer as it came: an update that the library cannot read must not hold up the others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.payload = b""

    @override
    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """As the library does it, and keep what came."""
        self.payload = b""
        code, self.payload = await super().do_request(*args, **kwargs)
        return code, self.payload


class Uploading(HTTPXRequest):
    """Waits for the answer to a file as long as the file is large: who gives up too early sends it again."""

    @override
    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        *args: Any,
        **kwargs: Any,
    ) -> tuple[int, bytes]:
        """As the library does it."""
        size_bytes = _uploaded_bytes(request_data)
        if size_bytes and isinstance(read_timeout, DefaultValue) and self.read_timeout is not None:
            read_timeout = _STORING * self.read_timeout + size_bytes / _STORING_BYTES_S
        return await super().do_request(url, method, request_data, read_timeout, *args, **kwargs)


def _uploaded_bytes(data: RequestData | None) -> int:
    """The size of the files that go with a request; the library holds them in memory."""
    files = data.multipart_data.values() if data is not None else ()
    return sum(len(content) for _, content, _ in files if isinstance(content, bytes))


def make_bot(
    token: str, api_base: str | None, answer_s: float, rates: SharedRates | None = None
) -> tuple[ExtBot[Kind], KeptAnswer]:
    """A client and the connection of its long poll.

    Args:
        token: Of the bot.
        api_base: A Bot API server of our own; None is Telegram's.
        answer_s: How long a request may take; a long poll may take its own time on top.
        rates: Asked before each request.
    """
    base = (api_base or CLOUD).rstrip("/")
    options: dict[str, Any] = {
        "connect_timeout": _CONNECT_S,
        "pool_timeout": _POOL_S,
        "read_timeout": answer_s,
        "httpx_kwargs": {"verify": _trusted()},
    }
    polling = KeptAnswer(connection_pool_size=1, **options)
    request = Uploading(
        connection_pool_size=_CONNECTIONS,
        write_timeout=answer_s,
        media_write_timeout=_UPLOAD_S,
        **options,
    )
    bot: ExtBot[Kind] = ExtBot(
        token=token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=request,
        get_updates_request=polling,
        rate_limiter=rates,
    )
    return bot, polling
