"""Running a network again and again with inputs of one size: as it is, as a CUDA graph or compiled; smaller where the memory does not suffice."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Literal

import torch
from torch import Tensor

from pipeline.engines.neural.place import Place, is_out_of_memory
from pipeline.types import Pixels

Network = Callable[..., Tensor]
"""From tensors of n rows each to a new one of n rows."""

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
        what: str = "frames",
    ) -> None:
        """Nothing runs yet.

        Args:
            network: What is run.
            place: Where it is.
            rows: The most that go through at once.
            speedup: How it is made faster on a GPU.
            compiled: Compiles a network that is not compiled as a whole.
            what: A row is, for notes.
        """
        self._what = what
        self.rows = rows
        self._compiled = compiled or _compiled
        self.notes: list[str] = []
        """What an operator should know."""
        self._network = network
        self._place = place
        self._turn = threading.Lock()
        self._speedup = speedup
        self._fast: Network | None = None
        self._inputs: Sequence[Tensor] = ()
        """What the network is given, whatever comes: a compiler takes tensors of another kind for something new, and a graph
        reads those that it was recorded with."""
        if speedup != "none" and not place.on_gpu:
            self.notes.append(f"Speeding up by {speedup!r} needs a GPU; it runs as it is.")
            self._speedup = "none"

    def run(self, *inputs: Tensor, shrinks: bool = True) -> list[Tensor]:
        """Run as many rows as there are; the results together have as many, in order, and are at the place.

        Args:
            inputs: From wherever they are; the network gets them as the place has numbers.
            shrinks: Whether fewer rows go at once where the memory does not suffice.

        Raises:
            RuntimeError: Not even one row fits, or not as many as are wanted (``is_out_of_memory``).
        """
        done, made, total = 0, [], len(inputs[0])
        while done < total:
            with self._turn:
                some = [values[done : done + self.rows] for values in inputs]
                rows = self._some_rows(some, shrinks=shrinks)
            if rows is not None:
                made.append(rows)
                done += len(rows)
        return made

    def warm(self, *inputs: Tensor, shrinks: bool) -> list[Tensor]:
        """Run a full call and a short one, so that whatever has to be made ready for them is; give what the full one made."""
        made = self.run(*inputs, shrinks=shrinks)
        self.run(*(values[:1] for values in inputs), shrinks=shrinks)
        return made

    def _some_rows(self, inputs: Sequence[Tensor], *, shrinks: bool) -> Tensor | None:
        """Run rows of one call; None where that many do not fit, and fewer will be tried."""
        count = len(inputs[0])
        try:
            with torch.inference_mode():
                return self._call(self._filled(inputs))[:count]
        except (RuntimeError, MemoryError) as error:
            if not (shrinks and is_out_of_memory(error)) or self.rows == 1:
                raise
        self._shrink()  # what the failed call held is only free once its error is gone
        return None

    def _filled(self, some: Sequence[Tensor]) -> Sequence[Tensor]:
        """Put rows into the tensors that the network is given; the last one is repeated until they are full."""
        brought = [self._place.bring(values) for values in some]
        if [_kind(values) for values in brought] != [_kind(kept) for kept in self._inputs]:
            self._fast = None
            self._inputs = [self._place.room_for(self.rows, values) for values in brought]
        for kept, values in zip(self._inputs, brought, strict=True):
            kept[: len(values)].copy_(values)
            kept[len(values) :].copy_(values[-1:])
        return self._inputs

    def _shrink(self) -> None:
        before, self.rows = self.rows, max(self.rows // 2, 1)
        self._fast, self._inputs = None, ()
        if self._place.on_gpu:
            torch.cuda.empty_cache()
        self.notes.append(
            f"The memory of {self._place.device} does not suffice for {before} {self._what} at once; it goes on with {self.rows}."
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


def _kind(values: Tensor) -> tuple[object, ...]:
    return values.shape[1:], values.dtype


def _compiled(network: Network, _inputs: Sequence[Tensor]) -> Network:
    compiled: Network = torch.compile(network, dynamic=False, mode="max-autotune-no-cudagraphs")
    return compiled


class _Graph:
    """A recording of what a network has the GPU do with the numbers in some tensors."""

    def __init__(self, network: Network, inputs: Sequence[Tensor]) -> None:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_REHEARSALS):
                network(*inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._made = network(*inputs)

    def __call__(self, *_inputs: Tensor) -> Tensor:
        self._graph.replay()
        return self._made.clone()


def _host_memory(shape: Sequence[int], dtype: torch.dtype, *, pinned: bool) -> Tensor:
    """Give memory of the processor's, pinned for a GPU's copies where there is as much."""
    if pinned:
        try:
            return torch.empty(shape, dtype=dtype, pin_memory=True)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
    return torch.empty(shape, dtype=dtype)


class Faces:
    """Pictures on their way from the device: whoever asks for one waits until they are here, the device goes on."""

    def __init__(self, made: Sequence[Tensor]) -> None:
        """``made`` are (n, h, w, 3) each, 8 bits."""
        self._lock = threading.Lock()
        self._here: Tensor | None = None
        self._event = None
        rows, on_gpu = sum(map(len, made)), made[0].is_cuda
        self._coming = _host_memory((rows, *made[0].shape[1:]), made[0].dtype, pinned=on_gpu)
        parts = self._coming.split([len(part) for part in made])
        if not on_gpu:
            for here, part in zip(parts, made, strict=True):
                here.copy_(part)
            return
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for here, part in zip(parts, made, strict=True):
                here.copy_(part, non_blocking=True)
                part.record_stream(aside)
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
