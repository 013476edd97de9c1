"""Whisper's encoder as an ear: all of its states, fifty times a second.

MuseTalk and LatentSync were taught with different ears: how pieces are cut, what lies behind their end and whether the last
state is normalised differ, and matter.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.loading import fill, on_meta, read_config, read_state
from pipeline.engines.neural.place import Place, is_out_of_memory
from pipeline.engines.neural.sound import RATE_HZ, steps_of
from pipeline.errors import WeightsAltered
from pipeline.types import Samples

PIECE_SAMPLES: Final = 30 * RATE_HZ
PIECE_FRAMES: Final = 3000
_FFT: Final = 400
_HOP: Final = 160
"""Samples from one frame of the spectrogram to the next."""
_LEAST: Final = 1e-10
_RANGE: Final = 8.0
"""Tens of decibels below the loudest, and no less."""
_PIECES_AT_ONCE: Final = 4
"""On a GPU, two minutes: the memory is the same for an hour. On a processor more at once is not faster."""
_TIED: Final = "proj_out.weight"
"""A copy of the decoder's embeddings that some files hold; never used here."""

States = NDArray[np.float32]
"""(steps, layers + 1, width)."""


def load_encoder(config: Path, weights: Path) -> nn.Module:
    """Load the encoder from files in the layout of transformers; raises WeightsAltered."""
    told = read_config(config)
    model = on_meta(lambda: WhisperModel(WhisperConfig(**told)), config, "Whisper")
    state = {key: value for key, value in read_state(weights).items() if key != _TIED}
    bare = {key.removeprefix("model."): value for key, value in state.items()}
    whole: Any = fill(model, bare, weights)
    encoder: nn.Module = whole.encoder
    return encoder


def load_openai_encoder(weights: Path) -> nn.Module:
    """Load the encoder from a file in OpenAI's own layout, which tells its sizes itself; raises WeightsAltered."""
    told = read_state(weights)
    dims, state = told.get("dims"), told.get("model_state_dict")
    if not isinstance(dims, dict) or not isinstance(state, dict):
        raise WeightsAltered(
            f"{weights} is no Whisper in OpenAI's layout: it holds no dims and model_state_dict."
        )
    # The last state is wanted as the last layer gives it, so what normalises it is not asked: see WholeEar.
    model = on_meta(lambda: WhisperModel(_config_of(dims)), weights, "Whisper")
    whole: Any = fill(model, state, weights, _openai_name)
    encoder: nn.Module = whole.encoder.float()  # the published file is of 16 bits
    return encoder


def _config_of(dims: Mapping[str, Any]) -> WhisperConfig:
    width = int(dims["n_audio_state"])
    return WhisperConfig(
        d_model=width,
        num_mel_bins=int(dims["n_mels"]),
        max_source_positions=int(dims["n_audio_ctx"]),
        encoder_layers=int(dims["n_audio_layer"]),
        encoder_attention_heads=int(dims["n_audio_head"]),
        encoder_ffn_dim=4 * width,
        decoder_layers=int(dims["n_text_layer"]),
        decoder_attention_heads=int(dims["n_text_head"]),
        decoder_ffn_dim=4 * width,
        max_target_positions=int(dims["n_text_ctx"]),
        vocab_size=int(dims["n_vocab"]),
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), int(dims["n_vocab"]) - 1),
        decoder_start_token_id=int(dims["n_vocab"]) - 2,
    )


_OPENAI: Final = (
    (".layers.", ".blocks."),
    ("encoder_attn_layer_norm.", "cross_attn_ln."),
    ("self_attn_layer_norm.", "attn_ln."),
    ("encoder_attn.", "cross_attn."),
    ("self_attn.", "attn."),
    (".q_proj.", ".query."),
    (".k_proj.", ".key."),
    (".v_proj.", ".value."),
    (".out_proj.", ".out."),
    (".fc1.", ".mlp.0."),
    (".fc2.", ".mlp.2."),
    (".final_layer_norm.", ".mlp_ln."),
    ("encoder.layer_norm.", "encoder.ln_post."),
    ("decoder.layer_norm.", "decoder.ln."),
    ("embed_positions.weight", "positional_embedding"),
    ("embed_tokens.", "token_embedding."),
)
"""What transformers calls as in the first, and OpenAI's files as in the second; in this order."""


def _openai_name(key: str) -> str:
    for own, theirs in _OPENAI:
        key = key.replace(own, theirs)
    return key


