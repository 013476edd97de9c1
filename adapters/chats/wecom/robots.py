"""Group robots: they hear nothing and say what they are told, 20 times a minute. Their keys are credentials."""

from collections.abc import Mapping
from typing import Final

from adapters.chats.wecom.api import Api
from adapters.chats.wecom.cards import notice_card
from adapters.chats.wecom.notes import Notes
from adapters.chats.wecom.rates import SharedRates
from adapters.chats.wecom.writing import (
    MARKDOWN_BYTES,
    pieces,
    shortened,
    to_markdown,
    without_links,
)

_PIECE_BYTES: Final = 3600
"""Of 4096: marking takes a few more."""


class GroupRobots:
    """The robots that an operator named."""

    def __init__(
        self, api: Api, notes: Notes, rates: SharedRates, robots: Mapping[str, str]
    ) -> None:
        """Prepare.

        Args:
            api: Of WeCom.
            notes: What was said already.
            rates: How fast we speak.
            robots: Keys, by the names of their groups.
        """
        self._api = api
        self._notes = notes
        self._rates = rates
        self._robots = robots

    @property
    def names(self) -> list[str]:
        """The groups."""
        return list(self._robots)

    async def push(self, name: str, text: str, key: str) -> None:
        """Say a result in a group, once for each key: a card with its first Links, and all of it where there is more.

        Raises SettingsWrong, Throttled, PlatformDown.
        """
        (first, *plain), found = without_links(text)
        whole = False
        if found:
            card, whole = notice_card(first, plain, found)
            await self._once(name, f"{key}#card", {"template_card": card})
        if not whole:
            for number, piece in enumerate(pieces(text, _PIECE_BYTES)):
                content = shortened(to_markdown(piece), MARKDOWN_BYTES)
                await self._once(name, f"{key}#{number}", {"markdown": {"content": content}})

    async def close(self) -> None:
        """Let go of the connections."""
        await self._api.close()

    async def _once(self, name: str, key: str, message: dict[str, object]) -> None:
        if await self._notes.sent(key) is not None:
            return
        await self._rates.room_for_robot(name)
        (kind,) = message
        body = {"msgtype": kind, **message}
        await self._api.post("/cgi-bin/webhook/send", {"key": self._robots[name]}, body)
        await self._notes.note_sent(key, "1")
