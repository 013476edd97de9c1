"""A video is prepared once, wholly or not at all."""

import json
import shutil
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import NoFaceFound, VideoTooLarge
from pipeline.glimpses import glimpse
from pipeline.media import ClipWriter, VideoLimits, read_frames
from pipeline.samples.library import LOOKS
from pipeline.templates import (
    OUTPUTS,
    TemplateAnalysis,
    analysis_as_json,
    analysis_from_json,
    choose_poster,
    load_analysis,
    load_template,
    prepare_template,
)
from pipeline.types import Track, VideoFacts
from tests.corpora.media import write_video
from tests.presenters import bring_presenter, video_facts

FACTS = VideoFacts("h264", 720, 1080, Fraction(30000, 1001), 60, 2.002, has_sound=False)


def quietly(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "template").mkdir()
    return tmp_path / "template"


@pytest.fixture(scope="module")
def with_a_gap(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames of a presenter, who is gone from frame 20 to 39."""
    source = samples / "templates" / "man_idle_720x1080.mp4"
    path = tmp_path_factory.mktemp("gap") / "gap.mp4"
    facts = video_facts(source)
    with ClipWriter(path, facts, 60, None, label=None) as writer:
        for number, planes in enumerate(islice(read_frames(source, facts), 60)):
            if 20 <= number < 40:
                planes[:] = 128
            writer.write(planes)
    return path


@dataclass
class Prepared:
    """A video, what was made of it and what was told meanwhile."""

    video: Path
    folder: Path
    analysis: TemplateAnalysis
    stages: list[tuple[str, int, int]]


def prepared_once(video: Path, folder: Path) -> Prepared:
    stages: list[tuple[str, int, int]] = []
    analysis = prepare_template(
        video, video.name, folder, VideoLimits(), lambda *told: stages.append(told)
    )
    return Prepared(video, folder, analysis, stages)


@pytest.fixture(scope="module")
def gap(with_a_gap: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared_once(with_a_gap, tmp_path_factory.mktemp("template"))


def test_a_presenter_is_tracked_and_gaps_are_told(gap: Prepared):
    analysis, stages = gap.analysis, gap.stages

    assert (analysis.face_share, analysis.first_gap_s, analysis.longest_gap_s) == (
        pytest.approx(2 / 3, abs=0.04),
        pytest.approx(0.8, abs=0.05),
        pytest.approx(0.8, abs=0.09),
    )
    assert stages[-1] == ("poster", 1, 1)
    assert ("faces", 60, 60) in stages
    performance = load_template(gap.folder, gap.video)
    assert performance.facts == analysis.facts
    assert performance.track.landmarks.shape == (60, 468, 2)
    assert load_analysis(gap.folder) == analysis
    assert sorted(path.name for path in gap.folder.iterdir()) == sorted(OUTPUTS)


def test_a_poster_shows_the_face_at_640_pixels_at_most(gap: Prepared):
    x, y = gap.analysis.poster_face

    assert (x, y) == (pytest.approx(0.49, abs=0.03), pytest.approx(0.36, abs=0.03))
    poster = cv2.imread(str(gap.folder / "poster.jpg"))
    assert poster.shape == (640, 427, 3)
    assert poster.std() > 30


@pytest.mark.parametrize(
    ("limits", "error"), [(VideoLimits(), NoFaceFound), (VideoLimits(limit_px=99), VideoTooLarge)]
)
def test_a_video_nobody_can_use_leaves_nothing(tmp_path: Path, folder: Path, limits, error):
    source = write_video(tmp_path / "bars.mp4", range(30))

    with pytest.raises(error):
        prepare_template(source, "bars.mp4", folder, limits, quietly)

    assert list(folder.iterdir()) == []


def test_the_poster_has_open_eyes_and_a_shut_mouth():
    landmarks = np.zeros((4, 468, 2), np.float32)
    landmarks[:, 33], landmarks[:, 263] = (0, 0), (100, 0)
    landmarks[:, [145, 374], 1] = 10  # eyes open
    landmarks[1, [145, 374], 1] = 1  # but for a blink
    landmarks[:2, 14, 1] = 20  # speaking, then silent
    landmarks[2] = np.nan
    presence = np.array([1, 1, 0, 1], np.float32)

    assert choose_poster(Track(landmarks, presence)) == 3


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A generated presenter before a green wall."""
    path = tmp_path_factory.mktemp("green") / "green.mp4"
    green = (10, 200, 20)
    look = replace(LOOKS[1], width_px=640, height_px=360, backdrop=green, lamp=green)
    bring_presenter(look, path, 0.8)
    return prepared_once(path, tmp_path_factory.mktemp("template"))


def test_what_playing_and_backgrounds_need_is_kept(green: Prepared):
    performance = load_template(green.folder, green.video)

    seen = [glimpse(planes) for planes in read_frames(green.video, green.analysis.facts)]
    assert green.analysis.screen == "green"
    assert np.array_equal(performance.glimpses, seen)
    luma, blue, red = performance.key_colour
    assert 80 < luma < 180
    assert max(blue, red) < 100


def test_a_template_prepared_by_an_older_version_still_loads(green: Prepared, tmp_path: Path):
    told, folder = green.analysis, Path(shutil.copytree(green.folder, tmp_path / "older"))
    with np.load(folder / "track.npz") as stored:
        older = {name: stored[name] for name in ("landmarks", "presence")}
    np.savez(folder / "track.npz", **older)
    plain = analysis_as_json(told)
    for new in ("screen", "remarks"):
        del plain[new]
    for new in ("alpha", "declared_s"):
        del plain["facts"][new]
    (folder / "template.json").write_text(json.dumps(plain), "utf-8")

    performance = load_template(folder, green.video)

    assert (performance.glimpses, performance.key_colour) == (None, None)
    assert load_analysis(folder).face_share == told.face_share


def test_an_analysis_survives_json():
    analysis = TemplateAnalysis(FACTS, 0.5, 1.2, 3.4)

    assert analysis_from_json(analysis_as_json(analysis)) == analysis
    assert analysis_as_json(analysis)["facts"]["fps"] == "30000/1001"
