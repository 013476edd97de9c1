"""Where Whisper's weights are installed, its words sharpen the lips: what was said tells which contacts there must be.

The acoustic model hears when the lips could be closed; words say whether they are. Both are put together as odds: near a
place where a word has b, p or m a contact becomes likelier, elsewhere in the word less likely. The time stays that of the
sound, since Whisper's own times are rough (some 50 to 100 ms): what one word expects is expected beyond its ends too.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.captions.scripts import kind_of
from pipeline.errors import WeightsBroken
from pipeline.speech.acoustic import Heard
from pipeline.speech.loudness import RATE_HZ
from pipeline.speech.spelling import Kind, contacts_of
from pipeline.types import CURVE_RATE_HZ, Samples, Word

WEIGHTS: Final = "faster-whisper"
"""Folder of the weights, in the folder of all weights."""
FILES: Final = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer faster-whisper would fetch one."""

_WITHOUT_SPACES: Final = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
"""Where these are spoken, Whisper's words are its tokens."""
_LIKELIER: Final = 2.0
_UNLIKELIER: Final = 2.0
"""Change of the log odds at the middle of an expected contact, and in the rest of the word."""
_SHARE: Final = 0.16
_LEAST_S: Final = 0.08
"""Sigma of the expectation: a share of the word's length, but at least as much as Whisper's times are off."""
_SURE_OF_WORD: Final = 0.5
"""Words that Whisper itself believes less are not used."""


def installed(models: Path | None) -> Path | None:
    """Find Whisper's weights in the folder of all weights; None where they are not, or not whole."""
    if models is None:
        return None
    folder = models / WEIGHTS
    return folder if all((folder / name).is_file() for name in FILES) else None


def transcribe(
    samples: Samples, weights: Path, heard_until: Callable[[float], None] = lambda _second: None
) -> tuple[str, list[Word]]:
    """Let Whisper write down a Take.

    Args:
        samples: (n,) mono, 16 kHz.
        weights: A folder of faster-whisper (CTranslate2) weights.
        heard_until: Told, every few seconds of speech, how far it has got; what it raises is passed on.

    Returns:
        The language (ISO 639-1) and the words in order.

    Raises:
        WeightsBroken: They cannot be loaded or run.
    """
    with _broken_if_it_fails():
        language, segments = _segments(samples, weights, only_speech=True)
    words: list[Word] = []
    while True:
        with _broken_if_it_fails():
            segment = next(segments, None)
        if segment is None:
            return language, words
        tokens = [
            Word(word.word, float(word.start), float(word.end), float(word.probability))
            for word in segment.words or ()
        ]
        words += _whole(tokens, torn=language in _WITHOUT_SPACES)
        heard_until(float(segment.end))


def try_out(weights: Path) -> None:
    """Load weights and run them once; raises WeightsBroken."""
    noise = np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    with _broken_if_it_fails():
        list(_segments(noise, weights, only_speech=False)[1])


@contextmanager
def _broken_if_it_fails() -> Iterator[None]:
    try:
        yield
    # What broken files make of it: RuntimeError, ValueError, KeyError, a bare Exception of the tokenizer's.
    except Exception as error:
        raise WeightsBroken(f"{type(error).__name__}: {error}") from error


def _segments(samples: Samples, weights: Path, *, only_speech: bool) -> tuple[str, Iterator[Any]]:
    from faster_whisper import WhisperModel  # noqa: PLC0415 - 0.2 s, and only where weights are

    model: Any = WhisperModel(
        str(weights), device="cpu", compute_type="int8", local_files_only=True
    )
    # One try, greedily: the same Take gives the same words, and nonsense does not take six times as long.
    segments, about = model.transcribe(
        samples,
        word_timestamps=True,
        vad_filter=only_speech,
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
    )
    return str(about.language), iter(segments)


def _whole(tokens: Sequence[Word], *, torn: bool) -> list[Word]:
    """Take spaces away, and put Latin words together where words are as torn as tokens: "Ch" and "orus"."""
    whole: list[Word] = []
    for word in tokens:
        text = word.text.strip()
        if torn and whole and text and not word.text[0].isspace() and _one(whole[-1].text, text):
            first = whole[-1]
            probability = min(first.probability, word.probability)
            whole[-1] = Word(first.text + text, first.start_s, word.end_s, probability)
        elif text:
            whole.append(replace(word, text=text))
    return whole


def _one(before: str, behind: str) -> bool:
    """Whether two texts without a space between them are one word: both letters there are of a script with spaces."""
    letters = (before[-1], behind[0])
    return all(letter.isalnum() and kind_of(letter) == "other" for letter in letters)


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
