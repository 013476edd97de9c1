"""What is done to raw landmarks: leaps become gaps, short gaps are bridged, jitter goes, edges fade.

Plain functions over arrays; nothing here loads MediaPipe.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.faces.geometry import CHIN, EYE_CORNERS, NOSE_TIP, OVAL_SIDES, eye_distance

LONGEST_BRIDGE: Final = 10
"""Gaps of up to so many frames are interpolated; in longer ones the frames stay untouched."""

_LEAP: Final = 0.5
"""A step from one frame to the next larger than this share of the face's width is another face or a mistake."""
_REACH: Final = 3
"""Frames to each side that smoothing looks at."""
_SMOOTH_FRAMES: Final = 1.2
"""Standard deviation of the smoothing in time."""
_NOISE: Final = 0.012
"""What the mesh jitters by, as a share of the eye distance (0.3 to 1 px at 130 px, measured with still heads)."""
_TURNED: Final = (-0.13, 0.02)
"""How far the nose may come to the side of the face: the effect is gone below the first, whole above the second.

Share of the shorter to the longer distance from the nose to the outer eye corners, along the eyes. A photograph turned
in space gave 0.29 at 30 degrees of yaw, 0.02 at 44 and -0.13 at 52; there the far half of the lips is out of sight.
"""
_RAISED: Final = (0.0, 0.08)
"""Likewise how near the nose may come to the eyes as the head is raised, as a share of the chin's distance below them: 0.08 is
reached at 48 degrees, 0.0 at 55."""
_LOWERED: Final = (0.70, 0.62)
"""And how near to the chin as it is lowered: 0.62 at 31 degrees, 0.70 at 44, where the lips are a line behind the nose."""


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


def fade_presence(allowed: NDArray[Any], fade: int) -> NDArray[np.float32]:
    """Let presence rise and fall slowly: lower it wherever it would change faster than within ``fade`` frames.

    So the fades lie beside what hides the face, never in it. The video's own first and last frame are no edges.

    Args:
        allowed: (frames,), 0.0-1.0 (or flags): what presence may be at most.
        fade: Frames between 0.0 and 1.0.

    Returns:
        (frames,), 0.0-1.0: the highest weights nowhere above ``allowed`` that change by 1 / (fade + 1) a frame at most.
    """
    steps = np.arange(len(allowed)) / (fade + 1)
    weights = np.asarray(allowed, dtype=np.float64)
    rising = np.minimum.accumulate(weights - steps) + steps
    falling = (np.minimum.accumulate((weights + steps)[::-1]))[::-1] - steps
    return np.minimum(rising, falling).astype(np.float32)


def facing(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weigh how far a face looks at the camera: turned far, half of the mouth is out of sight.

    Args:
        landmarks: (frames, 468, 2), NaN rows without a face.

    Returns:
        (frames,), 1.0 up to about 45 degrees to the side, 48 up and 31 down; 0.0 some ten degrees beyond and without a
        face, smooth between.
    """
    first = landmarks[:, EYE_CORNERS[0]]
    across = landmarks[:, EYE_CORNERS[1]] - first
    square = np.sum(across * across, axis=1)
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    nose, chin = (landmarks[:, point] - first for point in (NOSE_TIP, CHIN))
    place = np.sum(nose * across, axis=1) / square
    aside = np.minimum(place, 1 - place) / np.maximum(place, 1 - place)
    height = np.sum(nose * down, axis=1) / np.maximum(np.sum(chin * down, axis=1), 1e-3)
    weights = [
        _between(values, *limits)
        for values, limits in ((aside, _TURNED), (height, _RAISED), (height, _LOWERED))
    ]
    together: NDArray[np.float32] = np.prod(weights, axis=0).astype(np.float32)
    return together


def _between(values: NDArray[Any], gone: float, whole: float) -> NDArray[Any]:
    """Go from 0.0 at ``gone`` to 1.0 at ``whole`` without a corner at either end; 0.0 where nothing is known."""
    share = np.clip((values - gone) / (whole - gone), 0, 1)
    eased: NDArray[Any] = np.nan_to_num(share * share * (3 - 2 * share), nan=0.0)
    return eased
