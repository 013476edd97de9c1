"""What DingTalk's errors mean for the bot. Decided by code and status, never by the text, which changes.

DingTalk errs in two ways: the newer API with a status and a name, the older one and webhooks with status 200 and a number.
"""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from adapters.chats.troubles import SettingsWrong, TokenStale
from bot.ports import ChatError, ChatUnreachable, MediaGone, PlatformDown, Throttled

_BUSY_S: Final = 1.0
_NEEDED: Final = "requiredScopes"
_SCOPE: Final = re.compile(r"[A-Za-z][\w.]*\.[\w.]+")
_DENIED: Final = "AccessTokenPermissionDenied"


class PermissionMissing(SettingsWrong):
    """The app lacks permissions, which are named."""

    def __init__(self, scopes: Iterable[str]) -> None:
        self.scopes = tuple(scopes)
        named = ", ".join(self.scopes) or "one that DingTalk does not name"
        super().__init__(
            f"DingTalk misses a permission: {named}. Request it in the app's console, and publish a new version of the app"
        )


class SessionOver(ChatError):
    """The address that answers a message is over."""


class Blocked(ChatError):
    """We sent too fast, and are shut out for a while."""


def _wrong(what: str) -> Callable[[str], ChatError]:
    return lambda code: SettingsWrong(f"DingTalk ({code}): {what}")


def _unreachable(code: str) -> ChatError:
    return ChatUnreachable(f"DingTalk refuses this chat ({code})")


def _stale(code: str) -> ChatError:
    return TokenStale(f"DingTalk does not take the access token any more ({code})")


def _busy(_: str) -> ChatError:
    return Throttled(_BUSY_S)


_ROBOT: Final = _wrong("CHORUS_DINGTALK_ROBOT_CODE is no robot of this app")
NAMES: Final[Mapping[str, Callable[[str], ChatError]]] = {
    "invalidparameter.robotcode": _ROBOT,
    "bot.stopped": _wrong("the robot is switched off"),
    "token.notexisted": _stale,
    "invalidparameter.token": _stale,
    "invalidauthentication": _stale,
    "invalidparameter.userids": _unreachable,
    "miss.openconversationid": _unreachable,
    "invalid.openconversationid": _unreachable,
    "group.disbanded": _unreachable,
    "invalidclientidorsecret": _wrong("CHORUS_DINGTALK_CLIENT_ID and _SECRET do not match"),
    "authfailed": _wrong("CHORUS_DINGTALK_CLIENT_ID and _SECRET do not match"),
    "throttling": _busy,
    "forbidden.accessdenied.qpslimit": _busy,
    "forbidden.accessdenied": _wrong("the app may not do this from here: its allowed addresses"),
}
"""By the beginning of the name, in small letters; the first that fits."""

NUMBERS: Final[Mapping[int, Callable[[str], ChatError]]] = {
    -1: lambda code: PlatformDown(f"DingTalk is busy ({code})"),
    88: _stale,
    40001: _stale,
    40014: _stale,
    42001: _stale,
    300001: lambda code: SessionOver(f"the address that answers a message is over ({code})"),
    300005: _wrong("a token of CHORUS_DINGTALK_GROUP_ROBOTS is no group robot"),
    310000: _wrong(
        "a group robot refuses us: its security settings ask for another secret, a keyword, or other addresses"
    ),
    130101: lambda code: Blocked(f"we sent too fast ({code})"),
    302033: lambda code: Blocked(f"we sent too fast ({code})"),
    40004: lambda code: MediaGone(f"DingTalk has this file no more ({code})"),
    40007: lambda code: MediaGone(f"DingTalk has this file no more ({code})"),
}


def meaning(status: int, found: Mapping[str, Any]) -> ChatError:
    """The bot's own error for an answer of the newer API; what is not known is a fault of ours."""
    code = str(found.get("code", status))
    scopes = list(_scopes(found))
    if scopes or _DENIED in code:
        return PermissionMissing(scopes)
    known = next((NAMES[name] for name in NAMES if code.casefold().startswith(name)), None)
    if known is not None:
        return known(code)
    if status == 401:
        return _stale(code)
    if status == 429:
        return _busy(code)
    if status >= 500:
        return PlatformDown(f"DingTalk answers with {status} ({code})")
    return ChatError(f"DingTalk refuses what we ask ({code})")


def meaning_of_number(number: int) -> ChatError:
    """Likewise for the older API and webhooks."""
    made = NUMBERS.get(number)
    code = str(number)
    return ChatError(f"DingTalk refuses what we ask ({code})") if made is None else made(code)


def _scopes(found: Any) -> Iterable[str]:
    """Wherever in the answer they stand, or in its sentence."""
    listed = list(_listed(found))
    if not listed and isinstance(found, Mapping) and _DENIED in str(found.get("code", "")):
        listed = _SCOPE.findall(str(found.get("message", "")))
    return dict.fromkeys(listed)


def _listed(found: Any) -> Iterator[str]:
    if isinstance(found, str) and found.lstrip().startswith("{"):
        with contextlib.suppress(ValueError):
            found = json.loads(found)
    if not isinstance(found, Mapping):
        return
    for name, value in found.items():
        if name == _NEEDED:
            yield from map(str, value if isinstance(value, list) else [value])
        else:
            yield from _listed(value)
