"""Weights in the official formats with seeded random numbers: the keys and files are those of the published ones, the widths smaller.

What the networks are called and how their files are named stands in the configurations of the published weights; here it is
derived from the stock classes, and counted in the tests against what was published (686, 248, 1246 keys).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import WhisperConfig, WhisperModel

from pipeline.engines.latentsync import unet as latentsync
from pipeline.engines.musetalk.parser import FaceParser

OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
"""The published codec's ``.bin`` was written before these names changed."""


@dataclass(frozen=True)
class Widths:
    """How wide the networks are."""

    unet: tuple[int, ...] = (8, 16, 32, 32)
    norm_groups: int = 4
    codec: tuple[int, ...] = (4, 8, 16, 16)
    hearing: int = 32
    parser: tuple[int, ...] = (8, 8, 16, 32, 64)
    words: int = 64


TINY = Widths()
FULL = Widths((320, 640, 1280, 1280), 32, (128, 256, 512, 512), 384, (64, 64, 128, 256, 512), 51865)


def unet_config(widths: Widths) -> dict[str, Any]:
    """As ``musetalk.json``."""
    return {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.6.0.dev0",
        "act_fn": "silu",
        "attention_head_dim": 8,
        "block_out_channels": list(widths.unet),
        "center_input_sample": False,
        "cross_attention_dim": widths.hearing,
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 8,
        "layers_per_block": 2,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": widths.norm_groups,
        "out_channels": 4,
        "sample_size": 64,
    }


def codec_config(widths: Widths) -> dict[str, Any]:
    """As sd-vae-ft-mse's."""
    return {
        "_class_name": "AutoencoderKL",
        "_diffusers_version": "0.4.2",
        "act_fn": "silu",
        "block_out_channels": list(widths.codec),
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": widths.norm_groups,
        "sample_size": 256,
    }


def whisper_config(widths: Widths) -> dict[str, Any]:
    """As whisper-tiny's, as far as networks depend on it."""
    heads = 6 if widths is FULL else 2
    return {
        "d_model": widths.hearing,
        "encoder_layers": 4,
        "decoder_layers": 4,
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_ffn_dim": 4 * widths.hearing,
        "decoder_ffn_dim": 4 * widths.hearing,
        "num_mel_bins": 80,
        "vocab_size": widths.words,
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), widths.words - 1),
        "decoder_start_token_id": widths.words - 2,
    }


def codec_weights(widths: Widths, seed: int) -> dict[str, Tensor]:
    """Of the picture codec, by today's names."""
    return _random(lambda: AutoencoderKL.from_config(codec_config(widths)), seed)


def old_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same by the names of the published ``.bin``."""
    named = {}
    for key, values in state.items():
        for new, old in OLD_ATTENTION.items():
            if ".attentions." in key:
                key = key.replace(f".{new}.", f".{old}.")
        named[key] = values
    return named


def write_codec(folder: Path, widths: Widths, seed: int, *, old: bool = False) -> None:
    """``sd-vae/`` in one of its two spellings."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(codec_config(widths)))
    state = codec_weights(widths, seed)
    if old:
        torch.save(old_names(state), folder / "diffusion_pytorch_model.bin")
    else:
        save_file(state, folder / "diffusion_pytorch_model.safetensors")


def write_whisper(folder: Path, widths: Widths, seed: int, *, old: bool = False) -> None:
    """``whisper/`` in the layout of transformers."""
    folder.mkdir(parents=True)
    config = whisper_config(widths)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80}))
    bare = _random(lambda: WhisperModel(WhisperConfig(**config)), seed)
    state = {f"model.{key}": values for key, values in bare.items()}
    if old:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors")


def write_parser(path: Path, widths: Widths, seed: int) -> None:
    """The face parser's ``79999_iter.pth``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = _random(lambda: FaceParser(widths.parser), seed)
    torch.save(state, path)


def write_musetalk(
    folder: Path, widths: Widths = TINY, seed: int = 7, *, old: bool = False, parser: bool = True
) -> Path:
    """All of MuseTalk 1.5."""
    unet = folder / "musetalkV15"
    unet.mkdir(parents=True)
    (unet / "musetalk.json").write_text(json.dumps(unet_config(widths)))
    torch.save(
        _random(lambda: UNet2DConditionModel.from_config(unet_config(widths)), seed),
        unet / "unet.pth",
    )
    write_codec(folder / "sd-vae", widths, seed + 1, old=old)
    write_whisper(folder / "whisper", widths, seed + 2, old=old)
    if parser:
        write_parser(folder / "face-parse-bisent" / "79999_iter.pth", widths, seed + 3)
    return folder


def latentsync_widths(widths: Widths) -> latentsync.Widths:
    """Of LatentSync's U-Net."""
    return latentsync.Widths(widths.unet, widths.hearing)