class Encoder:
    """The encoder, on some pieces of 30 s at once: on fewer where the memory does not suffice, on the processor where not even one fits."""

    def __init__(self, model: nn.Module, place: Place) -> None:
        """``model`` is brought to the place, and stays in 32 bits: it is small."""
        self._model: Any = model
        self._told: list[str] = []
        self._call = self._at(place)
        config = self._model.config
        self.layers = int(config.encoder_layers) + 1
        self.width = int(config.d_model)
        self.bands = int(config.num_mel_bins)

    @property
    def notes(self) -> list[str]:
        """What an operator should know."""
        return [*self._told, *self._call.notes]

    @property
    def at_once(self) -> int:
        """Pieces that go through at once."""
        return self._call.rows

    def states(self, mels: Tensor) -> States:
        """Give all states of spectrograms (n, bands, 3000): (n, 1500, layers, width).

        Raises:
            RuntimeError: Not even the processor has room.
        """
        try:
            return self._run(mels)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not self._place.on_gpu:
                raise
        self._told = [
            *self.notes,
            f"The memory of {self._place.device} does not suffice to hear; the ear goes on on the processor.",
        ]
        self._call = self._at(Place(torch.device("cpu"), torch.float32))
        return self._run(mels)

    def warm(self, *, shrinks: bool) -> None:
        """Hear something, so that the first recording need not wait for it; without ``shrinks`` raises where that finds no room."""
        something = torch.zeros(self.at_once, self.bands, PIECE_FRAMES)
        if shrinks:
            self.states(something)
        else:
            self._run(something, shrinks=False)

    def _run(self, mels: Tensor, *, shrinks: bool = True) -> States:
        told = self._call.run(mels, shrinks=shrinks)
        return np.concatenate([states.cpu().numpy() for states in told])

    def _at(self, place: Place) -> FixedCall[Tensor]:
        self._place = place
        self._model.to(place.device)
        pieces = _PIECES_AT_ONCE if place.on_gpu else 1
        return FixedCall(self._encode, place, pieces, what="pieces of 30 s")

    def _encode(self, mels: Tensor) -> Tensor:
        told = self._model(mels, output_hidden_states=True)
        return torch.stack(told.hidden_states, dim=2)


class PieceEar:
    """MuseTalk's: each 30 s by itself, silence behind its end, the last state normalised. ``hear`` may be called by one thread at a time."""

    def __init__(self, encoder: nn.Module, place: Place) -> None:
        """``place`` is of 32 bits."""
        self.encoder = Encoder(encoder, place)
        self.layers, self.width = self.encoder.layers, self.encoder.width
        self._extractor = WhisperFeatureExtractor(feature_size=self.encoder.bands)

    def hear(self, samples: Samples) -> Iterator[States]:
        """Yield the states of a recording (mono, 16 kHz), piece after piece; together as many as ``steps_of`` tells."""
        pieces = [samples[at : at + PIECE_SAMPLES] for at in range(0, len(samples), PIECE_SAMPLES)]
        left = steps_of(len(samples))
        while pieces:
            some, pieces = pieces[: self.encoder.at_once], pieces[self.encoder.at_once :]
            for states in self.encoder.states(torch.cat([self._mel(piece) for piece in some])):
                kept = states[:left]
                left -= len(kept)
                yield kept

    def _mel(self, piece: Samples) -> Tensor:
        # Each by itself: the extractor's floor under the logarithm is that of the loudest in what it gets.
        told = self._extractor([piece], sampling_rate=RATE_HZ, return_tensors="pt")
        mel: Tensor = told.input_features
        return mel


class WholeEar:
    """LatentSync's: a recording's loudest place is the measure for all of it, nothing lies behind its end, the last state is as it comes.

    ``hear`` may be called by one thread at a time.
    """

    def __init__(self, encoder: nn.Module, place: Place) -> None:
        """``place`` is of 32 bits; what normalises the encoder's last state is taken out."""
        encoder.layer_norm = nn.Identity()
        self.encoder = Encoder(encoder, place)
        self.layers, self.width = self.encoder.layers, self.encoder.width
        extractor = WhisperFeatureExtractor(feature_size=self.encoder.bands)
        self._bands = torch.from_numpy(extractor.mel_filters.T).float()  # (bands, 201)

    def hear(self, samples: Samples) -> Iterator[States]:
        """Yield the states of a recording (mono, 16 kHz), piece after piece; together as many as ``steps_of`` tells."""
        loud = self._loudness(samples)
        if not loud.shape[1]:
            return
        mel = loud.clamp_(min=float(loud.max()) - _RANGE).add_(4).div_(4)
        pieces = list(mel.split(PIECE_FRAMES, dim=1))
        while pieces:
            some, pieces = pieces[: self.encoder.at_once], pieces[self.encoder.at_once :]
            whole = torch.stack([_filled_up(piece) for piece in some])
            for piece, states in zip(some, self.encoder.states(whole), strict=True):
                yield states[: piece.shape[1] // 2]

    def _loudness(self, samples: Samples) -> Tensor:
        """Give the logarithm of each band's power, (bands, frames), a hundred times a second; half a minute at a time, for its memory."""
        frames = len(samples) // _HOP
        if not frames:
            return torch.zeros(len(self._bands), 0)
        hann = torch.hann_window(_FFT)
        bands = torch.empty(len(self._bands), frames)
        for first in range(0, frames, PIECE_FRAMES):
            count = min(PIECE_FRAMES, frames - first)
            begin = first * _HOP - _FFT // 2
            some = _mirrored(samples, begin, begin + (count - 1) * _HOP + _FFT)
            waves = torch.stft(some, _FFT, _HOP, window=hann, center=False, return_complex=True)
            loud = (self._bands @ waves.abs().square()).clamp(min=_LEAST).log10()
            bands[:, first : first + count] = loud
        return bands


def _filled_up(piece: Tensor) -> Tensor:
    return functional.pad(piece, (0, PIECE_FRAMES - piece.shape[1]))  # 0.0, not silence


def _mirrored(samples: Samples, begin: int, end: int) -> Tensor:
    """Take a part that may reach beyond the ends of a recording, by less than its length: it is mirrored there."""
    inside = samples[max(begin, 0) : end]
    missing = (max(-begin, 0), max(end - len(samples), 0))
    return torch.from_numpy(np.pad(inside, missing, mode="reflect"))
