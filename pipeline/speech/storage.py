"""A Take's speech on disk: mouth parameters and exact length in one NPZ file."""

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from pipeline.types import MouthCurve


def write_speech(path: Path, curve: MouthCurve, duration_s: float) -> None:
    """Write a curve and the Take's length; the file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, duration_s=np.float64(duration_s), **asdict(curve))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_speech(path: Path) -> tuple[MouthCurve, float]:
    """Read what ``write_speech`` wrote: the curve and the length in seconds."""
    with np.load(path, allow_pickle=False) as stored:
        curve = MouthCurve(**{field.name: stored[field.name] for field in fields(MouthCurve)})
        return curve, float(stored["duration_s"])
