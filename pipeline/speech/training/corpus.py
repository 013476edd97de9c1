"""The corpus: sentences of all voices, through many channels, in one file."""

import logging
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.speech.training import voices
from pipeline.speech.training.examples import Example, example
from pipeline.speech.training.synthesis import Spoken, Voice, speak
from pipeline.speech.training.texts import sentence

_log = logging.getLogger(__name__)

_LENGTHS_S: Final = (1.0, 15.0)
"""Shorter or longer sentences are slips of a synthesiser."""
_RATES: Final = (120, 230)
"""Words a minute."""
_PITCHES: Final = (10, 95)


def sentences(recorded: int, espeak: int, generator: np.random.Generator) -> Iterator[Spoken]:
    """Let all teachers speak: so many sentences of each recorded voice and of each language of eSpeak NG."""
    for voice in voices.RECORDED:
        yield from _said_by(voice, recorded, generator)
    yield from said_in(voices.ESPEAK, voices.VARIANTS, espeak, generator)


def said_in(
    languages: Mapping[str, str],
    variants: Sequence[str],
    count: int,
    generator: np.random.Generator,
) -> Iterator[Spoken]:
    """Let eSpeak NG speak languages, each sentence with a variant, speed and pitch of its own."""
    for language, spelling in languages.items():
        for _ in range(count):
            variant = str(generator.choice(variants))
            voice = Voice("espeak", f"{language}+{variant}" if variant else language, spelling)
            text = [sentence(spelling, generator)]
            speed, pitch = int(generator.integers(*_RATES)), int(generator.integers(*_PITCHES))
            yield from _usable(speak(voice, text, speed, pitch))


def _said_by(voice: Voice, count: int, generator: np.random.Generator) -> Iterator[Spoken]:
    texts = [sentence(voice.language, generator) for _ in range(count)]
    yield from _usable(speak(voice, texts))


def _usable(said: Iterator[Spoken]) -> Iterator[Spoken]:
    """Leave out slips; a voice that cannot say a sentence is noted and passed over."""
    try:
        yield from (each for each in said if _LENGTHS_S[0] < each.duration_s < _LENGTHS_S[1])
    except (LookupError, OSError, subprocess.CalledProcessError) as error:
        _log.warning("a voice stays silent: %s", error)


def write_corpus(
    path: Path, said: Sequence[Spoken], channels: int, generator: np.random.Generator
) -> int:
    """Write every sentence as heard through so many channels; tell the number of examples."""
    examples = [example(each, generator) for _ in range(channels) for each in said]
    np.savez(
        path,
        evidence=np.concatenate([e.evidence.astype(np.float16) for e in examples]),
        labels=np.concatenate([e.labels.astype(np.float16) for e in examples]),
        frames=np.array([len(e.evidence) for e in examples]),
    )
    return len(examples)


def read_corpus(path: Path) -> list[Example]:
    """Read what ``write_corpus`` wrote."""
    with np.load(path) as stored:
        ends = np.cumsum(stored["frames"])[:-1]
        parts = (np.split(stored[name], ends) for name in ("evidence", "labels"))
        return [Example(evidence, labels) for evidence, labels in zip(*parts, strict=True)]
