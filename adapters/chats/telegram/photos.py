"""Pictures, uploaded once: afterwards Telegram knows them by an id, which all front ends share."""

from telegram import Message

from adapters.chats.telegram.notes import Notes
from bot.ports import Picture


class Photos:
    """What Telegram has of our pictures."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def find(self, picture: Picture) -> str | bytes:
        """Telegram's id of a picture, or its bytes if it has none. Raises MediaGone."""
        known = await self._notes.photo(picture.key)
        return known if known is not None else await picture.read()

    async def note(self, picture: Picture, sent: Message) -> None:
        """Remember under which id Telegram has it now."""
        if sent.photo:
            await self._notes.note_photo(picture.key, sent.photo[-1].file_id)

    async def forget(self, picture: Picture) -> bool:
        """Telegram refuses it: have it uploaded anew; False if there was no id to forget."""
        known = await self._notes.photo(picture.key)
        await self._notes.forget_photo(picture.key)
        return known is not None
