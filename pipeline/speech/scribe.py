"""Whisper, resident: opened once, it writes down any number of Takes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipeline.captions.scripts import kind_of
from pipeline.errors import WeightsBroken
from pipeline.speech.loudness import RATE_HZ
from pipeline.types import Hear, Said, Samples, Word

WEIGHTS: Final = "faster-whisper"
"""Folder of the weights, in the folder of all weights."""
FILES: Final = ("model.bin", "config.json", "tokenizer.json")
"""Without its tokenizer faster-whisper would fetch one."""

CPU: Final = "cpu"
_COMPUTE_TYPES: Final = {CPU: "int8", "cuda": "float16"}
_WITHOUT_SPACES: Final = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
"""Where these are spoken, Whisper's words are its tokens."""


class Scribe:
    """Whisper's weights in memory. For one thread at a time; all methods may raise WeightsBroken.

    On a GPU that CTranslate2 cannot use (a library of CUDA is missing, its memory is full), or can no longer use, it goes on
    on the CPU and has a note about it.
    """

    def __init__(self, weights: Path, device: str = CPU) -> None:
        """Load a folder of faster-whisper (CTranslate2) weights; ``device`` is ``cpu`` or ``cuda``."""
        self.device = device
        """Where they run."""
        self.loads = 0
        """How often they were loaded."""
        self.notes: tuple[str, ...] = ()
        """What an operator should know, a sentence each."""
        self._weights = weights
        self._model: Any = None
        try:
            self._load()
            if device != CPU:  # only what runs shows that libraries are missing
                self.try_out()
        except WeightsBroken as error:
            if device == CPU:
                raise
            self._leave_gpu(error)

    def transcribe(
        self, samples: Samples, heard_until: Callable[[float], None] = lambda _second: None
    ) -> Said:
        """Write down a Take.

        Args:
            samples: (n,) mono, 16 kHz.
            heard_until: Told, every few seconds of speech, how far it has got; what it raises is passed on.
        """
        try:
            return self._said(samples, heard_until)
        except WeightsBroken as error:
            if self.device == CPU:
                raise
            self._leave_gpu(error)
            return self._said(samples, heard_until)

    def try_out(self) -> None:
        """Run them once."""
        noise = np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
        with _broken_if_it_fails():
            list(self._segments(noise, only_speech=False)[1])

    def _said(self, samples: Samples, heard_until: Callable[[float], None]) -> Said:
        with _broken_if_it_fails():
            language, segments = self._segments(samples, only_speech=True)
        words: list[Word] = []
        while True:
            with _broken_if_it_fails():
                segment = next(segments, None)
            if segment is None:
                return Said(language, tuple(words))
            tokens = [
                Word(word.word, float(word.start), float(word.end), float(word.probability))
                for word in segment.words or ()
            ]
            words += _whole(tokens, torn=language in _WITHOUT_SPACES)
            heard_until(float(segment.end))

    def _segments(self, samples: Samples, *, only_speech: bool) -> tuple[str, Iterator[Any]]:
        # One try, greedily: the same Take gives the same words, and nonsense does not take six times as long.
        segments, about = self._model.transcribe(
            samples,
            word_timestamps=True,
            vad_filter=only_speech,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return str(about.language), iter(segments)

    def _load(self) -> None:
        with _broken_if_it_fails():
            from faster_whisper import WhisperModel  # noqa: PLC0415 - 0.2 s, and only where weights are

            self._model = WhisperModel(
                str(self._weights),
                device=self.device,
                compute_type=_COMPUTE_TYPES[self.device],
                local_files_only=True,
            )
        self.loads += 1

    def _leave_gpu(self, error: WeightsBroken) -> None:
        self._model = None  # its room first
        self.device = CPU
        self._load()
        self.notes = (f"Whisper runs on the CPU, for it could not run on the GPU ({error}).",)


def installed(models: Path | None) -> Path | None:
    """Find Whisper's weights in the folder of all weights; None where they are not, or not whole."""
    if models is None:
        return None
    folder = models / WEIGHTS
    return folder if all((folder / name).is_file() for name in FILES) else None


def hearing(models: Path | None) -> Hear | None:
    """Hear with the weights in the folder of all weights, loaded whenever they are needed; None where there are none."""
    weights = installed(models)
    if weights is None:
        return None
    return lambda samples, heard_until: Scribe(weights).transcribe(samples, heard_until)


def try_out(weights: Path) -> None:
    """Load weights and run them once; raises WeightsBroken."""
    Scribe(weights).try_out()


@contextmanager
def _broken_if_it_fails() -> Iterator[None]:
    try:
        yield
    # What broken files make of it: RuntimeError, ValueError, KeyError, a bare Exception of the tokenizer's.
    except Exception as error:
        raise WeightsBroken(f"{type(error).__name__}: {error}") from error


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
