"""LatentSync 1.5 and 1.6 behind the ``LipSync`` port."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.latentsync.audio import WINDOW_STEPS, centres, tokens_of
from pipeline.engines.latentsync.mask import cover_of
from pipeline.engines.latentsync.models import Models, load_models
from pipeline.engines.latentsync.preparing import LatentSyncPrepared, Preparation
from pipeline.engines.latentsync.sampling import Diffusion, Windows, draw_noise
from pipeline.engines.latentsync.stretches import (
    OVERLAP_FRAMES,
    STRETCH_FRAMES,
    Stretch,
    passed_on,
    stretches_of,
)
from pipeline.engines.neural.calling import Faces, FixedCall, Painted, finite
from pipeline.engines.neural.heard import Heard, HeardStates
from pipeline.engines.neural.pasting import paste
from pipeline.engines.neural.place import choose_place, full_if_no_memory
from pipeline.engines.neural.sound import read_in_16_bits
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

SEED: Final = 1247
"""The official default; a Clip's own is made of it, its Take and its Template."""
GPU_FACES: Final = STRETCH_FRAMES - OVERLAP_FRAMES
"""Faces that the codec is given at once: as many as a stretch gives, since a GPU's calls are filled up to their size."""
CPU_FACES: Final = 4


class Seams:
    """Of one Clip: the last frames of the stretches just made, which the next ones pass on from."""

    def __init__(self) -> None:
        self._ends: dict[int, Tensor] = {}

    def passed(self, number: int, latents: Tensor, overlap: int) -> Tensor:
        """Let a stretch begin as the one before it ends.

        Args:
            number: Of the stretch.
            latents: (frames, 4, h, w), those that are taken and whatever follows on them.
            overlap: How many of them the stretch before made too; 0 for the first.

        Returns:
            The same, its first frames mixed with what the stretch before made of them, if it did.
        """
        before = self._ends.get(number - 1)
        return passed_on(before, latents) if overlap and before is not None else latents

    def keep(self, number: int, end: Tensor) -> None:
        """Keep the end of a stretch; those from before the one before it are asked for no more, not even when a call is repeated."""
        self._ends[number] = end
        self._ends.pop(number - 2, None)


@dataclass(frozen=True)
class LatentSyncWindow(Window):
    """A Window with what the ear made of the whole Take, and the stretch of sixteen frames that it is taken from."""

    states: HeardStates
    noise: Tensor
    """(1, 4, h, w), the Clip's."""
    seams: Seams
    number: int
    stretch: Stretch
    around: Sequence[int]
    """The Template frame of each of the sixteen."""


@dataclass(frozen=True)
class LatentSyncPatch(Patch):
    """A generated face and where it belongs; ``faces`` is None where the frame stays as it is."""

    prepared: LatentSyncPrepared
    faces: Faces | None
    index: int


def open_latentsync(name: str, weights: Weights, hardware: Hardware) -> "LatentSyncEngine":
    """Load LatentSync, and warm it where it runs on a GPU.

    Raises:
        EngineUnavailable: A file is not what it should be, or the device is not here.
        DeviceFull: The device has no room for it.
    """
    place = choose_place(hardware)
    with full_if_no_memory():
        engine = LatentSyncEngine(load_models(weights, place), hardware, name)
        if place.on_gpu:
            engine.warm(shrinks=hardware.alone)
    return engine


