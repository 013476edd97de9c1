"""What a message to the robot means. Pure: no network, no memory.

In a group only messages that mention the robot come, and a voice note cannot mention: it is quoted. Where the quoted message
stands depends on client and age, so it is looked for wherever it was ever seen.
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final, Literal

from adapters.chats.files import kind_of
from adapters.chats.parsing import read_json

Kind = Literal["voice", "audio", "video", "document", "picture"]
_QUOTES: Final = ("repliedMsg", "quoteMessage", "quoteMsg")
_NAMED: Final[Mapping[str, tuple[Kind, str, str]]] = {
    "audio": ("voice", "语音", ""),
    "voice": ("voice", "语音", ""),
    "video": ("video", "视频", ".mp4"),
    "file": ("document", "文件", ""),
    "picture": ("picture", "图片", ".jpg"),
    "image": ("picture", "图片", ".jpg"),
}
"""What a kind of message is to us, and what it is called where it has no name."""
_WORDS_ONLY: Final = frozenset(
    {"text", "markdown", "interactivecard", "card", "actioncard", "link", "feedcard"}
)
"""Quoted, they only tell what is talked about."""
_LEADING: Final = re.compile(r"^(?:@\S+[\s\u2005]+)+")
Data = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """Where something happened."""

    chat: str
    """A group, or the person we talk with alone."""
    private: bool
    title: str = ""
    """Of the group."""


@dataclass(frozen=True)
class Sender:
    """Who it was."""

    id: str
    name: str
    staff: str
    """By which they can be written to and mentioned; empty for people of other corporations."""


@dataclass(frozen=True)
class Source:
    """A file on DingTalk's side."""

    code: str
    """Fetches it, for some hours."""
    kind: Kind
    name: str
    words: str = ""
    """What DingTalk heard in it."""
    holder: str = ""
    """The message that holds it, where it is quoted."""

    def ref(self) -> str:
        """As the bot keeps it."""
        return self.code


@dataclass(frozen=True)
class Said:
    """Somebody wrote to us or sent something."""

    place: Place
    sender: Sender
    text: str
    source: Source | None
    message_id: str


@dataclass(frozen=True)
class Unheard:
    """Somebody sent or quoted something of which DingTalk hands out nothing."""

    place: Place
    sender: Sender
    text: str
    message_id: str
    quoted: str = ""
    """The message that was quoted: we may have seen it."""


@dataclass(frozen=True)
class Session:
    """The address that answers a message, for a while."""

    url: str
    until_ms: int


Meaning = Said | Unheard


def read_message(data: Data) -> Meaning | None:
    """What it means to us; None: nothing."""
    sender = sender_of(data)
    message_id = str(data.get("msgId") or "")
    if not sender.id or not message_id:
        return None
    place = _place(data, sender)
    kind, content = str(data.get("msgtype") or ""), _content(data)
    text = _words(kind, data, content, place)
    quote = _quote(data)
    if quote is not None or _is_reply(data):
        return _quoting(Said(place, sender, text, None, message_id), quote or {}, data)
    source = _source(kind, content, _when(data.get("createAt")))
    if source is None and kind.casefold() not in {"text", "richtext"}:
        return Unheard(place, sender, text, message_id)
    return Said(place, sender, text, source, message_id)


def sender_of(data: Data) -> Sender:
    """Who sent it; people of other corporations have no staff id."""
    staff = str(data.get("senderStaffId") or "")
    id_ = staff or str(data.get("senderId") or "")
    return Sender(id_, str(data.get("senderNick") or "") or id_, staff)


def session_of(data: Data) -> Session | None:
    """How it can be answered."""
    url, until = data.get("sessionWebhook"), data.get("sessionWebhookExpiredTime")
    if not isinstance(url, str) or not isinstance(until, int | float | str):
        return None
    try:
        return Session(url, int(until))
    except ValueError:
        return None


def lane_of(data: Data) -> str:
    """Who said it, and in which chat: what they say there is dealt with in its order."""
    return f"{data.get('conversationId') or ''}/{sender_of(data).id}"


