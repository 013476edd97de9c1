"""How the acoustic model came to be: texts, synthesisers, channels, examples, learning."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.media import CODECS, through_codec
from pipeline.speech.acoustic import INPUTS
from pipeline.speech.analyse import mouth_curve
from pipeline.speech.loudness import RATE_HZ, measure
from pipeline.speech.phones import Phone
from pipeline.speech.spectrum import spectra
from pipeline.speech.training import voices
from pipeline.speech.training.__main__ import training
from pipeline.speech.training.alphabets import ALPHABETS
from pipeline.speech.training.channels import channel, throat
from pipeline.speech.training.corpus import read_corpus, said_in, write_corpus
from pipeline.speech.training.examples import contacts, example, labels_of
from pipeline.speech.training.report import mean_score, score
from pipeline.speech.training.synthesis import Spoken, Voice, speak, speak_espeak
from pipeline.speech.training.texts import LANGUAGES, sentence
from pipeline.speech.visemes import visemes_of
from pipeline.types import MouthCurve, Samples
from tests.corpora import speech
from tests.corpora.speech import AH, EE, SHUT
from tests.judges import need

PAPA = (
    Phone("p", 0.0, 0.10), Phone("a", 0.10, 0.30), Phone("p", 0.30, 0.40), Phone("a", 0.40, 0.60),
    Phone("", 0.60, 1.00),
)  # fmt: skip


def babbled() -> Samples:
    return speech.babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)


def said(samples: Samples) -> Spoken:
    return Spoken(samples, (Phone("a", 0.0, len(samples) / RATE_HZ),))


# Texts and alphabets


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_sentences_that_depend_on_nothing_but_the_seed(language: str):
    first, again = (sentence(language, np.random.default_rng(5)) for _ in range(2))
    other = sentence(language, np.random.default_rng(6))

    assert first == again != other
    assert first.endswith(".")
    assert len(first.split()) >= 3


def test_every_voice_reads_a_language_that_has_texts_and_names_phones_we_know():
    everyone = [*voices.RECORDED, *voices.HELD_OUT]

    assert {voice.language for voice in everyone} <= set(LANGUAGES)
    assert {voice.alphabet for voice in everyone} <= set(ALPHABETS)
    assert {*voices.ESPEAK.values(), *voices.ESPEAK_HELD_OUT.values()} <= set(LANGUAGES)
    for alphabet in ALPHABETS.values():
        assert [name for name, ipa in alphabet.items() if not visemes_of(ipa)] == []


def test_nobody_teaches_and_examines():
    assert not {v.name for v in voices.RECORDED} & {v.name for v in voices.HELD_OUT}
    assert not set(voices.ESPEAK) & set(voices.ESPEAK_HELD_OUT)
    assert not set(voices.VARIANTS) & set(voices.VARIANTS_HELD_OUT)


def test_the_sentences_of_the_exam_are_not_taught(tmp_path):
    asked = CliRunner().invoke(training, ["corpus", str(tmp_path / "c.npz"), "--seed", "99"])

    assert asked.exit_code == 2
    assert "sentences of the report" in asked.output


def test_length_tone_and_accent_do_not_change_what_the_lips_do():
    assert visemes_of("aː") == visemes_of("a")
    assert visemes_of("ɛ̃") == visemes_of("ɛ")
    assert visemes_of("ä") == visemes_of("a")
    assert len(visemes_of("aɪ")) == 2
    assert visemes_of("") == ()


# Synthesisers


def test_a_stop_of_espeak_starts_with_its_closure_not_with_its_burst():
    need("espeak-ng")

    spoken = speak_espeak("Papa baut ein Boot.", "de")

    level_db = measure(spoken.samples, round(spoken.duration_s * 100)).total
    inner = [phone for phone in spoken.phones[2:] if phone.name == "p"]
    assert inner
    for phone in inner:
        first = round(phone.start_s * 100)
        assert level_db[first + 1] < level_db[first - 4] - 20
        assert phone.end_s - phone.start_s > 0.04


@pytest.mark.parametrize(
    ("program", "voice"),
    [("flite", Voice("flite", "slt", "en")), ("festival", Voice("festival", "kal_diphone", "en"))],
)
def test_a_recorded_voice_tells_its_phones_to_the_end_of_its_sound(program: str, voice: Voice):
    need(program)

    first, second = speak(voice, ["Maybe papa comes back.", "A big farm."])

    names = [phone.name for phone in first.phones if phone.name]
    assert names[:4] == ["m", "eɪ", "b", "i"]
    assert first.phones[-1].end_s == pytest.approx(first.duration_s, abs=0.1)
    assert [phone.name for phone in second.phones].count("f") == 1


def test_an_unknown_voice_is_named():
    need("espeak-ng")

    with pytest.raises(LookupError, match="nowhere"):
        list(speak(Voice("espeak", "nowhere", "en"), ["Hello."]))


# Channels


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_gives_back_the_voice_in_time(codec: str):
    voice = babbled()

    heard = through_codec(voice, RATE_HZ, codec, 12_200 if codec == "amr" else 32_000)

    assert heard.shape == voice.shape
    shifts = [float(np.dot(heard[80:-80], np.roll(voice, s)[80:-80])) for s in range(-80, 81, 8)]
    assert abs(int(np.argmax(shifts)) * 8 - 80) <= 8
    assert np.corrcoef(heard, voice)[0, 1] > 0.7


def test_a_channel_keeps_the_length_and_never_clips_to_noise():
    voice = babbled()
    for seed in range(12):
        heard = channel(voice, np.random.default_rng(seed))

        assert heard.shape == voice.shape
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() > 0.01


def test_another_throat_is_faster_and_higher_together():
    voice = babbled()

    assert len(throat(voice, 1.1)) == pytest.approx(len(voice) / 1.1, abs=1)


# Examples


def test_labels_close_the_lips_for_p_and_open_them_for_a():
    labels = labels_of(PAPA, 101)

    assert labels.shape == (101, 5)
    assert labels[35, 0] < 0.05 < 0.7 < labels[20, 0]
    assert labels[32:37, 3].min() == 1.0
    assert labels[39, 3] == 0.0  # the burst: the lips are apart already
    assert contacts(PAPA, 101, released=False)[39, 0] == 1.0
    assert labels[70:, 0].max() < 0.05


def test_an_example_is_as_long_as_its_sound_and_starts_in_silence():
    made = example(said(babbled()), np.random.default_rng(3))

    assert made.evidence.shape == (len(made.labels), INPUTS)
    assert made.labels[:5, 0].max() < 0.1
    assert made.labels[:, 0].max() > 0.5


def test_a_corpus_reads_back_as_written(tmp_path):
    sentences = [said(babbled()), said(babbled()[: 2 * RATE_HZ])]

    count = write_corpus(tmp_path / "corpus.npz", sentences, 2, np.random.default_rng(1))

    examples = read_corpus(tmp_path / "corpus.npz")
    assert len(examples) == count == 4
    assert all(len(e.evidence) == len(e.labels) for e in examples)
    assert len(examples[0].evidence) > len(examples[1].evidence)


# Spectra


def test_spectra_are_the_same_at_any_volume():
    voice = babbled()

    loud, soft = (spectra(voice * np.float32(gain), 200) for gain in (1.0, 0.25))

    assert np.abs(loud - soft)[:150].mean() < 0.02


def test_the_colour_of_a_microphone_goes_with_the_mean():
    voice = babbled()
    spectrum = np.fft.rfft(voice)
    bright = np.fft.irfft(spectrum * np.linspace(0.5, 3, len(spectrum)), len(voice))

    plain, coloured = (spectra(s.astype(np.float32), 250) for s in (voice, bright))

    assert np.abs(plain - coloured).mean() < 0.15


# The report


def curve_like(labels: np.ndarray, shift: int = 0) -> MouthCurve:
    moved = np.roll(labels, shift, axis=0)
    speaking = np.ones(len(labels), np.float32)
    return MouthCurve(*moved.T, speaking)


def test_a_perfect_curve_scores_one_and_a_late_one_less():
    sentence_ = Spoken(np.zeros(RATE_HZ, np.float32), PAPA)

    perfect = score([sentence_], lambda s: curve_like(labels_of(s.phones, 101)))
    late = score([sentence_], lambda s: curve_like(labels_of(s.phones, 101), 15))

    assert perfect.opening_r == pytest.approx(1.0)
    assert perfect.closed == (1.0, 1.0)
    assert late.opening_r < 0.7
    assert late.closed[0] < 1.0
    assert mean_score([perfect, late]).opening_r == pytest.approx(
        (perfect.opening_r + late.opening_r) / 2
    )


# What was learned


def listened(sentence_: Spoken) -> MouthCurve:
    return mouth_curve(sentence_.samples, sentence_.duration_s)


@pytest.mark.slow
def test_formant_voices_never_heard_before_move_the_mouth_as_their_phones_ask():
    need("espeak-ng")
    scores = [
        score(
            list(said_in({name: spelling}, voices.VARIANTS_HELD_OUT, 3, np.random.default_rng(4))),
            listened,
        )
        for name, spelling in {
            "en-us": "en",
            "de": "de",
            "cmn-latn-pinyin": "cmn",
            "ja": "ja",
        }.items()
    ]

    mean = mean_score(scores)
    assert mean.opening_r >= 0.8
    assert mean.closed[0] >= 0.8
    assert mean.closed[1] >= 0.6
    assert min(each.opening_r for each in scores) > 0.7


@pytest.mark.slow
def test_a_recorded_voice_never_heard_before_moves_the_mouth_as_its_phones_ask():
    need("flite")
    generator = np.random.default_rng(4)
    voice = voices.HELD_OUT[0]

    found = score(list(speak(voice, [sentence("en", generator) for _ in range(5)])), listened)

    assert found.opening_r >= 0.8
    assert found.closed[0] >= 0.8
    assert found.closed[1] >= 0.6


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "bit_rate"), [("opus", 16_000), ("amr", 7400)])
def test_a_phone_on_the_way_changes_little(codec: str, bit_rate: int):
    need("flite")
    generator = np.random.default_rng(4)
    sentences_ = list(speak(voices.HELD_OUT[0], [sentence("en", generator) for _ in range(12)]))
    called = [
        replace(each, samples=through_codec(each.samples, RATE_HZ, codec, bit_rate))
        for each in sentences_
    ]

    direct, phoned = score(sentences_, listened), score(called, listened)

    assert phoned.opening_r > direct.opening_r - 0.05
    assert phoned.closed[0] > 0.7
    assert phoned.closed[1] > 0.6
