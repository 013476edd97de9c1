"""LatentSync's U-Net: Stable Diffusion's with motion modules behind each layer, which sees sixteen frames at once and hears.

The modules' names are those of the released checkpoint (1246 keys), so that it is loaded without renaming. Its widths are read
off the file: no configuration lies beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.engines.latentsync.layers import (
    HEADS,
    Around,
    ClipNorm,
    MotionModule,
    Residual,
    Resized,
    SpatialTransformer,
    frequencies,
    in_turn,
)
from pipeline.engines.neural.loading import fill, on_meta, read_state
from pipeline.errors import WeightsAltered

INPUTS: Final = 13
"""Noisy latents, the mask, latents of the masked face and of the reference."""
LATENTS: Final = 4
_LEVELS: Final = 4
_LAYERS: Final = 2
"""On the way down; one more on the way up."""
_GROUPS: Final = 32


@dataclass(frozen=True)
class Widths:
    """How wide the network is."""

    levels: tuple[int, ...] = (320, 640, 1280, 1280)
    heard: int = 384
    places: int = 24
    """Most frames of a clip."""

    @property
    def groups(self) -> int:
        """Of the norms: 32, as far as the channels can be divided by it."""
        return gcd(_GROUPS, *self.levels)


class TimeEmbedding(nn.Module):
    """What the step of the diffusion means to the layers."""

    def __init__(self, width: int, wide: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, wide)
        self.linear_2 = nn.Linear(wide, wide)

    def forward(self, x: Tensor) -> Tensor:
        """(1, width) to (1, wide)."""
        told: Tensor = self.linear_2(functional.silu(self.linear_1(x)))
        return told


class Level(nn.Module):
    """Layers of one size: each a residual layer, at most levels a spatial transformer, and a motion module."""

    def __init__(
        self, sizes: Sequence[tuple[int, int]], widths: Widths, *, hears: bool, moves: bool = True
    ) -> None:
        """``sizes`` are inputs and outputs of each residual layer."""
        super().__init__()
        time = 4 * widths.levels[0]
        self.resnets = nn.ModuleList([Residual(*size, time, widths.groups) for size in sizes])
        outputs = [size[1] for size in sizes]
        if hears:
            self.attentions = nn.ModuleList(
                [SpatialTransformer(width, widths.heard, widths.groups) for width in outputs]
            )
        if moves:
            self.motion_modules = nn.ModuleList(
                [MotionModule(width, widths.places, widths.groups) for width in outputs]
            )
        self._hears = hears

    def layer(self, number: int, x: Tensor, around: Around) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h, w)."""
        heard = [self.attentions[number]] if self._hears else []
        return in_turn([self.resnets[number], *heard, self.motion_modules[number]], x, around)


class Down(Level):
    """A level on the way down."""

    def __init__(self, inputs: int, outputs: int, widths: Widths, *, last: bool) -> None:
        super().__init__(
            [(inputs, outputs), *[(outputs, outputs)] * (_LAYERS - 1)], widths, hears=not last
        )
        if not last:
            self.downsamplers = nn.ModuleList([Resized(outputs, up=False)])
        self._last = last

    def forward(self, x: Tensor, around: Around) -> list[Tensor]:
        """Give what each layer makes, and the smaller picture at the end."""
        made = []
        for number in range(_LAYERS):
            x = self.layer(number, x, around)
            made.append(x)
        if not self._last:
            made.append(self.downsamplers[0](x))
        return made


class Middle(Level):
    """The narrowest place: nothing moves there."""

    def __init__(self, width: int, widths: Widths) -> None:
        super().__init__([(width, width)] * 2, widths, hears=False, moves=False)
        self.attentions = nn.ModuleList([SpatialTransformer(width, widths.heard, widths.groups)])

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """(n, width, h, w) to the same."""
        return in_turn([self.resnets[0], self.attentions[0], self.resnets[1]], x, around)


class Up(Level):
    """A level on the way up: each layer is shown as well what one on the way down has made."""

    def __init__(
        self, sizes: Sequence[tuple[int, int]], widths: Widths, *, first: bool, last: bool
    ) -> None:
        super().__init__(sizes, widths, hears=not first)
        if not last:
            self.upsamplers = nn.ModuleList([Resized(sizes[-1][1], up=True)])
        self._last = last

    def forward(self, x: Tensor, beside: list[Tensor], around: Around) -> Tensor:
        """Take from the end of ``beside`` what each layer is shown."""
        for number in range(_LAYERS + 1):
            x = self.layer(number, torch.cat([x, beside.pop()], dim=1), around)
        if self._last:
            return x
        larger: Tensor = self.upsamplers[0](x)
        return larger


