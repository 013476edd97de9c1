"""What is said in WeCom, in all doors of one corporation, and a transcript of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Door = Literal["app", "bot", "robot", "appchat"]
LIMIT_S: Final = 60.0
"""So long is waited for what is to come, however busy the machine is."""
_FILES: Final = {"image": "🖼", "video": "🎬", "file": "📎"}
_MARKS: Final = {True: "☑", False: "☐"}


@dataclass(eq=False)
class Message:
    """Something that was shown in a chat."""

    door: Door
    chat: str
    """A person, a group, or the key of a robot."""
    sender: str
    """Empty: ours."""
    kind: str
    text: str = ""
    card: dict[str, Any] | None = None
    file: tuple[str, bytes] | None = None
    """Name and content of a picture, a video or a file."""
    id: str = ""
    closed: str = ""
    """What stands on the button of a card that was pressed and changed."""
    finished: bool = True
    """False: an answer that still grows."""
    earlier: list[str] = field(default_factory=list)

    def options(self) -> list[str]:
        """What may be ticked."""
        box = (self.card or {}).get("checkbox", {})
        return [str(option["text"]) for option in box.get("option_list", [])]

    def selects(self) -> dict[str, list[str]]:
        """What may be chosen, by the titles of the lists; what is chosen as it stands comes first."""
        found = {}
        for select in (self.card or {}).get("select_list", []):
            options = sorted(
                select["option_list"], key=lambda option: option["id"] != select["selected_id"]
            )
            found[str(select["title"])] = [str(option["text"]) for option in options]
        return found

    def answers(self, ticks: Sequence[str], chosen: Mapping[str, str]) -> list[dict[str, Any]]:
        """Question keys with the ids of what is ticked or chosen, as WeCom sends them back: of lists always all."""
        card, found = self.card or {}, []
        assert chosen.keys() <= self.selects().keys(), f"{chosen} among {self.selects()}"
        for select in card.get("select_list", []):
            label = chosen.get(select["title"])
            ids = [each["id"] for each in select["option_list"] if each["text"] == label]
            assert label is None or ids, f"no value {label!r} among {self.selects()}"
            found.append({"key": select["question_key"], "ids": [*ids, select["selected_id"]][:1]})
        if ticks:
            ids = [self.option_id(tick) for tick in ticks]
            found.append({"key": card["checkbox"]["question_key"], "ids": ids})
        return found

    def buttons(self) -> list[str]:
        """What may be pressed."""
        card = self.card or {}
        submit = [card["submit_button"]] if "submit_button" in card else []
        return [str(button["text"]) for button in [*card.get("button_list", []), *submit]]

    def option_id(self, label: str) -> str:
        """The first option whose text holds this."""
        for option in (self.card or {}).get("checkbox", {}).get("option_list", []):
            if label in option["text"]:
                return str(option["id"])
        raise AssertionError(f"no option {label!r} among {self.options()}")

    def button_key(self, label: str) -> str:
        """The key of the first button whose text holds this."""
        card = self.card or {}
        submit = [card["submit_button"]] if "submit_button" in card else []
        for button in [*card.get("button_list", []), *submit]:
            if label in button["text"]:
                return str(button["key"])
        raise AssertionError(f"no button {label!r} among {self.buttons()}")

    def lines(self) -> list[str]:
        """As people see it."""
        found = [line for line in self.text.split("\n") if line]
        if self.file is not None:
            found.append(f"{_FILES.get(self.kind, '🖼')} {self.file[0]}")
        if self.card is not None:
            card = self.card
            found.append(f"┌ {card['main_title']['title']}")
            found += [
                f"│ {line}" for line in str(card.get("sub_title_text", "")).split("\n") if line
            ]
            for option in card.get("checkbox", {}).get("option_list", []):
                found.append(f"│ {_MARKS[bool(option.get('is_checked'))]} {option['text']}")
            found += [f"│ {title}：{now} ▾" for title, (now, *_) in self.selects().items()]
            found += [f"│ {jump['title']} ↗" for jump in card.get("jump_list", [])]
            buttons = [self.closed] if self.closed else self.buttons()
            found.append("└ " + "  ".join(f"[{button}]" for button in buttons))
        return found


@dataclass
class World:
    """Everything that happened."""

    messages: list[Message] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """What was asked over HTTP, or sent over the long connection."""
    spent: dict[str, deque[float]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def say(self, message: Message) -> Message:
        """Show it."""
        self.messages.append(message)
        return message

    async def tell(self) -> None:
        """Something is different now."""
        async with self.changed:
            self.changed.notify_all()

    async def wait_for(self, seen: Callable[[], Any], limit_s: float = LIMIT_S) -> None:
        """Until something is so."""
        try:
            async with asyncio.timeout(limit_s), self.changed:
                await self.changed.wait_for(lambda: bool(seen()))
        except TimeoutError:
            raise AssertionError(f"it never came true; the chats:\n{self.read()}") from None

    def shown(self, chat: str, door: Door | None = None) -> list[Message]:
        """What we said in a chat."""
        return [
            m for m in self.messages if m.chat == chat and not m.sender and door in {None, m.door}
        ]

    async def wait_for_text(self, chat: str, part: str, limit_s: float = LIMIT_S) -> Message:
        """The newest message of ours that holds this."""

        def found() -> list[Message]:
            return [m for m in self.shown(chat) if part in "\n".join(m.lines())]

        await self.wait_for(found, limit_s)
        return found()[-1]

    def read(self, chat: str | None = None) -> str:
        """The conversation, of one chat or of all."""
        lines: list[str] = []
        here = ("", "")
        for message in self.messages:
            if chat not in {None, message.chat}:
                continue
            if here != (message.door, message.chat):
                here = (message.door, message.chat)
                lines += ["", f"── {message.chat} ({message.door}) ──"]
            lines.append(f"{message.sender or 'Chorus'}{'' if message.finished else ' …'}:")
            lines += [f"    {line}" for line in message.lines()]
        return "\n".join(lines).strip()

    def charge(self, budget: str, limit: int, window_s: float, now_s: float) -> bool:
        """Count one; False if it was too many, which WeCom tells of nobody."""
        spent = self.spent.setdefault(budget, deque())
        while spent and spent[0] <= now_s - window_s:
            spent.popleft()
        spent.append(now_s)
        if len(spent) > limit:
            self.breaches.append(f"{budget}: more than {limit} in {window_s:.0f} s")
            return False
        return True
