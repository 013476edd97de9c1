"""Which groups there are for a person: those a group robot serves, those the AI bot was talked to in, those the app made.

WeCom tells no names of groups that people made, so those of the AI bot are known by when the person talked to it there.
"""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

from adapters.chats.alone import Alone
from adapters.chats.says import Says
from bot.ports import Memory, Person

ROBOT: Final = "robot:"
TALKED: Final = "group:"
MADE: Final = "made:"
"""How the ids of groups begin."""
_NEWEST: Final = 5


class Groups:
    """The groups of one corporation, by person."""

    def __init__(self, memory: Memory, corporation: str, robots: Sequence[str], say: Says) -> None:
        """Prepare.

        Args:
            memory: Where it is kept who talked and who made what.
            corporation: Names the corporation.
            robots: Names of the groups that have a robot.
            say: The catalogue.
        """
        self._memory = memory
        self._corporation = corporation
        self._robots = robots
        self._say = say
        self._alone = Alone(memory, corporation)

    async def labels(self, person: Person, *, talked: bool, made: bool) -> dict[str, str]:
        """What each is called, by its id; with those of the AI bot and of the app where these are there to tell them."""
        found = {f"{ROBOT}{name}": name for name in self._robots}
        if made:
            found |= {f"{MADE}{chat}": name for chat, name in (await self._made(person.id)).items()}
        if talked:
            for chat, at_s in (await self._talked(person.id)).items():
                when = time.strftime("%m-%d %H:%M", time.localtime(at_s))
                label = self._say(person.language, "wecom-deliver-group", when=when)
                found[f"{TALKED}{chat}"] = label
        return found

    async def note_talk(self, person: str, chat: str) -> None:
        """Somebody talked to the AI bot in a group."""
        async with self._alone.with_(f"groups:{person}"):  # of all they talk in at once
            groups = {**await self._talked(person), chat: time.time()}
            newest = sorted(groups.items(), key=lambda item: -item[1])[:_NEWEST]
            await self._keep("groups", person, dict(newest))

    async def note_made(self, people: Sequence[str], chat: str, name: str) -> None:
        """The app made a group of these people."""
        for person in people:
            async with self._alone.with_(f"made:{person}"):
                newest = list((await self._made(person) | {chat: name}).items())[-_NEWEST:]
                await self._keep("made", person, dict(newest))

    async def _talked(self, person: str) -> dict[str, float]:
        return await self._load("groups", person)

    async def _made(self, person: str) -> dict[str, str]:
        return await self._load("made", person)

    async def _load(self, what: str, person: str) -> dict[str, Any]:
        kept = await self._memory.load(what, self._corporation, person)
        return {} if kept is None else dict(json.loads(kept))

    async def _keep(self, what: str, person: str, groups: dict[str, Any]) -> None:
        await self._memory.keep(what, self._corporation, person, value=json.dumps(groups))
