"""Results that also go into a group: the choice of each person, and keeping to it.

In a group people made, a bot often hears no voice notes or cannot be at all; so people talk to it alone, and the group is told.
Whoever is not let in hears of no group.
"""

import abc
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.chats.says import Says
from adapters.chats.troubles import passes
from bot.ports import Chat, ChatError, Choice, LetsIn, Memory, Person

_LOG = logging.getLogger(__name__)

CHOICE: Final = "deliver:"
_OUTCOME: Final = "outcome:"
"""How the keys of results begin; those of the pieces of a long one have their number behind a slash."""
_ASKED: Final = frozenset({"发到群", "/deliver"})
_NOBODY: Final = ""
_GIVEN_UP_S: Final = 900
"""So long a group is tried that cannot be told."""
_REMEMBERED_S: Final = 86_400


@dataclass(frozen=True)
class Answer:
    """What an adapter says about it."""

    text: str
    choices: tuple[Choice, ...] = ()


class Delivery(abc.ABC):
    """The choice of each person, and keeping to it."""

    def __init__(self, memory: Memory, owner: str, say: Says, none: str, lets_in: LetsIn) -> None:
        """Prepare.

        Args:
            memory: Where choices are kept.
            owner: Whose people choose: a corporation, or a mailbox.
            say: The catalogue.
            none: The text where there is no group.
            lets_in: Who may choose.
        """
        self._memory = memory
        self._owner = owner
        self._say = say
        self._none = none
        self._lets_in = lets_in
        self.clock: Callable[[], float] = time.time

    @abc.abstractmethod
    async def labels(self, person: Person) -> dict[str, str]:
        """What the groups there are for somebody are called, by their ids."""

    @abc.abstractmethod
    async def tell(self, id_: str, text: str, key: str) -> None:
        """Say something in a group, once for each key."""

    def how(self, person: Person) -> str:
        """What else there is to know about it."""
        del person
        return ""

    @staticmethod
    def asks(text: str) -> bool:
        """Whether these words are about the groups that get results."""
        return text.strip() in _ASKED

    async def concerns(
        self, chat: Chat, person: Person, text: str = "", choice: str | None = None
    ) -> bool:
        """Whether what somebody typed or pressed is for us to answer; nothing is of whom the bot would turn away."""
        ours = choice.startswith(CHOICE) if choice is not None else self.asks(text)
        return ours and await self._lets_in(chat, person)

    async def offer(self, person: Person) -> Answer:
        """The groups there are for somebody."""
        groups, how = await self.labels(person), self.how(person)
        if not groups:
            none = self._say(person.language, self._none)
            return Answer("\n".join(line for line in (none, how) if line))
        chosen = await self._chosen(person.id)
        choices = [
            Choice(f"{CHOICE}{id_}", label, picked=id_ == chosen) for id_, label in groups.items()
        ]
        only = Choice(f"{CHOICE}{_NOBODY}", self._say(person.language, "deliver-only-me"))
        text = self._say(person.language, "deliver-which")
        return Answer("\n".join(line for line in (text, how) if line), (*choices, only))

    async def choose(self, person: Person, token: str) -> Answer:
        """Keep to a choice from now on."""
        id_ = token.removeprefix(CHOICE)
        label = (await self.labels(person)).get(id_)
        if label is None:
            await self._memory.drop(*self._name(person.id))
            return Answer(self._say(person.language, "deliver-off"))
        await self.keep(person, id_)
        return Answer(self._say(person.language, "deliver-on", group=label))

    async def keep(self, person: Person, id_: str) -> None:
        """Somebody's results go there from now on."""
        await self._memory.keep(*self._name(person.id), value=id_)

    async def pass_on(self, person: Person, text: str, key: str) -> str:
        """Tell the chosen group of a result; what to tell the person if that is refused or given up, else empty.

        Raises Throttled, PlatformDown, MemoryUnavailable.
        """
        id_ = await self._chosen(person.id) if key.startswith(_OUTCOME) else None
        if not id_:
            return ""
        told = self._for_group(person, text, first="/" not in key or key.endswith("/1"))
        try:
            await self.tell(id_, told, f"{key}@{id_}")
        except ChatError as error:
            if passes(error) and not await self._too_late(key):
                raise
            _LOG.warning("A result cannot be told to a group: %s", error)
            return self._say(person.language, "deliver-failed")
        return ""

    async def _too_late(self, key: str) -> bool:
        """Whether a group cannot be told of a result for so long that the person, who has it, waits no longer."""
        name = ("deliver-since", self._owner, key.partition("/")[0])
        since = await self._memory.load(*name)
        if since is None:
            await self._memory.keep(*name, value=str(self.clock()), ttl_s=_REMEMBERED_S)
            return False
        return self.clock() - float(since) > _GIVEN_UP_S

    def _for_group(self, person: Person, text: str, *, first: bool) -> str:
        """Who had it made; and nothing of what can be typed to us alone."""
        lines = text.split("\n")
        last = self._links_last(person).fullmatch(lines[-1])
        if last is not None:
            lines[-1] = self._say(person.language, "deliver-last", lifetime=last["lifetime"])
        if first:
            lines.insert(1, self._say(person.language, "deliver-from", person=person.name))
        return "\n".join(lines)

    def _links_last(self, person: Person) -> re.Pattern[str]:
        """What the line that says how long Links work looks like."""
        shape = re.escape(self._say(person.language, "links-last", lifetime="\0", code="\1"))
        lifetime, code = re.escape("\0"), re.escape("\1")
        return re.compile(shape.replace(lifetime, "(?P<lifetime>.+)", 1).replace(code, ".+"))

    async def _chosen(self, person: str) -> str | None:
        return await self._memory.load(*self._name(person))

    def _name(self, person: str) -> tuple[str, ...]:
        return ("deliver", self._owner, person)
