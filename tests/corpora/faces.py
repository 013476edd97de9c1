"""Synthetic faces: landmarks, a picture with marks that can be found again, and what an engine makes of them."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines.port import Performance, Speech
from pipeline.engines.viseme.engine import VisemeEngine
from pipeline.faces import geometry
from pipeline.types import MouthCurve, Track, VideoFacts

WIDTH_PX, HEIGHT_PX = 320, 360
EYES_PX = 120.0
CENTRE = np.array([160.0, 180.0])


def landmarks(gap: float = 0.0, roll_deg: float = 0.0, centre: np.ndarray = CENTRE) -> np.ndarray:
    """A face whose lips meet at ``centre`` when ``gap`` (in eye distances) is 0.0."""
    points = np.zeros((468, 2))
    side = np.linspace(-1, 1, 11)
    arch = 1 - side**2
    points[list(geometry.UPPER_OUTER)] = np.stack([side * 0.25, -0.08 * arch - gap / 2], 1)
    points[list(geometry.LOWER_OUTER)] = np.stack([side * 0.25, 0.10 * arch + gap / 2], 1)
    points[list(geometry.UPPER_INNER)] = np.stack([side * 0.22, -gap / 2 * arch**0.3], 1)
    points[list(geometry.LOWER_INNER)] = np.stack([side * 0.22, gap / 2 * arch**0.3], 1)
    for pair, height in ((geometry.UPPER_OUTER, 0.0), (geometry.LOWER_OUTER, 0.0)):
        points[[pair[0], pair[-1]]] = [(-0.25, height), (0.25, height)]
    jaw = np.linspace(-1, 1, len(geometry.JAW))
    points[list(geometry.JAW)] = np.stack([jaw * 0.7, -0.1 + 0.6 * (1 - jaw**2)], 1)
    points[geometry.CHIN] = (0, 0.45)
    points[geometry.NOSE_BASE] = (0, -0.28)
    points[list(geometry.EYE_CORNERS)] = [(-0.5, -0.8), (0.5, -0.8)]
    for cheek, x in ((50, -0.4), (280, 0.4), (205, -0.35), (425, 0.35)):
        points[cheek] = (x, -0.25)
    angle = np.radians(roll_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points @ turn * EYES_PX + centre).astype(np.float32)


def picture(face: np.ndarray, gap: float = 0.0) -> np.ndarray:
    """Skin with a fine texture, a lip mark above and below the seam, and a dark hole where the mouth is open."""
    noise = np.random.default_rng(3).normal(0, 12, (HEIGHT_PX, WIDTH_PX))
    luma = np.clip(130 + cv2.GaussianBlur(noise, (0, 0), 1.5) * 3, 40, 200).astype(np.uint8)
    planes = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
    planes[:HEIGHT_PX] = luma
    if gap:
        inside = [*geometry.UPPER_INNER, *geometry.LOWER_INNER[::-1]]
        cv2.fillPoly(planes[:HEIGHT_PX], [np.round(face[inside]).astype(np.int32)], 20)
    for mark, value in ((upper_mark(face), 250), (lower_mark(face), 235)):
        cv2.circle(planes[:HEIGHT_PX], np.round(mark).astype(int).tolist(), 2, value, -1)
    return planes


def upper_mark(face: np.ndarray) -> np.ndarray:
    return face[13] + 0.25 * (face[0] - face[13])


def lower_mark(face: np.ndarray) -> np.ndarray:
    return face[14] + 0.25 * (face[17] - face[14])


def found_marks(planes: np.ndarray) -> list[np.ndarray]:
    """Where the two marks are now: centres of the bright spots, upper one first."""
    bright = (planes[:HEIGHT_PX] > 208).astype(np.uint8)
    _, _, _, centres = cv2.connectedComponentsWithStats(bright)
    return sorted(centres[1:], key=lambda spot: spot[1])


def curve(opening: float = 0.0, frames: int = 1, **others: float) -> MouthCurve:
    samples = 4 * frames + 8
    rows = {"width": 0.0, "rounding": 0.0, "closure": 0.0, "teeth": 0.0, "speech": 1.0} | others
    return MouthCurve(
        opening=np.full(samples, opening, np.float32),
        **{name: np.full(samples, value, np.float32) for name, value in rows.items()},
    )


def performance(faces: list[np.ndarray], presence: float = 1.0) -> Performance:
    count = len(faces)
    facts = VideoFacts(
        "h264", WIDTH_PX, HEIGHT_PX, Fraction(25), count, count / 25, has_sound=False
    )
    weights = np.full(count, presence, np.float32)
    return Performance(Path("template.mp4"), facts, Track(np.stack(faces), weights))


def shown(
    face: np.ndarray, planes: np.ndarray, asked: MouthCurve, presence: float = 1.0
) -> np.ndarray:
    """The first frame of a Clip made of one picture."""
    engine = VisemeEngine()
    prepared = engine.prepare(performance([face], presence))
    window = next(iter(engine.windows(prepared, Speech(Path("take.m4a"), 0.04, asked), [0])))
    return engine.compose(planes.copy(), engine.generate([window])[0][0])
