"""From sound to mouth: what the curve promises, on generated sound, on labelled speech and on real recordings."""

from dataclasses import astuple, replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipeline.faces.geometry import mouth_openings
from pipeline.faces.mesh import FaceMesh
from pipeline.media import read_frames, read_sound
from pipeline.speech import activity, coarticulation, lips, loudness
from pipeline.speech.acoustic import Heard
from pipeline.speech.analyse import curve_length, mouth_curve
from pipeline.speech.curve import resample, shape_at
from pipeline.speech.phones import Phone
from pipeline.speech.training.synthesis import speak_espeak
from pipeline.types import MouthCurve, Samples
from tests.corpora import speech
from tests.corpora.speech import AH, EE, OO, SHUT
from tests.judges import need
from tests.presenters import video_facts

RATE_HZ = 16_000
RAMP_S = 0.12
"""The mouth may open this long before a sound and needs as long to close after it."""


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def room(seconds: float, level: float = 0.001) -> Samples:
    noise = np.random.default_rng(7).standard_normal(round(seconds * RATE_HZ))
    return (level * noise).astype(np.float32)


def curve_of(samples: Samples) -> MouthCurve:
    return mouth_curve(samples, len(samples) / RATE_HZ)


@cache
def phrase() -> Samples:
    """Three seconds of voiced syllables with closures between them."""
    return speech.babble([AH, SHUT, EE, SHUT, AH, OO, SHUT, AH, EE, AH, SHUT, OO, SHUT, AH] * 2)


@cache
def take() -> Samples:
    return np.concatenate([silence(0.6), phrase(), silence(0.6)])


@cache
def curve_of_take() -> MouthCurve:
    return curve_of(take())


def flat_curve(seconds: float = 1.0, **values: float) -> MouthCurve:
    count = curve_length(seconds)
    names = ("opening", "width", "rounding", "closure", "teeth", "speech")
    return MouthCurve(*(np.full(count, values.get(name, 0.0), np.float32) for name in names))


# What the curve promises


@pytest.mark.parametrize("duration_s", [0.0, 0.004, 0.5, 1.0, 1.23456, 3.38, 8.0])
def test_the_curve_covers_the_take_to_the_frame(duration_s: float):
    curve = mouth_curve(room(duration_s), duration_s)

    lengths = {len(values) for values in astuple(curve)}
    assert lengths == {curve_length(duration_s)}
    assert duration_s <= (curve_length(duration_s) - 1) / 100 < duration_s + 0.01


def test_a_take_longer_than_its_sound_ends_in_silence():
    curve = mouth_curve(take(), len(take()) / RATE_HZ + 3)

    assert curve.opening[-290:].max() == 0.0


@pytest.mark.parametrize(
    "sound",
    [
        silence(2),
        room(2),
        room(2, 0.1),
        (np.sin(np.arange(2 * RATE_HZ) * 2 * np.pi * 220 / RATE_HZ) * 0.3).astype(np.float32),
        (np.sin(np.arange(2 * RATE_HZ) * 2 * np.pi * 50 / RATE_HZ) * 0.3).astype(np.float32),
        (np.arange(2 * RATE_HZ) % 8000 < 40).astype(np.float32),
    ],
    ids=["silence", "room", "loud noise", "whistle", "hum", "clicks"],
)
def test_the_mouth_stays_closed_when_nobody_speaks(sound: Samples):
    curve = curve_of(sound)

    assert not any(values.any() for values in astuple(curve))


def test_the_values_stay_in_their_ranges_and_are_single_precision():
    curve = curve_of_take()

    for name in ("opening", "rounding", "closure", "teeth", "speech"):
        values = getattr(curve, name)
        assert values.min() >= 0.0, name
        assert values.max() <= 1.0, name
    assert np.abs(curve.width).max() <= 1.0
    assert {values.dtype for values in astuple(curve)} == {np.dtype(np.float32)}


def test_the_mouth_opens_with_the_first_sound_and_is_closed_soon_after_the_last():
    open_at = np.flatnonzero(curve_of_take().opening > 0) / 100

    assert 0.6 - RAMP_S <= open_at[0] <= 0.65
    assert len(take()) / RATE_HZ - 0.6 - 0.1 <= open_at[-1] <= len(take()) / RATE_HZ - 0.6 + RAMP_S


