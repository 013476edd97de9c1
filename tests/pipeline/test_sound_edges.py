"""Silence around speech is left out and steady noise made quieter, on request, and the speech stays as it was."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.captions.storage import WORDS, write_words
from pipeline.engines.port import Speech
from pipeline.media import read_sound
from pipeline.options import SoundOptions
from pipeline.sound.noise import learn_noise, without_noise
from pipeline.sound.silence import Span, kept_span, spoken_span
from pipeline.takes import TakeLimits, analyse_take, load_take
from pipeline.types import Word
from tests.corpora.loudness import RATE_HZ, voice
from tests.corpora.media import lag_s, write_sound
from tests.judges import probe

TRIM = SoundOptions(loudness=False, trim=True)


def nothing(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def take(folder: Path, sound: np.ndarray, options: SoundOptions) -> Speech:
    folder.mkdir()
    source = write_sound(folder / "v.wav", sound[0], "pcm_f32le", container="wav")
    analyse_take(source, "v.wav", folder, TakeLimits(), nothing)
    return load_take(folder, options)


def with_silence(sound: np.ndarray, before_s: float, behind_s: float) -> np.ndarray:
    around = [round(second * RATE_HZ) for second in (before_s, behind_s)]
    return np.pad(sound, ((0, 0), around))


def test_silence_around_speech_is_left_out_and_everything_moves_along(tmp_path: Path):
    said = voice(3)
    whole = take(tmp_path / "take", with_silence(said, 2.0, 1.5), SoundOptions(loudness=False))
    write_words(tmp_path / "take" / WORDS, [Word("eins", 2.1, 2.6), Word("zwei", 3.0, 3.5)])

    cut = load_take(tmp_path / "take", TRIM)

    begin_s = 2.1 - cut.words[0].start_s
    assert 1.8 <= begin_s <= 2.0
    assert 0.0 < begin_s + cut.duration_s - 2.0 - said.shape[1] / RATE_HZ <= 0.4
    first = round(begin_s * 100)
    assert len(cut.curve.opening) == pytest.approx(cut.duration_s * 100 + 1, abs=1)
    assert np.array_equal(
        cut.curve.opening, whole.curve.opening[first : first + len(cut.curve.opening)]
    )
    heard = read_sound(cut.sound, RATE_HZ)
    before = read_sound(whole.sound, RATE_HZ)[round(begin_s * RATE_HZ) :][: len(heard)]
    assert lag_s(before, heard, RATE_HZ) == 0.0
    assert float(probe(cut.sound, entries="stream=duration")["duration"]) == pytest.approx(
        cut.duration_s, abs=0.001
    )


def test_who_speaks_from_the_first_moment_to_the_last_loses_nothing(tmp_path: Path):
    said = voice(2)[:, : -round(0.3 * RATE_HZ)]

    cut = take(tmp_path / "take", said, TRIM)

    assert cut.duration_s == pytest.approx(said.shape[1] / RATE_HZ, abs=0.11)


def test_a_soft_beginning_is_not_cut_off():
    rate_hz, hop = 16_000, 160
    random = np.random.default_rng(2)
    samples = (1e-4 * random.standard_normal(3 * rate_hz)).astype(np.float32)
    samples[rate_hz : 2 * rate_hz] += (0.1 * random.standard_normal(rate_hz)).astype(np.float32)
    breath = slice(rate_hz - 25 * hop, rate_hz)  # a quarter of a second, 34 dB softer
    samples[breath] += (0.002 * random.standard_normal(25 * hop)).astype(np.float32)
    speech = np.zeros(301, np.float32)
    speech[100:200] = 1.0

    span = spoken_span(speech, samples, 3.0)

    assert span.begin_s == pytest.approx(0.75, abs=0.011)
    assert span.end_s == pytest.approx(2.0, abs=0.011)


@pytest.mark.parametrize(
    ("spoken", "duration_s", "kept"),
    [
        (Span(1.0, 2.0), 3.0, Span(0.85, 2.3)),
        (Span(0.1, 2.0), 2.1, Span(0.0, 2.1)),
        (Span(1.0, 1.02), 3.0, Span(0.85, 1.35)),
        (Span(0.55, 0.6), 0.61, Span(0.11, 0.61)),
    ],
)
def test_a_little_silence_stays_and_no_clip_is_too_short(spoken: Span, duration_s: float, kept):
    span = kept_span(spoken, duration_s)

    assert (span.begin_s, span.end_s) == pytest.approx((kept.begin_s, kept.end_s))


def noisy(snr_db: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A voice, a hiss, and for every 10 ms whether nobody speaks."""
    said = with_silence(voice(3), 1.0, 0.5)
    level = np.sqrt(np.mean(np.square(voice(3)))) * 10 ** (-snr_db / 20)
    hiss = np.random.default_rng(5).standard_normal(said.shape) * level
    return said, hiss.astype(np.float32), np.arange(said.shape[1] // 480) < 90


def blocks(sound: np.ndarray) -> list[np.ndarray]:
    return np.split(sound, range(4096, sound.shape[1], 4096), axis=1)


def power_db(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound))))


@pytest.mark.parametrize("snr_db", [10, 20])
def test_noise_becomes_quieter_and_the_voice_stays(snr_db: float):
    said, hiss, quiet = noisy(snr_db)
    noise = learn_noise(iter(blocks(said + hiss)), quiet)
    assert noise is not None

    heard = np.concatenate(list(without_noise(iter(blocks(said + hiss)), noise)), axis=1)

    alone, voiced = slice(4800, 40_000), slice(RATE_HZ, -RATE_HZ // 2)
    assert 6 <= power_db(hiss[:, alone]) - power_db(heard[:, alone]) <= 12
    after_db = power_db(said[:, voiced]) - power_db((heard - said)[:, voiced])
    assert after_db > snr_db + 3
    assert power_db(heard[:, voiced]) == pytest.approx(power_db(said[:, voiced]), abs=0.3)
    assert lag_s(said[0], heard[0], RATE_HZ) == 0.0
    assert heard.shape == said.shape


def test_where_nobody_pauses_there_is_no_noise_to_learn():
    said, hiss, quiet = noisy(20)

    assert learn_noise(iter(blocks(said + hiss)), np.zeros_like(quiet)) is None


def test_silence_without_noise_leaves_the_voice_untouched():
    said, _, quiet = noisy(20)
    noise = learn_noise(iter(blocks(said)), quiet)
    assert noise is not None

    heard = np.concatenate(list(without_noise(iter(blocks(said)), noise)), axis=1)

    assert np.allclose(heard, said, atol=1e-6)
