"""A Take's speech on disk: mouth parameters and what else is known of the sound, in one NPZ file."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from pipeline.types import MouthCurve


@dataclass(frozen=True)
class StoredSpeech:
    """What the analysis of a recording keeps for all Clips made of it."""

    curve: MouthCurve
    duration_s: float
    spoken_s: tuple[float, float]
    """From when to when somebody is heard."""
    loudness_lufs: float
    true_peak_db: float
    offsets: tuple[float, ...]
    """Mean of each channel."""


def write_speech(path: Path, speech: StoredSpeech) -> None:
    """Write it; the file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    plain = {
        field.name: np.array(getattr(speech, field.name), np.float64)
        for field in fields(StoredSpeech)
        if field.name != "curve"
    }
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **plain, **asdict(speech.curve))  # type: ignore[arg-type]  # typed as allow_pickle
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_speech(path: Path) -> StoredSpeech:
    """Read what ``write_speech`` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        curve = MouthCurve(**{field.name: stored[field.name] for field in fields(MouthCurve)})
        begin_s, end_s = stored["spoken_s"].tolist()
        return StoredSpeech(
            curve=curve,
            duration_s=float(stored["duration_s"]),
            spoken_s=(begin_s, end_s),
            loudness_lufs=float(stored["loudness_lufs"]),
            true_peak_db=float(stored["true_peak_db"]),
            offsets=tuple(stored["offsets"].tolist()),
        )
