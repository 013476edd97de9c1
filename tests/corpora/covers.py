"""Things held before a face, painted into frames: a hand of the face's own colour, a microphone, a cup."""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from pipeline.faces import geometry
from pipeline.faces.mesh import FaceMesh

KINDS: Final = ("hand", "microphone", "cup")
MOVING: Final = 8
"""Frames in which the thing comes up, and goes away again."""


def covered(frames: Iterator[np.ndarray], kind: str, during: range) -> Iterator[np.ndarray]:
    """The same frames (I420), with a thing before the mouth in those of ``during``."""
    with FaceMesh() as mesh:
        for frame, planes in enumerate(frames):
            near = min((frame - during.start) / MOVING, (during.stop - 1 - frame) / MOVING) + 1
            face = mesh.find(planes) if near > 0 else None
            if face is None:
                yield planes
                continue
            picture = cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)
            away = (1 - min(near, 1.0)) * np.array([0.5, 1.6]) * geometry.eye_distance(face)
            x, y = face[205].astype(int)
            skin = np.median(picture[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3), axis=0)
            eyes = geometry.eye_distance(face)
            at = face[[13, 14]].mean(axis=0) + away
            left, top = np.maximum(at - 1.5 * eyes, 0).astype(int)
            right, bottom = (at + 1.5 * eyes).astype(int)
            part = picture[top:bottom, left:right]
            part[:] = _painted(part, kind, at - (left, top), eyes, skin)
            yield np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))


def _painted(
    picture: np.ndarray, kind: str, at: np.ndarray, eyes: float, skin: np.ndarray
) -> np.ndarray:
    """The picture with the thing laid over it, its middle at ``at``."""
    mask = np.zeros(picture.shape[:2], np.float32)
    shade = np.zeros_like(mask)

    def spot(x: float, y: float) -> tuple[int, int]:
        return int(at[0] + x * eyes), int(at[1] + y * eyes)

    if kind == "hand":
        axes = (int(0.38 * eyes), int(0.42 * eyes))
        cv2.ellipse(mask, spot(0.15, 0.45), axes, 0, 0, 360, 1, -1)
        for x in (-0.22, -0.02, 0.18, 0.38):
            cv2.line(mask, spot(x, 0.3), spot(x - 0.14, -0.22), 1, int(0.17 * eyes))
        for x in (-0.12, 0.08, 0.28):
            cv2.line(shade, spot(x, 0.3), spot(x - 0.12, -0.2), 0.35, max(2, int(0.02 * eyes)))
        colour = 0.95 * skin
    elif kind == "microphone":
        cv2.circle(mask, spot(0.0, 0.15), int(0.23 * eyes), 1, -1)
        cv2.line(mask, spot(0.0, 0.2), spot(0.1, 1.2), 1, int(0.2 * eyes))
        colour = np.array([46.0, 48.0, 50.0])
    else:
        cv2.rectangle(mask, spot(-0.3, -0.05), spot(0.3, 0.6), 1, -1)
        colour = np.array([230.0, 228.0, 225.0])
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
    grain = np.random.default_rng(1).normal(0, 3, (*picture.shape[:2], 1))
    thing = (colour + grain) * (1 - cv2.GaussianBlur(shade, (0, 0), 2.0)[..., None])
    return np.clip(picture * (1 - mask) + thing * mask, 0, 255).astype(np.uint8)
