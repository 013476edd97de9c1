"""What we ask of WeCom as the self-built app, with its access token."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from adapters.chats.tokens import AccessTokens, Ask
from adapters.chats.troubles import SettingsWrong, TokenStale
from adapters.chats.wecom.account import AppAccount
from adapters.chats.wecom.api import Api
from adapters.chats.wecom.cards import Card
from adapters.chats.wecom.rates import SharedRates
from adapters.chats.wecom.writing import shortened
from bot.ports import Chat, ChatUnreachable

_T = TypeVar("_T")
TITLE_BYTES: Final = 128
TAKEN_BYTES: Final = 100_000_000
"""Largest file we take; WeCom itself hands out as much as people may send."""


class AppClient:
    """The app's requests."""

    def __init__(
        self, api: Api, tokens: AccessTokens, account: AppAccount, rates: SharedRates
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._account = account
        self._rates = rates

    async def send_text(self, chat: Chat, text: str, key: str) -> str:  # noqa: ARG002 - WeCom has no name for a request
        """Send a text to a person; the message's id."""
        return await self._send(chat, {"msgtype": "text", "text": {"content": text}})

    async def send_card(self, chat: Chat, card: Card, key: str) -> str:  # noqa: ARG002
        """Send a card likewise."""
        return await self._send(chat, {"msgtype": "template_card", "template_card": card.body})

    async def send_answer(self, chat: Chat, text: str, card: Card, key: str) -> str:  # noqa: ARG002
        """There is no such thing here."""
        return ""

    async def make_group(self, chat: str, name: str, people: Sequence[str]) -> None:
        """Make a group under an id of ours; its owner comes first. Raises ChatUnreachable if somebody in it is none."""
        body = {"name": name, "owner": people[0], "userlist": list(people), "chatid": chat}
        await self._call("/cgi-bin/appchat/create", body)

    async def send_in_group(self, chat: str, markdown: str) -> None:
        """Say something in a group that we made."""
        await self._rates.room(chat)
        body = {"chatid": chat, "msgtype": "markdown", "markdown": {"content": markdown}, "safe": 0}
        await self._call("/cgi-bin/appchat/send", body)

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Hand a file over to be sent; its media id, which lives for three days."""
        found = await self._with_token(
            lambda params: self._api.upload(
                "/cgi-bin/media/upload", {**params, "type": kind}, file, name
            )
        )
        return str(found["media_id"])

    async def send_media(self, chat: Chat, kind: str, media_id: str, name: str, key: str) -> str:  # noqa: ARG002
        """Send an image, a video or a file that was handed over. Raises MediaGone if that is too long ago."""
        title = {"title": shortened(name, TITLE_BYTES)} if kind == "video" else {}
        return await self._send(chat, {"msgtype": kind, kind: {"media_id": media_id, **title}})

    async def close_card(
        self, person: str, response_code: str, done: str, card: dict[str, Any] | None
    ) -> None:
        """Let a card that was pressed show that it was: on its button, or as the card that is given."""
        body = {
            "userids": [person],
            "agentid": int(self._account.agent_id),
            "response_code": response_code,
            **({"button": {"replace_name": done}} if card is None else {"template_card": card}),
        }
        await self._call("/cgi-bin/message/update_template_card", body)

    async def fetch(self, media_id: str, target: Path) -> None:
        """Fetch what somebody sent. Raises MediaGone, MediaTooLarge, PlatformDown."""
        await self._with_token(
            lambda params: self._api.download(
                "/cgi-bin/media/get", {**params, "media_id": media_id}, target, TAKEN_BYTES
            )
        )

    async def show_menu(self, menu: dict[str, Any]) -> None:
        """Tell WeCom what stands below the chat."""
        await self._call("/cgi-bin/menu/create", menu, self._agent)

    @property
    def _agent(self) -> dict[str, str]:
        return {"agentid": self._account.agent_id}

    async def _send(self, chat: Chat, message: dict[str, Any]) -> str:
        await self._rates.room(chat.id)
        body = {"touser": chat.id, "agentid": int(self._account.agent_id), "safe": 0, **message}
        found = await self._call("/cgi-bin/message/send", body)
        if found.get("invaliduser") or found.get("unlicenseduser"):  # told beside errcode 0
            raise ChatUnreachable(
                "WeCom does not know this person, the app may not write to them, or their seat has no licence"
            )
        return str(found.get("msgid", ""))

    async def _call(
        self, path: str, body: object, more: dict[str, str] | None = None
    ) -> dict[str, Any]:
        return await self._with_token(
            lambda params: self._api.post(path, {**params, **(more or {})}, body)
        )

    async def _with_token(self, ask: Callable[[dict[str, str]], Awaitable[_T]]) -> _T:
        """Ask, once more with a new token if WeCom took the old one back."""
        for _ in range(2):
            token = await self._tokens.current()
            try:
                return await ask({"access_token": token})
            except TokenStale:
                await self._tokens.drop(token)
        raise SettingsWrong("WeCom takes no access token of this app")


def asks_for_token(api: Api, account: AppAccount) -> Ask:
    """How the app's access token is asked for. Raises SettingsWrong, PlatformDown."""

    async def ask() -> tuple[str, int]:
        params = {"corpid": account.corp_id, "corpsecret": account.secret}
        try:
            found = await api.get("/cgi-bin/gettoken", params)
        except TokenStale as error:
            raise SettingsWrong("WeCom does not accept CHORUS_WECOM_APP_SECRET") from error
        return str(found["access_token"]), int(found.get("expires_in", 7200))

    return ask
