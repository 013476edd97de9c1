"""The generated samples: a voice that speaks and presenters whom the face mesh really finds."""

import itertools
import wave
from pathlib import Path

import cv2
import numpy as np
import pocketsphinx
import pytest

from pipeline.errors import Stopped
from pipeline.faces.geometry import (
    CHIN,
    EYE_CORNERS,
    MOUTH_CORNERS,
    NOSE_TIP,
    eye_distance,
    mouth_opening,
)
from pipeline.faces.mesh import FaceMesh
from pipeline.media import probe_video, read_frames, read_sound
from pipeline.samples.idle import idle
from pipeline.samples.library import LOOKS, Look, write_presenter, write_voice
from pipeline.samples.presenter import Pose, Presenter
from pipeline.samples.relief import EYE_U, MOUTH_HALF, MOUTH_V
from pipeline.samples.voice import speak
from pipeline.speech.analyse import mouth_curve


def nothing(stage: str, done: int, total: int) -> None:
    pass


def test_the_voice_says_the_same_every_time():
    first, second = speak(), speak()

    assert np.array_equal(first, second)


def test_the_voice_is_loud_enough_and_does_not_clip():
    samples = speak()

    assert 0.6 < float(np.abs(samples).max()) < 0.8
    assert 4.0 < len(samples) / 16000 < 7.0


def test_the_recording_is_a_wav_file_that_the_media_rim_reads(tmp_path: Path):
    path = tmp_path / "voice.wav"

    seconds = write_voice(path)

    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
    heard = read_sound(path, 16000)
    assert len(heard) == round(seconds * 16000)
    assert float(np.abs(heard - speak()).max()) < 1e-4


def test_a_recogniser_understands_words_of_the_voice():
    models = pocketsphinx.get_model_path()
    decoder = pocketsphinx.Decoder(lm=f"{models}/en-us/en-us.lm.bin", loglevel="FATAL")

    decoder.start_utt()
    decoder.process_raw((speak() * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()

    assert {"welcome", "presenters"} <= set(decoder.hyp().hypstr.split())


def test_the_voice_is_heard_as_speech_with_a_pause_in_it():
    samples = speak()

    curve = mouth_curve(samples, len(samples) / 16000)

    assert 0.6 < float((curve.speech > 0.5).mean()) < 0.95
    assert float(np.percentile(curve.opening, 95)) > 0.3
    pause = curve.speech[100:400] == 0.0
    longest = max(len(list(run)) for silent, run in itertools.groupby(pause) if silent)
    assert longest >= 35  # of 10 ms: long enough to be measured as a silence


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_a_presenter_blinks_and_moves_only_a_little(look: Look):
    poses = list(idle(look, 250))

    assert any(pose.gaze.open == 0.0 for pose in poses)
    assert sum(pose.gaze.open == 1.0 for pose in poses) > 180
    yaw = np.degrees([pose.yaw for pose in poses])
    assert 1.0 < float(np.ptp(yaw)) < 20.0
    assert float(np.abs(np.diff(yaw)).max()) < 1.0
    assert poses == list(idle(look, 250))


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_the_face_mesh_finds_a_presenter_in_every_frame_with_closed_lips(
    look: Look, tmp_path: Path
):
    path = tmp_path / "presenter.mp4"

    facts = write_presenter(look, path, 1.2, nothing)

    assert probe_video(path) == facts
    assert (facts.width_px, facts.height_px, facts.frames) == (look.width_px, look.height_px, 30)
    with FaceMesh() as mesh:
        found = [mesh.find(planes) for planes in read_frames(path, facts)]
    faces = [points for points in found if points is not None]
    assert len(faces) == 30
    assert max(abs(mouth_opening(points)) for points in faces) < 0.02
    assert min(eye_distance(points) for points in faces) > 110


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_the_landmarks_lie_where_eyes_and_mouth_were_painted(look: Look):
    presenter = Presenter(look)
    at = presenter._at
    planes = cv2.cvtColor(presenter.frame(Pose()), cv2.COLOR_RGB2YUV_I420)

    with FaceMesh() as mesh:
        points = mesh.find(np.asarray(planes))

    assert points is not None
    units = points / at.unit_px + np.array([at.u[0, 0], at.v[0, 0]])
    left_eye, right_eye = units[EYE_CORNERS[0]], units[EYE_CORNERS[1]]
    assert left_eye == pytest.approx([-EYE_U - 0.21, 0.0], abs=0.12)
    assert right_eye == pytest.approx([EYE_U + 0.21, 0.0], abs=0.12)
    left_lip, right_lip = units[MOUTH_CORNERS[0]], units[MOUTH_CORNERS[1]]
    assert left_lip == pytest.approx([-MOUTH_HALF, MOUTH_V], abs=0.12)
    assert right_lip == pytest.approx([MOUTH_HALF, MOUTH_V], abs=0.12)
    assert units[NOSE_TIP][1] < MOUTH_V < units[CHIN][1]


@pytest.mark.slow
def test_a_still_presenter_is_the_same_picture_again():
    look = LOOKS[1]

    first, second = Presenter(look).frame(Pose()), Presenter(look).frame(Pose())

    assert first.shape == (look.height_px, look.width_px, 3)
    assert np.array_equal(first, second)


def test_a_sample_that_is_stopped_leaves_no_file(tmp_path: Path):
    def stop(stage: str, done: int, total: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        write_presenter(LOOKS[1], tmp_path / "presenter.mp4", 1.0, stop)

    assert list(tmp_path.iterdir()) == []
