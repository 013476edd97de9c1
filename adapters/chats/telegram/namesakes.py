"""A group that has moved is recognised by its title where messages of the new one are read before the notice of the move.

Telegram tells the old id only in that notice, and updates may come in any order: then the group would be told that it is not
admitted. So the titles of groups that can move are remembered, and a young supergroup with the title of one of them is looked
into: Telegram refuses what is sent to a group that has moved, and says where to.
"""

import logging
from typing import Final

from telegram.constants import ChatAction
from telegram.error import ChatMigrated
from telegram.ext import ExtBot

from adapters.chats.telegram.decoding import Place
from adapters.chats.telegram.errors import ours
from adapters.chats.telegram.moves import Moves, is_supergroup
from adapters.chats.telegram.rates import Kind
from bot.ports import ChatError, Memory

_LOG = logging.getLogger(__name__)

_YOUNG: Final = 100
"""Messages of a new supergroup are numbered from 1 again; the notice does not come that late."""


class Namesakes:
    """The titles of groups."""

    def __init__(self, bot: ExtBot[Kind], memory: Memory, moves: Moves, mailbox: str) -> None:
        self._bot = bot
        self._memory = memory
        self._moves = moves
        self._mailbox = mailbox
        self._titles: dict[str, str] = {}
        """Those of groups that this front end has remembered."""
        self._looked_into: set[str] = set()

    async def recognise(self, place: Place, number: int) -> None:
        """See to it that ``Moves`` knows of a move, if this place is where a group went to.

        Args:
            place: Where something was said.
            number: Of the message; 0 if it was no message.
        """
        if place.private or not place.title:
            return
        if not is_supergroup(place.chat):
            await self._remember(place)
        elif number <= _YOUNG and place.chat not in self._looked_into:
            await self._look_into(place)
            self._looked_into.add(place.chat)

    async def _remember(self, place: Place) -> None:
        if self._titles.get(place.chat) != place.title:
            await self._memory.keep("titled", self._mailbox, place.title, value=place.chat)
            self._titles[place.chat] = place.title

    async def _look_into(self, place: Place) -> None:
        if await self._moves.first(place.chat) != place.chat:
            return
        old = await self._memory.load("titled", self._mailbox, place.title)
        if old is None:
            return
        try:
            with ours():
                await self._bot.send_chat_action(old, ChatAction.TYPING)
        except ChatError as error:
            if isinstance(error.__cause__, ChatMigrated):
                await self._moves.note(old, str(error.__cause__.new_chat_id))
            else:
                _LOG.debug("Whether a group has moved is not told: %s", error)
