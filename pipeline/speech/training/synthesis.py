"""Speech whose every phone is known: eSpeak NG, Flite and Festival say a text and tell when which sound starts and ends.

They are Debian packages, asked as programs (eSpeak NG as a library, because only that tells the times of phonemes):
``espeak-ng flite festival`` and the ``festvox-…`` voices. Nothing of them is part of Chorus; what they said taught the model.
"""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.media import read_sound
from pipeline.speech.loudness import RATE_HZ, measure
from pipeline.speech.phones import Phone
from pipeline.speech.training.alphabets import ALPHABETS
from pipeline.types import CURVE_RATE_HZ, Samples

_RETRIEVAL: Final = 1
_PHONEME_EVENTS: Final = 1 | 2
_UTF8: Final = 1
_EVENT_PHONEME: Final = 7
_PARAMETER_RATE: Final = 1
_PARAMETER_PITCH: Final = 3
_CALLBACK: Final = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_STOPS: Final = tuple("pbtdkɡcʈɖq")
_LONGEST_CLOSURE: Final = 12
"""Frames before a burst in which the silence of its closure is looked for."""
_CLOSED_BELOW_DB: Final = 12.0
"""A closure is quieter than the loudest moment around it by at least so much more than the burst needs."""


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


@dataclass(frozen=True)
class Voice:
    """Somebody who speaks."""

    synthesiser: str
    """``espeak``, ``flite`` or ``festival``."""
    name: str
    language: str
    """As in ``texts.SPELLINGS``: what it is given to read."""
    alphabet: str = "radio"
    """Its phone set; eSpeak NG needs none."""
    encoding: str = "utf-8"
    """Of its texts: Festival's European voices read ISO 8859."""


@dataclass(frozen=True)
class Spoken:
    """A sentence as sound, and what is said when."""

    samples: Samples
    """(n,) mono at 16 kHz."""
    phones: tuple[Phone, ...]
    """Names in IPA, in order; an empty name is a pause."""

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / RATE_HZ


def speak(
    voice: Voice, texts: Sequence[str], words_per_minute: int = 165, pitch: int = 50
) -> Iterator[Spoken]:
    """Let a voice say some sentences.

    Args:
        voice: Who.
        texts: What, a sentence each.
        words_per_minute: How fast; eSpeak NG only.
        pitch: 0-99, how high; eSpeak NG only.

    Raises:
        LookupError: eSpeak NG does not know the voice.
        OSError: The synthesiser is not installed.
        subprocess.CalledProcessError: It failed.
    """
    if voice.synthesiser == "espeak":
        for text in texts:
            yield speak_espeak(text, voice.name, words_per_minute, pitch)
    elif voice.synthesiser == "flite":
        yield from _speak_flite(voice, texts)
    else:
        yield from _speak_festival(voice, texts)


@cache
def _library() -> tuple[Any, int]:
    library = ctypes.CDLL("libespeak-ng.so.1")
    return library, library.espeak_Initialize(_RETRIEVAL, 0, None, _PHONEME_EVENTS)


def speak_espeak(text: str, voice: str, words_per_minute: int = 165, pitch: int = 50) -> Spoken:
    """Let eSpeak NG say a text; ``voice`` as in ``espeak-ng -v`` ("de+f2"; "cmn-latn-pinyin" takes pinyin).

    Its time of a stop is that of the burst; the closure before it is found in the sound (``_with_closures``).
    """
    library, rate_hz = _library()
    blocks: list[NDArray[np.int16]] = []
    starts: list[tuple[float, str]] = []

    def collect(wav: Any, count: int, address: int) -> int:
        if wav and count:
            blocks.append(np.ctypeslib.as_array(wav, (count,)).copy())
        events = ctypes.cast(address, ctypes.POINTER(_Event))
        index = 0
        while events[index].type:
            if events[index].type == _EVENT_PHONEME:
                name = bytes(events[index].id.string).split(b"\0")[0].decode(errors="ignore")
                starts.append((events[index].audio_position / 1000, name))
            index += 1
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise LookupError(voice)
    library.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0)
    library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
    spelled = text.encode() + b"\0"
    library.espeak_Synth(spelled, len(spelled), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = _resampled(np.concatenate(blocks).astype(np.float64) / 32768, rate_hz)
    names = ["" if name.startswith("(") else name for _, name in starts]
    times = [start for start, _ in starts] + [len(samples) / RATE_HZ]
    phones = [Phone(name, a, b) for name, a, b in zip(names, times[:-1], times[1:], strict=True)]
    return Spoken(samples, tuple(_with_closures(phones, samples)))


def _resampled(sound: NDArray[np.float64], rate_hz: int) -> Samples:
    """Bring a sentence to 16 kHz through its spectrum."""
    count = len(sound) * RATE_HZ // rate_hz
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count) * count / len(sound), np.float32)


