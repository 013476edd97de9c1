"""Words sharpen the lips: what spelling tells, what odds become of it, and that real weights go all the way."""

from dataclasses import replace
from pathlib import Path

import ctranslate2
import numpy as np
import pytest

from pipeline.errors import Stopped, WeightsBroken
from pipeline.speech import lips, phones, scribe
from pipeline.speech.acoustic import Heard, evidence, hear
from pipeline.speech.analyse import listen, mouth_curve
from pipeline.speech.loudness import RATE_HZ, gain_to_speaking_level_db, measure
from pipeline.speech.scribe import WEIGHTS, Scribe, hearing, installed, try_out
from pipeline.speech.spectrum import spectra
from pipeline.speech.spelling import contacts_of
from pipeline.speech.training.examples import contacts
from pipeline.speech.training.synthesis import Spoken, speak_espeak
from pipeline.speech.words import sharpen
from pipeline.types import Word
from tests.corpora.speech import AH, EE, SHUT, babble
from tests.corpora.whisper import write_whisper
from tests.judges import need


def kinds(word: str, language: str) -> list[str] | None:
    contacts = contacts_of(word, language)
    return None if contacts is None else [contact.kind for contact in contacts]


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("Maybe,", "en", ["closure", "closure"]),
        ("phone", "en", ["teeth"]),
        ("comb", "en", ["closure"]),  # the b is silent: looked up, not spelled
        ("Apfel", "de", ["closure", "teeth"]),
        ("Weißbrot", "de", ["teeth", "closure"]),
        ("what", "en", []),
        ("vino", "es", ["closure"]),
        ("明天去北京", "zh", ["closure", "closure"]),
        ("非常", "zh", ["teeth"]),
        ("мама", "ru", ["closure", "closure"]),
        ("반갑습니다", "ko", ["closure", "closure", "closure"]),
        ("없다", "ko", ["closure"]),
        ("バス", "ja", ["closure"]),
        ("پدر", "fa", ["closure"]),
        ("nom", "fr", []),  # a nasal vowel: the lips stay open
        ("temps", "fr", []),
        ("pomme", "fr", ["closure", "closure"]),
        ("film", "fr", ["teeth", "closure"]),
        ("também", "pt", ["closure", "closure"]),
        ("三", "yue", None),  # ends with m, which its Mandarin reading does not tell
        ("แม่", "th", None),
        ("אמא", "he", None),
        ("病院", "ja", None),
        ("42", "en", None),
        ("…", "en", None),
    ],
)
def test_spelling_tells_the_contacts_of_a_word(
    word: str, language: str, expected: list[str] | None
):
    assert kinds(word, language) == expected


def test_contacts_stand_in_the_order_and_place_of_the_sounds():
    first, second = contacts_of("maybe", "en") or ()

    assert 0 <= first.place < 0.3 < 0.5 < second.place <= 1


def unsure(frames: int = 100) -> Heard:
    """Two moments that could be a closure, at 0.25 s and 0.75 s; the model cannot tell."""
    rows = {name: np.zeros(frames, np.float32) for name in Heard.__dataclass_fields__}
    rows["closure"][22:28] = rows["closure"][72:78] = 0.5
    return Heard(**rows)


def test_words_decide_where_the_ear_cannot():
    sharpened = sharpen(unsure(), [Word("mona", 0.2, 0.5), Word("lena", 0.65, 0.95)], "de")

    assert sharpened.closure[22:28].min() > 0.7
    assert sharpened.closure[72:78].max() < 0.3


def test_a_word_that_whisper_begins_too_late_keeps_its_first_contact():
    late = [Word("lena", 0.2, 0.81), Word("mona", 0.81, 1.0)]  # the m is heard from 0.72 s

    assert sharpen(unsure(), late, "de").closure[76:78].min() > unsure().closure[77] - 0.3
    assert sharpen(unsure(), late[:1], "de").closure[76:78].max() < 0.2


@pytest.mark.parametrize(
    "word",
    [Word("lena", 0.65, 0.95, probability=0.2), Word("病院", 0.65, 0.95), Word("12", 0.65, 0.95)],
)
def test_words_that_tell_nothing_change_nothing(word: Word):
    assert np.array_equal(sharpen(unsure(), [word], "ja").closure, unsure().closure)


def test_words_beyond_the_ends_of_the_take_are_cut():
    sharpened = sharpen(unsure(), [Word("mama", -0.2, 0.3), Word("papa", 0.7, 4.0)], "de")

    assert len(sharpened.closure) == 100
    assert np.isfinite(sharpened.closure).all()


def spoken_one_by_one(text: str, voice: str) -> tuple[Spoken, list[Word]]:
    """Words said one after the other: when each is said is known to the hundredth of a second."""
    samples, named, words = np.zeros(0, np.float32), [], []
    for text_of_word in text.split():
        said = speak_espeak(text_of_word, voice)
        begin_s = len(samples) / RATE_HZ
        samples = np.concatenate([samples, said.samples])
        moved = [
            replace(p, start_s=p.start_s + begin_s, end_s=p.end_s + begin_s) for p in said.phones
        ]
        named += moved
        words.append(Word(text_of_word, begin_s, begin_s + said.duration_s))
    return Spoken(samples, tuple(named)), words


