"""The viseme engine behind the ``LipSync`` port."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.features import draft_of
from pipeline.engines.port import (
    Patch,
    Performance,
    Prepared,
    Residents,
    Speech,
    Window,
    unwatched,
)
from pipeline.engines.viseme.borrowed import Inside, find_inside
from pipeline.engines.viseme.composing import change_mouth
from pipeline.engines.viseme.mouth import Mouth, Rest, measure_mouth, measure_rest
from pipeline.engines.viseme.movement import plan_movement
from pipeline.faces import geometry
from pipeline.faces.cleaning import runs
from pipeline.speech.curve import resample
from pipeline.types import MouthShape, Planes, Points, Progress

WINDOW_FRAMES: Final = 25
"""Frames per Window: a second of video, so that a request to stop is heard in time."""

_FILE: Final = "viseme.npz"
_FORMAT: Final = 2
"""Of the kept file; another one is made anew."""
_STEADY_FRAMES: Final = 2.0
"""Standard deviation of the smoothing of the face's axes over time."""


@dataclass(frozen=True)
class VisemePrepared(Prepared):
    """A Performance with what the engine knows of its mouth. One row per Template frame."""

    axes: NDArray[np.float32]
    """(frames, 2), from the left to the right outer eye corner in pixels, steadied; NaN without a face."""
    rest: Rest | None
    """None where no frame shows a face."""
    inside: Inside | None
    """The inside of the mouth; None where the Template does not show it well enough."""


@dataclass(frozen=True)
class VisemePatch(Patch):
    """How one Template frame's mouth is to be shaped; ``mouth`` is None where the frame stays as it is."""

    mouth: Mouth | None
    landmarks: Points
    shape: MouthShape
    rest: Rest | None
    inside: Inside | None
    strength: float


class VisemeEngine:
    """Lip-sync by warping the Template's own face; needs neither weights nor a GPU."""

    name: ClassVar[str] = "viseme"

    def prepare(
        self,
        performance: Performance,
        progress: Progress = unwatched,
        features: Path | None = None,
    ) -> VisemePrepared:
        """Compute the steadied axes of the face and its mouth at rest, and look for a good view into the mouth."""
        kept = None if features is None else load(performance, features)
        if kept is not None:
            return kept
        prepared = self._prepare(performance, progress)
        with draft_of(features) as draft:
            save(prepared, draft)
        return prepared

    def residents(self) -> Residents:
        """Tell that there are none."""
        return Residents()

    def _prepare(self, performance: Performance, progress: Progress) -> VisemePrepared:
        landmarks = performance.track.landmarks
        axes = landmarks[:, geometry.EYE_CORNERS[1]] - landmarks[:, geometry.EYE_CORNERS[0]]
        steady = _steadied(axes)
        mouths = [
            measure_mouth(points, along)
            for points, along in zip(landmarks, steady, strict=True)
            if not np.isnan(along).any()
        ]
        inside = find_inside(performance, steady, progress)
        return VisemePrepared(performance, steady, measure_rest(mouths), inside)

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        """Cut a Clip into Windows of a second or so."""
        for first in range(0, len(sources), WINDOW_FRAMES):
            end = min(first + WINDOW_FRAMES, len(sources))
            yield Window(prepared, speech, range(first, end), sources[first:end])

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[VisemePatch]]:
        """Work out what each frame's mouth has to do."""
        return [self._patches(window) for window in windows]

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        """Move the mouth of one frame, in place.

        Raises:
            TypeError: The Patch was made by another engine.
        """
        if not isinstance(patch, VisemePatch):
            raise TypeError(f"a Patch of another engine: {type(patch).__name__}")
        if patch.mouth is not None and patch.rest is not None:
            movement = plan_movement(patch.mouth, patch.shape, patch.rest, patch.strength)
            change_mouth(planes, patch.mouth, movement, patch.landmarks, patch.inside)
        return planes

    def _patches(self, window: Window) -> list[VisemePatch]:
        prepared = window.prepared
        if not isinstance(prepared, VisemePrepared):
            raise TypeError(f"prepared by another engine: {type(prepared).__name__}")
        track, facts = prepared.performance.track, prepared.performance.facts
        shapes = resample(window.speech.curve, facts.fps, window.frames[-1] + 1)
        patches = []
        for frame, source in zip(window.frames, window.sources, strict=True):
            landmarks, strength = track.landmarks[source], float(track.presence[source])
            axes = prepared.axes[source]
            absent = strength <= 0.0 or bool(np.isnan(axes).any())
            patches.append(
                VisemePatch(
                    frame=frame,
                    source=source,
                    mouth=None if absent else measure_mouth(landmarks, axes),
                    landmarks=landmarks,
                    shape=shapes[frame],
                    rest=prepared.rest,
                    inside=prepared.inside,
                    strength=strength,
                )
            )
        return patches


def save(prepared: VisemePrepared, folder: Path) -> None:
    """Keep what ``prepare`` computed in the Template's folder."""
    rest, inside = prepared.rest, prepared.inside
    kept = {"format": np.array(_FORMAT), "axes": prepared.axes}
    if rest is not None:
        kept |= {"seam": rest.seam, "upper_lip": rest.upper_lip, "lower_lip": rest.lower_lip}
        kept["width"] = np.array([rest.width])
    if inside is not None:
        kept |= {f"inside_{field.name}": getattr(inside, field.name) for field in fields(inside)}
    with (folder / _FILE).open("wb") as file:
        np.savez_compressed(file, **kept)  # type: ignore[arg-type]  # numpy's stub takes the names for its own option


def load(performance: Performance, folder: Path) -> VisemePrepared | None:
    """Take back what ``save`` kept; None where nothing is kept or it does not belong to this Performance."""
    path = folder / _FILE
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as kept:
        arrays = dict(kept)
    axes = arrays["axes"]
    known = "format" in arrays and int(arrays["format"]) == _FORMAT
    if not known or len(axes) != len(performance.track.landmarks):
        return None
    rest = None
    if "seam" in arrays:
        width = float(arrays["width"][0])
        rest = Rest(arrays["seam"], width, arrays["upper_lip"], arrays["lower_lip"])
    inside = None
    if "inside_picture" in arrays:
        inside = Inside(**{field.name: arrays[f"inside_{field.name}"] for field in fields(Inside)})
    return VisemePrepared(performance, axes, rest, inside)


def _steadied(axes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth the eyes' vector over time within each stretch with a face; symmetric, so it does not lag."""
    steady = axes.copy()
    reach = int(3 * _STEADY_FRAMES)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _STEADY_FRAMES) ** 2)
    for first, end in runs(~np.isnan(axes[:, 0])):
        weight = np.convolve(np.ones(end - first), window, mode="full")[reach : reach + end - first]
        for column in range(2):
            total = np.convolve(axes[first:end, column], window, mode="full")
            steady[first:end, column] = total[reach : reach + end - first] / weight
    return steady
