"""Where engines compute: this machine's processor, or one GPU for each worker process."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.gpu_needs import computes_on_gpu, gpu_needs, whisper_mib
from config.nvml import Gpu, gpus

_CORES_PER_CLIP: Final = 2
"""Decoding, rendering and encoding overlap: one Clip keeps about two cores busy."""
_MOST_SLOTS: Final = 8
"""Of one GPU: its processor cores, which decode and encode, are the narrow place then."""
CPU: Final = "cpu"
_SLOWLY: Final = "On a processor a second of video takes minutes, so no queue is served there; a single video is, by chorus render."


class DeviceRefused(Exception):
    """There is no such device, or the engine cannot use it; the message is for the operator."""


@dataclass(frozen=True)
class Device:
    """Where one worker process computes."""

    gpu: Gpu | None = None
    """None: the processor."""

    @property
    def name(self) -> str:
        """``cpu`` or ``cuda:N``."""
        return self.gpu.name if self.gpu else CPU

    @property
    def title(self) -> str:
        """For people: ``cpu``, ``cuda:0 (NVIDIA H200)``."""
        return f"{self.gpu.name} ({self.gpu.title})" if self.gpu else CPU

    @property
    def environment(self) -> dict[str, str]:
        """What an engine process is to see of the machine: one GPU, by a name that never shifts, or none."""
        return {"CUDA_VISIBLE_DEVICES": self.gpu.uuid if self.gpu else ""}


def devices_for(engine: str, asked: Sequence[str]) -> Sequence[Device]:
    """One device for each worker process; without being asked, every GPU for an engine that wants one. Raises DeviceRefused."""
    if not asked:
        if not computes_on_gpu(engine):
            return (Device(),)
        found = gpus()
        if not found:
            raise DeviceRefused(
                f"The engine {engine} wants a GPU, and there is none here that a driver tells of. Install the driver, or choose "
                f"another engine with CHORUS_ENGINE. {_SLOWLY}"
            )
        return tuple(Device(gpu) for gpu in found)
    chosen = [device_for(engine, name) for name in asked]
    names = [device.name for device in chosen]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DeviceRefused(
            f"{', '.join(twice)} was named twice; one worker process serves a device."
        )
    return chosen


def device_for(engine: str, name: str) -> Device:
    """The device of a name: ``cpu``, ``cuda`` (the first GPU), ``cuda:N``. Raises DeviceRefused."""
    kind, _, number = name.strip().casefold().partition(":")
    if kind == CPU and not number:
        if computes_on_gpu(engine):
            raise DeviceRefused(
                f"The engine {engine} computes on a GPU only; name one, such as cuda:0. {_SLOWLY}"
            )
        return Device()
    if kind != "cuda" or not (number.isdecimal() or not number):
        raise DeviceRefused(
            f"{name!r} is no device; name cpu, or a GPU as cuda:0, cuda:1 and so on."
        )
    if not computes_on_gpu(engine):
        raise DeviceRefused(f"The engine {engine} computes on cpu only, not on {name}.")
    found = gpus()
    for gpu in found:
        if gpu.index == int(number or 0):
            return Device(gpu)
    there = ", ".join(f"{gpu.name} ({gpu.title})" for gpu in found) or "no GPU"
    raise DeviceRefused(f"There is no {name} here, but {there}.")


def slots_of(engine: str, device: Device, models: Path) -> int:
    """How many Clips a worker renders at a time where the operator says nothing: what the GPU's memory holds, or the cores.

    Args:
        engine: Renders them.
        device: Computes.
        models: The folder of all weights: a Whisper that lies there has its room first.

    Raises:
        DeviceRefused: Not even one fits.
    """
    needs = gpu_needs(engine)
    if device.gpu is None or needs is None:
        return max(1, len(os.sched_getaffinity(0)) // _CORES_PER_CLIP)
    room = device.gpu.memory_mib - needs.resident_mib
    if room < needs.slot_mib:
        raise DeviceRefused(
            f"{device.name} ({device.gpu.title}) has {device.gpu.memory_mib} MiB; the engine {engine} needs "
            f"{needs.resident_mib + needs.slot_mib} MiB for one video at a time."
        )
    # Whisper goes to the processor where it finds no room: no engine is refused for it.
    return max(1, min((room - whisper_mib(models)) // needs.slot_mib, _MOST_SLOTS))