def _with_closures(phones: Sequence[Phone], samples: Samples) -> list[Phone]:
    """Move the start of every stop from its burst back to where the sound before it ends."""
    frames = max(1, round(len(samples) / RATE_HZ * CURVE_RATE_HZ))
    level_db = measure(samples, frames).total
    moved = list(phones)
    for index in range(1, len(moved)):
        stop, before = moved[index], moved[index - 1]
        if not stop.name.startswith(_STOPS):
            continue
        burst = min(round(stop.start_s * CURVE_RATE_HZ), frames - 1)
        first = max(burst - _LONGEST_CLOSURE, round(before.start_s * CURVE_RATE_HZ) + 1, 1)
        around = level_db[max(0, first - 2) : burst + 4].max(initial=-100.0)
        begin = burst
        while begin - 1 >= first and level_db[begin - 1] < around - _CLOSED_BELOW_DB:
            begin -= 1
        start_s = begin / CURVE_RATE_HZ
        if start_s < stop.start_s:
            moved[index - 1] = Phone(before.name, before.start_s, start_s)
            moved[index] = Phone(stop.name, start_s, stop.end_s)
    return moved


def _speak_flite(voice: Voice, texts: Sequence[str]) -> Iterator[Spoken]:
    """Flite prints "name:end" for every phone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        for text in texts:
            program = _found("flite")
            command = [program, "-voice", voice.name, "-psdur", "-t", text, "-o", str(path)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own words
            ends = [entry.rsplit(":", 1) for entry in answer.stdout.split()]
            yield _spoken(voice, path, [(name, float(end)) for name, end in ends])


def _speak_festival(voice: Voice, texts: Sequence[str]) -> Iterator[Spoken]:
    """Festival reads a small program in its own Scheme, one utterance for each sentence."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice.name})"]
        for index, text in enumerate(texts):
            lines += [
                f'(set! u (utt.synth (Utterance Text "{text}")))',
                f'(utt.save.wave u "{folder}/{index}.wav" (quote riff))',
                f'(format t "= {index}\\n")',
                '(mapcar (lambda (s) (format t "%s %f\\n" (item.name s) (item.feat s "end")))'
                " (utt.relation.items u (quote Segment)))",
            ]
        script = Path(folder) / "say.scm"
        script.write_bytes("\n".join(lines).encode(voice.encoding))
        command = [_found("festival"), "-b", str(script)]
        answer = subprocess.run(command, check=True, capture_output=True, encoding="latin-1")  # noqa: S603
        for block in answer.stdout.split("= ")[1:]:
            number, *rows = block.splitlines()
            ends = [row.rsplit(" ", 1) for row in rows if row.count(" ")]
            yield _spoken(
                voice,
                Path(folder) / f"{int(number)}.wav",
                [(name, float(end)) for name, end in ends],
            )


def _found(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise FileNotFoundError(
            f"{program} is not installed; Debian has it in the package of that name"
        )
    return path


def _spoken(voice: Voice, path: Path, ends: Sequence[tuple[str, float]]) -> Spoken:
    """Put sound and labels together; names become IPA."""
    alphabet = ALPHABETS[voice.alphabet]
    starts = [0.0, *(end for _, end in ends[:-1])]
    phones = [
        Phone(alphabet.get(_plain(name, alphabet), ""), start, end)
        for (name, end), start in zip(ends, starts, strict=True)
    ]
    return Spoken(read_sound(path, RATE_HZ), tuple(phones))


def _plain(name: str, alphabet: dict[str, str]) -> str:
    """Drop a mark of length where the set has the letter without it."""
    return name if name in alphabet else name.rstrip(":")
