"""What a frame of the AI bot means: said, pressed, entered, or nothing for us. Pure: no network, no memory."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from adapters.chats.wecom.presses import Press

_MENTION: Final = re.compile(r"@\S+[\s\u2005]*")
_FILES: Final = frozenset({"file", "image", "video"})
_IN_A_WORD: Final = {"image": "图片.jpg", "video": "视频.mp4", "file": "文件"}


@dataclass(frozen=True)
class Place:
    """Where something happened."""

    chat: str
    private: bool


@dataclass(frozen=True)
class Source:
    """A file on WeCom's side, for five minutes."""

    url: str
    aes_key: str
    fallback: str
    """Its name, if it comes without one."""

    def ref(self) -> str:
        """As the bot keeps it."""
        return json.dumps([self.url, self.aes_key, self.fallback])


@dataclass(frozen=True)
class Said:
    """Somebody wrote to us or sent something."""

    place: Place
    person: str
    text: str
    source: Source | None
    message_id: str


@dataclass(frozen=True)
class Unheard:
    """A voice note, of which WeCom hands out only the words."""

    place: Place
    person: str


@dataclass(frozen=True)
class Entered:
    """Somebody opened the chat with us, for the first time today."""

    place: Place
    person: str


@dataclass(frozen=True)
class Pressed:
    """Somebody pressed a card."""

    place: Place
    press: Press


@dataclass(frozen=True)
class Evicted:
    """Somebody else connected as this bot."""


Meaning = Said | Unheard | Entered | Pressed | Evicted


def source_of(ref: str) -> Source:
    """The other way round."""
    url, aes_key, fallback = json.loads(ref)
    return Source(url, aes_key, fallback)


def read_body(body: dict[str, Any]) -> Meaning | None:
    """What it means to us; None: nothing."""
    kind = body.get("msgtype")
    if kind == "event" and _kind_of_event(body) == "disconnected_event":
        return Evicted()
    person = str(_part(body, "from").get("userid", ""))
    if not person:
        return None
    place = _place(body, person)
    if kind == "event":
        return _read_event(body, place, person)
    text, source = _words(body, place), _source(body)
    if source is None and (kind == "voice" or _part(body, "quote").get("msgtype") == "voice"):
        return Unheard(place, person)
    if not text and source is None:
        return None
    return Said(place, person, text, source, str(body.get("msgid", "")))


def mentioned(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The same with our name in one word: so it ends where what was said begins."""
    if not name.strip():
        return body
    words, parts = f"@{name.strip()}", dict(body)
    if isinstance(body.get("text"), dict):
        parts["text"] = _in_a_word(body["text"], words)
    if items := _items(body):
        told = [
            {**item, "text": _in_a_word(item["text"], words)}
            if isinstance(item.get("text"), dict)
            else item
            for item in items
        ]
        parts["mixed"] = {**body["mixed"], "msg_item": told}
    return parts


def _in_a_word(text: dict[str, Any], words: str) -> dict[str, Any]:
    return {**text, "content": str(text.get("content", "")).replace(words, "@bot ", 1)}


def sender_of(body: dict[str, Any]) -> str:
    """Who said it, and in which chat: what they say there is dealt with in its order."""
    return f"{body.get('chatid', '')}/{_part(body, 'from').get('userid', '')}"


def _place(body: dict[str, Any], person: str) -> Place:
    group = body.get("chattype") == "group" and bool(body.get("chatid"))
    return Place(str(body["chatid"]) if group else person, private=not group)


def _words(body: dict[str, Any], place: Place) -> str:
    """What was typed, without our name in front of it."""
    found = str(_part(body, "text").get("content", ""))
    for item in _items(body):
        found += str(_part(item, "text").get("content", ""))
    found = found.strip()
    return found if place.private else _MENTION.sub("", found, count=1).strip()


def _source(body: dict[str, Any]) -> Source | None:
    """The file: its own, one among its parts, or the one it quotes."""
    for holder in (body, *_items(body), _part(body, "quote"), *_items(_part(body, "quote"))):
        kind = str(holder.get("msgtype", ""))
        file = _part(holder, kind)
        if kind in _FILES and file.get("url"):
            return Source(str(file["url"]), str(file.get("aeskey", "")), _IN_A_WORD[kind])
    return None


def _read_event(body: dict[str, Any], place: Place, person: str) -> Meaning | None:
    kind = _kind_of_event(body)
    if kind == "enter_chat":
        return Entered(place, person)
    if kind != "template_card_event":
        return None
    event = _part(_part(body, "event"), kind)
    ticked: list[str] = []
    for item in _listed(_part(event, "selected_items").get("selected_item")):
        ticked += [str(id_) for id_ in _listed(_part(item, "option_ids").get("option_id"))]
    task, key = str(event.get("task_id", "")), str(event.get("event_key", ""))
    return Pressed(place, Press(person, task, key, tuple(ticked)))


def _kind_of_event(body: dict[str, Any]) -> str:
    return str(_part(body, "event").get("eventtype", ""))


def _items(holder: dict[str, Any]) -> list[dict[str, Any]]:
    found = _listed(_part(holder, "mixed").get("msg_item"))
    return [item for item in found if isinstance(item, dict)]


def _part(holder: Any, name: str) -> dict[str, Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []
