"""Where the errors of python-telegram-bot end.

Telegram says most of what it refuses in one class, ``BadRequest``, and in words; they are matched without regard to case,
because the library capitalises them.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    PassportDecryptionError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.ports import (
    ChatError,
    ChatUnreachable,
    MediaGone,
    MediaTooLarge,
    PlatformDown,
    Throttled,
)


class TokenRefused(PlatformDown):
    """The operator's to mend; until then the platform is away."""


_NO_CHAT: Final = (
    "chat not found",
    "group chat was deactivated",
    "user is deactivated",
    "no rights to send",
    "not enough rights",
    "chat_write_forbidden",
    "chat_restricted",
    "peer_id_invalid",
    "topic_closed",
    "topic_deleted",
    "message thread not found",
)
_NO_MESSAGE: Final = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
    "there is no caption in the message to edit",
)
_OTHER_KIND: Final = (
    "there is no text in the message",
    "there is no caption in the message",
    "there is no media in the message",
)
_NO_PICTURE: Final = (
    "photo",
    "image_",
    "send_media",
    "media",
    "wrong file",
    "wrong remote file",
    "wrong type",
)
_NO_FILE: Final = ("wrong file_id", "wrong file identifier", "file_reference", "wrong remote file")
FETCHED_BYTES: Final = 20_000_000
"""The largest file that Telegram hands out, and a server of our own that was started without ``--local``."""
_NOT_NOW: Final = "temporarily unavailable"
_LARGE_FILE: Final = ("file is too big", "request entity too large")
_NO_TOPIC: Final = ("topic_closed", "topic_deleted", "message thread not found")
_NO_MEMBER: Final = ("user not found", "member not found", "participant_id_invalid")
_SAME: Final = "message is not modified"
_BAD_LINK: Final = ("button url", "button_url")
"""In the words of the Bot API server, and of Telegram behind it."""
_LINK: Final = re.compile(r"https?://[^\s'\"]+", re.IGNORECASE)


def says(error: TelegramError, *words: str) -> bool:
    """Whether an error holds one of these."""
    said = str(error).casefold()
    return any(word in said for word in words)


def is_unchanged(error: BadRequest) -> bool:
    """The message looks like this already."""
    return says(error, _SAME)


def lacks_topic(error: BadRequest) -> bool:
    """The topic is closed or was deleted."""
    return says(error, *_NO_TOPIC)


def is_of_other_kind(error: BadRequest) -> bool:
    """A text was taken for a picture, or the other way round."""
    return says(error, *_OTHER_KIND)


def lacks_picture(error: BadRequest) -> bool:
    """Telegram does not know the picture (any more), cannot show it, or we may send none to this group."""
    return says(error, *_NO_PICTURE)


def lacks_link(error: BadRequest) -> bool:
    """Telegram takes no button with such an address, like one of the own machine."""
    return says(error, *_BAD_LINK) and says(error, "invalid", "wrong")


def is_unexplained(error: BadRequest) -> bool:
    """Telegram refuses it for a reason that we do not know."""
    return type(_refused(error)) is ChatError


def may_come_back(error: BaseException | None) -> bool:
    """A file is gone, or cannot be had at the moment: Telegram says both in one sentence."""
    return isinstance(error, BadRequest) and says(error, _NOT_NOW)


def lacks_member(error: BaseException | None) -> bool:
    """The person is not in that chat."""
    return isinstance(error, BadRequest) and says(error, *_NO_MEMBER)


def leaves_doubt(error: BaseException | None) -> bool:
    """Whether Telegram may have done what was asked: it got all of it, and its answer did not come."""
    cause = error.__cause__ if isinstance(error, TelegramError) else None
    return isinstance(cause, httpx.ReadTimeout | httpx.ReadError | httpx.RemoteProtocolError)


def _refused(error: TelegramError) -> ChatError:
    if says(error, *_NO_CHAT):
        return ChatUnreachable(f"Telegram: {error}")
    if says(error, *_NO_MESSAGE):
        return ChatUnreachable(f"the message is gone: {error}")
    if says(error, *_LARGE_FILE):
        return MediaTooLarge(str(error), FETCHED_BYTES)
    if says(error, *_NO_FILE):
        return MediaGone(str(error))
    return ChatError(f"Telegram refuses what we ask: {error}")  # a fault of ours


def _network(error: TelegramError) -> ChatError:
    if says(error, *_LARGE_FILE):
        return MediaTooLarge(str(error))
    return PlatformDown(f"Telegram does not answer: {error}")


def _throttled(error: TelegramError) -> ChatError:
    return Throttled(seconds_of(error))


def seconds_of(error: TelegramError) -> float:
    """How long a 429 asks us to wait."""
    assert isinstance(error, RetryAfter)  # noqa: S101 - the table below calls it for no other
    after = error.retry_after
    return float(after) if isinstance(after, int) else after.total_seconds()


MEANINGS: Final[Mapping[type[TelegramError], Callable[[TelegramError], ChatError]]] = {
    BadRequest: _refused,
    ChatMigrated: lambda error: ChatUnreachable(f"Telegram: {error}"),  # sending follows; see moves
    Conflict: lambda _: PlatformDown("somebody else fetches the updates of this bot"),
    EndPointNotFound: lambda error: ChatError(f"the Bot API server is too old: {error}"),
    Forbidden: lambda error: ChatUnreachable(f"Telegram: {error}"),
    InvalidToken: lambda _: TokenRefused("Telegram does not accept CHORUS_TELEGRAM_TOKEN"),
    NetworkError: _network,
    PassportDecryptionError: lambda _: ChatError("a passport was sent, which nobody asked for"),
    RetryAfter: _throttled,
    TelegramError: lambda error: PlatformDown(f"Telegram: {error}"),  # an answer that is no JSON
    TimedOut: lambda _: PlatformDown("Telegram does not answer in time"),
}
"""What each class of the library means for the bot; the nearest ancestor counts (BadRequest is a NetworkError)."""


def meaning(error: TelegramError) -> ChatError:
    """The bot's own error for one of the library."""
    nearest = next(kind for kind in type(error).__mro__ if kind in MEANINGS)
    return MEANINGS[nearest](error)


@contextlib.contextmanager
def ours() -> Iterator[None]:
    """Turn the library's errors into the bot's.

    The library quotes the token when the server rejects it, and Telegram the Links that it refuses, which are signed: they
    are taken out of the cause.
    """
    try:
        yield
    except InvalidToken as error:
        error.message = "the token was rejected"
        raise meaning(error) from error
    except TelegramError as error:
        error.message = _LINK.sub("…", error.message)
        raise meaning(error) from error
