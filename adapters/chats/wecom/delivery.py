"""Results that also go into a group of WeCom, and groups that the app makes for them.

An app cannot be in a group that people made and hears no voice notes there; so people talk to the app, and a group robot, the
AI bot, or the app itself in a group that it made, tells the group.
"""

import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from typing_extensions import override

from adapters.chats import delivery
from adapters.chats.delivery import Answer
from adapters.chats.says import Says
from adapters.chats.troubles import passes
from adapters.chats.wecom.groups import MADE, ROBOT, TALKED, Groups
from adapters.chats.wecom.robots import GroupRobots
from bot.ports import ChatError, ChatUnreachable, LetsIn, Memory, Person

_LOG = logging.getLogger(__name__)

_MAKE: Final = re.compile(r"(?:建群|/deliver\s+new)\s+(?P<name>\S+)\s+(?P<people>\S.*)")
_MAKE_BARE: Final = re.compile(r"(?:建群|/deliver\s+new)(?:\s.*)?")
_APART: Final = re.compile(r"[\s,，、]+")
_NAME: Final = 50
PostInGroup = Callable[[str, str, str], Awaitable[None]]
"""(chat, text, key), as the AI bot or the app."""
MakeGroup = Callable[[str, str, Sequence[str], str], Awaitable[None]]
"""(chat, name, people, text): has the app make a group whose first is its owner, and say something in it."""


class Delivery(delivery.Delivery):
    """The choice of each person, and keeping to it."""

    def __init__(
        self, memory: Memory, corporation: str, robots: GroupRobots, say: Says, lets_in: LetsIn
    ) -> None:
        super().__init__(memory, corporation, say, "wecom-deliver-none", lets_in)
        self._robots = robots
        self._groups = Groups(memory, corporation, robots.names, say)
        self.post_in_group: PostInGroup | None = None
        """Set where there is an AI bot."""
        self.post_in_made: PostInGroup | None = None
        """Set where there is an app, with the next one."""
        self.make_group: MakeGroup | None = None

    @staticmethod
    @override
    def asks(text: str) -> bool:
        """Whether somebody wants to choose, or to have a group made."""
        return delivery.Delivery.asks(text) or _MAKE_BARE.fullmatch(text.strip()) is not None

    async def answer(self, person: Person, text: str, chat: str) -> Answer:
        """What is said to who asked; ``chat`` names a group that is made now, the same if this is asked again.

        Raises Throttled, PlatformDown, MemoryUnavailable.
        """
        if _MAKE_BARE.fullmatch(text.strip()):
            return await self._make(person, text.strip(), chat)
        return await self.offer(person)

    @override
    def how(self, person: Person) -> str:
        """How a group is made."""
        return self._say(person.language, "wecom-deliver-make") if self.make_group else ""

    async def note_group(self, person: str, chat: str) -> None:
        """Somebody talked to the AI bot in a group."""
        await self._groups.note_talk(person, chat)

    async def close(self) -> None:
        """Let go of the connections; a later result opens new ones."""
        await self._robots.close()

    async def _make(self, person: Person, text: str, chat: str) -> Answer:
        """Have the app make a group, and send results there from now on."""
        asked, language = _MAKE.fullmatch(text), person.language
        if self.make_group is None:
            return Answer(self._say(language, "wecom-deliver-no-app"))
        if asked is None:
            return Answer(self._say(language, "wecom-deliver-make"))
        name = asked["name"][:_NAME]
        people = list(dict.fromkeys([person.id, *_APART.split(asked["people"].strip())]))
        if len(people) < 2:
            return Answer(self._say(language, "wecom-deliver-alone"))
        hello = self._say(language, "wecom-deliver-hello", person=person.name)
        try:
            await self.make_group(chat, name, people, hello)
        except ChatError as error:
            if passes(error):
                raise
            _LOG.warning("A group cannot be made: %s", error)
            return Answer(
                self._say(language, "wecom-deliver-not-made", people=" ".join(people[1:]))
            )
        await self._groups.note_made(people, chat, name)
        await self.keep(person, f"{MADE}{chat}")
        return Answer(self._say(language, "wecom-deliver-made", group=name))

    @override
    async def tell(self, id_: str, text: str, key: str) -> None:
        """By whoever serves that group."""
        if id_.startswith(ROBOT):
            name = id_.removeprefix(ROBOT)
            if name not in self._robots.names:
                raise ChatUnreachable("this group robot is not set any more")
            await self._robots.push(name, text, key)
        elif id_.startswith(MADE) and self.post_in_made is not None:
            await self.post_in_made(id_.removeprefix(MADE), text, key)
        elif id_.startswith(TALKED) and self.post_in_group is not None:
            await self.post_in_group(id_.removeprefix(TALKED), text, key)
        else:
            raise ChatUnreachable("who served this group is not set any more")

    @override
    async def labels(self, person: Person) -> dict[str, str]:
        """Those of group robots, of the AI bot and of the app."""
        talked, made = self.post_in_group is not None, self.post_in_made is not None
        return await self._groups.labels(person, talked=talked, made=made)


def made_chat(key: str) -> str:
    """The id of a group that is made because of a message: the same if that comes again."""
    return f"chorus{hashlib.sha256(key.encode()).hexdigest()[:24]}"
