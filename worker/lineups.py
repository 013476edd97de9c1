"""Lineups: the posters of Templates side by side, drawn in a child, kept in the store until nobody asked for long."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from worker.child import Child
from worker.contract import keys
from worker.contract.ports import ObjectMissing, StoreUnavailable
from worker.contract.records import Lineup, LineupCell
from worker.decoding import decode
from worker.holdings import Held
from worker.refusals import stored
from worker.workshop import Workshop

LINEUP: Final = "lineup.jpg"
"""What the child makes."""
_POSTER: Final = "poster.jpg"
_FACTS: Final = "template.json"
_KEPT: Final = timedelta(days=30)
"""After so long a Lineup is removed; who still sees that page has it drawn once more."""


class Lineups:
    """Draws them; all methods may raise NoLongerWanted and ChildFailed."""

    def __init__(self, shop: Workshop, child: Child) -> None:
        self._shop = shop
        self._child = child

    async def draw(self, held: Held) -> None:
        """Draw one, unless it is there."""
        id_, ledger = held.lease.subject, self._shop.ledger
        lineup = await held.persist(lambda: ledger.lineup(id_))
        if lineup is not None and not await held.persist(lambda: self._is_there(id_)):
            await self._draw(held, lineup)
            await self._tidy()
        await held.persist(lambda: ledger.desk.finish_lineup(held.lease))

    async def _is_there(self, id_: str) -> bool:
        try:
            await self._shop.store.stat(keys.lineup(id_))
        except ObjectMissing:
            return False
        return True

    async def _draw(self, held: Held, lineup: Lineup) -> None:
        with self._shop.own_folder() as folder:
            fetched = [self._cell(held, cell, folder) for cell in lineup.cells]
            plan = folder / "plan.json"
            plan.write_text(json.dumps(await asyncio.gather(*fetched)), "utf-8")
            made = folder / "made"
            await decode(self._child, held, "lineup", plan, LINEUP, made)
            key, picture = keys.lineup(lineup.id), made / LINEUP
            store = self._shop.store
            await stored(held, store, key, lambda: store.put_file(key, picture, "image/jpeg"))

    async def _cell(self, held: Held, cell: LineupCell, folder: Path) -> dict[str, Any]:
        """What the child is told of a Template; its poster is put into the folder."""
        plan = {"number": cell.number, "name": cell.name, "poster": None, "face": None}
        if cell.sha256 is None:
            return plan
        store, file = self._shop.store, f"{cell.number}.jpg"
        poster, facts = (keys.prepared(cell.sha256, name) for name in (_POSTER, _FACTS))
        try:
            await held.persist(lambda: store.get_file(poster, folder / file))
            told = json.loads(await held.persist(lambda: store.get_bytes(facts)))
        except ObjectMissing:  # removed meanwhile
            return plan
        return {**plan, "poster": file, "face": told.get("poster_face")}

    async def _tidy(self) -> None:
        """Remove what is old; the next one drawn tries again what fails now."""
        store, oldest = self._shop.store, datetime.now(UTC) - _KEPT
        try:
            old = [f.key async for f in store.list(keys.LINEUPS) if f.modified_at < oldest]
            for key in old:
                await store.delete(key)
        except StoreUnavailable:
            return
