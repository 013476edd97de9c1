"""Which few frames of a Clip say most about it, by what is asked of them.

Where to look is planned before the Clip is rendered; at which frames is chosen when its file is there: an *anchor* is a
frame that is shown later than all that are decoded before it, and only anchors are needed to decode anchors.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.port import Prepared, Speech
from pipeline.measure.figures import Flags, Series, silent_frames
from pipeline.options import DEFAULTS, ClipOptions
from pipeline.playing import play_order
from pipeline.speech.curve import resample
from pipeline.types import FULL_OPENING, Points

_FRAMES_PER_LOOK: Final = 20
"""One frame in so many is looked at: the mesh takes 3.5 ms for it, when rendering a frame takes 10 (720p, CPU)."""
_FRAMES_PER_LEAST: Final = 16
"""Likewise in short Clips, until there are ``_LEAST_LOOKED``: fewer would say too little."""
_LEAST_LOOKED: Final = 6
_LEAST_SILENT: Final = 2
"""Frames, where there are as many: one alone may be an accident of the mesh."""
_SHORTEST: Final = 64
"""Frames. A shorter Clip is not judged by its mouth."""
_MOST_LOOKED: Final = 45
"""What a long Clip could afford beyond this says no more."""

_WINDOWS: Final = 3
_WINDOW_S: Final = 2.0
_KEPT_IN_A_ROW: Final = 4
"""Of so many frames one at least is an anchor: the encoder puts no more than three between two."""
_KEPT_BYTES: Final = 32 * 2**20
"""Luma of the Template that may be kept in memory meanwhile."""
_SILENT_SHARE: Final = 4
"""One in so many of the frames looked at shows silence, where there is some."""
_APART: Final = 4
"""Frames that show the same syllable say the same twice."""
_STEPS_PER_WINDOW: Final = 5
_SILENCE_IS_WORTH: Final = 1.0
"""What enough silence adds to a window, as a share of the movement in all of the Clip."""
_GOOD_ENOUGH: Final = 0.8
"""The first window that is worth so much of the best one is taken: what lies behind the last need not be decoded."""
_ENOUGH_SILENCE: Final = 8
"""Frames: two anchors at least."""


@dataclass(frozen=True)
class Plan:
    """What is asked of a Clip, and where in it that is looked for."""

    frames: int
    """Of the Clip."""
    fps: Fraction
    duration_s: float
    """Of the Take."""
    windows: Sequence[range]
    kept: frozenset[int]
    """Frames of which it is kept what the Template shows: some in a row in each window."""
    usable: Flags
    """(frames,) where the Template's face is there, and all of the effect with it."""
    requested: Series
    """(frames,) opening: gap of the inner lips as a share of the eye distance."""
    speaking: Flags
    silent: Flags
    sources: NDArray[np.intp]
    """(frames,) the Template frame each one is made from."""
    landmarks: NDArray[np.float32]
    """(Template frames, 468, 2): where the Template's face is; NaN where there is none."""

    def face(self, frame: int) -> Points | None:
        """Where the face is in a frame of the Clip, all but the mouth; None where there is none."""
        points: Points = self.landmarks[self.sources[frame]]
        return None if np.isnan(points[0, 0]) else points


def plan_check(prepared: Prepared, speech: Speech, options: ClipOptions = DEFAULTS) -> Plan:
    """Choose where a Clip will be judged: in windows of two seconds, at its start, in its middle and at its end.

    A Clip of less than eight seconds has two, one of less than five and a half has one.
    """
    facts, track = prepared.performance.facts, prepared.performance.track
    order = play_order(prepared.performance, speech.duration_s, options.playing)
    sources, frames = np.array(order, np.intp), len(order)
    shapes = resample(speech.curve, facts.fps, frames)
    requested = np.array([shape.opening * FULL_OPENING for shape in shapes])
    silent = silent_frames(speech.curve.speech, facts.fps, frames)
    usable = (track.presence[sources] >= 1.0) & ~np.isnan(track.landmarks[sources, 0, 0])
    windows = list(_windows(requested, silent, usable, round(_WINDOW_S * facts.fps)))
    return Plan(
        frames=frames,
        fps=facts.fps,
        duration_s=speech.duration_s,
        windows=windows,
        kept=_kept(windows, facts.width_px * facts.height_px),
        usable=usable,
        requested=requested,
        speaking=np.array([shape.speech > 0.5 for shape in shapes], dtype=np.bool_),
        silent=silent,
        sources=sources,
        landmarks=track.landmarks,
    )


