"""What a client had read when it asked: only who has read that it must wait should have known better.

The server cannot tell. Both may run in one busy process, so that any time passes between a refusal and its being read, and
between asking and being heard. So a client that runs beside the fake is watched: when it asked, and when it had read what.
"""

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from telegram.request import BaseRequest

NUMBER: Final = "asked"
"""The parameter of a URL that names the request."""
REFUSAL: Final = "refusal"
"""The parameter of an answer that names the refusal."""
_TELLING_S: Final = 0.1
"""What one client has read, another one of the same bot knows so much later."""


@dataclass(frozen=True)
class _Moment:
    client: int
    at_s: float


class Watch:
    """Looks over the shoulders of clients in this process."""

    def __init__(self) -> None:
        self._clients = itertools.count()
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Moment] = {}
        self._read: dict[int, _Moment] = {}

    def over(self, request: BaseRequest) -> None:
        """Watch a client of the library."""
        client, ask = next(self._clients), request.do_request

        async def watched(url: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
            number = next(self._numbers)
            self._asked[number] = _Moment(client, time.monotonic())
            code, payload = await ask(f"{url}?{NUMBER}={number}", *args, **kwargs)
            if code == HTTPStatus.TOO_MANY_REQUESTS:
                refusal = json.loads(payload)["parameters"][REFUSAL]
                self._read[refusal] = _Moment(client, time.monotonic())
            return code, payload

        request.do_request = watched  # type: ignore[method-assign]  # the library makes its own

    def knew(self, number: str | None, refusals: Iterable[int]) -> bool | None:
        """Whether a client knew of any of these when it asked; None: it is not watched."""
        if number is None:
            return None
        asked = self._asked[int(number)]
        return any(
            asked.at_s - read.at_s >= (0.0 if asked.client == read.client else _TELLING_S)
            for refusal in refusals
            if (read := self._read.get(refusal)) is not None
        )
