"""Who is let in: those the operator named in the settings, and chats and persons that an administrator admitted with /allow."""

import json
from typing import Final

from bot.desk import Turn
from bot.permissions import admitted, chat_entry, entry_to_add, is_admin, person_entry
from bot.policy import BotPolicy
from bot.ports import Chat, Memory, Person
from worker.contract.operations import note

_OFF: Final = frozenset({"off", "no", "关", "取消"})


async def lets_in(policy: BotPolicy, memory: Memory, chat: Chat, person: Person) -> bool:
    """Whether somebody may use Chorus here; the first two given, it is a ``LetsIn``."""
    if admitted(policy, chat, person):
        return True
    for entry in (chat_entry(chat), person_entry(chat, person)):
        if await memory.load("allowed", chat.mailbox, entry) is not None:
            return True
    return False


async def allow(turn: Turn, argument: str) -> None:
    """Answer /allow: this chat, or ``/allow ENTRY`` another one; ``off`` behind it takes that back."""
    if not is_admin(turn.desk.policy, turn.chat, turn.person):
        entry = person_entry(turn.chat, turn.person)
        await turn.answer(turn.say("admins-only", who=entry))
        return
    *named, last = argument.split() or [""]
    off = last.casefold() in _OFF
    entry = " ".join(named if off else [*named, last]) or entry_to_add(turn.chat, turn.person)
    if not _is_entry(turn.chat, entry):
        await turn.answer(turn.say("allow-how", example=entry_to_add(turn.chat, turn.person)))
        return
    await _keep(turn, entry, allowed=not off)
    if off and entry in (*turn.desk.policy.allow, *turn.desk.policy.admins):
        await turn.answer(turn.say("allow-by-settings", who=entry))
    else:
        await turn.answer(turn.say("allow-ended" if off else "allow-done", who=entry))


async def _keep(turn: Turn, entry: str, *, allowed: bool) -> None:
    memory, name = turn.desk.memory, ("allowed", turn.chat.mailbox, entry)
    by = person_entry(turn.chat, turn.person)
    note("admission.given" if allowed else "admission.taken", entry=entry, by=by)
    if allowed:
        at = turn.desk.clock().isoformat()
        await memory.keep(*name, value=json.dumps({"by": by, "at": at}))
    else:
        await memory.drop(*name)


def _is_entry(chat: Chat, entry: str) -> bool:
    """Whether it names a chat or a person of this platform."""
    platform, _, rest = entry.partition(":")
    kind, _, id_ = rest.partition(":")
    return platform == chat.platform and kind in {"chat", "user"} and bool(id_) and " " not in id_
