"""The layers of LatentSync's U-Net, named as its checkpoint names them.

Pictures are (clips * frames, channels, h, w), frame after frame of one clip after the other. What differs from the stock layers
of Stable Diffusion and AnimateDiff is what group norms measure: those of residual layers all frames of a clip together, those of
motion modules each frame by itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS: Final = 8
_TRANSFORMER_EPS: Final = 1e-6


@dataclass(frozen=True)
class Around:
    """What every layer may ask for beside the pictures."""

    time: Tensor
    """(1, width): the step of the diffusion, embedded."""
    tokens: Tensor
    """(clips * frames, tokens, width): what each frame hears."""
    frames: int
    """Of each clip."""


class ClipNorm(nn.GroupNorm):
    """A group norm over all frames of each clip."""

    def over(self, x: Tensor, frames: int) -> Tensor:
        """(clips * frames, c, h, w), normalised; channels last, which needs no copy where it came so."""
        n, channels, height, width = x.shape
        tall = x.permute(0, 2, 3, 1).reshape(n // frames, frames * height, width, channels)
        normed = self(tall.permute(0, 3, 1, 2))
        return normed.permute(0, 2, 3, 1).reshape(n, height, width, channels).permute(0, 3, 1, 2)


class Residual(nn.Module):
    """Two convolutions beside a short cut; the step comes in between."""

    def __init__(self, inputs: int, outputs: int, time: int, groups: int) -> None:
        super().__init__()
        self.norm1 = ClipNorm(groups, inputs, eps=1e-5)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, outputs)
        self.norm2 = ClipNorm(groups, outputs, eps=1e-5)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h, w)."""
        inner = self.conv1(functional.silu(self.norm1.over(x, around.frames)))
        inner = inner + self.time_emb_proj(functional.silu(around.time))[:, :, None, None]
        inner = self.conv2(functional.silu(self.norm2.over(inner, around.frames)))
        beside = x if self.conv_shortcut is None else self.conv_shortcut(x)
        return beside + inner


class Attention(nn.Module):
    """Attention of eight heads, to itself or to what is heard."""

    def __init__(self, width: int, heard: int | None = None) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(heard or width, width, bias=False)
        self.to_v = nn.Linear(heard or width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        """(n, places, width) and (n, tokens, heard) to (n, places, width)."""
        parts = (self.to_q(x), self.to_k(heard), self.to_v(heard))
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        told = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out: Tensor = self.to_out[0](told)
        return out


class Gated(nn.Module):
    """A layer whose second half gates the first (GEGLU)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) to (…, inner)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        gated: Tensor = value * functional.gelu(gate)
        return gated


class FeedForward(nn.Module):
    """Four times as wide in between; ``net.1`` was a dropout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList(
            [Gated(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) to the same."""
        for layer in self.net:
            x = layer(x)
        return x


class SpatialBlock(nn.Module):
    """Each place of a frame looks at the others, then hears."""

    def __init__(self, width: int, heard: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.attn1 = Attention(width)
        self.attn2 = Attention(width, heard)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, tokens: Tensor) -> Tensor:
        """(n, h * w, width) to the same."""
        normed = self.norm1(x)
        x = x + self.attn1(normed, normed)
        x = x + self.attn2(self.norm2(x), tokens)
        return x + self.ff(self.norm3(x))


class SpatialTransformer(nn.Module):
    """What one frame shows, all of it at once, and the sound that belongs to it."""

    def __init__(self, width: int, heard: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=_TRANSFORMER_EPS)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([SpatialBlock(width, heard)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """(n, width, h, w) to the same."""
        height = x.shape[2]
        inner = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).flatten(1, 2)
        for block in self.transformer_blocks:
            inner = block(inner, around.tokens)
        inner = inner.unflatten(1, (height, -1)).permute(0, 3, 1, 2)
        return x + self.proj_out(inner)


class Places(nn.Module):
    """A fixed table that says which frame of the clip it is."""

    def __init__(self, places: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(1, places, width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, frames, width) to the same."""
        table: Tensor = self.get_buffer("pe")
        return x + table[:, : x.shape[1]].to(x.dtype)


class TemporalAttention(Attention):
    """Attention from frame to frame."""

    def __init__(self, width: int, places: int) -> None:
        super().__init__(width)
        self.pos_encoder = Places(places, width)


class TemporalBlock(nn.Module):
    """Each place looks at itself in the other frames, twice."""

    def __init__(self, width: int, places: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList([TemporalAttention(width, places) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.ff = FeedForward(width)
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, frames, width) to the same."""
        for attention, norm in zip(self.attention_blocks, self.norms, strict=True):
            placed = attention.pos_encoder(norm(x))
            x = x + attention(placed, placed)
        return x + self.ff(self.ff_norm(x))


class TemporalTransformer(nn.Module):
    """What becomes of each place over the frames of a clip."""

    def __init__(self, width: int, places: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=_TRANSFORMER_EPS)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, places)])
        self.proj_out = nn.Linear(width, width)

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """(clips * frames, width, h, w) to the same."""
        n, width, height, across = x.shape
        clips, area = n // around.frames, height * across
        tall = self.norm(x).permute(0, 2, 3, 1).reshape(clips, around.frames, area, width)
        inner = self.proj_in(tall.transpose(1, 2).flatten(0, 1))
        for block in self.transformer_blocks:
            inner = block(inner)
        inner = self.proj_out(inner).unflatten(0, (clips, area)).transpose(1, 2)
        return x + inner.reshape(n, height, across, width).permute(0, 3, 1, 2)


class MotionModule(nn.Module):
    """A temporal transformer under the name that the checkpoint has for it."""

    def __init__(self, width: int, places: int, groups: int) -> None:
        super().__init__()
        self.temporal_transformer = TemporalTransformer(width, places, groups)

    def forward(self, x: Tensor, around: Around) -> Tensor:
        """(clips * frames, width, h, w) to the same."""
        told: Tensor = self.temporal_transformer(x, around)
        return told


class Resized(nn.Module):
    """Half or double the size, by a convolution."""

    def __init__(self, width: int, *, up: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=1 if up else 2, padding=1)
        self._up = up

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, h, w) to (n, width, h / 2, w / 2), or twice as large."""
        if self._up:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        resized: Tensor = self.conv(x)
        return resized


def frequencies(step: Tensor, width: int) -> Tensor:
    """Embed a step of the diffusion, (1, width) in 32 bits: cosines, then sines."""
    half = width // 2
    places = torch.arange(half, dtype=torch.float32, device=step.device)
    angles = step.float().reshape(1, 1) * torch.exp(places * (-math.log(10_000.0) / half))
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)


def in_turn(layers: Sequence[nn.Module], x: Tensor, around: Around) -> Tensor:
    """Run layers one after the other."""
    for layer in layers:
        x = layer(x, around)
    return x
