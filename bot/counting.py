"""A chat adapter that counts what is said through it, and how often the platform would not have it."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from typing_extensions import override

from bot.ports import (
    Chat,
    ChatAdapter,
    Choice,
    Inbound,
    Limits,
    Media,
    MessageRef,
    Person,
    Picture,
    Throttled,
)
from worker.contract.figures import FIGURES


class CountedChat(ChatAdapter):
    """The adapter behind it, with every message counted under its platform."""

    def __init__(self, adapter: ChatAdapter) -> None:
        self._adapter = adapter
        self._platform = adapter.mailbox.partition(":")[0]
        self.mailbox = adapter.mailbox

    @property  # type: ignore[explicit-override]  # both its halves are marked
    @override
    def limits(self) -> Limits:
        """What the platform can carry now."""
        return self._adapter.limits

    @limits.setter
    @override
    def limits(self, limits: Limits) -> None:
        self._adapter.limits = limits

    @override
    async def run(self) -> None:
        await self._adapter.run()

    @override
    def messages(self) -> AsyncIterator[Inbound]:
        return self._adapter.messages()

    @override
    async def settle(self, inbound: Inbound) -> None:
        await self._adapter.settle(inbound)

    @override
    async def fetch(self, media: Media, path: Path) -> None:
        await self._adapter.fetch(media, path)

    @override
    async def post(
        self, chat: Chat, text: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        with self._counted():
            return await self._adapter.post(chat, text, key=key, reply_to=reply_to)

    @override
    async def offer(
        self,
        chat: Chat,
        text: str,
        choices: Sequence[Choice],
        *,
        key: str,
        reply_to: str | None = None,
        person: Person | None = None,
        picture: Picture | None = None,
    ) -> MessageRef:
        with self._counted():
            return await self._adapter.offer(
                chat, text, choices, key=key, reply_to=reply_to, person=person, picture=picture
            )

    @override
    async def revise(
        self,
        message: MessageRef,
        text: str,
        choices: Sequence[Choice] = (),
        *,
        person: Person | None = None,
        picture: Picture | None = None,
        patient: bool = False,
    ) -> None:
        with self._counted():
            await self._adapter.revise(
                message, text, choices, person=person, picture=picture, patient=patient
            )

    @override
    async def send_file(
        self, chat: Chat, path: Path, name: str, *, key: str, reply_to: str | None = None
    ) -> MessageRef:
        with self._counted():
            return await self._adapter.send_file(chat, path, name, key=key, reply_to=reply_to)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except Throttled:
            FIGURES.count("throttles", self._platform)
            raise
        FIGURES.count("posts", self._platform)