@pytest.mark.parametrize("pause", [silence(2), room(2)], ids=["digital", "room"])
def test_an_inserted_pause_closes_the_mouth(pause: Samples):
    cut = round(len(take()) * 0.52)  # in the middle of a vowel
    curve = curve_of(np.concatenate([take()[:cut], pause, take()[cut:]]))

    start_s = cut / RATE_HZ
    inside = slice(round((start_s + RAMP_S) * 100), round((start_s + 2 - RAMP_S) * 100))
    assert curve.opening[inside].max() == 0.0
    assert curve.opening[: inside.start].max() > 0.3
    assert curve.opening[inside.stop :].max() > 0.3


def test_vowels_are_syllables_in_the_curve_and_closures_lie_between_them():
    opening = curve_of_take().opening
    phrase_opening = opening[opening > 0]

    assert 0.55 <= np.percentile(phrase_opening, 95) <= 0.85
    assert 0.15 <= np.median(phrase_opening) <= 0.45
    middles = np.flatnonzero((opening[1:-1] > opening[:-2]) & (opening[1:-1] >= opening[2:]))
    assert 8 <= len(middles) <= 40


def test_an_open_vowel_opens_wider_than_a_close_one_of_the_same_loudness():
    ah, ee = replace(AH, length_s=0.3), replace(EE, length_s=0.3, level=1.0)
    sound = speech.babble([AH, SHUT, ah, SHUT, ee, SHUT, ah, SHUT, ee, SHUT, AH])

    curve = curve_of(np.concatenate([silence(0.3), sound, silence(0.3)]))

    starts = 0.3 + np.array([0.25, 0.62, 0.99, 1.36])
    peaks = [curve.opening[round(s * 100 + 8) : round(s * 100 + 22)].mean() for s in starts]
    assert min(peaks[0], peaks[2]) > 1.3 * max(peaks[1], peaks[3])


def test_the_lips_are_wider_in_see_than_in_who():
    sounds = [AH, SHUT, EE, SHUT, OO, SHUT, AH, SHUT, EE, SHUT, OO, SHUT, AH]
    curve = curve_of(np.concatenate([silence(0.3), speech.babble(sounds), silence(0.3)]))
    starts = 0.3 + np.cumsum([0.0] + [sound.length_s for sound in sounds[:-1]])

    middles = {
        id(vowel): [
            round((start + vowel.length_s / 2) * 100)
            for start, sound in zip(starts, sounds, strict=True)
            if sound is vowel
        ]
        for vowel in (EE, OO)
    }

    assert curve.width[middles[id(EE)]].min() > curve.width[middles[id(OO)]].max() + 0.2
    assert curve.rounding[middles[id(OO)]].mean() > curve.rounding[middles[id(EE)]].mean()


@pytest.mark.parametrize("gain_db", [-20, 20])
def test_the_volume_of_the_recording_does_not_matter(gain_db: int):
    quiet = 0.1 * take()

    changed = curve_of(quiet * np.float32(10 ** (gain_db / 20)))

    reference = curve_of(quiet)
    assert np.abs(changed.opening - reference.opening).mean() < 0.01
    assert np.corrcoef(changed.opening, reference.opening)[0, 1] > 0.99


@pytest.mark.parametrize("voice", [1.0, 0.03])
def test_the_constant_that_a_microphone_adds_does_not_matter(voice: float):
    recorded = np.float32(voice) * take() + room(len(take()) / RATE_HZ, 1e-4)

    shifted = curve_of(recorded + np.float32(0.3))

    assert correlation(shifted.opening, curve_of(recorded).opening) > 0.97


def test_the_same_take_gives_the_same_curve_whatever_was_analysed_before():
    first = curve_of(take())
    curve_of(take()[::-1])

    again = curve_of(take())

    assert all(np.array_equal(a, b) for a, b in zip(astuple(first), astuple(again), strict=True))


def test_the_samples_are_left_untouched():
    samples = take().copy()

    curve_of(samples)

    assert np.array_equal(samples, take())


