"""Finished Clips, looked at with the mesh: the face around the mouth stays as steady and as sharp as in the Template.

The mouth is held shut for half of the Clip and open for the rest: while it moves, the mesh moves all its points with
it, eyes and forehead too, although not one bit changes there.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.engines.port import LipSync, Performance, Speech
from pipeline.engines.registry import open_engine
from pipeline.faces import geometry
from pipeline.faces.mesh import FaceMesh
from pipeline.faces.planes import split
from pipeline.faces.track import track_faces
from pipeline.measure.figures import texture
from pipeline.measure.inspection import skin_around_mouth
from pipeline.media import ClipWriter, read_frames
from pipeline.samples.library import LOOKS
from pipeline.types import MouthCurve
from tests.corpora.faces import curve
from tests.presenters import bring_presenter, video_facts

FRAMES = 72
LIPS = {
    *geometry.UPPER_OUTER,
    *geometry.UPPER_INNER,
    *geometry.LOWER_INNER,
    *geometry.LOWER_OUTER,
}
REAL = (
    "man_idle_720x1080.mp4",
    "woman_greenscreen_720x974.mp4",
    "presenter_1080x1920_hevc_30fps.mp4",
)


def silent(stage: str, done: int, total: int) -> None:
    """Progress nobody looks at."""


def shut_then_open(fps: Fraction) -> MouthCurve:
    shut, wide = curve(0.0, FRAMES // 2), curve(0.3, FRAMES)
    count = round(100 * FRAMES / 2 / fps)
    return MouthCurve(
        **{
            name: np.concatenate([getattr(shut, name)[:count], getattr(wide, name)])
            for name in ("opening", "width", "rounding", "closure", "teeth", "speech")
        }
    )


def filmed_twice(video: Path, folder: Path) -> tuple[Path, Path]:
    """A Clip, and the same frames untouched."""
    facts = video_facts(video)
    frames = min(FRAMES, facts.frames)
    cut = replace(facts, frames=frames, duration_s=float(frames / facts.fps), has_sound=False)
    track = track_faces(read_frames(video, cut), cut, silent)
    engine: LipSync = open_engine("viseme")
    prepared = engine.prepare(Performance(video, cut, track))
    speech = Speech(Path("none"), cut.duration_s, shut_then_open(facts.fps))
    clip, bare = folder / "clip.mp4", folder / "bare.mp4"
    patches = [
        patch
        for window in engine.generate(list(engine.windows(prepared, speech, range(frames))))
        for patch in window
    ]
    with (
        ClipWriter(clip, cut, frames, None, label=None) as moved,
        ClipWriter(bare, cut, frames, None, label=None) as same,
    ):
        for planes, patch in zip(read_frames(video, cut), patches, strict=False):
            same.write(planes.copy())
            moved.write(engine.compose(planes, patch))
    return clip, bare


def watched(video: Path) -> np.ndarray:
    """The mesh in each frame, (frames, 468, 2)."""
    with FaceMesh() as mesh:
        found = [mesh.find(planes) for planes in read_frames(video, video_facts(video))]
    assert all(points is not None for points in found)
    return np.stack(found)


def sharpness(clip: Path, bare: Path, landmarks: tuple[np.ndarray, np.ndarray]) -> float:
    """Fine structure of the skin around the mouth in the Clip, as a share of the Template's."""
    moved, same = 0.0, 0.0
    pictures = (read_frames(video, video_facts(video)) for video in (clip, bare))
    for one, other, points, own in zip(*pictures, *landmarks, strict=True):
        luma = split(one)[0]
        skin = skin_around_mouth(luma.shape, points, own)
        moved += texture(luma, skin)
        same += texture(split(other)[0], skin)
    return moved / same


def jitter(landmarks: np.ndarray) -> float:
    """How far points off the lips go from frame to frame, once the head's own shift, turn and growth are taken out."""
    points = landmarks[:, [point for point in range(468) if point not in LIPS]]
    flat = points[..., 0] + 1j * points[..., 1]
    flat = flat - flat.mean(axis=1, keepdims=True)
    before, after = flat[:-1], flat[1:]
    turn = (after * before.conj()).sum(axis=1) / (np.abs(before) ** 2).sum(axis=1)
    left = np.abs(after - turn[:, None] * before) ** 2
    middle = len(left) // 2
    steady = np.r_[2 : middle - 3, middle + 4 : len(left)]  # the mouth opens between the two
    return float(np.sqrt(left[steady].mean()))


def assert_steady_and_sharp(video: Path, folder: Path) -> None:
    clip, bare = filmed_twice(video, folder)

    landmarks = watched(clip), watched(bare)

    assert jitter(landmarks[0]) / jitter(landmarks[1]) <= 1.1
    assert 0.8 <= sharpness(clip, bare, landmarks) <= 1.3


@pytest.mark.slow
def test_a_painted_presenter_stays_steady_and_sharp(tmp_path: Path):
    video = tmp_path / "presenter.mp4"
    bring_presenter(LOOKS[0], video, FRAMES / 25)

    assert_steady_and_sharp(video, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_real_presenter_stays_steady_and_sharp(samples, tmp_path: Path, name: str):
    assert_steady_and_sharp(samples / "templates" / name, tmp_path)
