"""A Whisper of random weights: as big as a grain, as whole as the real one. It writes nonsense, through all the real code.

It is made once by a process, and copied.
"""

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import whisper_spec
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

_WIDTH = 32
_TEXT_TOKENS = 50_257
_TOKENS = 51_865
_LANGUAGES = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt
la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc
ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su
"""
_AFTER_LANGUAGES = (
    "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
)  # fmt: skip


def write_whisper(folder: Path) -> None:
    """Write a folder that faster-whisper opens without a network."""
    shutil.copytree(_made(), folder)


@cache
def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="chorus-whisper-"))
    atexit.register(shutil.rmtree, folder)
    tokenizer = _tokenizer()
    model = _model(np.random.default_rng(1))
    model.register_vocabulary([tokenizer.id_to_token(index) for index in range(_TOKENS)])
    first_language = tokenizer.token_to_id("<|en|>")
    model.config.suppress_ids = []
    model.config.suppress_ids_begin = []
    model.config.lang_ids = list(range(first_language, first_language + len(_LANGUAGES.split())))
    model.config.alignment_heads = [(0, 0), (1, 1)]
    model.validate()
    model.optimize("int8")
    model.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80}))
    return folder


def _tokenizer() -> Tokenizer:
    """Bytes, filler, the empty token that tells the library of many languages, and Whisper's own marks in their order."""
    texts = sorted(ByteLevel.alphabet())
    texts += [f"~{index}" for index in range(_TEXT_TOKENS - 1 - len(texts))]
    tokenizer = Tokenizer(BPE({text: index for index, text in enumerate([*texts, ""])}, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    marks = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{name}|>" for name in _LANGUAGES.split()),
    ]
    times = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
    tokenizer.add_special_tokens(
        [AddedToken(mark, special=True) for mark in (*marks, *_AFTER_LANGUAGES, *times)]
    )
    assert tokenizer.get_vocab_size() == _TOKENS
    return tokenizer


def _model(generator: np.random.Generator) -> whisper_spec.WhisperSpec:
    def noise(*shape: int) -> np.ndarray:
        return (0.05 * generator.standard_normal(shape)).astype(np.float32)

    def linear(layer: Any, outputs: int, inputs: int) -> None:
        layer.weight, layer.bias = noise(outputs, inputs), np.zeros(outputs, np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(_WIDTH, np.float32), np.zeros(_WIDTH, np.float32)

    def attention(layer: Any, *rows: int) -> None:
        norm(layer.layer_norm)
        for part, count in zip(layer.linear, rows, strict=True):
            linear(part, count * _WIDTH, _WIDTH)

    def feed_forward(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * _WIDTH, _WIDTH)
        linear(layer.linear_1, _WIDTH, 4 * _WIDTH)

    model = whisper_spec.WhisperSpec(2, 2, 2, 2)
    encoder, decoder = model.encoder, model.decoder
    encoder.conv1.weight, encoder.conv1.bias = noise(_WIDTH, 80, 3), noise(_WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = noise(_WIDTH, _WIDTH, 3), noise(_WIDTH)
    encoder.position_encodings.encodings = noise(1500, _WIDTH)
    decoder.position_encodings.encodings = noise(448, _WIDTH)
    decoder.embeddings.weight = noise(_TOKENS, _WIDTH)
    decoder.projection.weight = noise(_TOKENS, _WIDTH)
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in (*encoder.layer, *decoder.layer):
        attention(layer.self_attention, 3, 1)
        feed_forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.attention, 1, 2, 1)
    return model
