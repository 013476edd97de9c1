"""Whatever comes in, Clips are equally loud, nothing else is changed, and the file says so to an independent judge."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipeline.media import keep_recording, read_sound
from pipeline.options import SoundOptions
from pipeline.sound.limiter import limited
from pipeline.sound.silence import Span
from pipeline.sound.treatment import Recording, treat
from tests.corpora.loudness import KINDS, RATE_HZ, voice
from tests.corpora.media import lag_s, write_sound
from tests.judges import need, probe


def nothing(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def judged(path: Path) -> tuple[float, float]:
    """What FFmpeg's meter says of a file: LUFS, and dB of true peak."""
    line = [need("ffmpeg"), "-hide_banner", "-i", str(path), "-af", "ebur128=peak=true"]
    said = subprocess.run(
        [*line, "-f", "null", "-"], capture_output=True, text=True, check=True
    ).stderr.rpartition("Summary:")[2]
    loudness, peak = re.findall(r"(?:I|Peak):\s+(-?[\d.]+|-inf) (?:LUFS|dBFS)", said)
    return float(loudness), float(peak)


def kept(folder: Path, sound: np.ndarray) -> Recording:
    """A recording as the analysis keeps it; nobody speaks in its first tenth."""
    layout = "mono" if len(sound) == 1 else "stereo"
    source = write_sound(folder / "source.wav", sound, "pcm_f32le", layout=layout, container="wav")
    told = keep_recording(source, folder / "sound.flac")
    frames = round(told.facts.duration_s * 100)
    quiet = np.arange(frames) < frames // 10
    return Recording(folder / "sound.flac", told.facts.duration_s, quiet, told.offsets, told.levels)


def made(folder: Path, sound: np.ndarray, options: SoundOptions) -> Path:
    recording = kept(folder, sound)
    span = Span(0.0, recording.duration_s)
    treat(recording, span, options, folder / "sound.m4a", nothing)
    assert sorted(path.name for path in folder.iterdir()) == [
        "sound.flac",
        "sound.m4a",
        "source.wav",
    ]
    return folder / "sound.m4a"


@pytest.mark.parametrize("kind", KINDS)
def test_every_recording_becomes_equally_loud(tmp_path: Path, kind: str):
    sound = KINDS[kind]()

    path = made(tmp_path, sound, SoundOptions())

    loudness_lufs, true_peak_db = judged(path)
    assert loudness_lufs == pytest.approx(-16.0, abs=0.3)
    assert true_peak_db <= -1.5
    told = probe(path, entries="stream=duration,bit_rate,channels,sample_rate,profile")
    assert float(told["duration"]) == pytest.approx(sound.shape[1] / RATE_HZ, abs=0.001)
    assert (told["channels"], told["sample_rate"], told["profile"]) == ("2", "48000", "LC")
    assert int(told["bit_rate"]) >= 128_000


@pytest.mark.parametrize("kind", ["quiet", "loud", "telephone", "stereo"])
def test_nothing_but_the_level_is_changed(tmp_path: Path, kind: str):
    sound = KINDS[kind]()
    before = sound.mean(axis=0)

    heard = read_sound(made(tmp_path, sound, SoundOptions()), RATE_HZ)

    gain = float(np.dot(heard, before) / np.dot(before, before))
    rest = heard - gain * before
    assert lag_s(before, heard, RATE_HZ) == 0.0
    assert len(heard) == len(before)
    assert 10 * np.log10(np.mean(np.square(heard)) / np.mean(np.square(rest))) > 38


def test_who_wants_it_as_it_is_gets_it_as_it_is(tmp_path: Path):
    sound = 0.3 * voice()

    heard = read_sound(made(tmp_path, sound, SoundOptions(loudness=False)), RATE_HZ)

    gain = float(np.dot(heard, sound[0]) / np.dot(sound[0], sound[0]))
    assert gain == pytest.approx(1.0, abs=0.01)


def test_the_limiter_leaves_what_is_far_from_a_peak_as_it_was():
    sound = 0.2 * voice()
    sound[0, 50_000] = 0.99

    out = np.concatenate(list(limited(iter(np.split(sound, 40, axis=1)), 0.5)), axis=1)

    reach = round(0.024 * RATE_HZ)
    far = np.abs(np.arange(sound.shape[1]) - 50_000) > reach
    assert np.array_equal(out[:, far], sound[:, far])
    assert np.abs(out).max() <= 0.5


def test_a_peak_between_the_samples_is_limited():
    seconds = np.arange(RATE_HZ) / RATE_HZ
    # A quarter of the rate, an eighth of a turn off: every sample is 3 dB below the top of the wave.
    sound = np.sin(2 * np.pi * 12_000 * seconds + np.pi / 4)[None].astype(np.float32)

    out = np.concatenate(list(limited(iter([sound]), 0.5)), axis=1)

    assert np.abs(out[:, 5000:-5000]).max() == pytest.approx(0.5 / np.sqrt(2), abs=0.01)
