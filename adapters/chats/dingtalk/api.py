"""DingTalk over HTTP: one request, its answer, its errors.

Tokens stand in addresses, so no error of the HTTP library gets out of here: they quote them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs

from adapters.chats.dingtalk.account import Account
from adapters.chats.dingtalk.errors import meaning, meaning_of_number
from adapters.chats.http import LONG, Http, media_form
from adapters.chats.troubles import SettingsWrong, TokenStale
from bot.ports import ChatError, PlatformDown, Throttled

TOKEN_HEADER: Final = "x-acs-dingtalk-access-token"  # noqa: S105 - the header's name
_Body = Mapping[str, Any]


class Api(Http):
    """A client of both APIs of one account."""

    def __init__(self, account: Account, answer_s: float) -> None:
        super().__init__("DingTalk", answer_s)
        self._account = account
        self._base = account.api_base.rstrip("/")
        self._oapi = account.oapi_base.rstrip("/")

    async def call(self, method: str, path: str, body: _Body, token: str = "") -> dict[str, Any]:
        """Ask the newer API. Raises ChatErrors."""
        headers: dict[str, str] = {TOKEN_HEADER: token} if token else {}
        content = json.dumps(body, ensure_ascii=False).encode()
        headers[hdrs.CONTENT_TYPE] = "application/json"
        async with self.asked(method, f"{self._base}{path}", {}, content, headers) as answer:
            found = self._lenient(answer.status, await answer.read())
            if answer.status >= 400:
                raise meaning(answer.status, found)
            return found

    async def post_to(self, url: str, body: _Body, params: Mapping[str, str] | None = None) -> None:
        """Post to a webhook, which may be over. Raises ChatErrors."""
        content = json.dumps(body, ensure_ascii=False).encode()
        headers: dict[str, str] = {hdrs.CONTENT_TYPE: "application/json"}
        async with self.asked("POST", url, params or {}, content, headers) as answer:
            self._check(answer.status, await answer.read())

    async def post_to_robot(self, params: Mapping[str, str], body: _Body) -> None:
        """Post to a group robot. Raises ChatErrors."""
        await self.post_to(f"{self._oapi}/robot/send", body, params)

    async def upload(self, token: str, kind: str, file: Path, name: str) -> str:
        """Hand a file over, under a name of any letters; its media id. Raises ChatErrors."""
        params, url = {"access_token": token, "type": kind}, f"{self._oapi}/media/upload"
        async with (
            media_form(file, name) as form,
            self.asked("POST", url, params, form, {}, LONG) as answer,
        ):
            found = self._check(answer.status, await answer.read())
        return str(found.get("media_id", ""))

    async def token(self) -> tuple[str, int]:
        """A new access token, and the seconds it lives. Raises SettingsWrong, PlatformDown."""
        body = {"appKey": self._account.client_id, "appSecret": self._account.client_secret}
        try:
            found = await self.call("POST", "/v1.0/oauth2/accessToken", body)
        except TokenStale:
            raise _unknown_app() from None
        except (PlatformDown, Throttled):
            raise
        except ChatError as error:
            raise _unknown_app() from error
        return _given(found, "accessToken", "expireIn")

    async def old_token(self) -> tuple[str, int]:
        """A token of the older API, which some installations want for files."""
        params = {"appkey": self._account.client_id, "appsecret": self._account.client_secret}
        url = f"{self._oapi}/gettoken"
        async with self.asked("GET", url, params, None, {}) as answer:
            found = self._check(answer.status, await answer.read())
        return _given(found, "access_token", "expires_in")

    def _check(self, status: int, content: bytes) -> dict[str, Any]:
        """The answer of the older API, if it is none of an error."""
        if status >= 500:
            raise PlatformDown(f"DingTalk answers with {status}")
        found = self._lenient(status, content)
        number = int(found.get("errcode") or 0)
        if number:
            raise meaning_of_number(number)
        if status >= 400:
            raise meaning(status, found)
        return found

    def _lenient(self, status: int, content: bytes) -> dict[str, Any]:
        """JSON; what comes with a fault may be anything."""
        try:
            return self.read(content or b"{}")
        except ChatError:
            if status >= 400:
                return {}
            raise


def _given(found: Mapping[str, Any], token: str, lifetime: str) -> tuple[str, int]:
    """A token, and the seconds it lives. Raises PlatformDown if there is none in it."""
    try:
        return str(found[token]), int(found.get(lifetime) or 7200)
    except (KeyError, TypeError, ValueError):
        raise PlatformDown("DingTalk gives no access token") from None


def _unknown_app() -> SettingsWrong:
    return SettingsWrong("DingTalk does not accept CHORUS_DINGTALK_CLIENT_ID and _SECRET")