class ClipUNet(nn.Module):
    """The whole network."""

    def __init__(self, widths: Widths = Widths()) -> None:
        super().__init__()
        self.widths = widths
        levels = widths.levels
        self.conv_in = nn.Conv2d(INPUTS, levels[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(levels[0], 4 * levels[0])
        self.down_blocks = nn.ModuleList(
            [
                Down(inputs, outputs, widths, last=number == _LEVELS - 1)
                for number, (inputs, outputs) in enumerate(pairwise((levels[0], *levels)))
            ]
        )
        self.mid_block = Middle(levels[-1], widths)
        self.up_blocks = nn.ModuleList(
            [
                Up(sizes, widths, first=number == 0, last=number == _LEVELS - 1)
                for number, sizes in enumerate(_sizes_up(levels))
            ]
        )
        self.conv_norm_out = ClipNorm(widths.groups, levels[0], eps=1e-5)
        self.conv_out = nn.Conv2d(levels[0], LATENTS, 3, padding=1)

    def forward(
        self, x: Tensor, step: Tensor, tokens: Tensor, frames: int
    ) -> tuple[Tensor, Tensor]:
        """Tell the noise in some clips.

        Args:
            x: (clips * frames, 13, h, w); h and w can be divided by eight.
            step: (), of the diffusion, 0 to 999.
            tokens: (clips * frames, tokens, width), what each frame hears.
            frames: Of each clip.

        Returns:
            (clips * frames, 4, h, w), and what ``again`` goes on from at the next steps.
        """
        around = self._around(x, step, tokens, frames)
        first = self.conv_in(x)
        beside = [first]
        for down in self.down_blocks:
            beside += down(beside[-1], around)
        x = self.mid_block(beside[-1], around)
        for up in self.up_blocks[:-1]:
            x = up(x, beside, around)
        for number in range(_LAYERS):
            x = self._last.layer(number, torch.cat([x, beside.pop()], dim=1), around)
        return self._end(x, first, around), x

    def again(self, x: Tensor, step: Tensor, tokens: Tensor, frames: int, kept: Tensor) -> Tensor:
        """Tell the noise by the last layer alone, the others being what they were at a step before (DeepCache, branch 0).

        Args:
            x: As for ``forward``.
            step: Likewise.
            tokens: Likewise.
            frames: Likewise.
            kept: What ``forward`` gave at that step.
        """
        around = self._around(x, step, tokens, frames)
        return self._end(kept, self.conv_in(x), around)

    @property
    def _last(self) -> Up:
        last = self.up_blocks[-1]
        assert isinstance(last, Up)  # noqa: S101 - made above
        return last

    def _around(self, x: Tensor, step: Tensor, tokens: Tensor, frames: int) -> Around:
        told = frequencies(step, self.widths.levels[0]).to(x.dtype)
        return Around(self.time_embedding(told), tokens, frames)

    def _end(self, x: Tensor, first: Tensor, around: Around) -> Tensor:
        x = self._last.layer(_LAYERS, torch.cat([x, first], dim=1), around)
        out: Tensor = self.conv_out(functional.silu(self.conv_norm_out.over(x, around.frames)))
        return out


def _sizes_up(levels: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Give inputs and outputs of each layer on the way up: what comes from below and from the way down together."""
    upwards = list(reversed(levels))
    sizes = []
    for number, outputs in enumerate(upwards):
        below = upwards[max(number - 1, 0)]
        across = upwards[min(number + 1, _LEVELS - 1)]
        inner = [(outputs + outputs, outputs)] * (_LAYERS - 1)
        sizes.append([(below + outputs, outputs), *inner, (outputs + across, outputs)])
    return sizes


def load_unet(weights: Path) -> ClipUNet:
    """Load the network from the released file; raises WeightsAltered."""
    told = read_state(weights)
    state = told.get("state_dict")
    if not isinstance(state, dict):
        named = ", ".join(sorted(map(str, told))[:3]) or "nothing"
        raise WeightsAltered(
            f"{weights} is no checkpoint of LatentSync: it holds {named} and no state_dict. chorus models pull brings what fits."
        )
    widths = _widths_in(state, weights)
    network: ClipUNet = fill(on_meta(lambda: ClipUNet(widths), weights, "U-Net"), state, weights)
    return network


def _widths_in(state: Mapping[str, Any], weights: Path) -> Widths:
    """Read the widths off a checkpoint; where one lacks what tells them, it is compared with the released ones."""
    motion = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0"
    hearing = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    try:
        levels = tuple(
            int(state[f"down_blocks.{level}.resnets.0.conv1.weight"].shape[0])
            for level in range(_LEVELS)
        )
        heard = int(state[hearing].shape[1])
        places = int(state[f"{motion}.attention_blocks.0.pos_encoder.pe"].shape[1])
    except (KeyError, AttributeError, IndexError):
        return Widths()
    if any(width % HEADS for width in levels):
        raise WeightsAltered(
            f"{weights} has layers of {', '.join(map(str, levels))} channels, which cannot be shared out to {HEADS} heads."
        )
    return Widths(levels, heard, places)
