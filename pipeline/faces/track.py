"""The face of a Template, frame by frame: found, cleaned of leaps, bridged over short gaps, smoothed."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import NoFaceFound
from pipeline.faces.geometry import EYE_CORNERS, OVAL_SIDES, eye_distance
from pipeline.faces.mesh import POINTS, FaceMesh
from pipeline.types import Planes, Progress, Track, VideoFacts

LONGEST_BRIDGE: Final = 10
"""Gaps of up to so many frames are interpolated; in longer ones the frames stay untouched."""
LEAST_FACE_S: Final = 0.5
"""With less face than this in all (or half of a shorter video), there is nothing to animate."""
FADE_S: Final = 0.2
"""How long the effect takes to fade in or out beside a long gap: a blink, too short to look like mumbling."""

_LEAP: Final = 0.5
"""A step from one frame to the next larger than this share of the face's width is another face or a mistake."""
_REACH: Final = 3
"""Frames to each side that smoothing looks at."""
_SMOOTH_FRAMES: Final = 1.2
"""Standard deviation of the smoothing in time."""
_NOISE: Final = 0.012
"""What the mesh jitters by, as a share of the eye distance (0.3 to 1 px at 130 px, measured with still heads)."""


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
    with FaceMesh() as mesh:
        for frame, planes in zip(range(facts.frames), frames, strict=False):
            points = mesh.find(planes)
            if points is not None:
                found[frame] = points
            progress("faces", frame + 1, facts.frames)
    reject_leaps(found)
    _require_a_face(found, facts)
    landmarks = bridge_gaps(found)
    for first, end in runs(~np.isnan(landmarks[:, 0, 0])):
        landmarks[first:end] = smooth(landmarks[first:end])
    fade = max(round(FADE_S * facts.fps), 1)
    return Track(landmarks, fade_presence(~np.isnan(landmarks[:, 0, 0]), fade))


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """List the stretches in which ``flags`` is set, each as (first, end), end excluded."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def reject_leaps(found: NDArray[np.float32]) -> None:
    """Turn outliers into gaps: frames whose face lies more than half a face width from where it should be.

    A face that leaps and stays (a cut to another picture) is kept: after as many frames as a gap may be
    bridged, the new place is believed.

    Args:
        found: (frames, 468, 2), pixels, NaN rows without a face. Changed in place.
    """
    stretches = _steady_stretches(found)
    for place, (first, end) in enumerate(stretches):
        around = stretches[max(place - 1, 0) : place] + stretches[place + 1 : place + 2]
        if end - first <= LONGEST_BRIDGE and any(
            _contradicts(found, (first, end), other) for other in around
        ):
            found[first:end] = np.nan


def _contradicts(
    found: NDArray[np.float32], stretch: tuple[int, int], other: tuple[int, int]
) -> bool:
    """Say whether a longer stretch close by shows the face somewhere else."""
    if other[1] - other[0] <= stretch[1] - stretch[0]:
        return False
    before = other[1] <= stretch[0]
    gap = stretch[0] - other[1] if before else other[0] - stretch[1]
    mine = found[stretch[0] if before else stretch[1] - 1]
    theirs = found[other[1] - 1 if before else other[0]]
    return gap <= LONGEST_BRIDGE and not _is_near(mine, theirs)


def _steady_stretches(found: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Cut the frames with a face where it leaps or is lost; each stretch as (first, end)."""
    stretches: list[tuple[int, int]] = []
    for first, end in runs(~np.isnan(found[:, 0, 0])):
        start = first
        for frame in range(first + 1, end):
            if not _is_near(found[frame], found[frame - 1]):
                stretches.append((start, frame))
                start = frame
        stretches.append((start, end))
    return stretches


def _is_near(points: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Say whether two faces, (468, 2) each, can be the same one in neighbouring frames."""
    step = np.hypot(*(points.mean(axis=0) - other.mean(axis=0)))
    width = np.hypot(*(other[OVAL_SIDES[1]] - other[OVAL_SIDES[0]]))
    return bool(step <= _LEAP * max(width, eye_distance(other)))


def bridge_gaps(found: NDArray[np.float32], longest: int = LONGEST_BRIDGE) -> NDArray[np.float32]:
    """Fill short gaps between two frames that show the same face, on a straight line.

    Args:
        found: (frames, 468, 2), NaN rows without a face. Left untouched.
        longest: Frames; longer gaps, and those at either end, stay NaN.

    Returns:
        (frames, 468, 2), a new array.
    """
    bridged = found.copy()
    for first, end in runs(np.isnan(found[:, 0, 0])):
        if first == 0 or end == len(found) or end - first > longest:
            continue
        before, after = found[first - 1], found[end]
        if not _is_near(after, before):
            continue
        share = np.arange(1, end - first + 1, dtype=np.float32) / (end - first + 1)
        bridged[first:end] = before + share[:, None, None] * (after - before)
    return bridged


def smooth(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the jitter out of a stretch of landmarks without delay and without slowing real movement.

    Each point becomes a mean of its neighbours in time, weighted by a Gaussian of their distance in time and
    by another of their distance in the picture (a bilateral filter): below the mesh's own noise it averages,
    while a fast lip, farther from its neighbours than noise can be, stays where it was measured. A plain
    Gaussian of one frame would halve an opening that comes five times a second.

    Args:
        landmarks: (n, 468, 2), pixels, no gaps. Left untouched.

    Returns:
        (n, 468, 2), a new array; symmetric in time, so that it lags nowhere.
    """
    eyes = landmarks[:, EYE_CORNERS[1]] - landmarks[:, EYE_CORNERS[0]]
    noise = np.float32(_NOISE * max(float(np.median(np.hypot(eyes[:, 0], eyes[:, 1]))), 1.0))
    total = landmarks.copy()
    weights = np.ones(landmarks.shape[:2], dtype=np.float32)
    for lag in range(1, min(_REACH, len(landmarks) - 1) + 1):
        earlier, later = landmarks[:-lag], landmarks[lag:]
        step = later - earlier
        near = np.exp(
            -0.5 * np.sum(step * step, axis=2) / noise**2 - 0.5 * (lag / _SMOOTH_FRAMES) ** 2
        )
        weights[lag:] += near
        weights[:-lag] += near
        total[lag:] += near[:, :, None] * earlier
        total[:-lag] += near[:, :, None] * later
    return total / weights[:, :, None]


def fade_presence(present: NDArray[np.bool_], fade: int) -> NDArray[np.float32]:
    """Turn presence into weights that rise and fall over ``fade`` frames beside each gap.

    The fades lie inside the stretches with a face. The video's own first and last frame are no edges.

    Returns:
        (frames,), 0.0-1.0: 0.0 exactly where ``present`` is not set.
    """
    weights = present.astype(np.float32)
    for first, end in runs(present):
        ramp = np.arange(1, end - first + 1, dtype=np.float32) / (fade + 1)
        if first > 0:
            weights[first:end] = np.minimum(weights[first:end], ramp)
        if end < len(present):
            weights[first:end] = np.minimum(weights[first:end], ramp[::-1])
    return weights


def _require_a_face(found: NDArray[np.float32], facts: VideoFacts) -> None:
    missing = np.isnan(found[:, 0, 0])
    least = min(LEAST_FACE_S * float(facts.fps), facts.frames / 2)
    if int(np.count_nonzero(~missing)) >= max(least, 1):
        return
    frame = int(np.argmax(missing)) if missing.any() else 0
    raise NoFaceFound(frame=frame, second=round(float(frame / facts.fps), 2))
