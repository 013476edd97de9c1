"""Which speech sounds are heard when: PocketSphinx as a recogniser of phones without words.

Its wheel brings an English acoustic model. Without a dictionary it hears the English phone nearest to any
language's sound, which is right about the kind of mouth often, about the very phone seldom; to ``acoustic`` it is
one of two witnesses.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pocketsphinx import Decoder, get_model_path

from pipeline.speech.loudness import RATE_HZ
from pipeline.types import CURVE_RATE_HZ, Samples

_SILENCE: Final = frozenset({"SIL", "<s>", "</s>", "[NOISE]", "[SPEECH]", "+SPN+", "+NSN+"})
_GRAMMAR_WEIGHT: Final = 1.0
"""Of the order English phones come in. 2.0 is usual; 1.0 loses 0.003 of correlation with the mouth on English speech and
wins 0.03 on German and Mandarin."""
_LONGEST_S: Final = 20.0
"""One utterance's search history grows with its length; this bounds it."""


@dataclass(frozen=True)
class Phone:
    """One speech sound: its ARPAbet name without stress, and when."""

    name: str
    start_s: float
    end_s: float


def hear(
    samples: Samples,
    spans: Iterable[tuple[float, float]],
    heard_until: Callable[[float], None] = lambda _second: None,
) -> list[Phone]:
    """Name the phones of a Take.

    Args:
        samples: (n,) mono, 16 kHz, at speaking level (a quiet recording loses its phones in 16 bit noise).
        spans: (start, end) in seconds of the stretches in which somebody speaks, in order.
        heard_until: Told, every few seconds of speech, how far it has got.

    Returns:
        Phones in order of time, silence left out.
    """
    # A fresh decoder each time (10 ms): a used one remembers the last speaker's spectrum and would answer
    # differently the second time.
    decoder = _decoder()
    heard: list[Phone] = []
    for span in _utterances(spans):
        heard.extend(_hear_span(decoder, samples, span))
        heard_until(span[1])
    return heard


def _decoder() -> Decoder:
    model = Path(get_model_path()) / "en-us"
    return Decoder(
        hmm=str(model / "en-us"),
        allphone=str(model / "en-us-phone.lm.bin"),
        lm=None,
        dict=None,
        lw=_GRAMMAR_WEIGHT,
        beam=1e-20,
        pbeam=1e-20,
        loglevel="FATAL",
    )


def _utterances(spans: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Cut what is too long for one utterance into equal pieces."""
    for start, end in spans:
        pieces = max(1, int(np.ceil((end - start) / _LONGEST_S)))
        cuts = np.linspace(start, end, pieces + 1)
        yield from zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)


def _hear_span(decoder: Decoder, samples: Samples, span: tuple[float, float]) -> Iterator[Phone]:
    start, end = (round(second * RATE_HZ) for second in span)
    piece = np.clip(samples[start:end] * 32767, -32768, 32767).astype("<i2")
    if not piece.any():
        return
    decoder.start_utt()
    decoder.process_raw(piece.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    for heard in decoder.seg():
        if heard.word not in _SILENCE:
            first, last = heard.start_frame, heard.end_frame + 1
            yield Phone(heard.word, span[0] + first / CURVE_RATE_HZ, span[0] + last / CURVE_RATE_HZ)
