"""The face of a Template, frame by frame: found, cleaned of leaps, bridged over short gaps, smoothed; and how far its mouth may be changed."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import NoFaceFound
from pipeline.faces.cleaning import (
    bridge_gaps,
    facing,
    fade_presence,
    reject_leaps,
    runs,
    smooth,
)
from pipeline.faces.covering import SPOTS, find_covered, look_at_mouth
from pipeline.faces.mesh import POINTS, FaceMesh
from pipeline.types import Planes, Progress, Track, VideoFacts

LEAST_FACE_S: Final = 0.5
"""With less face than this in all (or half of a shorter video), there is nothing to animate."""
FADE_S: Final = 0.2
"""How long the effect takes to fade in or out beside a long gap: a blink, too short to look like mumbling."""


def track_faces(frames: Iterator[Planes], facts: VideoFacts, progress: Progress) -> Track:
    """Follow the largest face through a video.

    Args:
        frames: The frames in order, as many as ``facts.frames``; read once, none is kept.
        facts: Of the same video.
        progress: Called with stage ``"faces"`` after every frame.

    Returns:
        A Track with exactly ``facts.frames`` rows, whatever number of frames came.

    Raises:
        NoFaceFound: Too few frames show a face.
        Stopped: ``progress`` raised it.
    """
    found = np.full((facts.frames, POINTS, 2), np.nan, dtype=np.float32)
    spots = np.full((facts.frames, *SPOTS), np.nan, dtype=np.float32)
    with FaceMesh() as mesh:
        for frame, planes in zip(range(facts.frames), frames, strict=False):
            points = mesh.find(planes)
            if points is not None:
                found[frame] = points
                spots[frame] = look_at_mouth(planes, points)
            progress("faces", frame + 1, facts.frames)
    reject_leaps(found)
    _require_a_face(found, facts)
    landmarks = bridge_gaps(found)
    for first, end in runs(~np.isnan(landmarks[:, 0, 0])):
        landmarks[first:end] = smooth(landmarks[first:end])
    fade = max(round(FADE_S * facts.fps), 1)
    seen = ~np.isnan(landmarks[:, 0, 0]) & ~find_covered(spots, facts.fps)
    presence = fade_presence(seen * facing(landmarks), fade)
    return Track(landmarks, presence)


def _require_a_face(found: NDArray[np.float32], facts: VideoFacts) -> None:
    missing = np.isnan(found[:, 0, 0])
    least = min(LEAST_FACE_S * float(facts.fps), facts.frames / 2)
    if int(np.count_nonzero(~missing)) >= max(least, 1):
        return
    frame = int(np.argmax(missing)) if missing.any() else 0
    raise NoFaceFound(frame=frame, second=round(float(frame / facts.fps), 2))
