"""The inside of the mouth as a Template shows it: chosen once, hung on the lips, kept beside the Template."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.engines.port import Performance, Speech
from pipeline.engines.viseme import borrowed
from pipeline.engines.viseme.engine import VisemeEngine, VisemePrepared, load, save
from pipeline.errors import Stopped
from pipeline.faces import geometry
from pipeline.faces.planes import split
from pipeline.media import ClipWriter
from pipeline.types import Track
from tests.corpora.faces import EYES_PX, HEIGHT_PX, curve, landmarks, performance, picture

GAP = 0.22
TEETH_PX = 7
TONGUE_BLUE = 190
"""No face has this colour inside: what shows it was borrowed."""
Drawing = Callable[[np.ndarray, np.ndarray], None]


def teeth_and_tongue(planes: np.ndarray, face: np.ndarray) -> None:
    """Fill an open mouth: teeth along the upper lip, dark behind them, the tongue above the lower lip."""
    luma, blue, _ = split(planes)
    rows = np.arange(HEIGHT_PX)[:, None]
    inside = np.zeros(luma.shape, np.uint8)
    contour = [*geometry.UPPER_INNER, *geometry.LOWER_INNER[::-1]]
    cv2.fillPoly(inside, [np.round(face[contour]).astype(np.int32)], 1)
    top, bottom = face[13][1], face[14][1]
    luma[(inside > 0) & (rows < top + TEETH_PX)] = 120
    luma[(inside > 0) & (rows >= top + TEETH_PX)] = 25
    luma[(inside > 0) & (rows > bottom - 8)] = 60
    blue[(inside > 0)[::2, ::2] & (rows[::2] > bottom - 8)] = TONGUE_BLUE


def fog(planes: np.ndarray, face: np.ndarray) -> None:
    """Fill an open mouth with what might be anything."""
    luma = split(planes)[0]
    contour = [*geometry.UPPER_INNER, *geometry.LOWER_INNER[::-1]]
    cv2.fillPoly(luma, [np.round(face[contour]).astype(np.int32)], 110)


def filmed(
    folder: Path, gaps: list[float], draw: Drawing = teeth_and_tongue, presence: float = 1.0
) -> Performance:
    """A Template on disk whose mouth has these gaps."""
    faces = [landmarks(gap) for gap in gaps]
    drawn = performance(faces, presence)
    video = folder / "template.mp4"
    with ClipWriter(video, drawn.facts, len(faces), None, label=None) as writer:
        for face, gap in zip(faces, gaps, strict=True):
            planes = picture(face, gap)
            if gap > 0:
                draw(planes, face)
            writer.write(planes)
    return Performance(video, drawn.facts, Track(drawn.track.landmarks, drawn.track.presence))


def speaking(folder: Path) -> Performance:
    return filmed(folder, [0.0] * 4 + [0.16, GAP, GAP, GAP, 0.18] * 3)


def opened(prepared: VisemePrepared, opening: float) -> np.ndarray:
    """A closed frame of the Template, opened."""
    engine = VisemeEngine()
    speech = Speech(Path("take"), 0.04, curve(opening))
    patch = engine.generate([next(iter(engine.windows(prepared, speech, [0])))])[0][0]
    return engine.compose(picture(landmarks()), patch)


def prepared_of(made: Performance) -> VisemePrepared:
    prepared = VisemeEngine().prepare(made)
    assert isinstance(prepared, VisemePrepared)
    return prepared


def column(planes: np.ndarray) -> np.ndarray:
    """Luma down the middle of the mouth, from 20 px above the closed lips to 40 px below them."""
    x, y = landmarks()[13].astype(int)
    return planes[y - 20 : y + 40, x + 10]


def test_a_mouth_that_was_seen_open_opens_on_what_was_seen(tmp_path: Path):
    made = prepared_of(speaking(tmp_path))

    blue = split(opened(made, 0.9))[1]

    assert blue.max() > (TONGUE_BLUE + 128) / 2


def test_the_teeth_hang_on_the_upper_lip_at_any_opening(tmp_path: Path):
    made = prepared_of(speaking(tmp_path))

    heights = []
    for opening in (0.5, 0.7, 0.9):
        down = column(opened(made, opening)).astype(int)
        dark = int(np.flatnonzero(down < 45)[0])
        lip = 20 - 0.2 * opening * 0.25 * EYES_PX
        heights.append(dark - lip)

    assert np.ptp(heights) < 3
    assert min(heights) > TEETH_PX / 2


def test_a_narrow_mouth_shows_teeth_and_no_tongue(tmp_path: Path):
    made = prepared_of(speaking(tmp_path))

    blue = split(opened(made, 0.15))[1]

    assert blue.max() < (TONGUE_BLUE + 128) / 2


def test_every_frame_of_a_clip_shows_the_same_inside(tmp_path: Path):
    made = prepared_of(speaking(tmp_path))
    engine = VisemeEngine()

    windows = list(engine.windows(made, Speech(Path("take"), 2.0, curve(0.5, 50)), range(8)))
    patches = [patch for patches in engine.generate(windows) for patch in patches]

    assert made.inside is not None
    assert all(patch.inside is made.inside for patch in patches)


def test_looking_for_an_inside_ends_when_it_is_stopped(tmp_path: Path):
    looks = []

    def stop_at_the_second(stage: str, done: int, total: int) -> None:
        looks.append((stage, done))
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        VisemeEngine().prepare(speaking(tmp_path), stop_at_the_second)

    assert looks == [("load", 1), ("load", 2)]


def test_in_a_long_template_the_frames_to_look_at_lie_in_a_few_stretches():
    spoken = [landmarks(GAP + 0.002 * frame) for frame in range(20)]
    faces = ([landmarks()] * 280 + spoken) * 30
    axes = np.tile(faces[0][263] - faces[0][33], (len(faces), 1))

    chosen = borrowed._worth_a_look(performance(faces), axes)

    assert len(chosen) == 24
    assert np.count_nonzero(np.diff(chosen) > 250) < 4


@pytest.mark.parametrize(
    ("gaps", "draw", "presence"),
    [
        ([0.0] * 20, teeth_and_tongue, 1.0),
        ([0.0] * 20 + [GAP] * 3, teeth_and_tongue, 1.0),
        ([0.0] * 9 + [0.10] * 20, teeth_and_tongue, 1.0),
        ([0.0] * 9 + [GAP] * 20, fog, 1.0),
        ([0.0] * 9 + [GAP] * 20, teeth_and_tongue, 0.5),
    ],
    ids=["closed", "for a moment", "hardly", "indistinct", "half hidden"],
)
def test_an_inside_that_was_not_seen_well_is_painted(
    tmp_path: Path, gaps: list[float], draw: Drawing, presence: float
):
    assert prepared_of(filmed(tmp_path, gaps, draw, presence)).inside is None


def test_a_borrowed_inside_is_brought_into_the_light_of_the_frame(tmp_path: Path):
    made = prepared_of(speaking(tmp_path))
    engine = VisemeEngine()
    speech = Speech(Path("take"), 0.04, curve(0.9))
    patch = engine.generate([next(iter(engine.windows(made, speech, [0])))])[0][0]
    dim = picture(landmarks())
    dim[:HEIGHT_PX] = 16 + (dim[:HEIGHT_PX].astype(int) - 16) // 2

    bright, dark = opened(made, 0.9), engine.compose(dim, patch)

    lip = 20 - int(0.2 * 0.9 * 0.25 * EYES_PX)
    teeth = slice(lip + 2, lip + 5)
    expected = 16 + (column(bright)[teeth].astype(int) - 16) / 2
    assert column(dark)[teeth] == pytest.approx(expected, abs=8)


def test_the_inside_is_kept_beside_the_template(tmp_path: Path):
    filmed_one = speaking(tmp_path)
    made = prepared_of(filmed_one)
    save(made, tmp_path)

    again = load(filmed_one, tmp_path)

    assert again is not None
    assert np.array_equal(opened(again, 0.8), opened(made, 0.8))


def test_what_an_older_version_kept_is_made_anew(tmp_path: Path):
    made = performance([landmarks()] * 3)
    with (tmp_path / "viseme.npz").open("wb") as file:
        np.savez(file, axes=np.zeros((3, 2), np.float32))

    assert load(made, tmp_path) is None
