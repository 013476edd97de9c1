"""MuseTalk 1.5 behind the ``LipSync`` port."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.musetalk.audio import tokens_of, window_starts
from pipeline.engines.musetalk.models import Models, load_models, noise
from pipeline.engines.musetalk.preparing import MuseTalkPrepared, Preparation
from pipeline.engines.musetalk.sizes import FACE_PX
from pipeline.engines.neural.calling import Faces, FixedCall, Painted
from pipeline.engines.neural.heard import Heard, HeardStates
from pipeline.engines.neural.pasting import box_matrix, paste
from pipeline.engines.neural.place import choose_place, full_if_no_memory
from pipeline.engines.neural.sound import read_for_models
from pipeline.engines.port import (
    ANY_HARDWARE,
    Hardware,
    Patch,
    Performance,
    Prepared,
    Residents,
    Speech,
    Window,
    unwatched,
)
from pipeline.engines.weights.finding import Weights
from pipeline.types import Planes, Progress

GPU_FRAMES: Final = 16
"""Frames at once on a GPU: weights of 1.7 GB a call are worth it from about eight."""
CPU_FRAMES: Final = 4
"""On a CPU more at once is hardly faster, and a request to stop is heard between calls only."""


@dataclass(frozen=True)
class MuseTalkWindow(Window):
    """A Window with what the ear made of the whole Take."""

    states: HeardStates


@dataclass(frozen=True)
class MuseTalkPatch(Patch):
    """A generated face and where it belongs; ``faces`` is None where the frame stays as it is."""

    prepared: MuseTalkPrepared
    faces: Faces | None
    index: int


def open_musetalk(weights: Weights, hardware: Hardware) -> "MuseTalkEngine":
    """Load MuseTalk, and warm it where it runs on a GPU.

    Raises:
        EngineUnavailable: A file is not what it should be, or the device is not here.
        DeviceFull: The device has no room for it.
    """
    place = choose_place(hardware)
    with full_if_no_memory():
        models = load_models(weights, place)
        frames = GPU_FRAMES if place.on_gpu else CPU_FRAMES
        engine = MuseTalkEngine(models, frames, hardware)
        if place.on_gpu:
            engine.warm(shrinks=hardware.alone)
    return engine


class MuseTalkEngine:
    """Lip-sync by a U-Net that paints the lower half of each face anew."""

    name: ClassVar[str] = "musetalk"

    def __init__(self, models: Models, frames: int, hardware: Hardware = ANY_HARDWARE) -> None:
        """``frames`` are the most of one call and of one Window."""
        self._models = models
        self._window_frames = frames
        self._generate = FixedCall(models.generate, models.place, frames, hardware.speedup)
        self._see = FixedCall(models.see, models.place, frames)
        self._preparation = Preparation(models, self._see, frames)
        self._heard = Heard(models.ear, read_for_models, models.mark)

    def warm(self, *, shrinks: bool) -> None:
        """Run the networks once in the shapes that will come, so that the first Clip need not wait for it.

        Args:
            shrinks: Whether they do with fewer frames at once where there is no room; else that is an error.
        """
        latents, tokens = noise(self._models, self._window_frames)
        pictures = torch.zeros(self._window_frames, FACE_PX, FACE_PX, 3, dtype=torch.uint8)
        Faces(self._generate.warm(latents, tokens, shrinks=shrinks)).picture(0)
        self._see.warm(pictures, shrinks=shrinks)
        self._preparation.warm(self._window_frames, shrinks=shrinks)
        self._models.ear.encoder.warm(shrinks=shrinks)

    def prepare(
        self,
        performance: Performance,
        progress: Progress = unwatched,
        features: Path | None = None,
    ) -> MuseTalkPrepared:
        """Find boxes, encode faces and make covers, or take what was kept of them."""
        return self._preparation.prepare(performance, progress, features)

    def residents(self) -> Residents:
        """Tell where the models are."""
        notes = dict.fromkeys(
            [
                *self._models.place.notes,
                *self._preparation.notes,
                *self._generate.notes,
                *self._models.ear.encoder.notes,
            ]
        )
        place = self._models.place
        return Residents(str(place.device), self._generate.rows, place.memory_bytes(), tuple(notes))

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        """Cut a Clip into Windows of one call each; the Take is heard first, once."""
        states = self._heard.states(speech)
        for first in range(0, len(sources), self._window_frames):
            end = min(first + self._window_frames, len(sources))
            yield MuseTalkWindow(prepared, speech, range(first, end), sources[first:end], states)

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[MuseTalkPatch]]:
        """Paint the faces of all frames that show one, of whichever Clip, in calls of one size.

        Raises:
            TypeError: A Window was made by another engine.
        """
        asked = [_Asked(window) for window in windows]
        faces = None
        if any(len(each.present) for each in asked):
            latents = torch.from_numpy(np.concatenate([each.latents() for each in asked]))
            tokens = torch.from_numpy(np.concatenate([each.tokens() for each in asked]))
            faces = self._faces(latents, tokens)
        before, patches = 0, []
        for each in asked:
            patches.append(each.patches(faces, before))
            before += len(each.present)
        return patches

    def _faces(self, latents: Tensor, tokens: Tensor) -> Faces:
        def again() -> Sequence[Painted]:
            self._models.place.widen()
            return self._generate.run(latents, tokens)

        return Faces(self._generate.run(latents, tokens), again)

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        """Paste the face of one frame, in place.

        Raises:
            TypeError: The Patch was made by another engine.
        """
        if not isinstance(patch, MuseTalkPatch):
            raise TypeError(f"a Patch of another engine: {type(patch).__name__}")
        if patch.faces is not None:
            prepared, source = patch.prepared, patch.source
            track = prepared.performance.track
            paste(
                planes,
                prepared.performance.facts,
                patch.faces.picture(patch.index),
                box_matrix(prepared.boxes[source], FACE_PX),
                prepared.covers[source],
                float(track.presence[source]),
                track.landmarks[source],
            )
        return planes


class _Asked:
    """What one Window asks for: of its frames, those that show a face."""

    def __init__(self, window: Window) -> None:
        if not isinstance(window, MuseTalkWindow):
            raise TypeError(f"a Window of another engine: {type(window).__name__}")
        if not isinstance(window.prepared, MuseTalkPrepared):
            raise TypeError(f"prepared by another engine: {type(window.prepared).__name__}")
        self._window = window
        self._prepared = window.prepared
        presence = self._prepared.performance.track.presence
        boxed = np.asarray(np.isfinite(self._prepared.boxes).all(axis=1), np.bool_)
        sources = np.asarray(window.sources)
        self.present = np.flatnonzero((presence[sources] > 0) & boxed[sources])
        self._sources = sources[self.present]

    def latents(self) -> NDArray[np.float32]:
        """(present, 8, 32, 32)."""
        return np.asarray(self._prepared.latents[self._sources], np.float32)

    def tokens(self) -> NDArray[np.float32]:
        """(present, 50, 384)."""
        frames = [self._window.frames[int(at)] for at in self.present]
        starts = window_starts(frames, self._prepared.performance.facts.fps)
        return tokens_of(self._window.states, starts)

    def patches(self, faces: Faces | None, before: int) -> list[MuseTalkPatch]:
        """One for each frame; faces of this Window begin at ``before``."""
        place = {int(at): before + number for number, at in enumerate(self.present)}
        window = self._window
        return [
            MuseTalkPatch(frame, source, self._prepared, faces if at in place else None, place.get(at, -1))
            for at, (frame, source) in enumerate(zip(window.frames, window.sources, strict=True))
        ]  # fmt: skip
