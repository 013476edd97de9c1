"""What is said in DingTalk, and a transcript of it."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Way = Literal["session", "group", "person", "robot", "card", "hand"]
LIMIT_S: Final = 60.0
"""So long is waited for what is to come, however busy the machine is."""


@dataclass(eq=False)
class Message:
    """Something that was shown in a chat."""

    way: Way
    chat: str
    """A group, a person, or the token of a group robot."""
    sender: str
    """Empty: ours."""
    kind: str
    text: str = ""
    """Markdown, where it is ours."""
    mentioned: tuple[str, ...] = ()
    file: tuple[str, bytes] | None = None
    """Name and content of a picture or a file."""
    card: dict[str, str] = field(default_factory=dict)
    """What everybody sees of it."""
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    """And what single persons see."""
    id: str = ""
    earlier: list[dict[str, str]] = field(default_factory=list)
    """What a card showed before it was changed."""

    def buttons(self) -> list[str]:
        """What may be pressed."""
        return [str(button["text"]) for button in self._buttons()]

    def button(self, label: str) -> dict[str, Any]:
        """The first button whose text holds this."""
        for button in self._buttons():
            if label in button["text"]:
                return button
        raise AssertionError(f"no button {label!r} among {self.buttons()}")

    def _buttons(self) -> list[dict[str, Any]]:
        return list(json.loads(self.card.get("btns", "[]")))

    def lines(self) -> list[str]:
        """As people see it."""
        body = self.card.get("content", "") if self.card else self.text
        found = [line.strip() for line in body.split("\n") if line.strip()]
        if self.file is not None:
            found.append(f"{'🖼' if self.kind == 'image' else '📎'} {self.file[0]}")
        if self.card:
            found = [f"│ {line}" for line in found]
            found.append("└ " + "  ".join(f"[{label}]" for label in self.buttons()))
            if self.card.get("remark"):
                found.append(f"  ({self.card['remark']})")
        return found


@dataclass
class World:
    """Everything that happened."""

    messages: list[Message] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    """What was asked over HTTP."""
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

    def shown(self, chat: str, way: Way | None = None) -> list[Message]:
        """What we said in a chat."""
        return [
            m for m in self.messages if m.chat == chat and not m.sender and way in {None, m.way}
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
        here = ""
        for message in self.messages:
            if chat not in {None, message.chat}:
                continue
            if here != message.chat:
                here = message.chat
                lines += ["", f"── {here} ──"]
            lines.append(f"{message.sender or f'Chorus ({message.way})'}:")
            lines += [f"    {line}" for line in message.lines()]
        return "\n".join(lines).strip()

    def charge(self, budget: str, limit: int, window_s: float, now_s: float) -> bool:
        """Count one; False, and a breach, if it was too many."""
        spent = self.spent.setdefault(budget, deque())
        while spent and spent[0] <= now_s - window_s:
            spent.popleft()
        spent.append(now_s)
        if len(spent) > limit:
            self.breaches.append(f"{budget}: more than {limit} in {window_s:.1f} s")
            return False
        return True
