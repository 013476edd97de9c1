"""Takes: a recording is checked and analysed once, whatever number of Clips is made of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.captions.storage import CAPTIONS, WORDS, read_words, write_captions, write_words
from pipeline.engines.port import Speech, unwatched
from pipeline.errors import NoSpeech, TakeTooShort
from pipeline.media import Levels, keep_recording, read_sound
from pipeline.options import DEFAULTS, SoundOptions
from pipeline.remarks import Remark
from pipeline.sound.remarks import Ear, remarks_on
from pipeline.sound.silence import Span, kept_span, spoken_span
from pipeline.sound.treatment import Recording, treat
from pipeline.speech.activity import grown
from pipeline.speech.analyse import curve_length, listen
from pipeline.speech.storage import StoredSpeech, read_speech, write_speech
from pipeline.types import CURVE_RATE_HZ, Hear, MouthCurve, Progress, Samples, SoundFacts, Word

RECORDING: Final = "sound.flac"
SPEECH: Final = "speech.npz"
OUTPUTS: Final = (RECORDING, SPEECH, WORDS, *CAPTIONS)
"""The files of an analysed Take, in its folder; ``CAPTIONS`` only where words are known."""

_TREATED: Final = "sound-{}.m4a"
"""What ``load_take`` keeps of each treatment."""
_ANALYSIS_RATE_HZ: Final = 16_000
_LEAST_SPEECH_S: Final = 0.15
"""The shortest syllable somebody could mean."""
_NEAR_SPEECH: Final = (10, 20)
"""Frames of 10 ms before and behind speech that may still hold some of it; the rest is silence, or noise."""
_SILENCE_DB: Final = -120.0


@dataclass(frozen=True)
class TakeLimits:
    """How long a recording may be."""

    min_s: float = 0.5
    max_s: float = 600.0


@dataclass(frozen=True)
class TakeAnalysis:
    """What the analysis of a recording tells; the rest is in its folder."""

    sound: SoundFacts
    duration_s: float
    speech_s: float
    """How long somebody speaks."""
    lead_s: float
    tail_s: float
    """Silence before the first word and behind the last."""
    peak_db: float
    """The loudest sample, dB of full scale."""
    loudness_db: float
    """Mean power where somebody speaks, dB of full scale."""
    loudness_lufs: float
    """Integrated (EBU R 128), of the recording as it is kept; one channel counts as the two it is heard from."""
    true_peak_db: float
    words: int = 0
    """How many are known."""
    words_failed: str = ""
    """For the operator: why there are none, though somebody was to hear them."""
    remarks: tuple[Remark, ...] = ()


def analyse_take(
    source: Path,
    name: str,
    folder: Path,
    limits: TakeLimits,
    progress: Progress,
    hear: Hear | None = None,
) -> TakeAnalysis:
    """Check a recording and analyse it.

    Args:
        source: The recording as it came; a video's sound serves as well.
        name: The name it came with, for messages.
        folder: Gets ``OUTPUTS``; nothing if the analysis fails.
        limits: How long it may be.
        progress: Called with stage ``sound`` (seconds decoded of seconds declared), then ``speech`` (seconds heard) and,
            where words are heard, ``words``.
        hear: Hears words.

    Raises:
        InputRejected: It is no recording, too short, too long, or nobody speaks.
        Stopped: ``progress`` raised it.
    """
    for treated in folder.glob(_TREATED.format("*")):  # of the recording before
        treated.unlink()
    try:
        return _analyse(source, name, folder, limits, progress, hear)
    except BaseException:
        for output in OUTPUTS:
            (folder / output).unlink(missing_ok=True)
        raise


def load_take(
    folder: Path, sound: SoundOptions = DEFAULTS.sound, progress: Progress = unwatched
) -> Speech:
    """Load an analysed Take from its folder.

    Args:
        folder: As ``analyse_take`` filled it. Keeps the sound that is made here, for the next one who asks.
        sound: What is done to the sound; where silence is trimmed, mouth and words move along.
        progress: Called with stage ``sound`` while that is made; may raise ``Stopped``.
    """
    stored = read_speech(folder / SPEECH)
    span = Span(0.0, stored.duration_s)
    if sound.trim:
        span = kept_span(Span(*stored.spoken_s), stored.duration_s)
    path = folder / _TREATED.format(_key(sound))
    if not path.is_file():
        recording = Recording(
            path=folder / RECORDING,
            duration_s=stored.duration_s,
            quiet=~grown(stored.curve.speech > 0.5, *_NEAR_SPEECH),
            offsets=stored.offsets,
            levels=Levels(stored.loudness_lufs, stored.true_peak_db),
        )
        treat(recording, span, sound, path, progress)
    words = _moved(read_words(folder / WORDS), span)
    return Speech(path, span.length_s, _cut(stored.curve, span), words)


def _key(sound: SoundOptions) -> str:
    """Name a treatment."""
    chosen = [field.name for field in fields(sound) if getattr(sound, field.name)]
    return "-".join(chosen) or "untreated"


def _cut(curve: MouthCurve, span: Span) -> MouthCurve:
    """Take the part of a curve that belongs to a span; it begins at a whole value."""
    first = round(span.begin_s * CURVE_RATE_HZ)
    last = first + curve_length(span.length_s)
    return MouthCurve(**{name: values[first:last] for name, values in vars(curve).items()})


def _moved(words: Sequence[Word], span: Span) -> tuple[Word, ...]:
    """Tell words in a span's own time; those outside are left out, those at its ends shortened."""
    inside = (word for word in words if word.end_s > span.begin_s and word.start_s < span.end_s)
    return tuple(
        replace(
            word,
            start_s=max(word.start_s - span.begin_s, 0.0),
            end_s=min(word.end_s, span.end_s) - span.begin_s,
        )
        for word in inside
    )