def test_words_find_lips_in_a_noisy_room_that_the_ear_alone_misses():
    need("espeak-ng")
    said, words = spoken_one_by_one(
        "Am Abend kommt mein Bruder mit dem Auto vorbei und bringt Blumen mit Papa badet im warmen Wasser",
        "de",
    )
    generator = np.random.default_rng(3)
    noise = generator.standard_normal(len(said.samples)).astype(np.float32)
    noisy = said.samples + noise * np.float32(np.std(said.samples) * 0.35)  # 9 dB below the voice
    frames = len(noisy) // 160
    even = noisy * np.float32(10 ** (gain_to_speaking_level_db(measure(noisy, frames)) / 20))
    alone = hear(evidence(spectra(even, frames), phones.hear(even, [(0.0, len(even) / RATE_HZ)])))

    def found(heard: Heard) -> float:
        """Share of closures found, less the share invented."""
        truth = contacts(said.phones, frames, released=True)[:, 0] > 0
        closed = lips.contacts(heard)[0] >= 0.5
        return float((closed & truth).sum() / truth.sum() - (closed & ~truth).sum() / closed.sum())

    assert found(sharpen(alone, words, "de")) > found(alone) + 0.05


def test_weights_count_only_when_they_are_whole(tmp_path: Path):
    write_whisper(tmp_path / WEIGHTS)
    assert installed(tmp_path) == tmp_path / WEIGHTS

    (tmp_path / WEIGHTS / "tokenizer.json").unlink()

    assert installed(tmp_path) is None
    assert installed(None) is None


SAID = babble([AH, SHUT, EE, SHUT, AH, EE, SHUT, AH] * 2)


def test_a_take_is_analysed_with_weights_and_without_network(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write_whisper(tmp_path / WEIGHTS)

    said = Scribe(tmp_path / WEIGHTS).transcribe(SAID)
    curve = mouth_curve(SAID, len(SAID) / RATE_HZ, hear=hearing(tmp_path))

    assert len(said.language) in {2, 3}
    assert said.words
    assert all(word.start_s <= word.end_s for word in said.words)
    assert curve.opening.max() > 0.3


def test_a_scribe_is_loaded_once_and_hears_the_same_whatever_it_heard_before(tmp_path: Path):
    write_whisper(tmp_path / WEIGHTS)
    resident = Scribe(tmp_path / WEIGHTS)

    said = [resident.transcribe(samples) for samples in (SAID, SAID[::-1].copy(), SAID)]

    assert resident.loads == 1
    assert said[0] == said[2] == Scribe(tmp_path / WEIGHTS).transcribe(SAID)
    assert said[1] != said[0]


def test_where_the_gpu_cannot_be_used_whisper_runs_on_the_cpu_and_says_so(tmp_path: Path):
    if ctranslate2.get_cuda_device_count():
        pytest.skip("there is a GPU that can")
    write_whisper(tmp_path / WEIGHTS)

    resident = Scribe(tmp_path / WEIGHTS, "cuda")

    assert (resident.device, resident.loads) == ("cpu", 1)
    assert "Whisper runs on the CPU" in resident.notes[0]
    assert "CUDA" in resident.notes[0]
    assert resident.transcribe(SAID) == Scribe(tmp_path / WEIGHTS).transcribe(SAID)


class Full:
    """A model on a GPU whose memory is taken by others."""

    def transcribe(self, samples: object, **_: object) -> None:
        raise RuntimeError("CUDA failed with error out of memory")


def test_a_gpu_that_fails_later_costs_no_words(tmp_path: Path):
    write_whisper(tmp_path / WEIGHTS)
    resident = Scribe(tmp_path / WEIGHTS)
    resident.device, resident._model = "cuda", Full()

    said = resident.transcribe(SAID)

    assert said == Scribe(tmp_path / WEIGHTS).transcribe(SAID)
    assert (resident.device, resident.loads) == ("cpu", 2)
    assert "out of memory" in resident.notes[0]


@pytest.mark.parametrize("broken", ["model.bin", "config.json", "tokenizer.json"])
def test_broken_weights_cost_the_words_and_nothing_else(tmp_path: Path, broken: str):
    write_whisper(tmp_path / WEIGHTS)
    content = (tmp_path / WEIGHTS / broken).read_bytes()
    (tmp_path / WEIGHTS / broken).write_bytes(content[: len(content) // 2])

    listened = listen(SAID, len(SAID) / RATE_HZ, hear=hearing(tmp_path))

    assert listened.words == ()
    assert listened.words_failed
    assert listened.curve.opening.max() > 0.3
    with pytest.raises(WeightsBroken):
        try_out(tmp_path / WEIGHTS)


def test_whole_weights_can_be_tried_out(tmp_path: Path):
    write_whisper(tmp_path / WEIGHTS)

    try_out(tmp_path / WEIGHTS)


def test_who_stops_the_analysis_while_whisper_writes_is_heard(tmp_path: Path):
    write_whisper(tmp_path / WEIGHTS)

    def stop(stage: str, _done: int, _total: int) -> None:
        if stage == "words":
            raise Stopped

    with pytest.raises(Stopped):
        listen(SAID, len(SAID) / RATE_HZ, stop, hearing(tmp_path))


def test_where_nobody_speaks_nobody_is_asked_for_words():
    def hear(*_: object) -> None:
        raise AssertionError("asked")

    listened = listen(np.zeros(2 * RATE_HZ, np.float32), 2.0, hear=hear)

    assert (listened.words, listened.words_failed) == ((), "")


def test_a_latin_word_that_whisper_tears_in_chinese_is_whole_again():
    tokens = [
        Word(text, at, at + 1.0)
        for at, text in enumerate(["我们", "用", " Ch", "orus", " Pro", "做"])
    ]

    texts = [word.text for word in scribe._whole(tokens, torn=True)]

    assert texts == ["我们", "用", "Chorus", "Pro", "做"]
