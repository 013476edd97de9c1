"""A recording is analysed once, wholly or not at all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.captions.storage import CAPTIONS, WORDS, write_captions
from pipeline.errors import NoSound, NoSpeech, Stopped, TakeTooLong, TakeTooShort
from pipeline.media import read_sound
from pipeline.options import SoundOptions
from pipeline.speech.scribe import WEIGHTS, hearing
from pipeline.speech.storage import StoredSpeech, read_speech, write_speech
from pipeline.takes import RECORDING, SPEECH, TakeLimits, analyse_take, load_take
from pipeline.types import MouthCurve, Word
from tests.corpora.media import chirp, lag_s, write_sound, write_video
from tests.corpora.speech import AH, EE, SHUT, babble
from tests.corpora.whisper import write_whisper


def quietly(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "take").mkdir()
    return tmp_path / "take"


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("zh_news_8s.ogg", 8.0),
        ("zh_bus_3s.amr", 3.38),
        ("en_radio_8s.amr", 8.0),
        ("de_9s.m4a", 9.342),
    ],
)
def test_a_real_recording_becomes_a_take(samples: Path, folder: Path, name: str, seconds: float):
    source = samples / "voices" / name

    analysis = analyse_take(source, name, folder, TakeLimits(), quietly)

    speech = load_take(folder)
    assert analysis.duration_s == speech.duration_s == pytest.approx(seconds, abs=1e-6)
    assert 0.5 * seconds < analysis.speech_s <= seconds
    assert analysis.peak_db <= 0.0
    assert analysis.remarks == ()
    assert -40 < analysis.loudness_db < analysis.peak_db
    assert len(speech.curve.opening) == pytest.approx(seconds * 100, abs=2)
    assert left_in(folder) == ["sound-loudness.m4a", RECORDING, SPEECH, WORDS]
    lag = lag_s(read_sound(source, 16_000), read_sound(speech.sound, 16_000), 16_000)
    assert abs(lag) < 0.002


@pytest.mark.parametrize("nonsense", [np.nan, np.inf, -np.inf, 1e30])
def test_numbers_that_no_microphone_writes_do_not_spoil_a_recording(
    tmp_path: Path, folder: Path, nonsense: float
):
    voice = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)
    voice[20_000:20_050] = nonsense
    source = write_sound(tmp_path / "v.wav", voice, "pcm_f32le", rate_hz=16_000, container="wav")

    analysis = analyse_take(source, "v.wav", folder, TakeLimits(), quietly)

    curve = load_take(folder).curve
    assert analysis.speech_s > 1.0
    assert all(np.isfinite(values).all() for values in astuple(curve))
    assert curve.opening.max() > 0.3


@pytest.mark.parametrize(
    ("sound", "error", "facts"),
    [
        (chirp(0.3), TakeTooShort, {"seconds": 0.3, "limit_s": 0.5}),
        (chirp(3.0), TakeTooLong, {"seconds": 3.0, "limit_s": 2.0}),
        (np.zeros(72_000, np.float32), NoSpeech, {"seconds": 1.5}),
        (chirp(1.5) * 0.001, NoSpeech, {"seconds": 1.5}),
    ],
)
def test_a_recording_nobody_can_use_is_refused_with_its_facts(
    tmp_path: Path, folder: Path, sound, error, facts
):
    source = write_sound(tmp_path / "v.wav", sound, "pcm_s16le")

    with pytest.raises(error) as refused:
        analyse_take(source, "v.wav", folder, TakeLimits(max_s=2.0), quietly)

    assert refused.value.facts == facts
    assert left_in(folder) == []


def test_a_video_without_sound_is_told_by_the_name_it_came_with(tmp_path: Path, folder: Path):
    source = write_video(tmp_path / "source", range(10), container="mp4")

    with pytest.raises(NoSound) as refused:
        analyse_take(source, "Grüße.mp4", folder, TakeLimits(), quietly)

    assert refused.value.facts == {"name": "Grüße.mp4"}


def test_who_stops_the_analysis_finds_nothing_left(samples: Path, folder: Path):
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "speech" and done > 0:
            raise Stopped

    with pytest.raises(Stopped):
        analyse_take(samples / "voices" / "zh_bus_3s.amr", "v", folder, TakeLimits(), stop)

    assert left_in(folder) == []


def test_a_curve_survives_the_disk(tmp_path: Path):
    random = np.random.default_rng(3)
    curve = MouthCurve(*(random.random(250, dtype=np.float32) for _ in range(6)))

    speech = StoredSpeech(curve, 2.4999, (0.1, 2.3), -18.4, -1.2, (0.001, -0.0))
    write_speech(tmp_path / "speech.npz", speech)
    stored = read_speech(tmp_path / "speech.npz")

    assert replace(stored, curve=curve) == speech
    assert all(
        np.array_equal(a, b)
        for a, b in zip(vars(curve).values(), vars(stored.curve).values(), strict=True)
    )
    assert left_in(tmp_path) == ["speech.npz"]


def test_with_weights_a_take_has_words_and_captions(tmp_path: Path, folder: Path):
    write_whisper(tmp_path / "models" / WEIGHTS)
    voice = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)
    source = write_sound(tmp_path / "v.wav", voice, "pcm_s16le", rate_hz=16_000)

    hear = hearing(tmp_path / "models")
    analysis = analyse_take(source, "v", folder, TakeLimits(), quietly, hear)

    words = load_take(folder).words
    assert analysis.words == len(words) > 0
    assert {*CAPTIONS} < {*left_in(folder)}
    assert (folder / "captions.vtt").read_bytes().startswith(b"WEBVTT\n\n1\n00:00:")


def test_captions_of_a_trimmed_take_are_in_its_time(tmp_path: Path):
    whole = [Word("Spät", 5.0, 5.4), Word("dort.", 5.5, 6.0)]
    trimmed = [Word("Spät", 0.15, 0.55), Word("dort.", 0.65, 1.15)]

    write_captions(tmp_path, (whole, 8.0), (trimmed, 1.4), "de")

    assert left_in(tmp_path) == sorted(CAPTIONS)
    assert "00:00:05,000 --> 00:00:06,000\nSpät dort." in (tmp_path / CAPTIONS[0]).read_text()
    assert "00:00:00.150 --> 00:00:01.150\nSpät dort." in (tmp_path / CAPTIONS[3]).read_text()


def take_of_babble(tmp_path: Path, folder: Path) -> Path:
    voice = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)
    source = write_sound(tmp_path / "v.wav", voice, "pcm_s16le", rate_hz=16_000)
    analyse_take(source, "v", folder, TakeLimits(), quietly)
    return folder


def test_two_who_ask_for_the_same_sound_at_once_both_get_it_whole(tmp_path: Path, folder: Path):
    take = take_of_babble(tmp_path, folder)
    begun = threading.Barrier(2)

    def ask() -> bytes:
        begun.wait(60)
        return load_take(take).sound.read_bytes()

    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(ask) for _ in range(2))

    assert first.result() == second.result() == load_take(take).sound.read_bytes()
    assert left_in(take) == ["sound-loudness.m4a", RECORDING, SPEECH, WORDS]


def test_who_stops_while_the_sound_is_made_finds_nothing_half_made(tmp_path: Path, folder: Path):
    take = take_of_babble(tmp_path, folder)

    def stop(_stage: str, _done: int, _total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        load_take(take, SoundOptions(denoise=True), stop)

    assert left_in(take) == [RECORDING, SPEECH, WORDS]


def test_what_was_made_once_is_not_made_again(tmp_path: Path, folder: Path):
    take = take_of_babble(tmp_path, folder)
    made = load_take(take).sound
    (take / RECORDING).unlink()

    assert load_take(take).sound == made


def test_a_folder_that_is_used_again_forgets_the_sound_of_the_take_before(
    tmp_path: Path, folder: Path
):
    first, second = np.tile(babble([AH, SHUT, EE]), 2), np.tile(babble([EE, SHUT, AH, AH]), 2)
    for samples in (first, second):
        said = write_sound(tmp_path / "said.wav", samples, "pcm_s16le", rate_hz=16_000)
        analyse_take(said, said.name, folder, TakeLimits(), quietly)
        sound = load_take(folder).sound

    assert len(read_sound(sound, 16_000)) == pytest.approx(len(second), abs=2)
