"""From noise to the latents of a clip's faces: the diffusion, with guidance and with layers that are asked only now and then."""

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from pipeline.engines.latentsync.schedule import schedule
from pipeline.engines.latentsync.stretches import OVERLAP_FRAMES, passed_on, stretches_of
from pipeline.engines.latentsync.unet import LATENTS, ClipUNet
from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.place import Place, is_out_of_memory
from pipeline.engines.port import Hardware, Sampling

_HIGHEST: Final = 1.0
"""Guidance up to this is none."""


class Diffusion:
    """What makes latents of noise. Inputs stand where the network does."""

    def __init__(self, unet: ClipUNet, mask: Tensor, sampling: Sampling) -> None:
        """``mask`` is (h, w) as the network is shown it: 1.0 where the face is kept."""
        self._whole: Callable[..., Any] = unet
        self._again: Callable[..., Any] = unet.again
        self._unet = unet
        self._mask = mask
        self._sampling = sampling
        self._steps = [
            (step, torch.tensor(step.time, device=mask.device)) for step in schedule(sampling.steps)
        ]

    def compiled(self) -> "Diffusion":
        """Give one whose two ways through the network are compiled; the loop around them is not."""
        other = Diffusion(self._unet, self._mask, self._sampling)
        how: dict[str, Any] = {"dynamic": False, "mode": "max-autotune-no-cudagraphs"}
        other._whole = torch.compile(self._unet, **how)
        other._again = torch.compile(self._unet.again, **how)
        return other

    def __call__(self, known: Tensor, tokens: Tensor, noise: Tensor) -> Tensor:
        """Make the latents of some clips.

        Args:
            known: (clips, frames, 8, h, w), latents of the masked faces, then of the references.
            tokens: (clips, frames, tokens, width).
            noise: (clips, 4, h, w): the same for every frame, so that what it decides stays.

        Returns:
            (clips, frames, 4, h, w), in 32 bits.
        """
        clips, frames = known.shape[:2]
        guided = self._sampling.guidance > _HIGHEST
        x = noise.float()[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
        shown = self._shown(known.flatten(0, 1))
        heard = tokens.flatten(0, 1)
        if guided:
            heard = torch.cat([torch.zeros_like(heard), heard])  # deaf first
        kept: Any = None
        for number, (step, time) in enumerate(self._steps):
            inputs = torch.cat([x.to(known.dtype), shown], dim=1)
            if guided:
                inputs = torch.cat([inputs, inputs])
            if number % self._sampling.interval == 0:
                told, kept = self._whole(inputs, time, heard, frames)
            else:
                told = self._again(inputs, time, heard, frames, kept)
            told = told.float()
            if guided:
                deaf, hearing = told.chunk(2)
                told = deaf + self._sampling.guidance * (hearing - deaf)
            x = step.keep * x + step.add * told
        return x.unflatten(0, (clips, frames))

    def _shown(self, known: Tensor) -> Tensor:
        """Put the mask before the latents, (n, 9, h, w)."""
        mask = self._mask.to(known.dtype).expand(len(known), 1, -1, -1)
        return torch.cat([mask, known], dim=1)


class Windows:
    """The diffusion of one clip after the other, each of as many frames as fit: sixteen, and fewer where the memory does not suffice.

    Fewer are made as the stretches of a Clip are: each part begins within the one before and passes on from it.
    """

    def __init__(self, diffusion: Diffusion, place: Place, frames: int, hardware: Hardware) -> None:
        self.frames = frames
        """Of one call."""
        self._diffusion = diffusion
        self._place = place
        self._hardware = hardware
        self._told: list[str] = []
        self._call = self._opened()

    @property
    def notes(self) -> list[str]:
        """What an operator should know."""
        return [*self._told, *self._call.notes]

    def run(self, known: Tensor, tokens: Tensor, noise: Tensor, *, shrinks: bool = True) -> Tensor:
        """Make the latents of some clips, (clips, frames, 4, h, w), as ``Diffusion`` does.

        Args:
            known: As it takes them.
            tokens: Likewise.
            noise: Likewise.
            shrinks: Whether fewer frames go at once where the memory does not suffice.

        Raises:
            RuntimeError: Not even one frame fits, or not as many as are wanted (``is_out_of_memory``).
        """
        frames = known.shape[1]
        while True:
            span = min(self.frames, frames)
            try:
                return self._made(known, tokens, noise, span)
            except (RuntimeError, MemoryError) as error:
                if not (shrinks and is_out_of_memory(error)) or span == 1:
                    raise
            self._shrink(span)

    def _made(self, known: Tensor, tokens: Tensor, noise: Tensor, span: int) -> Tensor:
        overlap, parts = min(OVERLAP_FRAMES, span // 2), []
        end: Tensor | None = None
        for part in stretches_of(known.shape[1], span, overlap):
            some = slice(part.first, part.first + span)
            whole = torch.cat(self._call.run(known[:, some], tokens[:, some], noise))
            taken = whole[:, part.begin - part.first : part.end - part.first]
            parts.append(taken if end is None or not overlap else passed_on(end, taken))
            end = whole[:, span - overlap :]
        return torch.cat(parts, dim=1)

    def _shrink(self, before: int) -> None:
        """Let fewer frames through at once; what the failed call held is free now that its error is gone."""
        self.frames = max(before // 2, 1)
        if self._place.on_gpu:
            torch.cuda.empty_cache()
        self._told = [
            *self.notes,
            f"The memory of {self._place.device} does not suffice for {before} frames at once; it goes on with {self.frames}.",
        ]
        self._call = self._opened()

    def _opened(self) -> FixedCall[Tensor]:
        return FixedCall(
            self._diffusion,
            self._place,
            rows=1,  # one clip fills a GPU, and a second row would be padding whenever one Clip is rendered alone
            speedup=self._hardware.speedup,
            compiled=lambda _network, _inputs: self._diffusion.compiled(),
        )


def draw_noise(seed: int, size: int) -> Tensor:
    """Draw what a Clip begins with, (1, 4, size, size): the same everywhere, whatever device computes."""
    return torch.randn(1, LATENTS, size, size, generator=torch.Generator().manual_seed(seed))