def test_progress_is_told_in_seconds_up_to_the_end_of_speech():
    told: list[tuple[str, int, int]] = []

    mouth_curve(take(), len(take()) / RATE_HZ, lambda *facts: told.append(facts))

    assert told
    assert all(stage == "speech" and 0 < done <= total for stage, done, total in told)


# Contacts of the lips


def heard(frames: int, **likely: list[tuple[int, int, float]]) -> Heard:
    """What the model answers: stretches of (first, last, how likely) for closure or teeth, nothing elsewhere."""
    rows = {name: np.zeros(frames, np.float32) for name in Heard.__dataclass_fields__}
    for name, stretches in likely.items():
        for first, last, value in stretches:
            rows[name][first:last] = value
    return Heard(**rows)


@pytest.mark.parametrize("length", [2, 6, 12, 40])
def test_a_closure_is_held_long_enough_to_be_seen_however_short_it_is(length: int):
    closure, teeth = lips.contacts(heard(150, closure=[(50, 50 + length, 0.9)]))

    held = np.flatnonzero(closure == 1.0)
    assert 4 <= len(held) <= 14
    assert np.array_equal(held, np.arange(held[0], held[-1] + 1))
    assert 47 <= held[0] <= 52
    assert teeth.max() == 0.0


def test_a_contact_that_is_hardly_likely_or_only_for_a_moment_is_not_made():
    closure, teeth = lips.contacts(heard(150, closure=[(50, 60, 0.4)], teeth=[(80, 81, 0.9)]))

    assert closure.max() == teeth.max() == 0.0


def test_lips_that_are_pressed_are_not_at_the_teeth():
    closure, teeth = lips.contacts(
        heard(150, closure=[(50, 60, 0.8)], teeth=[(50, 60, 0.7), (90, 98, 0.8)])
    )

    assert closure[50:60].min() == 1.0
    assert teeth[50:60].max() == 0.0
    assert teeth[90:98].min() == 1.0


def test_a_contact_at_the_very_edge_of_the_take_is_cut_off():
    closure, _ = lips.contacts(heard(30, closure=[(0, 3, 0.9), (27, 30, 0.9)]))

    assert closure[0] == closure[-1] == 1.0
    assert closure[15] == 0.0


# Coarticulation


def test_the_lips_round_before_a_rounded_vowel_begins():
    phones = [Phone("S", 0.3, 0.4), Phone("T", 0.4, 0.5), Phone("UW", 0.5, 0.7)]

    rounding = coarticulation.blend(phones, 120).rounding

    assert rounding[60] > 0.8
    assert 0.2 < rounding[45] < rounding[50] < rounding[60]
    assert rounding[5] < 0.1


def test_a_diphthong_moves_from_its_first_target_to_its_second():
    opening = coarticulation.blend([Phone("AW", 0.2, 0.5)], 70).opening

    assert opening[25] > 0.8
    assert opening[46] < 0.5


def test_without_phones_there_is_no_opinion():
    targets = coarticulation.blend([], 10)

    assert np.allclose(targets.opening, coarticulation.REST_OPENING)
    assert not targets.width.any()
    assert not targets.rounding.any()


def test_an_unknown_phone_pulls_nothing():
    known = coarticulation.blend([Phone("AA", 0.1, 0.2)], 50)

    with_unknown = coarticulation.blend([Phone("AA", 0.1, 0.2), Phone("??", 0.3, 0.4)], 50)

    assert np.array_equal(with_unknown.opening, known.opening)


# Levels and voice activity


def test_a_tone_is_measured_in_its_band_at_its_level():
    seconds = np.arange(RATE_HZ) / RATE_HZ
    tone = (0.1 * np.sin(2 * np.pi * 800 * seconds)).astype(np.float32)

    bands = loudness.measure(tone, 101)

    assert bands.jaw[50] == pytest.approx(-20, abs=0.5)
    assert bands.total[50] == pytest.approx(-20, abs=0.5)
    assert bands.hiss[50] < -60
    assert bands.murmur[50] < -60


