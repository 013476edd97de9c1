"""What the bot's tests stand on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.stage import Stage, open_stage


@pytest.fixture
async def stage(redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot's surroundings, with three Templates ready."""
    async with open_stage(redis_url, tmp_path) as opened:
        await opened.add_templates("anchor", "host", "idle")
        yield opened
