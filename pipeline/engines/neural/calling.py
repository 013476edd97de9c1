"""Running a network again and again with inputs of one size: as it is, as a CUDA graph or compiled; smaller where the memory does not suffice."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Literal

import torch
from torch import Tensor

from pipeline.engines.neural.place import Place, is_out_of_memory
from pipeline.types import Pixels

Network = Callable[..., Tensor]
"""From tensors of n rows each to one of n rows."""

Compiling = Callable[[Network, Sequence[Tensor]], Network]
"""From a network and inputs of the shapes to come to a faster one."""

_REHEARSALS: Final = 3
"""Runs before a graph is recorded, in which libraries choose their ways."""


class FixedCall:
    """A network that is always given the same number of rows: another number makes a GPU choose its ways anew. Threads take turns, call by call."""

    def __init__(
        self,
        network: Network,
        place: Place,
        rows: int,
        speedup: Literal["none", "graphs", "compile"] = "none",
        compiled: "Compiling | None" = None,
    ) -> None:
        """``rows`` are the most that go through at once; ``compiled`` is for networks that are not compiled as a whole."""
        self.rows = rows
        self._compiled = compiled or _compiled
        self.notes: list[str] = []
        """What an operator should know."""
        self._network = network
        self._place = place
        self._turn = threading.Lock()
        self._speedup = speedup
        self._fast: Network | None = None
        if speedup != "none" and not place.on_gpu:
            self.notes.append(f"Speeding up by {speedup!r} needs a GPU; it runs as it is.")
            self._speedup = "none"

    def run(self, *inputs: Tensor) -> list[Tensor]:
        """Run as many rows as there are; the results together have as many, in order.

        Raises:
            torch.cuda.OutOfMemoryError: Not even one row fits.
        """
        done, made, total = 0, [], len(inputs[0])
        while done < total:
            with self._turn:
                some = [values[done : done + self.rows] for values in inputs]
                rows = self._some_rows(some)
            if rows is not None:
                made.append(rows)
                done += len(rows)
        return made

    def _some_rows(self, inputs: Sequence[Tensor]) -> Tensor | None:
        """Run rows of one call; None where that many do not fit, and fewer will be tried."""
        count = len(inputs[0])
        try:
            with torch.inference_mode():
                return self._call([_padded(values, self.rows) for values in inputs])[:count]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self.rows == 1:
                raise
        self._shrink()  # what the failed call held is only free once its error is gone
        return None

    def _shrink(self) -> None:
        before, self.rows = self.rows, max(self.rows // 2, 1)
        self._fast = None
        if self._place.on_gpu:
            torch.cuda.empty_cache()
        self.notes.append(
            f"The memory of {self._place.device} does not suffice for {before} frames at once; it goes on with {self.rows}."
        )

    def _call(self, inputs: Sequence[Tensor]) -> Tensor:
        if self._speedup == "none":
            return self._network(*inputs)
        try:
            if self._fast is None:
                make = _Graph if self._speedup == "graphs" else self._compiled
                self._fast = make(self._network, inputs)
            return self._fast(*inputs)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # Whatever a compiler or driver has against it: slower is better than not at all.
            first = str(error).strip().splitlines() or [type(error).__name__]
            self.notes.append(
                f"Speeding up by {self._speedup!r} failed ({first[0]}); it runs as it is."
            )
            self._speedup, self._fast = "none", None
            return self._network(*inputs)


def _padded(values: Tensor, rows: int) -> Tensor:
    """Repeat the last row until there are ``rows``."""
    missing = rows - len(values)
    if missing <= 0:
        return values
    return torch.cat([values, values[-1:].expand(missing, *values.shape[1:])])


def _compiled(network: Network, _inputs: Sequence[Tensor]) -> Network:
    compiled: Network = torch.compile(network, dynamic=False, mode="max-autotune-no-cudagraphs")
    return compiled


class _Graph:
    """A recording of what a network has the GPU do for inputs of one shape."""

    def __init__(self, network: Network, inputs: Sequence[Tensor]) -> None:
        self._inputs = [values.clone() for values in inputs]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_REHEARSALS):
                network(*self._inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._made = network(*self._inputs)

    def __call__(self, *inputs: Tensor) -> Tensor:
        for mine, given in zip(self._inputs, inputs, strict=True):
            mine.copy_(given)
        self._graph.replay()
        return self._made.clone()


class Faces:
    """Pictures on their way from the device: whoever asks for one waits until they are here, the device goes on."""

    def __init__(self, made: Sequence[Tensor]) -> None:
        """``made`` are (n, h, w, 3) each, 8 bits."""
        self._lock = threading.Lock()
        self._here: Tensor | None = None
        self._event = None
        joined = torch.cat(list(made))
        if not joined.is_cuda:
            self._coming = joined
            return
        self._coming = torch.empty(joined.shape, dtype=joined.dtype, pin_memory=True)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._coming.copy_(joined, non_blocking=True)
            joined.record_stream(aside)
            self._event = torch.cuda.Event()
            self._event.record()

    def picture(self, index: int) -> Pixels:
        """Give one of them, (h, w, 3)."""
        with self._lock:
            if self._here is None:
                if self._event is not None:
                    self._event.synchronize()
                self._here = self._coming
        picture: Pixels = self._here[index].numpy()
        return picture