def test_levels_do_not_depend_on_where_blocks_begin():
    sound = room(50)
    shifted = sound[160 * 4000 :]

    whole, part = loudness.measure(sound, 5001), loudness.measure(shifted, 1001)

    assert np.allclose(whole.total[4010:4990], part.total[10:990], atol=1e-3)


def test_louder_bands_are_those_of_the_louder_sound():
    sound = np.concatenate([room(1), silence(1)])

    moved = loudness.measure(sound, 201).louder(20)

    again = loudness.measure(sound * 10, 201)
    assert np.allclose(moved.voice[:90], again.voice[:90], atol=0.01)
    assert moved.voice[150] == again.voice[150]


def test_the_detector_answers_the_same_for_a_long_take_as_for_its_start():
    long = np.tile(take(), 12)[: 1100 * 512]

    answers = activity.speech_probability(long)

    assert len(answers) == 1100
    assert np.allclose(answers[:100], activity.speech_probability(long[: 100 * 512]), atol=1e-4)


def test_spans_are_the_stretches_of_true():
    flags = np.array([1, 1, 0, 0, 1, 0, 1], np.bool_)

    assert activity.spans(flags) == [(0, 2), (4, 5), (6, 7)]
    assert activity.spans(np.zeros(3, np.bool_)) == []


# Reading the curve for the frames of a Clip


@pytest.mark.parametrize("fps", [Fraction(15), Fraction(24000, 1001), Fraction(25), Fraction(60)])
@pytest.mark.parametrize("start", range(40, 48))
def test_a_short_closure_is_seen_in_a_frame_wherever_it_falls(fps: Fraction, start: int):
    curve = flat_curve(opening=0.5, speech=1.0)
    curve.closure[start : start + 4] = 1.0
    curve.opening[start : start + 4] = 0.0

    shapes = resample(curve, fps, int(fps))

    closed = [shape for shape in shapes if shape.closure == 1.0]
    assert 1 <= len(closed) <= 1 + fps * Fraction(6, 100)
    assert {shape.opening for shape in closed} == {0.0}


def test_a_frame_shows_the_average_of_the_time_it_is_on_the_screen():
    curve = flat_curve()
    curve.opening[:] = np.linspace(0, 1, len(curve.opening))

    shapes = resample(curve, Fraction(25), 25)

    assert [s.opening for s in shapes] == pytest.approx([(i + 0.5) / 25 for i in range(25)])


def test_beyond_the_take_the_mouth_is_at_rest():
    curve = flat_curve(opening=0.5, width=0.3, speech=1.0)

    assert astuple(shape_at(curve, 1.5)) == (0.0,) * 6
    assert astuple(resample(curve, Fraction(25), 40)[-1]) == (0.0,) * 6


def test_between_two_values_the_curve_is_read_linearly():
    curve = flat_curve()
    curve.opening[10:12] = (0.2, 0.4)

    assert shape_at(curve, 0.105).opening == pytest.approx(0.3)


# Labelled speech as an independent judge

SENTENCES = {
    "en": (
        "Good morning everybody, and welcome to the spring meeting of our company.",
        "Five boys and seven girls played football behind the old school.",
    ),
    "de": (
        "Am Abend kommt mein Bruder mit dem Auto vorbei und bringt Blumen mit.",
        "Das Wetter wird morgen warm, mit wenig Wind über den Bergen.",
    ),
    "cmn-latn-pinyin": (
        "wo3 men5 jin1 tian1 bu2 qu4 bei3 jing1, ming2 tian1 qu4 shang4 hai3.",
        "ma1 ma5 mai3 le5 ping2 guo3, ba4 ba5 pao3 bu4.",
    ),
}


@pytest.fixture(scope="session")
def espeak() -> None:
    """Debian's espeak-ng, which brings the library that is asked."""
    need("espeak-ng")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    count = min(len(a), len(b))
    return float(np.corrcoef(a[:count], b[:count])[0, 1])


def loudness_alone(samples: Samples, frames: int) -> np.ndarray:
    """What a mouth driven by volume would do: 30 dB of it, smoothed over some 100 ms."""
    level_db = loudness.measure(samples, frames).voice
    return loudness.smoothed(np.clip(1 + (level_db - np.percentile(level_db, 95)) / 30, 0, 1), 0.04)


