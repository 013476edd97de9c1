"""Frames of DingTalk's stream, and what is answered to them. Pure."""

import json
from dataclasses import dataclass
from typing import Any, Final

from adapters.chats.parsing import read_json

MESSAGES: Final = "/v1.0/im/bot/messages/get"
PRESSES: Final = "/v1.0/card/instances/callback"


def subscriptions(*, cards: bool) -> list[dict[str, str]]:
    """What a connection is opened for; one topic that DingTalk refuses fails them all."""
    topics = [MESSAGES, *([PRESSES] if cards else [])]
    return [{"type": "CALLBACK", "topic": topic} for topic in topics]


class NoFrame(ValueError):
    """What came is none."""


@dataclass(frozen=True)
class Frame:
    """One that came."""

    type: str
    topic: str
    message_id: str
    data: dict[str, Any]
    raw: str
    """Its data as they came: a ping gets them back."""


def read_frame(text: str) -> Frame:
    """Raises NoFrame."""
    try:
        found = read_json(text)
        headers = found["headers"]
        raw = found.get("data") or "{}"
        data = read_json(raw) if isinstance(raw, str) else raw
        topic, message_id = str(headers["topic"]), str(headers["messageId"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoFrame(type(error).__name__) from None
    if not isinstance(data, dict):
        raise NoFrame("its data are no object")
    kept = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)
    return Frame(str(found.get("type") or ""), topic, message_id, data, kept)


def answer(frame: Frame, data: object, code: int = 200, message: str = "OK") -> str:
    """The frame that acknowledges another."""
    given = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    headers = {"messageId": frame.message_id, "contentType": "application/json"}
    return json.dumps(
        {"code": code, "headers": headers, "message": message, "data": given}, ensure_ascii=False
    )
