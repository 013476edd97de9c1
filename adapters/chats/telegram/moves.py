"""A group that becomes a supergroup gets a new id, and its messages new numbers.

For the bot it stays the chat it was: its first id names it, so that drafts, orders and admission go on. Here that id is
translated both ways. A message's id says which of the two chats it is in: plain numbers are of the first one.
"""

from typing import Final

from bot.ports import Memory

_SUPERGROUP: Final = "-100"
_LONGEST_CHAIN: Final = 4


class Moves:
    """Which chat is which."""

    def __init__(self, memory: Memory, mailbox: str) -> None:
        self._memory = memory
        self._mailbox = mailbox

    async def note(self, old: str, new: str) -> None:
        """A chat has moved; harmless if that is known."""
        if old == new:
            return
        await self._memory.keep("moved", self._mailbox, old, value=new)
        await self._memory.keep("was", self._mailbox, new, value=await self.first(old))

    async def now(self, chat: str) -> str:
        """Where a chat is now; only what is no supergroup yet can have moved."""
        for _ in range(_LONGEST_CHAIN):
            if not chat.startswith("-") or is_supergroup(chat):
                break
            new = await self._memory.load("moved", self._mailbox, chat)
            if new is None:
                break
            chat = new
        return chat

    async def first(self, chat: str) -> str:
        """The id by which the bot knows a chat."""
        if not is_supergroup(chat):
            return chat
        return await self._memory.load("was", self._mailbox, chat) or chat

    async def instead(self, chat: str, message_id: str) -> str | None:
        """The message that stands for one that stayed behind in the old chat."""
        return await self._memory.load("instead", self._mailbox, chat, message_id)

    async def note_instead(self, chat: str, message_id: str, new_id: str) -> None:
        """Another message stands for it from now on."""
        await self._memory.keep("instead", self._mailbox, chat, message_id, value=new_id)


def is_supergroup(chat: str) -> bool:
    """Whether this is where groups move to; a channel is, too."""
    return chat.startswith(_SUPERGROUP)


def name_message(chat: str, actual: str, number: int) -> str:
    """A message's id: its number, with its chat if that is not the one the bot knows."""
    return str(number) if chat == actual else f"{actual}:{number}"


def find_message(chat: str, message_id: str) -> tuple[str, int] | None:
    """(actual chat, number) of a message's id; None if it is none of ours."""
    actual, colon, number = message_id.rpartition(":")
    if not number.isdecimal():
        return None
    return (actual if colon else chat), int(number)
