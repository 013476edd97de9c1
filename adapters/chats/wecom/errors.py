"""What WeCom's error codes mean for the bot. Decided by the code, never by its text, which changes."""

from collections.abc import Callable, Mapping
from typing import Final

from adapters.chats.troubles import SettingsWrong, TokenStale
from bot.ports import ChatError, ChatUnreachable, MediaGone, PlatformDown, Throttled

_BLOCKED_S: Final = 60.0
"""Who went over a limit of a minute is shut out for one."""


class Busy(PlatformDown):
    """Try again in a moment."""


class StreamOver(ChatError):
    """An answer that grew is finished; what is left is said in a new message."""


def _unreachable(code: int) -> ChatError:
    return ChatUnreachable(f"WeCom refuses this chat ({code})")


def _wrong(what: str) -> Callable[[int], ChatError]:
    return lambda code: SettingsWrong(f"WeCom ({code}): {what}")


def _stale(code: int) -> ChatError:
    return TokenStale(f"WeCom does not take the access token any more ({code})")


def _busy(code: int) -> ChatError:
    return Busy(f"WeCom is busy ({code})")


def _throttled(_: int) -> ChatError:
    return Throttled(_BLOCKED_S)


MEANINGS: Final[Mapping[int, Callable[[int], ChatError]]] = {
    -1: _busy,
    6000: _busy,
    40001: _stale,  # also: the secret is wrong, which asking for a new token tells
    40014: _stale,
    42001: _stale,
    40013: _wrong("CHORUS_WECOM_CORP_ID is no corporation"),
    40056: _wrong("CHORUS_WECOM_APP_AGENT_ID is no app"),
    301002: _wrong("the app with this agent id has another secret"),
    48002: _wrong("this app may not use the API"),
    60020: _wrong("the address of this machine is not among the app's trusted IPs"),
    93000: _wrong("a key of CHORUS_WECOM_GROUP_ROBOTS is no group robot"),
    40003: _unreachable,
    40031: _unreachable,
    60011: _unreachable,
    81013: _unreachable,
    82001: _unreachable,
    86001: _unreachable,
    93006: _unreachable,
    40007: lambda code: MediaGone(f"WeCom has this file no more ({code})"),
    45009: _throttled,
    45033: _throttled,
    846605: lambda code: StreamOver(f"what is answered is over ({code})"),
    846608: lambda code: StreamOver(f"the answer may not grow any more ({code})"),
}


def meaning(code: int) -> ChatError:
    """The bot's own error for one of WeCom's; what is not known is a fault of ours."""
    made = MEANINGS.get(code)
    return ChatError(f"WeCom refuses what we ask ({code})") if made is None else made(code)
