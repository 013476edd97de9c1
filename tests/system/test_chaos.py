"""kill -9 of whatever runs, again and again at random moments, while people order: nothing is lost, nothing doubled, all is told."""

from pathlib import Path

import pytest

from tests.system.chaos import chaos


@pytest.mark.parametrize(
    ("kills", "batches"),
    [
        pytest.param(12, 30, id="12 kills", marks=pytest.mark.slow),
        pytest.param(100, 200, id="100 kills", marks=pytest.mark.soak),
    ],
)
async def test_nothing_is_lost_or_doubled_or_left_untold_by(
    tmp_path: Path, kills: int, batches: int
) -> None:
    toll = await chaos(tmp_path, kills, batches, seed=kills)

    print(toll)
    assert sum(toll.kills.values()) == kills
    assert toll.batches == batches
    assert (toll.lost, toll.doubled, toll.untold, toll.told_twice) == (0, 0, 0, 0)
