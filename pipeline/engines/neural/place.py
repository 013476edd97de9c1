"""Where models run, and how numbers are kept there."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, nn

from pipeline.engines.port import Hardware
from pipeline.errors import DeviceFull, EngineUnavailable

_HALF_CAPABILITY: Final = 7
"""Compute capability from which 16-bit arithmetic has units of its own (Volta)."""


class Place:
    """A device, the type of its numbers, and the models that are there."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self.turn = threading.RLock()
        """Of whoever computes here: models are not changed meanwhile."""
        self.notes: list[str] = []
        """What an operator should know."""
        self._settled: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    @property
    def on_gpu(self) -> bool:
        """Whether it is a GPU."""
        return bool(self.device.type == "cuda")

    def settle(self, model: nn.Module) -> None:
        """Bring a model here for good: on a GPU its convolutions take pictures channels last, which its units are made for."""
        # Torch's own way: diffusers' warns about networks that want some of their weights in 32 bits, of which these have none.
        nn.Module.to(model, device=self.device, dtype=self.dtype)
        if self.on_gpu:
            nn.Module.to(model, memory_format=torch.channels_last)
        self._settled.add(model)

    def widen(self) -> None:
        """Go on with numbers of a wider range, where those of 16 bits have one that does not suffice; others stay as they are."""
        with self.turn:
            if self.dtype != torch.float16:
                return
            fine = not self.on_gpu or torch.cuda.is_bf16_supported(including_emulation=False)
            self.dtype = torch.bfloat16 if fine else torch.float32
            for model in list(self._settled):
                self.settle(model)
            self.notes.append(
                f"Numbers overflow in float16; it goes on in {str(self.dtype).removeprefix('torch.')}."
            )

    def memory_bytes(self) -> int:
        """Tell the most of a GPU's memory that this process took; 0 without one."""
        return int(torch.cuda.max_memory_allocated(self.device)) if self.on_gpu else 0

    def move(self, values: Tensor) -> Tensor:
        """Bring numbers here as they are; the copy to a GPU is not waited for."""
        if not self.on_gpu or values.is_cuda:
            return values
        return values.pin_memory().to(self.device, non_blocking=True)

    def bring(self, values: Tensor) -> Tensor:
        """Bring numbers here, in the type that models take, whole ones as they are; the copy to a GPU is not waited for."""
        brought = self.move(values)
        return brought.to(self.dtype) if brought.is_floating_point() else brought

    def room_for(self, rows: int, like: Tensor) -> Tensor:
        """Give memory here for rows as ``bring`` gives them; pictures lie channels last on a GPU."""
        pictures = self.on_gpu and like.ndim == 4 and like.is_floating_point()
        order = torch.channels_last if pictures else torch.contiguous_format
        shape = (rows, *like.shape[1:])
        return torch.empty(shape, dtype=like.dtype, device=self.device, memory_format=order)


def choose_place(hardware: Hardware) -> Place:
    """Choose device and type of numbers: 16 bits on a GPU that can, as the projects use them, else 32.

    Raises:
        EngineUnavailable: The device that is asked for is not here.
    """
    wanted = hardware.device
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
        if device.type == "cuda":
            capability = torch.cuda.get_device_capability(device)
            half = capability[0] >= _HALF_CAPABILITY
            return Place(device, torch.float16 if half else torch.float32)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise EngineUnavailable(
            f"There is no device {wanted!r} here ({first}). chorus check tells what there is."
        ) from None
    return Place(device, torch.float32)


@contextmanager
def full_if_no_memory() -> Iterator[None]:
    """Tell by an error of ours that a device has no room."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceFull(
            f"The device has no room for the models ({str(error).splitlines()[0]}). Free its memory, or name another one."
        ) from error


_FULL: Final = (
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "not enough memory",
    "can't allocate memory",
)
"""What PyTorch, the driver, the libraries of a GPU and the processor's allocator say then."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device has no room left. Only PyTorch's own allocator has a kind of error for that."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(told in str(error) for told in _FULL)
    )