def latentsync_weights(widths: Widths, seed: int) -> dict[str, Tensor]:
    """Of LatentSync's U-Net. Its tables of places are what they are in every checkpoint."""
    state = _random(lambda: latentsync.ClipUNet(latentsync_widths(widths)), seed)
    for key, table in state.items():
        if key.endswith(".pe"):
            table.copy_(table_of_places(*table.shape[1:]))
    return state


def table_of_places(places: int, width: int) -> Tensor:
    """Sines in even columns, cosines in odd ones."""
    angle = torch.arange(places)[:, None] * 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.stack([angle.sin(), angle.cos()], dim=2).reshape(1, places, width)


def openai_whisper(widths: Widths, seed: int) -> dict[str, Any]:
    """``tiny.pt``: names, shapes and the 16 bits of OpenAI's file."""
    width, heads = widths.hearing, whisper_config(widths)["encoder_attention_heads"]
    dims = {
        "n_mels": 80, "n_vocab": widths.words, "n_audio_ctx": 1500, "n_audio_state": width, "n_audio_head": heads,
        "n_audio_layer": 4, "n_text_ctx": 448, "n_text_state": width, "n_text_head": heads, "n_text_layer": 4,
    }  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {}

    def linear(name: str, inputs: int, outputs: int, *, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    def norm(name: str) -> None:
        shapes.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    for side in ("encoder", "decoder"):
        for layer in range(4):
            block = f"{side}.blocks.{layer}"
            for attention in ("attn", "cross_attn")[: 1 if side == "encoder" else 2]:
                for part in ("query", "key", "value", "out"):
                    linear(f"{block}.{attention}.{part}", width, width, bias=part != "key")
                norm(f"{block}.{attention}_ln")
            linear(f"{block}.mlp.0", width, 4 * width)
            linear(f"{block}.mlp.2", 4 * width, width)
            norm(f"{block}.mlp_ln")
    shapes["encoder.positional_embedding"] = (1500, width)
    for name, inputs in (("conv1", 80), ("conv2", width)):
        shapes[f"encoder.{name}.weight"] = (width, inputs, 3)
        shapes[f"encoder.{name}.bias"] = (width,)
    norm("encoder.ln_post")
    shapes["decoder.token_embedding.weight"] = (widths.words, width)
    shapes["decoder.positional_embedding"] = (448, width)
    norm("decoder.ln")
    draw = torch.Generator().manual_seed(seed)
    state = {
        key: (torch.randn(shape, generator=draw) * 0.1).half() for key, shape in shapes.items()
    }
    return {"dims": dims, "model_state_dict": state}


def write_latentsync(
    folder: Path, widths: Widths = TINY, seed: int = 17, *, old: bool = False
) -> Path:
    """All of LatentSync 1.5 or 1.6, whose files are alike."""
    (folder / "whisper").mkdir(parents=True)
    checkpoint = {"global_step": 1, "state_dict": latentsync_weights(widths, seed)}
    torch.save(checkpoint, folder / "latentsync_unet.pt")
    torch.save(openai_whisper(widths, seed + 1), folder / "whisper" / "tiny.pt")
    write_codec(folder / "sd-vae", widths, seed + 2, old=old)
    return folder


_LARGE = 50_000_000


def _normal(like: Tensor, draw: torch.Generator) -> Tensor:
    if not like.is_floating_point():
        return torch.zeros(like.shape, dtype=like.dtype)
    return torch.empty(like.shape).normal_(0, 0.02, generator=draw)


def _random(make: Any, seed: int) -> dict[str, Tensor]:
    """Numbers as a fresh network has them; of a large one quicker ones, for its own take a minute."""
    with torch.device("meta"):
        shapes = make().state_dict()
    if sum(values.numel() for values in shapes.values()) > _LARGE:
        draw = torch.Generator().manual_seed(seed)
        return {key: _normal(values, draw) for key, values in shapes.items()}
    torch.manual_seed(seed)
    model = make()
    return {key: values.detach().clone().contiguous() for key, values in model.state_dict().items()}
