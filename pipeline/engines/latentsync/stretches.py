"""How frames are cut into stretches that are made together: each begins within the one before, so that one passes into the other.

A Clip is cut into stretches of sixteen frames, and one of these again where the memory does not suffice for sixteen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STRETCH_FRAMES: Final = 16
"""What the network learned to see at once."""
OVERLAP_FRAMES: Final = 3
"""Frames that two stretches share: enough to pass over a seam, and a fifth more work."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames that are made together, and those of them that are taken."""

    first: int
    """In a Clip of less than sixteen frames its last one goes on until there are as many."""
    begin: int
    end: int
    """Taken are the frames from ``begin`` up to and without ``end``."""


def stretches_of(
    frames: int, length: int = STRETCH_FRAMES, overlap: int = OVERLAP_FRAMES
) -> list[Stretch]:
    """Cut frames; together the stretches take each one exactly once, in order, and all are of ``length`` frames."""
    begins = list(range(0, max(frames - overlap, 1), length - overlap))
    latest = max(frames - length, 0)
    ends = [*begins[1:], frames]
    return [
        Stretch(min(begin, latest), begin, end) for begin, end in zip(begins, ends, strict=True)
    ]


def passed_on(before: Tensor, latents: Tensor) -> Tensor:
    """Let a stretch begin as the one before it ends.

    Args:
        before: (…, overlap, 4, h, w), what the one before made of the frames that both share.
        latents: (…, frames, 4, h, w), those that are taken and whatever follows on them.

    Returns:
        The same, its first frames mixed with what the stretch before made of them.
    """
    overlap = before.shape[-4]
    shares = torch.from_numpy(shares_of(overlap)).to(latents)[:, None, None, None]
    mixed = before + shares * (latents[..., :overlap, :, :, :] - before)
    return torch.cat([mixed, latents[..., overlap:, :, :, :]], dim=-4)


def shares_of(overlap: int) -> NDArray[np.float32]:
    """Give how much of the later stretch is in each frame of an overlap, rising evenly."""
    return np.asarray(np.arange(1, overlap + 1) / (overlap + 1), np.float32)
