"""What a press on a card means, and how it is answered at once. Pure.

Where the pressed button stands depends on how the template was made, so it is looked for wherever it was ever seen.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.chats.dingtalk.cards import NOTICE, REMARK

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Press:
    """Somebody pressed a card."""

    card: str
    person: str
    button: str


def read_press(data: Data) -> Press | None:
    """None: nothing that concerns us."""
    card, person = str(data.get("outTrackId") or ""), str(data.get("userId") or "")
    button = next(_buttons(data), "")
    return Press(card, person, button) if card and person and button else None


def press_lane(data: Data) -> str:
    """What one person presses on one card is dealt with in its order."""
    return f"{data.get('outTrackId') or ''}/{data.get('userId') or ''}"


def pressed(remark: str) -> dict[str, Any]:
    """The answer that has everybody see that a card was pressed."""
    return {
        "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        "cardData": {"cardParamMap": {REMARK: remark}},
        "userPrivateData": {"cardParamMap": {NOTICE: ""}},
    }


def for_one(notice: str) -> dict[str, Any]:
    """The answer that tells something to who pressed, and to nobody else."""
    return {
        "cardUpdateOptions": {"updatePrivateDataByKey": True},
        "userPrivateData": {"cardParamMap": {NOTICE: notice}},
    }


def _buttons(data: Data) -> Iterator[str]:
    content, action, value = (
        _mapping(data.get(name)) for name in ("content", "actionData", "value")
    )
    for holder in (content, action, value, data):
        for part in (_mapping(holder.get("cardPrivateData")), holder):
            params = _mapping(part.get("params"))
            ids = part.get("actionIds")
            listed = ids if isinstance(ids, list) else []
            for found in (params.get("choice"), part.get("actionId"), *listed):
                if isinstance(found, str) and found:
                    yield found


def _mapping(found: Any) -> Data:
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, Mapping) else {}
