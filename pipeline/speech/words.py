"""Where Whisper's weights are installed, its words sharpen the lips: what was said tells which contacts there must be.

The acoustic model hears when the lips could be closed; words say whether they are. Both are put together as odds: near a
place where a word has b, p or m a contact becomes likelier, elsewhere in the word less likely. The time stays that of the
sound, since Whisper's own times are rough (some 50 to 100 ms).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.acoustic import Heard
from pipeline.speech.spelling import contacts_of
from pipeline.types import CURVE_RATE_HZ, Samples

WEIGHTS: Final = "faster-whisper"
"""Folder of the weights, in the folder of all weights."""
FILES: Final = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer faster-whisper would fetch one."""

_LIKELIER: Final = 2.0
_UNLIKELIER: Final = 2.0
"""Change of the log odds at the middle of an expected contact, and in the rest of the word."""
_SHARE: Final = 0.16
_LEAST_S: Final = 0.05
"""Sigma of the expectation: a share of the word's length, but at least this."""
_SURE_OF_WORD: Final = 0.5
"""Words that Whisper itself believes less are not used."""


@dataclass(frozen=True)
class Word:
    """One word, and when it is said."""

    text: str
    start_s: float
    end_s: float
    probability: float = 1.0


def installed(models: Path | None) -> Path | None:
    """Find Whisper's weights in the folder of all weights; None where they are not, or not whole."""
    if models is None:
        return None
    folder = models / WEIGHTS
    return folder if all((folder / name).is_file() for name in FILES) else None


def transcribe(samples: Samples, weights: Path) -> tuple[str, list[Word]]:
    """Let Whisper write down a Take.

    Args:
        samples: (n,) mono, 16 kHz.
        weights: A folder of faster-whisper (CTranslate2) weights.

    Returns:
        The language (ISO 639-1) and the words in order.
    """
    from faster_whisper import WhisperModel  # noqa: PLC0415 - 0.2 s, and only where weights are

    model: Any = WhisperModel(
        str(weights), device="cpu", compute_type="int8", local_files_only=True
    )
    # One try, greedily: the same Take gives the same words, and nonsense does not take six times as long.
    segments, about = model.transcribe(
        samples,
        word_timestamps=True,
        vad_filter=True,
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
    )
    words = [
        Word(word.word.strip(), float(word.start), float(word.end), float(word.probability))
        for segment in segments
        for word in segment.words or ()
    ]
    return str(about.language), words


def sharpen(heard: Heard, words: Sequence[Word], language: str) -> Heard:
    """Weigh the contacts that were heard with those that the words have.

    Returns:
        What was heard, with other ``closure`` and ``teeth``; unchanged outside words whose sounds are known.
    """
    frames = len(heard.closure)
    change = {kind: np.zeros(frames, np.float32) for kind in ("closure", "teeth")}
    for word in words:
        contacts = contacts_of(word.text, language) if word.probability >= _SURE_OF_WORD else None
        if contacts is None:
            continue
        first, last = _frames(word, frames)
        for kind, row in change.items():
            places = [contact.place for contact in contacts if contact.kind == kind]
            row[first:last] = _expectation(word, places, first, last)
    return replace(
        heard,
        closure=_moved(heard.closure, change["closure"]),
        teeth=_moved(heard.teeth, change["teeth"]),
    )


def _frames(word: Word, frames: int) -> tuple[int, int]:
    first = math.floor(word.start_s * CURVE_RATE_HZ)
    last = math.ceil(word.end_s * CURVE_RATE_HZ)
    return min(max(first, 0), frames), min(max(last, 0), frames)


def _expectation(word: Word, places: Sequence[float], first: int, last: int) -> NDArray[np.float32]:
    """Draw the change of the log odds over one word: (last - first,)."""
    seconds = np.arange(first, last) / CURVE_RATE_HZ
    length_s = word.end_s - word.start_s
    sigma_s = max(_SHARE * length_s, _LEAST_S)
    near = np.zeros(len(seconds))
    for place in places:
        middle_s = word.start_s + place * length_s
        near = np.maximum(near, np.exp(-0.5 * ((seconds - middle_s) / sigma_s) ** 2))
    return np.asarray(near * (_LIKELIER + _UNLIKELIER) - _UNLIKELIER, np.float32)


def _moved(probability: NDArray[np.float32], change: NDArray[np.float32]) -> NDArray[np.float32]:
    kept = np.clip(probability, 1e-6, 1 - 1e-6)
    odds = np.log(kept / (1 - kept)) + change
    return np.asarray(np.where(change == 0, probability, 1 / (1 + np.exp(-odds))), np.float32)
