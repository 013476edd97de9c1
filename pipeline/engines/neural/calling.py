"""Running a network again and again with inputs of one size: as it is, as a CUDA graph or compiled; smaller where the memory does not suffice."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from pipeline.engines.neural.place import Place, is_out_of_memory
from pipeline.types import Pixels


class Painted(NamedTuple):
    """Pictures on the device."""

    pictures: Tensor
    """(n, h, w, 3), 8 bits."""
    finite: Tensor
    """(n,): whether the numbers they were made of are any."""


Made = TypeVar("Made", Tensor, Painted)
"""What a network gives: new tensors of n rows, from ones of n rows each."""

Network = Callable[..., Made]
Compiling = Callable[[Network[Made], Sequence[Tensor]], Network[Made]]
"""From a network and inputs of the shapes to come to a faster one."""

_REHEARSALS: Final = 3
"""Runs before a graph is recorded, in which libraries choose their ways."""


class FixedCall(Generic[Made]):
    """A network that is always given the same number of rows: another number makes a GPU choose its ways anew. Threads take turns, call by call."""

    def __init__(
        self,
        network: Network[Made],
        place: Place,
        rows: int,
        speedup: Literal["none", "graphs", "compile"] = "none",
        compiled: "Compiling[Made] | None" = None,
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
        self._compiled: Compiling[Made] = compiled or _compiled
        self.notes: list[str] = []
        """What an operator should know."""
        self._network: Network[Made] = network
        self._place = place
        self._speedup = speedup
        self._fast: Network[Made] | None = None
        self._kinds: Sequence[object] = ()
        self._inputs: Sequence[Tensor] = ()
        """What the network is given, whatever comes: a compiler takes tensors of another kind for something new, and a graph
        reads those that it was recorded with."""
        if speedup != "none" and not place.on_gpu:
            self.notes.append(f"Speeding up by {speedup!r} needs a GPU; it runs as it is.")
            self._speedup = "none"

    def run(self, *inputs: Tensor, shrinks: bool = True) -> list[Made]:
        """Run as many rows as there are; the results together have as many, in order, and are at the place.

        Args:
            inputs: From wherever they are; the network gets them as the place has numbers.
            shrinks: Whether fewer rows go at once where the memory does not suffice.

        Raises:
            RuntimeError: Not even one row fits, or not as many as are wanted (``is_out_of_memory``).
        """
        done, total = 0, len(inputs[0])
        made: list[Made] = []
        while done < total:
            with self._place.turn:
                some = [values[done : done + self.rows] for values in inputs]
                rows = self._some_rows(some, shrinks=shrinks)
            if rows is not None:
                made.append(rows)
                done += len(some[0])
        return made

    def warm(self, *inputs: Tensor, shrinks: bool) -> list[Made]:
        """Run a full call and a short one, so that whatever has to be made ready for them is; give what the full one made."""
        made = self.run(*inputs, shrinks=shrinks)
        self.run(*(values[:1] for values in inputs), shrinks=shrinks)
        return made

    def _some_rows(self, inputs: Sequence[Tensor], *, shrinks: bool) -> Made | None:
        """Run rows of one call; None where that many do not fit, and fewer will be tried."""
        count = len(inputs[0])
        try:
            with torch.inference_mode():
                return _each(self._call(self._filled(inputs)), lambda rows: rows[:count])
        except (RuntimeError, MemoryError) as error:
            if not (shrinks and is_out_of_memory(error)) or self.rows == 1:
                raise
        self._shrink()  # what the failed call held is only free once its error is gone
        return None

    def _filled(self, some: Sequence[Tensor]) -> Sequence[Tensor]:
        """Put rows into the tensors that the network is given; the last one is repeated until they are full."""
        brought: list[Tensor] = [self._place.bring(values) for values in some]
        kinds: list[object] = [
            self._place.dtype,
            *((values.shape[1:], values.dtype) for values in brought),
        ]
        if kinds != self._kinds:
            self._fast = None
            self._inputs = [self._place.room_for(self.rows, values) for values in brought]
            self._kinds = kinds
        for kept, values in zip(self._inputs, brought, strict=True):
            kept[: len(values)].copy_(values)
            kept[len(values) :].copy_(values[-1:])
        return self._inputs

    def _shrink(self) -> None:
        before, self.rows = self.rows, max(self.rows // 2, 1)
        self._fast, self._inputs, self._kinds = None, (), ()
        if self._place.on_gpu:
            torch.cuda.empty_cache()
        self.notes.append(
            f"The memory of {self._place.device} does not suffice for {before} {self._what} at once; it goes on with {self.rows}."
        )

    def _call(self, inputs: Sequence[Tensor]) -> Made:
        if self._speedup == "none":
            return self._network(*inputs)
        try:
            if self._fast is None:
                make: Compiling[Made] = _recorded if self._speedup == "graphs" else self._compiled
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


def _each(made: Made, change: Callable[[Tensor], Tensor]) -> Made:
    """Do the same to all tensors that a network gave."""
    if isinstance(made, Painted):
        return Painted(change(made.pictures), change(made.finite))
    return change(made)


def _compiled(network: Network[Made], _inputs: Sequence[Tensor]) -> Network[Made]:
    compiled: Network[Made] = torch.compile(
        network, dynamic=False, mode="max-autotune-no-cudagraphs"
    )
    return compiled


def _recorded(network: Network[Made], inputs: Sequence[Tensor]) -> Network[Made]:
    """Record what a network has the GPU do with the numbers in some tensors."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(_REHEARSALS):
            network(*inputs)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        made = network(*inputs)

    def replayed(*_inputs: Tensor) -> Made:
        graph.replay()
        return _each(made, Tensor.clone)

    return replayed