class LatentSyncEngine:
    """Lip-sync by a diffusion that paints the mouth of sixteen frames at once."""

    def __init__(
        self, models: Models, hardware: Hardware = ANY_HARDWARE, name: str = "latentsync"
    ) -> None:
        self.name = name
        self._models = models
        place = models.place
        faces = GPU_FACES if place.on_gpu else CPU_FACES
        diffusion = Diffusion(models.unet, models.latent_mask(), hardware.sampling)
        self._diffuse = Windows(diffusion, place, STRETCH_FRAMES, hardware)
        self._paint = FixedCall(models.codec.paint, place, faces, hardware.speedup)
        self._see = FixedCall(models.see, place, faces)
        self._preparation = Preparation(models, self._see)
        self._heard = Heard(models.ear, read_in_16_bits, f"latentsync-{models.mark}")
        self._cover = cover_of(models.mask)

    def warm(self, *, shrinks: bool) -> None:
        """Run the networks once in the shapes that will come, so that the first Clip need not wait for it.

        Args:
            shrinks: Whether they do with fewer frames at once where there is no room; else that is an error.
        """
        side, ear = self._models.size_px // 8, self._models.ear
        known = torch.zeros(1, STRETCH_FRAMES, 8, side, side)
        tokens = torch.zeros(1, STRETCH_FRAMES, WINDOW_STEPS * ear.layers, ear.width)
        made = self._diffuse.run(known, tokens, draw_noise(SEED, side), shrinks=shrinks)
        Faces(self._paint.warm(made[0], shrinks=shrinks)).picture(0)
        pictures = torch.zeros(self._see.rows, 8 * side, 8 * side, 3, dtype=torch.uint8)
        self._see.warm(pictures, shrinks=shrinks)
        ear.encoder.warm(shrinks=shrinks)

    def prepare(
        self,
        performance: Performance,
        progress: Progress = unwatched,
        features: Path | None = None,
    ) -> LatentSyncPrepared:
        """Find where the face lies and encode it, or take what was kept of it."""
        return self._preparation.prepare(performance, progress, features)

    def residents(self) -> Residents:
        """Tell where the models are."""
        notes = dict.fromkeys(
            [
                *self._models.place.notes,
                *self._see.notes,
                *self._diffuse.notes,
                *self._paint.notes,
                *self._models.ear.encoder.notes,
            ]
        )
        place = self._models.place
        return Residents(
            str(place.device), self._diffuse.frames, place.memory_bytes(), tuple(notes)
        )

    def windows(
        self, prepared: Prepared, speech: Speech, sources: Sequence[int]
    ) -> Iterator[Window]:
        """Cut a Clip into Windows, each a part of a stretch of sixteen frames; the Take is heard first, once."""
        states = self._heard.states(speech)
        noise = draw_noise(_seed_of(prepared, speech), self._models.size_px // 8)
        seams, last = Seams(), len(sources) - 1
        for number, stretch in enumerate(stretches_of(len(sources))):
            taken = range(stretch.begin, stretch.end)
            all_of = range(stretch.first, stretch.first + STRETCH_FRAMES)
            yield LatentSyncWindow(
                prepared, speech, taken, sources[stretch.begin : stretch.end],
                states, noise, seams, number, stretch, [sources[min(at, last)] for at in all_of],
            )  # fmt: skip

    def generate(self, windows: Sequence[Window]) -> Sequence[Sequence[LatentSyncPatch]]:
        """Paint the faces of all frames that show one. Windows of one Clip have to come in order.

        Raises:
            TypeError: A Window was made by another engine.
        """
        asked = [_Asked(window) for window in windows]
        made = [latents for each in asked if (latents := self._latents(each)) is not None]
        faces = None
        if sum(len(latents) for latents in made):
            faces = self._faces(torch.cat(made))
        before, patches = 0, []
        for each in asked:
            patches.append(each.patches(faces, before))
            before += len(each.present)
        return patches

    def compose(self, planes: Planes, patch: Patch) -> Planes:
        """Paste the face of one frame, in place.

        Raises:
            TypeError: The Patch was made by another engine.
        """
        if not isinstance(patch, LatentSyncPatch):
            raise TypeError(f"a Patch of another engine: {type(patch).__name__}")
        if patch.faces is not None:
            prepared, source = patch.prepared, patch.source
            track = prepared.performance.track
            paste(
                planes,
                prepared.performance.facts,
                patch.faces.picture(patch.index),
                prepared.matrices[source],
                self._cover,
                float(track.presence[source]),
                track.landmarks[source],
            )
        return planes

    def _faces(self, latents: Tensor) -> Faces:
        def again() -> Sequence[Painted]:
            self._models.place.widen()
            return self._paint.run(latents)

        return Faces(self._paint.run(latents), again)

    def _latents(self, asked: "_Asked") -> Tensor | None:
        """Make the latents of what is taken of a Window and shows a face, (n, 4, h, w); None if none of its stretch does."""
        if not asked.any_face:
            return None
        known, tokens = (
            torch.from_numpy(values[None]) for values in (asked.known(), asked.tokens())
        )
        window = asked.window
        # Waited for, which costs a GPU the moment until it is asked again: the next stretch passes on from this one.
        made = finite(
            lambda: self._diffuse.run(known, tokens, window.noise)[0],
            lambda latents: bool(latents.isfinite().all()),
            self._models.place,
        )
        stretch = window.stretch
        overlap = OVERLAP_FRAMES if window.number else 0
        window.seams.keep(window.number, made[-OVERLAP_FRAMES:].clone())
        taken = made[stretch.begin - stretch.first : stretch.end - stretch.first]
        return window.seams.passed(window.number, taken, overlap)[asked.present]


class _Asked:
    """What one Window asks for: a stretch of sixteen frames, and of those taken the ones that show a face."""

    def __init__(self, window: Window) -> None:
        if not isinstance(window, LatentSyncWindow):
            raise TypeError(f"a Window of another engine: {type(window).__name__}")
        if not isinstance(window.prepared, LatentSyncPrepared):
            raise TypeError(f"prepared by another engine: {type(window.prepared).__name__}")
        self.window = window
        self._prepared = window.prepared
        changed = self._prepared.changed
        self.present = np.flatnonzero(changed[np.asarray(window.sources)])
        self._shown = np.flatnonzero(changed[np.asarray(window.around)])

    @property
    def any_face(self) -> bool:
        """Whether there is anything to make; a stretch that only its neighbours show is made by them."""
        return len(self.present) > 0

    def known(self) -> NDArray[np.float32]:
        """(16, 8, h, w); a frame without a face is shown the nearest one that has one, and what is made of it is dropped."""
        places = np.arange(len(self.window.around))
        nearest = self._shown[np.abs(places[:, None] - self._shown).argmin(axis=1)]
        sources = np.asarray(self.window.around)[nearest]
        return np.asarray(self._prepared.latents[sources], np.float32)

    def tokens(self) -> NDArray[np.float32]:
        """(16, 50, 384)."""
        first = self.window.stretch.first
        frames = range(first, first + len(self.window.around))
        return tokens_of(self.window.states, centres(frames, self._prepared.performance.facts.fps))

    def patches(self, faces: Faces | None, before: int) -> list[LatentSyncPatch]:
        """One for each frame; faces of this Window begin at ``before``."""
        place = {int(at): before + number for number, at in enumerate(self.present)}
        window = self.window
        return [
            LatentSyncPatch(frame, source, self._prepared, faces if at in place else None, place.get(at, -1))
            for at, (frame, source) in enumerate(zip(window.frames, window.sources, strict=True))
        ]  # fmt: skip


def _seed_of(prepared: Prepared, speech: Speech) -> int:
    """Make a number of a Take and a Template: the same for the same Clip whenever and wherever it is made."""
    digest = hashlib.sha256(str(SEED).encode())
    digest.update(speech.sound.read_bytes())
    digest.update(prepared.performance.track.landmarks.tobytes())
    return int.from_bytes(digest.digest()[:7], "big")
