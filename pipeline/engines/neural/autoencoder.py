"""Stable Diffusion's picture codec (sd-vae-ft-mse): faces to latents and back."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from pipeline.engines.neural.calling import Painted
from pipeline.engines.neural.loading import (
    fill,
    on_meta,
    read_config,
    read_state,
    undescribed,
)
from pipeline.engines.neural.place import Place

_WHAT: Final = "picture codec"
_OLD_NAMES: Final = {
    "query": "to_q",
    "key": "to_k",
    "value": "to_v",
    "proj_attn": "to_out.0",
}
"""How the attention of the middle was called before diffusers 0.15; the published ``.bin`` file has these."""


def load_autoencoder(config: Path, weights: Path) -> AutoencoderKL:
    """Load the codec from its published files, in whichever spelling; raises WeightsAltered."""
    told = read_config(config)
    model = on_meta(lambda: AutoencoderKL.from_config(told), config, _WHAT)
    _require_scale(model, config)
    return fill(model, _renamed(read_state(weights)), weights)


def _require_scale(model: Any, config: Path) -> None:
    """No weight shows by its shape what latents are multiplied by; raises WeightsAltered."""
    scale = model.config.scaling_factor
    if not isinstance(scale, int | float) or not 0 < scale < math.inf:
        raise undescribed(config, _WHAT, f"scaling_factor {scale!r}")


def _renamed(state: Mapping[str, Any]) -> dict[str, Any]:
    named = {}
    for key, values in state.items():
        parts = key.rsplit(".", 2)
        if len(parts) == 3 and parts[1] in _OLD_NAMES and ".attentions." in key:
            parts[1] = _OLD_NAMES[parts[1]]
        named[".".join(parts)] = values
    return named


class Codec:
    """The codec, with what it is given at its place. Pictures are (n, 3, h, w) in -1.0 to 1.0, latents (n, 4, h // 8, w // 8), scaled."""

    def __init__(self, model: nn.Module, place: Place) -> None:
        """``model`` is an AutoencoderKL that stays where it is."""
        self.model: Any = model
        self.place = place
        self._scale = float(self.model.config.scaling_factor)

    def encode(self, pictures: Tensor, draw: torch.Generator | None = None) -> Tensor:
        """Turn pictures into latents: the mean of the posterior, or with ``draw`` a sample of it."""
        posterior = self.model.encode(pictures.to(self.place.dtype)).latent_dist
        latents = posterior.mode() if draw is None else posterior.sample(draw)
        return latents * self._scale

    def decode(self, latents: Tensor) -> Tensor:
        """Turn latents into pictures."""
        pictures: Tensor = self.model.decode(latents / self._scale).sample
        return pictures

    def paint(self, latents: Tensor) -> Painted:
        """Turn latents into pictures of 8 bits, RGB."""
        decoded = self.decode(latents)
        shares = (decoded / 2 + 0.5).clamp(0, 1)
        pictures = (shares.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return Painted(pictures.contiguous(), decoded.isfinite().flatten(1).all(dim=1))
