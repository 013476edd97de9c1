"""Where words are known (``scribe``), they sharpen the lips: what was said tells which contacts there must be.

The acoustic model hears when the lips could be closed; words say whether they are. Both are put together as odds: near a
place where a word has b, p or m a contact becomes likelier, elsewhere in the word less likely. The time stays that of the
sound, since Whisper's own times are rough (some 50 to 100 ms): what one word expects is expected beyond its ends too.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.speech.acoustic import Heard
from pipeline.speech.spelling import Kind, contacts_of
from pipeline.types import CURVE_RATE_HZ, Word

_LIKELIER: Final = 2.0
_UNLIKELIER: Final = 2.0
"""Change of the log odds at the middle of an expected contact, and in the rest of the word."""
_SHARE: Final = 0.16
_LEAST_S: Final = 0.08
"""Sigma of the expectation: a share of the word's length, but at least as much as Whisper's times are off."""
_SURE_OF_WORD: Final = 0.5
"""Words that Whisper itself believes less are not used."""


def sharpen(heard: Heard, words: Sequence[Word], language: str) -> Heard:
    """Weigh the contacts that were heard with those that the words have.

    Returns:
        What was heard, with other ``closure`` and ``teeth``; unchanged outside words whose sounds are known.
    """
    frames = len(heard.closure)
    known = np.zeros(frames, np.bool_)
    near: dict[Kind, NDArray[np.float32]] = {
        "closure": np.zeros(frames, np.float32),
        "teeth": np.zeros(frames, np.float32),
    }
    for word in words:
        contacts = contacts_of(word.text, language) if word.probability >= _SURE_OF_WORD else None
        if contacts is None:
            continue
        first, last = _frames(word, frames)
        known[first:last] = True
        for contact in contacts:
            _expect(near[contact.kind], word, contact.place)
    return replace(
        heard,
        closure=_moved(heard.closure, near["closure"], known),
        teeth=_moved(heard.teeth, near["teeth"], known),
    )


def _frames(word: Word, frames: int) -> tuple[int, int]:
    first = math.floor(word.start_s * CURVE_RATE_HZ)
    last = math.ceil(word.end_s * CURVE_RATE_HZ)
    return min(max(first, 0), frames), min(max(last, 0), frames)


def _expect(near: NDArray[np.float32], word: Word, place: float) -> None:
    """Put one contact, 1.0 at its middle, into what is expected of a Take, (n,), in place."""
    length_s = word.end_s - word.start_s
    middle_s = word.start_s + place * length_s
    sigma_s = max(_SHARE * length_s, _LEAST_S)
    first = max(0, math.floor((middle_s - 3 * sigma_s) * CURVE_RATE_HZ))
    last = max(first, math.ceil((middle_s + 3 * sigma_s) * CURVE_RATE_HZ))
    seconds = np.arange(first, min(last, len(near))) / CURVE_RATE_HZ
    shape = np.exp(-0.5 * ((seconds - middle_s) / sigma_s) ** 2)
    near[first:last] = np.maximum(near[first:last], shape)


def _moved(
    probability: NDArray[np.float32], near: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Change the odds where the words are known; all arrays are (n,)."""
    kept = np.clip(probability, 1e-6, 1 - 1e-6)
    odds = np.log(kept / (1 - kept)) + near * (_LIKELIER + _UNLIKELIER) - _UNLIKELIER
    return np.asarray(np.where(known, 1 / (1 + np.exp(-odds)), probability), np.float32)
