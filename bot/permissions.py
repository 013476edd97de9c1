"""Who is admitted: closed by default, the console always. Who may go without the visible label: only those named."""

from typing import Final

from bot.policy import BotPolicy
from bot.ports import Chat, Person

_ALWAYS: Final = "console"
"""Whoever opens the private socket of this machine could read everything anyway."""


def admitted(policy: BotPolicy, chat: Chat, person: Person) -> bool:
    """Whether this chat or this person stands among the entries."""
    if chat.platform == _ALWAYS:
        return True
    known = {*policy.allow, *policy.admins}
    return not known.isdisjoint({chat_entry(chat), person_entry(chat, person)})


def may_waive(policy: BotPolicy, chat: Chat, person: Person) -> bool:
    """Whether this chat or this person may order without the visible label; the console, too, only if it is named."""
    named = {chat_entry(chat), person_entry(chat, person)}
    return not named.isdisjoint(policy.label_waiver)


def is_admin(policy: BotPolicy, chat: Chat, person: Person) -> bool:
    """Whether this person administers; never a whole chat, but whoever is at this machine's own console."""
    return chat.platform == _ALWAYS or person_entry(chat, person) in policy.admins


def entry_to_add(chat: Chat, person: Person) -> str:
    """What an operator adds to the settings to admit them: the person where we talk alone, else the chat."""
    return person_entry(chat, person) if chat.private else chat_entry(chat)


def chat_entry(chat: Chat) -> str:
    """What an operator writes to name a chat."""
    return f"{chat.platform}:chat:{chat.id}"


def person_entry(chat: Chat, person: Person) -> str:
    """What an operator writes to name a person."""
    return f"{chat.platform}:user:{person.id}"
