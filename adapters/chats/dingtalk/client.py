"""What we ask of DingTalk as the robot of an app, with its access token."""

import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from adapters.chats.dingtalk.account import Account, Timing
from adapters.chats.dingtalk.api import Api
from adapters.chats.dingtalk.errors import PermissionMissing
from adapters.chats.dingtalk.rates import SharedRates
from adapters.chats.tokens import AccessTokens
from adapters.chats.troubles import SettingsWrong, TokenStale
from bot.ports import Chat, ChatError, ChatUnreachable, MediaGone, Memory, PlatformDown, Throttled
from worker.contract.operations import note

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
_TO_PEOPLE: Final = "/v1.0/robot/oToMessages/batchSend"
_TO_GROUPS: Final = "/v1.0/robot/groupMessages/send"
_FILES: Final = "/v1.0/robot/messageFiles/download"
_CARDS: Final = "/v1.0/card/instances"


class Client:
    """The robot's requests."""

    def __init__(
        self,
        api: Api,
        memory: Memory,
        mailbox: str,
        account: Account,
        rates: SharedRates,
        timing: Timing,
    ) -> None:
        self._api = api
        self._account = account
        self._rates = rates
        self._timing = timing
        self._tokens = AccessTokens(memory, mailbox, api.token)
        self._old_tokens = AccessTokens(memory, f"{mailbox}:old", api.old_token)
        self._old_fashioned = False
        self._told: set[str] = set()
        """What the log has of that."""

    async def send(self, chat: Chat, kind: str, param: dict[str, str]) -> str:
        """Send a message to a group or a person; its name. Raises as ``ChatAdapter.post``."""
        body: dict[str, Any] = {
            "robotCode": self._account.robot_code,
            "msgKey": kind,
            "msgParam": json.dumps(param, ensure_ascii=False),
        }
        if not chat.private:
            body |= {"openConversationId": chat.id}
            found = await self._call("POST", _TO_GROUPS, body, chat)
        else:
            body |= {"userIds": [chat.id]}
            found = await self._call("POST", _TO_PEOPLE, body, chat)
            # Told beside success, each for itself.
            if chat.id in _listed(found.get("invalidStaffIdList")):
                raise ChatUnreachable("DingTalk does not know this person any more")
            if chat.id in _listed(found.get("flowControlledStaffIdList")):
                raise Throttled(self._timing.controlled_s)
        return str(found.get("processQueryKey") or "")

    async def upload(self, kind: str, file: Path, name: str) -> str:
        """Hand a file over to be sent; its media id."""
        await self._rates.room_for_request("upload")
        if not self._old_fashioned:
            with contextlib.suppress(SettingsWrong):
                return await self._upload(self._tokens, kind, file, name)
            self._old_fashioned = True  # some installations want a token of the older API for this
        return await self._upload(self._old_tokens, kind, file, name)

    async def _upload(self, tokens: AccessTokens, kind: str, file: Path, name: str) -> str:
        return await self._with_token(
            tokens, lambda token: self._api.upload(token, kind, file, name)
        )

    async def address_of(self, code: str) -> str:
        """Where the file of a download code lies. Raises MediaGone, PermissionMissing, PlatformDown."""
        body = {"downloadCode": code, "robotCode": self._account.robot_code}
        try:
            found = await self._call("POST", _FILES, body)
        except (PlatformDown, Throttled):
            raise
        except ChatError as error:
            raise MediaGone(f"a download code is over: {error}") from error
        url = str(found.get("downloadUrl") or "")
        if not url.startswith(("https://", "http://")):
            raise MediaGone("a download code leads nowhere")
        return url

    async def show_card(
        self, chat: Chat, card: str, params: dict[str, str], mention: dict[str, str]
    ) -> None:
        """Show a card under a name of ours; in a group it may mention people (names by staff ids).

        Raises as ``ChatAdapter.post``.
        """
        robot = self._account.robot_code
        body: dict[str, Any] = {
            "cardTemplateId": self._account.card_template,
            "outTrackId": card,
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": params},
            "userIdType": 1,
        }
        if chat.private:
            body |= {
                "openSpaceId": f"dtv1.card//IM_ROBOT.{chat.id}",
                "imRobotOpenSpaceModel": {"supportForward": False},
                "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": robot},
            }
        else:
            deliver: dict[str, Any] = {"robotCode": robot}
            if mention:
                deliver["atUserIds"] = mention
            body |= {
                "openSpaceId": f"dtv1.card//IM_GROUP.{chat.id}",
                "imGroupOpenSpaceModel": {"supportForward": False},
                "imGroupOpenDeliverModel": deliver,
            }
        found = await self._call("POST", f"{_CARDS}/createAndDeliver", body, chat)
        if _undelivered(found):  # told beside success
            raise ChatUnreachable("DingTalk shows this card to nobody")

    async def change_card(self, card: str, params: dict[str, str]) -> None:
        """Change some of what a card shows, and leave the rest."""
        body = {
            "outTrackId": card,
            "cardData": {"cardParamMap": params},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }
        await self._call("PUT", _CARDS, body, budget="revise")

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        chat: Chat | None = None,
        *,
        budget: str = "",
    ) -> dict[str, Any]:
        """Ask with a token; what is said in a chat waits for its room last of all, so that it arrives at once."""

        async def ask(token: str) -> dict[str, Any]:
            await self._rates.room_for_request(budget or path)
            if chat is not None:
                await self._rates.room(chat.id)
            return await self._api.call(method, path, body, token)

        return await self._with_token(self._tokens, ask)

    async def _with_token(self, tokens: AccessTokens, ask: Callable[[str], Awaitable[_T]]) -> _T:
        """Ask, once more with a new token if DingTalk took the old one back."""
        for attempt in range(2):
            token = ""
            try:
                token = await tokens.current()
                return await ask(token)
            except TokenStale:
                if attempt == 0:  # a new one that is refused as well is not to blame
                    await tokens.drop(token)
            except SettingsWrong as error:
                self._tell(error)
                raise
        raise SettingsWrong("DingTalk takes no access token of this app")

    def _tell(self, error: SettingsWrong) -> None:
        """The operator hears once of what only they can mend, and of each permission."""
        if str(error) not in self._told:
            self._told.add(str(error))
            _LOG.warning("%s", error)
            if isinstance(error, PermissionMissing):
                note("permission.missing", platform="dingtalk", why=", ".join(error.scopes))


def _undelivered(found: dict[str, Any]) -> bool:
    """Whether it says of a place that the card is not there; not all answers say it."""
    result = found.get("result")
    told = result.get("deliverResults") if isinstance(result, dict) else None
    each = told if isinstance(told, list) else []
    return any(isinstance(one, dict) and one.get("success") is False for one in each)


def _listed(found: Any) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list) else []
