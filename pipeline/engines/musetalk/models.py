"""The models of MuseTalk 1.5, resident: loaded from their published files, and what they do to tensors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from pipeline.engines.musetalk.audio import WINDOW_STEPS
from pipeline.engines.musetalk.parser import FaceParser, load_parser
from pipeline.engines.musetalk.sizes import FACE_PX
from pipeline.engines.neural.autoencoder import Codec, load_autoencoder
from pipeline.engines.neural.calling import Painted
from pipeline.engines.neural.hearing import PieceEar, load_encoder
from pipeline.engines.neural.loading import fill, mark_of, on_meta, read_config, read_state
from pipeline.engines.neural.place import Place
from pipeline.engines.weights.finding import Weights
from pipeline.errors import WeightsAltered

_UNET: Final = ("musetalkV15/musetalk.json", "musetalkV15/unet.pth")
_CODEC: Final = ("sd-vae/config.json", "sd-vae/diffusion_pytorch_model.safetensors")
_WHISPER: Final = ("whisper/config.json", "whisper/model.safetensors")
_PARSER: Final = "face-parse-bisent/79999_iter.pth"


@dataclass(frozen=True)
class Models:
    """What is held of MuseTalk. All at one place; the ear in 32 bits."""

    unet: nn.Module
    codec: Codec
    ear: PieceEar
    parser: FaceParser | None
    """None: masks come from the mesh."""
    place: Place
    mark: str
    """Changes with the weights that latents and states depend on: what other ones made is not taken."""

    def generate(self, latents: Tensor, tokens: Tensor) -> Painted:
        """Make faces.

        Args:
            latents: (n, 8, 32, 32), the masked face's and the reference's, as ``see`` gives them.
            tokens: (n, 50, 384), as ``audio.tokens_of`` gives them.

        Returns:
            Pictures (n, 256, 256, 3) RGB, at the models' place.
        """
        unet: Any = self.unet
        told = unet(latents, self._timestep(latents), encoder_hidden_states=tokens).sample
        return self.codec.paint(told)

    def see(self, pictures: Tensor, draw: torch.Generator | None = None) -> Tensor:
        """Turn faces into what the U-Net is given of them.

        Args:
            pictures: (n, 256, 256, 3) RGB, 8 bits, at the models' place.
            draw: None takes means of the posteriors; a generator samples them, masked ones first, as the official code does.

        Returns:
            (n, 8, 32, 32): latents of the face with its lower half black, then of the whole one.
        """
        shares = pictures.permute(0, 3, 1, 2).float() / 255
        masked = shares.clone()
        masked[:, :, FACE_PX // 2 :] = 0  # black, before the range becomes -1 to 1
        return torch.cat([self.codec.encode(x * 2 - 1, draw) for x in (masked, shares)], dim=1)

    @staticmethod
    def _timestep(latents: Tensor) -> Tensor:
        return torch.zeros((), dtype=torch.long, device=latents.device)


def load_models(weights: Weights, place: Place) -> Models:
    """Load everything; raises WeightsAltered that says which file is not what it should be."""
    unet = load_unet(*(weights.path(name) for name in _UNET))
    autoencoder = load_autoencoder(*(weights.path(name) for name in _CODEC))
    encoder = load_encoder(*(weights.path(name) for name in _WHISPER))
    _require_same_width(unet, encoder, weights.path(_UNET[0]))
    parser = load_parser(weights.path(_PARSER)) if weights.path(_PARSER).is_file() else None
    for model in (unet, autoencoder, *(() if parser is None else (parser,))):
        place.settle(model)
    ear = PieceEar(encoder, Place(place.device, torch.float32))
    mark = mark_of(autoencoder, encoder)
    return Models(unet, Codec(autoencoder, place), ear, parser, place, mark)


def load_unet(config: Path, weights: Path) -> UNet2DConditionModel:
    """Load the U-Net from its published files; raises WeightsAltered."""
    told = read_config(config)
    model = on_meta(lambda: UNet2DConditionModel.from_config(told), config, "U-Net")
    return fill(model, read_state(weights), weights)


def _require_same_width(unet: Any, encoder: Any, config: Path) -> None:
    listens, hears = unet.config.cross_attention_dim, encoder.config.d_model
    if listens != hears:
        raise WeightsAltered(
            f"{config} describes a network that listens to {listens} numbers, and the Whisper beside it gives {hears}."
        )


def noise(models: Models, frames: int) -> tuple[Tensor, Tensor]:
    """Make inputs of the shape and size that ``generate`` gets, to warm it."""
    side, draw = FACE_PX // 8, torch.Generator().manual_seed(0)
    latents = torch.randn(frames, 8, side, side, generator=draw)
    tokens = torch.randn(frames, WINDOW_STEPS * models.ear.layers, models.ear.width, generator=draw)
    return latents, tokens
