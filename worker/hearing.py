"""The words of Takes, as the foreman gets them: from the engine process, which holds Whisper. Whatever goes wrong costs words, no Take."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from worker.child import ChildStopped
from worker.decoding import Hear
from worker.engine_link import EngineLink
from worker.errands import EngineFailed, RenderStopped, Unheard
from worker.holdings import Held
from worker.whisper import stamp


class Hearing:
    """Asks for one Take at a time: Whisper has all the cores, or the GPU, anyway."""

    def __init__(self, link: EngineLink, models: Path | None) -> None:
        self._link = link
        self._models = models
        self._turn = asyncio.Lock()

    async def of(self, held: Held) -> Hear | None:
        """Hear for a Take; None if Whisper's weights are not installed now."""
        there = await asyncio.to_thread(stamp, self._models)
        return None if there is None else partial(self._words, held)

    async def _words(self, held: Held, samples: Path) -> Mapping[str, Any]:
        async with self._turn:
            try:
                # What a worker died of, or was taken from one that stood still, might take Clips with it.
                return await self._link.hear(samples, held.stop, alone=held.lease.attempt > 1)
            except RenderStopped:
                raise ChildStopped from None
            except (Unheard, EngineFailed) as error:
                return {"failed": str(error)}
