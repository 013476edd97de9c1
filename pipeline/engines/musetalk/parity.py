"""MuseTalk 1.5 exactly as its official code does it, for comparison with it: no smoothing, whole pixels, drawn latents, its rounding.

The parts that are the same are the engine's own; what is here is what the engine does otherwise on purpose (``engine``,
``preparing``, ``neural.pasting``). Landmarks come from elsewhere, so boxes are given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engines.musetalk.audio import official_frames, official_window_starts, tokens_of
from pipeline.engines.musetalk.boxes import with_margin
from pipeline.engines.musetalk.masks import BLUR, crop_square, jaw_classes, jaw_mask, square_of
from pipeline.engines.musetalk.models import Models
from pipeline.engines.musetalk.parser import FaceParser, parse
from pipeline.engines.musetalk.sizes import FACE_PX
from pipeline.engines.neural.calling import FixedCall
from pipeline.engines.neural.official import official_order
from pipeline.engines.neural.sound import RATE_HZ
from pipeline.media import read_sound
from pipeline.types import Pixels, Samples

_NOSE_BRIDGE: Final = 29
"""The third point of the nose's bridge: the middle of the box."""
BATCH: Final = 8
"""Frames of one call, as the official offline script has it."""


@dataclass(frozen=True)
class Scene:
    """A Template as the official code has it once faces are found."""

    frames: Sequence[Pixels]
    """(h, w, 3) RGB each."""
    boxes: NDArray[np.int64]
    """(frames, 4), before the margin below the chin; whole pixels."""
    fps: Fraction


def official_samples(path: Path, rate_hz: int) -> Samples:
    """Decode a recording as the official code does: at its own rate, its channels' mean, then resampled to 16 kHz."""
    import soxr  # noqa: PLC0415 - of the extra, like ``neural.sound``

    resampled = soxr.resample(read_sound(path, rate_hz), rate_hz, RATE_HZ, quality="HQ")
    return np.asarray(resampled, np.float32)


def official_box(landmarks: NDArray[Any]) -> NDArray[np.int64] | None:
    """Give the box of a face, before the margin below the chin.

    Args:
        landmarks: (68, 2), in the order of iBUG; cut to whole pixels here.

    Returns:
        (4,); None where the official code takes a face detector's box instead: this one is empty, or begins beside the frame.
    """
    points = landmarks.astype(np.int64)
    middle, bottom = points[_NOSE_BRIDGE, 1], points[:, 1].max()
    left, right = points[:, 0].min(), points[:, 0].max()
    top = max(0, middle - (bottom - middle))
    if bottom <= top or right <= left or left < 0:
        return None
    return np.array([left, top, right, bottom])


def official_render(
    models: Models, scene: Scene, samples: Samples, draw: torch.Generator, blur: float = BLUR
) -> Iterator[Pixels]:
    """Make the frames of a Clip.

    Args:
        models: With a parser, in 32 bits.
        scene: The Template.
        samples: The recording, mono, 16 kHz.
        draw: Draws the latents, in the official order: for each Template frame masked, then whole.
        blur: 0.05, or 0.1 as in the official real-time code.

    Yields:
        (h, w, 3) RGB.
    """
    height = scene.frames[0].shape[0]
    boxes = with_margin(scene.boxes, height).astype(np.int64)
    with torch.inference_mode():
        latents = torch.cat(
            [
                models.see(models.place.bring(torch.from_numpy(crop(frame, box)[None])), draw)
                for frame, box in zip(scene.frames, boxes, strict=True)
            ]
        )
    frames = official_frames(len(samples), scene.fps)
    states = np.concatenate(list(models.ear.hear(samples)))
    tokens = tokens_of(states, official_window_starts(frames, scene.fps))
    order = official_order(frames, len(scene.frames))
    faces = _generated(models, latents[order], torch.from_numpy(tokens))
    parser = FixedCall(_parser(models).classes, models.place, rows=1)
    for at, face in zip(order, faces, strict=True):
        square = square_of(boxes[at])
        classes = parse(parser, [crop_square(scene.frames[at], square)])[0]
        mask = jaw_mask(jaw_classes(classes), boxes[at], square, blur)
        yield put_back(scene.frames[at], face, boxes[at], square, mask)


def crop(frame: Pixels, box: NDArray[np.int64]) -> Pixels:
    """Cut a box of whole pixels out of an RGB frame, (256, 256, 3)."""
    left, top, right, bottom = (int(edge) for edge in box)
    inner = np.ascontiguousarray(frame[top:bottom, left:right])
    return np.asarray(cv2.resize(inner, (FACE_PX, FACE_PX), interpolation=cv2.INTER_LANCZOS4))


def put_back(
    frame: Pixels,
    face: Pixels,
    box: NDArray[np.int64],
    square: tuple[int, int, int],
    mask: Pixels,
) -> Pixels:
    """Blend a face into a copy of its frame by its mask (of the square), rounded as Pillow rounds."""
    left, top, right, bottom = (int(edge) for edge in box)
    scaled = cv2.resize(face, (right - left, bottom - top))
    body = crop_square(frame, square)
    rows = slice(top - square[1], bottom - square[1])
    columns = slice(left - square[0], right - square[0])
    body[rows, columns] = scaled
    x0, y0, side = square
    height, width = frame.shape[:2]
    shown = (
        slice(max(y0, 0), min(y0 + side, height)),
        slice(max(x0, 0), min(x0 + side, width)),
    )
    within = (
        slice(shown[0].start - y0, shown[0].stop - y0),
        slice(shown[1].start - x0, shown[1].stop - x0),
    )
    out = frame.copy()
    out[shown] = blend(frame[shown], body[within], mask[within])
    return out


def blend(below: Pixels, above: Pixels, mask: Pixels) -> Pixels:
    """Mix two pictures by a mask of 0 to 255, in whole numbers."""
    share = mask[:, :, None].astype(np.int32)
    mixed = above * share + below * (255 - share) + 128
    return np.asarray((mixed + (mixed >> 8)) >> 8, np.uint8)


def _generated(models: Models, latents: Tensor, tokens: Tensor) -> Iterator[Pixels]:
    for at in range(0, len(latents), BATCH):
        some = slice(at, at + BATCH)
        with torch.inference_mode():
            faces = models.generate(
                models.place.bring(latents[some]), models.place.bring(tokens[some])
            )
        yield from faces.pictures.cpu().numpy()


def _parser(models: Models) -> FaceParser:
    if models.parser is None:
        raise ValueError("the official code needs the face parser's weights")
    return models.parser
