"""What both doors that talk with people do when something is said: results go to a chosen group, too, and cards grow old."""

from collections.abc import Sequence
from pathlib import Path

from adapters.chats.says import Says
from adapters.chats.wecom.delivery import Delivery, made_chat
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.speaking import Speaking
from bot.ports import Chat, Choice, MessageRef, Person, Picture


class Telling:
    """Says things for a door, in the person's language, and to whom else it concerns."""

    def __init__(
        self, speaking: Speaking, notes: Notes, delivery: Delivery | None, say: Says
    ) -> None:
        self.speaking = speaking
        self._notes = notes
        self._delivery = delivery
        self._say = say

    async def close(self) -> None:
        """Let go of connections."""
        if self._delivery is not None:
            await self._delivery.close()

    async def post(self, chat: Chat, text: str, key: str) -> MessageRef:
        """Say something; a result for a person alone also to the group that they chose."""
        return await self.offer(chat, text, (), key, None)

    async def offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        key: str,
        person: Person | None,
        picture: Picture | None = None,
    ) -> MessageRef:
        """The same with choices, and perhaps a picture in the place of the text."""
        message = await self.speaking.say(chat, text, choices, key, person, picture)
        if self._delivery is not None and chat.private:
            trouble = await self._delivery.pass_on(await self.person(chat.id), text, key)
            if trouble:
                await self.speaking.say(chat, trouble, (), f"{key}:trouble", None)
        return message

    async def send_file(self, chat: Chat, path: Path, name: str, key: str) -> MessageRef:
        """Send a file."""
        return await self.speaking.send_file(chat, path, name, key)

    async def say_of_ours(
        self, chat: Chat, person: str, message: str, key: str, **args: str
    ) -> None:
        """Say a text of the platform's own part of the catalogue."""
        text = self._say(await self._notes.language(person), message, **args)
        await self.speaking.say(chat, text, (), key, None)

    async def concerns_groups(
        self, chat: Chat, person: str, text: str = "", choice: str | None = None
    ) -> bool:
        """Whether what somebody typed or pressed is about the groups that get results, and they may choose."""
        if self._delivery is None:
            return False
        return await self._delivery.concerns(chat, await self.person(person), text, choice)

    async def answer_about_groups(
        self, chat: Chat, person_id: str, key: str, text: str = "", choice: str | None = None
    ) -> None:
        """Offer the groups, keep to the one that was chosen, or have one made."""
        assert self._delivery is not None  # noqa: S101 - ``concerns_groups`` looked
        person = await self.person(person_id)
        if choice is not None:
            answer = await self._delivery.choose(person, choice)
        else:
            answer = await self._delivery.answer(person, text, made_chat(key))
        await self.speaking.say(chat, answer.text, answer.choices, f"{key}:deliver", person)

    async def person(self, id_: str) -> Person:
        """Somebody; WeCom tells no names."""
        return Person(id=id_, name=id_, language=await self._notes.language(id_))
