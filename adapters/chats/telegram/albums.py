"""Albums: several messages that belong together, with no mark at the last one, are answered once.

Whoever sees the first part waits until no more come, then speaks for all of them: the text of the one that has a caption, and the
first recording, with the others beside it. The parts may come to several front ends, so they meet in the Memory.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from adapters.chats.telegram.decoding import Said
from adapters.chats.telegram.media import RECORDINGS
from bot.ports import Media, Memory

_KEPT_S: Final = 600
_LOCK_S: Final = 5.0
_LOOK_S: Final = 0.02
_MOST_WAITS: Final = 6


class _Part(BaseModel):
    """One message of an album."""

    model_config = ConfigDict(frozen=True)

    key: str
    number: int
    text: str
    ref: str
    name: str
    size_bytes: int | None
    kind: Literal["voice", "audio", "video", "document", "picture"]

    @property
    def media(self) -> Media:
        """Its file."""
        return Media(self.ref, self.name, self.size_bytes, self.kind)


class _Parts(BaseModel):
    """What has come of an album, in the order it came."""

    parts: list[_Part] = []


class Albums:
    """Collects the parts."""

    def __init__(self, memory: Memory, mailbox: str, wait_s: float) -> None:
        """Prepare.

        Args:
            memory: Where the parts meet.
            mailbox: Ours.
            wait_s: An album is whole when nothing of it has come for so long.
        """
        self._memory = memory
        self._mailbox = mailbox
        self._wait_s = wait_s

    async def add(self, said: Said, media: Media, key: str) -> bool:
        """Put a part down; True for the one that shall speak for the album, also when it comes again."""
        async with self._alone(said):
            parts = await self._parts(said)
            if all(part.key != key for part in parts):
                parts.append(_part(said, media, key))
                value = _Parts(parts=parts).model_dump_json()
                await self._memory.keep(*self._name(said), value=value, ttl_s=_KEPT_S)
        return parts[0].key == key

    async def whole(self, said: Said) -> Said:
        """The album in one, when no further part has come for a while."""
        parts: list[_Part] = []
        for _ in range(_MOST_WAITS):
            await asyncio.sleep(self._wait_s)
            before, parts = parts, await self._parts(said)
            if len(parts) == len(before):
                break
        parts = sorted(parts, key=lambda part: part.number)
        recordings = [part for part in parts if part.kind in RECORDINGS]
        text = next((part.text for part in parts if part.text), said.text)
        if not recordings:
            return replace(said, text=text)
        chosen, *others = recordings
        media = replace(chosen.media, beside=tuple(other.media for other in others))
        return replace(said, text=text, number=chosen.number, media=media)

    async def _parts(self, said: Said) -> list[_Part]:
        kept = await self._memory.load(*self._name(said))
        return [] if kept is None else _Parts.model_validate_json(kept).parts

    def _name(self, said: Said) -> tuple[str, ...]:
        return ("album", self._mailbox, said.place.chat, said.album or "")

    @contextlib.asynccontextmanager
    async def _alone(self, said: Said) -> AsyncIterator[None]:
        """One part after the other, among all front ends."""
        role, holder = ":".join(self._name(said)), secrets.token_hex(8)
        while not await self._memory.lead(role, holder, _LOCK_S):  # noqa: ASYNC110 - held elsewhere
            await asyncio.sleep(_LOOK_S)
        try:
            yield
        finally:
            await self._memory.step_down(role, holder)


def _part(said: Said, media: Media, key: str) -> _Part:
    return _Part(
        key=key,
        number=said.number,
        text=said.text,
        ref=media.ref,
        name=media.name,
        size_bytes=media.size_bytes,
        kind=media.kind,
    )
