"""What a callback of the self-built app means: said, pressed, or nothing for us. Pure: no network, no memory."""

import time
from dataclasses import dataclass
from typing import Final

from adapters.chats.files import kind_of
from adapters.chats.wecom.callback_xml import Tree, word, words
from adapters.chats.wecom.presses import Press
from bot.ports import Media

_VOICE: Final = "amr"
_SECONDS: Final = 11
"""Digits of a time that is one."""


@dataclass(frozen=True)
class Said:
    """Somebody wrote or sent something, or touched the menu."""

    person: str
    text: str
    media: Media | None = None
    message_id: str = ""


@dataclass(frozen=True)
class Pressed:
    """Somebody pressed a card."""

    press: Press
    response_code: str
    """Lets us change the card once."""


def read_callback(tree: Tree) -> Said | Pressed | None:
    """What it means to us; None: nothing."""
    person, message_id = word(tree, "FromUserName"), word(tree, "MsgId")
    if not person:
        return None
    match word(tree, "MsgType"):
        case "text":
            return Said(person, word(tree, "Content"), message_id=message_id)
        case "event":
            return _read_event(tree, person)
        case "voice" | "image" | "video" | "file" as kind:
            media = _media(tree, kind, message_id)
            return Said(person, "", media, message_id) if media.ref else None
    return None


def _read_event(tree: Tree, person: str) -> Said | Pressed | None:
    key = word(tree, "EventKey")
    match word(tree, "Event"):
        case "subscribe":
            return Said(person, "/start")
        case "click" if key.startswith("/"):
            return Said(person, key)
        case "template_card_event":
            press = Press(person, word(tree, "TaskId"), key, _ticked(tree))
            return Pressed(press, word(tree, "ResponseCode"))
    return None


def _ticked(tree: Tree) -> tuple[str, ...]:
    """One SDK spells it otherwise, and WeCom may too."""
    found = []
    for ids, id_ in (("OptionIds", "OptionId"), ("OpitonIds", "OpitonId")):
        found += words(tree, "SelectedItems", "SelectedItem", ids, id_)
    return tuple(found)


def _media(tree: Tree, kind: str, message_id: str) -> Media:
    sent, ref = _sent_at(tree) or message_id[-6:], word(tree, "MediaId")
    if kind == "voice":
        name = f"语音-{sent}.{word(tree, 'Format') or _VOICE}"
        return Media(ref, name, None, "voice")
    if kind == "image":
        return Media(ref, f"图片-{sent}.jpg", None, "picture")
    if kind == "video":
        return Media(ref, f"视频-{sent}.mp4", None, "video")
    name = word(tree, "FileName") or f"文件-{sent}"
    return Media(ref, name, None, kind_of(name))


def _sent_at(tree: Tree) -> str:
    """When it was sent, as people remember it: what comes without a name is told apart by that."""
    seconds = word(tree, "CreateTime")
    if not seconds.isdecimal() or len(seconds) > _SECONDS:
        return ""
    return time.strftime("%m%d-%H%M", time.localtime(int(seconds)))