def choose_compared(plan: Plan, anchors: Collection[int]) -> Sequence[int]:
    """Choose the frames to compare with the Template: one in each row that was kept."""
    chosen = [frame for frame in sorted(plan.kept) if frame in anchors]
    return [
        frame
        for before, frame in zip([-_KEPT_IN_A_ROW, *chosen], chosen, strict=False)
        if frame - before >= _KEPT_IN_A_ROW
    ]


def choose_looked(plan: Plan, anchors: Collection[int], compared: Sequence[int]) -> Sequence[int]:
    """Choose the frames whose mouth is measured, among the anchors: those that are compared anyway, and others.

    In each window those where the mouth is to be widest and those where it is to be shut, and some of its silence: a dozen
    such frames tell a mouth that follows from one that does not as well as all of them do.
    """
    if plan.frames < _SHORTEST:
        return []
    least = min(plan.frames // _FRAMES_PER_LEAST, _LEAST_LOOKED)
    most = min(max(plan.frames // _FRAMES_PER_LOOK, least), _MOST_LOOKED)
    given = [frame for frame in compared if plan.usable[frame]]
    most -= len(given)
    candidates = {frame for frame in anchors if plan.usable[frame]} - {*compared}
    shown = [
        np.array([frame for frame in window if frame in candidates], np.intp)
        for window in plan.windows
    ]
    quiet = _some(np.concatenate([window[plan.silent[window]] for window in shown]), most)
    spoken = [window[~plan.silent[window]] for window in shown if not plan.silent[window].all()]
    chosen: list[int] = []
    for left, window in zip(range(len(spoken), 0, -1), spoken, strict=True):
        chosen += _telling(window, plan.requested, (most - len(quiet) - len(chosen)) // left)
    return sorted([*given, *quiet, *chosen])


def _windows(requested: Series, silent: Flags, usable: Flags, length: int) -> Iterator[range]:
    """Choose windows of ``length`` frames: as many as leave out a quarter of the Clip, at most three."""
    frames = len(requested)
    if frames <= length:
        yield range(frames)
        return
    worth_of_silence = _SILENCE_IS_WORTH * float(np.std(requested))

    def worth(first: int) -> float:
        inside = slice(first, first + length)
        shown = usable[inside]
        if not shown.any():
            return 0.0
        moves = float(np.std(requested[inside][shown])) * float(np.mean(shown))
        quiet = int(np.count_nonzero(silent[inside] & shown))
        return moves + worth_of_silence * min(quiet / _ENOUGH_SILENCE, 1.0)

    step = max(length // _STEPS_PER_WINDOW, 1)
    parts = min(max(frames // (length * 4 // 3), 1), _WINDOWS)
    for part in range(parts):
        first, end = part * frames // parts, (part + 1) * frames // parts
        starts = range(first, end - length + 1, step)
        good = _GOOD_ENOUGH * max(worth(start) for start in starts)
        best = next(start for start in starts if worth(start) >= good)
        yield range(best, best + length)


def _some(quiet: NDArray[np.intp], most: int) -> list[int]:
    """Choose the frames that shall show silence, evenly."""
    count = min(max(most // _SILENT_SHARE, _LEAST_SILENT), len(quiet))
    places = (np.arange(count) + 0.5) * len(quiet) / max(count, 1)
    return [int(quiet[int(spot)]) for spot in places]


def _telling(spoken: NDArray[np.intp], requested: Series, most: int) -> list[int]:
    """Choose the frames in which the mouth is to be widest, and as many in which it is to be shut most."""
    widest_first = spoken[np.argsort(-requested[spoken], kind="stable")]
    wide = _apart(widest_first, (most + 1) // 2, [])
    return [*wide, *_apart(widest_first[::-1], most // 2, wide)]


def _apart(frames: NDArray[np.intp], most: int, taken: Sequence[int]) -> list[int]:
    """Take the first frames of a list that are not too near to others; nearer ones if there are not enough."""
    chosen: list[int] = []
    for gap in range(_APART, 0, -1):
        for frame in map(int, frames):
            if len(chosen) == most:
                return chosen
            if all(abs(frame - other) >= gap for other in (*chosen, *taken)):
                chosen.append(frame)
    return chosen


def _kept(windows: Sequence[range], luma_bytes: int) -> frozenset[int]:
    """Choose some frames in a row in the middle of each window, as long as they find room."""
    most = max(_KEPT_BYTES // (luma_bytes * _KEPT_IN_A_ROW), 1)
    rows = []
    for window in windows[:most]:
        first = max(window[len(window) // 2] - _KEPT_IN_A_ROW // 2, 0)
        rows += [frame for frame in range(first, first + _KEPT_IN_A_ROW) if frame in window]
    return frozenset(rows)
