"""What the bot's tests stand on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.stage import Stage, open_stage


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreman that a test plays says once that it is there, and then no more."""
    monkeypatch.setattr("worker.desk._FOREMAN_SILENT_S", 600.0)


@pytest.fixture
async def stage(redis_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot's surroundings, with three Templates ready."""
    async with open_stage(redis_url, tmp_path) as opened:
        await opened.add_templates("anchor", "host", "idle")
        yield opened
