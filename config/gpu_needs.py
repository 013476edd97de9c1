"""GPU memory of engines, known without loading anything of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.whisper import FILES, stamp


@dataclass(frozen=True)
class GpuNeeds:
    """GPU memory of an engine, in MiB."""

    resident_mib: int
    """Weights and the runtime's own, once."""
    slot_mib: int
    """For each Clip rendered at a time."""


GPU_NEEDS: Final = {
    "musetalk": GpuNeeds(resident_mib=5_000, slot_mib=3_000),
    "latentsync": GpuNeeds(resident_mib=7_000, slot_mib=9_000),
    "latentsync-1.6": GpuNeeds(resident_mib=7_000, slot_mib=17_000),
}
"""By what their models weigh in half precision and by their windows (a U-Net of 0.85 or 1.27 billion parameters, the VAE,
the Whisper that hears for them); to be measured on a GPU."""
_WHISPER_WORKS_IN: Final = 2
"""GPU memory of the Whisper that writes words down ÷ its weights, which are in half precision; an estimate as well."""


def gpu_needs(engine: str) -> GpuNeeds | None:
    """What an engine, or one of its sets of weights (``latentsync-1.6``), needs of a GPU; None if it wants none."""
    return GPU_NEEDS.get(engine) or GPU_NEEDS.get(engine.rpartition("-")[0])


def computes_on_gpu(engine: str) -> bool:
    """Whether an engine wants a GPU."""
    return gpu_needs(engine) is not None


def whisper_mib(models: Path) -> int:
    """GPU memory, in MiB, of the Whisper that writes words down beside an engine; 0 where its weights are not installed."""
    if stamp(models) is None:
        return 0
    return _WHISPER_WORKS_IN * (models / FILES[0]).stat().st_size >> 20
