"""Group robots: they hear nothing and say what they are told, 20 times a minute. Token and secret are credentials."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.chats.dingtalk.api import Api
from adapters.chats.dingtalk.errors import Blocked
from adapters.chats.dingtalk.notes import Notes
from adapters.chats.dingtalk.rates import SharedRates
from adapters.chats.dingtalk.signing import sign
from adapters.chats.dingtalk.writing import pieces, title_of, to_markdown


@dataclass(frozen=True)
class Robot:
    """One group robot."""

    token: str = field(repr=False)
    secret: str = field(default="", repr=False)
    """Signs what we post; empty: the robot asks for a keyword or our address instead."""


class GroupRobots:
    """The robots that an operator named."""

    def __init__(
        self,
        api: Api,
        notes: Notes,
        rates: SharedRates,
        robots: Mapping[str, Robot],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare.

        Args:
            api: Of DingTalk.
            notes: What was said already.
            rates: How fast we speak.
            robots: By the names of their groups.
            clock: Seconds since 1970.
        """
        self._api = api
        self._notes = notes
        self._rates = rates
        self._robots = robots
        self._clock = clock

    @property
    def names(self) -> list[str]:
        """The groups."""
        return list(self._robots)

    async def push(self, name: str, text: str, key: str) -> None:
        """Say a result in a group, each piece once. Raises SettingsWrong, Throttled, PlatformDown."""
        for number, piece in enumerate(pieces(text)):
            await self._push(name, piece, f"{key}#{number}")

    async def _push(self, name: str, text: str, key: str) -> None:
        if await self._notes.sent(key) is not None:
            return
        robot, budget = self._robots[name], f"robot:{name}"
        await self._rates.room(budget)
        params = {"access_token": robot.token}
        if robot.secret:
            timestamp = str(int(self._clock() * 1000))
            params |= {"timestamp": timestamp, "sign": sign(timestamp, robot.secret)}
        markdown = {"title": title_of(text), "text": to_markdown(text)}
        body: dict[str, Any] = {"msgtype": "markdown", "markdown": markdown}
        try:
            await self._api.post_to_robot(params, body)
        except Blocked:
            raise await self._rates.blocked(budget) from None
        await self._notes.note_sent(key, "1")
