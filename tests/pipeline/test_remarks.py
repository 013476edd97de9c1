"""What is worth saying of a recording is said, and nothing of one that is as it should be."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from pipeline.media import keep_recording, through_codec
from pipeline.remarks import Remark
from pipeline.sound.remarks import Ear, remarks_on
from tests.corpora.loudness import KINDS, RATE_HZ, voice
from tests.corpora.media import write_sound
from tests.judges import need


def told(source: Path, speech: np.ndarray | None = None) -> list[Remark]:
    """What is said of a recording in which somebody speaks where ``speech`` says so, or all the time."""
    ear = Ear()
    kept = keep_recording(source, source.with_name("kept.flac"), listener=ear.add)
    if speech is None:
        speech = np.ones(round(kept.facts.duration_s * 100), np.bool_)
    return list(
        remarks_on(
            clipped=ear.clipped(speech),
            snr_db=ear.snr_db(speech, ~speech),
            seconds=kept.facts.duration_s,
            declared_s=kept.declared_s,
        )
    )


def written(folder: Path, sound: np.ndarray) -> Path:
    layout = "mono" if len(sound) == 1 else "stereo"
    return write_sound(folder / "v.wav", sound, "pcm_f32le", layout=layout, container="wav")


@pytest.mark.parametrize(
    "kind", ["quiet", "loud", "telephone", "music under it", "one side", "silence around"]
)
def test_nothing_is_said_of_a_good_recording(tmp_path: Path, kind: str):
    assert told(written(tmp_path, KINDS[kind]())) == []


@pytest.mark.parametrize("codec", [None, "mp3", "opus"])
@pytest.mark.parametrize("level", [1.0, 0.4])
def test_what_was_too_loud_is_told_whatever_codec_and_volume_came_behind(
    tmp_path: Path, codec: str | None, level: float
):
    sound = np.clip(10 * voice()[0], -1, 1)
    if codec is not None:
        sound = through_codec(sound, RATE_HZ, codec, 64_000)

    (remark,) = told(written(tmp_path, level * sound[None]))

    assert remark.code == "clipped"
    assert 0.1 < remark.facts["share"] < 0.8


@pytest.mark.parametrize(("snr_db", "told_of"), [(5, ["noisy"]), (11, ["noisy"]), (18, [])])
def test_noise_between_the_words_is_told(tmp_path: Path, snr_db: float, told_of: list[str]):
    pauses = np.zeros((1, RATE_HZ), np.float32)
    said = np.concatenate([pauses, voice(3), pauses], axis=1)
    speech = np.abs(said).reshape(-1, 480).max(axis=1) > 0.01
    power = float(np.mean(np.square(said[0].reshape(-1, 480)[speech])))
    hiss = np.random.default_rng(4).standard_normal(said.shape) * np.sqrt(power)

    noisy = (said + hiss * 10 ** (-snr_db / 20)).astype(np.float32)
    remarks = told(written(tmp_path, noisy), speech)

    assert [remark.code for remark in remarks] == told_of
    if remarks:
        assert remarks[0].facts["snr_db"] == pytest.approx(snr_db, abs=2.5)


FORMATS = {
    "v.wav": ["-c:a", "pcm_s16le"],
    "v.flac": [],
    "v.mp3": ["-b:a", "64k"],
    "v.m4a": ["-movflags", "faststart"],
    "v.3gp": ["-c:a", "aac", "-movflags", "faststart"],
    "v.mka": ["-c:a", "libopus"],
    "v.aiff": [],
}


def converted(source: Path, out: Path, options: list[str]) -> Path:
    line = [need("ffmpeg"), "-v", "error", "-i", str(source), *options, str(out)]
    subprocess.run(line, check=True)
    return out


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_breaks_off_says_so_and_a_whole_one_does_not(tmp_path: Path, name: str):
    sound = np.concatenate([voice(4)] * 2, axis=1)
    wave = write_sound(tmp_path / "source.wav", sound, "pcm_s16le", container="wav")
    whole = converted(wave, tmp_path / name, FORMATS[name])
    content = whole.read_bytes()
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(content[: len(content) * 6 // 10])

    (remark,) = told(cut)

    assert remark.code == "broken_off"
    assert 0.4 < remark.facts["seconds"] / remark.facts["declared_s"] < 0.75
    assert remark.facts["declared_s"] == pytest.approx(sound.shape[1] / RATE_HZ, abs=0.7)
    assert told(whole) == []


@pytest.mark.parametrize("kind", ["wav", "flac", "matroska"])
def test_a_header_written_before_anybody_knew_the_length_is_not_believed(tmp_path: Path, kind: str):
    wave = write_sound(tmp_path / "source.wav", voice(), "pcm_s16le", container="wav")
    line = [need("ffmpeg"), "-v", "error", "-i", str(wave), "-f", kind, "-"]
    streamed = subprocess.run(line, capture_output=True, check=True).stdout
    (tmp_path / "streamed").write_bytes(streamed[: len(streamed) * 6 // 10])

    assert told(tmp_path / "streamed") == []


def test_sound_that_ends_before_its_picture_is_not_broken_off(tmp_path: Path):
    wave = write_sound(tmp_path / "source.wav", voice(), "pcm_s16le", container="wav")
    picture = ["-f", "lavfi", "-i", "testsrc=d=9:s=160x120:r=10"]
    for out in (tmp_path / "v.mp4", tmp_path / "v.mkv"):
        converted(wave, out, [*picture, "-c:v", "mpeg4", "-c:a", "aac"])

        assert told(out) == []
