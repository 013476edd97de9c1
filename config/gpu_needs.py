"""GPU memory of engines, known without loading anything of them."""

from dataclasses import dataclass
from typing import Final


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
Whisper); to be measured on a GPU."""


def gpu_needs(engine: str) -> GpuNeeds | None:
    """What an engine, or one of its sets of weights (``latentsync-1.6``), needs of a GPU; None if it wants none."""
    return GPU_NEEDS.get(engine) or GPU_NEEDS.get(engine.rpartition("-")[0])


def computes_on_gpu(engine: str) -> bool:
    """Whether an engine wants a GPU."""
    return gpu_needs(engine) is not None
