"""The picture of a page of Templates: which one it is, whether it is drawn, and having it drawn in good time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from bot import words
from bot.desk import Turn
from bot.ports import MediaGone, Picture
from worker.contract import keys
from worker.contract.ports import ObjectMissing, StoreUnavailable
from worker.contract.records import Lineup, LineupCell, TemplateRecord, TemplateState

_WAIT_S: Final = 1.5
"""Longer than a free worker takes to draw one; then the list goes out in words."""
_LOOK_S: Final = 0.05
_ASKED_S: Final = 60
"""One that was asked for is not asked for again so soon, and a tick does not wait for it a second time."""
_DRAWN_S: Final = 7 * 86_400
"""So long we take it for granted that the store has it; it keeps them longer."""


def page_of(templates: Sequence[TemplateRecord], numbers: Sequence[int], shown: range) -> Lineup:
    """What the picture of a page shows, with the numbers that people type."""
    return Lineup(
        cells=tuple(
            LineupCell(
                number=numbers[place],
                name=words.shown_name(templates[place].name),
                sha256=_poster(templates[place]),
            )
            for place in shown
        )
    )


def _poster(template: TemplateRecord) -> str | None:
    return template.sha256 if template.state is TemplateState.READY else None


async def picture_of(turn: Turn, lineup: Lineup, caption: str, *, wait: bool) -> Picture | None:
    """The picture of a page; None if the platform shows none, or it is not drawn yet.

    Args:
        turn: Of the person who shall see it.
        lineup: What it shows.
        caption: What stands below it.
        wait: Whether it may take a moment even if it was asked for before.
    """
    limit = turn.desk.adapter.limits.caption_length
    if not lineup.cells or not caption or len(caption) > limit:
        return None
    if not await _drawn(turn, lineup, wait=wait):
        return None

    async def read() -> bytes:
        try:
            return await turn.desk.store.get_bytes(keys.lineup(lineup.id))
        except (ObjectMissing, StoreUnavailable) as error:
            await turn.desk.memory.drop("lineup", lineup.id)
            raise MediaGone("the picture of a page") from error

    return Picture(lineup.id, caption, read)


async def prepare(turn: Turn, *lineups: Lineup) -> None:
    """Have pages drawn that will be needed soon."""
    if not turn.desk.adapter.limits.caption_length:
        return
    for lineup in lineups:
        if lineup.cells and await turn.desk.memory.load("lineup", lineup.id) is None:
            await _ask(turn, lineup)


async def _drawn(turn: Turn, lineup: Lineup, *, wait: bool) -> bool:
    known = await turn.desk.memory.load("lineup", lineup.id)
    if known == "drawn" or await _stored(turn, lineup):
        return True
    if known is None:
        await _ask(turn, lineup)
    if (known is not None and not wait) or not await turn.desk.ledger.workers():
        return False
    try:
        async with asyncio.timeout(_WAIT_S):
            while not await _stored(turn, lineup):  # noqa: ASYNC110 - a worker elsewhere draws it
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        return False
    return True


async def _ask(turn: Turn, lineup: Lineup) -> None:
    await turn.desk.ledger.open_lineup(lineup, turn.chat, turn.person)
    await turn.desk.memory.keep("lineup", lineup.id, value="asked", ttl_s=_ASKED_S)


async def _stored(turn: Turn, lineup: Lineup) -> bool:
    try:
        await turn.desk.store.stat(keys.lineup(lineup.id))
    except (ObjectMissing, StoreUnavailable):
        return False
    await turn.desk.memory.keep("lineup", lineup.id, value="drawn", ttl_s=_DRAWN_S)
    return True
