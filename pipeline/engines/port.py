"""The port every engine satisfies: ``LipSync``, and the values it trades in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

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


class LipSync(Protocol):
    """An engine: gives the face of a Template the mouth movements of a Take."""

    name: ClassVar[str]

    def prepare(self, performance: Performance, progress: Progress = unwatched) -> Prepared:
        """Compute, once per Template, what depends on it alone.

        It may take long, so ``progress`` is called with stage ``"load"`` at least every other second; it may raise
        ``Stopped``.
        """
        ...

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