def _place(data: Data, sender: Sender) -> Place:
    group = str(data.get("conversationType") or "") == "2" and bool(data.get("conversationId"))
    if not group:
        return Place(sender.id, private=True)
    title = str(data.get("conversationTitle") or "")
    return Place(str(data["conversationId"]), private=False, title=title)


def _quoting(said: Said, quote: Data, data: Data) -> Meaning:
    """With what it quotes, if that is a file."""
    kind, content = _kind(quote), _content(quote)
    holder = str(quote.get("msgId") or data.get("originalMsgId") or "")
    source = _source(kind, content, _when(quote.get("createdAt") or quote.get("createAt")))
    if source is not None:
        return replace(said, source=replace(source, holder=holder))
    ours = bool(data.get("originalProcessQueryKey"))
    words = not kind and bool(quote.get("text") or content.get("text"))  # legacy ones tell no kind
    if (
        ours
        or words
        or kind.casefold() in _WORDS_ONLY
        or (kind.casefold() == "richtext" and content)
    ):
        return said
    return Unheard(said.place, said.sender, said.text, said.message_id, holder)


def _source(kind: str, content: Data, when: str) -> Source | None:
    """The file that a message holds: its own, or the first picture of a rich text."""
    if kind.casefold() == "richtext":
        for part in _parts(content):
            if code := _code(part):
                return Source(code, "picture", f"图片-{when}.jpg")
        return None
    code, known = _code(content), _NAMED.get(kind.casefold() or _guessed(content))
    if not code or known is None:
        return None
    what, word, ending = known
    name = PurePath(str(content.get("fileName") or content.get("filename") or "")).name
    if what == "document" and name:
        what = kind_of(name)
    return Source(
        code=code,
        kind=what,
        name=name or f"{word}-{when}{ending}",
        words=str(content.get("recognition") or "").strip(),
    )


def _guessed(content: Data) -> str:
    """The kind of a file of which legacy quotes tell none."""
    if "recognition" in content:
        return "audio"
    return "file" if content.get("downloadCode") else "picture"


def _words(kind: str, data: Data, content: Data, place: Place) -> str:
    """What was typed, without our name in front of it."""
    if kind.casefold() == "richtext":
        found = "".join(str(part.get("text") or "") for part in _parts(content))
    else:
        found = str(_mapping(data.get("text")).get("content") or "")
    found = found.replace("\u2005", " ").strip()
    return found if place.private else _LEADING.sub("", found).strip()


def _is_reply(data: Data) -> bool:
    for holder in _holders(data):
        if str(holder.get("isReplyMsg") or "").casefold() == "true":
            return True
    return False


def _quote(data: Data) -> Data | None:
    for holder in _holders(data):
        for name in _QUOTES:
            if found := _mapping(holder.get(name)):
                return found
    return None


def _holders(data: Data) -> Iterator[Data]:
    yield _mapping(data.get("text"))
    yield _mapping(data.get("content"))
    yield data


def _kind(quote: Data) -> str:
    return str(quote.get("msgType") or quote.get("msgtype") or "")


def _content(message: Data) -> Data:
    """Also where it is JSON within JSON; legacy quotes name it by its kind."""
    found = _mapping(message.get("content"))
    return found or _mapping(message.get(_kind(message)))


def _code(holder: Data) -> str:
    return str(holder.get("downloadCode") or holder.get("pictureDownloadCode") or "")


def _parts(content: Data) -> list[Data]:
    found: Any = content.get("richText")
    if isinstance(found, str):
        found = _parsed(found)
    if isinstance(found, Mapping):
        found = found.get("richText") or found.get("richTextList")
    return [part for part in found if isinstance(part, Mapping)] if isinstance(found, list) else []


def _mapping(found: Any) -> Data:
    if isinstance(found, str):
        found = _parsed(found)
    return found if isinstance(found, Mapping) else {}


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return read_json(text)
    except ValueError:  # somebody may have typed that many brackets
        return None


def _when(sent_ms: Any) -> str:
    """When it was sent, as people remember it: what comes without a name is told apart by that."""
    try:
        seconds = int(sent_ms) / 1000
        return time.strftime("%m%d-%H%M", time.localtime(seconds))
    except (TypeError, ValueError, OverflowError, OSError):
        return time.strftime("%m%d-%H%M")
