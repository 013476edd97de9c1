"""The models of LatentSync, resident: loaded from their published files, and what they do to tensors."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.latentsync.mask import latent_mask, mask_for, read_mask
from pipeline.engines.latentsync.unet import ClipUNet, load_unet
from pipeline.engines.neural.autoencoder import Codec, load_autoencoder
from pipeline.engines.neural.hearing import WholeEar, load_openai_encoder
from pipeline.engines.neural.loading import mark_of
from pipeline.engines.neural.place import Place
from pipeline.engines.weights.finding import Weights
from pipeline.errors import WeightsAltered

_UNET: Final = "latentsync_unet.pt"
_CODEC: Final = ("sd-vae/config.json", "sd-vae/diffusion_pytorch_model.safetensors")
_WHISPER: Final = "whisper/tiny.pt"
_SIZE_PX: Final = 256
"""Where the catalogue says nothing."""


@dataclass(frozen=True)
class Models:
    """What is held of LatentSync. All at one place; the ear in 32 bits."""

    unet: ClipUNet
    codec: Codec
    ear: WholeEar
    place: Place
    mark: str
    """Changes with the weights that latents and states depend on: what other ones made is not taken."""
    mask: NDArray[np.float32]
    """(size, size), 1.0 where the face is kept."""

    @property
    def size_px(self) -> int:
        """Side of the square face."""
        return len(self.mask)

    def latent_mask(self) -> Tensor:
        """Give the mask as the network is shown it, (size / 8, size / 8), at the models' place."""
        return torch.from_numpy(latent_mask(self.mask)).to(self.place.device)

    def see(self, pictures: Tensor, draw: torch.Generator | None = None) -> Tensor:
        """Turn faces into what the U-Net is given of them.

        Args:
            pictures: (n, size, size, 3) RGB, 8 bits, at the models' place.
            draw: None takes means of the posteriors; a generator samples them, masked ones first, as the official code does.

        Returns:
            (n, 8, size / 8, size / 8): latents of the face that lacks what is made anew, then of the whole one.
        """
        whole = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
        # Behind the normalisation: what is missing is mid grey.
        masked = whole * torch.from_numpy(self.mask).to(whole.device)
        return torch.cat([self.codec.encode(x, draw) for x in (masked, whole)], dim=1)


def load_models(weights: Weights, place: Place) -> Models:
    """Load everything; raises WeightsAltered that says which file is not what it should be."""
    unet = load_unet(weights.path(_UNET))
    autoencoder = load_autoencoder(*(weights.path(name) for name in _CODEC))
    encoder = load_openai_encoder(weights.path(_WHISPER))
    heard = int(encoder.config.d_model)
    if unet.widths.heard != heard:
        raise WeightsAltered(
            f"{weights.path(_UNET)} listens to {unet.widths.heard} numbers, and the Whisper beside it gives {heard}."
        )
    mask = mask_for(read_mask(weights.folder), weights.set.picture_px or _SIZE_PX)
    for model in (unet, autoencoder):
        place.settle(model)
    ear = WholeEar(encoder, Place(place.device, torch.float32))
    mark = mark_of(autoencoder, encoder)
    return Models(unet, Codec(autoencoder, place), ear, place, mark, mask)