def _analyse(
    source: Path,
    name: str,
    folder: Path,
    limits: TakeLimits,
    progress: Progress,
    hear: Hear | None,
) -> TakeAnalysis:
    def heard(done_s: float, declared_s: float) -> None:
        progress("sound", round(done_s), round(max(done_s, declared_s)))

    ear = Ear()
    kept = keep_recording(
        *(source, folder / RECORDING),
        name=name,
        limit_s=limits.max_s,
        heard=heard,
        listener=ear.add,
    )
    duration_s = kept.facts.duration_s
    if duration_s < limits.min_s:
        raise TakeTooShort(seconds=round(duration_s, 2), limit_s=limits.min_s)
    samples = read_sound(source, _ANALYSIS_RATE_HZ)
    progress("speech", 0, math.ceil(duration_s))
    listened = listen(samples, duration_s, progress, hear)
    curve = listened.curve
    spoken = curve.speech > 0.5
    speech_s = float(np.count_nonzero(spoken)) / CURVE_RATE_HZ
    if speech_s < _LEAST_SPEECH_S:
        raise NoSpeech(seconds=round(duration_s, 1))
    span = spoken_span(curve.speech, samples, duration_s)
    levels = kept.levels
    write_speech(
        folder / SPEECH,
        StoredSpeech(
            curve=curve,
            duration_s=duration_s,
            spoken_s=(span.begin_s, span.end_s),
            loudness_lufs=levels.loudness_lufs,
            true_peak_db=levels.true_peak_db,
            offsets=kept.offsets,
        ),
    )
    write_words(folder / WORDS, listened.words)
    if listened.words:
        kept_s = kept_span(span, duration_s)
        trimmed = _moved(listened.words, kept_s), kept_s.length_s
        write_captions(folder, (listened.words, duration_s), trimmed, listened.language)
    progress("speech", math.ceil(duration_s), math.ceil(duration_s))
    return TakeAnalysis(
        sound=kept.facts,
        duration_s=duration_s,
        speech_s=speech_s,
        lead_s=round(span.begin_s, 2),
        tail_s=round(duration_s - span.end_s, 2),
        peak_db=_decibels(float(np.abs(samples).max())),
        loudness_db=_decibels(_rms_of_speech(samples, curve)),
        loudness_lufs=round(levels.loudness_lufs, 1),
        true_peak_db=round(levels.true_peak_db, 1),
        words=len(listened.words),
        words_failed=listened.words_failed,
        remarks=tuple(
            remarks_on(
                clipped=ear.clipped(spoken),
                snr_db=ear.snr_db(spoken, ~grown(spoken, *_NEAR_SPEECH)),
                seconds=duration_s,
                declared_s=kept.declared_s,
            )
        ),
    )


def _rms_of_speech(samples: Samples, curve: MouthCurve) -> float:
    """Root mean square of the samples where somebody speaks."""
    spoken = np.repeat(curve.speech > 0.5, _ANALYSIS_RATE_HZ // CURVE_RATE_HZ)
    count = min(len(spoken), len(samples))
    chosen = samples[:count][spoken[:count]]
    return float(np.sqrt(np.mean(np.square(chosen)))) if len(chosen) else 0.0


def _decibels(amplitude: float) -> float:
    return round(max(20 * float(np.log10(max(amplitude, 1e-9))), _SILENCE_DB), 1)
