"""The port every engine satisfies: ``LipSync``, and the values it trades in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from pipeline.glimpses import Glimpses
from pipeline.types import MouthCurve, Planes, Progress, Track, VideoFacts, Word


def unwatched(_stage: str, _done: int, _total: int) -> None:
    """Be the ``Progress`` of what nobody watches or stops."""


@dataclass(frozen=True)
class Performance:
    """A Template as every engine gets it: the checked video, its facts and its face track."""

    video: Path
    facts: VideoFacts
    track: Track
    glimpses: Glimpses | None = None
    """Of every frame, for ``pipeline.playing``; None of Templates prepared by older versions."""
    key_colour: tuple[int, int, int] | None = None
    """Y, U and V of the green or blue screen behind the presenter; None without one."""


@dataclass(frozen=True)
class Prepared:
    """What an engine made of a Performance, once; engines subclass it with their own features."""

    performance: Performance


@dataclass(frozen=True)
class Speech:
    """A Take as every engine gets it: the checked sound, its exact length and its mouth parameters."""

    sound: Path
    duration_s: float
    curve: MouthCurve
    words: tuple[Word, ...] = ()
    """In order; empty where nobody wrote them down."""


@dataclass(frozen=True)
class Window:
    """Consecutive frames of one Clip that go through the engine together.

    ``frames`` are positions in the Clip (from 0); ``sources`` the Template frame each one is made from
    (same length; ``pipeline.playing`` chooses them).
    """

    prepared: Prepared
    speech: Speech
    frames: Sequence[int]
    sources: Sequence[int]


@dataclass(frozen=True)
class Patch:
    """What the engine wants done to one frame; engines subclass it with their own content."""

    frame: int
    source: int


@dataclass(frozen=True)
class Sampling:
    """How thoroughly an engine that diffuses makes a face; others heed none of it."""

    steps: int = 20
    """More look finer and take longer; 20 to 50 are advised."""
    guidance: float = 1.5
    """How much more than by itself the mouth follows the sound; 1.0 to 3.0. Above 1.0 every step is made twice."""
    interval: int = 3
    """Every so many steps the whole network is asked, between them its last layer; 1 asks the whole one always."""


@dataclass(frozen=True)
class Hardware:
    """What the models of an engine run on, and how much of it they take; one without models heeds none of it."""

    device: str = "auto"
    """``auto`` (the first GPU, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``."""
    speedup: Literal["none", "graphs", "compile"] = "none"
    """How a GPU repeats what it does for each Window: as PyTorch runs it, as a CUDA graph, or compiled."""
    sampling: Sampling = Sampling()
    alone: bool = True
    """Whether no other engine could leave for this one: then it does with fewer frames at once where there is no room for as
    many; else it is told that there is none."""


ANY_HARDWARE: Final = Hardware()


@dataclass(frozen=True)
class Residents:
    """The models an engine holds, for operators."""

    device: str = ""
    """Where they run; empty without models."""
    window_frames: int = 0
    """Frames that go through them at once; fewer than at first where the memory did not suffice. 0 without models."""
    memory_bytes: int = 0
    """The most of a GPU's memory that the process took so far."""
    notes: tuple[str, ...] = ()
    """What an operator should know, a sentence each: what did not suffice or could not be had, and what was done instead."""


class Renders(Protocol):
    """What ``pipeline.render`` asks of an engine."""

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        """Cut a Clip into Windows; together they name every frame of the Clip exactly once, in order.

        ``sources`` has the Template frame of each frame of the Clip (``pipeline.playing``).
        """
        ...

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[Patch]]:
        """Run Windows of any Clips through the engine in one call: one Patch per frame, per Window."""
        ...

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        """Put the Patch into its Template frame (I420); pixels outside the face's region stay bit for bit as they are.

        ``planes`` may be changed in place; the returned array is the one to encode.
        """
        ...


class LipSync(Renders, Protocol):
    """An engine: gives the face of a Template the mouth movements of a Take. May be used by several threads."""

    @property
    def name(self) -> str:
        """As it is opened by."""
        ...

    def prepare(
        self,
        performance: Performance,
        progress: Progress = unwatched,
        features: Path | None = None,
    ) -> Prepared:
        """Compute, once per Template, what depends on it alone.

        Args:
            performance: The Template.
            progress: Called with stage ``"load"`` at least every other second; may raise ``Stopped``.
            features: The Template's folder. What is computed is kept there, in files of the engine's own that appear whole or
                not at all, and taken from there the next time. None keeps nothing.
        """
        ...

    def residents(self) -> Residents:
        """Tell which models are held."""
        ...
