"""Results that also go into a group: one of a group robot, or one in which the person talked to us."""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from typing_extensions import override

from adapters.chats import delivery
from adapters.chats.delivery import CHOICE, Answer
from adapters.chats.dingtalk.notes import Notes
from adapters.chats.dingtalk.robots import GroupRobots
from adapters.chats.says import Says
from bot.ports import ChatUnreachable, LetsIn, Memory, Person

_ROBOT: Final = "robot:"
_TALKED: Final = "group:"
_LISTED_S: Final = 86_400
"""So long somebody may type a number of a list that they saw."""
_TYPED: Final = re.compile(r"(?:发到群|/deliver)\s+(?P<number>\d{1,3})")
PostInGroup = Callable[[str, str, str], Awaitable[None]]
"""(chat, text, key)."""


class Delivery(delivery.Delivery):
    """The choice of each person, and keeping to it."""

    def __init__(
        self,
        memory: Memory,
        mailbox: str,
        robots: GroupRobots | None,
        notes: Notes,
        say: Says,
        post_in_group: PostInGroup,
        lets_in: LetsIn,
        *,
        typed: bool,
    ) -> None:
        """Prepare.

        Args:
            memory: Where choices are kept.
            mailbox: Of the robot.
            robots: Group robots, if there are any.
            notes: Who talked to us where.
            say: The catalogue.
            post_in_group: Says something in a group.
            lets_in: Who may choose.
            typed: Choices are typed, because there are no buttons.
        """
        super().__init__(memory, mailbox, say, "dingtalk-deliver-none", lets_in)
        self._robots = robots
        self._notes = notes
        self._post_in_group = post_in_group
        self._typed = typed

    @staticmethod
    @override
    def asks(text: str) -> bool:
        """Whether somebody wants to choose, or does."""
        return delivery.Delivery.asks(text) or _TYPED.fullmatch(text.strip()) is not None

    async def answer(self, person: Person, text: str) -> Answer:
        """What is said to who asked, or chose by a number."""
        found = _TYPED.fullmatch(text.strip())
        if found is not None:
            ids = await self._listed(person)
            number = int(found["number"])
            id_ = ids[number - 1] if 0 < number <= len(ids) else ""
            return await self.choose(person, f"{CHOICE}{id_}")
        offered = await self.offer(person)
        if not (self._typed and offered.choices):
            return offered
        *groups, only = offered.choices
        await self._note_listed(person, [choice.token.removeprefix(CHOICE) for choice in groups])
        lines = [
            f"{number}. {choice.label}{' ✓' if choice.picked else ''}"
            for number, choice in enumerate(groups, 1)
        ]
        how = self._say(person.language, "dingtalk-deliver-how")
        return Answer("\n".join([offered.text, *lines, f"0. {only.label}", how]))

    async def _listed(self, person: Person) -> list[str]:
        """The groups by their numbers, as the person saw them last."""
        kept = await self._memory.load("deliver-listed", self._owner, person.id)
        return list(await self.labels(person)) if kept is None else list(json.loads(kept))

    async def _note_listed(self, person: Person, ids: Sequence[str]) -> None:
        name = ("deliver-listed", self._owner, person.id)
        await self._memory.keep(*name, value=json.dumps(ids), ttl_s=_LISTED_S)

    @override
    async def labels(self, person: Person) -> dict[str, str]:
        """Those of group robots, and those where the person talked to us."""
        robots = self._robots.names if self._robots is not None else []
        found = {f"{_ROBOT}{name}": name for name in robots}
        for chat, title in (await self._notes.groups(person.id)).items():
            found[f"{_TALKED}{chat}"] = title or self._say(person.language, "dingtalk-group")
        return found

    @override
    async def tell(self, id_: str, text: str, key: str) -> None:
        """By whoever serves that group."""
        name = id_.removeprefix(_ROBOT)
        if id_.startswith(_TALKED):
            await self._post_in_group(id_.removeprefix(_TALKED), text, key)
        elif self._robots is not None and name in self._robots.names:
            await self._robots.push(name, text, key)
        else:
            raise ChatUnreachable("this group robot is not set any more")
