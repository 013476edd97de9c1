"""A Take's words on disk, as JSON, and the captions made of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.captions.cues import cues
from pipeline.captions.files import as_srt, as_vtt
from pipeline.types import Word

WORDS: Final = "words.json"
CAPTIONS: Final = ("captions.srt", "captions.vtt", "captions-trimmed.srt", "captions-trimmed.vtt")
"""Of the whole Take, and of the Take without the silence around its speech."""


def write_words(path: Path, words: Sequence[Word]) -> None:
    """Write the words of a Take; the file appears whole or not at all."""
    plain = [
        {"text": w.text, "start_s": round(w.start_s, 3), "end_s": round(w.end_s, 3)} for w in words
    ]
    _write(path, json.dumps(plain, ensure_ascii=False))


def read_words(path: Path) -> tuple[Word, ...]:
    """Read the words of a Take."""
    return tuple(Word(**word) for word in json.loads(path.read_text("utf-8")))


def write_captions(
    folder: Path,
    whole: tuple[Sequence[Word], float],
    trimmed: tuple[Sequence[Word], float],
    language: str,
) -> None:
    """Write ``CAPTIONS`` into a folder: of words and a length in seconds each."""
    for stem, (words, duration_s) in (("captions", whole), ("captions-trimmed", trimmed)):
        made = cues(words, language, duration_s)
        _write(folder / f"{stem}.srt", as_srt(made))
        _write(folder / f"{stem}.vtt", as_vtt(made))


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, "utf-8", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
