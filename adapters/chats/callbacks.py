"""What all callback addresses do alike: no body without end, and a 4xx for what is not the platform's."""

import logging
from typing import Final

from aiohttp import web

from worker.contract.figures import FIGURES
from worker.contract.operations import note

_LOG = logging.getLogger(__name__)

_BODY_BYTES: Final = 1 << 20


class Refused(Exception):
    """A callback that is answered with a 4xx."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Refusals:
    """Counts what is refused at one address."""

    def __init__(self, platform: str, shown: str) -> None:
        """Prepare.

        Args:
            platform: As records name it.
            shown: As people do.
        """
        self._platform = platform
        self._shown = shown
        self.count = 0
        """Callbacks that were not the platform's, or not for us."""

    def answer(self, refused: Refused) -> web.Response:
        """The answer to what is refused; counted, and told to the log without what it held."""
        self.count += 1
        FIGURES.count("refused_callbacks", self._platform)
        note("callback.refused", platform=self._platform, why=str(refused))
        told = "A callback of %s is refused (%d so far): %s"
        _LOG.warning(told, self._shown, self.count, refused)
        return web.Response(status=refused.status)


async def body_of(request: web.Request) -> str:
    """The body, up to a length that no callback has. Raises Refused."""
    if (request.content_length or 0) > _BODY_BYTES:
        raise Refused(413, "too long")
    content = await request.content.read(_BODY_BYTES + 1)
    while len(content) <= _BODY_BYTES and not request.content.at_eof():
        content += await request.content.read(_BODY_BYTES + 1 - len(content))
    if len(content) > _BODY_BYTES:
        raise Refused(413, "too long")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Refused(400, "no text") from None
