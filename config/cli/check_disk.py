"""Whether this machine's disk has room for what it is to hold."""

import shutil
from typing import Final

from config.cli.findings import Finding, bad, good, unused
from config.paths import work_folder
from config.settings import PREFIX, Settings
from worker.cache import FOLDER, size_bytes

_LOW_DISK_BYTES: Final = 2 << 30


def examine_disk(settings: Settings) -> list[Finding]:
    """What is free, and whether the workers' cache may grow to its limit."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    held = size_bytes(work_folder(settings) / FOLDER)
    return [_disk(free), _cache(settings.cache_gb, held, free)]


def _disk(free: int) -> Finding:
    said = f"{free / 2**30:.1f} GiB free."
    if free < _LOW_DISK_BYTES:
        return bad("disk", said, f"Make room, or move {PREFIX}DATA_DIR.")
    return good("disk", said)


def _cache(limit_gb: float, held: int, free: int) -> Finding:
    said = f"Workers here keep {held / 1e9:.1f} GB of what videos are made of, {limit_gb:g} GB at most."
    if limit_gb * 1e9 > held + free:
        advice = f"The disk is full before that: lower {PREFIX}CACHE_GB, or make room."
        return unused("cache", said, advice)
    return good("cache", said)
