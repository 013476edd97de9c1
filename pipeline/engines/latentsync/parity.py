"""LatentSync exactly as its official code does it, for comparison with it: no smoothing, drawn latents, clips side by side, its rounding.

The parts that are the same are the engine's own; what is here is what the engine does otherwise on purpose (``engine``, ``preparing``,
``faces``, ``neural.pasting``). Landmarks come from elsewhere, so the three points of each face are given. The sound is what
``neural.sound.read_in_16_bits`` gives; videos are of 25 frames a second, whatever they were before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.engines.latentsync.audio import OFFICIAL_FPS, centres, official_frames, tokens_of
from pipeline.engines.latentsync.faces import Spots, aligned_size, fitted, places
from pipeline.engines.latentsync.models import Models
from pipeline.engines.latentsync.sampling import Diffusion
from pipeline.engines.latentsync.stretches import STRETCH_FRAMES
from pipeline.engines.latentsync.unet import LATENTS
from pipeline.engines.neural.official import official_order
from pipeline.engines.neural.pasting import Matrix
from pipeline.engines.port import Sampling
from pipeline.types import Pixels, Samples

_NOSE: Final = 2
_REMEMBERED: Final = 0.2
"""Share of the shift of the frame before."""
_BESIDE: Final = 127.0
"""Grey of what lies outside the frame."""
_EDGE_SHARE: Final = 20
"""The soft edge is this part of the face's side."""


@dataclass(frozen=True)
class Scene:
    """A Template as the official code has it once faces are found."""

    frames: Sequence[Pixels]
    """(h, w, 3) RGB each."""
    spots: NDArray[np.int64]
    """(frames, 3, 2): left brow, right brow, nose; whole pixels."""


def official_render(
    models: Models, scene: Scene, samples: Samples, draw: torch.Generator, sampling: Sampling
) -> Iterator[Pixels]:
    """Make the frames of a Clip.

    Args:
        models: In 32 bits.
        scene: The Template.
        samples: The recording, mono, 16 kHz.
        draw: Draws the noise, then for each clip the latents, masked ones first.
        sampling: As the official script is told.

    Yields:
        (h, w, 3) RGB.
    """
    states = np.concatenate(list(models.ear.hear(samples)))
    frames = official_frames(len(states))
    order = official_order(frames, len(scene.frames))
    matrices = list(official_matrices(scene.spots, models.size_px))
    faces = [
        aligned(frame, matrix, models.size_px)
        for frame, matrix in zip(scene.frames, matrices, strict=True)
    ]
    heard = tokens_of(states, centres(range(frames), Fraction(OFFICIAL_FPS)))
    side = models.size_px // 8
    diffusion = Diffusion(models.unet, models.latent_mask(), sampling)
    noise = torch.randn(1, LATENTS, side, side, generator=draw)
    for first in range(0, frames, STRETCH_FRAMES):
        some = order[first : first + STRETCH_FRAMES]
        pictures = torch.from_numpy(np.stack([faces[at] for at in some]))
        tokens = torch.from_numpy(heard[first : first + STRETCH_FRAMES])
        with torch.inference_mode():
            known = models.see(models.place.bring(pictures), draw)
            told = diffusion(known[None], *map(models.place.bring, (tokens[None], noise)))[0]
            made = models.codec.decode(models.place.bring(told))
            made = completed(made.cpu(), pictures, models.mask)
        for at, face in zip(some, made, strict=True):
            yield put_back(scene.frames[at], face, matrices[at])


def official_matrices(spots: NDArray[Any], size_px: int) -> Iterator[Matrix]:
    """Lead from each frame to the upright picture.

    A part of what the nose is off by after the fit is added to the shift, and a fifth of that of the frame before.
    """
    wanted, before = places(size_px), None
    for three in spots.astype(np.float64):
        shift = _normalised(wanted)[_NOSE] - _normalised(three)[_NOSE]
        if before is not None:
            shift = _REMEMBERED * before + (1 - _REMEMBERED) * shift
        before = shift
        matrix = fitted(three, wanted)
        matrix[:, 2] += shift
        yield matrix


def _normalised(spots: Spots) -> Spots:
    own = spots - spots.mean(axis=0)
    return np.asarray(own / own.std(ddof=1))


def aligned(frame: Pixels, matrix: Matrix, size_px: int) -> Pixels:
    """Bring a face upright and to the network's size: bilinear and cut to whole levels, then by Lanczos."""
    source = torch.from_numpy(frame).permute(2, 0, 1).float()
    upright = _drawn(source, _inverse(matrix), aligned_size(size_px))
    inside = _drawn(torch.ones(1, *source.shape[1:]), _inverse(matrix), aligned_size(size_px))
    grey = upright + (1 - inside) * _BESIDE
    cut = grey.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return np.asarray(cv2.resize(cut, (size_px, size_px), interpolation=cv2.INTER_LANCZOS4))


def completed(made: Tensor, pictures: Tensor, mask: NDArray[np.float32]) -> Tensor:
    """Put what was kept of faces around what was made, (n, 3, size, size), -1.0 to 1.0."""
    kept = torch.from_numpy(mask)
    own = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    return made.float() * (1 - kept) + own * kept


def put_back(frame: Pixels, face: Tensor, matrix: Matrix) -> Pixels:
    """Blend a face, (3, size, size), -1.0 to 1.0, into a copy of its frame, softly towards the upright picture's edge."""
    height, width = frame.shape[:2]
    across, down = aligned_size(face.shape[-1])
    upright = functional.interpolate(
        face[None], (down, across), mode="bicubic", align_corners=False, antialias=True
    )[0]
    there = (_drawn(upright, matrix, (width, height)) / 2 + 0.5).clamp(0, 1) * 255
    whole = _drawn(torch.ones(1, down, across), matrix, (width, height))[0].numpy()
    sharp = cv2.erode(whole, np.ones((2, 2), np.uint8))
    soft = _softened(sharp)[:, :, None]
    pasted = sharp[:, :, None] * there.permute(1, 2, 0).numpy()
    return np.asarray(soft * pasted + (1 - soft) * frame).astype(np.uint8)


def _softened(mask: NDArray[Any]) -> NDArray[Any]:
    edge = int(float(mask.sum()) ** 0.5) // _EDGE_SHARE
    if edge:
        mask = cv2.erode(mask, np.ones((2 * edge, 2 * edge), np.uint8))
    blur = 2 * edge + 1
    sigma = 0.3 * ((blur - 1) * 0.5 - 1) + 0.8
    return np.asarray(
        cv2.GaussianBlur(mask, (blur, blur), sigma, borderType=cv2.BORDER_REFLECT_101)
    )


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def _drawn(picture: Tensor, back: Matrix, size: tuple[int, int]) -> Tensor:
    """Draw a picture, (c, h, w), anew: bilinear, nothing outside.

    Args:
        picture: In 32 bits.
        back: Leads from the new pixels to those of the picture.
        size: Width and height.
    """
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    spots = np.stack([x, y, np.ones_like(x)], axis=-1) @ back.T
    ends = np.array([picture.shape[2] - 1, picture.shape[1] - 1])
    grid = torch.from_numpy(spots / ends * 2 - 1).float()
    return functional.grid_sample(
        picture[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True
    )[0]