@pytest.mark.usefixtures("espeak")
def test_a_take_of_close_vowels_alone_does_not_open_the_mouth_as_for_open_ones():
    widest = {
        text: float(curve_of(speak_espeak(text, "en-us").samples).opening.max())
        for text in ("he sees me", "who knew you too", "my father can")
    }

    assert max(widest["he sees me"], widest["who knew you too"]) < 0.6
    assert widest["my father can"] > 0.65


@pytest.mark.usefixtures("espeak")
@pytest.mark.parametrize("voice", list(SENTENCES))
def test_the_opening_follows_the_phonemes_better_than_loudness_does(voice: str):
    ours, loud = [], []
    for sentence in SENTENCES[voice]:
        said = speak_espeak(sentence, voice)
        truth = loudness.smoothed(speech.opening_of(said), 0.025)
        curve = mouth_curve(said.samples, said.duration_s)
        ours.append(correlation(curve.opening, truth))
        loud.append(correlation(loudness_alone(said.samples, len(curve.opening)), truth))

    assert np.mean(ours) > 0.62
    assert np.mean(ours) > np.mean(loud)


# Real recordings


@pytest.mark.parametrize(
    "name", ["zh_news_8s.ogg", "en_radio_8s.amr", "de_9s.m4a", "zh_bus_3s.amr"]
)
def test_a_real_voice_moves_the_mouth_like_a_speaker(name: str, samples: Path):
    curve = curve_of(read_sound(samples / "voices" / name, RATE_HZ))

    speaking = curve.speech == 1.0
    assert speaking.mean() > 0.5
    assert 0.5 <= np.percentile(curve.opening[speaking], 95) <= 0.85
    assert 0.1 <= np.median(curve.opening[speaking]) <= 0.4
    assert not curve.opening[curve.speech == 0].any()
    assert not curve.opening[curve.closure == 1].any()


def test_two_seconds_of_silence_in_a_real_recording_close_the_mouth(samples: Path):
    voice = read_sound(samples / "voices" / "zh_news_8s.ogg", RATE_HZ)
    cut = 3 * RATE_HZ

    curve = curve_of(np.concatenate([voice[:cut], silence(2), voice[cut:]]))

    assert curve.opening[300 + 12 : 500 - 12].max() == 0.0


@pytest.mark.parametrize("name", ["zh_news_8s.ogg", "de_9s.m4a"])
def test_noise_in_the_room_changes_little_and_does_not_open_the_mouth(name: str, samples: Path):
    voice = read_sound(samples / "voices" / name, RATE_HZ)
    clean = np.concatenate([silence(1), voice[: 4 * RATE_HZ], silence(2), voice[4 * RATE_HZ :]])
    level = float(np.sqrt(np.mean(voice**2)))

    noisy = clean + room(len(clean) / RATE_HZ, level / 10)  # 20 dB below the voice

    curve = curve_of(noisy)
    assert correlation(curve.opening, curve_of(clean).opening) > 0.75
    assert curve.opening[500 + 20 : 700 - 20].max() == 0.0
    assert curve.opening[: 100 - 12].max() == 0.0


@pytest.mark.slow
def test_a_filmed_speaker_is_followed_better_than_by_loudness(samples: Path):
    video = samples / "templates" / "presenter_1080x1920_hevc_30fps.mp4"
    sound = read_sound(video, RATE_HZ)
    facts = video_facts(video)
    with FaceMesh() as mesh:
        found = [mesh.find(frame) for frame in read_frames(video, facts)]
    shown = mouth_openings(
        np.stack([np.full((468, 2), np.nan, np.float32) if f is None else f for f in found])
    )
    curve = curve_of(sound)
    seconds = (np.arange(len(shown)) + 0.5) / float(facts.fps)

    ours, loud = (
        max(correlation(np.interp(seconds + lead_s, np.arange(len(asked)) / 100, asked), shown)
            for lead_s in (0.0, 0.033, 0.067, 0.1))
        for asked in (curve.opening, loudness_alone(sound, len(curve.opening)))
    )  # fmt: skip

    assert ours > loud + 0.2
    assert ours > 0.48