Thing = TypeVar("Thing")


def finite(make: Callable[[], Thing], is_finite: Callable[[Thing], bool], place: Place) -> Thing:
    """Make something by the networks of a place; where numbers overflow, once more with a wider range.

    Raises:
        FloatingPointError: It does not suffice either.
    """
    made = make()
    if not is_finite(made):
        place.widen()
        made = make()
        if not is_finite(made):
            raise FloatingPointError(_NO_NUMBERS)
    return made


_NO_NUMBERS: Final = "what the networks made holds what is no number"


class Faces:
    """Pictures on their way from the device: whoever asks for one waits until they are here, the device goes on."""

    def __init__(
        self, made: Sequence[Painted], again: Callable[[], Sequence[Painted]] | None = None
    ) -> None:
        """``again`` makes them once more with numbers of a wider range, if it turns out that they overflowed."""
        self._lock = threading.Lock()
        self._again = again
        self._coming: _Coming | None = _Coming(made)
        self._here = torch.empty(0)

    def picture(self, index: int) -> Pixels:
        """Give one of them, (h, w, 3).

        Raises:
            FloatingPointError: Even what was made once more is of no numbers.
        """
        with self._lock:
            if self._coming is not None:
                here, are_finite = self._coming.arrived()
                if not are_finite and self._again is not None:
                    here, are_finite = _Coming(self._again()).arrived()
                if not are_finite:
                    raise FloatingPointError(_NO_NUMBERS)
                self._here, self._coming, self._again = here, None, None
        picture: Pixels = self._here[index].numpy()
        return picture


class _Coming:
    """Copies under way."""

    def __init__(self, made: Sequence[Painted]) -> None:
        self._event = None
        on_gpu = made[0].pictures.is_cuda
        sides = [list(side) for side in zip(*made, strict=True)]
        self._sides = [_memory_for(parts, pinned=on_gpu) for parts in sides]
        if not on_gpu:
            self._copy(sides)
            return
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._copy(sides)
            self._event = torch.cuda.Event()
            self._event.record()

    def arrived(self) -> tuple[Tensor, bool]:
        """Wait; give the pictures, and whether they are made of numbers."""
        if self._event is not None:
            self._event.synchronize()
        pictures, are_finite = self._sides
        return pictures, bool(are_finite.all())

    def _copy(self, sides: Sequence[Sequence[Tensor]]) -> None:
        for here, parts in zip(self._sides, sides, strict=True):
            for place, part in zip(here.split([len(part) for part in parts]), parts, strict=True):
                place.copy_(part, non_blocking=True)
                if part.is_cuda:
                    part.record_stream(torch.cuda.current_stream())


def _memory_for(parts: Sequence[Tensor], *, pinned: bool) -> Tensor:
    """Give memory of the processor's for all rows, pinned for a GPU's copies where there is as much."""
    shape, dtype = (sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype
    if pinned:
        try:
            return torch.empty(shape, dtype=dtype, pin_memory=True)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
    return torch.empty(shape, dtype=dtype)
