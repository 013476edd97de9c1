"""A conversation as people in the chat would see it, in lines of text."""

from dataclasses import dataclass, field
from typing import Final

from tests.fakes.telegram.world import Message, Room, Topic

_MARKS: Final = {
    "voice": "🎤 voice note",
    "audio": "♪",
    "video": "🎬",
    "video_note": "◉ round video",
    "document": "📎",
    "photo": "🖼 photo",
}


@dataclass
class Happening:
    """One thing that happened, in the room and topic where people see it."""

    room: Room
    topic: Topic | None
    lines: list[str]


@dataclass
class Transcript:
    """What happened in all chats, in order."""

    bot_name: str
    happenings: list[Happening] = field(default_factory=list)

    def said(self, message: Message) -> None:
        """A new message."""
        self._note(message, f"{self._who(message)}{_reply(message, self.bot_name)}", full=True)

    def edited(self, message: Message) -> None:
        """A message looks different now."""
        self._note(message, f"{self._who(message)} changes #{message.id}", full=True)

    def happened(self, room: Room, line: str, topic: Topic | None = None) -> None:
        """Anything else."""
        self.happenings.append(Happening(room, topic, [line]))

    def read(self, room: Room | None = None) -> str:
        """The conversation, of one chat or of all."""
        found: list[str] = []
        place: tuple[int, int] | None = None
        for happening in self.happenings:
            if room is not None and happening.room is not room:
                continue
            here = (happening.room.id, happening.topic.id if happening.topic else 0)
            if here != place:
                topic = f" › {happening.topic.name}" if happening.topic else ""
                found += ["", f"── {happening.room.title}{topic} ──"]
                place = here
            found += happening.lines
        return "\n".join(found).strip()

    def _who(self, message: Message) -> str:
        if message.sender is None:
            return self.bot_name
        return f"{message.sender.name}"

    def _note(self, message: Message, head: str, *, full: bool) -> None:
        lines = [f"{head}:" if full else head]
        if message.file is not None:
            lines.append(f"    {_MARKS[message.file.kind]} {message.file.name or ''}".rstrip())
        lines += [f"    {line}" for line in _with_links(message).split("\n") if line]
        for row in message.buttons:
            lines.append("    " + "  ".join(f"[{_button(button)}]" for button in row))
        self.happenings.append(Happening(message.room, message.topic, lines))


def _button(button: dict[str, str]) -> str:
    return f"{button['text']} ↗" if "url" in button else button["text"]


def _with_links(message: Message) -> str:
    """Hidden links are shown as an arrow behind their text."""
    text = message.text
    for label in message.links():
        text = text.replace(label, f"{label}↗", 1)
    return text


def _reply(message: Message, bot_name: str) -> str:
    other = message.reply_to
    if other is None:
        return ""
    whose = bot_name if other.sender is None else other.sender.name
    return f" ↩ {whose} #{other.id}"
