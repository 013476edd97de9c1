"""Whisper's weights as the foreman sees them, which loads nothing of the pipeline."""

from pathlib import Path
from typing import Final

FILES: Final = tuple(
    f"faster-whisper/{name}" for name in ("model.bin", "config.json", "tokenizer.json")
)
"""In the folder of all weights; as in ``pipeline.speech.scribe``."""

Stamp = tuple[tuple[int, int, int], ...]
"""Of each file: its inode, size and time. Weights that were installed anew, or mended, have another."""


def stamp(models: Path | None) -> Stamp | None:
    """Tell the weights that are installed now from others; None where they are not, or not whole."""
    if models is None:
        return None
    try:
        facts = [(models / name).stat() for name in FILES]
    except OSError:
        return None
    return tuple((each.st_ino, each.st_size, each.st_mtime_ns) for each in facts)
