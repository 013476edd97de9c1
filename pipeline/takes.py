"""Takes: a recording is checked and analysed once, whatever number of Clips is made of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.engines.port import Speech
from pipeline.errors import NoSpeech, TakeTooShort
from pipeline.media import encode_sound, read_sound
from pipeline.options import DEFAULTS, SoundOptions
from pipeline.speech.analyse import mouth_curve
from pipeline.speech.storage import read_speech, write_speech
from pipeline.types import CURVE_RATE_HZ, MouthCurve, Progress, Samples, SoundFacts

SOUND: Final = "sound.m4a"
SPEECH: Final = "speech.npz"
OUTPUTS: Final = (SOUND, SPEECH)
"""The files of an analysed Take, in its folder."""

_ANALYSIS_RATE_HZ: Final = 16_000
_LEAST_SPEECH_S: Final = 0.15
"""The shortest syllable somebody could mean."""
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
    peak_db: float
    """The loudest sample, dB of full scale."""
    loudness_db: float
    """Mean power where somebody speaks, dB of full scale."""


def analyse_take(
    source: Path,
    name: str,
    folder: Path,
    limits: TakeLimits,
    progress: Progress,
    models: Path | None = None,
) -> TakeAnalysis:
    """Check a recording and analyse it.

    Args:
        source: The recording as it came; a video's sound serves as well.
        name: The name it came with, for messages.
        folder: Gets ``OUTPUTS``; nothing if the analysis fails.
        limits: How long it may be.
        progress: Called with stage ``sound`` (seconds decoded of seconds declared), then ``speech``.
        models: The folder of all weights (``speech.words``).

    Raises:
        InputRejected: It is no recording, too short, too long, or nobody speaks.
        Stopped: ``progress`` raised it.
    """
    try:
        return _analyse(source, name, folder, limits, progress, models)
    except BaseException:
        for output in OUTPUTS:
            (folder / output).unlink(missing_ok=True)
        raise


def load_take(folder: Path, sound: SoundOptions = DEFAULTS.sound) -> Speech:
    """Load an analysed Take from its folder."""
    del sound
    curve, duration_s = read_speech(folder / SPEECH)
    return Speech(folder / SOUND, duration_s, curve)


def _analyse(
    source: Path,
    name: str,
    folder: Path,
    limits: TakeLimits,
    progress: Progress,
    models: Path | None,
) -> TakeAnalysis:
    def heard(done_s: float, declared_s: float) -> None:
        progress("sound", round(done_s), round(max(done_s, declared_s)))

    sound = encode_sound(source, folder / SOUND, name=name, limit_s=limits.max_s, heard=heard)
    if sound.duration_s < limits.min_s:
        raise TakeTooShort(seconds=round(sound.duration_s, 2), limit_s=limits.min_s)
    samples = read_sound(source, _ANALYSIS_RATE_HZ)
    progress("speech", 0, 1)
    curve = mouth_curve(samples, sound.duration_s, models=models)
    spoken = curve.speech > 0.5
    speech_s = float(np.count_nonzero(spoken)) / CURVE_RATE_HZ
    if speech_s < _LEAST_SPEECH_S:
        raise NoSpeech(seconds=round(sound.duration_s, 1))
    write_speech(folder / SPEECH, curve, sound.duration_s)
    progress("speech", 1, 1)
    return TakeAnalysis(
        sound=sound,
        duration_s=sound.duration_s,
        speech_s=speech_s,
        peak_db=_decibels(float(np.abs(samples).max())),
        loudness_db=_decibels(_rms_of_speech(samples, curve)),
    )


def _rms_of_speech(samples: Samples, curve: MouthCurve) -> float:
    """Root mean square of the samples where somebody speaks."""
    spoken = np.repeat(curve.speech > 0.5, _ANALYSIS_RATE_HZ // CURVE_RATE_HZ)
    count = min(len(spoken), len(samples))
    chosen = samples[:count][spoken[:count]]
    return float(np.sqrt(np.mean(np.square(chosen)))) if len(chosen) else 0.0


def _decibels(amplitude: float) -> float:
    return round(max(20 * float(np.log10(max(amplitude, 1e-9))), _SILENCE_DB), 1)
