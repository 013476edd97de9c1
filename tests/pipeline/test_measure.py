"""The figures of an inspection: known curves, known noise, known shifts, and a Clip of our own from end to end."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.engines.port import Performance, Speech
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.errors import Stopped, UnreadableFile
from pipeline.faces.geometry import (
    EYE_CORNERS,
    LOWER_INNER,
    LOWER_OUTER,
    UPPER_INNER,
    UPPER_OUTER,
)
from pipeline.faces.track import track_faces
from pipeline.label.embedded import EmbeddedLabel
from pipeline.measure.figures import (
    opening_ratio,
    psnr_db,
    silence_opening,
    silent_frames,
    sound_offset_s,
    square_error,
    texture,
    tracking,
)
from pipeline.measure.inspection import inspect_clip
from pipeline.measure.masks import fill_hull, skin_around_mouth
from pipeline.measure.request import inspect_request
from pipeline.media import ClipWriter, encode_sound, probe_video, read_frames, read_sound, transcode
from pipeline.render import render_clip
from pipeline.samples.library import LOOKS, write_voice
from pipeline.speech.analyse import mouth_curve
from pipeline.types import VideoFacts
from tests.corpora.media import retag
from tests.presenters import bring_presenter

FPS = Fraction(25)


def nothing(stage: str, done: int, total: int) -> None:
    pass


def babble(frames: int = 200, seed: int = 1) -> np.ndarray:
    """An opening curve as speech has it: smooth, never negative."""
    rough = np.random.default_rng(seed).standard_normal(frames)
    return np.clip(np.convolve(rough, np.hanning(5), mode="same"), 0.0, None) * 0.1


def test_a_mouth_that_does_as_asked_tracks_perfectly_without_lag():
    asked = babble()

    assert tracking(0.7 * asked + 0.01, asked) == (pytest.approx(1.0), 0)


@pytest.mark.parametrize("lag", [-4, -1, 2, 5])
def test_a_shifted_mouth_is_found_at_its_lag_and_late_is_positive(lag: int):
    asked = babble()

    assert tracking(np.roll(asked, lag), asked) == (pytest.approx(1.0, abs=0.02), lag)


def test_frames_without_a_face_do_not_disturb_tracking():
    asked = babble()
    measured = asked.copy()
    measured[50:90] = np.nan

    assert tracking(measured, asked) == (pytest.approx(1.0), 0)


def test_a_mouth_that_never_moves_has_no_tracking():
    assert tracking(np.zeros(100), babble(100)) is None
    assert tracking(np.full(100, np.nan), babble(100)) is None


def test_only_the_inside_of_long_silences_is_silent():
    speech = np.ones(400, np.float32)
    speech[100:200] = 0.0  # a second
    speech[300:325] = 0.0  # a quarter of one: too short

    silent = silent_frames(speech, FPS, 100)

    # Frame i stands for second (i + 0.5) / 25; a second of silence keeps 1.15 s to 1.85 s.
    assert list(np.flatnonzero(silent)) == list(range(29, 46))


def test_silence_opening_is_the_ratio_of_the_95th_percentiles():
    silent = np.arange(100) < 40
    measured = np.where(silent, 0.02, 0.2)

    assert silence_opening(measured, silent, ~silent) == pytest.approx(0.1)
    assert silence_opening(measured, np.zeros(100, bool), ~silent) is None
    assert silence_opening(np.where(silent, -0.01, 0.2), silent, ~silent) == 0.0


def test_a_mouth_that_opens_half_as_far_as_asked_has_half_the_ratio():
    asked = babble()
    speaking = np.ones(200, bool)

    assert opening_ratio(asked / 2, asked, speaking) == pytest.approx(0.5)
    assert opening_ratio(asked, np.zeros(200), speaking) is None


def test_psnr_of_known_noise_is_what_the_formula_says():
    first = np.full((64, 64), 100, np.uint8)
    second = first.copy()
    second[::2] += 6
    mask = np.full((64, 64), 255, np.uint8)

    error, pixels = square_error(first, second, mask)

    assert (error, pixels) == (pytest.approx(36 * 64 * 32), 64 * 64)
    assert psnr_db(error, pixels) == pytest.approx(10 * np.log10(255**2 / 18))
    assert psnr_db(0.0, pixels) == 100.0
    assert psnr_db(0.0, 0) is None


def test_what_the_mask_leaves_out_does_not_count():
    first, second = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8)
    second[:10] = 200
    mask = np.zeros((20, 20), np.uint8)
    mask[10:] = 255

    assert square_error(first, second, mask) == (0.0, 200)


def test_a_blurred_mouth_has_less_texture():
    rng = np.random.default_rng(3)
    sharp = rng.integers(80, 160, (60, 60)).astype(np.uint8)
    mask = np.full((60, 60), 255, np.uint8)

    assert texture(cv2.GaussianBlur(sharp, (0, 0), 1.5), mask) < 0.1 * texture(sharp, mask)
    assert texture(sharp, np.zeros_like(mask)) == 0.0


def test_a_hull_is_widened_by_its_margin():
    mask = np.zeros((100, 100), np.uint8)
    square = np.array([[40, 40], [60, 40], [60, 60], [40, 60]], np.float32)

    fill_hull(mask, square, 10.0, 255)

    assert mask[50, 31] == mask[31, 50] == mask[50, 69] == 255
    assert mask[50, 28] == mask[50, 72] == 0


def _face(lips_apart_px: float) -> np.ndarray:
    """468 points of which only eye corners and lips are in their places: a mouth 60 px wide around (100, 150)."""
    points = np.zeros((468, 2), np.float32)
    points[list(EYE_CORNERS)] = (50, 60), (150, 60)
    places = np.linspace(-30, 30, 11)
    for contour, drop in (
        (UPPER_OUTER, -8 - lips_apart_px / 2),
        (UPPER_INNER, -lips_apart_px / 2),
        (LOWER_INNER, lips_apart_px / 2),
        (LOWER_OUTER, 8 + lips_apart_px / 2),
    ):
        points[list(contour)] = np.stack([100 + places, 150 + drop * np.hanning(11)], axis=1)
    return points


def test_an_open_mouth_in_the_template_is_no_texture_that_a_closed_one_lacks():
    skin = np.random.default_rng(8).integers(110, 130, (300, 200)).astype(np.uint8)
    speaking = skin.copy()
    cv2.ellipse(speaking, (100, 150), (26, 10), 0, 0, 360, 20, -1)

    mask = skin_around_mouth(skin.shape, _face(0.0), _face(24.0))

    assert texture(skin, mask) == texture(speaking, mask) > 0
    assert texture(skin, skin_around_mouth(skin.shape, _face(0.0), None)) > 0


def test_late_sound_has_a_positive_offset():
    said = np.random.default_rng(4).standard_normal(16000).astype(np.float32)
    late = np.concatenate([np.zeros(1920, np.float32), said])

    assert sound_offset_s(late, said, 16000) == pytest.approx(0.12)
    assert sound_offset_s(said[800:], said, 16000) == pytest.approx(-0.05)


def test_another_recording_has_no_offset():
    rng = np.random.default_rng(5)
    first, second = (rng.standard_normal(16000).astype(np.float32) for _ in range(2))

    assert sound_offset_s(first, second, 16000) is None
    assert sound_offset_s(np.zeros(16000, np.float32), second, 16000) is None


class Stage:
    """A presenter, a recording, and the Clip that the viseme engine makes of both."""

    def __init__(self, folder: Path) -> None:
        self.template, self.voice, self.sound, self.clip = (
            folder / name for name in ("template.mp4", "voice.wav", "sound.m4a", "clip.mp4")
        )
        write_voice(self.voice)
        self.facts = bring_presenter(LOOKS[0], self.template, 2.0)
        encode_sound(self.voice, self.sound)
        self.duration_s = len(read_sound(self.voice, 16000)) / 16000
        self.render()

    def render(self) -> None:
        curve = mouth_curve(read_sound(self.voice, 16000), self.duration_s)
        track = track_faces(read_frames(self.template, self.facts), self.facts, nothing)
        engine = VisemeEngine()
        prepared = engine.prepare(Performance(self.template, self.facts, track))
        render_clip(
            engine, prepared, Speech(self.sound, self.duration_s, curve), self.clip, nothing
        )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


def test_the_generated_presenter_visibly_speaks(stage: Stage):
    seen = inspect_clip(stage.clip, voice=stage.voice, template=stage.template, progress=nothing)

    assert seen.frames == probe_video(stage.clip).frames
    assert seen.tracking_r is not None
    assert seen.tracking_r > 0.85
    assert seen.lag_frames in {-1, 0, 1}
    assert seen.silence_opening is not None
    assert seen.silence_opening < 0.1
    assert seen.opening_ratio is not None
    assert 0.6 < seen.opening_ratio < 1.4
    assert seen.av_offset_s == pytest.approx(0.0, abs=0.005)
    assert seen.outside_psnr_db is not None
    assert seen.outside_psnr_db > 40


@pytest.mark.slow
def test_an_idle_presenter_with_a_voice_laid_over_does_not_track(stage: Stage, tmp_path: Path):
    bare = tmp_path / "bare.mp4"
    transcode(stage.template, stage.facts, bare, 100, stage.sound)

    seen = inspect_clip(bare, voice=stage.voice, template=stage.template, progress=nothing)

    assert seen.tracking_r is None or seen.tracking_r < 0.4
    assert seen.opening_ratio is not None
    assert seen.opening_ratio < 0.1
    assert seen.texture_ratio is not None
    assert 0.5 < seen.texture_ratio <= 1.2


def test_the_request_answers_with_exactly_the_promised_fields(stage: Stage, tmp_path: Path):
    told: list[tuple[str, int, int]] = []
    sheet = tmp_path / "sheet.png"

    answer = inspect_request(
        {"do": "inspect", "clip": str(stage.clip), "voice": None, "sheet": str(sheet)},
        lambda *what: told.append(what),
    )

    mouth = answer["mouth"]
    assert set(answer) == {
        "frames", "fps", "duration_s", "av_offset_s", "mouth", "outside_psnr_db", "label",
    }  # fmt: skip
    assert set(mouth) == {
        "tracking_r", "lag_frames", "silence_opening", "opening_ratio", "texture_ratio",
    }  # fmt: skip
    assert answer["label"]["visible"] is True
    assert answer["label"]["implicit"] == EmbeddedLabel("Chorus", "unnumbered").fields()
    assert (answer["fps"], answer["outside_psnr_db"], mouth["texture_ratio"]) == (25.0, None, None)
    assert mouth["tracking_r"] > 0.85  # from the Clip's own sound
    assert json.loads(json.dumps(answer)) == answer
    assert told[-1] == ("inspect", answer["frames"], answer["frames"])
    assert cv2.imread(str(sheet)) is not None


def _grey(path: Path, frames: int, sound: Path | None, metadata: dict[str, str]) -> Path:
    facts = VideoFacts("h264", 64, 48, FPS, frames, frames / 25, has_sound=False)
    with ClipWriter(path, facts, frames, sound, label=None) as writer:
        for frame in range(frames):
            writer.write(np.full((72, 64), 100 + frame % 50, np.uint8))
    return retag(path, metadata) if metadata else path


def test_sound_that_comes_late_is_measured_against_the_recording(stage: Stage, tmp_path: Path):
    late, sound = tmp_path / "late.wav", tmp_path / "late.m4a"
    said = stage.voice.read_bytes()
    quiet = bytes(2 * 3200)  # 0.2 s
    late.write_bytes(_wav(quiet + said[44:]))
    encode_sound(late, sound)
    clip = _grey(tmp_path / "clip.mp4", 40, sound, {})

    seen = inspect_clip(clip, voice=stage.voice, template=None, progress=nothing)

    assert seen.av_offset_s == pytest.approx(0.2, abs=0.005)


def _wav(samples: bytes) -> bytes:
    sizes = [(36 + len(samples)).to_bytes(4, "little"), len(samples).to_bytes(4, "little")]
    form = bytes([16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0x3E, 0, 0, 0, 0x7D, 0, 0, 2, 0, 16, 0])
    return b"RIFF" + sizes[0] + b"WAVEfmt " + form + b"data" + sizes[1] + samples


def test_a_video_without_face_and_sound_has_length_and_label_alone(tmp_path: Path):
    label = {"Label": "1", "ContentProducer": "somebody"}
    clip = _grey(tmp_path / "clip.mp4", 30, None, {"AIGC": json.dumps(label)})

    answer = inspect_clip(clip, voice=None, template=None, progress=nothing).as_json()

    assert answer == {
        "frames": 30,
        "fps": 25.0,
        "duration_s": 1.2,
        "av_offset_s": None,
        "mouth": {
            "tracking_r": None,
            "lag_frames": None,
            "silence_opening": None,
            "opening_ratio": None,
            "texture_ratio": None,
        },
        "outside_psnr_db": None,
        "label": {"visible": None, "box": None, "implicit": label},
    }


@pytest.mark.parametrize("text", ["no json", "[1]", "3", '{"a": NaN}', '{"a":' * 5000])
def test_a_label_that_is_no_json_object_is_none(text: str, tmp_path: Path):
    clip = _grey(tmp_path / "clip.mp4", 10, None, {"AIGC": text})

    seen = inspect_clip(clip, voice=None, template=None, progress=nothing)

    assert seen.implicit_label is None


def test_a_template_of_another_size_is_not_compared(stage: Stage, tmp_path: Path):
    clip = _grey(tmp_path / "clip.mp4", 10, None, {})

    seen = inspect_clip(clip, voice=None, template=stage.template, progress=nothing)

    assert (seen.texture_ratio, seen.outside_psnr_db) == (None, None)


def test_an_equal_video_differs_nowhere(tmp_path: Path):
    clip = _grey(tmp_path / "clip.mp4", 10, None, {})

    seen = inspect_clip(clip, voice=None, template=clip, progress=nothing)

    assert seen.outside_psnr_db == 100.0


def test_bytes_that_are_no_video_are_rejected(tmp_path: Path):
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(np.random.default_rng(6).bytes(5000))

    with pytest.raises(UnreadableFile):
        inspect_clip(noise, voice=None, template=None, progress=nothing)


def test_an_inspection_ends_when_it_is_stopped(tmp_path: Path):
    clip = _grey(tmp_path / "clip.mp4", 10, None, {})

    def stop(stage: str, done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        inspect_clip(clip, voice=None, template=None, progress=stop)
