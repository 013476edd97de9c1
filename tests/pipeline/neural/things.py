"""What tests of the neural engines share: small weights in the official format, a face in a video, a Take."""

import wave
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipeline.engines.port import Performance, Speech
from pipeline.faces import geometry
from pipeline.media import ClipWriter, encode_sound
from pipeline.types import MouthCurve, Track, VideoFacts

WIDTH_PX, HEIGHT_PX = 240, 320
_LEFT_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
_RIGHT_BROW = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
CENTRE = np.array([120.0, 190.0])


def face(centre: np.ndarray = CENTRE, eyes_px: float = 84.0) -> np.ndarray:
    """Landmarks of a face whose lips are closed, (468, 2): jaw, chin, nose, lips and eyes stand where they do on people."""
    points = np.zeros((468, 2))
    angle = np.linspace(np.pi, 0, len(geometry.JAW))
    points[list(geometry.JAW)] = np.stack([0.72 * np.cos(angle), -0.45 + 0.95 * np.sin(angle)], 1)
    side = np.linspace(-1, 1, 11)
    arch = 1 - side**2
    points[list(geometry.UPPER_OUTER)] = np.stack([side * 0.25, -0.08 * arch], 1)
    points[list(geometry.LOWER_OUTER)] = np.stack([side * 0.25, 0.10 * arch], 1)
    points[list(geometry.UPPER_INNER)] = np.stack([side * 0.22, 0 * arch], 1)
    points[list(geometry.LOWER_INNER)] = np.stack([side * 0.22, 0.01 * arch], 1)
    points[list(geometry.EYE_CORNERS)] = [(-0.5, -0.8), (0.5, -0.8)]
    for point, place in {195: (0, -0.56), 5: (0, -0.48), 6: (0, -0.7), 2: (0, -0.26)}.items():
        points[point] = place
    for point, x in {129: -0.17, 98: -0.1, 97: -0.04, 326: 0.04, 327: 0.1, 358: 0.17}.items():
        points[point] = (x, -0.3)
    for brow, way in ((_LEFT_BROW, -1), (_RIGHT_BROW, 1)):
        points[list(brow)] = np.stack([way * np.linspace(0.55, 0.12, 10), np.full(10, -1.02)], 1)
    for point, place in {
        168: (0, -0.82),
        197: (0, -0.62),
        4: (0, -0.4),
        75: (-0.1, -0.34),
        305: (0.1, -0.34),
    }.items():
        points[point] = place
    return (points * eyes_px + centre).astype(np.float32)


def picture(landmarks: np.ndarray, seed: int = 0) -> np.ndarray:
    """I420 of an oval of skin with pores before a wall, and lips."""
    noise = np.random.default_rng(seed).normal(0, 9, (HEIGHT_PX, WIDTH_PX))
    luma = np.full((HEIGHT_PX, WIDTH_PX), 70.0)
    centre = tuple(int(v) for v in landmarks[list(geometry.JAW)].mean(axis=0))
    cv2.ellipse(luma, centre, (66, 92), 0, 0, 360, 160.0, -1)
    lips = landmarks[[*geometry.UPPER_OUTER, *geometry.LOWER_OUTER[::-1]]]
    cv2.fillPoly(luma, [np.round(lips).astype(np.int32)], 110.0)
    planes = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
    planes[:HEIGHT_PX] = np.clip(luma + noise, 16, 235).astype(np.uint8)
    return planes


def make_performance(
    folder: Path, frames: int = 6, fps: Fraction = Fraction(25), absent: tuple[int, ...] = ()
) -> Performance:
    """A Template whose face drifts to the right by a third of a pixel a frame; in some frames there is none."""
    facts = VideoFacts(
        "h264", WIDTH_PX, HEIGHT_PX, fps, frames, float(frames / fps), has_sound=False
    )
    landmarks = np.stack([face(CENTRE + np.array([frame / 3, 0])) for frame in range(frames)])
    with ClipWriter(folder / "template.mp4", facts, frames, None, label=None) as writer:
        for frame in range(frames):
            writer.write(picture(landmarks[frame], frame))
    presence = np.ones(frames, np.float32)
    for frame in absent:
        landmarks[frame], presence[frame] = np.nan, 0.0
    return Performance(folder / "template.mp4", facts, Track(landmarks, presence))


def make_speech(folder: Path, seconds: float) -> Speech:
    """A Take of vowel-like sound."""
    time_s = np.arange(round(seconds * 16000)) / 16000
    sound = 0.3 * np.sin(2 * np.pi * 140 * time_s) * (1 + np.sin(2 * np.pi * 3 * time_s)) / 2
    source = folder / "take.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    encode_sound(source, folder / "sound.m4a")
    values = np.zeros(round(seconds * 100) + 1, np.float32)
    curve = MouthCurve(values, values, values, values, values, values + 1)
    return Speech(folder / "sound.m4a", seconds, curve)
