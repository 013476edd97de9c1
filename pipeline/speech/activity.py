"""When somebody speaks: the Silero voice detector, its edges moved to where the sound really starts and ends."""

from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.speech.loudness import HOP, Bands
from pipeline.types import CURVE_RATE_HZ, Samples

Flags = NDArray[np.bool_]
"""One answer every 10 ms, (n,)."""

_CHUNK: Final = 512
"""Samples per answer of the model, 32 ms."""
_CONTEXT: Final = 64
"""Samples of the chunk before that the model wants to see again."""
_CHUNKS_PER_RUN: Final = 1024

_STARTS_AT: Final = 0.5
_ENDS_BELOW: Final = 0.35
"""The model's own advice: 0.15 below the threshold that starts speech."""

_LOOK_BACK: Final = 30
_LOOK_AHEAD: Final = 6
"""Frames the detector may be late at a start (200 ms after silence, measured) and early at an end."""
_SOUND_RANGE_DB: Final = 30.0
"""Below the loudest tenth of speech by more than this nothing of a voice is heard."""
_VOWEL_RANGE_DB: Final = 20.0
_UNDETECTED_RANGE_DB: Final = 14.0
"""Where the detector has not answered yet a vowel must be louder, or music before the first word would open the mouth."""
_OVER_NOISE_DB: Final = 6.0
_NEAR_VOWEL: Final = 14
"""Frames: consonants before or after a vowel last no longer; what lasts longer is breath."""
_GAP: Final = 14
"""Frames: a pause this short is the closure of a stop, not silence."""
_SHORTEST: Final = 4
"""Frames: what is shorter is a click."""


def speech_probability(samples: Samples) -> NDArray[np.float32]:
    """Ask the detector, for every 32 ms, how likely somebody speaks.

    Args:
        samples: (n,) mono, 16 kHz, at speaking level.

    Returns:
        (ceil(n / 512),) 0.0-1.0.
    """
    session = _detector()
    count = -(-len(samples) // _CHUNK)
    state = {name: np.zeros((1, 1, 128), np.float32) for name in ("h", "c")}
    answers = []
    for first in range(0, count, _CHUNKS_PER_RUN):
        chunks = min(_CHUNKS_PER_RUN, count - first)
        begin = first * _CHUNK
        block = np.zeros(_CONTEXT + chunks * _CHUNK, np.float32)
        taken = samples[max(0, begin - _CONTEXT) : begin + chunks * _CHUNK]
        offset = _CONTEXT if first == 0 else 0
        block[offset : offset + len(taken)] = taken
        windows = np.lib.stride_tricks.sliding_window_view(block, _CONTEXT + _CHUNK)[::_CHUNK]
        answer, state["h"], state["c"] = session.run(None, {"input": windows.copy(), **state})
        answers.append(np.asarray(answer, np.float32).reshape(-1))
    return np.concatenate(answers) if answers else np.zeros(0, np.float32)


def speaking(probability: NDArray[np.float32], bands: Bands) -> Flags:
    """Decide for every 10 ms whether somebody speaks.

    Args:
        probability: What ``speech_probability`` answered for the same sound.
        bands: The sound's levels.

    Returns:
        (n,) as long as the levels: True from the first audible moment of a phrase to its last, across the
        closures of stops, but not across pauses and breaths.
    """
    detected = _detected(probability, len(bands.total))
    if not detected.any():
        return detected
    level_db = float(np.percentile(bands.voice[detected], 90))
    quiet = bands.voice[~grown(detected, 30, 30)]
    noise_db = float(np.percentile(quiet, 50)) if len(quiet) >= CURVE_RATE_HZ // 5 else -np.inf
    floor_db = min(max(level_db - _SOUND_RANGE_DB, noise_db + _OVER_NOISE_DB), level_db - 12.0)
    near = grown(detected, _LOOK_BACK, _LOOK_AHEAD)
    voiced = np.maximum(bands.voice, bands.murmur - 6.0)
    range_db = np.where(detected, _VOWEL_RANGE_DB, _UNDETECTED_RANGE_DB)
    vowels = near & (bands.voice > np.maximum(level_db - range_db, floor_db))
    vowels &= (
        bands.voice > bands.total - _VOWEL_RANGE_DB
    )  # a whistle or hum below the band is no vowel
    vowels = _without_short(vowels, _SHORTEST)
    sounding = near & (np.maximum(voiced, bands.hiss) > floor_db)
    heard = sounding & grown(vowels, _NEAR_VOWEL, _NEAR_VOWEL)
    phrases = _without_short(_filled(heard, _GAP), _SHORTEST)
    for start, end in spans(phrases):
        if not detected[start:end].any():
            phrases[start:end] = False
    return phrases


def spans(flags: Flags) -> list[tuple[int, int]]:
    """List the (first, one past the last) frame of every stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@cache
def _detector() -> onnxruntime.InferenceSession:
    """Load the model that the faster-whisper package carries, without importing that package (0.6 s)."""
    package = find_spec("faster_whisper")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("faster_whisper", name="faster_whisper")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    model = Path(package.origin).parent / "assets" / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(
        str(model), providers=["CPUExecutionProvider"], sess_options=options
    )


def _detected(probability: NDArray[np.float32], frames: int) -> Flags:
    """Apply both thresholds and bring the answers to 10 ms."""
    on = np.zeros(len(probability), np.bool_)
    current = False
    for index, value in enumerate(probability.tolist()):
        current = value >= (_ENDS_BELOW if current else _STARTS_AT)
        on[index] = current
    chunk = np.arange(frames) * HOP // _CHUNK
    if not len(on):
        return np.zeros(frames, np.bool_)
    return on[np.minimum(chunk, len(on) - 1)] & (chunk < len(on))


def grown(flags: Flags, before: int, after: int) -> Flags:
    """Extend every stretch of True by frames at its start and end."""
    grown = flags.copy()
    for start, end in spans(flags):
        grown[max(0, start - before) : end + after] = True
    return grown


def _filled(flags: Flags, longest: int) -> Flags:
    """Close the gaps between stretches that are no longer than ``longest`` frames."""
    filled = flags.copy()
    stretches = spans(flags)
    for (_, end), (start, _) in pairwise(stretches):
        if start - end <= longest:
            filled[end:start] = True
    return filled


def _without_short(flags: Flags, shortest: int) -> Flags:
    """Drop the stretches that are shorter than ``shortest`` frames."""
    kept = flags.copy()
    for start, end in spans(flags):
        if end - start < shortest:
            kept[start:end] = False
    return kept
