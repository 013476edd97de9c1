"""What the doors remember between messages, in the Memory, for all front ends."""

from typing import Final

from adapters.chats.notes import SentNotes
from adapters.chats.wecom.presses import Meant, Press, token_of, typed
from bot.ports import Chat

_CARD_S: Final = 30 * 86_400


class Notes(SentNotes):
    """One door's part of the Memory."""

    async def card(self, task_id: str) -> Meant | None:
        """What a card means; None once it is too old."""
        kept = await self._memory.load("card", self._mailbox, task_id)
        return None if kept is None else Meant.model_validate_json(kept)

    async def note_card(self, chat: Chat, task_id: str, meant: Meant) -> None:
        """Keep what a card means before anybody can press it; one with boxes to tick takes the place of earlier ones."""
        value = meant.model_dump_json()
        await self._memory.keep("card", self._mailbox, task_id, value=value, ttl_s=_CARD_S)
        if meant.numbers:
            name = ("newest", self._mailbox, chat.id, meant.person or "")
            await self._memory.keep(*name, value=task_id, ttl_s=_CARD_S)

    async def counts(self, chat: Chat, meant: Meant, press: Press, key: str) -> bool:
        """Whether a press means something yet; asked again for the same key it does again.

        Boxes to tick only on the newest card of their kind, and like a form once.
        """
        if typed(meant, press) is not None:
            newest = await self._memory.load("newest", self._mailbox, chat.id, meant.person or "")
            return newest == press.task_id and await self._sent_back(press.task_id, key)
        if meant.selects:
            return await self._sent_back(press.task_id, key)
        return token_of(meant, press) is not None

    async def _sent_back(self, task_id: str, key: str) -> bool:
        started = await self._memory.load("started", self._mailbox, task_id)
        if started not in {None, key}:
            return False
        await self._memory.keep("started", self._mailbox, task_id, value=key, ttl_s=_CARD_S)
        return True

    async def first_press(self, task_id: str) -> bool:
        """Whether nobody has pressed this card yet: then it is changed to show that somebody did."""
        name = ("pressed", self._mailbox, task_id)
        if await self._memory.load(*name) is not None:
            return False
        await self._memory.keep(*name, value="1", ttl_s=_CARD_S)
        return True
